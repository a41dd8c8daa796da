"""S3, and servers that speak like it: an object for each instance, or an archive for each series.

Keys are made by a template, so a repetition asks for the same key again; nothing is overwritten;
large objects go in parts that another process can go on with. ``blob`` has what is done over any
bucket, ``aws`` what this one is.

An upload in parts that nobody goes on with costs money until it is aborted. Where each was begun is
kept in the destination's memory, and what has lain for a week is aborted when the process begins to
deliver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from causeway.destinations.aws.bucket import BucketSettings, S3Bucket
from causeway.destinations.aws.checking import probe_bucket, probe_trust
from causeway.destinations.aws.reaching import reached
from causeway.destinations.aws.stale import Uploads
from causeway.destinations.blob.bucket import Progress
from causeway.destinations.blob.destination import BucketDestination, Content
from causeway.destinations.blob.probing import NAME
from causeway.destinations.contract import Memory, Shipment, Step, Transfer

OBJECT_BYTES_LIMIT: Final = 5 * 1024**4
"""Largest object of S3 that every server takes; AWS has raised its own since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    name: str
    bucket: BucketSettings
    content: Content


class S3Destination(BucketDestination):
    """See the module's text. Thread safe."""

    def __init__(
        self,
        settings: S3Settings,
        *,
        memory: Memory,
        now: Callable[[], float] = time.time,
    ) -> None:
        parallel = settings.content.parallel
        self._parts = ThreadPoolExecutor(parallel, f"{settings.name}-part")
        self._settings = settings
        self._s3 = S3Bucket(settings.bucket, workers=self._parts, parts_at_a_time=parallel, now=now)
        self._uploads = Uploads(memory, self._s3, now=now)
        super().__init__(settings.name, settings.content, self._s3)

    def start(self, shipment: Shipment) -> Transfer:
        self._uploads.sweep()
        return super().start(shipment)

    def progress(self, shipment: Shipment, name: str) -> Progress:
        return self._uploads.progress(shipment, name)

    def probe(self) -> Iterator[Step]:
        access = self._settings.bucket.access
        key = f"{self._template.folder}{NAME}{uuid4().hex}"
        steps: list[Callable[[], Iterable[Step]]] = [
            lambda: reached(self.name, access, lambda: self._s3.url),
            lambda: probe_bucket(self._s3),
            # What is known of AWS needs no trial.
            lambda: () if access.is_aws else probe_trust(self._s3, key),
            self.probe_write,
        ]
        for part in steps:
            for step in part():
                yield step
                if not step.ok:
                    return

    def close(self) -> None:
        super().close()
        self._parts.shutdown(wait=False, cancel_futures=True)
