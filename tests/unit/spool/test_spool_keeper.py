"""Housekeeping."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from spool_parts import (
    NO_LIMITS,
    SEGMENT,
    SMALL,
    Parts,
    on_faulty_disk,
    on_real_disk,
    receipt,
)

from causeway.errors import NotAllowed, OutOfSpace, SpoolCorrupt, TemporaryError
from causeway.spool import SpoolReader, recover
from causeway.spool.disk import WRITE
from causeway.spool.format import BLOCK, decode_head
from causeway.testing.disk import PowerCut
from causeway.values import Record


def test_segments_are_made_ahead_written_over_throughout(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    assert spool.keeper.make_ahead() == 3
    assert spool.keeper.make_ahead() == 0
    for path in (spool.root / "segments").iterdir():
        data = path.read_bytes()
        assert path.suffix == ".ready"
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(data) == SEGMENT
        head = decode_head(data[:BLOCK])
        assert head is not None
        assert head == decode_head(data[BLOCK : 2 * BLOCK])
        assert not any(data[2 * BLOCK :])
        # All blocks are there: a later write needs none.
        assert path.stat().st_blocks * 512 >= SEGMENT


def test_making_ahead_stops_when_it_is_told_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    assert spool.keeper.make_ahead(stop=lambda: True) == 0
    answers = iter([False, False, True, True])
    assert spool.keeper.make_ahead(stop=lambda: next(answers)) == 1
    assert len(spool.segment_files()) == 1


def test_making_ahead_leaves_room_above_the_soft_watermark() -> None:
    spool = on_faulty_disk(capacity=4 * SEGMENT)
    spool.limits = replace(NO_LIMITS, soft_bytes=2 * SEGMENT)
    spool.again()
    assert spool.keeper.make_ahead() == 2


def test_making_ahead_stays_within_the_quota() -> None:
    spool = on_faulty_disk()
    spool.limits = replace(NO_LIMITS, quota_bytes=3 * SEGMENT)
    spool.again()
    spool.store(1)
    assert spool.keeper.make_ahead() == 2


def test_a_full_disk_while_making_ahead_is_out_of_space() -> None:
    spool = on_faulty_disk()
    spool.disk.fail("pwritev", errno.ENOSPC)
    with pytest.raises(OutOfSpace):
        spool.keeper.make_ahead()
    assert spool.segment_files() == []


def test_recycling_gives_the_segment_back_under_a_higher_generation(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    old = spool.store(1)
    spool.writer.close()
    container = old.address.container
    assert spool.keeper.recycle(container, old.end)
    assert spool.segment_files() == ["0000000000000001.ready"]
    assert spool.scan() == []
    assert spool.keeper.recycle(container, old.end), "again: it is given back already"
    spool.again()
    new = spool.store(2)
    assert new.address.container == "seg-0000000000000001.2"
    assert spool.scan() == [new]
    assert spool.keeper.recycle(container, old.end), "the old name, and nothing happens"
    assert spool.reader.read(new) == b"2" * 100


def test_a_segment_that_is_written_to_is_not_recycled(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1)
    assert not spool.keeper.recycle(record.address.container, record.end)
    spool.writer.close()
    assert spool.keeper.recycle(record.address.container, record.end)


def test_a_segment_with_a_record_behind_the_position_is_not_recycled(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    first, second = spool.store(1), spool.store(2)
    spool.writer.close()
    container = first.address.container
    assert not spool.keeper.recycle(container, 0)
    assert not spool.keeper.recycle(container, first.end)
    assert spool.keeper.recycle(container, second.end)


def test_a_record_behind_a_destroyed_header_keeps_its_segment() -> None:
    spool = on_faulty_disk()
    first, second, third = (spool.store(n) for n in range(3))
    spool.disk.close(spool.writer._pool._idle[0].fd)
    path = spool.root / "segments" / "0000000000000001.log"
    spool.disk.rot(path, second.address.offset, bytes(96))
    assert not spool.keeper.recycle(first.address.container, first.end)
    assert spool.keeper.recycle(first.address.container, third.end)


def test_what_failed_does_not_keep_its_segment() -> None:
    spool = on_faulty_disk()
    first = spool.store(1)
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError):
        spool.store(2)
    assert spool.keeper.recycle(first.address.container, first.end)
    assert spool.segment_files() == ["0000000000000001.ready"]


def test_what_failed_but_may_have_been_indexed_keeps_its_segment() -> None:
    """A scan made the record durable by itself, just before its writer's sync failed."""
    spool = on_faulty_disk()
    onlooker = SpoolReader(spool.root, disk=spool.disk)
    seen: list[Record] = []
    reached = spool.disk.reached

    def scan(point: str) -> None:
        reached(point)
        if point == "record-written":
            seen.extend(onlooker.scan("seg-0000000000000001.1"))
            spool.disk.fail("fdatasync", errno.EIO)

    spool.disk.reached = scan
    with pytest.raises(TemporaryError):
        spool.store(1)
    spool.disk.reached = reached
    (record,) = seen
    spool.keeper.make_ahead()
    assert not spool.keeper.recycle(record.address.container, 0)
    assert spool.reader.read(record) == b"1" * 100
    assert spool.keeper.recycle(record.address.container, record.end), "the ledger knows it now"


