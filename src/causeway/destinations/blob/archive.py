"""A parcel into a bucket as one archive, with its JSON beside it.

The archive first, then the JSON: an archive with its JSON beside it is delivered. What its bytes
are known by is remembered before it gets its name, since another version of this program may make
other bytes of the same parcel; what stands there already is compared with that first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from causeway.destinations.blob.bucket import Bucket, Progress, Upload
from causeway.destinations.blob.checksums import Digesting, Digests, digests_of
from causeway.destinations.blob.comparing import is_same
from causeway.destinations.blob.naming import parcel_values
from causeway.destinations.contract import Instance, Outcome, Seal, Shipment
from causeway.errors import DestinationConflict, DestinationRefused, TemporaryError
from causeway.object_keys import KeyTemplate
from causeway.values import Standing

ARCHIVE_TYPE: Final = "application/zip"
METADATA_TYPE: Final = "application/json"
_ARCHIVE: Final = "archive"
_METADATA_BYTES_LIMIT: Final = 64 << 20
"""Of a JSON that stands there; a stranger's may be of any size."""
_OVERHEAD_BYTES: Final = 1024
"""What a ZIP adds to a member, and more."""


class ArchiveTransfer:
    """One attempt; see ``contract.Transfer``."""

    def __init__(
        self,
        bucket: Bucket,
        template: KeyTemplate,
        shipment: Shipment,
        *,
        destination: str,
        progress: Callable[[str], Progress],
    ) -> None:
        self._bucket = bucket
        self._shipment = shipment
        self._destination = destination
        self._progress = progress
        try:
            self.reference = template.made(parcel_values(shipment))
        except ValueError as error:
            raise DestinationRefused(
                f"destination {destination}: {error}", hint="shorten its labels by a mapping"
            ) from None
        self._digests: Digests | None = None
        """Of the archive under its key."""
        self._already_there = False
        self._complete = False

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        if self._digests is None and not self._bucket.is_trusted:
            self._find()
        if self._digests is None:
            self._digests = self._upload()
            if self._digests is None and not self._find():
                raise TemporaryError(
                    f"destination {self._destination}: what stood in its place went away"
                )
        return self._outcomes(instances, Standing.SENT)

    def commit(self) -> None:
        digests = self._digests
        if digests is None:
            raise TemporaryError(f"the archive at destination {self._destination} went away")
        if not self._already_there:
            self._look_again(digests)
        self._put_metadata(Seal(size=digests.size, sha256=digests.sha256_hex))
        self._complete = True

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        if self._complete:
            return self._outcomes(instances, Standing.VERIFIED)
        if not self._find():
            return self._outcomes(instances, Standing.AGAIN)
        return self._outcomes(instances, Standing.SENT)

    def abort(self) -> None:
        """Parts that are there stay, and are remembered."""

    # --- the archive ----------------------------------------------------------------------------

    def _upload(self) -> Digests | None:
        shipment = self._shipment
        sink = self._bucket.begin(
            Upload(
                key=self.reference,
                about_bytes=sum(each.size + _OVERHEAD_BYTES for each in shipment.instances),
                content_type=ARCHIVE_TYPE,
                notes={},
                progress=self._progress("upload"),
            )
        )
        try:
            # What is handed out may be a view into a buffer that is used again.
            shipment.archive(lambda parts: sink.write([bytes(part) for part in parts]))
            _remember(shipment, sink.digests())
            return sink.finish()
        except BaseException:
            sink.cancel()
            raise

    def _find(self) -> bool:
        """Whether the archive stands there; raises ``DestinationConflict`` for another."""
        seen = self._bucket.look(self.reference)
        if seen is None:
            return False
        for digests in self._candidates():
            if is_same(self._bucket, self.reference, seen, digests):
                self._digests, self._already_there = digests, True
                return True
        raise DestinationConflict(
            f"destination {self._destination} has another archive where this one should be",
            hint="move it away, then retry the delivery",
        )

    def _candidates(self) -> Iterable[Digests]:
        """What its bytes may be known by: as remembered, or as they are made now."""
        known = _remembered(self._shipment)
        if known is not None:
            yield known
        taking = Digesting()

        def take(parts: Sequence[bytes]) -> None:
            for part in parts:
                taking.update(part)

        self._shipment.archive(take)
        if (made := taking.digests()) != known:
            yield made

    def _look_again(self, digests: Digests) -> None:
        seen = self._bucket.look(self.reference)
        if seen is None:
            raise TemporaryError(
                f"destination {self._destination} took the archive, and does not have it"
            )
        if not is_same(self._bucket, self.reference, seen, digests):
            # We have put it there a moment ago, and it is not what we gave: it makes room again.
            self._bucket.remove(self.reference)
            raise TemporaryError(
                f"destination {self._destination} had other bytes than were sent",
                hint="its storage, or something on the way there, is faulty",
            )

    # --- the JSON -------------------------------------------------------------------------------

    def _put_metadata(self, seal: Seal) -> None:
        key, text = f"{self.reference}.json", self._shipment.metadata(seal)
        there = not self._bucket.is_trusted and self._bucket.look(key) is not None
        if not there:
            sink = self._bucket.begin(
                Upload(
                    key=key, about_bytes=len(text), content_type=METADATA_TYPE, notes={},
                    progress=self._progress("upload/metadata"),
                )
            )  # fmt: skip
            sink.write((text,))
            there = sink.finish() is None
        seen = self._bucket.look(key)
        if seen is None:
            raise TemporaryError(
                f"destination {self._destination} took the JSON, and does not have it"
            )
        if not there and is_same(self._bucket, key, seen, digests_of((text,))):
            return
        if there and seen.size <= _METADATA_BYTES_LIMIT:
            found = b"".join(self._bucket.read(key))
            if found == text or self._shipment.is_told_by(found, seal):
                return
        raise DestinationConflict(
            f"destination {self._destination} has another description beside the archive",
            hint="move it away, then retry the delivery",
        )

    def _outcomes(self, instances: Sequence[Instance], standing: Standing) -> list[Outcome]:
        is_there = standing is not Standing.AGAIN
        return [
            Outcome(
                instance=each, standing=standing, already_there=is_there and self._already_there,
                code="" if is_there else "not_there",
            )
            for each in instances
        ]  # fmt: skip


def _remember(shipment: Shipment, digests: Digests) -> None:
    shipment.replace(_ARCHIVE, f"{digests.size} {digests.crc64nvme} {digests.sha256}")


def _remembered(shipment: Shipment) -> Digests | None:
    size, _, rest = (shipment.recall(_ARCHIVE) or "").partition(" ")
    crc, _, sha256 = rest.partition(" ")
    if not size.isdigit() or not sha256:
        return None
    return Digests(size=int(size), crc64nvme=crc, sha256=sha256)
