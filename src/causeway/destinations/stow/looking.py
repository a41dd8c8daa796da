"""What a server has: asked by search (QIDO-RS, PS3.18, 10.6), or read back (WADO-RS, 10.4)."""

from __future__ import annotations

import enum
import itertools
import re
import struct
import urllib.parse
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from blake3 import blake3

from causeway.destinations.contract import Instance
from causeway.destinations.http import Answer, HttpClient, parts_of
from causeway.destinations.stow.answers import data_sets, text
from causeway.destinations.stow.batches import side_by_side
from causeway.errors import TemporaryError

PAGE: Final = 200
"""Instances in one answer; the most that Azure gives."""
LEAST_PAGE: Final = 25
"""Below that a question of its own costs about what it saves."""
FEW: Final = 3
"""So many are asked for one by one rather than by listing their series."""
JSON: Final = "application/dicom+json"
FILES: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
HEAD_BYTES: Final = 2048
"""Of a file before its data set, and more."""

_SOP_INSTANCE: Final = "00080018"
_ABSENT: Final = frozenset({204, 404, 410})
_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


SizeAndDigest = tuple[int, bytes]
"""Of a data set: bytes, and BLAKE3."""


class Found(enum.Enum):
    SAME = "same"
    OTHER = "other"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It is there, and the server does not give its bytes as they were stored."""


class Looking:
    """Questions to one DICOMweb service."""

    def __init__(self, client: HttpClient, url: str, *, at_once: int = 1) -> None:
        self._client = client
        self._url = url
        self._at_once = at_once

    def listed(self, study: str, series: str, wanted: Collection[str]) -> set[str]:
        """Which of the instances the server lists in their series."""
        found: set[str] = set()
        place = f"{self._url}/studies/{quoted(study)}/series/{quoted(series)}/instances"
        if len(wanted) <= FEW:
            for uid in wanted:
                found |= self._page(f"{place}?SOPInstanceUID={quoted(uid)}")
            return found & set(wanted)
        # As many pages as there should be, side by side: a server that reads each instance's header
        # for its answer takes longer to list than to store.
        size = page_for(len(wanted), at_once=self._at_once)
        pages = side_by_side(
            lambda offset: (self._page(f"{place}?limit={size}&offset={offset}"),),
            range(0, len(wanted), size),
            at_once=self._at_once,
        )
        for each in pages:
            found |= each
        if found.issuperset(wanted):
            return set(wanted)
        found = set()
        while True:
            # By how many it gave so far, as a server may give fewer than it was asked for.
            page = self._page(f"{place}?limit={PAGE}&offset={len(found)}")
            if not page - found:
                return found & set(wanted)
            found |= page
            if found.issuperset(wanted):
                return set(wanted)

    def read_whole(self, study: str, series: str, wanted: Mapping[SizeAndDigest, str]) -> set[str]:
        """Which of the instances, by their data sets, come back when their series is read in one.

        It is read no further than twice what is wanted, as it may have others besides. What does
        not come, or comes in other bytes, may be there all the same: a search tells that.
        """
        found: set[str] = set()
        most = 2 * sum(size + HEAD_BYTES for size, _ in wanted)
        place = f"{self._url}/studies/{quoted(study)}/series/{quoted(series)}"
        try:
            with self._client.open("GET", place, headers={"accept": FILES}) as (answer, pieces):
                if not answer.is_success:
                    return found
                for part in _parts(answer, _first(most, pieces)):
                    digest = _data_set_digest(part)
                    if digest is not None and digest in wanted:
                        found.add(wanted[digest])
                    if len(found) == len(wanted):
                        break
        except (ValueError, TemporaryError):
            return found
        return found

    def compared(self, instance: Instance, digests: Collection[SizeAndDigest]) -> Found:
        """Read one back, and see whether its data set is one of those."""
        place = (
            f"{self._url}/studies/{quoted(instance.study_instance_uid)}"
            f"/series/{quoted(instance.series_instance_uid)}"
            f"/instances/{quoted(instance.sop_instance_uid)}"
        )
        with self._client.open("GET", place, headers={"accept": FILES}) as (answer, pieces):
            if answer.status in _ABSENT:
                return Found.ABSENT
            if answer.status in (406, 415):
                return Found.UNKNOWN
            if not answer.is_success:
                raise self._client.failure(answer)
            try:
                found = _data_set_digest(next(_parts(answer, pieces), iter(())))
            except ValueError:
                raise TemporaryError(
                    f"{self._client.who} gave back what is no DICOM file"
                ) from None
        if found is None:
            return Found.ABSENT
        return Found.SAME if found in digests else Found.OTHER

    def _page(self, url: str) -> set[str]:
        answer = self._client.ask("GET", url, headers={"accept": JSON})
        if answer.status in _ABSENT:
            return set()
        if not answer.is_success:
            raise self._client.failure(answer)
        return {
            uid
            for each in data_sets(answer.body, answer.media_type)
            if (uid := text(each, _SOP_INSTANCE))
        }


def page_for(count: int, *, at_once: int) -> int:
    """Instances in an answer, so that so many questions at once have as much to do each."""
    pages = -(-count // PAGE)
    pages = -(-pages // at_once) * at_once
    return min(PAGE, max(LEAST_PAGE, -(-count // pages)))


def _parts(answer: Answer, pieces: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
    """The files of an answer, each as it comes. Raises ``ValueError``."""
    if not answer.media_type.startswith("multipart/"):
        yield pieces
        return
    match = _BOUNDARY.search(answer.headers.get("content-type", ""))
    if match is None:
        raise ValueError("no boundary")
    yield from parts_of(pieces, match[1])


def _first(most: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """No more bytes than so many, and a piece."""
    given = 0
    for piece in pieces:
        yield piece
        given += len(piece)
        if given > most:
            return


def quoted(uid: str) -> str:
    """UIDs are digits and dots; what somebody let through that is none must not become a path."""
    return urllib.parse.quote(uid, safe="")


def _data_set_digest(pieces: Iterator[bytes]) -> SizeAndDigest | None:
    """Size and BLAKE3 of the data set of a DICOM file; None for no file at all."""
    head = bytearray()
    for piece in pieces:
        head += piece
        if len(head) >= 144:
            break
    if not head:
        return None
    # PS3.10, 7.1: the length of group 0002 is its first element, in explicit VR little endian.
    if head[128:138] != b"DICM\x02\0\0\0UL" or len(head) < 144:
        raise ValueError("no file meta information")
    skip = 144 + struct.unpack_from("<I", head, 140)[0]
    return digest_of(_from(skip, itertools.chain((bytes(head),), pieces)))


def digest_of(pieces: Iterable[bytes]) -> SizeAndDigest:
    hasher, size = blake3(), 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
    return size, hasher.digest()


def _from(skip: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """All but the first bytes."""
    for piece in pieces:
        if skip < len(piece):
            yield piece[skip:]
        skip = max(0, skip - len(piece))
