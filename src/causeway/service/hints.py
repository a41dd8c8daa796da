"""Hints from receivers to the pipeline: one line each, through one pipe that all of them share.

::

    C <container> <end>                    the container holds committed records up to this offset
    E <association> <outcome> <stored>     the association is over
    R <source> <status> <count>            objects were refused with this C-STORE status
    S                                      a series may be whole: a node has sent all of it
    L <letter>                             a letter was kept
    V <commitment> <status>                what became of a report that was left for an association:
                                           its status, or "-"

A line is shorter than PIPE_BUF, so lines of several writers never mix (POSIX, ``write``). Writing
never waits: when the pipe is full because the pipeline is slow or away, a ``C`` line is remembered
as the newest end of its container, ``R`` lines are added up and the others are queued; all go
with a later call.
Nothing depends on a hint arriving: the records in the spool are the truth, and the pipeline scans
for them when it starts.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

READ_BYTES: Final = 65536
"""A pipe's room."""

_STATUS: Final = re.compile(rb"[0-9A-F]{4}")


@dataclass(frozen=True, slots=True)
class Committed:
    """A container holds committed records up to ``end``."""

    container: str
    end: int

    def line(self) -> bytes:
        return b"C %s %d\n" % (self.container.encode("ascii"), self.end)


@dataclass(frozen=True, slots=True)
class AssociationOver:
    """An association ended: ``released``, ``aborted``, ``lost`` or ``timeout``."""

    association: str
    outcome: str
    stored: int

    def line(self) -> bytes:
        return b"E %s %s %d\n" % (
            self.association.encode("ascii"),
            self.outcome.encode("ascii"),
            self.stored,
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """Objects of a source that were answered with a failure status, and not kept."""

    source: str
    status: int
    count: int

    def line(self) -> bytes:
        return b"R %s %04X %d\n" % (self.source.encode("ascii"), self.status, self.count)


@dataclass(frozen=True, slots=True)
class LetterKept:
    """A letter was kept."""

    letter: str

    def line(self) -> bytes:
        return b"L %s\n" % self.letter.encode("ascii")


@dataclass(frozen=True, slots=True)
class ReportAnswered:
    """A report that was left for an association went out, or did not."""

    commitment: int
    status: int | None
    """What the peer answered; None if it did not go out, or nobody can tell."""

    def line(self) -> bytes:
        status = b"-" if self.status is None else b"%04X" % self.status
        return b"V %d %s\n" % (self.commitment, status)


@dataclass(frozen=True, slots=True)
class SeriesWhole:
    """A retrieval has ended, and the ledger says so: the stages need not wait to find that."""

    def line(self) -> bytes:
        return b"S\n"


Hint = Committed | AssociationOver | Refused | LetterKept | ReportAnswered | SeriesWhole


class HintWriter:
    """A receiver's end of the pipe. Thread safe; never blocks."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._lock = threading.Lock()
        self._behind: dict[str, int] = {}
        self._queued: deque[AssociationOver | LetterKept | ReportAnswered] = deque()
        self._refused: dict[tuple[str, int], int] = {}

    def committed(self, container: str, end: int) -> None:
        if self._behind or not self._write(Committed(container, end).line()):
            with self._lock:
                self._behind[container] = max(end, self._behind.get(container, 0))
            self.catch_up()

    def association_over(self, association: str, outcome: str, stored: int) -> None:
        self._queue(AssociationOver(association, outcome, stored))

    def letter(self, name: str) -> None:
        self._queue(LetterKept(name))

    def answered(self, commitment: int, status: int | None) -> None:
        self._queue(ReportAnswered(commitment, status))

    def refused(self, source: str, status: int) -> None:
        with self._lock:
            self._refused[source, status] = self._refused.get((source, status), 0) + 1
        self.catch_up()

    def series_whole(self) -> None:
        """Of no use later: the stages look by themselves each second."""
        self._write(SeriesWhole().line())

    def catch_up(self) -> None:
        """Write what an earlier call could not; called by a timer as well."""
        with self._lock:
            for container in list(self._behind):
                if not self._write(Committed(container, self._behind[container]).line()):
                    return
                del self._behind[container]
            for (source, status), count in list(self._refused.items()):
                if not self._write(Refused(source, status, count).line()):
                    return
                del self._refused[source, status]
            while self._queued:
                if not self._write(self._queued[0].line()):
                    return
                self._queued.popleft()

    def _queue(self, hint: AssociationOver | LetterKept | ReportAnswered) -> None:
        with self._lock:
            self._queued.append(hint)
        self.catch_up()

    def _write(self, line: bytes) -> bool:
        try:
            return os.write(self._fd, line) == len(line)
        except (BlockingIOError, BrokenPipeError):
            return False


class HintReader:
    """The pipeline's end. Damaged lines are passed over: a hint is only a hint."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._rest = b""

    def fileno(self) -> int:
        return self._fd

    def read(self) -> list[Hint]:
        """Return what has arrived, the newest end of each container only, in order of arrival.

        An association's end comes after the commits that were hinted before it.
        """
        chunks = [self._rest]
        while True:
            try:
                chunk = os.read(self._fd, READ_BYTES)
            except BlockingIOError:
                break
            if not chunk:
                break
            chunks.append(chunk)
            if len(chunk) < READ_BYTES:
                break
        *lines, self._rest = b"".join(chunks).split(b"\n")
        ends: dict[str, Committed] = {}
        others: list[Hint] = []
        for line in lines:
            match line.split(b" "):
                case [b"C", container, end] if end.isdigit():
                    name = container.decode("ascii", "replace")
                    known = ends.get(name)
                    if known is None or known.end < int(end):
                        ends[name] = Committed(name, int(end))
                case [b"E", association, outcome, stored] if stored.isdigit():
                    others.append(
                        AssociationOver(
                            association.decode("ascii", "replace"),
                            outcome.decode("ascii", "replace"),
                            int(stored),
                        )
                    )
                case [b"S"]:
                    others.append(SeriesWhole())
                case [b"R", source, status, count] if count.isdigit() and _STATUS.fullmatch(status):
                    others.append(
                        Refused(source.decode("ascii", "replace"), int(status, 16), int(count))
                    )
                case [b"L", letter]:
                    others.append(LetterKept(letter.decode("ascii", "replace")))
                case [b"V", commitment, b"-"] if commitment.isdigit():
                    others.append(ReportAnswered(int(commitment), None))
                case [b"V", commitment, status] if commitment.isdigit():
                    others.append(ReportAnswered(int(commitment), int(status, 16)))
                case _:
                    continue
        return [*ends.values(), *others]
