"""Trying a bucket of S3 out: is it there, in this region, ours to use, and whom can it be trusted.

A server that is not AWS's is asked two things more, which no documentation reliably says: does it
refuse an object whose digest is wrong, and does it leave alone what stands under a key? What it
answers decides whether ``trusted`` may be set, and says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from causeway.destinations.aws.bucket import ObjectMissing, S3Bucket
from causeway.destinations.aws.upload import ObjectExists
from causeway.destinations.blob.checksums import encoded
from causeway.destinations.blob.probing import ProbeFailed, attempt
from causeway.destinations.contract import Step
from causeway.errors import CausewayError, DestinationUnavailable

_WRONG: Final = {
    "crc64nvme": ("ChecksumCRC64NVME", encoded(bytes(8))),
    "sha256": ("ChecksumSHA256", encoded(bytes(32))),
    "md5": ("ContentMD5", encoded(bytes(16))),
}
_CONTENT: Final = b"this object has a wrong digest, and must not be kept"


def probe_bucket(bucket: S3Bucket) -> Iterator[Step]:
    """Credentials, region and bucket, in one request that changes nothing."""

    def ask() -> str:
        try:
            answer = bucket.call("head_bucket", "a question for the bucket")
        except ObjectMissing:
            raise DestinationUnavailable(
                f"there is no bucket {bucket.settings.bucket}",
                hint="correct `bucket`, or make the bucket",
            ) from None
        region = answer.get("BucketRegion") or bucket.settings.access.region
        return f"bucket {bucket.settings.bucket} is there" + (f", in {region}" if region else "")

    yield attempt("bucket", ask)


def probe_trust(bucket: S3Bucket, key: str) -> Iterator[Step]:
    """Whether a server that is not AWS's does what AWS promises. Both answers are well."""
    name, value = _WRONG[bucket.algorithm]

    def take_wrong() -> bool:
        """Whether an object with a wrong digest is taken."""
        try:
            bucket.call("put_object", "an object with a wrong digest", Key=key, Body=_CONTENT,
                        **{name: value})  # fmt: skip
        except CausewayError:
            return False
        return True

    def overwrite() -> bool:
        """Whether something that stands is overwritten in spite of ``If-None-Match``."""
        bucket.call("put_object", "an object", Key=key, Body=_CONTENT)
        try:
            bucket.call("put_object", "an object", Key=key, Body=_CONTENT, IfNoneMatch="*")
        except (ObjectExists, CausewayError):
            return False
        return True

    def find_out() -> str:
        try:
            faults = [what for what, does in _faults(take_wrong, overwrite) if does()]
        finally:
            _removed(bucket, key)
        if not faults:
            return "wrong digests are refused, and nothing is overwritten: trusted = true is safe"
        if bucket.is_trusted:
            raise ProbeFailed(
                f"trusted = true, and yet it {' and '.join(faults)}",
                hint="remove trusted = true: everything is then read back",
            )
        return f"it {' and '.join(faults)}: so everything is looked for first, and read back"

    yield attempt("trust", find_out)


def _faults(
    take_wrong: Callable[[], bool], overwrite: Callable[[], bool]
) -> tuple[tuple[str, Callable[[], bool]], ...]:
    return (
        ("takes objects with wrong digests", take_wrong),
        ("overwrites what stands", overwrite),
    )


def _removed(bucket: S3Bucket, key: str) -> None:
    with contextlib.suppress(CausewayError, ObjectMissing):
        bucket.remove(key)
