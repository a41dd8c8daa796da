"""The bytes of a data set, window by window, forward only; inflated where it is deflated."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, Protocol

from causeway.errors import BadDataSet, SpoolCorrupt
from causeway.pipeline.elements import DEFLATED_SYNTAXES, WINDOW_BYTES, Need

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the data set, or fewer where it ends."""

INFLATED_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that a deflated data set may become before the walk is content with what it saw, about one
second; deflate makes up to a thousand out of one, so a small object can be a bomb."""


class Windows(Protocol):
    """Where a walk gets its bytes."""

    def window(self, need: Need) -> tuple[bytes, int, bool] | None:
        """The bytes, the offset they start at, whether the data set ends with them.

        Offsets must not go back beyond the start of the last window. None if there is more than
        anybody should look at.
        """


def windows_of(fetch: Fetch, size: int, transfer_syntax_uid: str) -> Windows:
    """The windows of the data set of ``size`` bytes that ``fetch`` gives."""
    return (Inflated if transfer_syntax_uid in DEFLATED_SYNTAXES else Plain)(fetch, size)


class Plain:
    """A data set as it stands."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size

    def window(self, need: Need) -> tuple[bytes, int, bool]:
        offset = min(need.offset, self._size)
        wanted = min(need.size, self._size - offset)
        data = self._fetch(offset, wanted) if wanted else b""
        if len(data) != wanted:
            raise SpoolCorrupt(f"{len(data)} bytes where the record has {wanted}")
        return data, offset, offset + wanted == self._size


class Inflated:
    """A deflated data set (PS3.5 A.5): inflated from its start, as far as the walk asks."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._plain = Plain(fetch, size)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._read_to = 0
        self._window = b""
        self._start = 0

    def window(self, need: Need) -> tuple[bytes, int, bool] | None:
        parts = [self._window[max(0, need.offset - self._start) :]]
        end = self._start + len(self._window)
        have = len(parts[0])
        while have < need.size and not self._inflater.eof:
            if end > INFLATED_LIMIT:
                return None
            part = self._more()
            keep = part[max(0, need.offset - end) :]
            end += len(part)
            parts.append(keep)
            have += len(keep)
        self._window = b"".join(parts)
        self._start = end - len(self._window)
        return self._window, self._start, self._inflater.eof

    def _more(self) -> bytes:
        feed = self._inflater.unconsumed_tail
        if not feed:
            feed, offset, _ = self._plain.window(Need(self._read_to, 4 * WINDOW_BYTES))
            self._read_to = offset + len(feed)
        try:
            part = self._inflater.decompress(feed, 16 * WINDOW_BYTES)
        except zlib.error:
            raise BadDataSet(
                f"the deflated data set cannot be inflated, before offset {self._read_to}"
            ) from None
        if not part and not feed:
            raise BadDataSet("the deflated data set breaks off")
        return part
