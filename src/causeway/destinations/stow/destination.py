"""A DICOMweb service that instances are stored to (STOW-RS)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from causeway.destinations.contract import Shipment, Step, Takes
from causeway.destinations.http import Part, multipart, new_boundary
from causeway.destinations.http.connect import ConnectedClient
from causeway.destinations.http.probing import attempt, reach
from causeway.destinations.stow.looking import JSON
from causeway.destinations.stow.settings import StowSettings
from causeway.destinations.stow.transfer import Rules, StowTransfer

SMALLEST_BATCH_BYTES: Final = 1 << 20
"""A server that finds a megabyte too large is asked with single instances anyway."""

_DECLINED: Final = frozenset({200, 202, 400, 409, 415, 422})


class StowDestination:
    """See the module's text. Thread safe."""

    def __init__(self, settings: StowSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.name = settings.name
        preset = settings.preset
        self._settings = settings
        self._rules = Rules(
            url=settings.url.rstrip("/"),
            verify=settings.verify,
            explicit_vr_only=preset.explicit_vr_only,
            largest_bytes=preset.largest_bytes,
            visible_seconds=preset.visible_seconds
            if settings.visible_seconds is None
            else settings.visible_seconds,
            search_costs_bytes=preset.search_costs_bytes,
            requests_at_once=settings.requests_at_once,
        )
        self._clock = clock
        self._client = ConnectedClient(settings.http, settings.auth, clock=clock)
        self._lock = threading.Lock()
        self._request = Takes(
            instances=settings.batch_instances or preset.batch_instances,
            bytes=settings.batch_bytes or preset.batch_bytes,
        )

        """Most of one request."""

    @property
    def takes(self) -> Takes:
        request, at_once = self._request, self._rules.requests_at_once
        return Takes(instances=request.instances * at_once, bytes=request.bytes * at_once)

    def check(self) -> None:
        self._client.renew()

    def close(self) -> None:
        self._client.close()

    def start(self, shipment: Shipment) -> StowTransfer:
        return StowTransfer(
            shipment,
            self._rules,
            client=self._client,
            clock=self._clock,
            most=lambda: self._request,
            too_large=self._too_large,
        )

    def probe(self) -> Iterator[Step]:
        for step in reach(self._settings.http, self._rules.url):
            yield step
            if not step.ok:
                return
        yield (step := attempt("auth", self._search, who=self._client.who))
        if step.ok:
            yield attempt("write", self._store_nothing, who=self._client.who)

    def _search(self) -> str:
        answer = self._client.ask(
            "GET", f"{self._rules.url}/studies?limit=1", headers={"accept": JSON}
        )
        if not answer.is_success:
            raise self._client.failure(answer)
        return "the account may search"

    def _store_nothing(self) -> str:
        """Offer what is no image: who may not store is told so, and who may leaves no trace."""
        no_image = b"Causeway asks whether it may store; this is no image."
        answer = self._client.ask(
            "POST",
            f"{self._rules.url}/studies",
            headers={"accept": JSON},
            body=multipart(
                [
                    Part(
                        headers=(("Content-Type", "application/dicom"),),
                        size=len(no_image),
                        pieces=lambda: iter((no_image,)),
                    )
                ],
                content_type='multipart/related; type="application/dicom"',
                boundary=new_boundary(),
            ),
        )
        if answer.status not in _DECLINED:
            raise self._client.failure(answer)
        return f"the account may store; what is no image was declined ({answer.status})"

    def _too_large(self, size: int) -> None:
        """The server took no batch of this size: cut the next ones smaller."""
        with self._lock:
            smaller = max(size // 2, SMALLEST_BATCH_BYTES)
            if not self._request.bytes or smaller < self._request.bytes:
                self._request = Takes(instances=self._request.instances, bytes=smaller)
