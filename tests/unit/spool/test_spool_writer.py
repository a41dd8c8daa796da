"""The way in."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from blake3 import blake3
from spool_parts import SEGMENT, SMALL, instances, on_faulty_disk, on_real_disk, receipt

from causeway.errors import OutOfSpace, TemporaryError
from causeway.spool import (
    Durability,
    Intake,
    Kind,
    RealDisk,
    SpaceGauge,
    SpaceState,
    SpoolWriter,
    WriterStatistics,
)
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.values import Record


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    data = os.urandom(5000)
    record = spool.writer.store(receipt(1), [memoryview(data)[:1001], data[1001:]])
    assert (record.size, record.digest) == (5000, blake3(data).digest())
    assert record.receipt == receipt(1)
    assert record.address.offset == 8192
    assert record.end == 8192 + 8192
    assert spool.reader.read(record) == data
    assert spool.reader.read(record.address) == data
    assert spool.reader.record(record.address) == record


def test_an_empty_data_set_and_no_fragments_are_records_too(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.writer.store(receipt(n), pieces) for n, pieces in enumerate([[], [b""]])]
    assert [spool.reader.read(record) for record in records] == [b"", b""]


def test_one_object_costs_one_write_and_one_sync() -> None:
    spool = on_faulty_disk()
    spool.store(1)
    spool.space.state()
    counted = count_calls(spool.disk)
    spool.store(2)
    assert counted == {"pwritev": 1, "fdatasync": 1}


def test_relaxed_durability_costs_no_sync() -> None:
    spool = on_faulty_disk()
    spool.durability = Durability.RELAXED
    spool.again()
    spool.store(1)
    counted = count_calls(spool.disk)
    record = spool.store(2)
    assert counted == {"pwritev": 1}
    assert spool.reader.read(record) == b"2" * 100


def count_calls(disk: object) -> Counter[str]:
    """What is called from now on, but for the named points."""
    counted: Counter[str] = Counter()
    assert isinstance(disk, FaultyDisk)
    original = disk._call

    def counting(name: str, *more: object) -> object:
        counted[name] += 1
        return original(name, *more)

    disk._call = counting
    return counted


def test_success_before_the_sync_is_not_said() -> None:
    spool = on_faulty_disk()
    spool.disk.cut_at_point = "record-written"
    with pytest.raises(PowerCut):
        spool.store(1)


def test_a_full_segment_is_sealed_and_the_next_one_claimed(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.store(n, b"x" * 12_000) for n in range(20)]
    containers = {record.address.container for record in records}
    assert len(containers) == 3
    assert instances(spool.scan()) == [f"1.2.3.{n}" for n in range(20)]
    # Eight records of 12 kB and the seal are what a segment of 128 KiB holds: none reaches beyond.
    assert max(record.end for record in records) + 4096 <= SEGMENT
    assert spool.writer.statistics().open_segments == 1


def test_ready_segments_are_used_before_any_is_made(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    spool.keeper.make_ahead()
    assert len(spool.segment_files()) == 3
    for n in range(20):
        spool.store(n, b"x" * 12_000)
    assert spool.writer.statistics() == WriterStatistics(
        stored=20,
        stored_bytes=240_000,
        streamed=0,
        open_segments=1,
        made_in_need=0,
        abandoned=0,
    )


def test_a_single_thread_needs_one_segment_and_many_no_more_than_the_limit(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    writer = spool.new_writer(max_segments=3)
    results: list[Record] = []

    def send(first: int) -> None:
        results.extend(
            writer.store(receipt(n), [b"%d" % n * 500]) for n in range(first, first + 25)
        )

    send(0)
    assert writer.statistics().open_segments == 1
    threads = [threading.Thread(target=send, args=(n * 25,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.statistics().open_segments <= 3
    assert len({record.address for record in results}) == 225
    for record in results:
        number = record.receipt.sop_instance_uid.rpartition(".")[2].encode()
        assert spool.reader.read(record) == number * 500
    writer.close()
    assert sorted(instances(spool.scan(verify=True))) == sorted(f"1.2.3.{n}" for n in range(225))


def _store_many(root: Path, first: int, answers: object) -> None:
    disk = RealDisk()
    writer = SpoolWriter(
        root,
        disk=disk,
        space=SpaceGauge(root, disk=disk),
        segment_size=SEGMENT,
        small_object=SMALL,
    )
    for n in range(first, first + 40):
        answers.put(writer.store(receipt(n), [b"x" * 9000]))  # type: ignore[attr-defined]
    os._exit(0) if first else writer.close()  # one of them dies without a word


def test_processes_claim_different_segments(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    spool.new_keeper(5 * SEGMENT).make_ahead()
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        answers = manager.Queue()
        workers = [
            context.Process(target=_store_many, args=(spool.root, first, answers))
            for first in (0, 1000)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
            assert worker.exitcode == 0
        records = [answers.get() for _ in range(80)]
    assert len({record.address for record in records}) == 80
    assert sorted(spool.scan(verify=True), key=lambda r: r.address) == sorted(
        records, key=lambda r: r.address
    )


def test_larger_objects_get_a_file_of_their_own(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    data = os.urandom(SMALL + 1)
    record = spool.writer.store(receipt(1), [data])
    assert record.address.container.startswith("large-")
    assert (record.address.offset, record.size) == (0, len(data))
    assert spool.reader.read(record) == data
    assert spool.scan() == [record]
    assert spool.scan(record.address.container, start=record.end) == []
    assert [(i.kind, i.size) for i in spool.reader.containers()] == [(Kind.LARGE, record.end)]
    assert spool.writer.statistics().streamed == 1


def test_intake_holds_views_while_it_is_small_and_streams_when_it_is_not(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    block = bytearray(b"a" * 6000)
    small = spool.writer.begin(receipt(1))
    assert isinstance(small, Intake)
    assert small.write(memoryview(block))
    assert small.write(memoryview(block))
    record = small.commit()
    assert record.address.container.startswith("seg-")
    large = spool.writer.begin(receipt(2))
    assert [large.write(memoryview(block)) for _ in range(4)] == [True, True, False, False]
    block[:] = b"b" * 6000  # the listener uses its buffer again
    record = large.commit()
    assert record.address.container.startswith("large-")
    assert spool.reader.read(record) == b"a" * 24_000


def test_aborted_objects_leave_nothing(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    for pieces in (1, 4):
        intake = spool.writer.begin(receipt(1))
        for _ in range(pieces):
            intake.write(memoryview(bytes(6000)))
        intake.abort()
        intake.abort()
    assert list(spool.root.rglob("*.tmp")) == []
    assert spool.scan() == []
    stream = spool.writer.stream(receipt(2))
    stream.write(b"x")
    record = stream.commit()
    stream.abort()
    assert spool.reader.read(record) == b"x"
    with pytest.raises(TemporaryError):
        stream.write(b"y")


def test_two_objects_of_gigabytes_take_no_memory(tmp_path: Path) -> None:
    # A hundred MiB here; what matters is that nothing grows with the size.
    spool = on_real_disk(tmp_path)
    piece = memoryview(bytes(131_066))
    stream = spool.writer.stream(receipt(1))
    tracemalloc.start()
    try:
        for _ in range(800):
            stream.write(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    record = stream.commit()
    assert record.size == 800 * 131_066
    assert peak < 1 << 20
    spool.keeper.remove(record.address)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_out_of_space_and_stays_so_for_a_while(number: int) -> None:
    spool = on_faulty_disk()
    spool.store(1)
    spool.disk.fail("pwritev", number)
    with pytest.raises(OutOfSpace):
        spool.store(2)
    assert spool.space.state() is SpaceState.HARD
    with pytest.raises(OutOfSpace):
        spool.writer.begin(receipt(3))
    spool.now[0] += 6
    record = spool.store(4)
    assert spool.reader.read(record) == b"4" * 100
    assert instances(spool.scan()) == ["1.2.3.1", "1.2.3.4"]


def test_no_room_for_a_segment_is_out_of_space() -> None:
    spool = on_faulty_disk(capacity=SEGMENT // 2)
    with pytest.raises(OutOfSpace):
        spool.store(1)
    assert spool.segment_files() == []
    assert spool.writer.statistics().open_segments == 0


def test_no_room_for_a_large_object_leaves_nothing() -> None:
    spool = on_faulty_disk(capacity=3 * SEGMENT)
    stream = spool.writer.stream(receipt(1))
    stream.write(bytes(300_000))
    with pytest.raises(OutOfSpace):
        stream.write(bytes(300_000))
    stream.abort()
    assert spool.disk.listdir(spool.root / "large") == []


def test_after_a_failed_sync_the_segment_is_never_trusted_again() -> None:
    spool = on_faulty_disk()
    first = spool.store(1)
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError) as raised:
        spool.store(2)
    assert not isinstance(raised.value, OutOfSpace)
    assert "1.2.3" not in str(raised.value)
    third = spool.store(3)
    assert third.address.container != first.address.container
    assert spool.segment_files()[0].endswith(f".1-{first.end}.failed")
    assert instances(spool.scan()) == ["1.2.3.1", "1.2.3.3"]
    assert spool.writer.statistics().abandoned == 1


def test_short_writes_are_continued() -> None:
    spool = on_faulty_disk(short_writes=0.9)
    records = {n: spool.store(n, b"%d" % n * 3000) for n in range(9)}
    for n, record in records.items():
        assert spool.reader.read(record) == b"%d" % n * 3000


def test_closing_seals_and_refuses_what_comes_later(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1)
    spool.writer.close()
    spool.writer.close()
    with pytest.raises(TemporaryError):
        spool.store(2)
    assert spool.writer.statistics().open_segments == 0
    assert spool.scan() == [record]
    assert spool.keeper.recycle(record.address.container, record.end)


def test_a_waiting_call_is_let_go_by_close() -> None:
    spool = on_faulty_disk()
    writer = spool.new_writer(max_segments=1)
    entered, leave = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def hold(point: str) -> None:
        if point == "record-written":
            entered.set()
            leave.wait(10)

    spool.disk.reached = hold
    busy = threading.Thread(target=lambda: writer.store(receipt(1), [b"1"]))

    def wait() -> None:
        try:
            writer.store(receipt(2), [b"2"])
        except TemporaryError as error:
            failures.append(error)

    busy.start()
    assert entered.wait(10)
    waiting = threading.Thread(target=wait)
    waiting.start()
    writer.close()
    waiting.join(10)
    leave.set()
    busy.join(10)
    assert len(failures) == 1
    assert writer.statistics().open_segments == 0
    assert writer.statistics().stored == 1
