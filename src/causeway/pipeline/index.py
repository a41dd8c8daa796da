"""From the spool into the ledger: which objects are here, and what they say they are.

The spool is the truth. What receivers tell (a container has records up to here; an association is
over) only says where to look soon; every so often all containers are looked at, so a hint that was
lost costs seconds, never an image. Where to go on in each container the ledger knows, since it
moves the position in the same transaction that enters the records.

A batch is at most 256 records, or what 50 ms of reading give: one commit pays for many images, and
none waits long. An object that makes no sense is entered as unreadable, with the reason; it goes to
quarantine, and housekeeping copies its bytes out of the segment.

With each image goes the head that it came with: all that its header says, for rules to decide by.
That is read once for each head, not for each image (see ``heads``), and the ledger keeps it once.

``indexed_until`` is the time up to which everything that was hinted has been entered. Completion
measures quiet time by it, so that a backlog in the spool (after a restart, or under load) does not
look like a scanner that has stopped sending.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from causeway.errors import BadDataSet, CausewayError, NotAllowed, SpoolCorrupt
from causeway.ledger import Arrival, Damaged, Indexed, Item, Outcome, Position, Unreadable
from causeway.pipeline.completion import CompletionRules, expected_in
from causeway.pipeline.events import Emit
from causeway.pipeline.header import Structure, check, read
from causeway.pipeline.heads import Heads
from causeway.pipeline.points import reach
from causeway.pipeline.snapshot import attributes_of
from causeway.spool import ContainerInfo, Kind
from causeway.spool import Damaged as DamagedBytes
from causeway.values import Record, SpoolAddress

BATCH_RECORDS: Final = 256
BATCH_SECONDS: Final = 0.05

NET_SECONDS: Final = 5.0
"""How often all containers are looked at, for hints that were lost: with a thousand of them some
40 ms of work."""

RELEASED: Final = "released"
"""The outcome of an association that ended in order."""

REFUSED_KIND: Final = "object"
"""Of the ledger's tallies: what was answered with a failure status, and not kept."""


class IndexLedger(Protocol):
    """What indexing asks the ledger."""

    def index(self, batch: Sequence[Item], *, now: float) -> tuple[Outcome, ...]: ...

    def positions(self) -> tuple[Position, ...]: ...

    def association_ended(
        self, association: str, outcome: str, *, at: float, look_at: float | None = None
    ) -> tuple[int, ...]: ...

    def tally(self, kind: str, source: str, reason: str, *, at: float, count: int = 1) -> None: ...


