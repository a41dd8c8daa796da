"""Batches on their way through the import service, a step at a time.

What comes next is decided by ``import_jobs.next_step``; here it is done. Whoever asks for one of
its deliveries moves the destination's batches on, so there is no worker of its own, and one that
dies leaves a batch whose lease ends.

Starting a job is the only step that must not happen twice. It is written down before it is done; if
then no answer comes, the next one looks for a job of the batch's name, and asks again with the same
client token, by which the service knows it too.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final, Protocol

from causeway.destinations.aws import manifests
from causeway.destinations.aws.bucket import S3Bucket
from causeway.destinations.aws.client import Access, client
from causeway.destinations.aws.errors import code_of, explained, retry_after_of, status_of
from causeway.errors import CausewayError, DestinationUnauthorised
from causeway.import_jobs import (
    Batch,
    BatchRules,
    BatchState,
    Counts,
    Do,
    FileFate,
    FileResult,
    Load,
    Part,
    PartState,
    next_step,
    wait_after,
)

LEASE_SECONDS: Final = 180.0
"""Longer than the requests of a step can take, with their time-outs."""
STEPS_AT_ONCE: Final = 8
"""Of all batches, before whoever moves them on goes back to its own delivery."""
PAGES_LOOKED_THROUGH: Final = 20
"""Of jobs, 50 each, when one is looked for by its name."""
FILE_BYTES_LIMIT: Final = 64 << 20
"""Of a manifest; one of 5,000 files has two million bytes."""
PERSON_SECONDS: Final = 60.0
"""Before that is asked again which a person has to put right."""


class ImportBook(Protocol):
    """Where batches are kept: the ledger."""

    def claim_batch(
        self, destination: str, *, now: float, owner: str, lease_seconds: float
    ) -> Batch | None: ...

    def settle_batch(
        self,
        batch: Batch,
        *,
        keep: bool = ...,
        withdraw: Sequence[int] = ...,
        results: Mapping[int, Mapping[int, FileResult]] | None = ...,
    ) -> bool: ...

    def parts_of_batch(self, batch_id: int) -> tuple[Part, ...]: ...

    def import_load(self, destination: str, *, since: float) -> Load: ...


class ImportService:
    """The import service of one data store. Thread safe."""

    def __init__(self, access: Access, *, destination: str, datastore_id: str) -> None:
        self.datastore_id = datastore_id
        self._access = access
        self._destination = destination
        self._client: Any = None
        self._lock = threading.Lock()

    def call(self, operation: str, **parameters: Any) -> Any:
        """One request about this data store. Raises what botocore raises."""
        with self._lock:
            if self._client is None:
                self._client = client("medical-imaging", self._access)
            made = self._client
        return getattr(made, operation)(datastoreId=self.datastore_id, **parameters)

    def explained(self, error: BaseException, doing: str) -> CausewayError:
        if code_of(error) == "ResourceNotFoundException":
            return DestinationUnauthorised(
                f"destination {self._destination}: there is no data store of this id here",
                hint="correct datastore, region and the account whose credentials these are",
            )
        ours = explained(error, destination=self._destination, region=self._access.region,
                         doing=doing)  # fmt: skip
        if isinstance(ours, DestinationUnauthorised):
            with self._lock:
                self._client = None
        return ours

    @property
    def url(self) -> str:
        with self._lock:
            if self._client is None:
                self._client = client("medical-imaging", self._access)
            return str(self._client.meta.endpoint_url)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None


class Importer:
    """Moves a destination's batches on. Thread safe."""

    def __init__(
        self,
        destination: str,
        *,
        book: ImportBook,
        service: ImportService,
        output: S3Bucket,
        rules: BatchRules,
        owner: str,
        now: Callable[[], float],
        rng: Random,
    ) -> None:
        self._destination = destination
        self._book = book
        self._service = service
        self._output = output
        self._rules = rules
        self._owner = owner
        self._now = now
        self._rng = rng

    def advance(self) -> None:
        """Do what is due. Raises what concerns the destination as a whole."""
        for _ in range(STEPS_AT_ONCE):
            batch = self._book.claim_batch(
                self._destination, now=self._now(), owner=self._owner, lease_seconds=LEASE_SECONDS
            )
            if batch is None:
                return
            self._step(batch)

    def _step(self, batch: Batch) -> None:
        now, rules = self._now(), self._rules
        parts = self._book.parts_of_batch(batch.id)
        window = 2 * rules.starts_burst / rules.starts_per_second
        load = self._book.import_load(self._destination, since=now - window)
        step = next_step(batch, parts, load, now=now, rules=rules)
        match step.do:
            case Do.WAIT:
                self._settle(batch, due_at=step.until, waits_for=step.why)
            case Do.SEAL:
                self._settle(batch, state=BatchState.SEALED, due_at=now, waits_for="")
            case Do.WITHDRAW:
                self._withdraw(batch, parts, now)
            case Do.DROP:
                self._settle(batch, state=BatchState.DONE, ended_at=now, waits_for="",
                             message="nothing was uploaded for it")  # fmt: skip
            case Do.START:
                starting = replace(
                    batch, state=BatchState.STARTING, asked_at=now, due_at=now, tries=0,
                    waits_for="",
                )  # fmt: skip
                if self._book.settle_batch(starting, keep=True):
                    self._start(starting)
            case Do.FIND_OR_START:
                if not self._find(batch):
                    self._start(batch)
            case Do.POLL:
                self._poll(batch, parts)
            case Do.READ:
                self._read(batch, parts)

    def _settle(
        self,
        batch: Batch,
        *,
        results: Mapping[int, Mapping[int, FileResult]] | None = None,
        **changes: Any,
    ) -> None:
        self._book.settle_batch(replace(batch, **changes), results=results)

    def _again(self, batch: Batch, why: str, *, asked: float | None = None, **changes: Any) -> None:
        """Try the same later, with waits that grow."""
        wait = asked or wait_after(batch.tries) * self._rng.uniform(0.5, 1.0)
        self._settle(batch, due_at=self._now() + wait, waits_for=why, tries=batch.tries + 1,
                     **changes)  # fmt: skip

    def _withdraw(self, batch: Batch, parts: Iterable[Part], now: float) -> None:
        given_up = [
            part.id
            for part in parts
            if part.state is PartState.UPLOADING
            and part.joined_at + self._rules.abandoned_seconds <= now
        ]
        self._book.settle_batch(replace(batch, due_at=now), withdraw=given_up)

    # --- starting -------------------------------------------------------------------------------

    def _start(self, batch: Batch) -> None:
        try:
            answer = self._service.call(
                "start_dicom_import_job",
                jobName=batch.name,
                clientToken=batch.client_token,
                dataAccessRoleArn=batch.role_arn,
                inputS3Uri=batch.input_uri,
                outputS3Uri=batch.output_uri,
            )
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            self._not_started(batch, error)
            return
        self._started(
            batch, str(answer["jobId"]), str(answer["jobStatus"]), _moment(answer["submittedAt"])
        )

    def _started(self, batch: Batch, job_id: str, status: str, submitted_at: float | None) -> None:
        self._settle(
            batch, state=BatchState.RUNNING, job_id=job_id, job_status=status,
            submitted_at=submitted_at, due_at=self._now() + min(self._rules.poll_seconds, 2.0),
            waits_for="its import job runs", tries=0,
        )  # fmt: skip

    def _not_started(self, batch: Batch, error: Exception) -> None:
        code, status = code_of(error), status_of(error)
        asked = retry_after_of(error, dt.datetime.fromtimestamp(self._now(), dt.UTC))
        if status == 402:
            self._again(batch, "the import queue is full", asked=asked, state=BatchState.SEALED)
            return
        if status == 429:
            self._again(batch, "the service asks for fewer starts", asked=asked,
                        state=BatchState.SEALED)  # fmt: skip
            return
        ours = self._service.explained(error, "the start of an import job")
        if code and status < 500 and code != "ConflictException":
            # It said no, and made no job: a person has to put something right.
            self._settle(batch, state=BatchState.SEALED, due_at=self._now() + PERSON_SECONDS,
                         waits_for=ours.message, tries=batch.tries + 1)  # fmt: skip
            raise ours
        self._again(batch, f"it is not known whether its job was started ({code or 'no answer'})",
                    asked=asked)  # fmt: skip
        if isinstance(ours, DestinationUnauthorised):
            raise ours

    def _find(self, batch: Batch) -> bool:
        """Look for the job of a batch whose start was not answered."""
        try:
            for job in self._jobs():
                if job.get("jobName") == batch.name:
                    self._started(batch, str(job["jobId"]), str(job["jobStatus"]),
                                  _moment(job.get("submittedAt")))  # fmt: skip
                    return True
        except Exception as error:  # noqa: BLE001  the client token stands for it
            if not code_of(error):
                self._again(batch, "the service does not answer")
                return True
        return False

    def _jobs(self) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        for _ in range(PAGES_LOOKED_THROUGH):
            answer = self._service.call("list_dicom_import_jobs", maxResults=50, **token)
            yield from answer["jobSummaries"]
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}

    # --- ending ---------------------------------------------------------------------------------

    def _poll(self, batch: Batch, parts: Sequence[Part]) -> None:
        try:
            job = self._service.call("get_dicom_import_job", jobId=batch.job_id)["jobProperties"]
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            if code_of(error) == "ResourceNotFoundException":
                self._give_up(batch, parts, "the service does not know its job any more")
                return
            ours = self._service.explained(error, "a question for an import job")
            self._again(batch, ours.message,
                        asked=retry_after_of(error, dt.datetime.now(dt.UTC)))  # fmt: skip
            if isinstance(ours, DestinationUnauthorised):
                raise ours from None
            return
        now, status = self._now(), str(job["jobStatus"])
        told: dict[str, Any] = {
            "job_status": status,
            "message": str(job.get("message", "")),
            "ended_at": _moment(job.get("endedAt")),
            "submitted_at": _moment(job.get("submittedAt")) or batch.submitted_at,
            "tries": 0,
        }
        if status == "COMPLETED":
            told["ended_at"] = told["ended_at"] or now
            self._settle(batch, state=BatchState.READING, due_at=now, waits_for="", **told)
        elif status == "FAILED":
            told["ended_at"] = told["ended_at"] or now
            self._settle(batch, state=BatchState.DONE, due_at=now, waits_for="",
                         results=_unknown(parts), **told)  # fmt: skip
        else:
            wait = self._rules.poll_seconds * self._rng.uniform(0.8, 1.0)
            self._settle(batch, due_at=now + wait, waits_for="its import job runs", **told)

    def _read(self, batch: Batch, parts: Sequence[Part]) -> None:
        prefix = batch.output_uri.removeprefix("s3://").partition("/")[2]
        folder = manifests.folder_of(prefix, batch.datastore_id, batch.job_id)
        try:
            text = self._content(folder + manifests.MANIFEST)
            counts, sets = manifests.summary(text) if text is not None else (Counts(), ())
            found = manifests.results(
                *(self._lines(folder + name)
                  for name in (manifests.SUCCESS, manifests.FAILURE, manifests.WARNING))
            )  # fmt: skip
        except ValueError:
            text, counts, sets, found = None, Counts(), (), {}
        is_whole = text is not None and len(found) >= (
            counts.imported + counts.customer_errors + counts.server_errors
        )
        now = self._now()
        if not is_whole and now < (batch.ended_at or now) + self._rules.manifest_patience_seconds:
            self._again(batch, "its manifest is not there yet")
            return
        if text is None:
            self._give_up(batch, parts, "no manifest of its job appeared")
            return
        results = {
            part.id: {
                instance: found.get(
                    f"delivery-{part.delivery_id}/{instance}.dcm",
                    FileResult(fate=FileFate.UNKNOWN),
                )
                for instance in part.instances
            }
            for part in parts
            if part.state is PartState.UPLOADED
        }
        counts = replace(counts, warnings=sum(bool(one.warnings) for one in found.values()))
        self._settle(batch, state=BatchState.DONE, due_at=now, waits_for="", counts=counts,
                     image_sets=sets, results=results)  # fmt: skip

    def _give_up(self, batch: Batch, parts: Sequence[Part], why: str) -> None:
        self._settle(batch, state=BatchState.DONE, due_at=self._now(), waits_for="", message=why,
                     ended_at=batch.ended_at or self._now(), results=_unknown(parts))  # fmt: skip

    def _content(self, key: str) -> bytes | None:
        if self._output.look(key) is None:
            return None
        read, size = [], 0
        for piece in self._output.read(key):
            read.append(piece)
            size += len(piece)
            if size > FILE_BYTES_LIMIT:
                raise ValueError("larger than a manifest ever is")
        return b"".join(read)

    def _lines(self, key: str) -> list[bytes]:
        return (self._content(key) or b"").splitlines()


def _unknown(parts: Iterable[Part]) -> dict[int, dict[int, FileResult]]:
    return {
        part.id: {key: FileResult(fate=FileFate.UNKNOWN) for key in part.instances}
        for part in parts
        if part.state is PartState.UPLOADED
    }


def _moment(value: object) -> float | None:
    return value.timestamp() if isinstance(value, dt.datetime) else None
