"""Letters on a disk that loses what was not synced: what was told to stand, stands."""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random

import pytest

from causeway.errors import OutOfSpace, SpoolCorrupt, TemporaryError
from causeway.spool import LetterBox
from causeway.testing.disk import FaultyDisk, PowerCut

FOLDER = Path("/data/letters")


def box(disk: FaultyDisk) -> LetterBox:
    names = iter(f"{number:04}" for number in range(100))
    return LetterBox(FOLDER, disk=disk, new_name=lambda: next(names))


def fresh(seed: int = 0) -> tuple[FaultyDisk, LetterBox]:
    disk = FaultyDisk(Random(seed))
    for folder in ("/data", "/"):
        disk.mkdir(Path(folder))
    disk.fsync_dir(Path("/"))
    made = box(disk)
    made.prepare()
    return disk, made


def test_letters_are_read_in_their_order_and_removed():
    _, letters = fresh()
    names = [letters.put(text) for text in (b"one", b"two")]
    assert letters.names() == names
    assert [letters.read(name) for name in names] == [b"one", b"two"]
    letters.remove(names[0])
    letters.remove(names[0])
    assert letters.names() == names[1:]
    with pytest.raises(SpoolCorrupt):
        letters.read(names[0])


@pytest.mark.parametrize("seed", range(6))
def test_after_a_power_cut_at_any_call_what_was_told_to_stand_stands_whole(seed: int):
    text = bytes(range(256)) * 20
    for call in range(1, 40):
        disk, letters = fresh(seed)
        disk.cut_at_call = disk.calls + call
        told: list[str] = []
        with contextlib.suppress(PowerCut):
            for _ in range(3):
                told.append(letters.put(text))  # noqa: PERF401 - what came before a cut counts
        disk.cut_power()
        after = box(disk)
        after.prepare()
        assert set(told) <= set(after.names())
        assert all(after.read(name) == text for name in told)
        assert not [name for name in disk.listdir(FOLDER) if name.endswith(".part")]


def test_a_full_disk_is_told():
    disk, letters = fresh()
    disk.capacity = 0
    with pytest.raises((OutOfSpace, TemporaryError)):
        letters.put(b"x" * 5000)
