"""Uploads in parts that were begun and never finished, so that they can be aborted one day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from causeway.destinations.aws.bucket import S3Bucket
from causeway.destinations.aws.parts import Remembered
from causeway.destinations.blob.bucket import Progress
from causeway.destinations.contract import Memory, Shipment
from causeway.errors import CausewayError

STALE_SECONDS: Final = 7 * 24 * 3600.0
"""Longer than any outage that a delivery outlives by itself, with the default schedule."""

SWEEP_SECONDS: Final = 3600.0
PREFIX: Final = "upload/"


class Uploads:
    """What a destination has begun, over all deliveries. Thread safe."""

    def __init__(self, memory: Memory, bucket: S3Bucket, *, now: Callable[[], float]) -> None:
        self._memory = memory
        self._bucket = bucket
        self._now = now
        self._lock = threading.Lock()
        self._swept_at = float("-inf")

    def progress(self, shipment: Shipment, name: str) -> Progress:
        """Where an upload of a shipment is remembered: with the shipment, and here."""
        here = f"{PREFIX}{shipment.key}/{name}"
        noted = False

        def replace(value: str | None) -> None:
            nonlocal noted
            if value is None:
                shipment.replace(name, None)
                self._memory.replace(here, None)
                return
            if not noted:
                # First here: what is begun and noted nowhere would never be aborted.
                self._memory.replace(here, value)
                noted = True
            shipment.replace(name, value)

        return Progress(recall=partial(shipment.recall, name), replace=replace)

    def sweep(self) -> None:
        """Abort what has lain for long; now and then, and never in the way of a delivery."""
        now = self._now()
        with self._lock:
            if now < self._swept_at + SWEEP_SECONDS:
                return
            self._swept_at = now
        for key, text in self._memory.remembered(PREFIX).items():
            known = Remembered.read(text)
            if known is not None and known.begun_at > now - STALE_SECONDS:
                continue
            try:
                if known is not None:
                    self._bucket.abort_upload(known)
            except CausewayError:
                continue  # the next time
            self._memory.replace(key, None)
