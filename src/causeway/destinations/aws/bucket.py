"""A bucket of S3, or of a server that speaks like it.

Which digest is sent: CRC-64/NVME, which S3 keeps of whole objects however they came; SHA-256, for
those whose rules ask for it; or Content-MD5 and nothing newer, for servers that know no more
(``checksums = "when_required"``). What the server echoes is compared. ETags are never asked.

AWS is trusted to refuse wrong digests, to compute the ones that it tells, and to keep what stands.
Of other servers that is not known (one was seen that repeats any digest that it is told): there
everything is looked for before it is put, and read back after, unless the settings say otherwise.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlencode

from causeway.destinations.aws.client import Access, S3Ways, client
from causeway.destinations.aws.errors import EXPIRED, code_of, explained, status_of
from causeway.destinations.aws.parts import Listed, Remembered
from causeway.destinations.aws.upload import ObjectExists, S3Upload, digests_by, is_taken
from causeway.destinations.blob.bucket import Seen, Upload
from causeway.destinations.blob.checksums import Digests
from causeway.errors import (
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)

READ_BYTES: Final = 1 << 20

_FIELD: Final = {"crc64nvme": "ChecksumCRC64NVME", "sha256": "ChecksumSHA256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """One bucket, and what objects in it get."""

    destination: str
    """Name of the destination; stands in errors."""
    bucket: str
    access: Access
    ways: S3Ways = field(default_factory=S3Ways)
    checksum: Literal["crc64nvme", "sha256"] = "crc64nvme"
    is_trusted: bool = True
    part_bytes: int = 16 << 20
    storage_class: str = ""
    encryption: str = ""
    """``AES256``, ``aws:kms`` or ``aws:kms:dsse``; empty: as the bucket says."""
    kms_key: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    expected_owner: str = ""
    """Account that the bucket must belong to."""


class S3Bucket:
    """See the module's text. Thread safe."""

    def __init__(
        self,
        settings: BucketSettings,
        *,
        workers: Executor,
        parts_at_a_time: int,
        now: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.part_slots = threading.BoundedSemaphore(parts_at_a_time)
        """Over all uploads, so that memory has one bound."""
        self.is_trusted = settings.is_trusted
        self._workers = workers
        self._now = now
        self._client: Any = None
        self._lock = threading.Lock()
        legacy = settings.ways.checksums == "when_required"
        self.algorithm = "md5" if legacy else settings.checksum
        self._knows_conditions = True
        self._may_list = True

    def check(self) -> None:
        with self._lock:
            self._made()

    @property
    def url(self) -> str:
        """Where requests go, as far as it is the same for all."""
        with self._lock:
            return str(self._made().meta.endpoint_url)

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    # --- the contract ---------------------------------------------------------------------------

    def begin(self, upload: Upload) -> S3Upload:
        return S3Upload(self, upload, workers=self._workers, now=self._now)

    def look(self, key: str) -> Seen | None:
        legacy = self.algorithm == "md5"
        mode = {} if legacy else {"ChecksumMode": "ENABLED"}
        try:
            answer = self.call("head_object", "a question for an object", Key=key, **mode)
        except ObjectMissing:
            return None
        is_whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return Seen(
            size=int(answer["ContentLength"]),
            crc64nvme=answer.get("ChecksumCRC64NVME", "") if is_whole else "",
            sha256=_whole(answer.get("ChecksumSHA256", "")) if is_whole else "",
            notes={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        )

    def keys(self, folder: str, *, pages: int) -> frozenset[str] | None:
        found: set[str] = set()
        token: dict[str, str] = {}
        for _ in range(pages if self._may_list else 0):
            try:
                answer = self.call("list_objects_v2", "a list", Prefix=folder, **token)
            except DestinationUnauthorised:
                # Rights may let one ask for objects one by one all the same.
                self._may_list = False
                return None
            except DestinationUnavailable:
                raise
            except (TemporaryError, DestinationRefused, ObjectMissing):
                return None
            found.update(one["Key"] for one in answer.get("Contents", ()))
            if not answer.get("IsTruncated"):
                return frozenset(found)
            token = {"ContinuationToken": str(answer["NextContinuationToken"])}
        return None

    def read(self, key: str) -> Iterator[bytes]:
        try:
            body = self.call("get_object", "a reading", Key=key)["Body"]
        except ObjectMissing:
            raise TemporaryError(f"destination {self.settings.destination}: it is gone") from None
        try:
            yield from body.iter_chunks(READ_BYTES)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            raise self.explained(error, "a reading") from None
        finally:
            body.close()

    def remove(self, key: str) -> None:
        self.call("delete_object", "a removal", Key=key)

    # --- requests -------------------------------------------------------------------------------

    def call(self, operation: str, doing: str, **parameters: Any) -> Any:
        """One request about this bucket. Raises ours, ``ObjectExists`` or ``ObjectMissing``."""
        if self.settings.expected_owner:
            parameters["ExpectedBucketOwner"] = self.settings.expected_owner
        try:
            return self._asked(operation, parameters)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            if is_taken(error):
                raise ObjectExists from None
            if code_of(error) in ("NoSuchKey", "404", "NotFound", "NoSuchUpload"):
                raise ObjectMissing(code_of(error)) from None
            if status_of(error) == 501 and "IfNoneMatch" in parameters and not self.is_trusted:
                self._knows_conditions = False
                del parameters["IfNoneMatch"]
                return self.call(operation, doing, **parameters)
            raise self.explained(error, doing) from None

    def _asked(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        """Once more with fresh credentials, if those that there were have run out."""
        with self._lock:
            made = self._made()
        try:
            return getattr(made, operation)(Bucket=self.settings.bucket, **parameters)
        except Exception as error:
            if code_of(error) not in EXPIRED:
                raise
        with self._lock:
            if self._client is made:
                self._client = None
            made = self._made()
        return getattr(made, operation)(Bucket=self.settings.bucket, **parameters)

    def explained(self, error: BaseException, doing: str) -> Exception:
        settings = self.settings
        ours = explained(
            error, destination=settings.destination, bucket=settings.bucket,
            region=settings.access.region, doing=doing,
        )  # fmt: skip
        if isinstance(ours, DestinationUnauthorised):
            # Secrets that are references are read anew the next time.
            with self._lock:
                self._client = None
        return ours

    def _made(self) -> Any:
        if self._client is None:
            try:
                self._client = client("s3", self.settings.access, s3=self.settings.ways)
            except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
                raise explained(error, destination=self.settings.destination) from None
        return self._client

    # --- what requests carry --------------------------------------------------------------------

    def object_options(self, upload: Upload, sha256_hex: str = "") -> dict[str, Any]:
        settings = self.settings
        notes = dict(upload.notes)
        if sha256_hex:
            notes["causeway-sha256"] = sha256_hex
        options: dict[str, Any] = {"ContentType": upload.content_type, "Metadata": notes}
        if settings.storage_class:
            options["StorageClass"] = settings.storage_class
        if settings.encryption:
            options["ServerSideEncryption"] = settings.encryption
        if settings.kms_key:
            options["SSEKMSKeyId"] = settings.kms_key
        if settings.tags:
            options["Tagging"] = urlencode(settings.tags)
        return options

    def digest_of_body(self, body: bytes, digests: Digests) -> dict[str, str]:
        match self.algorithm:
            case "crc64nvme":
                return {"ChecksumAlgorithm": "CRC64NVME", "ChecksumCRC64NVME": digests.crc64nvme}
            case "sha256":
                return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": digests.sha256}
            case _:
                return {"ContentMD5": self.part_digest(body)}

    def only_if_absent(self) -> dict[str, str]:
        return {"IfNoneMatch": "*"} if self._knows_conditions else {}

    def part_digest(self, body: bytes) -> str:
        return digests_by(self.algorithm)(body)

    def compare_echo(self, answer: Mapping[str, Any], digests: Digests) -> None:
        """A digest that the server tells back must be ours."""
        said = answer.get("ChecksumCRC64NVME", "")
        if said and answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
            self._compare(said, digests.crc64nvme)
        if said := _whole(answer.get("ChecksumSHA256", "")):
            self._compare(said, digests.sha256)

    def _compare(self, said: str, ours: str) -> None:
        if said != ours:
            raise TemporaryError(
                f"destination {self.settings.destination} answered with another digest than that "
                "of the bytes that were sent"
            )

    # --- parts ----------------------------------------------------------------------------------

    def create_upload(self, upload: Upload) -> str:
        algorithm: dict[str, str] = {}
        if self.algorithm == "crc64nvme":
            algorithm = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
        elif self.algorithm == "sha256":
            algorithm = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"}
        answer = self.call(
            "create_multipart_upload", "the beginning of an upload in parts",
            Key=upload.key, **self.object_options(upload), **algorithm,
        )  # fmt: skip
        return str(answer["UploadId"])

    def send_part(self, known: Remembered, number: int, body: bytes, digest: str) -> str:
        name = _FIELD.get(self.algorithm, "ContentMD5")
        try:
            answer = self.call(
                "upload_part", "a part of an upload",
                Key=known.key, UploadId=known.upload_id, PartNumber=number, Body=body,
                **{name: digest},
            )  # fmt: skip
        except ObjectMissing:
            raise self._upload_gone() from None
        if said := answer.get(name, ""):
            self._compare(said, digest)
        return str(answer["ETag"])

    def list_parts(self, known: Remembered) -> dict[int, Listed] | None:
        """None if the server does not know the upload any more."""
        found: dict[int, Listed] = {}
        marker = 0
        while True:
            try:
                answer = self.call(
                    "list_parts", "a question for parts",
                    Key=known.key, UploadId=known.upload_id, PartNumberMarker=marker,
                )  # fmt: skip
            except ObjectMissing:
                return None
            for part in answer.get("Parts", ()):
                found[int(part["PartNumber"])] = Listed(
                    size=int(part["Size"]), etag=str(part["ETag"]),
                    digest=part.get(_FIELD.get(self.algorithm, ""), ""),
                )  # fmt: skip
            following = int(answer.get("NextPartNumberMarker") or 0)
            if not answer.get("IsTruncated") or following <= marker:
                return found
            marker = following

    def complete_upload(
        self,
        known: Remembered,
        etags: Mapping[int, str],
        digests_of_parts: Mapping[int, str],
        digests: Digests,
    ) -> Any:
        parts: list[dict[str, Any]] = []
        for number in sorted(etags):
            part: dict[str, Any] = {"PartNumber": number, "ETag": etags[number]}
            if self.algorithm in _FIELD:
                part[_FIELD[self.algorithm]] = digests_of_parts[number]
            parts.append(part)
        whole: dict[str, Any] = {}
        if self.algorithm == "crc64nvme":
            whole = {
                "ChecksumCRC64NVME": digests.crc64nvme,
                "ChecksumType": "FULL_OBJECT",
                "MpuObjectSize": digests.size,
            }
        try:
            answer = self.call(
                "complete_multipart_upload", "the end of an upload in parts",
                Key=known.key, UploadId=known.upload_id, MultipartUpload={"Parts": parts},
                **whole, **self.only_if_absent(),
            )  # fmt: skip
        except ObjectMissing:
            raise self._upload_gone() from None
        return answer

    def abort_upload(self, known: Remembered) -> None:
        """One that is gone is as good as aborted."""
        with contextlib.suppress(ObjectMissing):
            self.call("abort_multipart_upload", "the end of an upload",
                      Key=known.key, UploadId=known.upload_id)  # fmt: skip

    def _upload_gone(self) -> TemporaryError:
        return TemporaryError(
            f"destination {self.settings.destination}: the upload in parts is not known any more",
            hint="a rule of the bucket may end uploads too early; it is begun anew",
        )


class ObjectMissing(Exception):
    """Nothing has the key, or the upload is not known."""


def _whole(digest: str) -> str:
    """A digest of the object; empty for one of digests (``…-3``)."""
    return "" if "-" in digest else digest
