"""One attempt at a delivery: a destination's transfer, driven step by step.

What is known of each instance comes from the ledger and goes back to it in batches, so an attempt
sends what is missing, asks about what an earlier one left unsure, and sends nothing twice. It ends
with how all of them stand, or with what the destination raised; ``deliver`` makes of that what
follows. Between two batches it asks whether it may go on, and gives way if not: what is there stays
there, and another attempt goes on behind it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from causeway.destinations import Destination, Instance, Outcome, Shipment, Takes, Transfer
from causeway.errors import TemporaryError
from causeway.ledger import OutcomeRow
from causeway.pipeline.leases import LeaseLost
from causeway.pipeline.points import reach
from causeway.values import Standing

NOTE_INSTANCES: Final = 200
"""Outcomes that are gathered to one write, a few milliseconds of it."""
NOTE_SECONDS: Final = 2.0
"""What is older is written down: so much has to be asked about after a crash."""

_SETTLED: Final = (Standing.VERIFIED, Standing.REFUSED)


class Journal(Protocol):
    """What is known of the instances of one delivery, over all its attempts."""

    @property
    def delivery_id(self) -> int: ...

    @property
    def begun(self) -> int:
        """So many of them, in order, were handed to the destination before this attempt."""

    def outcomes(self) -> tuple[OutcomeRow, ...]: ...

    def note(
        self, outcomes: Sequence[OutcomeRow], *, begun: int = 0, again: Sequence[int] = ()
    ) -> bool:
        """As ``Ledger.note_outcomes``."""


class GivesWay(Exception):
    """Raised from within an archive when something more urgent takes its place; not an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Instances that are not there, with the reason that most of them have."""

    count: int
    of: int
    code: str
    why: str
    instance_id: int
    """One of them; the ledger's number."""

    def __str__(self) -> str:
        reason = self.why or self.code or "no reason was given"
        return f"{self.count} of {self.of} instances, such as instance:{self.instance_id}: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How all instances stand when an attempt has ended by itself."""

    reference: str = field(repr=False)
    refused: Trouble | None = None
    missing: Trouble | None = None
    """Not there, for reasons that pass."""
    gave_way: bool = False
    already_there: bool = False
    """All of them were."""
    sent_bytes: int = 0
    """By this attempt."""


