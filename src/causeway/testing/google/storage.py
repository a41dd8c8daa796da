"""Google Cloud Storage, as far as its XML API is used to bring objects and to look at them.

The emulators of it that can be had speak the JSON API alone, while obstore speaks XML: PUT of an
object on condition of its generation, multipart uploads, GET, HEAD, DELETE, and lists. This one is
made from the service's reference of that API. It is strict: bearers are checked (``accounts``),
digests that come along must match, parts have their least size, their order and their ETags, and
what it does not know it refuses rather than passes over. ``complaints`` has every refusal that a
client who knows the API would not meet.

What goes wrong besides is told to the ``HttpPeer`` that it is, or to a forwarder before it.
"""

from __future__ import annotations

import email.utils
import itertools
import threading
import time
from collections.abc import Mapping
from typing import Final, Protocol
from xml.sax.saxutils import escape

from causeway.testing.google.accounts import NotAuthorised
from causeway.testing.google.objects import (
    Part,
    Refused,
    StoredObject,
    UploadInParts,
    assembled,
    check_digests,
    hashes,
    md5_of,
)
from causeway.testing.http_peer import HttpPeer, Reply, Request

PARTS_LIMIT: Final = 10_000
NAME_BYTES_LIMIT: Final = 1024
PAGE: Final = 1000
_META: Final = "x-goog-meta-"
_NOT_KNOWN: Final = ("range", "x-goog-copy-source", "x-goog-encryption-key", "if-none-match")


class Account(Protocol):
    """Who knows whose bearers may come in."""

    def check(self, token: str) -> None:
        """Raises ``NotAuthorised``."""


