"""Pulling: as fast as DCMTK fetches, a look with nothing new at what is known, and idle nodes.

Causeway is measured from its first question to the last delivery that is verified in the folder;
``getscu`` and ``movescu`` from their start to their end, when they have written files that nobody
synced, indexed or verified. Both fetch the same 2,000 MR images of 10 series from the same archive.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, insert

from bench.answering import answering
from bench.generator import Target, send
from bench.receivers import wait_until_it_listens
from bench.scenarios.whole import all_verified
from bench.session import Session, Table, against, median, number
from causeway.config import load
from causeway.ledger import Ledger, open_ledger
from causeway.ledger.node_schema import node_series, node_study
from causeway.net import Peer
from causeway.pull.abilities import Abilities
from causeway.pull.asking import Asking
from causeway.pull.dimse_node import DimseNode
from causeway.pull.identifiers import decode_identifier, encode_identifier
from causeway.pull.keys import (
    IMAGES_IN_STUDY,
    PATIENT_ID,
    SERIES_IN_STUDY,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)
from causeway.pull.plan import DimsePlan, Limits, NodePlan, Watch
from causeway.pull.polling import Poller
from causeway.pull.studies import Reader, Remembered
from causeway.pull.windows import Window
from causeway.service.nodes import make_node, node_plan
from causeway.testing.ports import free_port

IMAGES, SERIES = 2_000, 10
SHARE = 0.9
SIDE_BY_SIDE = 4
"""Retrievals at once: as many associations as Orthanc serves by default."""
REST_SECONDS = 0.5
KNOWN = 100_000
NODES = 20
IDLE_SECONDS = 20.0
IMPLICIT = "1.2.840.10008.1.2"

_CONFIGURATION = """\
data_dir = "data"

[[listener]]
ae_title = "CAUSEWAY"
port = {port}

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"
parallel_deliveries = 2

[[route]]
destinations = ["archive"]