class IndexSpool(Protocol):
    """What indexing asks the spool."""

    def containers(self) -> list[ContainerInfo]: ...

    def scan(
        self, container: str, start: int = 0, *, verify: bool = False, durable_to: int = 0
    ) -> Generator[Record | DamagedBytes, None, None]: ...

    def piece(self, address: SpoolAddress, offset: int, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRules:
    completion: CompletionRules
    structure: Structure = Structure.WHOLE
    decided_by: tuple[int, ...] = ()
    """Tags to which the configuration gives a say and which need not be the same in a series, such
    as ImageComments: where one has another value, the head is another."""
    at_once: bool = False
    """Whether some series are sent on as they come, so that each arrival is looked at now."""


def examined(
    record: Record, spool: IndexSpool, rules: IndexRules, now: float, heads: Heads | None = None
) -> Item:
    """What a record is to the ledger: readable and filed, or kept for a person to look at.

    ``heads`` are those met before; without them a snapshot is taken for this record alone.
    """
    address = record.address
    syntax = record.receipt.transfer_syntax_uid

    def piece(offset: int, size: int) -> bytes:
        return spool.piece(address, offset, size)

    try:
        reading = read(piece, record.size, syntax, rules.structure, rules.decided_by)
        header = reading.header
        check(header, record.receipt)
        met = Heads() if heads is None else heads
        head = met.of(
            reading.digest, lambda: attributes_of(piece, record.size, syntax, rules.structure)
        )
    except BadDataSet as error:
        return Unreadable(record=record, reason=error.message)
    return Indexed(
        record=record,
        header=header,
        due_at=now
        if rules.at_once
        else now + rules.completion.of(record.receipt.caller.source).quiet_seconds,
        expected_count=expected_in(header) if rules.completion.use_expected_counts else None,
        head=head,
    )


class Indexer:
    """The only one who indexes a spool. ``turn`` is for one thread; hints may come from any."""

    def __init__(
        self,
        spool: IndexSpool,
        ledger: IndexLedger,
        rules: IndexRules,
        *,
        emit: Emit,
        clock: Callable[[], float],
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self.indexed_until = 0.0
        self._spool = spool
        self._ledger = ledger
        self._rules = rules
        self._emit = emit
        self._clock = clock
        self._stopwatch = stopwatch
        self._lock = threading.Lock()
        self._hinted: dict[str, int] = {}
        self._over: deque[tuple[str, str]] = deque()
        self._refused: dict[tuple[str, str], int] = {}
        self._heads = Heads()
        self._positions: dict[str, int] | None = None
        self._net_at = 0.0

    # --- hints, from any thread ---------------------------------------------------------------

    def committed(self, container: str, end: int) -> None:
        """A writer says that a container holds durable records up to ``end``."""
        with self._lock:
            self._hinted[container] = max(end, self._hinted.get(container, 0))

    def association_over(self, association: str, outcome: str) -> None:
        """All that it has committed was hinted before."""
        with self._lock:
            self._over.append((association, outcome))

    def refused(self, source: str, reason: str, count: int) -> None:
        """Objects that were answered with a failure status."""
        with self._lock:
            self._refused[source, reason] = self._refused.get((source, reason), 0) + count

    def adopt(self, container: str) -> None:
        """Index a kept object as an arrival: the ledger that knew of it is gone."""
        self.committed(container, 0)

    @property
    def is_idle(self) -> bool:
        """Nobody has told anything since the last turn."""
        return not (self._hinted or self._over or self._refused)

    # --- the indexing thread ------------------------------------------------------------------

    def turn(self, now: float) -> bool:
        """Enter one batch; True if there is more to do at once.

        Raises ``TemporaryError`` when the ledger cannot take it: nothing is lost, come again.
        """
        if self._positions is None:
            self._positions = {p.container: p.offset for p in self._ledger.positions()}
            self._net_at = now
        if not self._net_at - NET_SECONDS <= now < self._net_at:  # a clock can be set back
            self._cast_net()
            self._net_at = now + NET_SECONDS
        batch, ends = self._read_batch(now)
        if batch:
            try:
                self._commit(batch, ends)
            except NotAllowed as error:
                # Somebody else has moved a position (a ledger put back from a backup, a second
                # pipeline). The ledger is right by definition; ask it again.
                self._positions = None
                self._emit("index.out_of_step", level="warning", error=error)
                return False
            except CausewayError:
                with self._lock:
                    for container in ends:
                        self._hinted.setdefault(container, 0)
                raise
        with self._lock:
            behind = bool(self._hinted)
        if not behind:
            self._end_associations(now)
            self._tally_refusals(now)
            self.indexed_until = max(self.indexed_until, now)
        return behind and bool(batch)

    def _cast_net(self) -> None:
        """Look at all containers, those in which nothing is expected too."""
        assert self._positions is not None
        found = self._spool.containers()
        with self._lock:
            for info in found:
                # A kept object was indexed where it lay before; a file of its own has one record.
                read = info.kind is Kind.LARGE and self._positions.get(info.name, 0) > 0
                if info.kind is not Kind.KEPT and not read:
                    self._hinted.setdefault(info.name, 0)
        here = {info.name for info in found}
        self._positions = {n: at for n, at in self._positions.items() if n in here}

    def _read_batch(self, now: float) -> tuple[list[Item], dict[str, int]]:
        """What the hinted containers hold beyond their positions, up to a batch."""
        assert self._positions is not None
        started = self._stopwatch()
        batch: list[Item] = []
        ends: dict[str, int] = {}
        with self._lock:
            hinted = list(self._hinted.items())
        for container, durable_to in hinted:
            drained = True
            position = self._positions.get(container, 0)
            try:
                scan = self._spool.scan(container, position, durable_to=durable_to)
                with contextlib.closing(scan):
                    for found in scan:
                        batch.append(self._item(found, now))
                        ends[container] = found.end
                        late = self._stopwatch() - started > BATCH_SECONDS
                        if late or len(batch) >= BATCH_RECORDS:
                            drained = False
                            break
            except (CausewayError, OSError) as error:
                # One container must not stop the others; the next net comes back to it.
                self._emit("index.failed", container=container, error=error)
            with self._lock:
                hint = self._hinted.pop(container)
                if not drained or hint > durable_to:
                    # Behind the others, so that none of them waits for this one's end.
                    self._hinted[container] = hint
            if not drained:
                break
        return batch, ends

    def _item(self, found: Record | DamagedBytes, now: float) -> Item:
        if isinstance(found, Record):
            return examined(found, self._spool, self._rules, now, self._heads)
        return Damaged(
            container=found.address.container,
            offset=found.address.offset,
            end=found.end,
            reason=found.reason,
        )

    def _commit(self, batch: Sequence[Item], ends: Mapping[str, int]) -> None:
        assert self._positions is not None
        reach("index.before-commit")
        outcomes = self._ledger.index(batch, now=self._clock())
        reach("index.committed")
        self._positions.update(ends)
        counts: dict[str, int] = {}
        for item, outcome in zip(batch, outcomes, strict=True):
            counts[outcome.arrival] = counts.get(outcome.arrival, 0) + 1
            match item:
                case Damaged(container=container, reason=reason):
                    self._emit(
                        "spool.damaged", level="error", container=container,
                        error=SpoolCorrupt(reason),
                    )  # fmt: skip
                case Unreadable(record=record, reason=reason):
                    self._emit(
                        "instance.quarantined", instance=outcome.instance_id,
                        record=str(record.address), source=record.receipt.caller.source,
                        error=BadDataSet(reason),
                    )  # fmt: skip
                case Indexed(record=record) if outcome.arrival == Arrival.CONFLICT:
                    self._emit(
                        "instance.quarantined", instance=outcome.instance_id, reason="conflict",
                        record=str(record.address), source=record.receipt.caller.source,
                    )  # fmt: skip
        self._emit("index.entered", level="debug", records=len(batch), reasons=counts)

    def _end_associations(self, now: float) -> None:
        rules = self._rules.completion
        while self._over:
            association, outcome = self._over[0]
            look_at: float | None = None
            if rules.use_expected_counts:
                look_at = now
            elif rules.after_release_seconds is not None and outcome == RELEASED:
                look_at = now + rules.after_release_seconds
            self._ledger.association_ended(association, outcome, at=now, look_at=look_at)
            self._over.popleft()

    def _tally_refusals(self, now: float) -> None:
        with self._lock:
            refused, self._refused = self._refused, {}
        for (source, reason), count in refused.items():
            self._ledger.tally(REFUSED_KIND, source, reason, at=now, count=count)
