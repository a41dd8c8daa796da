"""When bytes may leave the spool, and how what is kept stops pinning a segment.

The only part of the pipeline that removes anything. Bytes go when every destination has verified
them and the time to keep them is over; the ledger says which (``retirable``), marks them, and says
which containers hold nothing that is needed any more. Only then is a segment recycled or a file
removed: a crash in between leaves bytes that nobody needs, which are found idle again. The other
way round it would leave rows whose bytes are gone.

What waits for a person (quarantine, holds) would keep its whole segment from being recycled, so it
is copied out, durable, before the ledger is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from causeway.errors import CausewayError, SpoolCorrupt, TemporaryError
from causeway.ledger import InstanceRow, ParcelRow, Pinning, Position, Retirable
from causeway.pipeline.events import Emit
from causeway.pipeline.points import reach
from causeway.pipeline.records import record_of
from causeway.spool import ContainerInfo, Kind
from causeway.values import Record, SpoolAddress

RETIRE_BATCH: Final = 1000
KEEP_BATCH: Final = 32
"""Objects copied out in one turn: some tens of megabytes, so that a turn stays short."""


class RetireLedger(Protocol):
    """What retirement asks the ledger."""

    def retirable(
        self, *, now: float, keep_seconds: float, limit: int
    ) -> tuple[Retirable, ...]: ...

    def retired(self, instance_ids: Sequence[int], *, now: float) -> int: ...

    def pinning(self, *, limit: int, after: int = 0) -> tuple[Pinning, ...]: ...

    def moved(
        self, instance_id: int, old: SpoolAddress, new: SpoolAddress, *, now: float
    ) -> bool: ...

    def instance(self, instance_id: int) -> InstanceRow | None: ...

    def instances_named(self, sop_instance_uid: str) -> tuple[InstanceRow, ...]: ...

    def positions(self) -> tuple[Position, ...]: ...

    def idle_containers(self) -> tuple[Position, ...]: ...

    def container_gone(self, container: str, *, now: float) -> None: ...

    def retirable_parcels(
        self, *, now: float, keep_seconds: float, limit: int
    ) -> tuple[ParcelRow, ...]: ...

    def parcels_retired(self, parcel_ids: Sequence[int], *, now: float) -> int: ...


class Keeper(Protocol):
    """``SpoolKeeper``, as far as it is needed."""

    def recycle(self, container: str, position: int) -> bool: ...

    def keep(self, record: Record) -> SpoolAddress: ...

    def remove(self, address: SpoolAddress) -> None: ...


class Containers(Protocol):
    """``SpoolReader``, as far as it is needed."""

    def containers(self) -> list[ContainerInfo]: ...

    def record(self, address: SpoolAddress) -> Record: ...


class Retirement:
    """Housekeeping; ``turn`` is for one thread."""

    def __init__(
        self,
        ledger: RetireLedger,
        spool: Containers,
        keeper: Keeper,
        *,
        keep_seconds: float,
        adopt: Callable[[str], None],
        emit: Emit,
    ) -> None:
        self._ledger = ledger
        self._spool = spool
        self._keeper = keeper
        self._keep_seconds = keep_seconds
        self._adopt = adopt
        self._emit = emit
        self._examined_to = 0
        self._examined_copies = False

    def turn(self, now: float) -> bool:
        """A round of everything; True if there is more to do at once."""
        if not self._examined_copies:
            self._examine_copies()
            self._examined_copies = True
        # Room is given back first: copying out takes room, and in a full spool there is none.
        retired = self._retire(now)
        self._give_back(now)
        copied = self._copy_out(now)
        return retired or copied

    def _examine_copies(self) -> None:
        """Copies that the ledger does not know of, at the start; nobody else makes any.

        Either a crash came before the ledger was told, and it knows the object where it lies: then
        the copy is not needed. Or the ledger is a new one, built again from the spool, and the copy
        may be all that is left of the object: then it is indexed like an arrival.
        """
        known = {position.container for position in self._ledger.positions()}
        for info in self._spool.containers():
            if info.kind is not Kind.KEPT or info.name in known:
                continue
            address = SpoolAddress(info.name, 0)
            try:
                record = self._spool.record(address)
            except SpoolCorrupt as error:
                self._emit("retire.failed", container=info.name, error=error)
                continue
            rows = self._ledger.instances_named(record.receipt.sop_instance_uid)
            if any(row.digest == record.digest for row in rows):
                self._keeper.remove(address)
                self._emit("retire.swept", container=info.name)
            else:
                self._adopt(info.name)
                self._emit("retire.adopted", container=info.name)

    def _copy_out(self, now: float) -> bool:
        """Get what will stay long out of segments, so that these can be recycled."""
        pinning = self._ledger.pinning(limit=KEEP_BATCH, after=self._examined_to)
        for pin in pinning:
            self._examined_to = pin.instance_id
            row = self._ledger.instance(pin.instance_id)
            if row is None or row.address != pin.address:
                continue
            try:
                copy = self._keeper.keep(record_of(row))
            except SpoolCorrupt as error:
                # It stays where it is and pins its segment; a person has to look at it.
                self._emit("retire.failed", instance=row.id, error=error)
                continue
            except TemporaryError as error:
                self._emit("retire.waits", level="warning", instance=row.id, error=error)
                return False
            reach("retire.kept")
            if copy != row.address:
                self._ledger.moved(row.id, row.address, copy, now=now)
                reach("retire.moved")
                self._emit("retire.kept", level="debug", instance=row.id, record=str(copy))
        if not pinning:
            self._examined_to = 0
        return len(pinning) == KEEP_BATCH

    def _retire(self, now: float) -> bool:
        found = self._ledger.retirable(now=now, keep_seconds=self._keep_seconds, limit=RETIRE_BATCH)
        if found:
            marked = self._ledger.retired([each.instance_id for each in found], now=now)
            reach("retire.marked")
            self._emit("retire.retired", instances=marked, bytes=sum(each.size for each in found))
        parcels = self._ledger.retirable_parcels(
            now=now, keep_seconds=self._keep_seconds, limit=RETIRE_BATCH
        )
        if parcels:
            # A parcel is a recipe: it has no bytes of its own to remove.
            self._ledger.parcels_retired([parcel.id for parcel in parcels], now=now)
        return len(found) == RETIRE_BATCH

    def _give_back(self, now: float) -> None:
        idle = self._ledger.idle_containers()
        if not idle:
            return
        kinds = {info.name: info.kind for info in self._spool.containers()}
        given = 0
        for position in idle:
            name = position.container
            try:
                match kinds.get(name):
                    case Kind.SEGMENT:
                        if not self._keeper.recycle(name, position.offset):
                            continue
                    case Kind.LARGE | Kind.KEPT:
                        self._keeper.remove(SpoolAddress(name, 0))
                    case None:
                        pass  # gone before the ledger heard of it
                reach("retire.removed")
                self._ledger.container_gone(name, now=now)
                reach("retire.gone")
                given += 1
            except CausewayError as error:
                self._emit("retire.failed", container=name, error=error)
        if given:
            self._emit("retire.freed", containers=given)
