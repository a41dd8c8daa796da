"""Names and folders of the spool. A name is a hint; what a file is, its contents say."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from causeway.spool.model import Kind


def new_id() -> int:
    """64 bits that no file of this spool had before: milliseconds since 1970, and chance."""
    return (int(time.time() * 1000) & ((1 << 44) - 1)) << 20 | secrets.randbits(20)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are."""

    root: Path

    @property
    def segments(self) -> Path:
        return self.root / "segments"

    @property
    def large(self) -> Path:
        return self.root / "large"

    @property
    def kept(self) -> Path:
        return self.root / "kept"

    @property
    def strange(self) -> Path:
        return self.root / "strange"

    @property
    def reserve(self) -> Path:
        return self.root / "reserve"

    def folders(self) -> tuple[Path, ...]:
        return (self.root, self.segments, self.large, self.kept, self.strange)

    def own_file(self, kind: Kind, id_: int, suffix: str = "obj") -> Path:
        """A large or kept object."""
        folder = self.large if kind is Kind.LARGE else self.kept
        return folder / f"{id_:016x}.{suffix}"

    def segment(self, id_: int, state: str) -> Path:
        """``state``: log, ready, making, or what `failed_state` gives."""
        return self.segments / f"{id_:016x}.{state}"


def failed_state(generation: int, offset: int) -> str:
    """How the name of a segment ends whose write at ``offset`` failed."""
    return f"{generation}-{offset}.failed"


class SegmentFile(NamedTuple):
    """What a file name in ``segments/`` says."""

    id: int
    state: str
    """log, ready, making or failed."""
    name: str
    failed: tuple[int, int] | None = None
    """Generation and offset."""

    def failed_at(self, generation: int) -> int | None:
        """The offset from which on nothing was acknowledged.

        Only in the generation that the name speaks of: the name itself may be an old one that a
        power cut brought back.
        """
        return self.failed[1] if self.failed and self.failed[0] == generation else None


_SEGMENT_FILE = re.compile(
    r"([0-9a-f]{16})\.(?:(log|ready|making)|([0-9]{1,10})-([0-9]{1,12})\.failed)"
)
_OWN_FILE = re.compile(r"([0-9a-f]{16})\.(obj|tmp)")
_CONTAINER = re.compile(r"(?:seg-([0-9a-f]{16})\.([0-9]{1,10})|(large|kept)-([0-9a-f]{16}))")


def parse_segment_file(name: str) -> SegmentFile | None:
    match = _SEGMENT_FILE.fullmatch(name)
    if match is None:
        return None
    id_, state, generation, offset = match.groups()
    failed = None if state else (int(generation), int(offset))
    return SegmentFile(int(id_, 16), state or "failed", name, failed)


def parse_own_file(name: str) -> tuple[int, str] | None:
    """Id and suffix."""
    match = _OWN_FILE.fullmatch(name)
    return None if match is None else (int(match[1], 16), match[2])


class Container(NamedTuple):
    """What a container's name says."""

    kind: Kind
    id: int
    generation: int


def segment_container(id_: int, generation: int) -> str:
    return f"seg-{id_:016x}.{generation}"


def own_container(kind: Kind, id_: int) -> str:
    return f"{kind}-{id_:016x}"


def parse_container(name: str) -> Container:
    """Raises ValueError."""
    match = _CONTAINER.fullmatch(name)
    if match is None:
        raise ValueError(f"not a container of the spool: {name!r}")
    if match[1]:
        return Container(Kind.SEGMENT, int(match[1], 16), int(match[2]))
    return Container(Kind(match[3]), int(match[4], 16), 1)