class Attempt:
    """See the module's text. Used once, by one thread."""

    def __init__(
        self,
        shipment: Shipment,
        *,
        journal: Journal,
        clock: Callable[[], float],
        may_go_on: Callable[[], bool],
    ) -> None:
        self._shipment = shipment
        self._journal = journal
        self._clock = clock
        self._may_go_on = may_go_on
        self._known: dict[int, OutcomeRow] = {}
        self._pending: dict[int, OutcomeRow] = {}
        self._noted_at = 0.0
        self._sent_bytes = 0

    def run(self, destination: Destination) -> Ended:
        """Raises what the destination raises, and ``LeaseLost``."""
        self._known = {row.instance_id: row for row in self._journal.outcomes()}
        self._noted_at = self._clock()
        transfer = destination.start(self._shipment)
        try:
            ended = self._drive(transfer, destination.takes)
        except GivesWay:
            ended = Ended(reference=transfer.reference, gave_way=True)
        except BaseException as error:
            with contextlib.suppress(Exception):
                transfer.abort()
            if isinstance(error, Exception) and not isinstance(error, LeaseLost):
                self._note()
            raise
        if ended.gave_way or ended.missing is not None:
            transfer.abort()
        return ended

    # --- the steps ----------------------------------------------------------------------------

    def _drive(self, transfer: Transfer, takes: Takes) -> Ended:
        instances = self._shipment.instances
        begun = self._journal.begun
        unsure = [
            each
            for place, each in enumerate(instances)
            if self._is_unsure(each, begun=place < begun)
        ]
        if unsure:
            self._take(unsure, transfer.verify(unsure))
        missing = [
            (place, each)
            for place, each in enumerate(instances, start=1)
            if self._standing(each) not in (*_SETTLED, Standing.SENT)
        ]
        for number, batch in enumerate(cut(missing, takes)):
            # Nothing was more urgent when it was claimed; and whoever stops lets others finish.
            if number and not self._may_go_on():
                self._note()
                return Ended(reference=transfer.reference, gave_way=True)
            sending = [each for _, each in batch]
            self._begin(sending, up_to=batch[-1][0])
            reach("deliver.begun")
            self._take(sending, transfer.send(sending))
            reach("deliver.sent")
            self._sent_bytes += sum(each.size for each in sending)
        if not self._having(Standing.AGAIN) and self._having(Standing.SENT, Standing.VERIFIED):
            self._finish(transfer, something_new=bool(missing))
        self._note()
        return Ended(
            reference=transfer.reference,
            refused=self._trouble(Standing.REFUSED),
            missing=self._trouble(Standing.AGAIN),
            already_there=all(self._known[each.id].already_there for each in instances),
            sent_bytes=self._sent_bytes,
        )

    def _finish(self, transfer: Transfer, *, something_new: bool) -> None:
        """Nothing is missing: what was sent shall count, and is looked at."""
        if something_new or self._having(Standing.SENT):
            transfer.commit()
            reach("deliver.committed")
        if sent := self._having(Standing.SENT):
            self._take(sent, transfer.verify(sent))
        if sent := self._having(Standing.SENT):
            raise TemporaryError(f"{len(sent)} instances could not be verified yet")

    def _is_unsure(self, instance: Instance, *, begun: bool) -> bool:
        standing = self._standing(instance)
        return begun if standing is None else standing in (Standing.UNSURE, Standing.SENT)

    def _standing(self, instance: Instance) -> Standing | None:
        row = self._known.get(instance.id)
        return None if row is None else row.standing

    def _having(self, *standings: Standing) -> list[Instance]:
        return [each for each in self._shipment.instances if self._standing(each) in standings]

    def _trouble(self, standing: Standing) -> Trouble | None:
        rows = [self._known[each.id] for each in self._having(standing)]
        if not rows:
            return None
        (code, why), _ = Counter((row.code, row.why) for row in rows).most_common(1)[0]
        example = next(row for row in rows if (row.code, row.why) == (code, why))
        return Trouble(
            count=len(rows), of=len(self._shipment.instances), code=code, why=why,
            instance_id=example.instance_id,
        )  # fmt: skip

    # --- what is written down -----------------------------------------------------------------

    def _take(self, asked: Sequence[Instance], outcomes: Iterable[Outcome]) -> None:
        """Outcomes as they come; each of those asked about must have one."""
        waiting = {each.id for each in asked}
        for outcome in outcomes:
            row = self._row(outcome)
            waiting.discard(row.instance_id)
            self._known[row.instance_id] = self._pending[row.instance_id] = row
            late = self._clock() - self._noted_at >= NOTE_SECONDS
            if late or len(self._pending) >= NOTE_INSTANCES:
                self._note()
        if waiting:
            raise TemporaryError(
                f"the destination did not say what became of {len(waiting)} instances"
            )

    def _row(self, outcome: Outcome) -> OutcomeRow:
        return OutcomeRow(
            delivery_id=self._journal.delivery_id,
            instance_id=outcome.instance.id,
            standing=outcome.standing,
            already_there=outcome.already_there,
            code=outcome.code,
            why=outcome.why,
            reference=outcome.reference,
            transcoded_to=outcome.transcoded_to,
            at=self._clock(),
        )

    def _begin(self, batch: Sequence[Instance], *, up_to: int) -> None:
        again = [each.id for each in batch if each.id in self._known]
        for key in again:
            self._pending.pop(key, None)
        self._note(begun=up_to, again=again)
        for key in again:
            del self._known[key]

    def _note(self, *, begun: int = 0, again: Sequence[int] = ()) -> None:
        rows = tuple(self._pending.values())
        self._noted_at = self._clock()
        if not rows and not begun:
            return
        if not self._journal.note(rows, begun=begun, again=again):
            raise LeaseLost
        self._pending.clear()


def cut(
    instances: Iterable[tuple[int, Instance]], takes: Takes
) -> Iterator[list[tuple[int, Instance]]]:
    """Batches in order, each of at most so many instances and bytes; a large one goes alone."""
    batch: list[tuple[int, Instance]] = []
    size = 0
    for place, each in instances:
        full = (takes.instances and len(batch) >= takes.instances) or (
            takes.bytes and batch and size + each.size > takes.bytes
        )
        if full:
            yield batch
            batch, size = [], 0
        batch.append((place, each))
        size += each.size
    if batch:
        yield batch
