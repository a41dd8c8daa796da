"""Named points where a simulation may let the process die. In production they do nothing.

The names are kept here, so that a test can go through all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POINTS: Final = (
    "index.before-commit",
    "index.committed",
    "stages.claimed",
    "stages.before-settle",
    "stages.settled",
    "clean.before-enter",
    "clean.entered",
    "deliver.claimed",
    "deliver.begun",
    "deliver.sent",
    "deliver.committed",
    "deliver.before-settle",
    "deliver.settled",
    "retire.kept",
    "retire.moved",
    "retire.marked",
    "retire.removed",
    "retire.gone",
)

_hook: Callable[[str], None] | None = None


def reach(point: str) -> None:
    if _hook is not None:
        _hook(point)


def on_reach(hook: Callable[[str], None] | None) -> None:
    """Call ``hook`` at each point from now on, in this process; None for never again."""
    global _hook  # noqa: PLW0603 - one process, one simulation
    _hook = hook
