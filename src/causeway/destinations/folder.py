"""A folder tree: group/project/subject/session/acquisition, in it one ZIP and its JSON a parcel.

The order in which things become durable, and what a crash after each step leaves:

1. the folders are made, and every one up the tree is synced           (empty folders)
2. the archive is written beside its place, under a name that begins
   with ``.causeway-`` and ends with ``.part``, and synced              (a leftover)
3. its digest is remembered in the ledger                              (a leftover)
4. it is read back from the disk and compared                          (a leftover)
5. it is renamed to its name, and its folder is synced                 (an archive without JSON)
6. the JSON is written, synced, compared and renamed likewise          (all is there)

Steps 1 to 5 are ``send``, the last is ``commit``. So an archive under its name is whole, and an
archive with its JSON beside it is delivered. A repeated attempt removes leftovers of its delivery,
and what stands there already is read and compared: the same bytes are a success, other bytes a
conflict, and nothing is ever overwritten.

A share that is not mounted looks like an empty folder on the wrong disk. So the first use leaves a
marker file in the folder, whose content the ledger remembers too; without the marker nothing is
written. Errors name the destination and the reason, no path: labels can be names.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from causeway.destinations.contract import (
    Instance,
    Memory,
    Outcome,
    Seal,
    Shipment,
    Step,
    Takes,
)
from causeway.destinations.files import READ, Files, LocalFiles
from causeway.destinations.placing import (
    LEFTOVER_PREFIX,
    LEFTOVER_SUFFIX,
    Hashing,
    Placer,
    nowhere,
)
from causeway.errors import (
    CausewayError,
    DestinationConflict,
    DestinationRefused,
    DestinationUnavailable,
)
from causeway.values import Standing

MARKER: Final = ".causeway-destination"
"""In the destination's folder; says that it is the right one."""

_ARCHIVE_KEY: Final = "archive"
_METADATA_KEY: Final = "metadata"
_PROBE: Final = b"Causeway tries whether it can write here; this file may be removed.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    name: str
    path: Path


