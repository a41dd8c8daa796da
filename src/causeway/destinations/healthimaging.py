"""AWS HealthImaging: instances into S3, in batches, and an import job for each batch.

The service takes few starts of jobs a second and few jobs at a time, but thousands of files in
each. So the instances of many deliveries share a batch: a prefix of the bucket that is fresh for
ever, filled until nothing came for a while or it is full, and imported by one job (``import_jobs``,
kept by the ledger). ``aws.importing`` moves batches on, whichever delivery asks.

An instance is verified when the job's manifest names it among what was imported; what stands in S3
is not the point. A job that is COMPLETED can have failed for files: where the service failed the
file goes again, in another batch, and where the file is at fault a person is asked, with the
service's words. What was imported beside an image set that contradicts it, or with warnings, is
verified, and says so.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from causeway.destinations.aws.bucket import BucketSettings, S3Bucket
from causeway.destinations.aws.checking import probe_bucket
from causeway.destinations.aws.client import Access
from causeway.destinations.aws.importing import ImportBook, Importer, ImportService
from causeway.destinations.aws.manifests import told
from causeway.destinations.aws.reaching import reached
from causeway.destinations.aws.stale import Uploads
from causeway.destinations.blob.instances import InstancesTransfer
from causeway.destinations.blob.probing import NAME, attempt, probe_object
from causeway.destinations.contract import (
    Instance,
    Memory,
    Outcome,
    Shipment,
    Step,
    Takes,
)
from causeway.errors import NotYet, TemporaryError
from causeway.import_jobs import (
    Batch,
    BatchRules,
    BatchState,
    FileFate,
    FileResult,
    Opening,
    Part,
    PartState,
)
from causeway.values import Standing

INSTANCES_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 1 << 30
"""Of a part: small beside a batch, so that batches get full."""
LONGEST_WAIT_SECONDS: Final = 60.0
"""Before a delivery asks again, whatever its batch waits for."""

_GIB: Final = 1000**3

_WAITS: Final[Mapping[BatchState, str]] = {
    BatchState.FILLING: "more may join its import job",
    BatchState.SEALED: "its import job is to be started",
    BatchState.STARTING: "its import job is being started",
    BatchState.RUNNING: "its import job runs",
    BatchState.READING: "its manifest is to be read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthImagingSettings:
    name: str
    datastore_id: str
    role_arn: str
    """Of the role that the service takes on to read and write the bucket."""
    bucket: BucketSettings
    service: Access
    """How to reach the service itself."""
    input_prefix: str = "input/"
    output_prefix: str = "output/"
    rules: BatchRules = field(default_factory=BatchRules)
    parallel: int = 8


class Batches(ImportBook, Protocol):
    """Where batches are kept, as deliveries need it."""

    def join_batch(
        self,
        destination: str,
        delivery_id: int,
        *,
        instances: Sequence[int],
        size: int,
        new: Opening,
        rules: BatchRules,
        at: float,
    ) -> tuple[Batch, Part]: ...

    def part_uploaded(self, part_id: int) -> bool: ...

    def parts_of_delivery(
        self, destination: str, delivery_id: int
    ) -> tuple[tuple[Batch, Part], ...]: ...


class HealthImagingDestination:
    """See the module's text. Thread safe."""

    takes = Takes(instances=INSTANCES_AT_ONCE, bytes=BYTES_AT_ONCE)

    def __init__(
        self,
        settings: HealthImagingSettings,
        *,
        memory: Memory,
        batches: Batches | None,
        now: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: secrets.token_hex(5),
        rng: Random | None = None,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self._batches = batches
        self.now = now
        self._new_token = new_token
        self.workers = ThreadPoolExecutor(settings.parallel, f"{settings.name}-upload")
        self._parts = ThreadPoolExecutor(settings.parallel, f"{settings.name}-part")
        self.bucket = S3Bucket(
            settings.bucket, workers=self._parts, parts_at_a_time=settings.parallel, now=now
        )
        self._service = ImportService(
            settings.service, destination=settings.name, datastore_id=settings.datastore_id
        )
        self.uploads = Uploads(memory, self.bucket, now=now)
        self._turn = threading.Lock()
        self._rng = rng or Random()  # noqa: S311  it spreads waits, nothing more
        self._owner = f"importer-{secrets.token_hex(4)}"

    @property
    def batches(self) -> Batches:
        """None are needed for a trial."""
        assert self._batches is not None
        return self._batches

    def check(self) -> None:
        self.bucket.check()

    def start(self, shipment: Shipment) -> HealthImagingTransfer:
        self.uploads.sweep()
        return HealthImagingTransfer(self, shipment)

    def advance(self) -> None:
        """Move the batches on; one thread at a time, as the others would find nothing to do."""
        if self._turn.acquire(blocking=False):
            try:
                Importer(
                    self.name,
                    book=self.batches,
                    service=self._service,
                    output=self.bucket,
                    rules=self.settings.rules,
                    owner=self._owner,
                    now=self.now,
                    rng=self._rng,
                ).advance()
            finally:
                self._turn.release()

    def opening(self) -> Opening:
        """A batch that there never was."""
        settings = self.settings
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.now()))
        name = f"{stamp}-{self._new_token()}"
        at = f"s3://{settings.bucket.bucket}/"
        return Opening(
            name=name,
            datastore_id=settings.datastore_id,
            role_arn=settings.role_arn,
            input_uri=f"{at}{settings.input_prefix}{name}/",
            output_uri=f"{at}{settings.output_prefix}",
            client_token=f"causeway-{name}",
        )

    def probe(self) -> Iterator[Step]:
        """Everything but the start of a job, which leaves something behind."""
        service, settings = self._service, self.settings

        def datastore() -> str:
            try:
                found = service.call("get_datastore")["datastoreProperties"]
                service.call("list_dicom_import_jobs", maxResults=1)
            except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
                raise service.explained(error, "a question for the data store") from None
            if found["datastoreStatus"] != "ACTIVE":
                raise TemporaryError(f"the data store is {found['datastoreStatus']}")
            return (
                f"data store {found['datastoreName']} is there; whether jobs may be started "
                "(StartDICOMImportJob, iam:PassRole) shows with the first batch"
            )

        key = f"{settings.input_prefix}{NAME}{self._new_token()}"
        parts: tuple[Callable[[], Iterable[Step]], ...] = (
            lambda: reached(self.name, self.bucket.settings.access, lambda: self.bucket.url),
            lambda: probe_bucket(self.bucket),
            lambda: probe_object(self.bucket, key),
            lambda: reached(self.name, settings.service, lambda: service.url, prefix="service-"),
            lambda: (attempt("datastore", datastore),),
        )
        for part in parts:
            for step in part():
                yield step
                if not step.ok:
                    return

    def close(self) -> None:
        self.workers.shutdown(wait=False, cancel_futures=True)
        self._parts.shutdown(wait=False, cancel_futures=True)
        self.bucket.close()
        self._service.close()


