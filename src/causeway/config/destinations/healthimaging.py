"""``type = "healthimaging"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.aws import (
    AwsAccessSettings,
    Bucket,
    RoleArn,
    StoredObjectSettings,
)
from causeway.config.destinations.base import DestinationSettings
from causeway.config.kinds import Size, wrong
from causeway.config.web import Url

Prefix = Annotated[str, Field(pattern=r"^([A-Za-z0-9!_.*'()-]+/)*$")]

BYTES_LIMIT = 10 * 1000**3


class HealthImagingDestination(DestinationSettings, StoredObjectSettings, AwsAccessSettings):
    """A data store of AWS HealthImaging: instances go into a bucket, and import jobs take them from
    there.
    """

    type: Literal["healthimaging"]
    """The type of the destination."""
    datastore: Annotated[str, Field(pattern=r"^[0-9a-z]{32}$")]
    """Id of the data store, 32 letters and digits."""
    role: RoleArn
    """ARN of the role with which the service reads and writes the bucket."""
    bucket: Bucket
    """Name of a bucket in the data store's region. It must be there."""
    input_prefix: Prefix = "causeway/input/"
    """Where instances go, each batch in a folder of its own. Let a rule of the bucket remove what
    is older than a month."""
    output_prefix: Prefix = "causeway/output/"
    """Where the service writes what became of them."""
    endpoint: Url | None = None
    """Address of S3, where it is not AWS's own: an interface endpoint, or a server for tests."""
    service_endpoint: Url | None = None
    """Address of HealthImaging, likewise."""
    quiet_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    """Without anything new for so long, a batch is imported. More than the pauses between the
    series of a study, so that they share a job."""
    longest_seconds: Annotated[float, Field(ge=1, le=86400)] = 900
    """A batch is imported so long after its first instance, however busy it is."""
    maximum_files: Annotated[int, Field(ge=1)] = 5000
    """Most files of an import job: the service's quota, which AWS raises on request."""
    maximum_bytes: Annotated[Size, Field(ge=1, le=BYTES_LIMIT)] = BYTES_LIMIT
    """Most bytes of an import job. 10 GB is the service's limit, and fixed."""
    maximum_jobs: Annotated[int, Field(ge=1, le=10000)] = 100
    """Import jobs at a time: the quota of a data store in most regions (20 in ap-southeast-2).
    Others that import into the same data store count too; a full queue is waited out."""
    start_every_seconds: Annotated[float, Field(gt=0, le=600)] = 1
    """Import jobs are started no faster than this, but for two in a row: the service's usual
    rate."""
    poll_seconds: Annotated[float, Field(ge=1, le=600)] = 15
    """Between two questions for an import job, which takes minutes."""
    parallel_uploads: Annotated[int, Field(ge=1, le=64)] = 8
    """Uploads at the same time, over all deliveries to this destination."""

    @model_validator(mode="after")
    def _fits_together(self) -> HealthImagingDestination:
        if self.input_prefix == self.output_prefix:
            raise wrong(
                "writes results where it reads instances",
                "give `input_prefix` and `output_prefix` folders of their own",
            )
        if self.longest_seconds < self.quiet_seconds:
            raise wrong("has a `longest_seconds` below its `quiet_seconds`", "make it longer")
        if self.storage_class in ("GLACIER", "DEEP_ARCHIVE"):
            raise wrong(
                f"has the storage class {self.storage_class}, which import jobs cannot read",
                "leave it out",
            )
        return self
