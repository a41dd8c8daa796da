"""What an object's bytes are known by, taken while they are read, once.

CRC-64/NVME is what S3 keeps of a whole object, however it was uploaded; SHA-256 is what auditors
ask for, and S3 keeps it of an object in one piece only. ETags are never asked: encryption, parts
and servers of other makers make them something else than an MD5.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

CRC64NVME: Final = "crc64nvme"
SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Of one sequence of bytes. The texts are what S3 calls base64 of the big-endian value."""

    size: int
    crc64nvme: str
    sha256: str

    @property
    def sha256_hex(self) -> str:
        return base64.b64decode(self.sha256).hex()


class Digesting:
    """Takes bytes, and says what they are known by."""

    def __init__(self) -> None:
        self._size = 0
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._next_crc = _crc64nvme()

    def update(self, data: bytes) -> None:
        self._size += len(data)
        self._crc = self._next_crc(data, self._crc)
        self._sha256.update(data)

    def through(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces themselves, each taken on its way."""
        for piece in pieces:
            self.update(piece)
            yield piece

    def digests(self) -> Digests:
        return Digests(
            size=self._size,
            crc64nvme=encoded(self._crc.to_bytes(8, "big")),
            sha256=encoded(self._sha256.digest()),
        )


def digests_of(pieces: Iterable[bytes]) -> Digests:
    taking = Digesting()
    for piece in pieces:
        taking.update(piece)
    return taking.digests()


def crc64nvme(data: bytes) -> str:
    return encoded(_crc64nvme()(data, 0).to_bytes(8, "big"))


def sha256(data: bytes) -> str:
    return encoded(hashlib.sha256(data).digest())


def md5(data: bytes) -> str:
    """For Content-MD5 alone, where a server knows nothing better."""
    return encoded(hashlib.md5(data, usedforsecurity=False).digest())


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


@cache
def _crc64nvme() -> Callable[[bytes, int], int]:
    # Loads a library of some megabytes, which only a process that uploads should pay for.
    from awscrt import checksums

    taken: Callable[[bytes, int], int] = checksums.crc64nvme
    return taken
