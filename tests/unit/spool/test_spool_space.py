"""Watermarks, reserve and forecast."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spool_parts import NO_LIMITS, SEGMENT, Parts, on_faulty_disk

from causeway.errors import OutOfSpace
from causeway.spool import (
    Sample,
    SpaceLimits,
    SpaceState,
    hours_left,
)
from causeway.spool.space import next_state, reserve_wanted

OPEN, SOFT, HARD = SpaceState.OPEN, SpaceState.SOFT, SpaceState.HARD
LIMITS = SpaceLimits(soft_bytes=1000, hard_bytes=100, reserve_bytes=50, resume_fraction=0.1)


@pytest.mark.parametrize(
    ("current", "room", "then"),
    [
        (OPEN, 1000, OPEN),
        (OPEN, 999, SOFT),
        (OPEN, 99, HARD),
        (SOFT, 1099, SOFT),
        (SOFT, 1100, OPEN),
        (SOFT, 100, SOFT),
        (SOFT, 99, HARD),
        (HARD, 109, HARD),
        (HARD, 111, SOFT),
        (HARD, 1099, SOFT),
        (HARD, 1100, OPEN),
    ],
)
def test_states_go_back_a_little_above_where_they_began(
    current: SpaceState, room: int, then: SpaceState
) -> None:
    assert next_state(current, room, LIMITS) is then


@pytest.mark.parametrize(
    ("present", "free", "wanted"),
    [
        (True, 50, True),
        (True, 49, False),
        (False, 49, False),
        (False, 1049, False),
        (False, 1050, True),
    ],
)
def test_the_reserve_goes_when_the_disk_is_full_and_comes_back_with_room(
    present: bool, free: int, wanted: bool
) -> None:
    assert reserve_wanted(present, free, LIMITS) is wanted
    assert not reserve_wanted(present, free, replace(LIMITS, reserve_bytes=0))


def test_hours_left() -> None:
    assert hours_left([], 100) is None
    assert hours_left([Sample(0.0, 0)], 100) is None
    assert hours_left([Sample(0.0, 5), Sample(60.0, 5)], 100) is None
    assert hours_left([Sample(60.0, 0), Sample(60.0, 5)], 100) is None
    assert hours_left([Sample(0.0, 0), Sample(299.0, 5)], 100) is None
    assert hours_left([Sample(0.0, 0), Sample(300.0, 5)], 100) is not None
    # 1 GB an hour, 10 GB of room.
    samples = [Sample(0.0, 0), Sample(1800.0, 5 * 10**8), Sample(3600.0, 10**9)]
    assert hours_left(samples, 10**10) == pytest.approx(10.0)
    assert hours_left(samples, -1) == 0.0


def limited(capacity: int, limits: SpaceLimits) -> Parts:
    spool = on_faulty_disk(capacity=capacity)
    spool.limits = limits
    spool.again()
    return spool


def test_a_disk_that_fills_goes_soft_then_hard_and_resumes_by_itself() -> None:
    limits = replace(NO_LIMITS, soft_bytes=5 * SEGMENT, hard_bytes=2 * SEGMENT)
    spool = limited(10 * SEGMENT, limits)
    states: list[SpaceState] = []
    records = []
    while spool.space.state() is not HARD:
        records.append(spool.store(len(records), b"x" * 12_000))
        spool.now[0] += 1.0
        if states[-1:] != [spool.space.state()]:
            states.append(spool.space.state())
    assert states == [OPEN, SOFT, HARD]
    with pytest.raises(OutOfSpace):
        spool.store(999)
    assert spool.disk.free(spool.root).free_bytes >= SEGMENT, "it stopped before the disk was full"
    for record in records:
        assert len(spool.reader.read(record)) == 12_000
    spool.writer.close()
    for record in {r.address.container: r for r in records}.values():
        last = max(r.end for r in records if r.address.container == record.address.container)
        assert spool.keeper.recycle(record.address.container, last)
    assert spool.space.state() is HARD, "as measured a moment ago"
    spool.now[0] += 1.0
    assert spool.space.state() is OPEN
    spool.again()
    spool.store(999)


def test_the_hot_path_asks_the_kernel_once_a_second() -> None:
    spool = limited(10 * SEGMENT, replace(NO_LIMITS, soft_bytes=1))
    spool.space.state()
    calls = spool.disk.calls
    for _ in range(100):
        spool.space.check()
    assert spool.disk.calls == calls
    spool.now[0] += 1.0
    spool.space.check()
    assert spool.disk.calls > calls


def test_segments_made_ahead_are_room() -> None:
    spool = limited(10 * SEGMENT, NO_LIMITS)
    before = spool.space.room().room_bytes
    spool.keeper.make_ahead()
    room = spool.space.room()
    assert room.room_bytes == before
    assert room.ready_bytes == 3 * SEGMENT
    spool.store(1)
    assert spool.space.room().room_bytes == before - SEGMENT


def test_a_quota_counts_what_the_spool_takes() -> None:
    spool = limited(100 * SEGMENT, replace(NO_LIMITS, quota_bytes=4 * SEGMENT, hard_bytes=SEGMENT))
    assert spool.space.room().room_bytes == 4 * SEGMENT
    spool.store(1)
    large = spool.store(2, bytes(SEGMENT * 3 // 2))
    room = spool.space.room()
    assert room.used_bytes == SEGMENT + large.end
    assert room.room_bytes == 4 * SEGMENT - SEGMENT - large.end
    spool.store(3, bytes(SEGMENT))
    spool.now[0] += 1.0
    with pytest.raises(OutOfSpace):
        spool.store(4)


def test_the_reserve_is_given_to_the_others_and_not_to_the_spool() -> None:
    limits = SpaceLimits(soft_bytes=3 * SEGMENT, hard_bytes=SEGMENT, reserve_bytes=SEGMENT)
    spool = limited(10 * SEGMENT, limits)
    before = spool.space.room().room_bytes
    assert before == 9 * SEGMENT, "what the reserve will take is no room"
    assert spool.space.keep_reserve()
    assert spool.space.keep_reserve()
    assert spool.space.room().room_bytes == before
    # Somebody else fills the disk.
    fd = spool.disk.open(spool.root.parent / "core", 0o302)
    spool.disk.allocate(fd, 17 * SEGMENT // 2)
    assert spool.space.state() is HARD
    assert not spool.space.keep_reserve()
    assert spool.disk.free(spool.root).free_bytes > SEGMENT, "for the ledger"
    spool.now[0] += 1.0
    assert spool.space.state() is HARD, "not for images"
    spool.disk.close(fd)
    spool.disk.unlink(spool.root.parent / "core")
    spool.now[0] += 1.0
    assert spool.space.state() is OPEN
    assert spool.space.keep_reserve()


def test_a_reserve_of_another_size_is_made_anew() -> None:
    spool = limited(100 * SEGMENT, replace(NO_LIMITS, reserve_bytes=SEGMENT))
    assert spool.space.keep_reserve()
    spool.limits = replace(NO_LIMITS, reserve_bytes=2 * SEGMENT)
    spool.again()
    assert spool.space.keep_reserve()
    assert spool.disk.file_size(spool.root / "reserve") == 2 * SEGMENT
    spool.limits = NO_LIMITS
    spool.again()
    assert not spool.space.keep_reserve()
    assert spool.disk.file_size(spool.root / "reserve") is None


def test_without_inodes_there_is_no_room() -> None:
    spool = limited(100 * SEGMENT, replace(NO_LIMITS, hard_bytes=SEGMENT))
    free = spool.disk.free
    spool.disk.free = lambda path: replace(free(path), free_files=3)
    assert spool.space.state() is HARD
