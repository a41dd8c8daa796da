"""The connector of the demo: its folder, its configuration, and its process.

It is ``causeway run`` as anybody runs it, on loopback. The folder is emptied at each start, so it
carries a mark that says whose it is; a folder with anything else in it is left alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from causeway.errors import StartupError

AE_TITLE: Final = "CAUSEWAY"
USUAL_PORT: Final = 11112
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0

_MARK: Final = ".causeway-demo"
_CONFIGURATION: Final = """\
# What `make demo` runs; `causeway init` writes a fuller one.
data_dir = "data"

[[listener]]
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}

[[source]]                        # anybody on this machine
name = "this-machine"
ae_title = "*"
addresses = ["127.0.0.0/8"]

[completion]
quiet_seconds = {quiet_seconds}   # a demo need not wait for a slow scanner

[spool]                           # a laptop's disk is not an archive's
ready_bytes = "128 MiB"
soft_watermark_bytes = "512 MiB"
hard_watermark_bytes = "256 MiB"
reserve_bytes = "64 MiB"

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"

[[route]]
destinations = ["archive"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A connector that accepts associations."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def configuration(self) -> Path:
        return self.folder / "causeway.toml"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def ledger(self) -> Path:
        return self.folder / "data" / "ledger.db"

    @property
    def log(self) -> Path:
        return self.folder / "causeway.log"


@contextmanager
def connector(folder: Path, *, port: int | None, quiet_seconds: int) -> Iterator[Running]:
    """Start it in the folder, and stop it at the end. Raises StartupError."""
    with _claimed(folder):
        (folder / "archive").mkdir()
        wanted = _usual_or_any() if port is None else port
        (folder / "causeway.toml").write_text(
            _CONFIGURATION.format(ae_title=AE_TITLE, port=wanted, quiet_seconds=quiet_seconds)
        )
        with (folder / "causeway.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "causeway", "--config", "causeway.toml", "run"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the demo, which then stops the connector in order.
                process_group=0,
            )
        try:
            yield Running(folder=folder, port=_port(folder, process), process=process)
        finally:
            _stop(process)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """The folder, empty but for the mark that says that it is the demo's."""
    mark = folder / _MARK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not mark.exists() and any(folder.iterdir()):
            raise StartupError(
                f"{folder} has files that are not the demo's",
                hint="name an empty folder with --folder",
            )
        with mark.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartupError(
                    f"another demo runs in {folder}", hint="stop it, or name another with --folder"
                ) from None
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif path != mark:
                    path.unlink()
            yield
    except OSError as error:
        raise StartupError(
            f"the demo cannot use {folder}: {os.strerror(error.errno or 0)}",
            hint="name another folder with --folder",
        ) from error


def _usual_or_any() -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0  # the system chooses, and the status file tells
        return USUAL_PORT


def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    """Wait until it is ready: then its status file is there, and says where it listens."""
    status = folder / "data" / "run" / "status.json"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            return int(json.loads(status.read_text())["listeners"][0]["port"])
        except FileNotFoundError:
            time.sleep(0.05)
    said = (folder / "causeway.log").read_text(errors="replace").splitlines()[-5:]
    raise StartupError("the connector did not start", hint=" / ".join(said) or "it said nothing")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
