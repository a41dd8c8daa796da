"""``type = "core"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.base import ArchiveDestinationSettings
from causeway.config.kinds import SecretReference, Settings, wrong
from causeway.config.web import OAuthSettings, Url, WebSettings


class DeviceSettings(Settings):
    """A device of the platform, which this connector is by its shared secret."""

    secret: SecretReference
    """Where the platform's shared secret for devices is."""
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[ -~]+$")]
    """What the device is called there, in ASCII. The platform knows it by this name: keep it."""
    heartbeat_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    """Interval that the platform is told; it shows the device as missing after so long without a
    sign of life. The connector gives one three times in it. 0 for none."""


class CoreDestination(WebSettings, ArchiveDestinationSettings):
    """A research platform with Flywheel's upload interface: one ZIP for each acquisition."""

    type: Literal["core"]
    """The type of the destination."""
    url: Url
    """Address of the platform's interface, which usually ends with `/api`."""
    api_key: SecretReference | None = None
    """Where an API key is, as the platform shows it: the key alone, or `host:port:key`."""
    api_key_scheme: Literal["scitran-user", "Bearer"] = "scitran-user"
    """How the key goes along. Cores from version 19 on take `Bearer` only."""
    device: DeviceSettings | None = None
    """Upload as a device, which the platform knows by a shared secret."""
    oauth: OAuthSettings | None = None
    """Upload with tokens of an OAuth issuer."""
    upload: Literal["auto", "direct", "signed"] = "auto"
    """How archives go up: by signed addresses where the platform offers them and directly where it
    does not, or one of the two only."""
    verify: Literal["listed", "answer"] = "listed"
    """How an archive is looked at before it counts as delivered: the platform is asked what it has,
    or its answer to the upload is believed. Name, size and hash are compared in both."""

    @model_validator(mode="after")
    def _one_kind(self) -> CoreDestination:
        kinds = [each is not None for each in (self.api_key, self.device, self.oauth)]
        if sum(kinds) != 1:
            raise wrong(
                "needs one kind of credentials",
                'api_key = "file:…", or a table [destination.device] or [destination.oauth]',
            )
        return self
