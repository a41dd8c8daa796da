"""PULL by the real process, from a node that does as it is told and from one that does not."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import pytest
from acceptance_site import Site, wait_for

from causeway.ledger import NodeSeriesState
from causeway.testing.nodes import ScriptedNode, series_uid
from causeway.testing.ports import free_port

State = NodeSeriesState
NODE = """
[[node]]
name = "scanner"
ae_title = "NODE"
host = "127.0.0.1"
port = {port}
interval_seconds = 1
retrieve = "{way}"
{more}
[node.retry]
first_seconds = 0.5
maximum_seconds = 1
maximum_failures = 3
"""


class Pulling:
    """A site, and the node that it pulls from."""

    def __init__(self, site: Site, node: ScriptedNode) -> None:
        self.site = site
        self.node = node

    def rows(self) -> dict[str, NodeSeriesState]:
        """State by Series Instance UID."""
        with self.site.ledger() as ledger:
            return {row.series_instance_uid: row.state for row in ledger.node_series("scanner")}

    def state(self, series: str) -> NodeSeriesState | None:
        return self.rows().get(series_uid(series))

    def wait_for_state(self, series: str, state: NodeSeriesState, seconds: float = 40) -> None:
        wait_for(
            lambda: self.state(series) is state,
            seconds=seconds,
            what=lambda: f"{self.rows()}\n{self.site.last_words()}",
        )

    def wait_for_queries(self, count: int = 2, seconds: float = 30) -> None:
        """So many more queries answered in full."""
        for _ in range(count):
            self._wait_for_query_after(self.full_at(), seconds)

    def _wait_for_query_after(self, at: float, seconds: float) -> None:
        wait_for(lambda: self.full_at() > at, seconds=seconds, what=self.site.last_words)

    def full_at(self) -> float:
        with self.site.ledger() as ledger:
            row = ledger.node("scanner")
        return 0.0 if row is None or row.full_at is None else row.full_at

    def failures(self) -> int:
        with self.site.ledger() as ledger:
            row = ledger.node("scanner")
        return 0 if row is None else row.failures

    def images(self, *series: str) -> set[str]:
        """SOP Instance UIDs of these series, or of all."""
        wanted = {series_uid(each) for each in series}
        return {
            str(image.SOPInstanceUID)
            for image in self.node.images
            if not wanted or image.SeriesInstanceUID in wanted
        }

    def wait_for_images(self, *series: str, seconds: float = 40) -> None:
        """Until the images of these series, or of all, are delivered, and no others."""
        wait_for(
            lambda: set(self.site.delivered()) == self.images(*series),
            seconds=seconds,
            what=lambda: (
                f"{len(self.site.delivered())} of {len(self.images(*series))} {self.rows()}\n"
                + self.site.last_words()
            ),
        )

    def archives(self) -> int:
        return sum(1 for _ in self.site.archive.rglob("*.zip"))

    def each_once(self) -> bool:
        return all(len(copies) == 1 for copies in self.site.delivered().values())


@pytest.fixture
def pulling(make_site: Callable[..., Site]) -> Iterator[Callable[..., Pulling]]:
    nodes: list[ScriptedNode] = []

    def make(way: str = "get", more: str = "", gets: bool = True, tail: str = "") -> Pulling:
        port = free_port()
        node = ScriptedNode(gets=gets, destination=("127.0.0.1", port))
        node.start()
        nodes.append(node)
        text = NODE.format(port=node.port, way=way, more=more) + tail
        return Pulling(make_site(port=port, tail=text), node)

    yield make
    for node in nodes:
        node.over.set()
        node.stop()


def test_a_series_that_grows_goes_once_and_what_comes_later_goes_by_itself(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance checks 1 and 2."""
    it = pulling()
    it.node.add(count=3)
    it.site.start()
    it.wait_for_state("1", State.NEW)
    for _ in range(2):
        it.node.add(count=2)
        it.wait_for_state("1", State.GROWING)
        assert not it.site.delivered()
        assert it.node.asked["get series"] == 0
        it.wait_for_queries(0)
    it.wait_for_images()
    assert it.archives() == 1
    assert it.node.asked["get series"] == 1
    it.node.add(count=1)
    it.wait_for_images()
    assert it.archives() == 2
    assert it.each_once()
    assert (it.node.asked["get series"], it.node.asked["get image"]) == (1, 1)
    # Nothing is new: no series is asked for, let alone fetched.
    asked = it.node.asked["find series"]
    it.wait_for_queries(3)
    assert it.node.asked["find series"] <= asked + 1
    assert it.site.custody()["holds"]


