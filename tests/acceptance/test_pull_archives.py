"""PULL by the real process from archives of others: Orthanc and DCMTK's ``dcmqrscp``."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from acceptance_site import (
    Site,
    alive,
    assert_delivered_once,
    kill,
    uid_of,
    wait_for,
)
from pull_peers import Archive, dcmqrscp, in_namespace, orthanc, orthanc_web

from causeway.ledger import Ledger, NodeSeriesState
from causeway.net import Outgoing
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port

Start = Callable[..., AbstractContextManager[Archive]]
ARCHIVES = [
    pytest.param(orthanc, marks=pytest.mark.peer("Orthanc"), id="orthanc"),
    pytest.param(dcmqrscp, marks=pytest.mark.peer("dcmqrscp"), id="dcmqrscp"),
]
NODE = """
[[node]]
name = "archive"
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = {port}
interval_seconds = 1
retrieve = "{way}"
parallel_retrievals = 2

[node.retry]
first_seconds = 0.2
maximum_seconds = 1
"""


def images(series: int, count: int, *, edge: int = 48, begin: int = 0) -> list[Outgoing]:
    made = [
        make_instance(
            "MR", rows=edge, columns=edge, seed=f"{series}/{number}", instance_number=number + 1,
            study_instance_uid=uid_of("study", str(series // 2)),
            series_instance_uid=uid_of("series", str(series)),
            StudyDate=time.strftime("%Y%m%d"), StudyTime="101112",
            PatientName="Grün^Jürgen", PatientID=f"P{series // 2}",
        )
        for number in range(begin, begin + count)
    ]  # fmt: skip
    return [
        Outgoing(
            sop_class_uid=each.sop_class_uid, sop_instance_uid=each.sop_instance_uid,
            transfer_syntax_uid=each.transfer_syntax_uid, data=each.data_set,
        )
        for each in made
    ]  # fmt: skip


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


def delivered(site: Site, wanted: dict[str, bytes], seconds: float = 60) -> None:
    wait_for(
        lambda: len(site.delivered()) >= len(wanted), seconds=seconds,
        what=lambda: f"{len(site.delivered())} of {len(wanted)}\n{site.last_words()}",
    )  # fmt: skip
    assert_delivered_once(site, wanted)


@pytest.mark.parametrize("start", ARCHIVES)
@pytest.mark.parametrize("way", ["get", "move"])
def test_what_an_archive_has_comes_whole_and_what_it_gets_later_comes_by_itself(
    request: pytest.FixtureRequest, make_site: Callable[..., Site], tmp_path: Path, start: Start,
    way: str, ports: tuple[int, int],
) -> None:  # fmt: skip
    if not in_namespace(request):
        return
    port, destination = ports
    with start(tmp_path / "peer", port=port, destination=destination) as archive:
        wanted = archive.fill([*images(0, 5), *images(1, 3), *images(2, 4)])
        site = make_site(port=destination, tail=NODE.format(port=port, way=way)).start()
        delivered(site, wanted)
        found = site.ask("find", "archive", "PatientName=Gr*")["answers"]
        assert len(found) == 2
        wanted |= archive.fill(images(1, 2, begin=3))
        delivered(site, wanted)
        # From the window's point of view nothing is new: no series is fetched again.
        before = site.received()
        time.sleep(3)
        assert site.received() == before == len(wanted)
        assert site.custody()["holds"]


WEB = """
[[node]]
name = "archive"
interval_seconds = 1

[node.web]
url = "http://127.0.0.1:{port}/dicom-web"
username = "causeway"
password = "file:password"
"""


@pytest.mark.peer("Orthanc")
def test_a_dicomweb_archive_is_a_node_like_others(
    request: pytest.FixtureRequest, make_site: Callable[..., Site], tmp_path: Path,
    ports: tuple[int, int],
) -> None:  # fmt: skip
    if not in_namespace(request):
        return
    port, web = ports
    with orthanc_web(tmp_path / "peer", port=port, destination=web) as archive:
        wanted = archive.fill([*images(0, 5), *images(1, 3), *images(2, 4, edge=740)])
        site = make_site(tail=WEB.format(port=web))
        (site.folder / "password").write_text("secret\n")
        site.start()
        delivered(site, wanted)
        assert len(site.ask("find", "archive", "PatientID=P0")["answers"]) == 1
        # Wildcards, the delimiter of names, and what has to be percent-encoded, which it ignores.
        for name, count in (("gr*", 2), ("Gr*^J*", 2), ("Grün*", 2), ("Grau*", 0)):
            found = site.ask("find", "archive", f"PatientName={name}")["answers"]
            assert len(found) == count, name
        wanted |= archive.fill(images(1, 2, begin=3))
        delivered(site, wanted)
        assert site.custody()["holds"]
        (site.folder / "password").write_text("wrong\n")
        wait_for(
            lambda: site.ask("nodes")["nodes"][0]["query_failure"], seconds=40,
            what=site.last_words,
        )  # fmt: skip
        assert "401" in site.ask("nodes")["nodes"][0]["query_failure"]["text"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.peer("Orthanc")
@pytest.mark.parametrize("way", ["get", "move"])
def test_killed_in_the_middle_again_and_again_all_is_there_once(
    request: pytest.FixtureRequest, make_site: Callable[..., Site], tmp_path: Path, way: str,
    ports: tuple[int, int],
) -> None:  # fmt: skip
    """25 times each way, each in the middle of a retrieval: the puller, with the receivers where
    images come to them, and every fourth time the whole service.
    """
    if not in_namespace(request):
        return
    port, destination = ports
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    with orthanc(tmp_path / "peer", port=port, destination=destination) as archive:
        site = make_site(port=destination, tail=NODE.format(port=port, way=way))
        victims = ["pull", *(["receiver1", "receiver2"] if way == "move" else [])]
        wanted: dict[str, bytes] = {}
        for kills in range(25):
            if site.process is None:
                site.start()
            since = time.time()
            wanted |= archive.fill(images(kills, 60))
            with site.ledger() as ledger:
                wait_for(partial(retrieving, ledger, since=since), seconds=60, what=site.last_words)
            time.sleep(chance.uniform(0, 0.08))
            if kills % 4 == 3:
                site.kill_tree()
                continue
            children = site.children()
            for name in victims:
                kill(children[name])
            wait_for(lambda pid=children["pull"]: not alive(pid), seconds=5, what="killed")
        delivered(site, wanted, seconds=180)
        with site.ledger() as ledger:
            states = {row.state for row in ledger.node_series("archive")}
        assert states == {NodeSeriesState.RETRIEVED}, f"seed {seed}"
        assert site.custody()["holds"]


def retrieving(ledger: Ledger, *, since: float) -> bool:
    rows = ledger.node_series("archive", states=[NodeSeriesState.RETRIEVING])
    return any(row.state_at > since for row in rows)
