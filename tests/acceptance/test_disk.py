"""A real file system, cut off under load as a power cut does it, and one that fills up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from acceptance_site import Sender, Site, assert_delivered_once, outgoing, sent, wait_for

MIB = 1 << 20


class LoopDisk:
    """An ext4 file system in a file, mounted by a loop device."""

    def __init__(self, image: Path, mount: Path, *, size: int) -> None:
        self.image, self.path = image, mount
        if not image.exists():
            with image.open("wb") as file:
                file.truncate(size)
            command(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)])
        mount.mkdir()
        command(["mount", "-o", "loop", str(image), str(mount)])

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], capture_output=True)


def command(arguments: list[str]) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"{arguments[0]} is not possible here: {done.stderr.strip()}")


@pytest.fixture
def loop_disk(tmp_path: Path) -> Iterator[Callable[..., LoopDisk]]:
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("mounting a file system takes root and e2fsprogs")
    disks: list[LoopDisk] = []

    def make(name: str, *, size: int = 600 * MIB, image: Path | None = None) -> LoopDisk:
        disks.append(LoopDisk(image or tmp_path / f"{name}.img", tmp_path / name, size=size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.unmount()


CUTS = 7


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cut_off_file_system_has_all_that_was_acknowledged(
    loop_disk: Callable[..., LoopDisk], make_site: Callable[..., Site], tmp_path: Path
):
    """The backing file is copied while the connector is stopped in mid-write: what the copy lacks
    is what a power cut loses, since nothing was flushed for it. Spool, ledger and archive are all
    on it, and what was delivered leaves the spool at once, so that each has only its own promise.
    """
    rng = Random(7)
    disk = loop_disk("disk")
    site = on(disk, make_site)
    site.start()
    senders = [Sender(site, name=f"cut{n}", large_every=23, pause=0.02).start() for n in range(4)]
    wait_for(lambda: delivered_before_a_cut(site), seconds=90, what=site.last_words)
    cuts: list[tuple[Path, dict[str, bytes]]] = []
    for cut in range(CUTS):
        time.sleep(rng.uniform(0.2, 1.0))
        assert site.process is not None
        pids = [site.process.pid, *site.children().values()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        # What a sender has been told by now was synced before; it may learn of no more.
        acknowledged = {uid: d for each in senders for uid, d in dict(each.acknowledged).items()}
        # The copy bypasses the mounted file system's cache: only what the device has is in it.
        copy = tmp_path / f"copy{cut}.img"
        subprocess.run(["cp", "--sparse=always", str(disk.image), str(copy)], check=True)
        cuts.append((copy, acknowledged))
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    for sender in senders:
        sender.stop()
    site.kill_tree()
    disk.unmount()
    assert len(cuts[-1][1]) > 10 * CUTS, "there was no load to speak of"

    for cut, (copy, acknowledged) in enumerate(cuts):
        restored = loop_disk(f"restored{cut}", image=copy)
        after = on(restored, make_site)
        after.start()
        after.settled(at_least=len(acknowledged))
        assert_delivered_once(after, acknowledged)
        assert after.cli("spool", "verify").returncode == 0
        assert after.stop() == 0
        restored.unmount()
        copy.unlink()


def on(disk: LoopDisk, make_site: Callable[..., Site]) -> Site:
    return make_site(
        data_dir=str(disk.path / "data"),
        archive=str(disk.path / "archive"),
        ready_mib=64,
        tail="\n[retire]\nkeep_hours = 0\n",
    )


def delivered_before_a_cut(site: Site) -> bool:
    return '"delivery.verified"' in site.log.read_text()


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_keeps_and_resumes(
    loop_disk: Callable[..., LoopDisk], make_site: Callable[..., Site]
):
    disk = loop_disk("small", size=500 * MIB)
    site = make_site(
        data_dir=str(disk.path / "data"),
        ready_mib=64, soft_mib=60, hard_mib=30, reserve_mib=16, quiet_seconds=20,
    )  # fmt: skip
    site.start()
    filler = disk.path / "filler"
    kept: dict[str, bytes] = {}

    def try_sending(name: str, count: int = 4) -> list[int | None]:
        items = [outgoing(f"{name}-{n}", series=name, edge=256) for n in range(count)]
        statuses = list(sent(site, items))
        for item, status in zip(items, statuses, strict=True):
            if status == 0:
                assert isinstance(item.data, bytes)
                kept[item.sop_instance_uid] = item.data
        return statuses

    assert try_sending("before") == [0, 0, 0, 0]
    free = shutil.disk_usage(disk.path).free
    with filler.open("wb") as file:  # somebody else takes all there is
        os.posix_fallocate(file.fileno(), 0, max(MIB, free - 2 * MIB))
    refused: set[int | None] = set()

    def is_refusing() -> bool:
        # Rejected associations have no status; objects have A700.
        refused.update(statuses := try_sending(f"full{len(refused)}{time.monotonic()}", 2))
        return 0 not in statuses

    wait_for(is_refusing, seconds=60, what=site.last_words)
    assert refused <= {0, None, 0xA700}
    wait_for(lambda: '"state": "hard"' in site.log.read_text(), seconds=20, what=site.last_words)
    for question in ("status", "custody"):
        site.ask(question)
    study = site.ask("studies")["studies"][0]
    # The reserve is given back within seconds; until then a command says that it is temporary.
    for verb in ("hold", "release"):
        words = (verb, f"study:{study['id']}", "--why", "a test on a full disk")
        wait_for(
            lambda words=words: site.cli(*words).returncode == 0,
            seconds=60,
            what=lambda words=words: site.cli(*words).stderr,
        )
    filler.unlink()
    wait_for(lambda: try_sending(f"again{time.monotonic()}", 1) == [0], seconds=60,
             what=site.last_words)  # fmt: skip
    site.settled(at_least=len(kept), seconds=120)
    assert_delivered_once(site, kept)
    assert site.stop() == 0
