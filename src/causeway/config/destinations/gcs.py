"""``type = "gcs"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.buckets import BucketContentSettings, only_one_of
from causeway.config.kinds import PresentFile, SecretReference, Settings
from causeway.config.web import ProxySettings, Url


class StoreTransportSettings(Settings):
    """How a store is reached."""

    endpoint: Url | None = None
    """Address, where it is not the provider's own."""
    ca: PresentFile | None = None
    """PEM file with an authority of your own, besides those that this machine trusts: for a proxy
    that looks into TLS, or a server of yours."""
    proxy: ProxySettings | None = None
    """The proxy that leads there."""
    connect_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """Time for a connection and its TLS handshake."""
    answer_seconds: Annotated[float, Field(gt=0, le=3600)] = 300
    """Time for a whole request: a piece of 16 MiB at half a megabit a second."""


class GcsDestination(BucketContentSettings, StoreTransportSettings):
    """A bucket of Google Cloud Storage. Needs `pip install 'causeway[clouds]'`."""

    type: Literal["gcs"]
    """The type of the destination."""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]
    """Name of the bucket: 3 to 222 lower-case letters, digits, dots, hyphens and underscores. It
    must be there."""
    service_account: SecretReference | None = None
    """Where the JSON key of a service account is. Without it, Google's usual chain is asked: the
    machine's own account, or the application's credentials of the user that runs the service."""
    credentials_file: PresentFile | None = None
    """JSON file of application credentials, such as those of workload identity federation."""

    @model_validator(mode="after")
    def _one_kind(self) -> GcsDestination:
        only_one_of(self, "service_account", "credentials_file")
        return self
