"""C-STORE to nodes that behave and to nodes that do not, over loopback, by the real client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dicom_parts import DictMemory, MemoryShipment, bring, bytes_of, instance

from causeway.destinations.contract import Instance
from causeway.destinations.dicom import Commitment, DicomDestination, DicomSettings
from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    AssociateRequest,
    Association,
    CStoreRQ,
    Policy,
    negotiate,
)
from causeway.errors import (
    DestinationBusy,
    DestinationUnauthorised,
    DestinationUnavailable,
    NotYet,
    SpoolCorrupt,
    TemporaryError,
)
from causeway.net import (
    COMMITMENT_KINDS,
    REPORTER_ROLES,
    Acceptance,
    ClientTls,
    CommitmentReport,
    Outbound,
    Peer,
    ReceiveOptions,
    Timeouts,
    associate,
    send_report,
)
from causeway.testing.listening import Listening, RecordingDesk, RecordingSink, wait_for
from causeway.testing.servers import RejectingServer, ScriptedServer, SilentServer
from causeway.transcoding import convert
from causeway.values import Standing

QUICK = Timeouts(
    connect_seconds=2, associate_seconds=2, response_seconds=2, release_seconds=2,
    progress_seconds=2,
)  # fmt: skip
Make = Callable[..., DicomDestination]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[DicomDestination] = []

    def destination(
        port: int, memory: DictMemory | None = None, **changes: object
    ) -> DicomDestination:
        clock = changes.pop("clock", time.time)
        peer = Peer(host="127.0.0.1", port=port, called_ae="CAUSEWAY", timeouts=QUICK)
        settings = DicomSettings(name="pacs", peer=peer)
        made.append(
            DicomDestination(
                replace(settings, **changes),  # type: ignore[arg-type]
                memory=memory or DictMemory(), clock=clock,  # type: ignore[arg-type]
            )
        )  # fmt: skip
        return made[-1]

    yield destination
    for each in made:
        each.close()


def standings(outcomes: dict[int, object]) -> list[str]:
    return [str(each.standing) for each in outcomes.values()]  # type: ignore[attr-defined]


def sent_to(destination: DicomDestination, instances: Sequence[Instance]):
    return bring(destination.start(MemoryShipment(instances)), instances)


# --- nodes that behave ----------------------------------------------------------------------------


def test_all_are_stored_as_they_are_over_several_associations(make: Make):
    instances = [instance(("CT", "MR")[n % 2]) for n in range(40)]
    with Listening() as listening:
        destination = make(listening.port, associations=3)
        outcomes = sent_to(destination, instances)
        assert standings(outcomes) == ["verified"] * 40
        destination.close()
        kept = {each.request.affected_sop_instance_uid: each for each in listening.sink.kept}
        assert {uid: each.data for uid, each in kept.items()} == {
            each.sop_instance_uid: bytes_of(each) for each in instances
        }
        storing = {each.caller.association for each in kept.values()}
        assert 1 <= len(storing) <= 3


def test_associations_are_kept_for_the_next_delivery_and_released_when_idle(make: Make):
    with Listening() as listening:
        destination = make(
            listening.port, associations=2, idle_seconds=0.5, query=False,
            commitment=Commitment.OFF,
        )  # fmt: skip
        for _ in range(4):
            sent_to(destination, [instance()])
        assert len({each.caller.association for each in listening.sink.kept}) == 1
        wait_for(lambda: [each.outcome for each in listening.sink.ended] == ["released"])
        sent_to(destination, [instance()])
        assert len(listening.sink.kept) == 5


def test_what_a_kept_association_lacks_is_proposed_on_a_new_one(make: Make):
    with Listening() as listening:
        destination = make(listening.port, associations=1)
        sent_to(destination, [instance("CT")])
        outcomes = sent_to(destination, [instance("MR"), instance("CT"), instance("MR")])
        assert standings(outcomes) == ["verified"] * 3


def test_a_peer_that_ended_an_idle_association_is_called_again(make: Make):
    class Impatient(ScriptedServer):
        def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
            # Answers, and is gone.
            self.over_after = True
            return super().stored(association, context_id, command) + association.abort()

    with Impatient() as server:
        destination = make(server.port, associations=1, query=False, commitment=Commitment.OFF)
        for _ in range(3):
            assert standings(sent_to(destination, [instance()])) == ["verified"]
        assert len(server.received) == 3


def test_a_warning_is_stored_and_kept(make: Make):
    sink = RecordingSink()
    sink.status = 0xB000
    with Listening(sink=sink) as listening:
        (outcome,) = sent_to(make(listening.port), [instance()]).values()
    assert (outcome.standing, outcome.code) == (Standing.VERIFIED, "status_b000")
    assert "coercion" in outcome.why


# --- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "standing"),
    [(0xA900, "refused"), (0xC123, "refused"), (0x0122, "refused"), (0x0110, "again")],
)
def test_a_failure_is_the_outcome_of_its_instance(make: Make, status: int, standing: str):
    class Choosy(ScriptedServer):
        def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
            bad = len(self.received) == 2
            return association.encode_response(context_id, command.response(status if bad else 0))

    with Choosy() as server:
        outcomes = sent_to(make(server.port, associations=1), [instance() for _ in range(3)])
    assert standings(outcomes) == ["verified", standing, "verified"]
    assert list(outcomes.values())[1].code == f"status_{status:04x}"


def test_a_full_node_is_busy_and_not_failing(make: Make):
    sink = RecordingSink()
    sink.status = 0xA700
    with Listening(sink=sink) as listening:
        destination = make(listening.port)
        with pytest.raises(DestinationBusy, match="no room"):
            sent_to(destination, [instance(), instance()])


def test_a_node_that_knows_us_not(make: Make):
    with RejectingServer(1, 1, 3) as server:
        with pytest.raises(DestinationUnauthorised) as raised:
            sent_to(make(server.port), [instance()])
        assert "calling AE title" in str(raised.value)
    with RejectingServer(2, 3, 2) as server, pytest.raises(DestinationBusy):
        sent_to(make(server.port), [instance()])


def test_a_node_that_is_not_there_or_silent(make: Make):
    with Listening() as listening:
        port = listening.port
    with pytest.raises(DestinationUnavailable):
        sent_to(make(port), [instance()])
    with SilentServer() as server, pytest.raises(DestinationUnavailable, match="no answer"):
        sent_to(make(server.port), [instance()])


def test_files_of_ours_that_are_missing_are_told_and_waited_for(make: Make, tmp_path: Path):
    destination = make(1)
    tls = ClientTls(ca=tmp_path / "ca.pem")
    peer = replace(destination.settings.peer, tls=tls)
    settings = replace(destination.settings, peer=peer)
    broken = DicomDestination(settings, memory=DictMemory())
    for attempt in (broken.check, lambda: sent_to(broken, [instance()])):
        with pytest.raises(DestinationUnavailable, match="cannot be read"):
            attempt()


# --- transfer syntaxes ----------------------------------------------------------------------------


class Only(ScriptedServer):
    """Takes one transfer syntax."""

    def __init__(self, syntax: str) -> None:
        super().__init__()
        self.syntax = syntax
        self.contexts: list[str] = []

    def answer(self, association: Association, request: AssociateRequest) -> bytes:
        policy = Policy(transfer_syntax=lambda uid: uid == self.syntax)
        return association.accept(negotiate(request, policy))


@pytest.mark.parametrize("syntax", [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN])
def test_it_is_converted_only_where_the_node_refuses_its_syntax(make: Make, syntax: str):
    with Only(syntax) as server:
        one = instance()
        (outcome,) = sent_to(make(server.port), [one]).values()
        assert outcome.standing is Standing.VERIFIED
        if syntax == one.transfer_syntax_uid:
            assert (outcome.transcoded_to, server.received) == ("", [bytes_of(one)])
        else:
            assert outcome.transcoded_to == syntax
            assert server.received == [convert(bytes_of(one), one.transfer_syntax_uid, syntax)]


@pytest.mark.parametrize("convert_", [True, False])
def test_what_cannot_go_without_loss_is_refused_and_the_others_go(make: Make, convert_: bool):
    lossy = instance(syntax="1.2.840.10008.1.2.4.50")
    with Only(EXPLICIT_VR_LITTLE_ENDIAN) as server:
        outcomes = sent_to(make(server.port, convert=convert_), [lossy, instance()])
    first, second = outcomes.values()
    assert (first.standing, first.code) == (Standing.REFUSED, "syntax_refused")
    assert "1.2.840.10008.1.2.4.50" in first.why
    assert second.standing is Standing.VERIFIED


def test_a_class_that_the_node_does_not_take_is_refused(make: Make):
    class NoMr(ScriptedServer):
        def answer(self, association: Association, request: AssociateRequest) -> bytes:
            mr = "1.2.840.10008.5.1.4.1.1.4"
            return association.accept(
                negotiate(request, Policy(abstract_syntax=lambda uid: uid != mr))
            )

    with NoMr() as server:
        outcomes = sent_to(make(server.port), [instance("CT"), instance("MR")])
    assert [each.code for each in outcomes.values()] == ["", "class_refused"]


def test_more_kinds_than_an_association_has_room_for(make: Make):
    instances = [instance(syntax=f"1.2.3.{number}") for number in range(150)]
    with Listening() as listening:
        outcomes = sent_to(make(listening.port, associations=2), instances)
        assert standings(outcomes) == ["verified"] * 150


# --- trouble in the middle ------------------------------------------------------------------------


def test_what_was_under_way_when_an_association_was_lost_has_no_outcome(make: Make):
    class Dies(ScriptedServer):
        def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
            if len(self.received) == 3:
                raise OSError("gone")
            return super().stored(association, context_id, command)

    instances = [instance() for _ in range(5)]
    with Dies() as server:
        destination = make(server.port, associations=1)
        outcomes = destination.start(MemoryShipment(instances)).send(instances)
        known: list[int] = []
        with pytest.raises(TemporaryError):
            known.extend(each.instance.id for each in outcomes)
        assert known == [each.id for each in instances[:2]]


def test_bytes_that_do_not_match_never_become_an_object(make: Make):
    def corrupt() -> Iterator[bytes]:
        yield bytes(1_000_000)
        raise SpoolCorrupt("a digest that does not match")

    with Listening() as listening:
        destination = make(listening.port, associations=1)
        bad = instance(opened=corrupt)
        with pytest.raises(SpoolCorrupt):
            sent_to(destination, [bad])
        wait_for(lambda: listening.sink.aborted == 1)
        assert not listening.sink.kept
        assert standings(sent_to(destination, [instance()])) == ["verified"]


def test_a_transfer_that_is_left_early_stops(make: Make):
    instances = [instance() for _ in range(200)]
    with Listening() as listening:
        destination = make(listening.port, associations=2)
        outcomes = iter(destination.start(MemoryShipment(instances)).send(instances))
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
        time.sleep(0.1)
        stored = len(listening.sink.kept)
        assert stored < 200
        time.sleep(0.2)
        assert len(listening.sink.kept) == stored


# --- storage commitment ---------------------------------------------------------------------------


class Desk(RecordingDesk):
    """A provider of commitment that answers when a test says so."""


def report_on(listening: Listening, *failed: int) -> CommitmentReport:
    """What the node thinks of its newest request; the first of its objects fail, with these."""
    _, request = listening.desk.requests[-1]
    count = len(failed)
    return CommitmentReport(
        transaction_uid=request.transaction_uid,
        committed=request.references[count:],
        failed=tuple(zip(request.references[:count], failed, strict=True)),
    )


class Prompt(RecordingDesk):
    """Reports over the same association at once."""

    listening: Listening | None = None

    def requested(self, caller, request):  # type: ignore[no-untyped-def]
        status = super().requested(caller, request)
        report = CommitmentReport(
            transaction_uid=request.transaction_uid, committed=request.references
        )
        import threading

        def leave() -> None:
            time.sleep(0.05)
            for receiver in self.listening.receivers:
                receiver.report(caller.association, Outbound(report=report, settled=lambda _: None))

        threading.Thread(target=leave, daemon=True).start()
        return status


def test_commitment_is_asked_for_where_it_is_offered_and_heard_at_once(make: Make):
    desk = Prompt()
    with Listening(desk=desk) as listening:
        desk.listening = listening
        memory = DictMemory()
        destination = make(listening.port, memory)
        instances = [instance() for _ in range(3)]
        outcomes = sent_to(destination, instances)
        assert standings(outcomes) == ["verified"] * 3
        assert {each.code for each in outcomes.values()} == {"commitment"}
        assert len(desk.requests) == 1
        assert memory.values == {}, "what is over is forgotten"


def test_a_report_that_comes_later_over_another_association(make: Make):
    with Listening(desk=RecordingDesk()) as listening:
        memory = DictMemory()
        instances = [instance() for _ in range(2)]
        shipment = MemoryShipment(instances)
        destination = make(listening.port, memory, report_seconds=0.05)
        with pytest.raises(NotYet) as waiting:
            bring(destination.start(shipment), instances)
        assert waiting.value.again_in_seconds > 0
        # After a restart, from memory alone; it is neither sent nor asked for again.
        destination = make(listening.port, memory, report_seconds=0.05)
        with pytest.raises(NotYet):
            bring(destination.start(shipment), instances, unsure=instances)
        assert (len(listening.sink.kept), len(listening.desk.requests)) == (2, 1)
        assert not destination.reported("OTHER", report_on(listening))
        assert destination.reported("CAUSEWAY", report_on(listening, 0x0112))
        outcomes = bring(destination.start(shipment), instances, unsure=instances)
        assert standings(outcomes) == ["again", "verified"]
        assert next(iter(outcomes.values())).code == "commitment_0112"
        assert memory.values == {} == shipment.values


def test_a_report_on_nothing_that_was_asked_is_not_taken(make: Make):
    destination = make(1)
    report = CommitmentReport(transaction_uid="2.25.9", committed=())
    assert not destination.reported("CAUSEWAY", report)


def test_silence_ends_in_the_end(make: Make):
    now = [1000.0]
    with Listening(desk=RecordingDesk()) as listening:
        for commitment in (Commitment.AUTO, Commitment.REQUIRED):
            memory = DictMemory()
            instances = [instance()]
            shipment = MemoryShipment(instances)
            destination = make(
                listening.port, memory, report_seconds=0.05, commitment=commitment,
                clock=lambda: now[0],
            )  # fmt: skip
            with pytest.raises(NotYet):
                bring(destination.start(shipment), instances)
            now[0] += 3601
            if commitment is Commitment.AUTO:
                outcomes = bring(destination.start(shipment), instances, unsure=instances)
                assert [each.code for each in outcomes.values()] == ["commitment_silent"]
                assert standings(outcomes) == ["verified"]
            else:
                with pytest.raises(NotYet, match="once more"):
                    bring(destination.start(shipment), instances, unsure=instances)
        assert len(listening.desk.requests) == 3


def test_required_commitment_that_is_not_offered(make: Make):
    with Listening() as listening:
        destination = make(listening.port, commitment=Commitment.REQUIRED)
        with pytest.raises(DestinationUnavailable, match="offers no storage commitment"):
            sent_to(destination, [instance()])
        assert not listening.sink.kept


def test_commitment_that_is_refused(make: Make):
    with Listening(desk=RecordingDesk(status=0x0213)) as listening:
        outcomes = sent_to(make(listening.port), [instance()])
        assert [each.code for each in outcomes.values()] == ["commitment_0213"]
        assert standings(outcomes) == ["verified"]
        destination = make(listening.port, commitment=Commitment.REQUIRED)
        with pytest.raises(TemporaryError, match="refused to commit"):
            sent_to(destination, [instance()])


def test_off_asks_for_nothing(make: Make):
    with Listening(desk=RecordingDesk()) as listening:
        sent_to(make(listening.port, commitment=Commitment.OFF), [instance()])
        assert not listening.desk.requests


# --- probe ----------------------------------------------------------------------------------------


def test_a_probe_that_finds_all_well(make: Make):
    with Listening(desk=RecordingDesk()) as listening:
        steps = list(make(listening.port).probe())
    assert [(each.name, each.ok) for each in steps] == [
        ("dns", True), ("tcp", True), ("association", True), ("echo", True),
        ("commitment", True), ("query", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "failed"), [("no-such-host.invalid", "dns"), ("127.0.0.1", "tcp")]
)
def test_a_probe_ends_with_the_step_that_failed(make: Make, host: str, failed: str):
    with Listening() as listening:
        port = listening.port
    destination = make(port)
    peer = replace(destination.settings.peer, host=host)
    settings = replace(destination.settings, peer=peer)
    *_, last = DicomDestination(settings, memory=DictMemory()).probe()
    assert (last.name, last.ok) == (failed, False)
    assert last.hint


def test_a_probe_of_a_node_that_knows_us_not(make: Make):
    with RejectingServer(1, 1, 7) as server:
        *_, last = make(server.port).probe()
    assert (last.name, last.ok) == ("association", False)
    assert "called_ae" in last.hint


def test_reports_that_the_listener_takes_reach_the_destination(make: Make):
    """Both ends of the way back: our own reporter, our own listener."""
    with Listening(desk=RecordingDesk()) as listening:
        report = CommitmentReport(transaction_uid="2.25.5", committed=())
        with associate(listening.peer(), COMMITMENT_KINDS, roles=REPORTER_ROLES) as association:
            assert send_report(association, report) == 0
        assert listening.desk.reports[0][1] == report


def test_what_was_sent_before_and_cannot_be_asked_for_is_sent_again(make: Make):
    with Listening() as listening:
        instances = [instance()]
        outcomes = bring(
            make(listening.port).start(MemoryShipment(instances)), instances, unsure=instances
        )
        assert standings(outcomes) == ["verified"]
        assert len(listening.sink.kept) == 1


def test_a_listener_that_takes_some_classes_only(make: Make):
    options = ReceiveOptions(acceptance=Acceptance(sop_classes=frozenset({VERIFICATION})))
    with Listening(options=options) as listening:
        (outcome,) = sent_to(make(listening.port), [instance()]).values()
    assert outcome.standing is Standing.REFUSED
