"""A destination that keeps what it is brought in memory, and fails where a test says so.

The ``Shelf`` is the far side: it outlives every crash of ours, and counts how often each object
was brought. Each step calls ``on`` first or, as said below, after it has happened; what that raises
is what happens there: an answer that is lost, a peer that is away, a process that dies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from causeway.destinations import Instance, Outcome, Shipment, Step, Takes
from causeway.values import Standing

Happening = Callable[[str, Instance | None], None]
"""Called with the step: start, send (nothing is there yet), sent (it is there, and the answer is
not given yet), commit, committed, verify, abort."""


def _nothing(step: str, instance: Instance | None) -> None:
    del step, instance


@dataclass
class Shelf:
    """What the far side holds."""

    kept: dict[str, bytes] = field(default_factory=dict)
    """Files by SOP Instance UID."""
    brought: Counter[str] = field(default_factory=Counter)
    """How often each was taken in whole."""
    commits: int = 0


class RecordingDestination:
    """See the module's text."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        name: str = "recording",
        takes: Takes | None = None,
        on: Happening = _nothing,
    ) -> None:
        self.name = name
        self.takes = takes or Takes(instances=2)
        self.shelf = shelf
        self.on = on

    def check(self) -> None:
        self.on("start", None)

    def probe(self) -> Iterator[Step]:
        self.on("start", None)
        yield Step(name="write", ok=True, text="in memory")

    def start(self, shipment: Shipment) -> RecordingTransfer:
        self.on("start", None)
        return RecordingTransfer(self, shipment)

    def close(self) -> None: ...


class RecordingTransfer:
    """Instances one by one, in order, each as late as it is asked for."""

    def __init__(self, destination: RecordingDestination, shipment: Shipment) -> None:
        self.reference = shipment.key
        self._destination = destination
        self._shelf = destination.shelf

    def send(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        for each in instances:
            self._destination.on("send", each)
            data = b"".join(each.file())
            self._shelf.kept[each.sop_instance_uid] = data
            self._shelf.brought[each.sop_instance_uid] += 1
            self._destination.on("sent", each)
            yield Outcome(instance=each, standing=Standing.SENT)

    def commit(self) -> None:
        self._destination.on("commit", None)
        self._shelf.commits += 1
        self._destination.on("committed", None)

    def verify(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        for each in instances:
            self._destination.on("verify", each)
            there = each.sop_instance_uid in self._shelf.kept
            yield Outcome(
                instance=each,
                standing=Standing.VERIFIED if there else Standing.AGAIN,
                code="" if there else "not_there",
                reference=f"shelf/{each.id}" if there else "",
            )

    def abort(self) -> None:
        self._destination.on("abort", None)
