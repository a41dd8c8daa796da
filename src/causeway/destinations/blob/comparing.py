"""Whether what stands in a bucket is what should."""

from __future__ import annotations

import enum

from causeway.destinations.blob.bucket import Bucket, Seen
from causeway.destinations.blob.checksums import Digests, digests_of


class Same(enum.Enum):
    YES = "yes"
    NO = "no"
    UNTOLD = "untold"
    """The bucket says nothing that would tell."""


def told(seen: Seen, digests: Digests) -> Same:
    """By what the bucket says. All digests that it tells must agree."""
    if seen.size != digests.size:
        return Same.NO
    pairs = [(seen.crc64nvme, digests.crc64nvme), (seen.sha256, digests.sha256)]
    known = [theirs == ours for theirs, ours in pairs if theirs]
    if not known:
        return Same.UNTOLD
    return Same.YES if all(known) else Same.NO


def is_same(bucket: Bucket, key: str, seen: Seen, digests: Digests) -> bool:
    """By what the bucket says, where it can be believed; else by reading all of it."""
    if seen.size != digests.size:
        return False
    answer = told(seen, digests) if bucket.is_trusted else Same.UNTOLD
    if answer is Same.UNTOLD:
        return digests_of(bucket.read(key)) == digests
    return answer is Same.YES
