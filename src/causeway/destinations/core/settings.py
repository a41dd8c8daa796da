"""Settings of a core, and how it is told who uploads."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.destinations.http import Body, FixedToken, HttpOptions, OAuth, Reveal, revealed

METHOD: Final = "reaper"
"""What kind of device a connector is to the platform."""


class Upload(enum.StrEnum):
    AUTO = "auto"
    """By signed addresses where the platform offers them, else directly."""
    DIRECT = "direct"
    SIGNED = "signed"
    """By signed addresses only; a platform without them is an error."""


class Look(enum.StrEnum):
    """How an archive is looked at before it counts as delivered."""

    LISTED = "listed"
    """The platform is asked what it has, afterwards."""
    ANSWER = "answer"
    """What it answers to the upload tells name, size and hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The platform's shared secret, and the name that this device has there."""

    secret: Reveal = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    name: str
    url: str
    """Of the interface, ``/api`` included."""
    http: HttpOptions
    auth: FixedToken | OAuth | Device = field(repr=False)
    upload: Upload = Upload.AUTO
    look: Look = Look.LISTED
    heartbeat_seconds: int = 0
    """0: none."""


def api_key(text: str) -> str:
    """The key in what the platform's page shows, which is ``host:port:key`` or the key alone."""
    return text.rpartition(":")[2]


class DeviceCredentials:
    """The shared secret with a device's name, and the key that the platform gives for it.

    The secret goes along until there is a key. The key is kept: with another one the platform would
    show another device.
    """

    def __init__(
        self, device: Device, *, known: Callable[[], str | None], forget: Callable[[], None]
    ) -> None:
        self._device = device
        self._known = known
        self._forget = forget

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        del method, url, body
        if key := self._known():
            return {"authorization": f"scitran-user {key}"}
        return {
            "x-scitran-auth": revealed(self._device.secret),
            "x-scitran-method": METHOD,
            "x-scitran-name": self._device.name,
        }

    def refused(self, headers: Mapping[str, str]) -> bool:
        if "authorization" not in headers:
            return False
        self._forget()
        return True
