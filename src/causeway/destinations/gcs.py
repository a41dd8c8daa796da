"""Google Cloud Storage, through obstore; see ``blob`` for what is done over any bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from causeway.destinations.blob.destination import BucketDestination, Content
from causeway.destinations.blob.stored import NO_RETRIES, StoredBucket, StoreSettings
from causeway.destinations.blob.transport import Transport, reached
from causeway.destinations.contract import Step
from causeway.destinations.google_tokens import federated, is_federated

OBJECT_BYTES_LIMIT: Final = 5 * 1024**4
_URL: Final = "https://storage.googleapis.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsSettings:
    name: str
    bucket: str
    content: Content
    transport: Transport = field(default_factory=Transport)
    service_account: Callable[[], str] | None = field(default=None, repr=False)
    """The JSON key of a service account; without one, whatever Google's usual chain finds."""
    credentials_file: Path | None = None
    """For workload identity federation: a file of application credentials."""
    endpoint: str = ""
    """Empty: Google's own."""


class GcsDestination(BucketDestination):
    """See the module's text. Thread safe."""

    def __init__(self, settings: GcsSettings) -> None:
        self._settings = settings
        bucket = StoredBucket(
            StoreSettings(
                destination=settings.name,
                bucket=f"bucket {settings.bucket}",
                make=lambda: _store(settings),
            )
        )
        super().__init__(settings.name, settings.content, bucket)

    def probe(self) -> Iterator[Step]:
        url = self._settings.endpoint or _URL
        yield from reached(self.name, url, self._settings.transport, self.bucket, self.probe_write)


def _anonymous(endpoint: str) -> str:
    """What an emulator takes for a key; with none, a token would be asked of Google."""
    return json.dumps(
        {
            "gcs_base_url": endpoint, "disable_oauth": True, "client_email": "",
            "private_key": "", "private_key_id": "",
        }
    )  # fmt: skip


def _store(settings: GcsSettings) -> Any:
    from obstore.store import GCSStore

    config: dict[str, Any] = {}
    if settings.service_account is not None:
        key = json.loads(settings.service_account())
        config["service_account_key"] = json.dumps(key)
    if (file := settings.credentials_file) is not None:
        if is_federated(file):
            config["credential_provider"] = federated(file, settings.transport)
        else:
            config["application_credentials"] = str(file)
    if settings.endpoint:
        config["base_url"] = settings.endpoint
        if settings.service_account is None and settings.credentials_file is None:
            config["service_account_key"] = _anonymous(settings.endpoint)
    return GCSStore(
        settings.bucket,
        client_options=settings.transport.options(settings.endpoint),
        retry_config=NO_RETRIES,
        **config,
    )