class FolderDestination:
    """See the module's text. Thread safe."""

    takes = Takes()

    def __init__(
        self,
        settings: FolderSettings,
        *,
        memory: Memory,
        files: Files | None = None,
        new_identity: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.name = settings.name
        self.root = settings.path
        self.files = files or LocalFiles()
        self.placer = Placer(self.files, self.name)
        self._memory = memory
        self._new_identity = new_identity
        self._identity_lock = threading.Lock()

    def check(self) -> None:
        with self.placer.explained():
            if self._memory.identity() is None:
                self.files.listdir(self.root.parent)
            else:
                self.recognise()

    def probe(self) -> Iterator[Step]:
        try:
            with self.placer.explained():
                self.check()
                if self.root.name not in self.files.listdir(self.root.parent):
                    yield Step(
                        name="folder", ok=True, text="not there yet; the first parcel makes it"
                    )
                    return
                marked = self._marker() is not None
            yield Step(
                name="folder", ok=True,
                text="the one that was used before" if marked else "there, and not used before",
            )  # fmt: skip
        except CausewayError as error:
            yield Step(name="folder", ok=False, text=error.message, hint=error.hint)
            return
        name = f"{LEFTOVER_PREFIX}probe-{uuid.uuid4().hex}"
        try:
            with self.placer.explained():
                seal = self.placer.place(self.root, name, lambda write: write((_PROBE,)), name)
                self.files.unlink(self.root / name)
            yield Step(name="write", ok=True, text="a small file, synced, and removed again")
        except CausewayError as error:
            yield Step(name="write", ok=False, text=error.message, hint=error.hint)
            return
        yield Step(name="read-back", ok=True, text=f"its {seal.size} bytes came back unchanged")

    def start(self, shipment: Shipment) -> FolderTransfer:
        for name in (*shipment.folders, shipment.name):
            # Pairs with the promise of whoever makes names: nothing leaves the tree by its name.
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise DestinationRefused("a label that cannot be the name of a folder")
        with self.placer.explained():
            self.recognise()
        return FolderTransfer(self, shipment)

    def close(self) -> None:
        pass

    def recognise(self) -> None:
        """Make sure that the folder is the one that was used before; mark it at first use."""
        with self._identity_lock:
            known, found = self._memory.identity(), self._marker()
            if known is None:
                self.files.mkdir(self.root)
                if found is None:
                    found = self._new_identity()
                    self._mark(found)
                self.files.fsync_dir(self.root.parent)
                known = self._memory.identify(found)
            if found != known:
                raise DestinationUnavailable(
                    f"the folder of destination {self.name} is not the one that was used before",
                    hint=f"is the share mounted? Its file {MARKER} is missing or another; if the "
                    f"folder was moved on purpose, write {known} into it",
                )

    def _marker(self) -> str | None:
        path = self.root / MARKER
        if self.files.file_size(path) is None:
            return None
        fd = self.files.open(path, READ)
        try:
            text = self.files.pread(fd, 4096, 0).decode("ascii", "replace")
        finally:
            self.files.close(fd)
        return text.partition("\n")[0].strip() or None

    def _mark(self, identity: str) -> None:
        text = (
            f"{identity}\nCauseway writes to this folder only while this file is here, so that a "
            "share that is not mounted is noticed. Leave it, and take it along if you move the "
            "folder.\n"
        )
        self.placer.place(self.root, MARKER, lambda write: write((text.encode(),)), "marker")


class FolderTransfer:
    """One parcel into the tree."""

    def __init__(self, destination: FolderDestination, shipment: Shipment) -> None:
        self.reference = "/".join((*shipment.folders, shipment.name))
        self._destination = destination
        self._files = destination.files
        self._placer = destination.placer
        self._shipment = shipment
        self._folder = destination.root.joinpath(*shipment.folders)
        self._seal: Seal | None = None
        """Of the archive under its name, once it was looked at."""
        self._already_there = False
        self._complete = False

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        with self._placer.explained():
            self._make_folders()
            self._remove_leftovers()
            if self._seal is None and (found := self._standing_archive()) is not None:
                self._seal, self._already_there = found, True
            if self._seal is None:
                self._seal = self._write_archive()
        return self._outcomes(instances, Standing.SENT)

    def commit(self) -> None:
        with self._placer.explained():
            if self._seal is None:
                raise DestinationConflict(
                    f"the archive at destination {self._destination.name} went away meanwhile"
                )
            self._remove_leftovers()
            self._write_metadata(self._seal)
            self._destination.recognise()
            self._complete = True

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        """After ``commit`` nothing is read once more: both files were, before they got their names,
        or when they were found.
        """
        if self._complete:
            return self._outcomes(instances, Standing.VERIFIED)
        with self._placer.explained():
            names = self._names()
            if self._shipment.name not in names:
                return self._outcomes(instances, Standing.AGAIN)
            self._seal, self._already_there = self._standing_archive(), True
            if self._seal is None or f"{self._shipment.name}.json" not in names:
                return self._outcomes(instances, Standing.SENT)
        self.commit()
        return self._outcomes(instances, Standing.VERIFIED)

    def abort(self) -> None:
        """Whatever fails while a file is written removes it; an archive under its name is whole."""

    def _outcomes(self, instances: Sequence[Instance], standing: Standing) -> list[Outcome]:
        there = self._already_there and standing is not Standing.AGAIN
        return [
            Outcome(
                instance=each, standing=standing, already_there=there,
                code="not_there" if standing is Standing.AGAIN else "",
            )
            for each in instances
        ]  # fmt: skip

    # --- the steps ----------------------------------------------------------------------------

    def _make_folders(self) -> None:
        """All of them, durable.

        Those that are there are synced too: a crash may have left them in memory only, and a sync
        without changes costs nothing.
        """
        path = self._destination.root
        for name in self._shipment.folders:
            self._files.mkdir(path / name)
            self._files.fsync_dir(path)
            path /= name

    def _names(self) -> list[str]:
        try:
            return self._files.listdir(self._folder)
        except FileNotFoundError:
            return []

    def _remove_leftovers(self) -> None:
        beginning = f"{LEFTOVER_PREFIX}{self._shipment.key}."
        for name in self._names():
            if name.startswith(beginning) and name.endswith(LEFTOVER_SUFFIX):
                self._files.unlink(self._folder / name)

    def _standing_archive(self) -> Seal | None:
        """The archive that stands there already, if it is this one."""
        shipment = self._shipment
        if shipment.name not in self._names():
            return None
        found = self._placer.sealed(self._folder / shipment.name, sync=True)
        if found.sha256 != shipment.recall(_ARCHIVE_KEY):
            # Nobody remembers it: made by an attempt whose memory was lost, or not ours. Another
            # version of this program may make other bytes, so memory is asked first.
            sink = Hashing(nowhere)
            shipment.archive(sink)
            if sink.seal() != found:
                raise DestinationConflict(
                    f"destination {self._destination.name} has another archive where this one "
                    "should be",
                    hint="move it away, then retry the delivery",
                )
        self._files.fsync_dir(self._folder)
        return found

    def _write_archive(self) -> Seal:
        shipment = self._shipment
        return self._placer.place(
            self._folder, shipment.name, shipment.archive, f"{shipment.key}.{shipment.attempt}",
            lambda seal: shipment.remember(_ARCHIVE_KEY, seal.sha256),
        )  # fmt: skip

    def _write_metadata(self, seal: Seal) -> None:
        shipment, folder, placer = self._shipment, self._folder, self._placer
        text = shipment.metadata(seal)
        mine = hashlib.sha256(text).hexdigest()
        name = f"{shipment.name}.json"
        if name not in self._names():
            placer.place(
                folder, name, lambda write: write((text,)),
                f"{shipment.key}.{shipment.attempt}.json",
                lambda seal: shipment.remember(_METADATA_KEY, seal.sha256),
            )  # fmt: skip
        elif placer.sealed(folder / name).sha256 not in (
            mine,
            shipment.recall(_METADATA_KEY),
        ) and not shipment.is_told_by(placer.head(folder / name, 2 * len(text)), seal):
            raise DestinationConflict(
                f"destination {self._destination.name} has another description beside the archive",
                hint="move it away, then retry the delivery",
            )
        else:
            self._files.fsync_dir(folder)
