"""What the running service says of itself, also when there is no room to say it."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from causeway.doctor import running_service
from causeway.net import DoorStatistics
from causeway.service.status import StatusFile
from causeway.spool import RealDisk, SpaceGauge, SpaceLimits


def status_file(folder: Path) -> StatusFile:
    (folder / "segments").mkdir()
    gauge = SpaceGauge(
        folder,
        disk=RealDisk(),
        limits=SpaceLimits(soft_bytes=2, hard_bytes=1, reserve_bytes=0),
        clock=time.monotonic,
    )
    return StatusFile(
        folder / "run" / "status.json", listeners=(), addresses=(), space=gauge, started_at=0.0
    )


def no_room(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_service_on_a_full_disk_is_still_seen_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = status_file(tmp_path)
    status.write(DoorStatistics(), (), {})
    path = tmp_path / "run" / "status.json"
    seen = running_service(path, now=time.time())
    assert seen is not None
    assert seen.untold_since(time.time()) is None
    os.utime(path, (0, 0))
    later = seen.written_at + 60
    assert running_service(path, now=later) is None
    with monkeypatch.context() as full:
        full.setattr(Path, "write_text", no_room)
        full.setattr(time, "time", lambda: later)
        with pytest.raises(OSError, match="No space"):
            status.write(DoorStatistics(), (), {})
    seen = running_service(path, now=later + 1)
    assert seen is not None
    assert seen.untold_since(later + 1) == seen.written_at < later


def test_what_another_process_has_left_is_not_made_to_look_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = status_file(tmp_path)
    path = tmp_path / "run" / "status.json"
    path.write_text("{}")
    os.utime(path, (0, 0))
    monkeypatch.setattr(Path, "write_text", no_room)
    with pytest.raises(OSError, match="No space"):
        status.write(DoorStatistics(), (), {})
    assert path.stat().st_mtime == 0
