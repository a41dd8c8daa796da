"""Batches of instances on their way into AWS HealthImaging: what they are, and what comes next.

A batch is a prefix of the bucket, fresh for ever, and later one import job, also for ever. It
fills with *parts*, the instances of one delivery that were uploaded together; when nothing was
added for a while, or it is full, it is sealed; when all its parts are there, its job is started,
asked for until it ends, and its manifest read. ::

    filling ─ sealed ─ starting ─ running ─ reading ─ done

Each change is durable before the next thing is done outside, so a process that dies anywhere leaves
a row that says how to go on. ``starting`` is the one place where it is not known whether something
happened: whoever finds a batch there looks for its job by name, and starts it with the same client
token, which makes no second one.

``next_step`` decides and does nothing; the destination does and decides nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


class BatchState(enum.StrEnum):
    """Where a batch stands."""

    FILLING = "filling"
    """Instances are added."""
    SEALED = "sealed"
    """Nothing is added any more; its job is to be started."""
    STARTING = "starting"
    """Its job was asked for, and whether it was made may not be known."""
    RUNNING = "running"
    """Its job is there, and has not ended."""
    READING = "reading"
    """Its job has ended, and its manifest is to be read."""
    DONE = "done"
    """What became of each file is known."""


class PartState(enum.StrEnum):
    """Where the instances of a part are."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    WITHDRAWN = "withdrawn"
    """Its upload was given up, and a later part has its instances."""


