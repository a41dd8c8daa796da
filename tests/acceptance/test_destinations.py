"""The destination is away, shut or taken, or the ledger is lost: nothing is delivered twice."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acceptance_site import (
    NOBODY,
    UNPRIVILEGED,
    Site,
    assert_delivered_once,
    need_another_user,
    outgoing,
    store,
    wait_for,
)


@pytest.mark.slow
def test_a_corrupt_ledger_is_made_anew_from_the_spool(site: Site):
    site.start()
    kept = store(site, *[outgoing(f"corrupt-{n}", series=f"corrupt-{n % 3}") for n in range(12)])
    store(site, outgoing("corrupt-0", series="corrupt-0"))  # a duplicate
    before = site.settled(at_least=13)
    assert site.stop() == 0
    archives = archive_files(site)
    ledger = site.data / "ledger.db"
    ledger.write_bytes(b"\xa5" * 8192 + ledger.read_bytes()[8192:])

    done = site.cli("run")
    assert done.returncode == 5
    assert "ledger" in done.stderr
    assert "aside" in done.stderr, "it does not say what to do"
    assert site.cli("status").returncode == 5

    for suffix in ("", "-wal", "-shm"):
        path = site.data / f"ledger.db{suffix}"
        if path.exists():
            path.rename(site.folder / f"aside{suffix}")
    site.start()
    after = site.settled(at_least=13)
    assert after == before
    assert site.deliveries() == {"verified": 3}
    assert archive_files(site) == archives, "something was delivered twice, or written anew"
    assert_delivered_once(site, kept)


def archive_files(site: Site) -> dict[str, int]:
    return {
        str(path.relative_to(site.archive)): path.stat().st_mtime_ns
        for path in site.archive.rglob("*")
        if path.is_file()
    }


@contextmanager
def vanished(site: Site) -> Iterator[None]:
    """The folder is gone altogether."""
    away = site.archive.rename(site.folder / "away")
    yield
    away.rename(site.archive)


@contextmanager
def unmounted(site: Site) -> Iterator[None]:
    """An empty folder stands in its place, as where a share is not mounted."""
    away = site.archive.rename(site.folder / "away")
    site.archive.mkdir()
    yield
    assert not list(site.archive.iterdir()), "it wrote under the mount point"
    site.archive.rmdir()
    away.rename(site.archive)


@contextmanager
def without_rights(site: Site) -> Iterator[None]:
    need_another_user()
    give(site.archive, NOBODY)
    yield
    give(site.archive, 0)


def give(folder: Path, owner: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, owner)


@contextmanager
def read_only(site: Site) -> Iterator[None]:
    here = str(site.archive)
    for arguments in (["--bind", here, here], ["-o", "remount,bind,ro", here]):
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"mounting is not possible here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", here], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [vanished, unmounted, without_rights, read_only])
def test_deliveries_wait_for_their_destination(site: Site, trouble: Callable[..., object]):
    if trouble is without_rights:
        need_another_user()
        site.prefix = UNPRIVILEGED
    site.start()
    kept = store(site, outgoing("while-it-was-there", series="first"))
    site.settled(at_least=1)
    with trouble(site):  # type: ignore[attr-defined]
        kept |= store(site, *[outgoing(f"away-{n}", series="second") for n in range(3)])
        wait_for(lambda: waits_for_destination(site), seconds=20, what=site.last_words)
        assert site.custody()["dispositions"]["on its way"] == 3
    site.settled(at_least=4, seconds=60)
    assert_delivered_once(site, kept)
    (lane,) = site.ask("status")["destinations"]
    assert lane["deliveries"] == {"verified": 2}


def waits_for_destination(site: Site) -> bool:
    waiting = site.deliveries()
    assert not waiting.get("dead"), "what will pass was taken for final"
    return waiting == {"verified": 1, "due": 1} and '"level": "warning"' in site.log.read_text()


@pytest.mark.slow
def test_what_stands_in_the_way_is_left_alone_until_a_person_retries(
    make_site: Callable[..., Site],
):
    item = outgoing("in-the-way", series="in-the-way")
    elsewhere = make_site()
    elsewhere.start()
    store(elsewhere, item)
    elsewhere.settled(at_least=1)
    (path,) = elsewhere.archive.rglob("*.zip")
    elsewhere.stop()

    site = make_site()
    stranger = site.archive / path.relative_to(elsewhere.archive)
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"somebody else's")
    site.start()
    kept = store(site, item)
    wait_for(lambda: site.deliveries() == {"dead": 1}, seconds=30, what=site.last_words)
    assert stranger.read_bytes() == b"somebody else's"
    status = site.ask("status")
    assert status["dead_deliveries"] == 1
    assert status["custody"]["holds"]
    assert "causeway studies --state dead" in site.cli("status").stdout
    stranger.unlink()
    time.sleep(1.5)
    assert site.deliveries() == {"dead": 1}, "a dead delivery rose by itself"
    done = site.cli("retry", "--all", "--to", "archive", "--why", "moved it away")
    assert done.returncode == 0, done.stderr
    site.settled(at_least=1)
    assert_delivered_once(site, kept)
