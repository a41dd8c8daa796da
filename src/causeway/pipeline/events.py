"""How the pipeline says what happens: an action and declared fields, never values of a data set."""

from __future__ import annotations

from typing import Literal, Protocol

Level = Literal["debug", "info", "warning", "error"]


class Emit(Protocol):
    """Given by whoever runs the pipeline; ``causeway.observe.emit`` is one.

    The value of a field may be an exception: what may be said of it is the receiver's decision.
    """

    def __call__(self, event: str, /, *, level: Level | None = None, **fields: object) -> None: ...


def silent(event: str, /, *, level: Level | None = None, **fields: object) -> None:
    """For who does not want to hear anything."""


def bound(emit: Emit, **constant: object) -> Emit:
    """The same, with fields that each of its events has; what is None is left out."""

    def emit_bound(event: str, /, *, level: Level | None = None, **fields: object) -> None:
        said = {name: v for name, v in {**constant, **fields}.items() if v is not None}
        emit(event, level=level, **said)

    return emit_bound
