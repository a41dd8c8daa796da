"""The way out: what a scan yields and when, and that only the bytes asked for are ever read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from spool_parts import Parts, instances, on_faulty_disk, on_real_disk, receipt

from causeway.errors import SpoolCorrupt, SpoolGone, TemporaryError
from causeway.spool import Damaged, Durability, SpoolReader, verify
from causeway.testing.disk import PowerCut
from causeway.values import Record, SpoolAddress


def log_path(spool: Parts, record: Record) -> Path:
    id_ = record.address.container[4:20]
    return spool.root / "segments" / f"{id_}.log"


def test_scan_goes_on_where_it_ended(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.store(n) for n in range(5)]
    container = records[0].address.container
    assert spool.scan(container) == records
    assert spool.scan(container, start=records[2].end) == records[3:]
    assert spool.scan(container, start=records[4].end) == []
    records.append(spool.store(5))
    assert spool.scan(container, start=records[4].end) == records[5:]


def test_chunks_and_head(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    data = os.urandom(10_000)
    record = spool.store(1, data)
    assert spool.reader.head(record.address, 200) == data[:200]
    assert spool.reader.head(record.address, 1 << 20) == data
    pieces = list(spool.reader.chunks(record, 3000))
    assert [len(piece) for piece in pieces] == [3000, 3000, 3000, 1000]
    assert b"".join(pieces) == data


def test_a_record_in_flight_is_not_yielded() -> None:
    spool = on_faulty_disk(short_writes=1.0)
    first = spool.store(1, b"1" * 9000)
    container = first.address.container
    seen: list[list[str]] = []
    reader = SpoolReader(spool.root, disk=spool.disk)
    write = spool.disk.pwritev

    def look_after_the_first_part(fd: int, buffers: list[bytes], offset: int) -> int:
        written = write(fd, buffers, offset)
        if len(seen) < 3:
            seen.append(instances(list(reader.scan(container))))
        return written

    spool.disk.pwritev = look_after_the_first_part
    spool.store(2, b"2" * 9000)
    assert seen[0] == ["1.2.3.1"]
    assert instances(spool.scan()) == ["1.2.3.1", "1.2.3.2"]


def test_the_last_record_is_synced_before_it_is_yielded() -> None:
    """The pipeline must not know of an object that a power cut can take away."""
    spool = on_faulty_disk()
    spool.disk.cut_at_point = "record-written"
    with pytest.raises(PowerCut):
        spool.store(1)
    spool.disk.kill()  # the page cache is still there
    spool.again()
    assert instances(spool.scan()) == ["1.2.3.1"]
    spool.disk.cut_power()
    spool.restart()
    assert instances(spool.scan(verify=True)) == ["1.2.3.1"]


def test_a_hint_saves_the_sync() -> None:
    spool = on_faulty_disk()
    records = [spool.store(n) for n in range(3)]
    container = records[0].address.container
    spool.disk.fail("fdatasync", errno.EIO)
    assert spool.scan(container, durable_to=records[-1].end) == records
    with pytest.raises(TemporaryError):
        spool.scan(container)


def test_what_lies_behind_a_hint_is_left_to_its_writer() -> None:
    """It is about to be synced and hinted: to read, sync and read it here would do that twice."""
    spool = on_faulty_disk()
    records = [spool.store(n) for n in range(3)]
    container = records[0].address.container
    spool.disk.fail("fdatasync", errno.EIO)
    assert spool.scan(container, durable_to=records[0].end) == records[:2]
    with pytest.raises(TemporaryError):
        spool.scan(container)  # nothing was said: looked for, and synced


def test_what_a_writer_that_is_gone_has_not_told_is_found() -> None:
    spool = on_faulty_disk()
    records = [spool.store(n) for n in range(3)]
    spool.disk.kill()
    spool.again()
    assert spool.scan(records[0].address.container, durable_to=records[0].end) == records


def test_a_failed_sync_is_not_made_good_by_a_second_one() -> None:
    """After it the page cache has the record and the disk has not, and every sync succeeds."""
    spool = on_faulty_disk()
    first = spool.store(1)
    spool.disk.fail("fdatasync", errno.EIO)
    spool.disk.fail("rename", errno.EROFS)  # nor can the segment be marked as failed
    with pytest.raises(TemporaryError):
        spool.store(2)
    late = SpoolReader(spool.root, disk=spool.disk)
    assert [item for item in late.scan(first.address.container) if isinstance(item, Record)] == [
        first
    ]


def test_what_failed_is_not_yielded_by_a_reader_that_had_it_open() -> None:
    spool = on_faulty_disk()
    first = spool.store(1)
    assert spool.scan() == [first]
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError):
        spool.store(2)
    assert spool.scan(first.address.container) == [first]


def test_a_large_file_is_yielded_when_its_name_is_durable() -> None:
    spool = on_faulty_disk()
    spool.disk.cut_at_point = "large-renamed"
    with pytest.raises(PowerCut):
        spool.store(1, bytes(50_000))
    spool.disk.kill()
    spool.again()
    assert instances(spool.scan()) == ["1.2.3.1"]
    for _ in range(20):
        spool.disk.cut_power()
        spool.restart()
        assert instances(spool.scan(verify=True)) == ["1.2.3.1"]


def test_damaged_data_are_found_and_the_later_records_too(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.store(n, b"%d" % n * 5000) for n in range(4)]
    spool.writer.close()
    damage(spool, records[1], records[1].end - 5000)
    damaged = spool.scan(verify=True)[1]
    assert instances(spool.scan(verify=True)) == ["1.2.3.0", "damaged", "1.2.3.2", "1.2.3.3"]
    assert isinstance(damaged, Damaged)
    assert (damaged.address, damaged.end) == (records[1].address, records[1].end)
    assert damaged.receipt == receipt(1), "still legible, so that a person can ask for it again"
    with pytest.raises(SpoolCorrupt) as raised:
        spool.reader.read(records[1])
    assert not isinstance(raised.value, SpoolGone)
    with pytest.raises(SpoolCorrupt):
        list(spool.reader.chunks(records[1].address))
    report = verify(spool.reader)
    assert (report.records, report.bytes, report.damaged) == (3, 15_000, (damaged,))


def damage(spool: Parts, record: Record, offset: int, data: bytes = b"\xff\x00\xff") -> None:
    with log_path(spool, record).open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_a_damaged_receipt_hides_one_record_only(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.store(n) for n in range(3)]
    damage(spool, records[1], records[1].address.offset + 100)
    assert instances(spool.scan()) == ["1.2.3.0", "damaged", "1.2.3.2"]
    with pytest.raises(SpoolCorrupt):
        spool.reader.record(records[1].address)


@pytest.mark.parametrize("seal", [True, False])
def test_a_destroyed_header_does_not_hide_later_records(tmp_path: Path, seal: bool) -> None:
    spool = on_real_disk(tmp_path)
    records = [spool.store(n, b"%d" % n * 9000) for n in range(5)]
    damage(spool, records[1], records[1].address.offset + 20, bytes(70))
    damage(spool, records[2], records[2].address.offset, bytes(8))
    if seal:
        spool.writer.close()
        found = spool.scan()
    else:
        assert instances(spool.scan()) == ["1.2.3.0"], "in use: it may just be being written"
        os.close(spool.writer._pool._idle[0].fd)
        found = spool.scan()
    assert instances(found) == ["1.2.3.0", "damaged", "1.2.3.3", "1.2.3.4"]
    gap = found[1]
    assert (gap.address, gap.end) == (records[1].address, records[3].address.offset)
    assert spool.scan(gap.address.container, start=gap.end) == found[2:]
    # And once more, now that the reader knows where this segment ends.
    assert spool.scan() == found
    assert spool.scan(gap.address.container, start=records[4].end) == []


def test_bytes_that_look_like_a_record_inside_of_one_are_not_one(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    first = spool.store(1)
    log = log_path(spool, first).read_bytes()
    copy = log[first.address.offset : first.end]
    outer = spool.store(2, copy + bytes(3000) + copy)
    damage(spool, outer, outer.address.offset, bytes(96))
    spool.store(3)
    spool.writer.close()
    assert instances(spool.scan()) == ["1.2.3.1", "damaged", "1.2.3.3"]


def test_an_address_of_a_recycled_segment_is_gone_for_every_reader() -> None:
    spool = on_faulty_disk()
    old = spool.store(1)
    spool.writer.close()
    early, late = spool.reader, SpoolReader(spool.root, disk=spool.disk)
    assert early.read(old) == b"1" * 100  # has it open
    assert spool.keeper.recycle(old.address.container, old.end)
    spool.again()
    new = spool.store(2)
    assert new.address.container != old.address.container
    assert new.address.offset == old.address.offset
    for reader in (early, late):
        for action in (
            lambda reader=reader: reader.read(old),
            lambda reader=reader: reader.head(old.address, 10),
            lambda reader=reader: reader.record(old.address),
        ):
            with pytest.raises(SpoolGone):
                action()
    assert late.read(new) == b"2" * 100


def test_other_addresses_are_refused(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1)
    spool.writer.close()
    for address in (
        SpoolAddress(record.address.container, 4096),
        SpoolAddress(record.address.container, record.end),  # the seal
        SpoolAddress("seg-0000000000000099.1", 8192),
        SpoolAddress("large-0000000000000099", 0),
        SpoolAddress("../../etc/passwd", 0),
    ):
        with pytest.raises(SpoolCorrupt):
            spool.reader.read(address)
    other = Record(
        receipt=record.receipt,
        address=record.address,
        size=record.size,
        digest=bytes(32),
        end=record.end,
    )
    with pytest.raises(SpoolCorrupt):
        spool.reader.read(other)


def test_files_stay_open_in_a_small_number_only(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    writer = spool.new_writer()
    records = []
    for n in range(6):
        records.append(writer.store(receipt(n), [b"x"]))
        writer.close()
        writer = spool.new_writer()
    reader = SpoolReader(spool.root, disk=spool.disk, max_files=2)
    before = len(os.listdir("/proc/self/fd"))
    for record in records * 2:
        assert reader.read(record) == b"x"
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    scans = [reader.scan(record.address.container) for record in records]
    assert [next(scan) for scan in scans] == records
    for scan in scans:
        scan.close()
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_removed_large_file_gives_its_room_back_at_once(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1, bytes(50_000))
    assert spool.reader.read(record) == bytes(50_000)
    before = len(os.listdir("/proc/self/fd"))
    spool.keeper.remove(record.address)
    with pytest.raises(SpoolGone):
        spool.reader.read(record)
    assert len(os.listdir("/proc/self/fd")) == before
    assert spool.scan() == []


def test_the_end_of_a_file_proves_nothing() -> None:
    """Cut off exactly behind the last record, whose bytes are not all there."""
    spool = on_faulty_disk()
    records = [spool.store(n, b"%d" % n * 5000) for n in range(2)]
    path = log_path(spool, records[1])
    spool.disk.rot(path, records[1].end - 5000, b"\xff")
    fd = spool.disk.open(path, 2)
    spool.disk.truncate(fd, records[1].end)
    spool.disk.kill()
    spool.again()
    assert instances(spool.scan()) == ["1.2.3.0", "damaged"]


def test_relaxed_records_are_verified_whenever_they_are_scanned() -> None:
    spool = on_faulty_disk()
    spool.durability = Durability.RELAXED
    spool.again()
    records = [spool.store(n, b"%d" % n * 5000) for n in range(3)]
    path = log_path(spool, records[1])
    spool.disk.rot(path, records[1].end - 5000, b"\xff")
    assert instances(spool.scan()) == ["1.2.3.0", "damaged", "1.2.3.2"]


def test_verify_shows_progress_and_passes_over_what_goes_away(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    record = spool.store(1)
    large = spool.store(2, bytes(50_000))
    spool.writer.close()
    calls: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        if not calls:
            spool.keeper.recycle(record.address.container, record.end)
        calls.append((done, total))

    report = verify(spool.reader, progress)
    assert report.records >= 1
    assert report.damaged == ()
    assert calls[-1][0] == calls[-1][1]
    assert calls == sorted(calls)
    assert large.end <= calls[-1][1]


def test_make_durable_is_a_sync(tmp_path: Path) -> None:
    spool = on_faulty_disk()
    spool.durability = Durability.RELAXED
    spool.again()
    record = spool.store(1)
    spool.reader.make_durable(record.address.container)
    spool.disk.cut_power()
    spool.restart()
    assert spool.reader.read(record) == b"1" * 100
