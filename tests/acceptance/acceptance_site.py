"""The real connector as a process, a sender that remembers what it was promised, and the archive.

The connector is started by its command, killed by its process ids, asked by its commands, and
judged by the files that it delivered. Only who waits looks into the ledger: a command is a process
of a second, which on two cores is taken from the connector that is waited for.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from causeway.cli.views import CustodyView
from causeway.ledger import Ledger, open_ledger
from causeway.net import Outgoing, Peer, Timeouts, send
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port

CONFIGURATION = """
data_dir = "{data_dir}"

[[listener]]
ae_title = "CAUSEWAY"
port = {port}

[[source]]
name = "tests"
ae_title = "*"
addresses = ["127.0.0.0/8"]
maximum_associations = 1000

[receive]
maximum_associations = 1000
{receive}

[completion]
quiet_seconds = {quiet_seconds}

[spool]
ready_bytes = "{ready_mib} MiB"
soft_watermark_bytes = "{soft_mib} MiB"
hard_watermark_bytes = "{hard_mib} MiB"
reserve_bytes = "{reserve_mib} MiB"

[[destination]]
name = "archive"
type = "folder"
path = "{archive}"
deidentify = "none"

[destination.retry]
first_seconds = 0.5
maximum_seconds = 1

[[route]]
destinations = ["archive"]

