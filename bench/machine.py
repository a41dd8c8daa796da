"""The machine that figures are of: without it they say little."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_SEGMENT = 64 << 20


def describe(folder: Path) -> list[str]:
    """Lines for the report."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    busy = " (**others were at work: figures are off**)" if load > cores / 2 else ""
    ct, mr = synced_writes(folder, 525_000), synced_writes(folder, 34_000)
    disk = (
        "writing over preallocated files with `fdatasync` after each object, "
        f"one thread: {ct:,.0f} CT/s, {mr:,.0f} MR/s"
    )
    return [
        f"{_processor()}, {cores} cores; Linux {platform.release()}; {_system()}",
        f"Python {platform.python_version()}; {'; '.join(_peers())}",
        f"{_file_system(folder)}; {disk}",
        f"load average at the start: {load:.1f}{busy}",
    ]


def synced_writes(folder: Path, size: int, seconds: float = 1.0) -> float:
    """What the disk does for one writer that syncs each object: the floor under any durable one."""
    path = folder / "disk-probe"
    data = os.urandom(size)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for offset in range(0, _SEGMENT, 1 << 20):
            os.pwrite(descriptor, bytes(1 << 20), offset)
        os.fsync(descriptor)
        written, offset, began = 0, 0, time.monotonic()
        while time.monotonic() - began < seconds:
            if offset + size > _SEGMENT:
                offset = 0
            os.pwrite(descriptor, data, offset)
            os.fdatasync(descriptor)
            offset += size
            written += 1
        return written / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _peers() -> list[str]:
    import pynetdicom

    found = [f"pynetdicom {pynetdicom.__version__}"]
    for name, command, pattern in (
        ("DCMTK", ["storescp", "--version"], r"v(\S+)"),
        ("Orthanc", ["Orthanc", "--version"], r"Orthanc (\S+)"),
    ):
        if version := _version(command, pattern):
            found.append(f"{name} {version}")
    return found


def _version(command: Sequence[str], pattern: str) -> str:
    try:
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=10,
            env=os.environ | {"PATH": os.environ.get("PATH", "") + ":/usr/sbin"},
        ).stdout
    except OSError:
        return ""
    match = re.search(pattern, said)
    return match[1] if match else ""


def _file_system(folder: Path) -> str:
    best, kind = "", "unknown file system"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, what, *_ = line.split()
        if folder.resolve().is_relative_to(where) and len(where) >= len(best):
            best, kind = where, what
    return kind


if __name__ == "__main__":
    print("\n".join(describe(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