def test_segments_whose_first_write_failed_are_taken_back() -> None:
    spool = on_faulty_disk()
    for n in range(3):
        spool.disk.fail("fdatasync", errno.EIO)
        with pytest.raises(TemporaryError):
            spool.store(n)
    kept = spool.store(3)
    assert [name.partition(".")[2] for name in spool.segment_files()] == ["1-8192.failed"] * 3 + [
        "log"
    ]
    assert spool.keeper.make_ahead() == 0, "three are ready again"
    assert [name.partition(".")[2] for name in spool.segment_files()] == ["ready"] * 3 + ["log"]
    assert spool.scan() == [kept]


def killed(spool: Parts) -> None:
    """Its writer is gone without a word, and another one comes."""
    for segment in spool.writer._pool._idle:
        spool.disk.close(segment.fd)
    spool.writer = spool.new_writer()


def sizes(spool: Parts) -> dict[str, int | None]:
    folder = spool.root / "segments"
    return {name: spool.disk.file_size(folder / name) for name in spool.segment_files()}


def test_what_killed_receivers_leave_takes_little_room_while_others_run(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    spool.keeper = spool.new_keeper(ready_bytes=0)
    spool.keeper.make_ahead()
    records = []
    for n in range(4):
        records.append(spool.store(n))
        killed(spool)
    used = spool.store(5)
    assert set(sizes(spool).values()) == {SEGMENT}
    spool.keeper.make_ahead()
    assert list(sizes(spool).values()) == [*(each.end + BLOCK for each in records), SEGMENT]
    assert spool.scan(verify=True) == [*records, used]
    assert spool.store(6).address.container == used.address.container, "it was in use, and still is"
    assert spool.keeper.recycle(records[0].address.container, records[0].end)
    assert len(sizes(spool)) == 4, "what was cut is given back to the disk"


def test_a_segment_that_was_claimed_and_not_written_to_is_taken_back() -> None:
    spool = on_faulty_disk()
    spool.keeper.make_ahead()
    spool.writer._pool.borrow(10, 10)  # and killed before it was written to
    (claimed,) = [name for name in spool.segment_files() if name.endswith(".log")]
    assert spool.keeper.make_ahead() == 1
    assert claimed in spool.segment_files(), "its writer may just be about to write"
    fd = spool.disk.open(spool.root / "segments" / claimed, WRITE)
    assert not spool.disk.lock(fd)
    spool.disk.close(fd)
    spool.disk.kill()  # of all who had it open
    assert spool.keeper.make_ahead() == 0
    assert claimed not in spool.segment_files()
    assert [name.partition(".")[2] for name in spool.segment_files()] == ["ready"] * 4
    record = spool.new_writer().store(receipt(1), [b"one"])
    assert spool.scan() == [record]


def test_what_is_more_than_half_full_is_recycled_whole(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    spool.keeper.make_ahead()
    records = [spool.store(n, bytes(SMALL - 1000)) for n in range(SEGMENT // SMALL // 2 + 1)]
    assert len({each.address.container for each in records}) == 1
    killed(spool)
    spool.keeper.make_ahead()
    assert set(sizes(spool).values()) == {SEGMENT}


def test_a_record_behind_a_destroyed_header_is_not_cut_off() -> None:
    spool = on_faulty_disk()
    spool.keeper.make_ahead()
    records = [spool.store(n) for n in range(3)]
    killed(spool)
    log = next(name for name in spool.segment_files() if name.endswith(".log"))
    spool.disk.rot(spool.root / "segments" / log, records[1].address.offset, bytes(200))
    spool.keeper.make_ahead()
    assert sizes(spool)[log] == records[2].end + BLOCK
    assert [item for item in spool.scan() if isinstance(item, Record)] == [records[0], records[2]]


def test_an_old_failure_means_nothing_in_a_newer_generation() -> None:
    """A power cut may bring a name back that says where a write failed, a generation ago."""
    spool = on_faulty_disk()
    first = spool.store(1)
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError):
        spool.store(2)
    failed = spool.segment_files()[0]
    assert failed == f"0000000000000001.1-{first.end}.failed"
    assert spool.keeper.recycle(first.address.container, first.end)
    spool.again()
    records = [spool.store(n) for n in (3, 4, 5)]
    spool.disk.rename(
        spool.root / "segments/0000000000000001.log", spool.root / "segments" / failed
    )
    spool.disk.kill()
    spool.restart()
    assert spool.segment_files() == ["0000000000000001.log"]
    assert spool.scan(verify=True) == records


def test_more_segments_than_needed_are_given_back_to_the_disk(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    keeper = spool.new_keeper(ready_bytes=SEGMENT)
    records = []
    for n in range(4):
        records.append(spool.store(n))
        spool.writer.close()
        spool.writer = spool.new_writer()
    assert spool.reader.read(records[3]) == b"3" * 100
    for record in records:
        assert keeper.recycle(record.address.container, record.end)
    assert len(spool.segment_files()) == 2
    with pytest.raises(SpoolCorrupt):
        spool.reader.read(records[3])


@pytest.mark.parametrize("point", ["head-half-raised", "generation-raised"])
def test_recycling_cut_off_in_the_middle_is_finished_by_recovery(point: str) -> None:
    for seed in range(30):
        spool = on_faulty_disk(seed, spoil=True)
        record = spool.store(1)
        spool.writer.close()
        spool.disk.cut_at_point = point
        with pytest.raises(PowerCut):
            spool.keeper.recycle(record.address.container, record.end)
        spool.disk.cut_power()
        positions = {record.address.container: record.end}
        recover(spool.root, disk=spool.disk, positions=positions)
        spool.again()
        assert spool.scan() in ([], [record])
        assert spool.keeper.recycle(record.address.container, record.end)
        assert spool.scan() == []


def test_keeping_copies_out_and_repeating_it_gives_the_same(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1, b"held" * 1000)
    address = spool.keeper.keep(record)
    assert address.container.startswith("kept-")
    assert spool.keeper.keep(record) == address
    copy = spool.reader.record(address)
    assert (copy.receipt, copy.digest, copy.size) == (record.receipt, record.digest, record.size)
    assert spool.keeper.keep(copy) == address, "it has a file of its own already"
    spool.writer.close()
    assert spool.keeper.recycle(record.address.container, record.end)
    assert spool.reader.read(address) == b"held" * 1000
    spool.keeper.remove(address)
    spool.keeper.remove(address)
    assert spool.scan() == []


def test_a_large_object_is_kept_where_it_is(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1, bytes(50_000))
    assert spool.keeper.keep(record) == record.address


def test_what_is_damaged_is_not_kept(tmp_path: Path) -> None:
    spool = on_faulty_disk()
    record = spool.store(1, b"held" * 1000)
    path = spool.root / "segments" / "0000000000000001.log"
    spool.disk.rot(path, record.end - 5000, b"\xff")
    with pytest.raises(SpoolCorrupt):
        spool.keeper.keep(record)
    assert spool.disk.listdir(spool.root / "kept") == []


@pytest.mark.parametrize("point", ["large-written", "large-synced", "large-renamed"])
def test_keeping_cut_off_in_the_middle_is_done_again(point: str) -> None:
    for seed in range(10):
        spool = on_faulty_disk(seed)
        record = spool.store(1)
        spool.disk.cut_at_point = point
        with pytest.raises(PowerCut):
            spool.keeper.keep(record)
        spool.disk.kill() if seed % 2 else spool.disk.cut_power()
        spool.restart()
        address = spool.keeper.keep(record)
        spool.disk.cut_power()
        spool.restart()
        assert spool.reader.read(address) == b"1" * 100


def test_segments_are_not_removed_and_files_not_recycled(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    small, large = spool.store(1), spool.store(2, bytes(50_000))
    with pytest.raises(NotAllowed):
        spool.keeper.remove(small.address)
    with pytest.raises(NotAllowed):
        spool.keeper.recycle(large.address.container, large.end)


def test_the_copies_of_a_head_are_synced_one_after_the_other() -> None:
    """So that a power cut spoils one of them at most."""
    spool = on_faulty_disk()
    record = spool.store(1)
    spool.writer.close()
    calls: list[str] = []
    original = spool.disk._call

    def noting(name: str, *more: object) -> object:
        calls.append(name)
        return original(name, *more)

    spool.disk._call = noting
    assert spool.keeper.recycle(record.address.container, record.end)
    changing = [name for name in calls if name in ("pwritev", "fdatasync", "rename")]
    assert changing == ["pwritev", "fdatasync", "pwritev", "fdatasync", "rename"]
