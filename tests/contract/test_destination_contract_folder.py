"""What a folder keeps beyond what every destination does: the order in which things become durable,
on a disk that lies as well.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from world_folder import FaultyFolder, FolderWorld, LocalFolder

from causeway.destinations.files import LocalFiles
from causeway.errors import DestinationConflict, SpoolCorrupt, TemporaryError
from causeway.pipeline.attempt import Ended
from causeway.testing.delivering import FOLDERS, MemoryOfDestination, Parcel, bring
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.testing.site import Image
from causeway.values import Standing

WORLDS: dict[str, Callable[[Path], FolderWorld]] = {
    "folder": LocalFolder,
    "folder on a faulty disk": lambda tmp_path: FaultyFolder(),
}


@pytest.fixture(params=WORLDS.values(), ids=WORLDS.keys())
def world(request: Any, tmp_path: Path) -> FolderWorld:
    made: FolderWorld = request.param(tmp_path)
    return made


def assert_delivered(
    world: FolderWorld, parcel: Parcel, ended: Ended, version: Parcel | None = None
) -> None:
    archive = (version or parcel).content
    content = world.content()
    assert content[ended.reference] == archive
    beside = content[f"{ended.reference}.json"]
    assert json.loads(beside)["sha256"] == hashlib.sha256(archive).hexdigest()
    assert not world.leftovers()
    assert ended.refused is None
    assert ended.missing is None
    assert parcel.journal.standings() == [Standing.VERIFIED] * len(parcel.instances)


def test_a_parcel_is_there_whole_and_verified(world: FolderWorld) -> None:
    parcel = Parcel()
    ended = bring(world.destination(), parcel)
    assert not ended.already_there
    assert ended.sent_bytes == sum(each.size for each in parcel.instances)
    assert_delivered(world, parcel, ended)
    assert len(world.content()) == 2
    assert "Müller" not in repr(ended)


def test_what_is_verified_is_not_touched_again(world: FolderWorld) -> None:
    parcel = Parcel()
    bring(world.destination(), parcel)
    again = parcel.again()
    assert bring(world.destination(), again).sent_bytes == 0
    assert not again.opened


def test_after_a_crash_it_asks_and_changes_nothing(world: FolderWorld) -> None:
    parcel = Parcel()
    first = bring(world.destination(), parcel)
    before = world.content()
    second = bring(world.destination(), parcel.after_crash())
    assert second.already_there
    assert second.sent_bytes == 0
    assert second.reference == first.reference
    assert world.content() == before


def test_what_nobody_remembers_is_verified_by_asking(world: FolderWorld) -> None:
    parcel = Parcel()
    bring(world.destination(), parcel)
    again = parcel.after_crash()
    again.memory.clear()
    ended = bring(world.destination(), again)
    assert ended.already_there
    assert_delivered(world, again, ended)


def test_a_newer_version_of_the_program_recognises_what_the_older_one_brought(
    world: FolderWorld,
) -> None:
    parcel = Parcel()
    bring(world.destination(), parcel)
    newer = parcel.after_crash()
    newer.version = dt.datetime(2030, 1, 1)  # noqa: DTZ001 - a clock without zone
    newer.description = "v2"
    assert newer.content != parcel.content
    ended = bring(world.destination(), newer)
    assert ended.already_there
    assert_delivered(world, newer, ended, version=parcel)


def test_what_a_lost_ledger_had_brought_is_recognised_and_left_as_it_is(world: FolderWorld) -> None:
    parcel = Parcel()
    bring(world.destination(), parcel)
    before = world.content()
    anew = parcel.after_lost_ledger()
    anew.description = "told at another time"
    ended = bring(world.destination(), anew)
    assert ended.already_there
    assert world.content() == before


def test_something_else_in_its_place_is_a_conflict_and_stays(world: FolderWorld) -> None:
    parcel = Parcel()
    bring(world.destination(), Parcel(key="delivery-0", name="other.dicom.zip"))
    reference = "/".join((*FOLDERS, parcel.name))
    world.put(reference, b"somebody else's")
    for attempt in (parcel, parcel.after_crash()):
        with pytest.raises(DestinationConflict) as caught:
            bring(world.destination(), attempt)
        assert world.content()[reference] == b"somebody else's"
        assert not world.leftovers()
        assert "Müller" not in str(caught.value)


def test_another_description_beside_the_archive_is_a_conflict(world: FolderWorld) -> None:
    parcel = Parcel()
    bring(world.destination(), Parcel(key="delivery-0", name="other.dicom.zip"))
    world.put("/".join((*FOLDERS, f"{parcel.name}.json")), b"{}")
    with pytest.raises(DestinationConflict):
        bring(world.destination(), parcel)


def test_a_source_that_fails_leaves_nothing(world: FolderWorld) -> None:
    parcel = Parcel()
    for failure in (SpoolCorrupt("does not match"), RuntimeError("?"), KeyboardInterrupt()):
        parcel.broken = failure
        with pytest.raises(type(failure)):
            bring(world.destination(), parcel)
        assert not world.content()
        assert not world.leftovers()
        parcel = parcel.again()
    assert_delivered(world, parcel, bring(world.destination(), parcel))


def test_parcels_of_one_place_do_not_disturb_each_other(world: FolderWorld) -> None:
    first = Parcel()
    second = Parcel([Image(number=9)], key="delivery-12", name="T1.2.dicom.zip")
    destination = world.destination()
    ended = [bring(destination, first), bring(destination, second)]
    assert_delivered(world, first, ended[0])
    assert_delivered(world, second, ended[1])


def test_a_probe_tells_its_steps_and_leaves_nothing(world: FolderWorld) -> None:
    bring(world.destination(), parcel := Parcel())
    before = world.content()
    steps = list(world.destination().probe())
    assert steps
    assert all(step.ok and step.text for step in steps)
    assert steps[-1].name == "read-back"
    assert world.content() == before
    assert not world.leftovers()
    assert_delivered(world, parcel, bring(world.destination(), parcel.after_crash()))


# --- the folder's own ----------------------------------------------------------------------


def calls_of_one_delivery() -> int:
    world = FaultyFolder()
    before = world.disk.calls
    bring(world.destination(), Parcel())
    return world.disk.calls - before


@pytest.mark.parametrize("spoil", [False, True])
def test_power_cut_at_every_call_then_again(spoil: bool) -> None:
    for call in range(1, calls_of_one_delivery() + 1):
        for seed in range(4):
            world = FaultyFolder(seed)
            world.disk.spoil = spoil
            parcel = Parcel()
            world.disk.cut_at_call = world.disk.calls + call
            with pytest.raises(PowerCut):
                bring(world.destination(), parcel)
            world.disk.cut_power()
            for name, data in world.content().items():
                whole = name.endswith(".json") or data == parcel.content
                assert whole, f"half an archive under its name after call {call}"
            ended = bring(world.destination(), parcel.again())
            assert_delivered(world, parcel, ended)
            world.disk.cut_power()
            assert_delivered(world, parcel, ended)


def test_kill_at_every_call_then_again() -> None:
    for call in range(1, calls_of_one_delivery() + 1):
        world = FaultyFolder()
        parcel = Parcel()
        world.disk.cut_at_call = world.disk.calls + call
        with pytest.raises(PowerCut):
            bring(world.destination(), parcel)
        world.disk.kill()
        ended = bring(world.destination(), parcel.again())
        assert_delivered(world, parcel, ended)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ESTALE, 9999])
def test_a_failing_call_is_temporary_and_leaves_no_half(number: int) -> None:
    for call in ("open", "pwritev", "fsync", "fsync_dir", "pread", "rename", "mkdir", "listdir"):
        for after in range(1, 4):
            world = FaultyFolder()
            parcel = Parcel()
            world.disk.fail(call, number, after=after)
            failure: TemporaryError | None = None
            try:
                bring(world.destination(), parcel)
            except TemporaryError as error:
                failure = error
            assert "Müller" not in str(failure)
            assert failure is None or failure.__cause__ is None
            archives = [d for n, d in world.content().items() if not n.endswith(".json")]
            assert archives in ([], [parcel.content])
            world.disk._faults.clear()
            assert_delivered(world, parcel, bring(world.destination(), parcel.again()))


def test_a_full_disk_is_waited_out() -> None:
    world = FaultyFolder()
    world.disk.capacity = 1500
    parcel = Parcel()
    with pytest.raises(TemporaryError, match="no room"):
        bring(world.destination(), parcel)
    assert not world.content()
    world.disk.capacity = 1 << 30
    assert_delivered(world, parcel, bring(world.destination(), parcel.again()))


def test_a_disk_that_gives_back_other_bytes_is_found_out() -> None:
    world = FaultyFolder()

    class Rotten(FaultyDisk):
        pass

    parcel = Parcel()
    original = world.disk.forget
    rot = True

    def forget(fd: int) -> None:
        original(fd)
        file = world.disk._open[fd].file
        if rot and file.cache[:2] == b"PK":
            file.cache[3] ^= 1

    world.disk.forget = forget  # type: ignore[method-assign]
    with pytest.raises(TemporaryError, match="other bytes"):
        bring(world.destination(), parcel)
    assert not world.content()
    assert not world.leftovers()
    rot = False
    assert_delivered(world, parcel, bring(world.destination(), parcel.again()))


def test_leftovers_of_this_delivery_are_removed_and_others_are_not(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    bring(world.destination(), Parcel(key="delivery-9", name="other.dicom.zip"))
    place = "/".join(FOLDERS)
    world.put(f"{place}/.causeway-delivery-1.1.part", b"half")
    world.put(f"{place}/.causeway-delivery-1.1.json.part", b"half")
    world.put(f"{place}/.causeway-delivery-12.1.part", b"not ours")
    bring(world.destination(), Parcel())
    assert world.leftovers() == [f"{place}/.causeway-delivery-12.1.part"]


def test_a_share_that_went_away_is_not_written_to(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    destination = world.destination()
    bring(destination, Parcel())
    world.root.rename(tmp_path / "the share")
    world.root.mkdir()  # what a mount point looks like when nothing is mounted
    for fresh in (destination, world.destination()):
        with pytest.raises(TemporaryError, match="not the one") as caught:
            bring(fresh, Parcel(key="delivery-2", name="late.dicom.zip"))
        assert ".causeway-destination" in caught.value.hint
        with pytest.raises(TemporaryError, match="not the one"):
            fresh.check()
    assert list(world.root.iterdir()) == []
    world.root.rmdir()
    (tmp_path / "the share").rename(world.root)
    destination.check()
    bring(destination, Parcel(key="delivery-2", name="late.dicom.zip"))


def test_a_folder_that_is_marked_already_is_adopted(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    bring(world.destination(), Parcel())
    world.memory = MemoryOfDestination()  # a new data folder
    assert bring(world.destination(), Parcel().after_crash()).already_there
    assert world.memory.value is not None


def test_a_folder_whose_parent_is_missing_is_not_made(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path / "missing")
    with pytest.raises(TemporaryError, match="does not answer"):
        bring(world.destination(), Parcel())
    with pytest.raises(TemporaryError, match="does not answer"):
        world.destination().check()


def test_a_link_in_place_of_the_archive_leads_nowhere(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    bring(world.destination(), Parcel(key="delivery-0", name="other.dicom.zip"))
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (world.root / "/".join(FOLDERS) / "T1.dicom.zip").symlink_to(victim)
    with pytest.raises(DestinationConflict):
        bring(world.destination(), Parcel())
    assert victim.read_bytes() == b"untouched"


def test_files_follow_the_umask(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    ended = bring(world.destination(), Parcel())
    mode = (world.root / ended.reference).stat().st_mode & 0o777
    assert mode & 0o600 == 0o600
    assert not mode & 0o111


def test_short_writes_and_many_parts() -> None:
    world = FaultyFolder()
    world.disk.short_writes = 0.8
    parcel = Parcel([Image(number=n, size=7) for n in range(600)])
    assert_delivered(world, parcel, bring(world.destination(), parcel))


def test_local_files_is_what_the_contract_says(tmp_path: Path) -> None:
    files = LocalFiles()
    assert files.file_size(tmp_path / "missing") is None
    assert files.file_size(tmp_path) is None
    (tmp_path / "a").write_bytes(b"abc")
    assert files.file_size(tmp_path / "a") == 3
    files.mkdir(tmp_path / "b")
    files.mkdir(tmp_path / "b")
