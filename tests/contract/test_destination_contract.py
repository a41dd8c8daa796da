"""What every destination must keep, whatever its type. A new type adds itself to ``WORLDS``.

A *world* is a destination together with what outlives a crash of the process: the other side, and
what the ledger remembers.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from causeway.destinations import Destination, FolderSettings, Proof, Seal, Write, build
from causeway.destinations.files import LocalFiles
from causeway.errors import DestinationConflict, SpoolCorrupt, TemporaryError
from causeway.testing.disk import FaultyDisk, PowerCut

FOLDERS = ("unknown", "Unsorted", "Müller", "Brain", "T1")


class Parcel:
    """A shipment whose bytes and memory the test holds."""

    def __init__(
        self,
        parts: Sequence[bytes] = (b"PK-one", b"-two" * 500, b"-end"),
        *,
        key: str = "delivery-1",
        name: str = "T1.dicom.zip",
        memory: dict[str, str] | None = None,
    ) -> None:
        self.parts = tuple(parts)
        self.key = key
        self.attempt = 1
        self.folders = FOLDERS
        self.name = name
        self.memory: dict[str, str] = {} if memory is None else memory
        self.broken: BaseException | None = None
        self.description = "v1"

    @property
    def content(self) -> bytes:
        return b"".join(self.parts)

    def archive(self, write: Write) -> None:
        for number, part in enumerate(self.parts):
            if self.broken is not None and number == len(self.parts) - 1:
                raise self.broken
            write((part[:2], part[2:]))

    def metadata(self, seal: Seal) -> bytes:
        return json.dumps({"sha256": seal.sha256, "by": self.description}).encode()

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        try:
            return bool(json.loads(text)["sha256"] == seal.sha256)
        except (ValueError, KeyError):
            return False

    def recall(self, key: str) -> str | None:
        return self.memory.get(key)

    def remember(self, key: str, value: str) -> str:
        return self.memory.setdefault(key, value)

    def again(self) -> Parcel:
        """The same delivery, claimed once more."""
        twin = Parcel(self.parts, key=self.key, name=self.name, memory=self.memory)
        twin.attempt = self.attempt + 1
        return twin


class DestinationMemory:
    def __init__(self) -> None:
        self.value: str | None = None

    def identity(self) -> str | None:
        return self.value

    def identify(self, identity: str) -> str:
        self.value = self.value or identity
        return self.value


class World(Protocol):
    def destination(self) -> Destination:
        """A fresh one, as after a start of the process."""

    def content(self) -> dict[str, bytes]:
        """What is there by its final name, by reference."""

    def leftovers(self) -> list[str]: ...

    def put(self, reference: str, data: bytes) -> None:
        """Somebody else's file."""


class LocalFolder:
    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "archive"
        self.memory = DestinationMemory()

    def destination(self) -> Destination:
        return build(FolderSettings(name="archive", path=self.root), memory=self.memory)

    def _files(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.root)): p.read_bytes()
            for p in self.root.rglob("*")
            if p.is_file() and p.name != ".causeway-destination"
        }

    def content(self) -> dict[str, bytes]:
        return {n: d for n, d in self._files().items() if not n.endswith(".part")}

    def leftovers(self) -> list[str]:
        return [n for n in self._files() if n.endswith(".part")]

    def put(self, reference: str, data: bytes) -> None:
        path = self.root / reference
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class FaultyFolder:
    """The same on a disk that lies."""

    def __init__(self, seed: int = 0) -> None:
        self.disk = FaultyDisk(Random(seed))
        self.base = Path("/mnt")
        self.root = self.base / "archive"
        self.disk.mkdir(self.base)
        self.disk.fsync_dir(Path("/")) if "/" in self.disk._names else None
        self.disk._stable_names.update(self.disk._names)
        self.disk._changes.clear()
        self.memory = DestinationMemory()

    def destination(self) -> Destination:
        return build(
            FolderSettings(name="archive", path=self.root), memory=self.memory, files=self.disk
        )

    def _files(self) -> dict[str, bytes]:
        prefix = f"{self.root}/"
        return {
            n.removeprefix(prefix): d
            for n, d in self.disk.files().items()
            if n.startswith(prefix) and not n.endswith(".causeway-destination")
        }

    def content(self) -> dict[str, bytes]:
        return {n: d for n, d in self._files().items() if not n.endswith(".part")}

    def leftovers(self) -> list[str]:
        return [n for n in self._files() if n.endswith(".part")]

    def put(self, reference: str, data: bytes) -> None:
        path = self.root / reference
        for folder in reversed(path.parents[:-2]):
            self.disk.mkdir(folder)
        fd = self.disk.open(path, 0o102 | 0o300)
        self.disk.pwritev(fd, [data], 0)
        self.disk.close(fd)


WORLDS: dict[str, Callable[[Path], World]] = {
    "folder": LocalFolder,
    "folder on a faulty disk": lambda tmp_path: FaultyFolder(),
}


