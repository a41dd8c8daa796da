"""Storage commitment over an association of ours: asked for as a user, reported as a provider.

Who provides reports over the association on which it was asked, or over one of its own, for which
it proposes the role of SCP, since there the roles are the other way round (PS3.4 J.3.3, PS3.7
D.3.3.4). Both functions for the first case, and one for the second.
"""

from __future__ import annotations

import time

from causeway.dimse import (
    STORAGE_COMMITMENT_PUSH,
    STORAGE_COMMITMENT_PUSH_INSTANCE,
    AcceptedContext,
    FragmentReceived,
    MessageReceived,
    NActionRQ,
    NActionRSP,
    NEventReportRQ,
    NEventReportRSP,
    ReleaseRequested,
    RoleSelection,
    Status,
)
from causeway.net.client import ClientAssociation
from causeway.net.commitment import (
    LONGEST,
    REQUEST_COMMITMENT,
    CommitmentReport,
    CommitmentRequest,
    Refused,
    check_event,
    decode_report,
    encode_report,
    encode_request,
)
from causeway.net.datasets import SYNTAXES
from causeway.net.outgoing import Kind
from causeway.net.peer import AssociationLost, NotNegotiated

COMMITMENT_KINDS: tuple[Kind, ...] = tuple((STORAGE_COMMITMENT_PUSH, each) for each in SYNTAXES)

REPORTER_ROLES = (
    RoleSelection(sop_class_uid=STORAGE_COMMITMENT_PUSH, scu_role=False, scp_role=True),
)
"""What ``associate`` has to propose so that we may report."""


class CommitmentUser:
    """Asks, and hears reports that come over the same association."""

    def __init__(self, association: ClientAssociation) -> None:
        """Raises NotNegotiated."""
        self._association = association
        self._context = association.context(STORAGE_COMMITMENT_PUSH)
        self._reports: list[CommitmentReport] = []

    def ask(self, request: CommitmentRequest) -> int:
        """N-ACTION: the status; 0x0000 says that a report will follow."""
        wire = self._association.wire
        command = NActionRQ(
            message_id=wire.association.new_message_id(),
            requested_sop_class_uid=STORAGE_COMMITMENT_PUSH,
            requested_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
            action_type_id=REQUEST_COMMITMENT,
        )
        data = encode_request(request, self._context.transfer_syntax)
        wire.send_message(self._context.context_id, command, data, during="N-ACTION")
        while True:
            event = self._association.next_event("N-ACTION")
            if not isinstance(event, MessageReceived):
                raise self._association.unexpected("N-ACTION")
            # A quick provider reports before it has answered.
            if isinstance(event.command, NEventReportRQ):
                self._hear(event, event.command)
            elif isinstance(event.command, NActionRSP):
                if event.has_data:
                    self._data_set("N-ACTION")
                return event.command.status
            else:
                raise self._association.unexpected("N-ACTION")

    def report(self, transaction_uid: str, seconds: float) -> CommitmentReport | None:
        """The report on a request, if it comes within so many seconds.

        None leaves the association as it was; when the peer asks to end it, it is answered, and
        when it is lost, that is raised.
        """
        until = time.monotonic() + seconds
        while True:
            for report in self._reports:
                if report.transaction_uid == transaction_uid:
                    return report
            left = until - time.monotonic()
            event = self._association.wire.poll_event(max(0.0, left), "N-EVENT-REPORT")
            if event is None:
                return None
            if isinstance(event, ReleaseRequested):
                self._association.let_go()
                return None
            if not (
                isinstance(event, MessageReceived) and isinstance(event.command, NEventReportRQ)
            ):
                raise self._association.unexpected("N-EVENT-REPORT")
            self._hear(event, event.command)

    def _hear(self, event: MessageReceived, command: NEventReportRQ) -> None:
        """Take a report, and answer it."""
        data = self._data_set("N-EVENT-REPORT") if event.has_data else b""
        wire = self._association.wire
        status = int(Status.SUCCESS)
        try:
            check_event(command)
            syntax = wire.association.contexts[event.context_id].transfer_syntax
            self._reports.append(decode_report(data, syntax))
        except Refused as error:
            status = error.status
        answer = command.response(status)
        wire.send(wire.association.encode_response(event.context_id, answer), "N-EVENT-REPORT")

    def _data_set(self, during: str) -> bytes:
        whole = bytearray()
        while True:
            event = self._association.next_event(during)
            assert isinstance(event, FragmentReceived), "the core gives a message whole"
            whole += event.data
            self._association.wire.association.release_fragments()
            if len(whole) > LONGEST:
                self._association.abort()
                raise AssociationLost(
                    f"{self._association.peer}: a report is longer than {LONGEST} bytes"
                )
            if event.last:
                return bytes(whole)


def reporter_context(association: ClientAssociation) -> AcceptedContext:
    """The context in which we may report, as agreed; raises NotNegotiated."""
    context = association.context(STORAGE_COMMITMENT_PUSH)
    if not context.scp_role:
        raise NotNegotiated(
            f"{association.peer} does not let us have the role of SCP of storage commitment",
            hint="it has to accept SCP/SCU role selection for 1.2.840.10008.1.20.1, or hear "
            "reports over the association on which it asks",
        )
    return context


def send_report(association: ClientAssociation, report: CommitmentReport) -> int:
    """N-EVENT-REPORT over an association of ours: the status that the requester answers.

    Raises NotNegotiated where the requester does not take the roles that it needs.
    """
    context = reporter_context(association)
    command = report_command(association.wire.association.new_message_id(), report)
    data = encode_report(report, context.transfer_syntax)
    association.wire.send_message(context.context_id, command, data, during="N-EVENT-REPORT")
    return association.response(NEventReportRSP, "N-EVENT-REPORT").status


def report_command(message_id: int, report: CommitmentReport) -> NEventReportRQ:
    return NEventReportRQ(
        message_id=message_id,
        affected_sop_class_uid=STORAGE_COMMITMENT_PUSH,
        affected_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
        event_type_id=report.event_type,
    )
