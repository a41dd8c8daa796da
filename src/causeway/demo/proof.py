"""The end of the demo: are the images really there, byte for byte?

Does not ask the connector. It opens every archive in the destination's folder, takes the data set
of every member and compares its digest with what the demo sent.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3
from rich.tree import Tree

from causeway.demo.watch import images
from causeway.part10 import read_part10


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found."""

    archives: int
    identical: int
    missing: int
    different: int
    unexpected: int

    @property
    def holds(self) -> bool:
        return not (self.missing or self.different or self.unexpected)

    def __str__(self) -> str:
        if self.holds:
            return (
                f"{self.identical} images in {self.archives} archives, byte for byte what was sent"
            )
        return (
            f"{self.identical} images are what was sent, {self.missing} are missing, "
            f"{self.different} differ, {self.unexpected} were never sent"
        )


def prove(folder: Path, sent: Mapping[str, str], scratch: Path) -> Proof:
    """Compare what the archives below the folder hold with digests by SOP Instance UID."""
    found: dict[str, str] = {}
    archives = sorted(folder.rglob("*.zip"))
    for archive in archives:
        with zipfile.ZipFile(archive) as members:
            for name in members.namelist():
                if name.endswith(".dcm"):
                    scratch.write_bytes(members.read(name))
                    file = read_part10(scratch)
                    digest = blake3(scratch.read_bytes()[file.offset :]).hexdigest()
                    found[file.sop_instance_uid] = digest
    scratch.unlink(missing_ok=True)
    identical = sum(1 for uid, digest in sent.items() if found.get(uid) == digest)
    missing = sum(1 for uid in sent if uid not in found)
    return Proof(
        archives=len(archives),
        identical=identical,
        missing=missing,
        different=len(sent) - identical - missing,
        unexpected=sum(1 for uid in found if uid not in sent),
    )


def tree(folder: Path) -> Tree:
    """What stands in the folder, for printing."""
    root = Tree(f"[bold]{folder.name}/[/]")
    _grow(root, folder)
    return root


def _grow(branch: Tree, folder: Path) -> None:
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in entries:
        label = path.name.replace("[", r"\[")
        if path.is_dir():
            _grow(branch.add(f"[blue]{label}/[/]"), path)
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as members:
                count = sum(name.endswith(".dcm") for name in members.namelist())
            branch.add(f"{label}  [dim]{images(count)}, {_size(path.stat().st_size)}[/]")
        else:
            branch.add(f"{label}  [dim]{_size(path.stat().st_size)}[/]")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
