"""A bucket of Google Cloud Storage: a service made from its documentation, behind a forwarder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

from destination_worlds import Fault, World
from world_buckets import READ_SECONDS, BucketWorld, content

from causeway.destinations import Destination, build
from causeway.destinations.blob.transport import Transport
from causeway.destinations.gcs import GcsSettings
from causeway.testing.google.accounts import ServiceAccount
from causeway.testing.google.storage import GoogleStorage

BUCKET: Final = "images"


@cache
def account() -> ServiceAccount:
    """One for all: a key takes a moment to make."""
    return ServiceAccount()


class GcsWorld(BucketWorld):
    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.TOKEN_EXPIRES: "obstore signs a fresh token before the last one runs out",
        Fault.ASKS_TO_WAIT: "obstore does not tell what Retry-After says",
    }

    def __init__(self, tmp_path: Path) -> None:
        self.service = GoogleStorage(BUCKET, account=account())
        self.service.__enter__()
        self.upstream = self.service.url
        super().__init__(tmp_path)

    def built(self) -> Destination:
        return build(
            GcsSettings(
                name="bucket",
                bucket=BUCKET,
                service_account=account().key_file,
                endpoint=self.url,
                content=content(self.content),
                transport=Transport(ca=self.ca, connect_seconds=2.0, answer_seconds=READ_SECONDS),
            ),
            memory=self.memory,
        )

    def objects(self) -> Mapping[str, bytes]:
        return {name: one.content for name, one in self.service.buckets[BUCKET].items()}

    def put(self, key: str, data: bytes) -> None:
        self.service.keep(BUCKET, key, data)

    def close(self) -> None:
        super().close()
        self.service.close()
        assert not self.service.complaints


class GcsArchive(GcsWorld):
    content = "archive"
    impossible: ClassVar[Mapping[Fault, str]] = GcsWorld.impossible | {
        Fault.MIXED: "instances are members of one archive, which is there or not"
    }


Worlds = Mapping[str, Callable[[Path], World]]
WORLDS: Final[Worlds] = {"gcs": GcsWorld, "gcs archive": GcsArchive}
