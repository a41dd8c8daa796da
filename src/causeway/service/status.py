"""What the running service says of itself, for ``causeway status`` and for scripts: one file.

Written beside and renamed each second, so that a reader sees a whole one. It is a snapshot, not a
record: nothing is synced, and nothing is read back. On a full disk, where it cannot be written, the
old one gets the present time, which takes no room: that the service runs is known all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from causeway.net import DoorStatistics, ListenerOptions
from causeway.spool import Sample, SpaceGauge, hours_left

SAMPLE_SECONDS = 10.0
SAMPLES = 360
"""An hour of samples: what the forecast of hours left looks back on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """A child process, as status shows it."""

    name: str
    pid: int | None
    restarts: int


class StatusFile:
    """Collects what is said, and writes it."""

    def __init__(
        self,
        path: Path,
        *,
        listeners: Sequence[ListenerOptions],
        addresses: Sequence[tuple[str, int]],
        space: SpaceGauge,
        started_at: float,
        receive_only: bool = False,
    ) -> None:
        self._path = path
        self._listeners = [
            {"ae_title": each.ae_title, "host": host, "port": port, "tls": each.tls is not None}
            for each, (host, port) in zip(listeners, addresses, strict=True)
        ]
        self._space = space
        self._started_at = started_at
        self._receive_only = receive_only
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._sampled_at = 0.0
        self._pipeline_gone_at: float | None = None
        self._is_ours = False
        path.parent.mkdir(exist_ok=True)

    def write(
        self,
        door: DoorStatistics,
        processes: Sequence[ProcessState],
        configuration: Mapping[str, object],
        pipeline: ProcessState | None = None,
        pull: ProcessState | None = None,
    ) -> None:
        """Raises OSError where it cannot, such as on a full disk."""
        now = time.time()
        if pipeline is None or pipeline.pid is not None:
            self._pipeline_gone_at = None
        elif self._pipeline_gone_at is None:
            self._pipeline_gone_at = now
        sources = door.sources
        if now - self._sampled_at >= SAMPLE_SECONDS:
            self._sampled_at = now
            self._samples.append(
                Sample(at=now, received_bytes=sum(each.bytes for each in sources.values()))
            )
        room = self._space.room()
        said = {
            "pid": os.getpid(),
            "written_at": now,
            "started_at": self._started_at,
            "receive_only": self._receive_only,
            "configuration": dict(configuration),
            "listeners": self._listeners,
            "receivers": [
                {
                    "name": each.name,
                    "pid": each.pid,
                    "restarts": each.restarts,
                    "associations": door.receivers[each.name].connections
                    if each.name in door.receivers
                    else 0,
                }
                for each in processes
            ],
            "pipeline": None
            if pipeline is None
            else {
                "pid": pipeline.pid,
                "restarts": pipeline.restarts,
                "gone_at": self._pipeline_gone_at,
            },
            "pull": None if pull is None else {"pid": pull.pid, "restarts": pull.restarts},
            "space": {
                "state": str(self._space.state()),
                "room_bytes": room.room_bytes,
                "free_bytes": room.free_bytes,
                "hours_left": hours_left(tuple(self._samples), room.room_bytes),
            },
            "sources": {
                name: {
                    "associations": each.associations,
                    "open": each.open,
                    "objects": each.objects,
                    "bytes": each.bytes,
                    "refused_objects": each.refused_objects,
                    "last_object_at": each.last_object_at or None,
                }
                for name, each in sources.items()
            },
            "refusals": door.all_refused,
        }
        beside = self._path.with_suffix(".new")
        try:
            beside.write_text(json.dumps(said))
            beside.replace(self._path)
        except OSError:
            if self._is_ours:
                with contextlib.suppress(OSError):
                    os.utime(self._path, (now, now))
            raise
        self._is_ours = True

    def remove(self) -> None:
        """The service ends in order."""
        self._path.unlink(missing_ok=True)