@pytest.fixture(params=WORLDS.values(), ids=WORLDS.keys())
def world(request: Any, tmp_path: Path) -> World:
    made: World = request.param(tmp_path)
    return made


def assert_delivered(world: World, parcel: Parcel, proof: Proof) -> None:
    assert proof.seal.sha256 == hashlib.sha256(parcel.content).hexdigest()
    assert proof.seal.size == len(parcel.content)
    content = world.content()
    assert content[proof.reference] == parcel.content
    beside = content[f"{proof.reference}.json"]
    assert json.loads(beside)["sha256"] == proof.seal.sha256
    assert not world.leftovers()


def test_a_parcel_is_there_whole_and_proved(world: World) -> None:
    parcel = Parcel()
    proof = world.destination().deliver(parcel)
    assert not proof.already_there
    assert_delivered(world, parcel, proof)
    assert len(world.content()) == 2
    assert "Müller" not in repr(proof)


def test_repeating_gives_the_same_proof_and_changes_nothing(world: World) -> None:
    parcel = Parcel()
    first = world.destination().deliver(parcel)
    before = world.content()
    second = world.destination().deliver(parcel.again())
    assert second.already_there
    assert (second.reference, second.seal) == (first.reference, first.seal)
    assert world.content() == before


def test_what_nobody_remembers_is_verified_by_asking(world: World) -> None:
    parcel = Parcel()
    world.destination().deliver(parcel)
    parcel.memory.clear()
    proof = world.destination().deliver(parcel.again())
    assert proof.already_there
    assert_delivered(world, parcel, proof)


def test_a_newer_version_of_the_program_recognises_what_the_older_one_brought(
    world: World,
) -> None:
    parcel = Parcel()
    first = world.destination().deliver(parcel)
    newer = parcel.again()
    newer.parts = (b"other bytes for the same parcel",)
    newer.description = "v2"
    proof = world.destination().deliver(newer)
    assert proof.already_there
    assert proof.seal == first.seal
    assert_delivered(world, parcel, proof)


def test_what_a_lost_ledger_had_brought_is_recognised_and_left_as_it_is(world: World) -> None:
    world.destination().deliver(Parcel())
    before = world.content()
    anew = Parcel()
    anew.description = "told at another time"
    proof = world.destination().deliver(anew)
    assert proof.already_there
    assert world.content() == before


def test_something_else_in_its_place_is_a_conflict_and_stays(world: World) -> None:
    parcel = Parcel()
    world.destination().deliver(Parcel(key="delivery-0", name="other.dicom.zip"))
    reference = "/".join((*FOLDERS, parcel.name))
    world.put(reference, b"somebody else's")
    with pytest.raises(DestinationConflict) as caught:
        world.destination().deliver(parcel)
    assert world.content()[reference] == b"somebody else's"
    assert not world.leftovers()
    assert "Müller" not in str(caught.value)


def test_another_description_beside_the_archive_is_a_conflict(world: World) -> None:
    parcel = Parcel()
    world.destination().deliver(Parcel(key="delivery-0", name="other.dicom.zip"))
    world.put("/".join((*FOLDERS, f"{parcel.name}.json")), b"{}")
    with pytest.raises(DestinationConflict):
        world.destination().deliver(parcel)


def test_a_source_that_fails_leaves_nothing(world: World) -> None:
    for failure in (SpoolCorrupt("does not match"), RuntimeError("?"), KeyboardInterrupt()):
        parcel = Parcel()
        parcel.broken = failure
        with pytest.raises(type(failure)):
            world.destination().deliver(parcel)
        assert not world.content()
        assert not world.leftovers()
    proof = world.destination().deliver(parcel := Parcel())
    assert_delivered(world, parcel, proof)


def test_parcels_of_one_place_do_not_disturb_each_other(world: World) -> None:
    first, second = Parcel(), Parcel((b"amended",), key="delivery-12", name="T1.2.dicom.zip")
    destination = world.destination()
    proofs = [destination.deliver(first), destination.deliver(second)]
    assert_delivered(world, first, proofs[0])
    assert_delivered(world, second, proofs[1])


# --- the folder's own ----------------------------------------------------------------------


def calls_of_one_delivery() -> int:
    world = FaultyFolder()
    before = world.disk.calls
    world.destination().deliver(Parcel())
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
                world.destination().deliver(parcel)
            world.disk.cut_power()
            for name, data in world.content().items():
                whole = name.endswith(".json") or data == parcel.content
                assert whole, f"half an archive under its name after call {call}"
            proof = world.destination().deliver(parcel.again())
            assert_delivered(world, parcel, proof)
            world.disk.cut_power()
            assert_delivered(world, parcel, proof)


