"""A whole run: all files, on several cores, into one folder that tells what is done.

Files go to processes in batches. What comes back from a batch is on the disk, folders included,
before the journal says so; a run that is killed anywhere is gone on with by the same command. Each
process compiles and judges for itself: the treatment is sent to it, and nothing of a file comes
back but what became of it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait as wait_for
from pathlib import Path, PurePosixPath
from typing import Final

from causeway.deidentify.treatment import Treatment
from causeway.errors import ConfigurationError, OutOfSpace, StartupError, TemporaryError
from causeway.offline.journal import Journal, token_of
from causeway.offline.one import NO_ROOM, CannotWrite, Work
from causeway.offline.outcome import Entry, Fate, Outcome
from causeway.offline.places import Item, Unreadable
from causeway.offline.writing import leftovers, sync_folders

BATCH_FILES: Final = 32
BATCH_BYTES: Final = 64 * 1024 * 1024
WAITING: Final = 3
"""Batches for each process that wait or are worked on."""
ALONE: Final = 64
"""Up to so many files one process does it in less time than several start in (half a second)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is done to all files, and where it goes."""

    treatment: Treatment = field(repr=False)
    root: Path
    jobs: int = 1
    with_maps: bool = False
    """Then nothing is taken from the journal, which does not know who was who."""

    def outcomes(self, found: Iterable[Item | Unreadable], journal: Journal) -> Generator[Outcome]:
        """What became of each, as it is known. Raises ``OutOfSpace`` and ``StartupError``."""
        todo: list[Item] = []
        for each in found:
            if isinstance(each, Unreadable):
                yield Outcome(
                    item=each.item, fate=Fate.FAILED, code="unreadable", reason=each.reason
                )
            elif (done := self._done(each, journal)) is not None:
                yield done
            else:
                todo.append(each)
        work = Work(treatment=self.treatment, root=self.root, with_maps=self.with_maps)
        try:
            if self.jobs > 1 and len(todo) > ALONE:
                made = _by_several(work, batches(todo), self.jobs)
            else:
                made = (_batch(work, each) for each in batches(todo))
            for several in made:
                journal.add(self._entries(several))
                yield from several
        except CannotWrite as error:
            raise self._cannot_write(error) from None
        except BrokenProcessPool:
            raise TemporaryError(
                "a process has ended by itself, most likely for want of memory",
                hint="run the same command again with --jobs 1: it goes on where it stopped",
            ) from None

    def _done(self, item: Item, journal: Journal) -> Outcome | None:
        """Of a file that an earlier run has dealt with."""
        if self.with_maps:
            return None
        entry = journal.entry(token_of(self.treatment.key, item))
        if entry is None:
            return None
        with suppress(OSError):
            if (self.root / entry.file).stat().st_size == entry.size:
                return Outcome(
                    item=item,
                    fate=Fate.THERE,
                    study=entry.study,
                    subject=entry.subject,
                    entry=entry,
                )
        return None

    def _entries(self, outcomes: Sequence[Outcome]) -> Iterator[tuple[bytes, Entry]]:
        for outcome in outcomes:
            if outcome.entry is not None:
                yield token_of(self.treatment.key, outcome.item), outcome.entry

    def _cannot_write(self, error: CannotWrite) -> OutOfSpace | StartupError:
        if error.is_full:
            return OutOfSpace(
                f"there is no room left for {self.root}",
                hint="make room, and run the same command again: it goes on where it stopped",
            )
        return StartupError(
            f"{self.root} cannot be written: {error.text}",
            hint="see the folder's rights; the same command goes on where it stopped",
        )


def prepare(root: Path, inputs: Sequence[Path], treatment: Treatment, *, told: str) -> Journal:
    """The output folder, made or found fit, with its journal.

    Raises ``ConfigurationError`` for one that is not for us, ``StartupError`` for one that cannot
    be made or written.
    """
    for given in inputs:
        _check_apart(given, root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        journal = Journal(root, digest_of(treatment), told=told)
        for each in leftovers(root):
            each.unlink(missing_ok=True)
        return journal
    except FileExistsError:
        raise ConfigurationError(
            f"{root} is a file", hint="the last argument is the folder that is written to"
        ) from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(
                f"there is no room for {root}", hint="make room, or name another disk"
            ) from None
        raise StartupError(
            f"the folder {root} cannot be made or written: {error.strerror}",
            hint="see its rights, or name another",
        ) from None


def digest_of(treatment: Treatment) -> str:
    """Over all that decides about bytes and names of an output, its aliases included: under other
    ones a patient who is there already would be a second subject.
    """
    told = {} if treatment.aliases is None else treatment.aliases.subjects
    listed = json.dumps(sorted([*names, subject] for names, subject in told.items()))
    return treatment.key.keyed("offline output", f"{treatment.digest}{listed}").hex()


def _check_apart(given: Path, root: Path) -> None:
    if not given.exists():
        raise ConfigurationError(
            f"{given} is not there",
            hint="name files and folders that exist; the last argument is the output",
        )
    source, target = given.resolve(), root.resolve()
    if source == target or source in target.parents:
        raise ConfigurationError(
            f"the output {root} is in the input {given}",
            hint="nothing is written into what is read: name a folder beside it",
        )
    if target in source.parents:
        raise ConfigurationError(
            f"the input {given} is in the output {root}",
            hint="an output holds nothing that was not de-identified: name another folder",
        )


# --- batches -------------------------------------------------------------------------------------


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Some files each, and not too much of them."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH_FILES or size + item.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size
    if batch:
        yield batch


def _batch(work: Work, items: Sequence[Item]) -> list[Outcome]:
    """All of a batch, on the disk when it returns."""
    outcomes = [work.do(item) for item in items]
    names = [
        PurePosixPath(each.entry.file)
        for each in outcomes
        if each.fate is Fate.WRITTEN and each.entry is not None
    ]
    try:
        sync_folders(work.root, names)
    except OSError as error:
        raise CannotWrite(error.errno or 0, error.strerror or "") from None
    return outcomes


_work: list[Work] = []
"""Of a process of the pool."""


def _begin(work: Work) -> None:
    # Ctrl-C goes to the whole group; the process that shows the progress ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work.append(work)


def _end_with_parent() -> None:
    """Where that was killed nobody else would end this process, which waits for work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _do(items: Sequence[Item]) -> list[Outcome]:
    return _batch(_work[-1], items)


def _by_several(work: Work, several: Iterator[list[Item]], jobs: int) -> Iterator[list[Outcome]]:
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(work,),
    )
    try:
        running: set[Future[list[Outcome]]] = set()
        while True:
            for batch in several:
                running.add(pool.submit(_do, batch))
                if len(running) >= jobs * WAITING:
                    break
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