class HealthImagingTransfer:
    """One attempt; see ``contract.Transfer``."""

    def __init__(self, destination: HealthImagingDestination, shipment: Shipment) -> None:
        self._destination = destination
        self._shipment = shipment
        self._delivery_id = int(shipment.key.rpartition("-")[2])
        self._is_committed = False
        self._uploading: InstancesTransfer | None = None

    @property
    def reference(self) -> str:
        names = dict.fromkeys(batch.name for batch, _ in self._parts())
        return f"{self._destination.settings.datastore_id}: {', '.join(names)}"

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        rules = self._destination.settings.rules
        fitting = []
        for each in instances:
            if each.size > rules.file_bytes_limit:
                yield Outcome(
                    instance=each, standing=Standing.REFUSED, code="too_large",
                    why=f"it has more than {rules.file_bytes_limit // _GIB} GB, "
                    "and HealthImaging takes no larger file",
                )  # fmt: skip
            else:
                fitting.append(each)
        if fitting:
            yield from self._send(fitting)

    def commit(self) -> None:
        """Each batch goes on by itself when its parts are there."""
        self._is_committed = True

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        destination = self._destination
        destination.advance()
        latest: dict[int, tuple[Batch, Part]] = {}
        for batch, part in self._parts():
            latest |= dict.fromkeys(part.instances, (batch, part))
        pending: list[Batch] = []
        failed: dict[int, str] = {}
        for each in instances:
            found = latest.get(each.id)
            if found is None or found[1].state is PartState.UPLOADING:
                yield Outcome(instance=each, standing=Standing.AGAIN, code="not_there",
                              why="it was not uploaded whole")  # fmt: skip
            elif found[0].state is not BatchState.DONE:
                pending.append(found[0])
                if not self._is_committed:
                    yield Outcome(instance=each, standing=Standing.SENT, reference=found[0].name)
            else:
                outcome = outcome_of(each, *found)
                if outcome.standing is Standing.AGAIN:
                    failed[found[0].id] = outcome.why
                yield outcome
        if failed and not self._is_committed:
            self._spend_a_try(failed)
        if pending and self._is_committed:
            due_at = min(batch.due_at for batch in pending)
            raise NotYet(
                pending[0].waits_for or _WAITS[pending[0].state],
                again_in_seconds=min(LONGEST_WAIT_SECONDS, max(1.0, due_at - destination.now())),
            )

    def _spend_a_try(self, failed: Mapping[int, str]) -> None:
        """An import that failed counts as a try, with its wait, before anything is sent again.

        Asking for it does not count, so without this what always fails would go round for ever.
        """
        new = [key for key in failed if self._shipment.recall(f"failed/{key}") is None]
        for key in new:
            self._shipment.remember(f"failed/{key}", failed[key])
        if new:
            raise TemporaryError(failed[new[0]])

    def abort(self) -> None:
        """The part stays as it is; the next attempt puts another in its place."""
        if self._uploading is not None:
            self._uploading.abort()

    # --- uploading ------------------------------------------------------------------------------

    def _send(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        """Join a batch, bring everything there, look whether it is there; then it counts."""
        destination = self._destination
        batch, part = destination.batches.join_batch(
            destination.name,
            self._delivery_id,
            instances=[each.id for each in instances],
            size=sum(each.size for each in instances),
            new=destination.opening(),
            rules=destination.settings.rules,
            at=destination.now(),
        )
        prefix = batch.input_uri.removeprefix("s3://").partition("/")[2]
        folder = f"{prefix}delivery-{self._delivery_id}/"
        transfer = self._uploading = InstancesTransfer(
            destination.bucket,
            self._shipment,
            key_of=lambda each: f"{folder}{each.id}.dcm",
            destination=destination.name,
            workers=destination.workers,
            parallel=destination.settings.parallel,
            size_limit=destination.settings.rules.file_bytes_limit,
            progress=lambda name: destination.uploads.progress(self._shipment, name),
        )
        sent = list(transfer.send(instances))
        there = [one.instance for one in sent if one.standing is Standing.SENT]
        failed = [one for one in sent if one.standing not in (Standing.SENT, Standing.VERIFIED)]
        failed += [
            one for one in transfer.verify(there) if one.standing is not Standing.VERIFIED
        ]  # fmt: skip
        if not failed and destination.batches.part_uploaded(part.id):
            for each in instances:
                yield Outcome(instance=each, standing=Standing.SENT, reference=batch.name)
            return
        # The part is not whole, so none of it counts; what is there is found there the next time.
        reasons = {one.instance.id: one for one in failed}
        for each in instances:
            reason = reasons.get(each.id)
            yield Outcome(
                instance=each, standing=Standing.AGAIN, code=reason.code if reason else "part",
                why=reason.why if reason else "others that it goes with were not uploaded",
            )  # fmt: skip

    def _parts(self) -> tuple[tuple[Batch, Part], ...]:
        return tuple(
            (batch, part)
            for batch, part in self._destination.batches.parts_of_delivery(
                self._destination.name, self._delivery_id
            )
            if part.state is not PartState.WITHDRAWN
        )


def outcome_of(instance: Instance, batch: Batch, part: Part) -> Outcome:
    """What became of an instance whose batch is done. Pure."""
    result = part.results.get(instance.id, FileResult(fate=FileFate.UNKNOWN))
    match result.fate:
        case FileFate.IMPORTED:
            code, why = _remarks(result)
            return Outcome(instance=instance, standing=Standing.VERIFIED, code=code, why=why,
                           reference=result.image_set)  # fmt: skip
        case FileFate.CUSTOMER_ERROR:
            return Outcome(
                instance=instance, standing=Standing.REFUSED, code="not_importable",
                why=f"HealthImaging does not take it: {told(result.message) or 'no reason given'}",
                reference=batch.name,
            )  # fmt: skip
        case FileFate.SERVER_ERROR:
            why = f"the import failed for it: {told(result.message) or 'no reason given'}"
            return Outcome(instance=instance, standing=Standing.AGAIN, code="import_error", why=why)
        case FileFate.UNKNOWN:
            failed = batch.job_status == "FAILED"
            reason = told(batch.message) or "the manifest does not tell of it"
            return Outcome(
                instance=instance, standing=Standing.AGAIN,
                code="import_failed" if failed else "untold",
                why=f"the import job failed: {reason}" if failed else reason,
            )  # fmt: skip


def _remarks(result: FileResult) -> tuple[str, str]:
    """What is said of an instance that is there, and yet worth a look."""
    if not result.is_primary:
        return "not_primary", (
            "it contradicts the primary image set of its series, and stands beside it"
        )
    if result.warnings:
        return f"warning_{result.warnings[0].lower()}", f"warnings: {', '.join(result.warnings)}"
    return "", ""
