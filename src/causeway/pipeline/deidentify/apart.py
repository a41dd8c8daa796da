"""Cleaning in a process of its own, so that who indexes and delivers does not wait for it.

Python runs one thread at a time, and cleaning is work from beginning to end. So each cleaning
worker has a process beside the pipeline's: it is handed objects by their place in the spool, and
hands back what became of them; pixels do not go between the two. It ends with the pipeline, as its
standard input does.

An object that ends the process (its memory, a library's fault) is found by handing the rest out one
by one, and is in doubt; the others go on.
"""

from __future__ import annotations

import contextlib
import pickle
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from causeway.attributes import Attributes
from causeway.deidentify.treatment import Treatment
from causeway.errors import SpoolCorrupt, SpoolGone, TemporaryError
from causeway.ledger import CleanedState, NewCleaned
from causeway.pipeline.deidentify.here import Here
from causeway.pipeline.deidentify.objects import Job, Made

_LENGTH: Final = struct.Struct("<Q")
_ERRORS: Final = {kind.__name__: kind for kind in (SpoolCorrupt, SpoolGone)}


class Ended(Exception):
    """The process is not there any more."""


class Apart:
    """A ``Cleaner`` with a process of its own, started when it is needed and again if it ends.

    For one thread.
    """

    def __init__(self, spool: Path, *, tells_who: bool = False) -> None:
        self._spool = spool
        self._tells_who = tells_who
        self._process: subprocess.Popen[bytes] | None = None
        self._known: set[str] = set()

    def clean(
        self, jobs: Sequence[Job], treatment: Treatment, head: Attributes | None
    ) -> Sequence[Made]:
        try:
            made: Sequence[Made] = self._ask("clean", treatment, (tuple(jobs), head))
        except Ended:
            if len(jobs) == 1:
                return [_ended(jobs[0])]
            return [one for job in jobs for one in self.clean([job], treatment, head)]
        return made

    def head(self, job: Job, treatment: Treatment) -> Attributes | None:
        try:
            found: Attributes | None = self._ask("head", treatment, job)
        except Ended:
            return None
        return found

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()

    def _ask(self, what: str, treatment: Treatment, about: object) -> Any:
        """Raises ``Ended``, and what the spool did over there."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        is_new = treatment.digest not in self._known
        question = (what, treatment.digest, treatment if is_new else None, about)
        try:
            _put(process.stdin, question)
            kind, answer = _get(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            self.close()
            raise Ended from None
        except BaseException:
            self.close()
            raise
        self._known.add(treatment.digest)
        if kind == "error":
            name, message, hint = answer
            raise _ERRORS.get(name, TemporaryError)(message, hint=hint)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._known.clear()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries quote there what they have read
            )
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):  # the next question finds that it is gone
                _put(self._process.stdin, (self._spool, self._tells_who))
        return self._process


def _ended(job: Job) -> Made:
    return Made(
        cleaned=NewCleaned(
            instance_id=job.instance.id,
            state=CleanedState.DOUBT,
            code="process",
            reason="the process that was to clean it has ended over it",
        )
    )


def _put(stream: IO[bytes], value: object) -> None:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def _get(stream: IO[bytes]) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    # Both ends are this program, of one version, and nobody else has the pipe.
    return pickle.loads(data)  # noqa: S301


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """The other side: answer until nobody asks any more."""
    from causeway.spool import RealDisk, SpoolReader

    root, tells_who = _get(questions)
    here = Here(SpoolReader(root, disk=RealDisk()), tells_who=tells_who)
    treatments: dict[str, Treatment] = {}
    while True:
        try:
            what, digest, treatment, about = _get(questions)
        except EOFError:
            return
        if treatment is not None:
            treatments[digest] = treatment
        try:
            if what == "clean":
                jobs, head = about
                answer: tuple[str, object] = ("made", here.clean(jobs, treatments[digest], head))
            else:
                answer = ("made", here.head(about, treatments[digest]))
        except Exception as error:  # noqa: BLE001 - see below
            # A foreign error's text may quote a value; only ours is handed on.
            name = type(error).__name__
            message = getattr(error, "message", f"cleaning failed: {name}")
            answer = ("error", (name, message, getattr(error, "hint", "")))
        _put(answers, answer)


if __name__ == "__main__":
    import os
    import resource
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A core file would hold images and keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What a library prints must not get between the answers.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, output)
