"""Objects, and uploads that are to become one; what the service checks of both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

from awscrt.checksums import crc32c

from causeway.testing.http_peer import Request

LEAST_PART_BYTES: Final = 5 << 20
"""Of all parts but the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    content: bytes = field(repr=False)
    generation: int
    content_type: str
    metadata: Mapping[str, str] = field(repr=False)
    etag: str
    in_parts: bool = False
    """Then nobody knows its MD5."""

    def headers(self) -> dict[str, str]:
        return {
            "ETag": self.etag,
            "x-goog-generation": str(self.generation),
            "x-goog-metageneration": "1",
            "x-goog-hash": hashes(self.content, md5=not self.in_parts),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    content: bytes = field(repr=False)
    etag: str


@dataclass(slots=True, kw_only=True)
class UploadInParts:
    """An upload under way; it costs money until it is completed or aborted."""

    bucket: str
    name: str
    content_type: str
    metadata: Mapping[str, str] = field(repr=False)
    parts: dict[int, Part] = field(default_factory=dict)


class Refused(Exception):
    """What is answered instead, with the service's own code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def assembled(upload: UploadInParts, body: bytes) -> list[bytes]:
    """The parts that a request lists; raises ``Refused`` for a list that cannot be."""
    try:
        rows = ET.fromstring(body).findall("{*}Part")  # noqa: S314  of our own client
        listed = [
            (int(row.findtext("{*}PartNumber") or 0), (row.findtext("{*}ETag") or "").strip('"'))
            for row in rows
        ]
    except (ET.ParseError, ValueError):
        raise Refused(400, "MalformedXML", "not a list of parts") from None
    if not listed:
        raise Refused(400, "MalformedXML", "no parts")
    if [number for number, _ in listed] != sorted({number for number, _ in listed}):
        raise Refused(400, "InvalidPartOrder", "parts must be in ascending order")
    content: list[bytes] = []
    for number, etag in listed:
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag:
            raise Refused(400, "InvalidPart", "a part is not there, or its ETag is another")
        content.append(part.content)
    if any(len(each) < LEAST_PART_BYTES for each in content[:-1]):
        raise Refused(400, "EntityTooSmall", "a part but the last has less than 5 MiB")
    return content


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def check_digests(request: Request) -> None:
    """What a client says of its body must be so."""
    if "content-length" not in request.headers:
        raise Refused(411, "MissingContentLength", "a body comes with its length")
    said = [each.strip() for each in request.headers.get("x-goog-hash", "").split(",")]
    if md5 := request.headers.get("content-md5"):
        said.append(f"md5={md5}")
    if not set(filter(None, said)) <= set(hashes(request.body, md5=True).split(",")):
        raise Refused(400, "BadDigest", "another digest than that of what came")


def hashes(content: bytes, *, md5: bool) -> str:
    found = f"crc32c={base64.b64encode(crc32c(content).to_bytes(4, 'big')).decode()}"
    if md5:
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        found += f",md5={base64.b64encode(digest).decode()}"
    return found
