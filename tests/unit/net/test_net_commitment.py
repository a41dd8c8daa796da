"""Storage commitment over the wire: asked, answered, reported, refused."""

from __future__ import annotations

import pytest

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    STORAGE_COMMITMENT_PUSH,
    STORAGE_COMMITMENT_PUSH_INSTANCE,
    VERIFICATION,
    NActionRQ,
    NActionRSP,
    NEventReportRQ,
    NEventReportRSP,
    Status,
)
from causeway.net import (
    COMMITMENT_KINDS,
    REPORTER_ROLES,
    VERIFICATION_KINDS,
    ClientAssociation,
    CommitmentReport,
    CommitmentRequest,
    CommitmentUser,
    NotNegotiated,
    Outbound,
    Reference,
    associate,
    send_report,
)
from causeway.net.commitment import (
    Refused,
    decode_report,
    decode_request,
    encode_report,
    encode_request,
)
from causeway.net.committing import report_command
from causeway.testing.listening import Listening, RecordingDesk, wait_for

CT = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]
REQUEST = CommitmentRequest(
    transaction_uid="2.25.1", references=(Reference(CT, "2.25.10"), Reference(CT, "2.25.111"))
)
REPORT = CommitmentReport(
    transaction_uid="2.25.1",
    committed=(REQUEST.references[0],),
    failed=((REQUEST.references[1], 0x0112),),
)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_written_is_read(syntax: str):
    assert decode_request(encode_request(REQUEST, syntax), syntax) == REQUEST
    assert decode_report(encode_report(REPORT, syntax), syntax) == REPORT


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pydicom_reads_what_is_written_and_the_other_way_round(syntax: str):
    import io

    from pydicom.dataset import Dataset
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset
    from pydicom.filewriter import write_dataset

    implicit = syntax == IMPLICIT_VR_LITTLE_ENDIAN
    read = read_dataset(io.BytesIO(encode_report(REPORT, syntax)), implicit, True)
    assert read.TransactionUID == "2.25.1"
    assert read.FailedSOPSequence[0].FailureReason == 0x0112
    assert read.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.10"
    written = DicomBytesIO()
    written.is_implicit_VR, written.is_little_endian = implicit, True
    for undefined in (False, True):
        dataset = Dataset()
        dataset.TransactionUID = "2.25.1"
        items = []
        for reference in REQUEST.references:
            item = Dataset()
            item.ReferencedSOPClassUID = reference.sop_class_uid
            item.ReferencedSOPInstanceUID = reference.sop_instance_uid
            item.is_undefined_length_sequence_item = undefined
            items.append(item)
        dataset.ReferencedSOPSequence = items
        dataset["ReferencedSOPSequence"].is_undefined_length = undefined
        written = DicomBytesIO()
        written.is_implicit_VR, written.is_little_endian = implicit, True
        write_dataset(written, dataset)
        assert decode_request(written.getvalue(), syntax) == REQUEST


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    "spoiled",
    [
        lambda whole: whole[:-3],
        lambda whole: whole[:9],
        lambda whole: b"\xff" * len(whole),
        lambda whole: whole.replace(b"2.25.1\0", b"../etc\0", 1) if b"2.25.1\0" in whole else b"",
        lambda _: b"",
    ],
)
def test_what_does_not_hold_together_is_refused_with_a_status(syntax: str, spoiled):
    with pytest.raises(Refused) as refused:
        decode_request(spoiled(encode_request(REQUEST, syntax)), syntax)
    assert refused.value.status == Status.INVALID_ARGUMENT_VALUE


def test_a_request_must_name_objects_and_a_transaction():
    for request in (
        CommitmentRequest(transaction_uid="2.25.1", references=()),
        CommitmentRequest(transaction_uid="", references=REQUEST.references),
        CommitmentRequest(transaction_uid="2.25.1", references=(Reference("", "2.25.1"),)),
    ):
        encoded = encode_request(request, EXPLICIT_VR_LITTLE_ENDIAN)
        with pytest.raises(Refused):
            decode_request(encoded, EXPLICIT_VR_LITTLE_ENDIAN)


# --- over a listener ------------------------------------------------------------------------------


def asking(listening: Listening) -> ClientAssociation:
    return associate(listening.peer(), [*VERIFICATION_KINDS, *COMMITMENT_KINDS])


def test_a_request_over_the_context_of_something_else_is_refused():
    with (
        Listening(desk=RecordingDesk()) as listening,
        associate(listening.peer(), [*VERIFICATION_KINDS, *COMMITMENT_KINDS]) as association,
    ):
        wire = association.wire
        context = association.context(VERIFICATION, EXPLICIT_VR_LITTLE_ENDIAN)
        command = NActionRQ(
            message_id=wire.association.new_message_id(),
            requested_sop_class_uid=STORAGE_COMMITMENT_PUSH,
            requested_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
            action_type_id=1,
        )
        data = encode_request(REQUEST, context.transfer_syntax)
        wire.send_message(context.context_id, command, data, during="N-ACTION")
        assert association.response(NActionRSP, "N-ACTION").status == Status.NO_SUCH_SOP_CLASS
        assert listening.desk.requests == []


