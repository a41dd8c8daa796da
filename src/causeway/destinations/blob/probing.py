"""Trying a bucket out, harmlessly: what ``causeway destinations test`` does and shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from causeway.destinations.blob.bucket import Bucket, Progress, Upload
from causeway.destinations.blob.checksums import digests_of
from causeway.destinations.contract import Step
from causeway.errors import CausewayError

CONTENT: Final = b"Causeway tries whether it can write here; this object may be removed.\n"
NAME: Final = ".causeway-probe-"


def probe_object(bucket: Bucket, key: str) -> Iterator[Step]:
    """Write a small object, read it back, remove it where that is allowed."""
    nowhere = Progress(recall=lambda: None, replace=lambda _: None)
    upload = Upload(
        key=key, about_bytes=len(CONTENT), content_type="text/plain", notes={}, progress=nowhere
    )

    def write() -> str:
        sink = bucket.begin(upload)
        sink.write((CONTENT,))
        if sink.finish() is None:
            return "something stands there already, and was left as it is"
        return "a small object, with its digest"

    def read_back() -> str:
        if digests_of(bucket.read(key)) != digests_of((CONTENT,)):
            raise ProbeFailed("other bytes came back than were written")
        seen = bucket.look(key)
        if seen is None:
            raise ProbeFailed("it can be read, but not asked for")
        told = [name for name, value in (("CRC-64/NVME", seen.crc64nvme),
                                         ("SHA-256", seen.sha256)) if value]  # fmt: skip
        return "its bytes came back unchanged" + (f"; it tells {', '.join(told)}" if told else "")

    step = attempt("write", write)
    yield step
    if step.ok:
        yield attempt("read-back", read_back)


class ProbeFailed(CausewayError):
    """What a step found is not well."""


def attempt(name: str, work: Callable[[], str]) -> Step:
    """A step that does something, with what came of it."""
    try:
        return Step(name=name, ok=True, text=work())
    except CausewayError as error:
        return Step(name=name, ok=False, text=error.message, hint=error.hint)
