"""``type = "s3"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from causeway.config.destinations.aws import AwsAccessSettings, Bucket, StoredObjectSettings
from causeway.config.destinations.buckets import BucketContentSettings
from causeway.config.kinds import Size, show_size, wrong
from causeway.config.web import Url

_LEAST_PART, _LARGEST_PART = 5 << 20, 1 << 30


def _part(value: int) -> int:
    if not _LEAST_PART <= value <= _LARGEST_PART:
        raise wrong(f"is {show_size(value)}, and S3 takes parts of 5 MiB or more", "5 MiB to 1 GiB")
    return value


class S3Destination(BucketContentSettings, StoredObjectSettings, AwsAccessSettings):
    """A bucket of Amazon S3, or of a server that speaks like it."""

    type: Literal["s3"]
    """The type of the destination."""
    bucket: Bucket
    """Name of the bucket. It must be there."""
    endpoint: Url | None = None
    """Address of a server that is not AWS's, such as `https://s3.example.org:9000`."""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    """Where the bucket's name stands: in the address' `path`, or in the name of the host
    (`virtual`). `auto` is `virtual` for AWS and `path` for other servers."""
    checksums: Literal["when_supported", "when_required"] = "when_supported"
    """`when_required` is for servers that refuse the newer digests of S3: Content-MD5 is sent
    instead."""
    checksum: Literal["crc64nvme", "sha256"] = "crc64nvme"
    """The digest that goes along and is compared. `crc64nvme` is kept of whole objects, `sha256` of
    those in one part only. SHA-256 stands in the object's metadata either way."""
    trusted: bool | None = None
    """Whether the server refuses wrong digests, takes those that it tells itself, and honours
    `If-None-Match`. AWS does; of others it is not assumed, so each object is looked for before it
    is sent and read back after. `causeway destinations test` finds out, and says what to set."""
    part_bytes: Annotated[Size, AfterValidator(_part)] = 16 << 20
    """Objects up to this size go in one request, larger ones in parts of it, which are gone on with
    after a restart."""
    transfer_acceleration: bool = False
    """Send by way of AWS's edge locations; the bucket must allow it."""

    @model_validator(mode="after")
    def _fits_together(self) -> S3Destination:
        if self.endpoint is not None:
            for name in ("transfer_acceleration", "use_fips", "use_dualstack"):
                if getattr(self, name):
                    raise wrong(f"has `{name}`, which is AWS's, and an `endpoint`", "keep one")
        restores = self.storage_class in ("GLACIER", "DEEP_ARCHIVE")
        trusted = self.endpoint is None if self.trusted is None else self.trusted
        if restores and not trusted:
            raise wrong(
                f"has the storage class {self.storage_class}, whose objects cannot be read back",
                'choose "GLACIER_IR" or "STANDARD_IA", or set trusted = true if the server is',
            )
        return self
