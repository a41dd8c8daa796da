"""HealthImaging: moto for its bucket, behind the forwarder, and the service's own fake.

The batches are in a ledger on disk, as with the pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from bucket_servers import need, new_bucket, server
from destination_worlds import Fault, World
from ledger_steps import advance
from world_buckets import BucketWorld, data_set

from causeway.destinations import Destination, build
from causeway.destinations.aws.bucket import BucketSettings
from causeway.destinations.aws.client import Access
from causeway.destinations.healthimaging import HealthImagingSettings
from causeway.import_jobs import BatchRules
from causeway.ledger import SeriesState, open_ledger
from causeway.testing.aws.healthimaging import DATASTORE, FakeHealthImaging
from causeway.testing.aws.importing import FileFault
from causeway.testing.delivering import Parcel
from causeway.testing.feed import Feed

NAME: Final = "imaging"
ROLE: Final = "arn:aws:iam::123456789012:role/healthimaging"
RULES: Final = BatchRules(
    quiet_seconds=0.02,
    longest_seconds=10.0,
    starts_per_second=1000.0,
    poll_seconds=0.02,
    manifest_patience_seconds=0.3,
)


class HealthImagingWorld(BucketWorld):
    impossible: ClassVar[Mapping[Fault, str]] = {}
    tells_others_apart: ClassVar[bool] = False
    """An import of what is there already makes another version of it, whoever brought it."""

    def __init__(self, tmp_path: Path) -> None:
        need("moto_server")
        self.server = server("moto")
        self.upstream = self.server.url
        self.bucket = new_bucket(self.server)
        super().__init__(tmp_path)
        self.ledger = open_ledger(tmp_path / "ledger.db")
        feed = Feed()
        for series in (1, 2, 3):
            self.ledger.index([feed.indexed(1, series, n) for n in (1, 2, 3)], now=1000)
            advance(self.ledger, SeriesState.PACKAGED, NAME)
        accounts = {self.server.access_key: self.server.secret_key}
        self.fake = FakeHealthImaging(self.server.client(), accounts=accounts)
        self.fake.__enter__()

    def built(self) -> Destination:
        of = self.server

        def access(endpoint: str) -> Access:
            return Access(
                region=of.region,
                endpoint=endpoint,
                access_key=lambda: of.access_key,
                secret_key=lambda: of.secret_key,
                ca=self.ca,
                connect_seconds=2.0,
                read_seconds=1.0,
            )

        settings = HealthImagingSettings(
            name=NAME,
            datastore_id=DATASTORE,
            role_arn=ROLE,
            bucket=BucketSettings(
                destination=NAME, bucket=self.bucket, access=access(self.url), is_trusted=False
            ),
            service=access(self.fake.url),
            rules=RULES,
            parallel=1,
        )
        return build(settings, memory=self.memory, batches=self.ledger)

    def holds(self) -> Mapping[str, bytes]:
        return {uid: data_set(file) for uid, file in self.fake.archive.files.items()}

    def key(self, parcel: Parcel) -> str:
        raise NotImplementedError

    def inject(self, fault: Fault, parcel: Parcel) -> None:
        match fault:
            case Fault.MIXED:
                self.fake.behaviour.file_fault = lambda key: (
                    FileFault(kind="customer", message="DICOM attribute Rows does not exist")
                    if key.endswith("/2.dcm")
                    else None
                )
            case Fault.NOTHING_STORED:
                self.fake.behaviour.file_fault = lambda _key: FileFault(kind="lost")
            case Fault.THERE_SAME | Fault.THERE_OTHER:
                for uid, data in parcel.data_sets.items():
                    other = data if fault is Fault.THERE_SAME else data[:-1] + b"?"
                    self.fake.archive.files[uid] = bytes(140) + bytes(4) + other
            case _:
                super().inject(fault, parcel)

    def mend(self) -> None:
        super().mend()
        self.fake.behaviour.file_fault = lambda _key: None

    def settle(self) -> None:
        time.sleep(0.05)

    def close(self) -> None:
        super().close()
        self.fake.__exit__(None, None, None)
        self.ledger.close()


WORLDS: Final[Mapping[str, type[World]]] = {"healthimaging": HealthImagingWorld}
