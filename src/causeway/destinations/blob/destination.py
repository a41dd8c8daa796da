"""What destinations over buckets share: workers, takes, transfers, the trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal
from uuid import uuid4

from causeway.destinations.blob.archive import ArchiveTransfer
from causeway.destinations.blob.bucket import Bucket, Progress
from causeway.destinations.blob.instances import InstancesTransfer
from causeway.destinations.blob.naming import keys_by
from causeway.destinations.blob.probing import NAME, probe_object
from causeway.destinations.contract import Shipment, Step, Takes, Transfer
from causeway.object_keys import KeyTemplate, Naming

INSTANCES_AT_ONCE: Final = 200
"""In one ``send``: between two the driver looks whether it may go on, and notes what is there."""
BYTES_AT_ONCE: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What goes into the bucket, under which keys."""

    what: Literal["instances", "archive"] = "instances"
    key: str
    """A template of ``object_keys``."""
    parallel: int = 4
    """Uploads at a time, over all deliveries."""
    size_limit: int = 5 * 1024**4
    """Largest object that the bucket takes."""


class BucketDestination:
    """A destination over a bucket. Thread safe."""

    def __init__(self, name: str, content: Content, bucket: Bucket) -> None:
        self.name = name
        self.bucket = bucket
        self._content = content
        self._workers = ThreadPoolExecutor(content.parallel, f"{name}-upload")
        naming = Naming.INSTANCE if content.what == "instances" else Naming.ARCHIVE
        self._template = KeyTemplate.compile(content.key, naming)
        self.takes = (
            Takes(instances=INSTANCES_AT_ONCE, bytes=BYTES_AT_ONCE)
            if naming is Naming.INSTANCE
            else Takes()
        )

    def check(self) -> None:
        self.bucket.check()

    def start(self, shipment: Shipment) -> Transfer:
        if self._content.what == "archive":
            return ArchiveTransfer(
                self.bucket, self._template, shipment, destination=self.name,
                progress=partial(self.progress, shipment),
            )  # fmt: skip
        return InstancesTransfer(
            self.bucket,
            shipment,
            key_of=keys_by(self._template, shipment),
            destination=self.name,
            workers=self._workers,
            parallel=self._content.parallel,
            size_limit=self._content.size_limit,
            progress=partial(self.progress, shipment),
        )

    def progress(self, shipment: Shipment, name: str) -> Progress:
        """Where an upload of a shipment is remembered."""
        return Progress(
            recall=partial(shipment.recall, name), replace=partial(shipment.replace, name)
        )

    def probe(self) -> Iterator[Step]:
        return self.probe_write()

    def probe_write(self, new_token: Callable[[], str] = lambda: uuid4().hex) -> Iterator[Step]:
        return probe_object(self.bucket, f"{self._template.folder}{NAME}{new_token()}")

    def close(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)
        self.bucket.close()
