"""What a bucket is, whoever keeps it: a few verbs, none of which ever overwrites.

Destinations of this family differ in this alone. ``Bucket`` has one implementation over botocore
(S3 and servers like it) and one over obstore (Google Cloud Storage, Azure Blob Storage).

All raise errors of ``errors.py``, and never retry: the driver's schedule does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from causeway.destinations.blob.checksums import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where an upload in parts is remembered, so that another process can go on with it."""

    recall: Callable[[], str | None]
    replace: Callable[[str | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What is to be put."""

    key: str = field(repr=False)
    about_bytes: int
    """Its size, or what it will hardly be beyond: parts are cut by it."""
    content_type: str
    notes: Mapping[str, str]
    """Kept with the object, ASCII; names in small letters."""
    progress: Progress = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the bucket says of an object."""

    size: int
    crc64nvme: str = ""
    """Of all its bytes; empty where the bucket does not say."""
    sha256: str = ""
    """Likewise; never a digest of digests."""
    notes: Mapping[str, str] = field(default_factory=dict)


class Sink(Protocol):
    """An upload under way. Takes bytes in order; holds a bounded number of them."""

    def write(self, parts: Sequence[bytes]) -> None: ...

    def digests(self) -> Digests:
        """Of what was written so far."""

    def finish(self) -> Digests | None:
        """All was written: make it an object. None: another has this key, and stays."""

    def cancel(self) -> None:
        """It will not be finished now. Never raises."""


class Bucket(Protocol):
    """Where objects are. Calls may come from several threads."""

    @property
    def is_trusted(self) -> bool:
        """Whether it takes the digests that it tells itself, and keeps what stands. What cannot be
        trusted is read back whole, and looked for before it is put.
        """

    def begin(self, upload: Upload) -> Sink: ...

    def look(self, key: str) -> Seen | None:
        """What stands there; None if nothing does."""

    def keys(self, folder: str, *, pages: int) -> frozenset[str] | None:
        """All keys that begin so, if they fit into so many answers; None if they do not, or if
        the bucket does not tell.
        """

    def read(self, key: str) -> Iterator[bytes]:
        """Raises ``TemporaryError`` if nothing stands there."""

    def remove(self, key: str) -> None: ...

    def check(self) -> None:
        """Raise what the first use would raise, as far as it can be told without the network."""

    def close(self) -> None: ...
