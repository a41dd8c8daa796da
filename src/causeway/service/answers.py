"""Answers from the pipeline to receivers: reports that shall go out over an association of theirs.

One pipe for each receiver, whose ends the supervisor keeps, so that either process can be replaced
alone. A line names the association and the file in which the report stands::

    A <association> <commitment>

Lines are shorter than PIPE_BUF, so writers never mix. Nothing depends on one arriving: a report
that is not answered soon goes out another way.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from causeway.commitment.letters import report_fields, report_of
from causeway.net.clerk import Outbound
from causeway.net.commitment import CommitmentReport

FOLDER = "reports"
"""In the folder of letters."""


def report_path(letters: Path, commitment: int) -> Path:
    return letters / FOLDER / f"{commitment}.json"


class AnswerWriter:
    """The pipeline's ends."""

    def __init__(self, letters: Path, fds: tuple[int, ...]) -> None:
        self._letters = letters
        self._fds = fds
        for fd in fds:
            os.set_blocking(fd, False)

    def leave(self, association: str, commitment: int, report: CommitmentReport) -> bool:
        """Tell every receiver: the one that has the association takes it, the others pass it over.

        False if it could not be told.
        """
        path = report_path(self._letters, commitment)
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(report_fields(report)))
        except OSError:
            return False
        line = b"A %s %d\n" % (association.encode("ascii", "replace"), commitment)
        told = False
        for fd in self._fds:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                told |= os.write(fd, line) == len(line)
        return told

    def forget(self, commitment: int) -> None:
        with contextlib.suppress(OSError):
            report_path(self._letters, commitment).unlink()


def answers(
    letters: Path, fd: int, settled: Callable[[int, int | None], None]
) -> Iterator[tuple[str, Outbound]]:
    """A receiver's end: reports to go out, with the association's name; waits for each."""
    with open(fd, "rb", buffering=0, closefd=False) as pipe:
        rest = b""
        while chunk := pipe.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                match line.split(b" "):
                    case [b"A", association, number] if number.isdigit():
                        commitment = int(number)
                        report = _read(report_path(letters, commitment))
                        if report is not None:
                            yield (
                                association.decode("ascii", "replace"),
                                Outbound(report=report, settled=_settles(settled, commitment)),
                            )
                    case _:
                        continue


def _settles(
    settled: Callable[[int, int | None], None], commitment: int
) -> Callable[[int | None], None]:
    return lambda status: settled(commitment, status)


def _read(path: Path) -> CommitmentReport | None:
    try:
        return report_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