class GoogleStorage(HttpPeer):
    """See the module's text. Anybody may do anything if there is no account."""

    def __init__(self, *buckets: str, account: Account | None = None) -> None:
        super().__init__()
        self.account = account
        self.buckets: dict[str, dict[str, StoredObject]] = {name: {} for name in buckets}
        self.uploads: dict[str, UploadInParts] = {}
        self.complaints: list[str] = []
        self._generations = itertools.count(int(time.time() * 1e6))
        self._ids = itertools.count(1)
        self._guard = threading.Lock()

    def respond(self, request: Request) -> Reply:
        try:
            self._admit(request)
            with self._guard:
                return self._served(request)
        except Refused as refused:
            if refused.status in (400, 401, 403, 411, 501):
                self.complaints.append(f"{request.method}: {refused.code}: {refused}")
            return _xml(
                "Error",
                f"<Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>",
                status=refused.status,
            )

    def _admit(self, request: Request) -> None:
        if self.account is not None:
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            if kind != "Bearer":
                raise Refused(401, "AuthenticationRequired", "no bearer token")
            try:
                self.account.check(token)
            except NotAuthorised as error:
                raise Refused(401, "AuthenticationRequired", str(error)) from None
        for name in _NOT_KNOWN:
            if name in request.headers:
                raise Refused(501, "NotImplemented", f"{name} is not known here")

    def _served(self, request: Request) -> Reply:
        bucket, _, name = request.path.removeprefix("/").partition("/")
        if bucket not in self.buckets:
            raise Refused(404, "NoSuchBucket", "the bucket does not exist")
        if not name:
            if request.method != "GET" or request.query.get("list-type") != "2":
                raise Refused(501, "NotImplemented", "of buckets, lists alone are known here")
            return self._list(bucket, request.query)
        if len(name.encode()) > NAME_BYTES_LIMIT or "\n" in name or "\r" in name:
            raise Refused(400, "InvalidObjectName", "not a name that an object may have")
        match request.method, tuple(sorted(request.query)):
            case "PUT", ():
                return self._put(bucket, name, request)
            case "GET" | "HEAD", ():
                return self._get(bucket, name)
            case "DELETE", ():
                self._there(bucket, name)
                del self.buckets[bucket][name]
                return Reply(status=204)
            case "POST", ("uploads",):
                return self._begin(bucket, name, request)
            case "PUT", ("partNumber", "uploadId"):
                return self._part(bucket, name, request)
            case "POST", ("uploadId",):
                return self._complete(bucket, name, request)
            case "DELETE", ("uploadId",):
                self._upload(bucket, name, request)
                del self.uploads[request.query["uploadId"]]
                return Reply(status=204)
        raise Refused(501, "NotImplemented", "that is not known here")

    # --- objects --------------------------------------------------------------------------------

    def _there(self, bucket: str, name: str) -> StoredObject:
        found = self.buckets[bucket].get(name)
        if found is None:
            raise Refused(404, "NoSuchKey", "the object does not exist")
        return found

    def keep(self, bucket: str, name: str, content: bytes) -> None:
        """Somebody else has put it there."""
        with self._guard:
            self._put(bucket, name, Request(
                method="PUT", path="", query={}, headers={"content-length": ""}, body=content
            ))  # fmt: skip

    def _put(self, bucket: str, name: str, request: Request) -> Reply:
        check_digests(request)
        if (wanted := request.headers.get("x-goog-if-generation-match")) is not None:
            there = self.buckets[bucket].get(name)
            if wanted != str(there.generation if there else 0):
                raise Refused(412, "PreconditionFailed", "its generation is another")
        stored = StoredObject(
            content=request.body, generation=next(self._generations),
            etag=f'"{md5_of(request.body)}"',
            content_type=_content_type(request), metadata=_metadata(request),
        )  # fmt: skip
        self.buckets[bucket][name] = stored
        return Reply(headers=stored.headers())

    def _get(self, bucket: str, name: str) -> Reply:
        found = self._there(bucket, name)
        headers = found.headers() | {
            "Content-Type": found.content_type,
            "Last-Modified": email.utils.formatdate(found.generation / 1e6, usegmt=True),
            "x-goog-stored-content-length": str(len(found.content)),
            "x-goog-storage-class": "STANDARD",
        }
        headers |= {f"{_META}{key}": value for key, value in found.metadata.items()}
        return Reply(headers=headers, body=found.content)

    def _list(self, bucket: str, query: Mapping[str, str]) -> Reply:
        if unknown := set(query) - {"list-type", "prefix", "max-keys", "continuation-token"}:
            raise Refused(501, "NotImplemented", f"{unknown.pop()} is not known here")
        after = query.get("continuation-token", "")
        most = min(PAGE, int(query.get("max-keys", PAGE)))
        names = sorted(
            name for name in self.buckets[bucket]
            if name.startswith(query.get("prefix", "")) and name > after
        )  # fmt: skip
        rows = [self._row(name, self.buckets[bucket][name]) for name in names[:most]]
        if len(names) > most:
            token = escape(names[most - 1])
            rows.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
        told = "true" if len(names) > most else "false"
        rows.append(f"<IsTruncated>{told}</IsTruncated><KeyCount>{len(names[:most])}</KeyCount>")
        return _xml("ListBucketResult", f"<Name>{bucket}</Name>{''.join(rows)}")

    @staticmethod
    def _row(name: str, stored: StoredObject) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(stored.generation / 1e6))
        return (
            f"<Contents><Key>{escape(name)}</Key><Generation>{stored.generation}</Generation>"
            f"<MetaGeneration>1</MetaGeneration><LastModified>{at}</LastModified>"
            f"<ETag>{escape(stored.etag)}</ETag><Size>{len(stored.content)}</Size></Contents>"
        )

    # --- uploads in parts -----------------------------------------------------------------------

    def _begin(self, bucket: str, name: str, request: Request) -> Reply:
        if request.body:
            raise Refused(400, "InvalidArgument", "an upload begins without a body")
        upload_id = f"upload-{next(self._ids)}"
        self.uploads[upload_id] = UploadInParts(
            bucket=bucket, name=name,
            content_type=_content_type(request), metadata=_metadata(request),
        )  # fmt: skip
        return _xml(
            "InitiateMultipartUploadResult",
            f"<Bucket>{bucket}</Bucket><Key>{escape(name)}</Key><UploadId>{upload_id}</UploadId>",
        )

    def _upload(self, bucket: str, name: str, request: Request) -> UploadInParts:
        found = self.uploads.get(request.query["uploadId"])
        if found is None or (found.bucket, found.name) != (bucket, name):
            raise Refused(404, "NoSuchUpload", "the upload does not exist, or was ended")
        return found

    def _part(self, bucket: str, name: str, request: Request) -> Reply:
        upload = self._upload(bucket, name, request)
        number = request.query["partNumber"]
        if not (number.isdecimal() and 1 <= int(number) <= PARTS_LIMIT):
            raise Refused(400, "InvalidArgument", "parts are numbered from 1 to 10,000")
        check_digests(request)
        part = Part(content=request.body, etag=f'"{md5_of(request.body)}"')
        upload.parts[int(number)] = part
        return Reply(headers={"ETag": part.etag, "x-goog-hash": hashes(part.content, md5=True)})

    def _complete(self, bucket: str, name: str, request: Request) -> Reply:
        """What stood there is overwritten: no condition is known for this request."""
        upload = self._upload(bucket, name, request)
        content = b"".join(assembled(upload, request.body))
        stored = StoredObject(
            content=content, generation=next(self._generations), in_parts=True,
            content_type=upload.content_type, metadata=upload.metadata,
            etag=f'"{md5_of(content)[::-1]}-{len(upload.parts)}"',
        )  # fmt: skip
        self.buckets[bucket][name] = stored
        del self.uploads[request.query["uploadId"]]
        headers = stored.headers()
        made = _xml(
            "CompleteMultipartUploadResult",
            f"<Location>{self.url}/{bucket}/{escape(name)}</Location><Bucket>{bucket}</Bucket>"
            f"<Key>{escape(name)}</Key><ETag>{escape(headers.pop('ETag'))}</ETag>",
        )
        return Reply(headers={**made.headers, **headers}, body=made.body)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "application/octet-stream")


def _metadata(request: Request) -> dict[str, str]:
    return {
        name.removeprefix(_META): value
        for name, value in request.headers.items()
        if name.startswith(_META)
    }


def _xml(root: str, inside: str, *, status: int = 200) -> Reply:
    return Reply(
        status=status,
        headers={"Content-Type": "application/xml; charset=UTF-8"},
        body=f"<?xml version='1.0' encoding='UTF-8'?><{root}>{inside}</{root}>".encode(),
    )