def test_kill_at_every_call_then_again() -> None:
    for call in range(1, calls_of_one_delivery() + 1):
        world = FaultyFolder()
        parcel = Parcel()
        world.disk.cut_at_call = world.disk.calls + call
        with pytest.raises(PowerCut):
            world.destination().deliver(parcel)
        world.disk.kill()
        proof = world.destination().deliver(parcel.again())
        assert_delivered(world, parcel, proof)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ESTALE, 9999])
def test_a_failing_call_is_temporary_and_leaves_no_half(number: int) -> None:
    for call in ("open", "pwritev", "fsync", "fsync_dir", "pread", "rename", "mkdir", "listdir"):
        for after in range(1, 4):
            world = FaultyFolder()
            parcel = Parcel()
            world.disk.fail(call, number, after=after)
            failure: TemporaryError | None = None
            try:
                world.destination().deliver(parcel)
            except TemporaryError as error:
                failure = error
            assert "Müller" not in str(failure)
            assert failure is None or failure.__cause__ is None
            archives = [d for n, d in world.content().items() if not n.endswith(".json")]
            assert archives in ([], [parcel.content])
            world.disk._faults.clear()
            assert_delivered(world, parcel, world.destination().deliver(parcel.again()))


def test_a_full_disk_is_waited_out() -> None:
    world = FaultyFolder()
    world.disk.capacity = 1500
    parcel = Parcel()
    with pytest.raises(TemporaryError, match="no room"):
        world.destination().deliver(parcel)
    assert not world.content()
    world.disk.capacity = 1 << 30
    assert_delivered(world, parcel, world.destination().deliver(parcel.again()))


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
        world.destination().deliver(parcel)
    assert not world.content()
    assert not world.leftovers()
    rot = False
    assert_delivered(world, parcel, world.destination().deliver(parcel.again()))


def test_leftovers_of_this_delivery_are_removed_and_others_are_not(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    world.destination().deliver(Parcel(key="delivery-9", name="other.dicom.zip"))
    place = "/".join(FOLDERS)
    world.put(f"{place}/.causeway-delivery-1.1.part", b"half")
    world.put(f"{place}/.causeway-delivery-1.1.json.part", b"half")
    world.put(f"{place}/.causeway-delivery-12.1.part", b"not ours")
    world.destination().deliver(Parcel())
    assert world.leftovers() == [f"{place}/.causeway-delivery-12.1.part"]


def test_a_share_that_went_away_is_not_written_to(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    destination = world.destination()
    destination.deliver(Parcel())
    world.root.rename(tmp_path / "the share")
    world.root.mkdir()  # what a mount point looks like when nothing is mounted
    for fresh in (destination, world.destination()):
        with pytest.raises(TemporaryError, match="not the one") as caught:
            fresh.deliver(Parcel(key="delivery-2", name="late.dicom.zip"))
        assert ".causeway-destination" in caught.value.hint
        with pytest.raises(TemporaryError, match="not the one"):
            fresh.check()
    assert list(world.root.iterdir()) == []
    world.root.rmdir()
    (tmp_path / "the share").rename(world.root)
    destination.check()
    destination.deliver(Parcel(key="delivery-2", name="late.dicom.zip"))


def test_a_folder_that_is_marked_already_is_adopted(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    world.destination().deliver(Parcel())
    world.memory = DestinationMemory()  # a new data folder
    assert world.destination().deliver(Parcel().again()).already_there
    assert world.memory.value is not None


def test_a_folder_whose_parent_is_missing_is_not_made(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path / "missing")
    with pytest.raises(TemporaryError, match="does not answer"):
        world.destination().deliver(Parcel())
    with pytest.raises(TemporaryError, match="does not answer"):
        world.destination().check()


def test_a_link_in_place_of_the_archive_leads_nowhere(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    world.destination().deliver(Parcel(key="delivery-0", name="other.dicom.zip"))
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (world.root / "/".join(FOLDERS) / "T1.dicom.zip").symlink_to(victim)
    with pytest.raises(DestinationConflict):
        world.destination().deliver(Parcel())
    assert victim.read_bytes() == b"untouched"


def test_files_follow_the_umask(tmp_path: Path) -> None:
    world = LocalFolder(tmp_path)
    proof = world.destination().deliver(Parcel())
    mode = (world.root / proof.reference).stat().st_mode & 0o777
    assert mode & 0o600 == 0o600
    assert not mode & 0o111


def test_short_writes_and_many_parts() -> None:
    world = FaultyFolder()
    world.disk.short_writes = 0.8
    parcel = Parcel([bytes([n % 256]) * 7 for n in range(2500)])
    assert_delivered(world, parcel, world.destination().deliver(parcel))


def test_local_files_is_what_the_contract_says(tmp_path: Path) -> None:
    files = LocalFiles()
    assert files.file_size(tmp_path / "missing") is None
    assert files.file_size(tmp_path) is None
    (tmp_path / "a").write_bytes(b"abc")
    assert files.file_size(tmp_path / "a") == 3
    files.mkdir(tmp_path / "b")
    files.mkdir(tmp_path / "b")
