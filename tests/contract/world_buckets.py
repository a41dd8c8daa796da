"""Buckets: of S3 on independent servers, of Azure on its maker's emulator, behind a forwarder."""

from __future__ import annotations

import io
import ssl
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from bucket_servers import azurite, new_bucket, server
from destination_worlds import Fault, World

from causeway.destinations import Destination, build
from causeway.destinations.aws.bucket import BucketSettings
from causeway.destinations.aws.client import Access, S3Ways
from causeway.destinations.azure_blob import AzureBlobSettings
from causeway.destinations.blob.destination import Content
from causeway.destinations.blob.transport import Transport
from causeway.destinations.s3 import S3Settings
from causeway.object_keys import ARCHIVE_LAYOUT, LAYOUTS
from causeway.testing.buckets import AZURITE_ACCOUNT, AZURITE_KEY
from causeway.testing.certificates import TestAuthority
from causeway.testing.delivering import MemoryOfDestination, Parcel, bring
from causeway.testing.forwarding import Forwarded, Forwarder, Trouble
from causeway.testing.ports import free_port

READ_SECONDS: Final = 1.0


def data_set(file: bytes) -> bytes:
    """Of a DICOM file: what stands behind its file meta information."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def puts(request: Forwarded) -> bool:
    return request.method == "PUT" and len(request.body) > 0


class BucketWorld(World):
    """What all have: a server, a forwarder in front of it, and what can go wrong in between."""

    content: ClassVar[Literal["instances", "archive"]] = "instances"
    impossible: ClassVar[Mapping[Fault, str]] = {}
    upstream: str

    def __init__(self, tmp_path: Path) -> None:
        self.memory = MemoryOfDestination()
        self.tmp_path = tmp_path
        self.forwarder = Forwarder(self.upstream)
        self.forwarder.__enter__()
        self.secured: Forwarder | None = None
        self.url = self.forwarder.url
        self.ca: Path | None = None
        self._made: list[Destination] = []

    def error(self, code: str) -> bytes:
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
            "<Message>Phantom</Message></Error>"
        ).encode()

    def destination(self) -> Destination:
        made = self.built()
        self._made.append(made)
        return made

    def built(self) -> Destination:
        raise NotImplementedError

    def objects(self) -> Mapping[str, bytes]:
        """By key, from the server itself."""
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        """Somebody else's."""
        raise NotImplementedError

    def holds(self) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for key, content in self.objects().items():
            if content[:2] == b"PK":
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    for member in archive.namelist():
                        found[member.removesuffix(".CT.dcm")] = data_set(archive.read(member))
            elif key.endswith(".dcm"):
                found[key.rpartition("/")[2].removesuffix(".dcm")] = data_set(content)
        return found

    def key(self, parcel: Parcel) -> str:
        """Of the first instance, or of the archive."""
        transfer: Any = self.destination().start(parcel)
        if self.content == "archive":
            return str(transfer.reference)
        return str(transfer.key_of(parcel.instances[0]))

    def inject(self, fault: Fault, parcel: Parcel) -> None:
        trouble = self._trouble(fault)
        if trouble is not None:
            self.forwarder.troubles.append(trouble)
            return
        match fault:
            case Fault.AWAY:
                self.url = f"http://127.0.0.1:{free_port()}"
            case Fault.DNS:
                self.url = "http://nowhere.invalid"
            case Fault.CERTIFICATE_EXPIRED:
                self._expire()
            case Fault.THERE_SAME:
                bring(self.destination(), parcel.after_lost_ledger())
            case Fault.THERE_OTHER:
                self.put(self.key(parcel), b"somebody else's")
            case _:
                raise NotImplementedError(fault)

    def _trouble(self, fault: Fault) -> Trouble | None:
        second = int(self.content == "instances")
        match fault:
            case Fault.ASKS_TO_WAIT:
                return Trouble(status=503, headers={"Retry-After": "7"},
                               body=self.error("SlowDown"), fits=puts)  # fmt: skip
            case Fault.UNAVAILABLE:
                return Trouble(status=503, body=self.error("ServiceUnavailable"), fits=puts)
            case Fault.FULL:
                return Trouble(status=507, body=self.error("InsufficientStorage"), fits=puts)
            case Fault.UNAUTHORISED:
                return Trouble(status=403, body=self.error("AccessDenied"), fits=puts, after=second)
            case Fault.TOKEN_EXPIRES:
                return Trouble(status=400, body=self.error("ExpiredToken"), fits=puts, times=1)
            case Fault.TRUNCATED_ANSWER:
                return Trouble(cuts=True, fits=puts, times=1)
            case Fault.SLOW_ANSWER:
                return Trouble(delay_seconds=2 * READ_SECONDS, fits=puts, times=1)
            case Fault.RESET_AFTER_BODY:
                return Trouble(resets=True, fits=puts, times=1)
            case Fault.NOTHING_STORED:
                return Trouble(status=200, headers={"ETag": '"x"'}, fits=puts, times=1)
            case Fault.MIXED:
                return Trouble(status=400, body=self.error("InvalidArgument"), fits=puts,
                               after=1, times=1)  # fmt: skip
            case Fault.WRONG_CHECKSUM:
                return Trouble(changes=lambda body: body[:-1] + b"?", fits=puts, times=1)
        return None

    def _expire(self) -> None:
        authority = TestAuthority(self.tmp_path)
        issued = authority.issue("stale", expired=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        self.secured = Forwarder(self.upstream, tls=context)
        self.secured.__enter__()
        self.url, self.ca = self.secured.url, authority.certificate

    def mend(self) -> None:
        self.forwarder.troubles.clear()
        self.url, self.ca = self.forwarder.url, None

    def close(self) -> None:
        for destination in self._made:
            destination.close()
        self.forwarder.close()
        if self.secured is not None:
            self.secured.close()


class S3World(BucketWorld):
    of: ClassVar[str] = "swift"
    is_trusted: ClassVar[bool] = True
    checksums: ClassVar[Literal["when_supported", "when_required"]] = "when_supported"

    def __init__(self, tmp_path: Path) -> None:
        self.server = server(self.of)
        self.upstream = self.server.url
        self.bucket = new_bucket(self.server)
        super().__init__(tmp_path)

    def built(self) -> Destination:
        of = self.server
        access = Access(
            region=of.region,
            endpoint=self.url,
            access_key=lambda: of.access_key,
            secret_key=lambda: of.secret_key,
            ca=self.ca,
            connect_seconds=2.0,
            read_seconds=READ_SECONDS,
        )
        bucket = BucketSettings(
            destination="bucket",
            bucket=self.bucket,
            access=access,
            ways=S3Ways(checksums=self.checksums),
            is_trusted=self.is_trusted,
        )
        return build(
            S3Settings(name="bucket", bucket=bucket, content=content(self.content)),
            memory=self.memory,
        )

    def objects(self) -> Mapping[str, bytes]:
        client = self.server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {
            one["Key"]: client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
            for page in pages
            for one in page.get("Contents", ())
        }

    def put(self, key: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=data)


class S3Archive(S3World):
    """As an archive, on a server that nobody can trust."""

    of: ClassVar[str] = "rclone"
    is_trusted: ClassVar[bool] = False
    checksums: ClassVar[Literal["when_supported", "when_required"]] = "when_required"
    content: ClassVar[Literal["instances", "archive"]] = "archive"
    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.MIXED: "instances are members of one archive, which is there or not"
    }


