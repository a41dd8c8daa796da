"""Records that go past the page cache: which, and what becomes of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from blake3 import blake3
from spool_parts import SEGMENT, Parts, instances, on_faulty_disk, on_real_disk, receipt

from causeway.errors import TemporaryError
from causeway.spool import Durability
from causeway.testing.disk import FaultyDisk

LARGER, SMALLER = 8000, 7999
"""Data sets at the limit of these tests, and below it."""


def ready(spool: Parts) -> FaultyDisk:
    """Segments are ready, and a writer whose limit is `LARGER`."""
    spool.keeper.make_ahead()
    spool.writer = spool.new_writer(uncached_from=LARGER)
    assert isinstance(spool.disk, FaultyDisk)
    return spool.disk


def test_only_what_is_large_goes_past_the_cache_where_blocks_were_written_before() -> None:
    spool = on_faulty_disk()
    disk = ready(spool)
    seen = []
    for number, size in enumerate([SMALLER, LARGER, SMALLER, LARGER]):
        spool.store(number, bytes([65 + number]) * size)
        seen.append(disk.uncached_writes)
    assert seen == [0, 1, 1, 2]
    records = spool.scan(verify=True)
    assert instances(records) == [f"1.2.3.{number}" for number in range(4)]
    assert [spool.reader.read(record) for record in records] == [
        b"A" * SMALLER,
        b"B" * LARGER,
        b"C" * SMALLER,
        b"D" * LARGER,
    ]


def test_everything_goes_past_the_cache_in_a_segment_that_was_made_in_need() -> None:
    spool = on_faulty_disk()
    record = spool.store(1, b"x")
    assert spool.writer.statistics().made_in_need == 1
    assert spool.disk.uncached_writes == 1
    assert spool.reader.read(record) == b"x"
    spool.writer.close()  # its seal too
    assert spool.disk.uncached_writes == 2


def test_relaxed_durability_is_the_caches() -> None:
    spool = on_faulty_disk()
    spool.durability = Durability.RELAXED
    spool.again()
    spool.writer = spool.new_writer(uncached_from=0)
    spool.store(1, b"x" * LARGER)
    assert spool.disk.uncached_writes == 0


def test_a_file_system_without_that_way_is_no_hindrance() -> None:
    spool = on_faulty_disk(bypasses=False)
    records = [spool.store(number, b"x" * LARGER) for number in range(3)]
    assert [spool.reader.read(record) for record in records] == [b"x" * LARGER] * 3
    assert spool.disk.uncached_writes == 0


def test_one_that_finds_out_at_the_first_write_gets_it_through_the_cache() -> None:
    spool = on_faulty_disk()
    disk = ready(spool)
    spool.store(1, b"a" * SMALLER)
    disk.fail("pwritev", errno.EINVAL)
    spool.store(2, b"b" * LARGER)
    spool.store(3, b"c" * LARGER)
    assert disk.uncached_writes == 0
    assert spool.writer.statistics().abandoned == 0
    assert instances(spool.scan(verify=True)) == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


def test_that_answer_to_a_write_through_the_cache_is_a_failure() -> None:
    spool = on_faulty_disk()
    disk = ready(spool)
    spool.store(1, b"a" * SMALLER)
    disk.fail("pwritev", errno.EINVAL)
    with pytest.raises(TemporaryError):
        spool.store(2, b"b" * SMALLER)
    assert spool.writer.statistics().abandoned == 1


def test_a_write_in_parts_goes_on_where_it_stopped() -> None:
    spool = on_faulty_disk(short_writes=1.0)
    data = os.urandom(15_000)
    record = spool.store(1, data)
    assert spool.disk.uncached_writes > 1
    assert spool.reader.read(record) == data


@pytest.mark.parametrize(
    ("durability", "forgotten"), [(Durability.SYNCED, True), (Durability.RELAXED, False)]
)
def test_the_cache_is_emptied_of_ready_segments_unless_all_goes_through_it(
    durability: Durability, forgotten: bool
) -> None:
    spool = on_faulty_disk()
    spool.durability = durability
    spool.again()
    forgets = []
    assert isinstance(spool.disk, FaultyDisk)
    spool.disk.forget = lambda fd, offset=0, length=0: forgets.append((offset, length))
    assert spool.keeper.make_ahead() == 3
    assert forgets == [(0, 0)] * 3 * forgotten
    record = spool.store(1)
    spool.writer.close()
    forgets.clear()
    assert spool.keeper.recycle(record.address.container, record.end)
    assert forgets == [(0, 0)] * forgotten


@pytest.mark.parametrize("made_ahead", [True, False])
def test_objects_of_all_sizes_on_a_real_disk(tmp_path: Path, made_ahead: bool) -> None:
    spool = on_real_disk(tmp_path)
    if made_ahead:
        spool.keeper.make_ahead()
    spool.writer = spool.new_writer(uncached_from=4096)
    sizes = [0, 1, 3500, 4095, 4096, 4097, 8192, 12_288 - 500, 16_000, 5, 16_384, 1]
    sent = [os.urandom(size) for size in sizes]
    records = []
    for number, data in enumerate(sent):
        view = memoryview(data)
        pieces = [view[:777], view[777:5000], view[5000:]]
        records.append(spool.writer.store(receipt(number), pieces))
        # Whoever follows the writer has looked behind its last record, into blocks that change.
        assert len(spool.scan()) == number + 1
    assert [record.digest for record in records] == [blake3(data).digest() for data in sent]
    assert [spool.reader.read(record) for record in records] == sent
    assert spool.scan(verify=True) == records
    assert spool.writer.statistics().made_in_need == (0 if made_ahead else 1)
    spool.writer.close()
    assert len(spool.restart().leftovers) == 0
    assert max(record.end for record in records) <= SEGMENT