[log]
level = "warning"
"""
_NODE = """
[[node]]
name = "{name}"
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = {port}
retrieve = "{way}"
interval_seconds = {interval}
window_days = 0
ignore_existing = true
parallel_retrievals = {parallel}
"""


@dataclass(frozen=True)
class Archive:
    """An archive that runs, filled."""

    name: str
    port: int
    destination_port: int
    """Where it believes that the AE titles CAUSEWAY and MOVER listen."""
    mover_port: int
    pid: int = 0


@dataclass(frozen=True)
class Pulled:
    """How long Causeway took, and how long processors were busy for it, in seconds."""

    seconds: float
    archive: float
    causeway: float


def measure(session: Session) -> Iterator[Table]:
    yield _fetching(session)
    yield _looking(session)
    yield _idling(session)


# --- fetching -------------------------------------------------------------------------------------


def _fetching(session: Session) -> Table:
    rows = []
    for start in (_orthanc, _dcmqrscp):
        with session.folders.one() as work, start(work) as archive:
            _fill(archive, session.run_name())
            for way, peer in (("get", _getscu), ("move", _movescu)):
                theirs: list[float] = []
                pulled: list[Pulled] = []
                for turn in range(session.repetitions):
                    theirs.append(peer(archive, work / f"{way}{turn}"))
                    pulled.append(_causeway(archive, way, work / f"causeway-{way}{turn}"))
                    session.say(
                        f"pull: {archive.name}, {way}: {theirs[-1]:.2f} s by DCMTK, "
                        f"{pulled[-1].seconds:.2f} s by Causeway, processors "
                        f"{pulled[-1].archive:.2f} + {pulled[-1].causeway:.2f} s"
                    )
                ours = median([each.seconds for each in pulled])
                share = median(theirs) / ours
                rows.append(
                    [
                        f"{archive.name}, C-{way.upper()}",
                        f"{number(IMAGES / median(theirs))} /s",
                        f"{number(IMAGES / ours)} /s",
                        f"{share:.2f} \N{MULTIPLICATION SIGN}",
                        against(share, SHARE),
                        f"{median([each.archive for each in pulled]):.2f} s",
                        f"{median([each.causeway for each in pulled]):.2f} s",
                    ]
                )
    return Table(
        title="Pulling 2,000 MR images of 10 series",
        note=(
            f"From the first query to verified in the folder, {SIDE_BY_SIDE} series at a time; "
            "`getscu` and `movescu` fetch the same study into files, over one association, with "
            "nothing synced. The archive shares processors and disk with whoever fetches, and has "
            "served all of it once; the last columns are processor seconds for all images. "
            f"Medians of {session.repetitions}; "
            f"target {SHARE} \N{MULTIPLICATION SIGN}."
        ),
        heads=("from", "DCMTK", "Causeway", "", "", "archive, processor", "Causeway, processor"),
        rows=rows,
    )


@contextlib.contextmanager
def _running(command: Sequence[str], port: int, log: Path, cwd: Path) -> Iterator[int]:
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin") or command[0]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, *command[1:]], cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            env=os.environ | {"TCP_NODELAY": "1"},
        )  # fmt: skip
    try:
        if port:
            wait_until_it_listens(port, process, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _orthanc(work: Path) -> Iterator[Archive]:
    archive = Archive("Orthanc", free_port(), free_port(), free_port())
    settings = {
        "Name": "bench",
        "StorageDirectory": str(work / "storage"),
        "IndexDirectory": str(work / "index"),
        "Plugins": [],
        "HttpServerEnabled": False,
        "DicomAet": "ARCHIVE",
        "DicomPort": archive.port,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {
            "causeway": ["CAUSEWAY", "127.0.0.1", archive.destination_port],
            "mover": ["MOVER", "127.0.0.1", archive.mover_port],
        },
    }
    (work / "orthanc.json").write_text(json.dumps(settings))
    command = ["Orthanc", str(work / "orthanc.json")]
    with _running(command, archive.port, work / "orthanc.log", work) as pid:
        yield replace(archive, pid=pid)


@contextlib.contextmanager
def _dcmqrscp(work: Path) -> Iterator[Archive]:
    archive = Archive("dcmqrscp", free_port(), free_port(), free_port())
    (work / "database").mkdir()
    (work / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {archive.port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        "HostTable BEGIN\n"
        f"causeway = (CAUSEWAY, 127.0.0.1, {archive.destination_port})\n"
        f"mover = (MOVER, 127.0.0.1, {archive.mover_port})\n"
        "HostTable END\nVendorTable BEGIN\nVendorTable END\nAETable BEGIN\n"
        f"ARCHIVE {work / 'database'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    command = ["dcmqrscp", "-c", str(work / "dcmqrscp.cfg")]
    with _running(command, archive.port, work / "dcmqrscp.log", work) as pid:
        yield replace(archive, pid=pid)


def _fill(archive: Archive, run: str) -> None:
    outcome = send(
        Target("127.0.0.1", archive.port, called="ARCHIVE"), shape="MR", associations=1,
        seconds=300, most=IMAGES, run=run, objects_per_series=IMAGES // SERIES,
    )  # fmt: skip
    assert outcome.stored == IMAGES, f"the archive took {outcome.stored} of {IMAGES}"


def _studies(archive: Archive) -> list[str]:
    """Its Study Instance UIDs, by an independent client."""
    command = ["findscu", "-S", "-aec", "ARCHIVE", "127.0.0.1", str(archive.port),
               "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    lines = (said.stdout + said.stderr).splitlines()
    found = [line.split("[")[1].split("]")[0] for line in lines if "(0020,000d) UI [" in line]
    return sorted({each.strip("\0 ") for each in found if each.strip()})


def _getscu(archive: Archive, into: Path) -> float:
    into.mkdir()
    command = ["getscu", "-S", "-aec", "ARCHIVE", "-od", str(into), "127.0.0.1", str(archive.port)]
    return _fetched(archive, command, into)


def _movescu(archive: Archive, into: Path) -> float:
    into.mkdir()
    command = [
        "movescu", "-S", "-aet", "MOVER", "-aec", "ARCHIVE", "-aem", "MOVER",
        "+P", str(archive.mover_port), "-od", str(into), "127.0.0.1", str(archive.port),
    ]  # fmt: skip
    return _fetched(archive, command, into)


def _fetched(archive: Archive, command: Sequence[str], into: Path) -> float:
    studies = _studies(archive)
    began = time.monotonic()
    for study in studies:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"]
        subprocess.run(
            [*command, *keys], check=True, capture_output=True, timeout=300,
            env=os.environ | {"TCP_NODELAY": "1"},
        )  # fmt: skip
    seconds = time.monotonic() - began
    count = sum(1 for _ in into.iterdir())
    assert count == IMAGES, f"{command[0]} fetched {count} of {IMAGES}"
    return seconds


@contextlib.contextmanager
def _connector(work: Path, port: int, nodes: str) -> Iterator[int]:
    work.mkdir(exist_ok=True)
    (work / "archive").mkdir()
    path = work / "causeway.toml"
    path.write_text(_CONFIGURATION.format(port=port) + nodes)
    command = [sys.executable, "-m", "causeway", "--config", str(path), "run"]
    with _running(command, port, work / "log", work) as pid:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            ready = sum(p.stat().st_size for p in (work / "data/spool/segments").glob("*.ready"))
            with open_ledger(work / "data/ledger.db", create=False) as ledger:
                if ready >= 256 << 20 and ledger.nodes() and ledger.nodes()[0].full_at:
                    break
            time.sleep(0.2)
        yield pid


def _causeway(archive: Archive, way: str, work: Path) -> Pulled:
    """What ``causeway pull`` does, without the start of a Python."""
    node = _NODE.format(
        name="archive", port=archive.port, way=way, interval=3600, parallel=SIDE_BY_SIDE
    )
    with _connector(work, archive.destination_port, node) as pid:
        _until_at_rest(pid)
        configuration = load(work / "causeway.toml")
        plan = node_plan(configuration.nodes[0], configuration)
        target = make_node(
            plan, configuration, Abilities(), sink=None, asker=None, emit=lambda *_, **__: None
        )
        with open_ledger(work / "data/ledger.db", create=False) as ledger:
            spent = _spent(archive.pid), _spent(pid)
            began = time.time()
            with target.session() as session:
                asking = Asking(session, plan, Abilities(), today=dt.date(2026, 1, 1))
                found = [asking.look_into(each) for each in list(asking.studies(Window()))]
            ledger.ask_for("archive", found, who="bench", why="", now=ledger.now())
        seconds = all_verified(work, IMAGES) - began
        return Pulled(seconds, _spent(archive.pid) - spent[0], _spent(pid) - spent[1])


def _until_at_rest(pid: int) -> None:
    """Until all of its processes have started."""
    deadline = time.monotonic() + 60
    spent = -1.0
    while time.monotonic() < deadline and (now := _spent(pid)) - spent > REST_SECONDS / 5:
        spent = now
        time.sleep(REST_SECONDS)


def _spent(pid: int) -> float:
    """Processor seconds of a process and all that it started."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(fields[1])
                # Its own, and those of its children that have ended (proc(5): 14 to 17).
                ticks[int(entry.name)] = sum(map(int, fields[11:15]))
    ours = {pid}
    while more := {each for each, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(ticks.get(each, 0) for each in ours) / os.sysconf("SC_CLK_TCK")


# --- a look with nothing new ----------------------------------------------------------------------


def _looking(session: Session) -> Table:
    rows = []
    # No round numbers: those would be looked into, as a node may have stopped there.
    for studies in (9_973, 99_991):
        seconds, grown = [], []
        with contextlib.ExitStack() as stack:
            work = stack.enter_context(session.folders.one())
            # Before there are threads and connections to the ledger: it forks.
            port = stack.enter_context(answering(_answers(studies), IMPLICIT))
            ledger = stack.enter_context(open_ledger(work / "ledger.db"))
            _know(ledger, studies)
            plan = DimsePlan(
                name="archive", peer=Peer(host="127.0.0.1", port=port, called_ae="ARCHIVE"),
                watch=Watch(window_days=0, thorough_seconds=1e12),
                limits=Limits(answers=2 * studies),
            )  # fmt: skip
            node = DimseNode(plan, sink=None, asker=None, emit=lambda *_, **__: None)
            poller = Poller(
                node, plan, ledger, abilities=Abilities(), emit=lambda *_, **__: None,
                clock=time.time, zone=dt.UTC,
            )  # fmt: skip
            for _ in range(session.repetitions + 1):
                before, began = _resident(), time.process_time()
                looked = poller.look()
                seconds.append(time.process_time() - began)
                grown.append(_resident() - before)
                assert looked is not None
                assert (looked.studies, looked.looked_into) == (studies, 0)
        session.say(f"pull: {studies} studies known, one look {median(seconds[1:]):.2f} s")
        rows.append(
            [
                f"{studies * round(KNOWN / studies):,} series of {studies:,} studies",
                f"{seconds[0]:.2f} s",
                f"{median(seconds[1:]):.2f} s",
                f"{max(grown[1:]):.1f} MB",
                against(median(seconds[1:]), 1.0, at_most=True),
            ]
        )
    return Table(
        title="A look at a node with nothing new",
        note="Own processor time, from the association to the last row: every answer is taken from "
        "the wire and compared. The first look after a start reads them, those after it only what "
        "is not the same as before; memory is of those. Target: 1 s.",
        heads=("known", "first look", "a look", "more memory", ""),
        rows=rows,
    )


def _answers(studies: int) -> list[bytes]:
    """What a node says of so many studies."""
    each = round(KNOWN / studies)
    return [
        encode_identifier(
            {
                STUDY_INSTANCE_UID: _uid(place), STUDY_DATE: "20261120", STUDY_TIME: "101112",
                PATIENT_ID: f"P{place:08d}", SERIES_IN_STUDY: str(each),
                IMAGES_IN_STUDY: str(100 * each),
            },
            IMPLICIT,
        )
        for place in range(1, studies + 1)
    ]  # fmt: skip


def _uid(place: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.{place:030d}"


def _know(ledger: Ledger, studies: int) -> None:
    """Fill a ledger with what such a node has, all of it done with."""
    known: list[dict[str, object]] = []
    series: list[dict[str, object]] = []
    each = round(KNOWN / studies)
    reader = Reader(NodePlan(name="archive"), Remembered())
    for place, answer in enumerate(_answers(studies), start=1):
        study = reader.study(decode_identifier(answer, IMPLICIT))
        known.append(
            {"id": place, "node": "archive", "study_instance_uid": study.uid,
             "study_date": study.date, "digest": study.digest, "seen_at": 1.0}
        )  # fmt: skip
        series += [
            {"study_id": place, "node": "archive",
             "series_instance_uid": f"{study.uid}.{number_}", "state": "retrieved",
             "image_count": 100, "marks": 1, "counted_at": 1.0, "due_at": 1.0, "first_at": 1.0,
             "state_at": 1.0}
            for number_ in range(each)
        ]  # fmt: skip

    def enter(connection: Connection) -> None:
        connection.execute(insert(node_study), known)
        connection.execute(insert(node_series), series)

    ledger._db.write(enter)
    ledger.query_began("archive", now=1.0)
    ledger.query_succeeded(
        "archive", began_at=1.0, now=2.0, studies=studies, since="", thorough=True, abilities="{}"
    )


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


# --- idle nodes -----------------------------------------------------------------------------------


def _idling(session: Session) -> Table:
    """Polled more often than each minute, so that a short measurement sees many looks."""
    spent = {}
    with session.folders.one() as work, _orthanc(work) as archive:
        for interval in (3600, 5):
            nodes = "".join(
                _NODE.format(
                    name=f"n{number_}", port=archive.port, way="get", interval=interval, parallel=1
                )
                for number_ in range(NODES)
            )
            with _connector(work / f"idle{interval}", archive.destination_port, nodes) as pid:
                time.sleep(6)
                child = _pull_process(pid)
                before = _processor_seconds(child)
                time.sleep(IDLE_SECONDS)
                spent[interval] = (_processor_seconds(child) - before) / IDLE_SECONDS
    looks_a_second = NODES / 5
    a_look = max(0.0, spent[5] - spent[3600]) / looks_a_second
    share = 100 * (spent[3600] + a_look * NODES / 60)
    session.say(f"pull: {NODES} idle nodes {share:.2f} % of a core")
    return Table(
        title=f"{NODES} idle nodes, polled each minute",
        note=(
            f"Processor time of the puller's process over {IDLE_SECONDS:g} s without looks and "
            "with one every 5 s, put together for one a minute. Target: 1 %."
        ),
        heads=("without looks", "a look", "a minute's looks", ""),
        rows=[
            [
                f"{100 * spent[3600]:.2f} %",
                f"{1000 * a_look:.1f} ms",
                f"{share:.2f} % of a core",
                against(share, 1.0, at_most=True),
            ]
        ],
    )


def _pull_process(parent: int) -> int:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(status[1]) == parent and b"causeway.service" in words and b"pull" in words:
                return int(entry.name)
    raise LookupError("there is no puller")


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
