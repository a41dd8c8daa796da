"""What the last run left behind: each leftover gets a name and an outcome.

`recover` runs alone, before anybody else opens the spool. It deletes only what is known never to
have been acknowledged; what it cannot explain or would not trust moves to ``strange/``. It looks
at the contents of a segment only behind the position that the ledger knows, and a segment that was
sealed is done with after one small read; so its time depends on what was open when the last run
ended, not on how much is in the spool. A second recovery finds nothing to change.

The leftovers are listed in ``docs/reference/spool-format.md``; ``NAMES`` is that list.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from causeway.errors import StartupError
from causeway.spool.disk import READ, Disk
from causeway.spool.format import Place
from causeway.spool.layout import Layout, parse_own_file, parse_segment_file
from causeway.spool.model import Kind
from causeway.spool.walk import read_record_head


class Outcome(enum.StrEnum):
    """What became of a leftover."""

    KEPT = "kept as received"
    DISCARDED = "discarded"
    SET_ASIDE = "set aside"
    REPAIRED = "repaired"
    LEFT = "left in place"


NAMES = {
    "unsealed segment": "its writer was killed, or the power went",
    "torn record": "the last one of an unsealed segment; its bytes are not all there",
    "failed record": "its sender was told that it failed",
    "damaged record": "bytes that changed after they were written",
    "destroyed header": "records are missing between sound ones",
    "log under an older name": "the renaming at its claiming was lost with the power",
    "unused log": "claimed, but nothing was acknowledged in it",
    "half-raised generation": "the copies of a segment's head differed",
    "destroyed head": "made anew from the records",
    "truncated segment": "shorter than it says",
    "strange segment": "neither head nor records can be read",
    "half-made segment": "nothing was ever stored in it",
    "half-received large object": "never acknowledged",
    "half-copied kept object": "its original is still there",
    "incomplete object": "no sound header, or shorter than it says",
    "empty file": "no bytes to lose",
    "foreign file": "nothing of the spool's has such a name",
    "segment in use": "another process holds its lock",
}
"""Every leftover, and what is said of it unless there is more to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that recovery met."""

    name: str
    """One of ``NAMES``."""
    where: str
    """Path below the spool, or an address."""
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """What recovery did."""

    leftovers: tuple[Leftover, ...]
    containers: int
    """Segments with records, large and kept files."""
    records: int
    """Verified behind the ledger's positions in segments that were not sealed."""


class Findings:
    """What is collected on the way."""

    def __init__(self) -> None:
        self.leftovers: list[Leftover] = []
        self.containers = 0
        self.records = 0

    def add(self, name: str, where: str, outcome: Outcome, detail: str = "") -> None:
        self.leftovers.append(
            Leftover(name=name, where=where, outcome=outcome, detail=detail or NAMES[name])
        )


def prepare(root: Path, *, disk: Disk) -> None:
    """Make the spool's folders, durably; the folder around ``root`` must exist. Raises
    StartupError.
    """
    layout = Layout(root)
    try:
        for folder in layout.folders():
            disk.mkdir(folder)
        disk.fsync_dir(root)
        disk.fsync_dir(root.parent)
    except OSError as error:
        raise StartupError(
            f"the spool's folders cannot be made: {error.strerror or error}",
            hint="data_dir must exist, on a local disk, and be writable",
        ) from error


def recover(root: Path, *, disk: Disk, positions: Mapping[str, int]) -> RecoveryReport:
    """Name and settle what the last run left. Nobody else may use the spool meanwhile.

    ``positions``: container → end of the last record that the ledger knows. Raises StartupError.
    """
    from causeway.spool.mend import SegmentMender

    prepare(root, disk=disk)
    layout = Layout(root)
    findings = Findings()
    try:
        mender = SegmentMender(layout, disk, positions, findings)
        for name in sorted(disk.listdir(layout.segments)):
            file = parse_segment_file(name)
            if file is None:
                _foreign(layout, disk, layout.segments / name, findings)
            else:
                mender.mend(file)
        _mend_own_files(layout, disk, Kind.LARGE, "half-received large object", findings)
        _mend_own_files(layout, disk, Kind.KEPT, "half-copied kept object", findings)
        known = {path.name for path in (*layout.folders()[1:], layout.reserve)}
        for name in sorted(disk.listdir(root)):
            if name not in known:
                _foreign(layout, disk, root / name, findings)
        # One sync a folder for all that was renamed and removed above: each step is repeated
        # harmlessly if the power goes before.
        for folder in reversed(layout.folders()):
            disk.fsync_dir(folder)
    except OSError as error:
        raise StartupError(
            f"the spool cannot be recovered: {error.strerror or error}",
            hint="look at the kernel's log for the disk; nothing was deleted",
        ) from error
    return RecoveryReport(
        leftovers=tuple(findings.leftovers),
        containers=findings.containers,
        records=findings.records,
    )


def set_file_aside(layout: Layout, disk: Disk, path: Path) -> None:
    """Move a file to ``strange/`` under the name it had."""
    target = layout.strange / path.name
    number = 1
    while disk.file_size(target) is not None:
        number += 1
        target = layout.strange / f"{path.name}.{number}"
    disk.rename(path, target)


def _mend_own_files(
    layout: Layout, disk: Disk, kind: Kind, half_done: str, findings: Findings
) -> None:
    folder = layout.own_file(kind, 0).parent
    for name in sorted(disk.listdir(folder)):
        path = folder / name
        where = f"{folder.name}/{name}"
        parsed = parse_own_file(name)
        size = disk.file_size(path)
        if parsed is None or size is None:
            _foreign(layout, disk, path, findings)
        elif parsed[1] == "tmp":
            disk.unlink(path)
            findings.add(half_done, where, Outcome.DISCARDED)
        elif size == 0:
            disk.unlink(path)
            findings.add("empty file", where, Outcome.DISCARDED)
        elif not _is_whole(disk, path, Place(parsed[0], 1, size)):
            set_file_aside(layout, disk, path)
            findings.add("incomplete object", where, Outcome.SET_ASIDE)
        else:
            findings.containers += 1


def _is_whole(disk: Disk, path: Path, place: Place) -> bool:
    """By header and length; its bytes were synced before it got its name, and are verified on
    reading.
    """
    fd = disk.open(path, READ)
    try:
        found = read_record_head(disk, fd, place, 0)
    finally:
        disk.close(fd)
    return found is not None and found.header.data_end == place.size


def _foreign(layout: Layout, disk: Disk, path: Path, findings: Findings) -> None:
    where = str(path.relative_to(layout.root))
    if disk.file_size(path) is None:
        findings.add("foreign file", where, Outcome.LEFT, "a folder, or no ordinary file")
        return
    with contextlib.suppress(FileNotFoundError):
        set_file_aside(layout, disk, path)
        findings.add("foreign file", where, Outcome.SET_ASIDE)