def test_a_request_reaches_the_desk_and_its_report_comes_over_the_same_association():
    answers: list[int | None] = []
    with Listening(desk=RecordingDesk()) as listening, asking(listening) as association:
        user = CommitmentUser(association)
        assert user.ask(REQUEST) == 0
        ((caller, request),) = listening.desk.requests
        assert (request, caller.calling_ae) == (REQUEST, "TEST")
        assert user.report("2.25.1", 0.05) is None
        assert association.echo() == 0  # silence was no failure
        for receiver in listening.receivers:
            receiver.report(caller.association, Outbound(report=REPORT, settled=answers.append))
        assert user.report("2.25.1", 5) == REPORT
        wait_for(lambda: answers == [0])
        assert association.echo() == 0


def test_several_reports_go_out_one_after_another():
    answers: list[int | None] = []
    with Listening(desk=RecordingDesk()) as listening, asking(listening) as association:
        user = CommitmentUser(association)
        assert user.ask(REQUEST) == 0
        caller = listening.desk.requests[0][0]
        for number in range(3):
            report = CommitmentReport(transaction_uid=f"2.25.{number}", committed=())
            for receiver in listening.receivers:
                receiver.report(caller.association, Outbound(report=report, settled=answers.append))
        for number in range(3):
            assert user.report(f"2.25.{number}", 5) is not None
        wait_for(lambda: answers == [0, 0, 0])


def test_a_report_that_nobody_waits_for_any_more_is_told_so():
    answers: list[int | None] = []
    with Listening(desk=RecordingDesk()) as listening:
        with asking(listening) as association:
            assert CommitmentUser(association).ask(REQUEST) == 0
            caller = listening.desk.requests[0][0]
            for receiver in listening.receivers:
                receiver.report(caller.association, Outbound(report=REPORT, settled=answers.append))
            # The report is on its way; we leave without looking at it.
        wait_for(lambda: answers == [None])


def test_a_report_comes_over_an_association_of_its_own():
    with Listening(desk=RecordingDesk()) as listening:
        with associate(listening.peer(), COMMITMENT_KINDS, roles=REPORTER_ROLES) as association:
            assert send_report(association, REPORT) == 0
        ((caller, report),) = listening.desk.reports
        assert (report, caller.calling_ae) == (REPORT, "TEST")


def test_without_the_role_nothing_is_reported():
    with (
        Listening(desk=RecordingDesk()) as listening,
        asking(listening) as association,
        pytest.raises(NotNegotiated),
    ):
        send_report(association, REPORT)


def test_the_desk_says_what_is_answered():
    desk = RecordingDesk(status=0x0213)
    with Listening(desk=desk) as listening, asking(listening) as association:
        assert CommitmentUser(association).ask(REQUEST) == 0x0213


def test_who_is_not_served_is_not_offered_it():
    with (
        Listening() as listening,
        asking(listening) as association,
        pytest.raises(NotNegotiated),
    ):
        CommitmentUser(association)


def told(association: ClientAssociation, command: NActionRQ, data: bytes | None) -> int:
    context = association.context(STORAGE_COMMITMENT_PUSH)
    association.wire.send_message(context.context_id, command, data, during="a test")
    return association.response(NActionRSP, "a test").status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"action_type_id": 2}, Status.NO_SUCH_ACTION_TYPE),
        ({"requested_sop_instance_uid": "2.25.9"}, Status.NO_SUCH_SOP_INSTANCE),
        ({"requested_sop_class_uid": CT}, Status.NO_SUCH_SOP_CLASS),
        ({}, Status.INVALID_ARGUMENT_VALUE),
    ],
)
def test_bad_requests_get_the_status_that_says_why(changes: dict[str, object], status: int):
    asked = {
        "requested_sop_class_uid": STORAGE_COMMITMENT_PUSH,
        "requested_sop_instance_uid": STORAGE_COMMITMENT_PUSH_INSTANCE,
        "action_type_id": 1,
    }
    with Listening(desk=RecordingDesk()) as listening, asking(listening) as association:
        for data in (b"nonsense", None):
            command = NActionRQ(
                message_id=association.wire.association.new_message_id(), **(asked | changes)
            )
            assert told(association, command, data) == status
        assert not listening.desk.requests
        assert association.echo() == 0


def test_an_event_of_another_type_is_refused():
    with Listening(desk=RecordingDesk()) as listening:
        with associate(listening.peer(), COMMITMENT_KINDS, roles=REPORTER_ROLES) as association:
            context = association.context(STORAGE_COMMITMENT_PUSH)
            command = NEventReportRQ(
                message_id=1,
                affected_sop_class_uid=STORAGE_COMMITMENT_PUSH,
                affected_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
                event_type_id=7,
            )
            data = encode_report(REPORT, context.transfer_syntax)
            association.wire.send_message(context.context_id, command, data, during="a test")
            answer = association.response(NEventReportRSP, "a test")
        assert answer.status == Status.NO_SUCH_EVENT_TYPE
        assert not listening.desk.reports


def test_all_committed_and_some_failed_are_two_events():
    assert report_command(1, REPORT).event_type_id == 2
    whole = CommitmentReport(transaction_uid="2.25.1", committed=REQUEST.references)
    assert report_command(1, whole).event_type_id == 1
