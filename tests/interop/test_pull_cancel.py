"""C-CANCEL on the wire: pynetdicom hears it for the operation that is meant, and stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from causeway.net import Peer, Timeouts
from causeway.pull.asked import Asker
from causeway.pull.contract import Level, Query, TooManyAnswers, Wanted
from causeway.pull.dimse_node import DimseNode
from causeway.pull.keys import STUDY_INSTANCE_UID
from causeway.pull.plan import DimsePlan, Limits, Way
from causeway.testing.listening import Listening, RecordingSink, wait_for
from causeway.testing.nodes import ScriptedNode, series_uid, study_uid

STUDIES = 400


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedNode]]:
    nodes: list[ScriptedNode] = []

    def start(destination: int = 0) -> ScriptedNode:
        nodes.append(ScriptedNode(destination=("127.0.0.1", destination)))
        nodes[-1].start()
        return nodes[-1]

    yield start
    for node in nodes:
        node.over.set()
        node.stop()


def plan_of(node: ScriptedNode, *, answers: int = 50_000, way: Way = Way.GET) -> DimsePlan:
    timeouts = Timeouts(
        connect_seconds=10, associate_seconds=30, response_seconds=60, release_seconds=30
    )
    peer = Peer(host="127.0.0.1", port=node.port, called_ae="NODE", calling_ae="CAUSEWAY",
                timeouts=timeouts)  # fmt: skip
    return DimsePlan(
        name="node", peer=peer, way=way, move_destination="CAUSEWAY", limits=Limits(answers=answers)
    )


def quiet(event: str, /, **_: object) -> None:
    return


def test_a_query_with_too_many_answers_is_cancelled_and_the_association_is_of_use_afterwards(
    scripted: Callable[..., ScriptedNode],
) -> None:
    node = scripted()
    for number in range(STUDIES):
        node.add(study=str(number), series=str(number))
    node.manners.seconds_an_answer = 0.005
    target = DimseNode(plan_of(node, answers=10), sink=None, asker=None, emit=quiet)
    everything = Query(level=Level.STUDY, keys={STUDY_INSTANCE_UID: ""})
    one = Query(level=Level.STUDY, keys={STUDY_INSTANCE_UID: study_uid("7")})
    with target.session() as session:
        for turn in range(1, 3):
            answers = node.asked["answers"]
            seen = []
            with pytest.raises(TooManyAnswers):
                seen.extend(session.find(everything))
            # The node ends with FE00 only when the message id is that of the query under way.
            assert node.asked["find cancelled"] == turn
            assert node.asked["answers"] - answers < STUDIES
            (found,) = session.find(one)
            assert found.attributes.first(STUDY_INSTANCE_UID) == study_uid("7")
    assert node.asked["find study"] == 4


class AfterSome:
    """Gives a retrieval up when some images have come."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._last = 0

    def progressed(self) -> bool:
        before, self._last = self._last, self._count()
        return self._last != before

    def cancelled(self) -> bool:
        return self._count() >= 2


@pytest.mark.parametrize("way", [Way.GET, Way.MOVE])
def test_a_retrieval_that_is_given_up_is_cancelled_and_the_node_stops(
    scripted: Callable[..., ScriptedNode], tmp_path: Path, way: Way
) -> None:
    sink = RecordingSink()
    with Listening(sink=sink) as listening:
        node = scripted(listening.port)
        node.add(count=3)
        node.manners.pends = True  # it would go on for ever
        target = DimseNode(
            plan_of(node, way=way), sink=sink, asker=Asker(tmp_path / "asked"),
            emit=quiet,
        )  # fmt: skip
        wanted = Wanted(
            study_instance_uid=study_uid("1"), series_instance_uid=series_uid("1"), modality="MR"
        )
        report = target.retrieve(wanted, AfterSome(lambda: len(sink.kept)))
        assert not report.good
        wait_for(lambda: node.asked["retrieval cancelled"] == 1, seconds=30)
        assert len(sink.kept) >= 2
