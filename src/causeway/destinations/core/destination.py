"""A research platform with Flywheel's upload interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from causeway.destinations.contract import Memory, Shipment, Step, Takes
from causeway.destinations.core.heartbeat import DEVICE_KEY, Heartbeat
from causeway.destinations.core.interface import Interface, NoSearch
from causeway.destinations.core.settings import CoreSettings, Device, DeviceCredentials
from causeway.destinations.core.transfer import CoreTransfer
from causeway.destinations.http import HttpClient
from causeway.destinations.http.connect import ConnectedClient
from causeway.destinations.http.probing import attempt, reach

NOBODYS_UID: Final = "2.25.1"

_WHOLE_PARCELS: Final = Takes()


class CoreDestination:
    """See the module's text. Thread safe."""

    takes = _WHOLE_PARCELS

    def __init__(
        self,
        settings: CoreSettings,
        *,
        memory: Memory,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._memory = memory
        self._client = self._connected(settings, clock)
        self._interface = Interface(self._client, settings.url.rstrip("/"))
        self._heartbeat = Heartbeat(
            self._interface, memory, interval_seconds=settings.heartbeat_seconds, clock=clock
        )

    def _connected(self, settings: CoreSettings, clock: Callable[[], float]) -> HttpClient:
        if not isinstance(settings.auth, Device):
            return ConnectedClient(settings.http, settings.auth, clock=clock)
        credentials = DeviceCredentials(
            settings.auth,
            known=lambda: self._memory.recall(DEVICE_KEY),
            forget=lambda: self._memory.replace(DEVICE_KEY, None),
        )
        return HttpClient(settings.http, credentials=credentials, clock=clock)

    def check(self) -> None:
        self._client.renew()

    def close(self) -> None:
        self._client.close()

    def start(self, shipment: Shipment) -> CoreTransfer:
        return CoreTransfer(
            shipment,
            self._interface,
            memory=self._memory,
            who=self._client.who,
            upload=self._settings.upload,
            look=self._settings.look,
            trouble=self._heartbeat.trouble,
        )

    def tend(self, now: float) -> None:
        """What is due whether or not there is anything to deliver; called every few seconds."""
        self._heartbeat.tend(now)

    def probe(self) -> Iterator[Step]:
        for step in reach(self._settings.http, self._settings.url):
            yield step
            if not step.ok:
                return
        yield attempt("auth", self._authenticated, who=self._client.who)

    def _authenticated(self) -> str:
        if isinstance(self._settings.auth, Device):
            self._interface.greet()
            known = "this device"
        else:
            try:
                self._interface.find(NOBODYS_UID)
            except NoSearch:
                return "it answers; whether it takes the key shows at the first upload"
            known = "the key"
        signed = "with" if self._interface.offers_signed() else "without"
        return f"the platform knows {known}; {signed} signed addresses"
