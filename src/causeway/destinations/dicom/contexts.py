"""Which presentation contexts are proposed, and in which of them an object goes. Pure.

Each pair of SOP class and transfer syntax has a context of its own with that one syntax, so the
peer's choice can never ask for a conversion. Beside those of what is to be sent there are contexts
for what it could be turned into without loss; one of these is taken only where the peer refuses the
first.

An association has room for 128 contexts. Kinds of objects that were sent lately are proposed
together, so that after a while one association takes everything that a site sends.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from causeway.dimse import AcceptedContext
from causeway.net.outgoing import MOST_CONTEXTS, Kind
from causeway.transcoding import ways_from


@dataclass(frozen=True, slots=True)
class Way:
    """How an object goes: in this context, in the syntax that it has."""

    context: AcceptedContext
    as_it_is: bool


@dataclass(frozen=True, slots=True)
class NoWay:
    """The peer takes nothing that the object is or can be turned into."""

    code: str
    why: str


def wanted_by(kind: Kind, *, convert: bool) -> tuple[Kind, ...]:
    """What is proposed so that objects of a kind can go, best first."""
    sop_class, syntax = kind
    others = ways_from(syntax) if convert else ()
    return (kind, *((sop_class, other) for other in others))


def way_of(kind: Kind, accepted: Iterable[AcceptedContext], *, convert: bool) -> Way | NoWay:
    """How an object of this kind goes over an association that has proposed all it wants."""
    by_kind = {
        (each.abstract_syntax, each.transfer_syntax): each for each in accepted if each.scu_role
    }
    for number, each in enumerate(wanted_by(kind, convert=convert)):
        if each in by_kind:
            return Way(by_kind[each], as_it_is=number == 0)
    if any(sop_class == kind[0] for sop_class, _ in by_kind):
        return NoWay(
            "syntax_refused",
            f"it does not take transfer syntax {kind[1]} for objects of class {kind[0]}"
            + ("" if not convert else ", and nothing else that loses nothing"),
        )
    return NoWay("class_refused", f"it takes no objects of class {kind[0]} that way")


class Repertoire:
    """The kinds that were sent lately, over all deliveries to a peer. Thread safe."""

    ROOM: Final = MOST_CONTEXTS

    def __init__(self, *, convert: bool) -> None:
        self._convert = convert
        self._lock = threading.Lock()
        self._kinds: dict[Kind, None] = {}
        """The latest last."""

    def add(self, kinds: Collection[Kind]) -> tuple[Kind, ...]:
        """What an association for these proposes: these first, and what else there is room for."""
        with self._lock:
            for kind in kinds:
                self._kinds.pop(kind, None)
                self._kinds[kind] = None
            proposed: dict[Kind, None] = {}
            kept: list[Kind] = []
            for kind in reversed(self._kinds):
                needed = [
                    each for each in wanted_by(kind, convert=self._convert) if each not in proposed
                ]
                if len(proposed) + len(needed) <= self.ROOM:
                    proposed.update(dict.fromkeys(needed))
                    kept.append(kind)
            self._kinds = dict.fromkeys(reversed(kept))
            return tuple(proposed)
