"""One object on its way into S3: a single request, or parts that another process can go on with.

What fits into a part goes in one request, with its digest in a header. More is sent in parts, a few
at a time, each with its digest; at the end the digest of the whole goes along, and the server says
no if its own is another. Both ways the object appears at once and whole, or not at all, and only if
nothing stood there (``If-None-Match: *``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TYPE_CHECKING, Final

from causeway.destinations.aws.errors import code_of, status_of
from causeway.destinations.aws.parts import (
    Listed,
    Remembered,
    is_done,
    is_worth_writing,
    part_bytes_for,
)
from causeway.destinations.blob.bucket import Upload
from causeway.destinations.blob.checksums import Digesting, Digests, crc64nvme, md5, sha256
from causeway.errors import CausewayError, TemporaryError

if TYPE_CHECKING:
    from causeway.destinations.aws.bucket import S3Bucket

PARTS_AT_A_TIME: Final = 4
"""Of one object: enough to fill a line whose answers take a tenth of a second."""


class S3Upload:
    """A ``Sink``; used by one thread."""

    def __init__(
        self,
        bucket: S3Bucket,
        upload: Upload,
        *,
        workers: Executor,
        now: Callable[[], float],
    ) -> None:
        self._bucket = bucket
        self._upload = upload
        self._workers = workers
        self._now = now
        self._digesting = Digesting()
        self._remembered = Remembered.read(upload.progress.recall())
        self._part_bytes = part_bytes_for(upload.about_bytes, bucket.settings.part_bytes)
        if self._remembered is not None and self._remembered.key == upload.key:
            self._part_bytes = self._remembered.part_bytes
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._number = 0
        self._listed: dict[int, Listed] = {}
        self._known: dict[int, str] = {}
        self._etags: dict[int, str] = {}
        self._sizes: dict[int, int] = {}
        self._flying: dict[Future[str], tuple[int, str]] = {}
        self._begun = False

    # --- the contract ---------------------------------------------------------------------------

    def write(self, parts: Sequence[bytes]) -> None:
        for data in parts:
            self._digesting.update(data)
            view = memoryview(data)
            while self._buffered + len(view) > self._part_bytes:
                room = self._part_bytes - self._buffered
                self._buffer.append(bytes(view[:room]))
                self._buffered += room
                view = view[room:]
                self._give_part()
            self._buffer.append(bytes(view) if len(view) != len(data) else data)
            self._buffered += len(view)

    def digests(self) -> Digests:
        return self._digesting.digests()

    def finish(self) -> Digests | None:
        digests = self.digests()
        if not self._begun:
            if not self._put_whole(digests):
                return None
        else:
            self._give_part()
            self._settle(down_to=0)
            if not self._complete(digests):
                return None
        if self._remembered is not None:
            self._upload.progress.replace(None)
        return digests

    def cancel(self) -> None:
        """Parts that are there stay: the next attempt goes on behind them."""
        for future in self._flying:
            future.cancel()
        for future in list(self._flying):
            if not future.cancelled():
                future.exception()
        self._flying.clear()

    # --- one request ----------------------------------------------------------------------------

    def _put_whole(self, digests: Digests) -> bool:
        if self._remembered is not None:
            # What was too large once and is not now; nothing of it is of use.
            self._bucket.abort_upload(self._remembered)
        body = b"".join(self._buffer)
        try:
            answer = self._bucket.call(
                "put_object",
                "an upload",
                **self._bucket.object_options(self._upload, digests.sha256_hex),
                **self._bucket.digest_of_body(body, digests),
                **self._bucket.only_if_absent(),
                Key=self._upload.key,
                Body=body,
            )
        except ObjectExists:
            return False
        self._bucket.compare_echo(answer, digests)
        return True

    # --- parts ----------------------------------------------------------------------------------

    def _give_part(self) -> None:
        if not self._begun:
            self._begin()
        body = b"".join(self._buffer)
        self._buffer, self._buffered = [], 0
        if not body:
            return
        self._number += 1
        number = self._number
        digest = self._bucket.part_digest(body)
        self._sizes[number] = len(body)
        if is_done(number, len(body), digest, self._listed, self._known):
            self._etags[number] = self._listed[number].etag
            self._known[number] = digest
            return
        self._settle(down_to=PARTS_AT_A_TIME - 1)
        self._bucket.part_slots.acquire()
        future = self._workers.submit(self._send, number, body, digest)
        future.add_done_callback(lambda _: self._bucket.part_slots.release())
        self._flying[future] = (number, digest)
        self._settle(down_to=PARTS_AT_A_TIME)

    def _begin(self) -> None:
        """Go on with an upload that is there, or begin one."""
        self._begun = True
        known = self._remembered
        if known is not None:
            listed = self._bucket.list_parts(known) if known.key == self._upload.key else None
            if listed is not None:
                self._listed, self._known = listed, dict(known.parts)
                return
            self._bucket.abort_upload(known)
        upload_id = self._bucket.create_upload(self._upload)
        self._remembered = Remembered(
            upload_id=upload_id, key=self._upload.key, part_bytes=self._part_bytes,
            begun_at=self._now(),
        )  # fmt: skip
        self._remember()

    def _send(self, number: int, body: bytes, digest: str) -> str:
        assert self._remembered is not None
        return self._bucket.send_part(self._remembered, number, body, digest)

    def _settle(self, *, down_to: int) -> None:
        """Note the parts that are there; wait until no more than so many are on their way."""
        for future in [future for future in self._flying if future.done()]:
            self._note(future)
        while len(self._flying) > down_to:
            for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
                self._note(future)

    def _note(self, future: Future[str]) -> None:
        number, digest = self._flying.pop(future)
        self._etags[number] = future.result()
        self._known[number] = digest
        if is_worth_writing(len(self._etags)):
            self._remember()

    def _remember(self) -> None:
        known = self._remembered
        assert known is not None
        self._upload.progress.replace(
            Remembered(
                upload_id=known.upload_id, key=known.key, part_bytes=known.part_bytes,
                begun_at=known.begun_at, parts=dict(self._known),
            ).text()
        )  # fmt: skip

    def _complete(self, digests: Digests) -> bool:
        known = self._remembered
        assert known is not None
        self._remember()
        try:
            answer = self._bucket.complete_upload(known, self._etags, self._known, digests)
        except ObjectExists:
            self._bucket.abort_upload(known)
            self._upload.progress.replace(None)
            return False
        except CausewayError as error:
            if isinstance(error, TemporaryError):
                raise
            self._bucket.abort_upload(known)
            self._upload.progress.replace(None)
            raise
        self._bucket.compare_echo(answer, digests)
        return True


class ObjectExists(Exception):
    """Another object has the key."""


def is_taken(error: BaseException) -> bool:
    """Whether an answer says that something stands there."""
    return code_of(error) in ("PreconditionFailed", "412") or status_of(error) == 412


def digests_by(algorithm: str) -> Callable[[bytes], str]:
    return {"crc64nvme": crc64nvme, "sha256": sha256, "md5": md5}[algorithm]
