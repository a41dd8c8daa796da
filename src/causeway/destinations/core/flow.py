"""An archive that is written by pushing, read by pulling: a thread between the two, and few bytes.

Archives are a function of the parcel, so one that has to go in parts, or again, is made again
rather than kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final

from causeway.destinations.contract import Write

WAITING: Final = 8
"""Pieces between the two sides; each at most a mebibyte, or a small instance whole."""

Produce = Callable[[Write], None]


class _Stopped(BaseException):
    """Nobody reads any more. Not an ``Exception``, so that nobody in between handles it."""


def pulled(produce: Produce) -> Generator[bytes, None, None]:
    """What ``produce`` writes, as it is read. Raises what it raises."""
    waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(WAITING)
    stop = threading.Event()

    def write(parts: Sequence[bytes]) -> None:
        for part in parts:
            if part:
                put(part)

    def put(item: bytes | BaseException | None) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.2)
                return
            except queue.Full:
                continue
        raise _Stopped

    def run() -> None:
        try:
            produce(write)
            put(None)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where it is read
            with contextlib.suppress(_Stopped):
                put(error)

    thread = threading.Thread(target=run, name="archive", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def measured(produce: Produce) -> tuple[int, str]:
    """Size and SHA-384 of what ``produce`` writes."""
    hasher, size = hashlib.sha384(), 0

    def write(parts: Sequence[bytes]) -> None:
        nonlocal size
        for part in parts:
            hasher.update(part)
            size += len(part)

    produce(write)
    return size, hasher.hexdigest()


class Cut:
    """A stream that is read in consecutive parts of given sizes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def take(self, size: int) -> Iterator[bytes]:
        """The next bytes, so many. Raises ``ValueError`` if there are not as many."""
        while size:
            piece = self._left or next(self._pieces, b"")
            if not piece:
                raise ValueError("an archive is shorter than it was")
            self._left = piece[size:]
            piece = piece[:size]
            size -= len(piece)
            yield piece