[log]
format = "json"
"""
PATIENCE = Timeouts(connect_seconds=5, associate_seconds=10, response_seconds=20, release_seconds=5)


class Site:
    """One folder with a configuration, and the connector that runs on it, or does not."""

    prefix: Sequence[str] = ()
    """What the connector is run by, such as a program that takes rights away."""

    def __init__(self, folder: Path, *, tail: str = "", **settings: object) -> None:
        self.folder = folder
        self.port = int(settings.pop("port", None) or free_port())  # type: ignore[call-overload]
        known: dict[str, object] = {
            "data_dir": "data", "archive": "archive", "quiet_seconds": 1, "ready_mib": 64,
            "soft_mib": 200, "hard_mib": 100, "reserve_mib": 16, "receive": "", "port": self.port,
        }  # fmt: skip
        assert set(settings) <= set(known), settings
        self.settings = known | settings
        self.data = folder / str(self.settings["data_dir"])
        self.archive = folder / str(self.settings["archive"])
        self.archive.mkdir(exist_ok=True)
        self.config = folder / "causeway.toml"
        self.config.write_text(CONFIGURATION.format(**self.settings) + tail)
        self.log = folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None

    # --- the process --------------------------------------------------------------------------

    def start(self, *options: str, seconds: float = 60) -> Site:
        """``causeway run`` with these options; returns when it says that it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.prefix, sys.executable, "-m", "causeway",
                    "-c", str(self.config), "run", *options,
                ],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                process_group=0,
            )  # fmt: skip
        wait_for(self._is_ready, seconds=seconds, what=self.log.read_text)
        return self

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}: {self.last_words()}")
        try:
            said = json.loads((self.data / "run" / "status.json").read_text())
        except (FileNotFoundError, ValueError):
            return False
        return bool(said["pid"] == self.process.pid)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(40)
        self.process = None
        return status

    def children(self) -> dict[str, int]:
        """Process ids of the child processes, by name."""
        assert self.process is not None
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.process.pid and b"causeway.service" in words:
                found[words[words.index(b"causeway.service") + 2].decode()] = int(entry.name)
        return found

    def kill_tree(self, *, supervisor_only: bool = False) -> None:
        """SIGKILL. Alone, the supervisor leaves children that have to end by themselves."""
        assert self.process is not None
        pids = list(self.children().values())
        victims = [self.process.pid] if supervisor_only else [*pids, self.process.pid]
        for pid in victims:
            kill(pid)
        self.process.wait()
        self.process = None
        wait_for(lambda: not any(alive(pid) for pid in pids), seconds=20, what="children ended")

    def told(self, event: str, *, since: int = 0) -> set[str]:
        """Processes that logged this event, from so many bytes of the log on."""
        with self.log.open("rb") as log:
            log.seek(since)
            lines = [json.loads(line) for line in log if line.endswith(b"\n") and line[:1] == b"{"]
        return {each.get("process", "") for each in lines if each["event"] == event}

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    # --- its commands -------------------------------------------------------------------------

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, sys.executable, "-m", "causeway", "-c", str(self.config), *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def ask(self, *arguments: str, status: int = 0) -> Any:
        done = self.cli(*arguments, "--json")
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def custody(self) -> dict[str, Any]:
        """The custody line's numbers; the command fails if they do not add up."""
        said = self.ask("custody")
        assert said["holds"] is True, said
        return dict(said)

    # --- its ledger, for waiting --------------------------------------------------------------

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = open_ledger(self.data / "ledger.db", create=False)
        try:
            yield ledger
        finally:
            ledger.close()

    def settled(self, *, at_least: int = 0, seconds: float = 90) -> dict[str, Any]:
        """Wait until so many were received and nothing is on its way any more; what ``custody``
        says then. It has to hold all the while.
        """
        until = time.monotonic() + seconds
        with self.ledger() as ledger:
            while True:
                said = CustodyView.of(ledger.custody()).plain()
                assert said["holds"] is True, said
                if said["received"] >= at_least and on_its_way(said) == 0:
                    return dict(said)
                assert time.monotonic() < until, f"{said}\n{self.last_words()}"
                time.sleep(0.1)

    def received(self) -> int:
        with self.ledger() as ledger:
            return ledger.custody().received

    def dispositions(self) -> dict[str, int]:
        with self.ledger() as ledger:
            return {each.disposition.value: each.count for each in ledger.custody().counts}

    def deliveries(self) -> dict[str, int]:
        """How many are in each state, whatever the destination."""
        with self.ledger() as ledger:
            return {
                each.state.value: each.count for each in ledger.summary(now=time.time()).deliveries
            }

    def instances(self) -> dict[str, int]:
        """How many are in each state."""
        with self.ledger() as ledger:
            return {each.state: each.count for each in ledger.summary(now=time.time()).instances}

    def refusals(self) -> dict[tuple[str, str], int]:
        """How many of which kind, for which reason."""
        with self.ledger() as ledger:
            return {(each.kind, each.reason): each.count for each in ledger.tallies()}

    # --- what came of it ----------------------------------------------------------------------

    def peer(self, calling_ae: str = "TESTS") -> Peer:
        return Peer(
            host="127.0.0.1", port=self.port, called_ae="CAUSEWAY", calling_ae=calling_ae,
            timeouts=PATIENCE,
        )  # fmt: skip

    def delivered(self) -> dict[str, list[bytes]]:
        """SOP Instance UID → data set of each member of that name in any archive."""
        found: dict[str, list[bytes]] = defaultdict(list)
        for path in self.archive.rglob("*.zip"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
                for name in archive.namelist():
                    uid = name.removesuffix(".dcm").rpartition(".")[0]
                    found[uid].append(without_meta(archive.read(name)))
        return found


def on_its_way(custody: dict[str, Any]) -> int:
    return int(custody["dispositions"]["on its way"])


def without_meta(file: bytes) -> bytes:
    """The data set of a Part 10 file, by the length that its file meta information states."""
    assert file[128:132] == b"DICM"
    return file[144 + int.from_bytes(file[140:144], "little") :]


LARGE_EDGE = 740
"""Just over a mebibyte: an object that gets a file of its own in the spool."""


class Sender:
    """Sends new objects over and over, and keeps those for which it was told Success."""

    def __init__(self, site: Site, *, name: str, large_every: int = 0, pause: float = 0.0) -> None:
        self._site = site
        self._name = name
        self._large_every = large_every
        self._pause = pause
        self._number = 0
        self._stop = threading.Event()
        self.acknowledged: dict[str, bytes] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Sender:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            batch = [self._next() for _ in range(8)]
            for result in send(self._site.peer(), batch):
                if result.stored:
                    assert isinstance(result.outgoing.data, bytes)
                    self.acknowledged[result.outgoing.sop_instance_uid] = result.outgoing.data
                elif result.error is not None:
                    time.sleep(0.05)
                if self._stop.is_set():
                    break
            if self._pause:
                time.sleep(self._pause)

    def _next(self) -> Outgoing:
        self._number += 1
        large = self._large_every and self._number % self._large_every == 0
        return outgoing(
            f"{self._name}-{self._number}",
            edge=LARGE_EDGE if large else 48,
            series=f"{self._name}-{self._number // 40}",
        )


def outgoing(seed: str, *, edge: int = 48, series: str = "", modality: str = "CT") -> Outgoing:
    """An object that is a function of its arguments."""
    elements = {"series_instance_uid": uid_of("series", series)} if series else {}
    elements["study_instance_uid"] = uid_of("study", series)
    instance = make_instance(modality, rows=edge, columns=edge, seed=seed, **elements)
    return Outgoing(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        data=instance.data_set,
    )


def uid_of(*parts: str) -> str:
    from causeway.testing.phantom import make_uid

    return make_uid(*parts)


def assert_delivered_once(site: Site, acknowledged: dict[str, bytes]) -> None:
    """Each acknowledged object stands in the archive once, byte for byte; what was not may too."""
    delivered = site.delivered()
    missing = [uid for uid in acknowledged if uid not in delivered]
    assert not missing, f"{len(missing)} of {len(acknowledged)} acknowledged objects are missing"
    wrong = [uid for uid, data in acknowledged.items() if delivered[uid] != [data]]
    assert not wrong, f"{len(wrong)} objects came twice or changed"
    twice = [uid for uid, copies in delivered.items() if len(copies) != 1]
    assert not twice, f"{len(twice)} objects were delivered more than once"


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_for(
    condition: Callable[[], object], *, seconds: float, what: str | Callable[[], str]
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(what if isinstance(what, str) else what())
        time.sleep(0.02)


def sent(site: Site, items: Sequence[Outgoing]) -> Iterator[int | None]:
    """Statuses, one for each."""
    for result in send(site.peer(), items):
        yield result.status


def store(site: Site, *items: Outgoing) -> dict[str, bytes]:
    """Store all of them, successfully; what was acknowledged."""
    statuses = list(sent(site, items))
    assert statuses == [0] * len(items), site.last_words()
    return {item.sop_instance_uid: as_bytes(item) for item in items}


def as_bytes(item: Outgoing) -> bytes:
    assert isinstance(item.data, bytes)
    return item.data


def peak_memory_mib(pid: int) -> int:
    """The most memory that a process ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError(f"no memory figure for {pid}")


UNPRIVILEGED = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search,-fowner",
    "--inh-caps=-dac_override,-dac_read_search,-fowner",
)
"""The superuser without what lets it pass over rights; everything else stays as it is."""
NOBODY = 65534


def need_another_user() -> None:
    if shutil.which("setpriv") is None or subprocess.run([*UNPRIVILEGED, "true"]).returncode != 0:
        pytest.skip("taking rights away takes the superuser and setpriv")
