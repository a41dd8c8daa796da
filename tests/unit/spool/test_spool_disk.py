"""Both disks keep the same contract; and the lying one lies as it says."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from spool_parts import faulty_root

from causeway.spool import Disk, RealDisk
from causeway.spool.disk import CREATE, READ, WRITE, write_all
from causeway.spool.format import BLOCK
from causeway.spool.memory import BlockMemory
from causeway.testing.disk import FaultyDisk, PowerCut


@pytest.fixture(params=["real", "faulty"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Disk, Path]:
    if request.param == "real":
        return RealDisk(), tmp_path
    disk = FaultyDisk(random=Random(1))
    return disk, faulty_root(disk)


def test_files_are_written_and_read_at_offsets(place: tuple[Disk, Path]) -> None:
    disk, root = place
    fd = disk.open(root / "a", CREATE)
    assert disk.pwritev(fd, [b"ab", memoryview(b"cde")], 3) == 5
    assert disk.pread(fd, 100, 0) == b"\0\0\0abcde"
    assert disk.pread(fd, 2, 4) == b"bc"
    assert disk.pread(fd, 2, 100) == b""
    assert disk.size(fd) == disk.file_size(root / "a") == 8
    disk.allocate(fd, 20)
    assert disk.pread(fd, 100, 0) == b"\0\0\0abcde".ljust(20, b"\0")
    disk.allocate(fd, 10)
    assert disk.size(fd) == 20
    disk.truncate(fd, 4)
    assert disk.pread(fd, 100, 0) == b"\0\0\0a"
    for sync in (disk.fdatasync, disk.fsync, disk.forget):
        sync(fd)
    disk.start_writeback(fd, 0, 4)
    disk.await_writeback(fd, 0, 4)
    assert disk.pread(fd, 100, 0) == b"\0\0\0a"
    disk.close(fd)


def test_writes_past_the_cache_are_read_as_any_others(place: tuple[Disk, Path]) -> None:
    disk, root = place
    fd = disk.open(root / "a", CREATE)
    disk.allocate(fd, 4 * BLOCK)
    write_all(disk, fd, [b"a" * BLOCK], 0)
    disk.fdatasync(fd)
    if not disk.bypass_cache(fd, True):
        pytest.skip("not on this file system")
    memory = BlockMemory()
    assert disk.pwritev(fd, [memory.holding(b"b" * 2 * BLOCK)], BLOCK) == 2 * BLOCK
    disk.fdatasync(fd)
    assert not disk.bypass_cache(fd, False)
    write_all(disk, fd, [b"c"], 3 * BLOCK)
    assert disk.pread(fd, 5 * BLOCK, 0) == (
        b"a" * BLOCK + b"b" * 2 * BLOCK + b"c".ljust(BLOCK, b"\0")
    )
    disk.close(fd)


def test_the_real_disk_refuses_what_does_not_begin_on_a_block(tmp_path: Path) -> None:
    disk = RealDisk()
    fd = disk.open(tmp_path / "a", CREATE)
    if not disk.bypass_cache(fd, True):
        pytest.skip("not on this file system")
    room = BlockMemory().room(2 * BLOCK)
    with pytest.raises(OSError, match="Invalid argument"):
        disk.pwritev(fd, [room[8 : 8 + BLOCK]], 0)
    with pytest.raises(OSError, match="Invalid argument"):
        disk.pwritev(fd, [room[:BLOCK]], 8)
    assert disk.size(fd) == 0
    disk.close(fd)


def test_the_lying_disk_stands_for_no_write_that_a_real_one_would_refuse() -> None:
    disk = FaultyDisk(random=Random(1))
    fd = disk.open(faulty_root(disk) / "a", CREATE)
    assert disk.bypass_cache(fd, True)
    room = BlockMemory().room(2 * BLOCK)
    for buffer, offset in ((room[8 : 8 + BLOCK], 0), (room[:BLOCK], 8), (room[:8], 0)):
        with pytest.raises(AssertionError):
            disk.pwritev(fd, [buffer], offset)


def test_a_disk_may_know_no_way_past_its_cache() -> None:
    disk = FaultyDisk(random=Random(1), bypasses=False)
    fd = disk.open(faulty_root(disk) / "a", CREATE)
    assert not disk.bypass_cache(fd, True)
    assert disk.pwritev(fd, [b"odd"], 3) == 3


def test_names(place: tuple[Disk, Path]) -> None:
    disk, root = place
    disk.mkdir(root / "d")
    disk.mkdir(root / "d")
    disk.close(disk.open(root / "d" / "a", CREATE))
    with pytest.raises(FileExistsError):
        disk.open(root / "d" / "a", CREATE)
    for flags in (READ, WRITE):
        with pytest.raises(FileNotFoundError):
            disk.open(root / "none", flags)
    disk.rename(root / "d" / "a", root / "b")
    assert disk.listdir(root / "d") == []
    assert sorted(disk.listdir(root)) == ["b", "d"]
    assert disk.file_size(root / "b") == 0
    assert disk.file_size(root / "d") is None
    assert disk.file_size(root / "none") is None
    disk.unlink(root / "b")
    for action in (lambda: disk.unlink(root / "b"), lambda: disk.rename(root / "b", root / "c")):
        with pytest.raises(FileNotFoundError):
            action()
    disk.fsync_dir(root)
    with pytest.raises(FileNotFoundError):
        disk.listdir(root / "none")
    assert disk.free(root).free_bytes <= disk.free(root).total_bytes


def test_locks(place: tuple[Disk, Path]) -> None:
    disk, root = place
    disk.close(disk.open(root / "a", CREATE))
    first, second, third = (disk.open(root / "a", WRITE) for _ in range(3))
    assert disk.lock(first)
    assert not disk.lock(second)
    assert not disk.lock(second, shared=True)
    disk.unlock(first)
    assert disk.lock(second, shared=True)
    assert disk.lock(third, shared=True)
    assert not disk.lock(first)
    disk.close(second)
    disk.close(third)
    assert disk.lock(first)
    disk.close(first)


def test_an_open_file_outlives_its_name(place: tuple[Disk, Path]) -> None:
    disk, root = place
    fd = disk.open(root / "a", CREATE)
    write_all(disk, fd, [b"abc"], 0)
    disk.unlink(root / "a")
    assert disk.pread(fd, 3, 0) == b"abc"
    disk.close(fd)


def test_writing_all_goes_on_after_short_writes() -> None:
    disk = FaultyDisk(random=Random(3), short_writes=0.9)
    root = faulty_root(disk)
    fd = disk.open(root / "a", CREATE)
    pieces = [b"", b"abc", memoryview(b"defgh"), b"i" * 100]
    write_all(disk, fd, pieces, 5)
    assert disk.pread(fd, 1000, 5) == b"abcdefgh" + b"i" * 100
    disk.pwritev = lambda *args: 0  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no progress") as raised:
        write_all(disk, fd, pieces, 0)
    assert raised.value.errno == errno.ENOSPC


# What the lying disk does


def outcomes(action: Callable[[FaultyDisk, Path], None], **faults: object) -> set[bytes | None]:
    """What ``a`` holds after a power cut, over many seeds."""
    found: set[bytes | None] = set()
    for seed in range(60):
        disk = FaultyDisk(random=Random(seed), **faults)
        root = faulty_root(disk)
        action(disk, root)
        disk.cut_power()
        found.add(disk.files().get(str(root / "a")))
    return found


OLD, NEW = b"o" * 512, b"n" * 512


def test_synced_data_under_a_synced_name_stay() -> None:
    def action(disk: FaultyDisk, root: Path) -> None:
        fd = disk.open(root / "a", CREATE)
        disk.pwritev(fd, [OLD], 0)
        disk.fdatasync(fd)
        disk.fsync_dir(root)

    assert outcomes(action) == {OLD}


def test_a_synced_file_without_a_synced_name_may_be_lost() -> None:
    def action(disk: FaultyDisk, root: Path) -> None:
        fd = disk.open(root / "b", CREATE)
        disk.pwritev(fd, [OLD], 0)
        disk.fsync(fd)
        disk.rename(root / "b", root / "a")

    assert outcomes(action) == {OLD, None}


def unsynced(disk: FaultyDisk, root: Path) -> None:
    fd = disk.open(root / "a", CREATE)
    disk.pwritev(fd, [OLD * 2], 0)
    disk.fdatasync(fd)
    disk.fsync_dir(root)
    disk.pwritev(fd, [NEW * 2], 0)


def test_unsynced_sectors_are_old_or_new_each_by_itself() -> None:
    assert outcomes(unsynced) == {OLD + OLD, OLD + NEW, NEW + OLD, NEW + NEW}


def test_sectors_may_be_spoilt_while_they_are_written() -> None:
    assert len(outcomes(unsynced, spoil=True)) > 4


def test_a_failed_sync_dooms_what_was_to_be_written() -> None:
    def action(disk: FaultyDisk, root: Path) -> None:
        unsynced(disk, root)
        fd = disk.open(root / "a", WRITE)
        other = disk.open(root / "a", WRITE)
        disk.fail("fdatasync", errno.EIO)
        with pytest.raises(OSError, match="sync failed"):
            disk.fdatasync(fd)
        with pytest.raises(OSError, match="sync failed"):
            disk.fdatasync(other)  # which was open, and hears of it once
        disk.fdatasync(fd)  # succeeds, for nothing
        disk.fdatasync(other)
        assert disk.pread(fd, 1024, 0) == NEW * 2, "the cache has it still"
        disk.forget(fd)
        assert disk.pread(fd, 1024, 0) == OLD * 2

    assert outcomes(action) == {OLD * 2}


def test_what_is_written_again_after_a_failed_sync_is_not_doomed() -> None:
    def action(disk: FaultyDisk, root: Path) -> None:
        unsynced(disk, root)
        fd = disk.open(root / "a", WRITE)
        disk.fail("fdatasync", errno.EIO)
        with pytest.raises(OSError, match="sync failed"):
            disk.fdatasync(fd)
        disk.pwritev(fd, [NEW], 512)
        disk.fdatasync(fd)
        disk.forget(fd)

    assert outcomes(action) == {OLD + NEW}


def test_kill_loses_nothing_but_descriptors_and_locks() -> None:
    disk = FaultyDisk(random=Random(1))
    root = faulty_root(disk)
    fd = disk.open(root / "a", CREATE)
    disk.pwritev(fd, [OLD], 0)
    assert disk.lock(fd)
    disk.kill()
    assert disk.files()[str(root / "a")] == OLD
    again = disk.open(root / "a", WRITE)
    assert disk.lock(again)
    with pytest.raises(KeyError):
        disk.pread(fd, 1, 0)


def test_the_power_goes_at_a_call_or_a_point_and_stays_off() -> None:
    disk = FaultyDisk(random=Random(1))
    root = faulty_root(disk)
    disk.cut_at_call = disk.calls + 2
    disk.listdir(root)
    for _ in range(2):
        with pytest.raises(PowerCut):
            disk.listdir(root)
    disk.cut_power()
    disk.cut_at_point = "here"
    disk.reached("there")
    with pytest.raises(PowerCut):
        disk.reached("here")
    disk.kill()
    assert disk.points == {"there": 1, "here": 1}
    assert disk.listdir(root) == []


def test_a_full_disk_takes_a_part_first() -> None:
    disk = FaultyDisk(random=Random(1), capacity=1000)
    root = faulty_root(disk)
    fd = disk.open(root / "a", CREATE)
    assert disk.pwritev(fd, [bytes(700)], 0) == 700
    assert disk.pwritev(fd, [bytes(700)], 700) == 300
    with pytest.raises(OSError, match="no room"):
        disk.pwritev(fd, [b"x"], 1000)
    assert disk.pwritev(fd, [b"x"], 0) == 1
    with pytest.raises(OSError, match="no room"):
        disk.allocate(fd, 1001)
    assert disk.free(root).free_bytes == 0