CONTAINER: Final = "images"


class AzureWorld(BucketWorld):
    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.TOKEN_EXPIRES: "the account's key has no end, and obstore renews tokens by itself",
        Fault.ASKS_TO_WAIT: "obstore does not tell what Retry-After says",
    }
    _folders = 0

    def __init__(self, tmp_path: Path) -> None:
        address = azurite(CONTAINER)
        self.upstream = address.removesuffix(f"/{AZURITE_ACCOUNT}")
        # One container for all, so each world has a folder of its own.
        AzureWorld._folders += 1
        self.folder = f"world-{AzureWorld._folders}"
        super().__init__(tmp_path)

    def built(self) -> Destination:
        return build(self.settings(self.url), memory=self.memory)

    def settings(self, url: str) -> AzureBlobSettings:
        return AzureBlobSettings(
            name="bucket",
            account=AZURITE_ACCOUNT,
            container=CONTAINER,
            account_key=lambda: AZURITE_KEY,
            endpoint=f"{url}/{AZURITE_ACCOUNT}",
            content=content(self.content, f"{self.folder}/"),
            transport=Transport(ca=self.ca, connect_seconds=2.0, answer_seconds=READ_SECONDS),
        )

    def _store(self) -> tuple[Any, Any]:
        import obstore

        from causeway.destinations.azure_blob import _store

        return obstore, _store(self.settings(self.upstream))

    def objects(self) -> Mapping[str, bytes]:
        obstore, store = self._store()
        return {
            one["path"]: bytes(obstore.get(store, one["path"]).bytes())
            for page in obstore.list(store, prefix=self.folder)
            for one in page
        }

    def put(self, key: str, data: bytes) -> None:
        obstore, store = self._store()
        obstore.put(store, key, data)


def content(what: Literal["instances", "archive"], folder: str = "") -> Content:
    key = ARCHIVE_LAYOUT if what == "archive" else LAYOUTS["series"]
    return Content(what=what, key=f"{folder}{key}", parallel=1)


Worlds = Mapping[str, Callable[[Path], World]]
WORLDS: Final[Worlds] = {"s3": S3World, "s3 archive": S3Archive, "azure-blob": AzureWorld}
