"""Azure Blob Storage, through obstore; see ``blob`` for what is done over any bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from causeway.destinations.blob.destination import BucketDestination, Content
from causeway.destinations.blob.stored import NO_RETRIES, StoredBucket, StoreSettings
from causeway.destinations.blob.transport import Transport, reached
from causeway.destinations.contract import Step

OBJECT_BYTES_LIMIT: Final = 195_312 * 2**20 * 4
"""50,000 blocks of 16 MiB, the pieces that an upload is cut into."""

Reveal = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureBlobSettings:
    name: str
    account: str
    container: str
    content: Content
    transport: Transport = field(default_factory=Transport)
    account_key: Reveal | None = field(default=None, repr=False)
    sas_token: Reveal | None = field(default=None, repr=False)
    tenant_id: str = ""
    client_id: str = ""
    client_secret: Reveal | None = field(default=None, repr=False)
    federated_token_file: Path | None = None
    endpoint: str = ""
    """Empty: Azure's own, of this account."""

    @property
    def url(self) -> str:
        return self.endpoint or f"https://{self.account}.blob.core.windows.net"


class AzureBlobDestination(BucketDestination):
    """See the module's text. Thread safe."""

    def __init__(self, settings: AzureBlobSettings) -> None:
        self._settings = settings
        bucket = StoredBucket(
            StoreSettings(
                destination=settings.name,
                bucket=f"container {settings.container}",
                make=lambda: _store(settings),
            )
        )
        super().__init__(settings.name, settings.content, bucket)

    def probe(self) -> Iterator[Step]:
        settings = self._settings
        yield from reached(
            self.name, settings.url, settings.transport, self.bucket, self.probe_write
        )


def _store(settings: AzureBlobSettings) -> Any:
    from obstore.store import AzureStore

    config: dict[str, Any] = {"account_name": settings.account}
    secrets = {
        "account_key": settings.account_key,
        "sas_key": settings.sas_token,
        "client_secret": settings.client_secret,
    }
    config |= {name: reveal() for name, reveal in secrets.items() if reveal is not None}
    texts = {
        "tenant_id": settings.tenant_id,
        "client_id": settings.client_id,
        "endpoint": settings.endpoint,
    }
    config |= {name: text for name, text in texts.items() if text}
    if settings.federated_token_file is not None:
        config["federated_token_file"] = str(settings.federated_token_file)
    return AzureStore(
        settings.container,
        client_options=settings.transport.options(settings.endpoint),
        retry_config=NO_RETRIES,
        **config,
    )