class FileFate(enum.StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    SERVER_ERROR = "server_error"
    """The service failed; the same file may be imported next time."""
    CUSTOMER_ERROR = "customer_error"
    """The file is not what the service takes, and never will be."""
    UNKNOWN = "unknown"
    """No manifest tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What the manifest says of a file."""

    fate: FileFate
    image_set: str = ""
    is_primary: bool = True
    message: str = field(default="", repr=False)
    """The service's words; they can quote the file."""
    warnings: tuple[str, ...] = ()
    """Codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """An image set that a job made or changed."""

    id: str
    version: int
    is_primary: bool
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the manifest counts."""

    scanned: int = 0
    imported: int = 0
    customer_errors: int = 0
    server_errors: int = 0
    warnings: int = 0
    not_primary: int = 0
    """Image sets that contradict the primary one of their series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a batch is opened with, if one has to be."""

    name: str
    datastore_id: str
    role_arn: str
    input_uri: str
    output_uri: str
    client_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A row of the ledger's ``import_job``."""

    id: int
    destination: str
    name: str
    """Last part of its prefix, and name of its job."""
    state: BatchState
    opened_at: float
    joined_at: float
    """When a part was added last."""
    due_at: float
    """When there is something to do next."""
    files: int = 0
    bytes: int = 0
    is_full: bool = False
    datastore_id: str = ""
    role_arn: str = ""
    input_uri: str = ""
    output_uri: str = ""
    client_token: str = ""
    job_id: str = ""
    job_status: str = ""
    """The service's word: SUBMITTED, IN_PROGRESS, COMPLETED or FAILED."""
    asked_at: float | None = None
    """When its job was asked for first."""
    submitted_at: float | None = None
    ended_at: float | None = None
    message: str = field(default="", repr=False)
    """Why the job failed, in the service's words."""
    waits_for: str = ""
    tries: int = 0
    """Of what is being tried now."""
    counts: Counts = Counts()
    image_sets: tuple[ImageSet, ...] = ()
    owner: str | None = None
    lease_until: float | None = None
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Instances of one delivery in one batch; a row of the ledger's ``import_part``."""

    id: int
    batch_id: int
    delivery_id: int
    state: PartState
    instances: tuple[int, ...]
    bytes: int
    joined_at: float
    results: Mapping[int, FileResult] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRules:
    """When batches are sealed and jobs started. The service's limits are those of its quotas."""

    quiet_seconds: float = 60.0
    """Without a new part for so long, a batch is sealed: more than the gaps between the series of a
    study, and little beside what a job takes."""
    longest_seconds: float = 900.0
    """A batch is sealed so long after its first part, however busy it is."""
    files_limit: int = 5000
    bytes_limit: int = 10 * 1000**3
    file_bytes_limit: int = 4 * 1000**3
    jobs_limit: int = 100
    starts_per_second: float = 1.0
    starts_burst: int = 2
    poll_seconds: float = 15.0
    """Between two questions for one job. A job takes minutes, and 25 questions a second are
    allowed."""
    manifest_patience_seconds: float = 900.0
    """How long after its job's end a manifest is waited for."""
    abandoned_seconds: float = 3600.0
    """A part that is not uploaded after so long is left out of its batch."""

    def fits(self, batch: Batch, files: int, size: int) -> bool:
        return batch.files + files <= self.files_limit and batch.bytes + size <= self.bytes_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What else goes on at the destination: the gate's view."""

    jobs: int = 0
    """Of which the end is not known."""
    starts: Sequence[float] = ()
    """When the last jobs were asked for."""


class Do(enum.Enum):
    """What is to be done with a batch now."""

    WAIT = "wait"
    SEAL = "seal"
    WITHDRAW = "withdraw"
    """Leave the parts out that nobody uploads any more."""
    DROP = "drop"
    """It is empty, and needs no job."""
    START = "start"
    FIND_OR_START = "find or start"
    POLL = "poll"
    READ = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    do: Do
    until: float = 0.0
    """Of a wait."""
    why: str = ""


UPLOAD_LOOK_SECONDS: Final = 5.0


def next_step(
    batch: Batch, parts: Sequence[Part], load: Load, *, now: float, rules: BatchRules
) -> Step:
    """What to do with a batch."""
    match batch.state:
        case BatchState.FILLING:
            seal_at = min(
                batch.joined_at + rules.quiet_seconds, batch.opened_at + rules.longest_seconds
            )
            if batch.is_full or now >= seal_at:
                return Step(do=Do.SEAL)
            return Step(do=Do.WAIT, until=seal_at, why="more may join its import job")
        case BatchState.SEALED:
            return _of_sealed(parts, load, now, rules)
        case BatchState.STARTING:
            return Step(do=Do.FIND_OR_START)
        case BatchState.RUNNING:
            return Step(do=Do.POLL)
        case BatchState.READING:
            return Step(do=Do.READ)
        case BatchState.DONE:
            return Step(do=Do.WAIT, until=float("inf"))


def _of_sealed(parts: Sequence[Part], load: Load, now: float, rules: BatchRules) -> Step:
    uploading = [part for part in parts if part.state is PartState.UPLOADING]
    if any(part.joined_at + rules.abandoned_seconds <= now for part in uploading):
        return Step(do=Do.WITHDRAW)
    if uploading:
        return Step(do=Do.WAIT, until=now + UPLOAD_LOOK_SECONDS, why="instances are being uploaded")
    if not any(part.state is PartState.UPLOADED for part in parts):
        return Step(do=Do.DROP)
    if load.jobs >= rules.jobs_limit:
        return Step(
            do=Do.WAIT,
            until=now + rules.poll_seconds,
            why=f"{load.jobs} import jobs are running, as many as are allowed",
        )
    opens_at = next_token(load.starts, now=now, rules=rules)
    if opens_at > now:
        return Step(do=Do.WAIT, until=opens_at, why="import jobs are started one after the other")
    return Step(do=Do.START)


def next_token(starts: Sequence[float], *, now: float, rules: BatchRules) -> float:
    """When the next job may be started: a bucket of ``starts_burst`` that fills at the rate."""
    tokens, at = float(rules.starts_burst), float("-inf")
    for start in sorted(starts):
        tokens = min(
            float(rules.starts_burst),
            tokens + (start - at) * rules.starts_per_second,
        )
        tokens, at = tokens - 1.0, start
    if at == float("-inf"):
        return now
    tokens = tokens + (now - at) * rules.starts_per_second
    return now if tokens >= 1.0 else now + (1.0 - tokens) / rules.starts_per_second


def wait_after(tries: int, *, first: float = 2.0, longest: float = 60.0) -> float:
    """Before the same is asked again; jitter is the caller's."""
    return float(min(longest, first * 2 ** min(tries, 16)))
