"""An upload in parts that another process can go on with: what is remembered of it, and its plan.

The server knows which parts it has; what it does not reliably say is their digests, so those are
remembered beside the upload's id. A part is taken for done when the server lists it with the right
size *and* its bytes, read anew, have the digest that is remembered or listed. Everything else is
sent again.

What is remembered is written after each of the first parts and then ever more seldom: after a kill
at most one part in sixteen is sent twice, and a text that grows with the parts is not written for
each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1 << 20
PARTS_LIMIT: Final = 10_000
LEAST_PART_BYTES: Final = 5 * MIB
"""S3's least for all but the last part."""

_WRITTEN_EACH: Final = 16


def part_bytes_for(about_bytes: int, usual: int) -> int:
    """Bytes of a part: the usual, or what it takes to keep an object within the limit of parts.

    A tenth is added to a size that is an estimate, so that it need not be right.
    """
    needed = -(-about_bytes * 11 // 10 // PARTS_LIMIT)
    return max(LEAST_PART_BYTES, usual, -(-needed // MIB) * MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """An upload under way."""

    upload_id: str = field(repr=False)
    key: str = field(repr=False)
    part_bytes: int
    begun_at: float
    parts: Mapping[int, str] = field(default_factory=dict, repr=False)
    """Digest of each part that was answered for, by number."""

    def text(self) -> str:
        return json.dumps(
            {
                "upload": self.upload_id,
                "key": self.key,
                "part_bytes": self.part_bytes,
                "begun_at": self.begun_at,
                "parts": {str(number): digest for number, digest in self.parts.items()},
            }
        )

    @classmethod
    def read(cls, text: str | None) -> Remembered | None:
        """None for what is nothing of ours."""
        if text is None:
            return None
        try:
            said = json.loads(text)
            return cls(
                upload_id=str(said["upload"]),
                key=str(said["key"]),
                part_bytes=int(said["part_bytes"]),
                begun_at=float(said["begun_at"]),
                parts={int(number): str(each) for number, each in said["parts"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A part, as the server lists it."""

    size: int
    etag: str
    digest: str = ""
    """As it was sent; empty where the server does not say."""


def is_done(
    number: int, size: int, digest: str, listed: Mapping[int, Listed], known: Mapping[int, str]
) -> bool:
    """Whether a part with this digest need not be sent again."""
    there = listed.get(number)
    return (
        there is not None and there.size == size and (there.digest or known.get(number)) == digest
    )


def is_worth_writing(done: int) -> bool:
    """Whether what is remembered is written after so many parts."""
    return done <= _WRITTEN_EACH or done % max(1, done // _WRITTEN_EACH) == 0
