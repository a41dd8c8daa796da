"""AWS HealthImaging, as far as bringing images there goes: data stores and DICOM import jobs.

No emulator has it. This one reads requests and renders answers by botocore's model of the service
(``rest_json``), checks signatures, imports from a real S3 server and writes the manifest tree that
the service writes, file by file. It keeps the service's limits (jobs at a time, starts a second,
files and bytes of a job, bytes of a file) and its rules: one job for a client token, COMPLETED
although files failed, one primary image set for a series, another that is not primary for what
contradicts it.

And it fails in each way that is documented, when told so; see ``Behaviour``.

Usable by others: as a context manager in tests, or ``python -m causeway.testing.aws.healthimaging``
beside any S3 server.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import queue
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from causeway.testing.aws.importing import Archive, FileFault, run_import
from causeway.testing.aws.rest_json import Request, Response, RestJson, ServiceError
from causeway.testing.aws.signatures import check_signature

SERVICE: Final = "medical-imaging"
DATASTORE: Final = "0123456789abcdef0123456789abcdef"
ACCESS_KEY: Final = "AKIDTESTING"
SECRET_KEY: Final = "not-a-secret"  # noqa: S105  it is what it says


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """What it does wrong, and what limits it keeps. Change it at any time."""

    refuse_starts: deque[ServiceError] = field(default_factory=deque)
    """The next starts of jobs are answered so, one each, and no job is made."""
    lose_answers: int = 0
    """So many starts make their job, and are answered with InternalServerException all the same."""
    refuse_polls: deque[ServiceError] = field(default_factory=deque)
    """The next questions for a job are answered so."""
    job_fails: str = ""
    """Jobs end as FAILED with this message, before a file is read."""
    file_fault: Callable[[str], FileFault | None] = lambda _key: None
    """What happens to a file, by its key."""
    manifest_late_seconds: float = 0.0
    """How long after COMPLETED the manifest appears."""
    submitted_seconds: float = 0.0
    running_seconds: float = 0.0
    jobs_limit: int = 100
    """Jobs at a time; one more is ServiceQuotaExceededException (402)."""
    starts_per_second: float = 0.0
    """0: as many as come; else more is ThrottlingException (429)."""
    starts_burst: int = 2
    files_limit: int = 5000
    bytes_limit: int = 10 * 1000**3
    file_bytes_limit: int = 4 * 1000**3


@dataclass(slots=True, kw_only=True)
class Job:
    """An import job, as GetDICOMImportJob tells it."""

    job_id: str
    datastore_id: str
    client_token: str
    request: Mapping[str, Any]
    submitted_at: dt.datetime
    status: str = "SUBMITTED"
    ended_at: dt.datetime | None = None
    message: str = ""

    def properties(self) -> dict[str, Any]:
        said: dict[str, Any] = {
            "jobId": self.job_id,
            "jobName": self.request.get("jobName", self.job_id),
            "jobStatus": self.status,
            "datastoreId": self.datastore_id,
            "dataAccessRoleArn": self.request["dataAccessRoleArn"],
            "submittedAt": self.submitted_at,
            "inputS3Uri": self.request["inputS3Uri"],
            "outputS3Uri": self.request["outputS3Uri"],
        }
        if self.ended_at is not None:
            said["endedAt"] = self.ended_at
        if self.message:
            said["message"] = self.message
        return said

    def summary(self) -> dict[str, Any]:
        told = self.properties()
        return {name: told[name] for name in told if name not in ("inputS3Uri", "outputS3Uri")}


class FakeHealthImaging:
    """The service on a free port of loopback. ``s3`` is a botocore client of the server beside it.

    ``archives`` has what was imported, ``jobs`` every job that was ever started, ``calls`` the name
    of each operation that was asked for.
    """

    def __init__(
        self,
        s3: Any,
        *,
        datastores: tuple[str, ...] = (DATASTORE,),
        accounts: Mapping[str, str] | None = None,
        behaviour: Behaviour | None = None,
        port: int = 0,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.archives = {name: Archive() for name in datastores}
        self.jobs: dict[str, Job] = {}
        self.calls: list[str] = []
        self._s3 = s3
        self._accounts = {ACCESS_KEY: SECRET_KEY} if accounts is None else dict(accounts)
        self._model = RestJson(SERVICE)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._to_do: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._started: deque[float] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._import, daemon=True),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def archive(self) -> Archive:
        """Of the first data store."""
        return next(iter(self.archives.values()))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._to_do.put(None)
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(10)

    # --- requests -------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """One request, whole. Called from several threads."""
        try:
            check_signature(request, self._accounts, service=SERVICE, now=dt.datetime.now(dt.UTC))
            operation, parameters = self._model.read(request)
            with self._lock:
                self.calls.append(operation.name)
            answer = {
                "StartDICOMImportJob": self._start,
                "GetDICOMImportJob": self._get,
                "ListDICOMImportJobs": self._list,
                "GetDatastore": self._datastore,
            }.get(operation.name)
            if answer is None:
                raise ServiceError("InternalServerException", f"no {operation.name} in this fake")
            return self._model.answer(operation, answer(parameters))
        except ServiceError as error:
            return self._model.refuse(error)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = self.path.partition("?")
                answer = fake.handle(
                    Request(self.command, path, query, dict(self.headers.items()), body)
                )
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        return Handler

    # --- operations -----------------------------------------------------------------------------

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        behaviour = self.behaviour
        with self._lock:
            self._known(asked["datastoreId"])
            if behaviour.refuse_starts:
                raise behaviour.refuse_starts.popleft()
            self._throttle()
            token = asked["clientToken"]
            job = next((one for one in self.jobs.values() if one.client_token == token), None)
            if job is not None and job.request != asked:
                raise ServiceError("ConflictException", "the client token is another job's")
            if job is None:
                job = self._new_job(asked)
            if behaviour.lose_answers:
                behaviour.lose_answers -= 1
                raise ServiceError("InternalServerException", "an error on our side")
        return {
            "datastoreId": job.datastore_id,
            "jobId": job.job_id,
            "jobStatus": job.status,
            "submittedAt": job.submitted_at,
        }

    def _new_job(self, asked: dict[str, Any]) -> Job:
        open_jobs = sum(one.status in ("SUBMITTED", "IN_PROGRESS") for one in self.jobs.values())
        if open_jobs >= self.behaviour.jobs_limit:
            raise ServiceError(
                "ServiceQuotaExceededException", "Maximum number of concurrent import jobs reached"
            )
        job = Job(
            job_id=secrets.token_hex(16),
            datastore_id=asked["datastoreId"],
            client_token=asked["clientToken"],
            request=asked,
            submitted_at=dt.datetime.now(dt.UTC),
        )
        self.jobs[job.job_id] = job
        self._to_do.put(job)
        return job

    def _throttle(self) -> None:
        rate = self.behaviour.starts_per_second
        now = time.monotonic()
        while (
            self._started and rate and self._started[0] < now - self.behaviour.starts_burst / rate
        ):
            self._started.popleft()
        if rate and len(self._started) >= self.behaviour.starts_burst:
            raise ServiceError("ThrottlingException", "Rate exceeded")
        self._started.append(now)

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._known(asked["datastoreId"])
            if self.behaviour.refuse_polls:
                raise self.behaviour.refuse_polls.popleft()
            job = self.jobs.get(asked["jobId"])
            if job is None or job.datastore_id != asked["datastoreId"]:
                raise ServiceError("ResourceNotFoundException", "no such import job")
            return {"jobProperties": job.properties()}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._known(asked["datastoreId"])
            status = asked.get("jobStatus")
            found = [
                job
                for job in reversed(self.jobs.values())  # newest first
                if job.datastore_id == asked["datastoreId"] and status in (None, job.status)
            ]
        try:
            begin = int(asked.get("nextToken", "0"))
        except ValueError:
            raise ServiceError("ValidationException", "not a token of ours") from None
        end = begin + asked.get("maxResults", 50)
        said: dict[str, Any] = {"jobSummaries": [job.summary() for job in found[begin:end]]}
        if end < len(found):
            said["nextToken"] = str(end)
        return said

    def _datastore(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._known(asked["datastoreId"])
        return {
            "datastoreProperties": {
                "datastoreId": asked["datastoreId"],
                "datastoreName": "testing",
                "datastoreStatus": "ACTIVE",
            }
        }

    def _known(self, datastore: str) -> None:
        if datastore not in self.archives:
            raise ServiceError("ResourceNotFoundException", "no such data store")

    # --- work -----------------------------------------------------------------------------------

    def _import(self) -> None:
        while (job := self._to_do.get()) is not None:
            behaviour = self.behaviour
            if self._over.wait(behaviour.submitted_seconds):
                return
            self._become(job, "IN_PROGRESS")
            if self._over.wait(behaviour.running_seconds):
                return
            message = behaviour.job_fails
            if not message:
                try:
                    message = run_import(
                        self._s3,
                        self.archives[job.datastore_id],
                        job_id=job.job_id,
                        datastore_id=job.datastore_id,
                        input_uri=job.request["inputS3Uri"],
                        output_uri=job.request["outputS3Uri"],
                        file_fault=behaviour.file_fault,
                        files_limit=behaviour.files_limit,
                        bytes_limit=behaviour.bytes_limit,
                        file_bytes_limit=behaviour.file_bytes_limit,
                        publish=self._publisher(job, behaviour.manifest_late_seconds),
                    )
                except Exception as error:  # noqa: BLE001  a job that fails, not a server
                    message = f"the bucket cannot be read - {type(error).__name__}"
            job.ended_at = dt.datetime.now(dt.UTC)
            job.message = message
            self._become(job, "FAILED" if message else "COMPLETED")

    def _become(self, job: Job, status: str) -> None:
        with self._lock:
            job.status = status

    def _publisher(self, job: Job, late_seconds: float) -> Callable[[Callable[[], None]], None]:
        """How the manifest is written: at once, or only after the job is told to be complete."""

        def publish(write: Callable[[], None]) -> None:
            if not late_seconds:
                write()
                return

            def later() -> None:
                while job.status != "COMPLETED" and not self._over.is_set():
                    time.sleep(0.01)
                if not self._over.wait(late_seconds):
                    write()

            threading.Thread(target=later, daemon=True).start()

        return publish


def _main() -> None:
    import botocore.session

    parser = argparse.ArgumentParser(
        prog="python -m causeway.testing.aws.healthimaging",
        description="AWS HealthImaging's import jobs, beside an S3 server of yours.",
    )
    parser.add_argument("--s3", required=True, help="address of the S3 server")
    parser.add_argument("--access-key", default=ACCESS_KEY, help="of S3, and of this service")
    parser.add_argument("--secret-key", default=SECRET_KEY)
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--datastore", default=DATASTORE)
    parser.add_argument("--running-seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    s3 = botocore.session.get_session().create_client(
        "s3", region_name=arguments.region, endpoint_url=arguments.s3,
        aws_access_key_id=arguments.access_key, aws_secret_access_key=arguments.secret_key,
    )  # fmt: skip
    fake = FakeHealthImaging(
        s3,
        datastores=(arguments.datastore,),
        accounts={arguments.access_key: arguments.secret_key},
        behaviour=Behaviour(running_seconds=arguments.running_seconds),
        port=arguments.port,
    )
    with fake:
        said = {"url": fake.url, "datastore": arguments.datastore}
        print(json.dumps(said), flush=True)  # noqa: T201  how a caller learns of the port
        with contextlib.suppress(KeyboardInterrupt):
            signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    _main()