def test_neither_an_outage_nor_a_disappearance_sends_anything_again(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 3."""
    it = pulling(more="grace_days = 0")
    it.node.add(series="1", count=3)
    it.node.add(study="2", series="2", count=2)
    it.site.start()
    it.wait_for_images()
    everything = it.node.remove("1")
    it.wait_for_state("1", State.VANISHED)
    # Away, and answering as if it were empty.
    it.node.stop()
    wait_for(lambda: it.failures() > 1, seconds=30, what=it.site.last_words)
    assert it.state("2") is State.RETRIEVED
    said = it.site.ask("nodes")["nodes"][0]
    assert said["state"] == "failing"
    assert said["query_failure"]["code"] == "unreachable"
    assert "firewall" in said["query_failure"]["hint"]
    it.node.manners.answers_empty = True
    it.node.start()
    it.wait_for_state("2", State.VANISHED)
    it.node.manners.answers_empty = False
    it.node.put_back(everything)
    # The grace period is over at once here: both are looked at anew, and both are here.
    it.wait_for_state("1", State.RETRIEVED)
    it.wait_for_state("2", State.RETRIEVED)
    it.wait_for_queries(2)
    assert it.node.asked["get series"] == 2
    assert it.archives() == 2
    assert it.each_once()


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_part_is_kept_and_not_delivered_and_ten_failures_are_for_a_person(
    pulling: Callable[..., Pulling], way: str
) -> None:
    """Conformance check 4."""
    it = pulling(way=way)
    it.node.add(count=8)
    it.node.manners.drops = 3
    it.site.start()
    it.wait_for_state("1", State.ABANDONED)
    assert it.node.asked[f"{way} series"] == 1
    assert it.node.asked[f"{way} image"] == 2  # only what is missing is asked for again
    time.sleep(2)  # twice the quiet time
    assert not it.site.delivered()
    assert it.site.received() == 5
    said = it.site.ask("nodes")["nodes"][0]
    assert said["series"] == {"abandoned": 1}
    assert said["retrieval_failure"]["code"] == "fewer_images"
    assert "5 of 8 images are here" in said["retrieval_failure"]["text"]
    listed = it.site.ask("nodes", "list", "scanner", "--state", "abandoned")["series"][0]
    assert (listed["images"], listed["here"], listed["tries"]) == (8, 5, 3)
    it.node.manners.drops = 0
    assert it.site.ask("nodes", "retry", "scanner")["moved"] == 1
    it.wait_for_images()
    assert (it.archives(), it.each_once()) == (1, True)


def test_a_person_can_be_content_with_a_part(pulling: Callable[..., Pulling]) -> None:
    it = pulling()
    it.node.add(count=4)
    it.node.manners.counts_more = 2
    it.site.start()
    it.wait_for_state("1", State.ABANDONED)
    listed = it.site.ask("nodes", "list", "scanner")["series"][0]
    assert listed["code"] == "wrong_count"
    assert not it.site.delivered()
    number = str(listed["number"])
    assert it.site.cli("nodes", "accept", "scanner", number).returncode == 2
    it.site.ask("nodes", "accept", "scanner", number, "--why", "that is all there is")
    it.wait_for_images()
    it.wait_for_queries(2)
    assert it.state("1") is State.RETRIEVED


def test_at_the_first_contact_history_can_be_left_there_even_if_the_first_query_fails(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 5."""
    it = pulling(more="ignore_existing = true")
    it.node.add(series="1", count=3)
    it.node.manners.find_status = 0xA700  # after some answers, so that they are a part
    it.site.start()
    wait_for(lambda: it.failures() > 1, seconds=30, what=it.site.last_words)
    assert it.rows() == {}
    it.node.manners.find_status = 0
    it.wait_for_state("1", State.SKIPPED)
    it.node.add(study="2", series="2", count=2)
    it.wait_for_state("2", State.RETRIEVED)
    it.wait_for_images("2")
    # The ledger is lost: all is discovered anew, and still no history goes.
    it.site.stop()
    for path in it.site.data.glob("ledger.db*"):
        path.unlink()
    it.site.start()
    it.wait_for_state("1", State.SKIPPED)
    it.wait_for_state("2", State.SKIPPED)
    it.wait_for_queries(2)
    assert it.node.asked["get series"] == 1


OPT = """
[[opt.out]]
tag = "PatientComments"
matches = "NOFW"

[[opt.in]]
tag = "StudyDescription"
matches = "UPLOAD"
"""


def test_opting_is_decided_by_the_query_where_it_says_enough_and_by_the_header_else(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 6."""
    it = pulling(tail=OPT)
    it.node.add("1", "wanted", 2, StudyDescription="please upload")
    it.node.add("2", "out", 2, StudyDescription="UPLOAD", PatientComments="NOFW")
    it.node.add("3", "not-in", 2, StudyDescription="other")
    it.site.start()
    it.wait_for_state("wanted", State.RETRIEVED)
    it.wait_for_state("out", State.SKIPPED)
    it.wait_for_state("not-in", State.SKIPPED)
    listed = it.site.ask("nodes", "list", "scanner", "--state", "skipped")["series"]
    assert {each["code"] for each in listed} == {"opt_in", "opt_out"}
    # Keys that it does not answer, or leaves empty, decide nothing; the header does.
    it.node.manners.without = ("PatientComments",)
    it.node.manners.empty_at_series = ("StudyDescription",)
    it.node.manners.without_at_series = ("StudyDescription",)
    it.node.add("4", "late-out", 2, StudyDescription="UPLOAD", PatientComments="NOFW")
    it.node.add("5", "late-in", 2, StudyDescription="UPLOAD")
    it.wait_for_state("late-out", State.RETRIEVED)
    it.wait_for_state("late-in", State.RETRIEVED)
    it.wait_for_images("wanted", "late-in")
    # What was skipped before says less of itself now too, and the header decides about it as well.
    wait_for(
        lambda: len(it.site.ask("skipped")["series"]) == 2, seconds=40, what=it.site.last_words
    )
    assert {each["code"] for each in it.site.ask("skipped")["series"]} == {"opt_out"}


def test_in_closed_hours_queries_go_on_and_retrievals_and_deliveries_wait(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 10: windows that go over midnight."""
    now = dt.datetime.now().astimezone()
    begin, end = (now + dt.timedelta(hours=hours) for hours in (2, -2))
    closed = f'windows = ["{begin:%H:%M}-{end:%H:%M}"]'
    schedule = f'\n[[schedule]]\nname = "night"\n{closed}\n'
    it = pulling(more='schedule = "night"', tail=schedule)
    it.node.add(count=3)
    it.site.start()
    it.wait_for_state("1", State.QUEUED)
    it.wait_for_queries(2)
    assert it.node.asked["get series"] == 0
    text = it.site.config.read_text()
    # Retrievals may begin now, and deliveries may not: what is retrieved waits here.
    text = text.replace('retrieve = "get"\nschedule = "night"', 'retrieve = "get"')
    text = text.replace('deidentify = "none"', 'deidentify = "none"\nschedule = "night"')
    it.site.config.write_text(text)
    it.site.ask("config", "reload")
    it.wait_for_state("1", State.RETRIEVED)
    wait_for(lambda: it.site.ask("queue")["destinations"], seconds=30, what=it.site.last_words)
    it.wait_for_queries(2)
    assert not it.site.delivered()
    it.site.config.write_text(text.replace(closed, 'windows = ["00:00-24:00"]'))
    it.site.ask("config", "reload")
    it.wait_for_images()


# --- C-MOVE to our listener -----------------------------------------------------------------------


def test_a_node_that_is_no_source_may_send_what_it_was_asked_for_and_nothing_else(
    pulling: Callable[..., Pulling],
) -> None:
    it = pulling(way="move")
    text = it.site.config.read_text()
    assert 'ae_title = "*"' in text
    it.site.config.write_text(text.replace('ae_title = "*"', 'ae_title = "TESTS"'))
    it.node.add("1", "1", 3)
    it.node.add("2", "2", 2, StudyDate="20200101")  # outside the window of the query
    it.node.manners.sends_unasked = True
    it.site.start()
    it.wait_for_state("1", State.RETRIEVED)
    it.wait_for_images("1")
    wait_for(
        lambda: it.site.refusals().get(("object", "0124")) == 2,
        seconds=20,
        what=lambda: f"{it.site.refusals()}",
    )
    # What it sends of itself was not asked for either.
    from causeway.net import Outgoing, send

    image = next(each for each in it.node.images if each.SeriesInstanceUID == series_uid("2"))
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, image)
    outgoing = Outgoing(
        sop_class_uid=image.SOPClassUID, sop_instance_uid=image.SOPInstanceUID,
        transfer_syntax_uid="1.2.840.10008.1.2.1", data=buffer.getvalue(),
    )  # fmt: skip
    assert [each.status for each in send(it.site.peer("NODE"), [outgoing])] == [0x0124]


def test_a_node_that_does_not_know_us_is_told_apart_with_what_to_do(
    pulling: Callable[..., Pulling],
) -> None:
    it = pulling(way="move")
    it.node.add(count=2)
    it.node.manners.knows_destination = False
    it.site.start()
    it.wait_for_state("1", State.ABANDONED)
    failure = it.site.ask("nodes")["nodes"][0]["retrieval_failure"]
    assert failure["code"] == "status_a801"
    assert "CAUSEWAY" in failure["hint"]


def test_auto_falls_back_where_there_is_no_c_get(pulling: Callable[..., Pulling]) -> None:
    it = pulling(way="auto", gets=False)
    it.node.add(count=3)
    it.site.start()
    it.wait_for_images()
    assert it.node.asked["move series"] == 1
    wait_for(  # it is written down with the next look
        lambda: it.site.ask("nodes")["nodes"][0]["abilities"]["gets"] is False,
        seconds=20, what=it.site.last_words,
    )  # fmt: skip


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_retrieval_that_stands_still_or_never_ends_is_given_up_and_its_images_kept(
    pulling: Callable[..., Pulling], way: str
) -> None:
    it = pulling(way=way, more="idle_seconds = 5\ntotal_seconds = 10")
    it.node.add(count=4)
    it.node.manners.stops_after = 2
    it.site.start()
    wait_for(lambda: it.site.told("node.not_retrieved"), seconds=60, what=it.site.last_words)
    it.node.manners.stops_after = -1
    assert '"code": "timeout"' in it.site.log.read_text()
    it.wait_for_images(seconds=60)
    assert it.each_once()


def test_a_series_that_grows_while_it_is_retrieved_goes_once_and_whole(
    pulling: Callable[..., Pulling],
) -> None:
    it = pulling(way="move")
    it.node.add(count=3)

    def grow() -> None:
        it.node.add(count=2)
        it.wait_for_queries(2)

    it.node.manners.during_retrieval = grow
    it.site.start()
    it.wait_for_images(seconds=60)
    assert (it.archives(), it.each_once()) == (1, True)


def test_the_same_series_on_two_nodes_goes_once(
    pulling: Callable[..., Pulling],
) -> None:
    other = ScriptedNode(ae_title="OTHER")
    with other:
        second = (
            NODE.format(port=other.port, way="get", more="")
            .replace('"scanner"', '"other"')
            .replace('"NODE"', '"OTHER"')
        )
        it = pulling(tail=second)
        it.node.add(count=3)
        other.add(count=3)
        it.site.start()
        it.wait_for_images()
        with it.site.ledger() as ledger:
            wait_for(
                lambda: [row.state for row in ledger.node_series("other")] == [State.RETRIEVED],
                seconds=30, what=it.site.last_words,
            )  # fmt: skip
        assert (it.archives(), it.each_once()) == (1, True)


# --- by hand --------------------------------------------------------------------------------------


def test_find_and_pull_by_hand(pulling: Callable[..., Pulling]) -> None:
    it = pulling(more="ignore_existing = true")
    it.node.add("1", "1", 3, AccessionNumber="A1", StudyDate="20200101")
    it.node.add("1", "2", 2, AccessionNumber="A1", StudyDate="20200101")
    found = it.site.ask("find", "scanner", "AccessionNumber=A1")
    assert found["complete"]
    (study,) = found["answers"]
    assert study["NumberOfStudyRelatedInstances"] == ["5"]
    uid = study["StudyInstanceUID"][0]
    series = it.site.ask("find", "scanner", "--level", "series", "--study", uid)["answers"]
    assert {each["NumberOfSeriesRelatedInstances"][0] for each in series} == {"3", "2"}
    table = it.site.cli("find", "scanner", "--since", "2019-12-31", "--until", "20200101")
    assert table.returncode == 0
    assert uid in table.stdout
    assert it.site.ask("find", "scanner", "--since", "2021-01-01")["answers"] == []
    assert (
        it.site.cli("pull", "scanner", "--study", uid).returncode == 3
    )  # nobody runs who would do it
    it.site.start()
    dry = it.site.ask("pull", "scanner", "--study", uid, "--dry-run")
    assert (dry["asked"], dry["dry_run"]) == (2, True)
    assert it.rows() == {}
    done = it.site.ask("pull", "scanner", "--series", series_uid("1"))
    assert (done["asked"], done["retrieved"]) == (1, 1)
    done = it.site.ask("pull", "scanner", "--accession", "A1")
    assert (done["asked"], done["retrieved"], done["failed"]) == (2, 2, 0)
    it.wait_for_images()
    assert it.site.cli("pull", "scanner", "--accession", "B2").returncode == 7
    assert it.site.cli("pull", "scanner").returncode == 2
    wrong = it.site.cli("find", "scaner")
    assert (wrong.returncode, 'did you mean "scanner"?' in wrong.stderr) == (2, True)
    assert it.site.cli("find", "scanner", "PatientNme=X").returncode == 2
