"""``make demo ARGS=--once`` as a newcomer runs it: the real connector, and a true exit status."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "causeway.demo", "--once", "--folder", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.slow
def test_everything_arrives_and_it_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Whether the usual port is free on this machine must not matter.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 11112))
            taken.listen()
        except OSError:
            pass
        ran = demo(tmp_path / "demo", "--seconds", "90")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not ran.stderr
    assert "127.0.0.1:11112" not in ran.stdout
    for said in ("complete with 40 images", "packaged", "verified", "Custody: received", "proof"):
        assert said.lower() in ran.stdout.lower()
    assert list((tmp_path / "demo/archive").rglob("*.zip"))


@pytest.mark.slow
def test_what_did_not_arrive_in_time_gives_a_status_of_its_own(tmp_path: Path) -> None:
    ran = demo(tmp_path / "demo", "--seconds", "0.5")
    assert ran.returncode == 1
    assert "missing" in ran.stdout
