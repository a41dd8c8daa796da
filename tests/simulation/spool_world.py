"""A small world around the spool: writers, a pipeline with a ledger, and a disk that lies.

One seed is one history. The ledger is modelled as a dictionary that survives everything: its own
durability is not the business of the spool; what it knows it knows from scans and from answers.
After each crash the world recovers and `check` holds the spool to its promises.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from causeway.errors import CausewayError, OutOfSpace, SpoolGone, StartupError, TemporaryError
from causeway.spool import (
    Damaged,
    Durability,
    Outcome,
    SpaceGauge,
    SpaceLimits,
    SpoolKeeper,
    SpoolReader,
    SpoolWriter,
    recover,
)
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.values import Caller, Receipt, Record, SpoolAddress

ROOT = Path("/data/spool")
SEGMENT = 96 << 10
SMALL = 12 << 10
UNCACHED_FROM = 4 << 10
CALLER = Caller(
    source="ct", calling_ae="CT1", called_ae="CAUSEWAY", address="10.0.0.1", association="a1"
)


class NosyDisk(FaultyDisk):
    """Calls back at named points, so that somebody can look while a write is under way."""

    look = staticmethod(lambda point: None)

    def reached(self, point: str) -> None:
        super().reached(point)
        self.look(point)


def receipt(number: int) -> Receipt:
    return Receipt(
        caller=CALLER,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"1.2.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        received_at=float(number),
    )


class World:
    """One history from one seed."""

    def __init__(
        self,
        seed: int,
        *,
        durability: Durability = Durability.SYNCED,
        faults: bool = True,
        capacity: int = 3 << 20,
    ) -> None:
        self.random = Random(seed)
        self.disk = NosyDisk(
            random=self.random,
            capacity=capacity,
            spoil=self.random.random() < 0.5,
            short_writes=self.random.choice((0.0, 0.0, 0.3)) if faults else 0.0,
            full=self.random.choice((0.0, 0.0, 0.02)) if faults else 0.0,
            sync_errors=self.random.choice((0.0, 0.0, 0.02)) if faults else 0.0,
        )
        if durability is Durability.RELAXED:
            # What nobody synced is lost when the disk fails to write it back; nothing to test.
            self.disk.sync_errors = 0.0
        self.durability = durability
        self.numbers = 0
        self.ids = 1
        self.now = 0.0
        self.sent: dict[str, bytes] = {}
        """What was ever tried: instance → bytes."""
        self.promised: dict[SpoolAddress, str] = {}
        """Acknowledged, or told to the ledger as durable, and still needed."""
        self.positions: dict[str, int] = {}
        self.retired: set[str] = set()
        """Instances whose segment was recycled."""
        self.removed: set[str] = set()
        """Large files that were removed."""
        self.kept: dict[SpoolAddress, str] = {}
        self.crashes = 0
        self.disk.look = self._look_now_and_then
        self.looking = False
        self.disk.mkdir(ROOT.parent)
        self.disk.mkdir(ROOT.parent.parent)
        self._format()
        self._start()

    def _format(self) -> None:
        errors, self.disk.sync_errors = self.disk.sync_errors, 0.0
        full, self.disk.full = self.disk.full, 0.0
        self.disk.fsync_dir(ROOT.parent.parent)
        recover(ROOT, disk=self.disk, positions={})
        self.disk.sync_errors, self.disk.full = errors, full

    def _start(self) -> None:
        self.space = SpaceGauge(
            ROOT,
            disk=self.disk,
            limits=SpaceLimits(soft_bytes=SEGMENT * 2, hard_bytes=SEGMENT, reserve_bytes=0),
            clock=lambda: self.now,
            segment_size=SEGMENT,
        )
        self.writers = [self._writer(), self._writer()]
        self.reader = SpoolReader(ROOT, disk=self.disk, max_files=3)
        self.onlooker = SpoolReader(ROOT, disk=self.disk, max_files=3)
        self.keeper = SpoolKeeper(
            ROOT,
            disk=self.disk,
            space=self.space,
            ready_bytes=3 * SEGMENT,
            segment_size=SEGMENT,
            new_id=self._new_id,
            clock=lambda: self.now,
            sleep=lambda seconds: None,
        )

    def _writer(self) -> SpoolWriter:
        return SpoolWriter(
            ROOT,
            disk=self.disk,
            space=self.space,
            durability=self.durability,
            max_segments=2,
            segment_size=SEGMENT,
            small_object=SMALL,
            uncached_from=UNCACHED_FROM,
            new_id=self._new_id,
        )

    def _new_id(self) -> int:
        self.ids += 1
        return self.ids

    # What happens

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 1.0
            if self.disk.cut_at_call is None and self.random.random() < 0.15:
                self.disk.cut_at_call = self.disk.calls + self.random.randrange(1, 200)
            move = self.random.choices(
                (
                    self.store,
                    self.stream,
                    self.index,
                    self.make_ahead,
                    self.recycle,
                    self.keep,
                    self.remove,
                    self.restart_writer,
                ),
                weights=(12, 2, 4, 1, 3, 1, 1, 1),
            )[0]
            try:
                move()
            except PowerCut:
                self.crash()
            except (TemporaryError, SpoolGone):
                pass  # refused, or gone: nothing was promised
        self.crash()

    def payload(self, most: int) -> bytes:
        size = self.random.choice((0, 1, 511, 4000, self.random.randrange(most)))
        # Zeros at the end look like a segment that was written over.
        return self.random.randbytes(size) + bytes(self.random.choice((0, 0, 700)))

    def _submit(self, most: int) -> tuple[Receipt, bytes]:
        self.numbers += 1
        sent, data = receipt(self.numbers), self.payload(most)
        self.sent[sent.sop_instance_uid] = data
        return sent, data

    def store(self) -> None:
        sent, data = self._submit(SMALL - 1000)
        cut = self.random.randrange(len(data) + 1)
        record = self.random.choice(self.writers).store(sent, [data[:cut], data[cut:]])
        self._promise(record, data)

    def stream(self) -> None:
        sent, data = self._submit(5 * SMALL)
        intake = self.random.choice(self.writers).begin(sent)
        try:
            for start in range(0, len(data), 5000):
                intake.write(memoryview(data)[start : start + 5000])
            if self.random.random() < 0.8:
                self._promise(intake.commit(), data)
        finally:
            intake.abort()

    def _promise(self, record: Record, data: bytes) -> None:
        assert record.size == len(data)
        self.promised[record.address] = record.receipt.sop_instance_uid

    def index(self) -> None:
        for info in self.reader.containers():
            self._index(self.reader, info.name)

    def _index(self, reader: SpoolReader, container: str) -> None:
        if container.startswith("kept-"):
            return
        verify = self.random.random() < 0.3
        for item in reader.scan(container, self.positions.get(container, 0), verify=verify):
            assert isinstance(item, Record) or self.durability is Durability.RELAXED, item
            self.positions[container] = item.end
            if isinstance(item, Record):
                self.promised[item.address] = item.receipt.sop_instance_uid

    def _look_now_and_then(self, point: str) -> None:
        """A pipeline that scans, and a keeper that tidies up, at the worst moment."""
        if self.looking or self.random.random() > 0.1:
            return
        if not point.startswith(("record-", "segment-locked", "segment-claimed")):
            return
        self.looking = True
        try:
            self.keeper.make_ahead(stop=lambda: True)
            for info in self.onlooker.containers():
                self._index(self.onlooker, info.name)
        except (TemporaryError, SpoolGone):
            pass
        finally:
            self.looking = False

    def make_ahead(self) -> None:
        calls = self.disk.calls
        self.keeper.make_ahead(stop=lambda: self.disk.calls > calls + 60)

    def recycle(self) -> None:
        segments = [c for c in self.positions if c.startswith("seg-")]
        if not segments:
            return
        container = self.random.choice(segments)
        members = {a: i for a, i in self.promised.items() if a.container == container}
        position = self.positions[container]
        if self.random.random() < 0.3:
            for address in sorted(members):
                self._keep(address)
        # The ledger has let go of them. If the recycling is cut off, they may be there or not.
        for address in members:
            del self.promised[address]
        if self.keeper.recycle(container, position):
            assert all(address.offset < position for address in members)
            del self.positions[container]
            self.retired.update(members.values())
        else:
            self.promised.update(members)

    def keep(self) -> None:
        if self.promised:
            self._keep(self.random.choice(sorted(self.promised)))

    def _keep(self, address: SpoolAddress) -> None:
        if address.container.startswith("seg-"):
            copy = self.keeper.keep(self.reader.record(address))
            assert copy == self.keeper.keep(self.reader.record(address))
            self.kept[copy] = self.promised[address]

    def remove(self) -> None:
        files = sorted(self.kept) + [
            a for a in sorted(self.promised) if a.container.startswith("large-")
        ]
        if files:
            address = self.random.choice(files)
            # From here on nobody needs it, whether the removal is done or has to be repeated.
            self.kept.pop(address, None)
            self.promised.pop(address, None)
            self.keeper.remove(address)
            self.positions.pop(address.container, None)
            if address.container.startswith("large-"):  # a kept one may be made again
                self.removed.add(address.container)

    def restart_writer(self) -> None:
        number = self.random.randrange(len(self.writers))
        if self.random.random() < 0.5:
            self.writers[number].close()
            self.writers[number] = self._writer()
        else:
            self.kill_writer(number)

    def kill_writer(self, number: int) -> None:
        """It alone, without a word."""
        for segment in self.writers[number]._pool._idle:
            self.disk.close(segment.fd)
        self.writers[number] = self._writer()

    # What is left of it

    def crash(self) -> None:
        """The power goes or the processes die; then everything starts again and is looked at."""
        self.crashes += 1
        gentle = (self.disk.sync_errors, self.disk.full)
        while True:
            if self.random.random() < 0.7:
                self.disk.cut_power()
                if self.durability is Durability.RELAXED:
                    self.forget_promises()
            else:
                self.disk.kill()
            if self.random.random() < 0.3:
                self.disk.cut_at_call = self.disk.calls + self.random.randrange(1, 60)
            try:
                report = recover(ROOT, disk=self.disk, positions=self.positions)
                break
            except (PowerCut, StartupError):
                self.disk.sync_errors = self.disk.full = 0.0
        self.disk.cut_at_call = None
        self.disk.sync_errors = self.disk.full = 0.0
        # A record that has no room in strange/ is left where it is until there is.
        if any(x.outcome is Outcome.LEFT for x in report.leftovers):
            self.disk.capacity *= 2
            recover(ROOT, disk=self.disk, positions=self.positions)
        self._start()
        self.check()
        self.disk.sync_errors, self.disk.full = gentle

    def forget_promises(self) -> None:
        """Relaxed durability promises nothing over a power cut."""
        self.promised.clear()

    def check(self) -> None:
        disk = self.disk
        before = disk.files()
        again = recover(ROOT, disk=disk, positions=self.positions)
        assert disk.files() == before, "a second recovery changed something"
        assert all(x.outcome is Outcome.LEFT for x in again.leftovers), again
        reader = SpoolReader(ROOT, disk=disk)
        found: set[str] = set()
        for info in reader.containers():
            assert info.name not in self.removed, "a removed file came back"
            for item in reader.scan(info.name, verify=True):
                if isinstance(item, Damaged):
                    assert self.durability is Durability.RELAXED, item
                    continue
                instance = item.receipt.sop_instance_uid
                assert reader.read(item) == self.sent[instance], "claimed with wrong bytes"
                if info.name.startswith("seg-"):
                    assert instance not in self.retired, "a recycled record came back"
                found.add(instance)
        for address, instance in (*self.promised.items(), *self.kept.items()):
            assert reader.read(address) == self.sent[instance], "a promise was broken"
            assert instance in found
        for name in disk.files():
            assert not name.endswith((".making", ".tmp")), "recovery left half-done files"


__all__ = ["CausewayError", "OutOfSpace", "World", "receipt"]
