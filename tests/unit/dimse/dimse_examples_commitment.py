"""N-ACTION and N-EVENT-REPORT as storage commitment uses them, and an operation unknown here."""

from __future__ import annotations

from dimse_conversation import (
    ACCEPTOR,
    REQUESTOR,
    Conversation,
    annotated,
    association,
    context,
    message,
    opening,
)

from causeway.dimse import (
    STORAGE_COMMITMENT_PUSH,
    STORAGE_COMMITMENT_PUSH_INSTANCE,
    NActionRQ,
    NActionRSP,
    NEventReportRQ,
    NEventReportRSP,
    UnrecognizedRQ,
    UnrecognizedRSP,
)

COMMITMENT_REQUEST, COMMITMENT_ANSWER = opening((context(1, STORAGE_COMMITMENT_PUSH),))
COMMITMENT = Conversation(
    "storage commitment",
    (
        *association(COMMITMENT_REQUEST, COMMITMENT_ANSWER),
        message(
            REQUESTOR,
            1,
            NActionRQ(
                message_id=1,
                requested_sop_class_uid=STORAGE_COMMITMENT_PUSH,
                requested_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
                action_type_id=1,
            ),
            annotated("""
            04 00 00 00 00 74  ; P-DATA-TF, 116 bytes
              00 00 00 70 01 03  ; PDV, 112 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  62 00 00 00  ; 98
                00 00 03 00 14 00 00 00  ; (0000,0003) requested SOP class UID, 20 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1"
                  32 30 2e 31
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  30 01  ; 0130H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 01 10 16 00 00 00  ; (0000,1001) requested SOP instance UID, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1.1"
                  32 30 2e 31 2e 31
                00 00 08 10 02 00 00 00  ; (0000,1008) action type id, 2 bytes
                  01 00  ; 0001H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 01 02  ; PDV, 16 bytes, context 1, data, last
                08 00 95 11 06 00 00 00 31 2e 32 2e 33 00  ; data set
            """),
            b"\x08\x00\x95\x11\x06\x00\x00\x001.2.3\x00",
        ),
        message(
            ACCEPTOR,
            1,
            NActionRSP(
                message_id_being_responded_to=1,
                status=0,
                affected_sop_class_uid=STORAGE_COMMITMENT_PUSH,
                affected_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
                action_type_id=1,
            ),
            annotated("""
            04 00 00 00 00 7e  ; P-DATA-TF, 126 bytes
              00 00 00 7a 01 03  ; PDV, 122 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  6c 00 00 00  ; 108
                00 00 02 00 14 00 00 00  ; (0000,0002) affected SOP class UID, 20 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1"
                  32 30 2e 31
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  30 81  ; 8130H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 00  ; 0000H
                00 00 00 10 16 00 00 00  ; (0000,1000) affected SOP instance UID, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1.1"
                  32 30 2e 31 2e 31
                00 00 08 10 02 00 00 00  ; (0000,1008) action type id, 2 bytes
                  01 00  ; 0001H
            """),
        ),
        # The SCP invokes this one, in the same association and without role selection.
        message(
            ACCEPTOR,
            1,
            NEventReportRQ(
                message_id=1,
                affected_sop_class_uid=STORAGE_COMMITMENT_PUSH,
                affected_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
                event_type_id=2,
            ),
            annotated("""
            04 00 00 00 00 74  ; P-DATA-TF, 116 bytes
              00 00 00 70 01 03  ; PDV, 112 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  62 00 00 00  ; 98
                00 00 02 00 14 00 00 00  ; (0000,0002) affected SOP class UID, 20 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1"
                  32 30 2e 31
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  00 01  ; 0100H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 10 16 00 00 00  ; (0000,1000) affected SOP instance UID, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1.1"
                  32 30 2e 31 2e 31
                00 00 02 10 02 00 00 00  ; (0000,1002) event type id, 2 bytes
                  02 00  ; 0002H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 01 02  ; PDV, 16 bytes, context 1, data, last
                08 00 95 11 06 00 00 00 31 2e 32 2e 33 00  ; data set
            """),
            b"\x08\x00\x95\x11\x06\x00\x00\x001.2.3\x00",
        ),
        message(
            REQUESTOR,
            1,
            NEventReportRSP(
                message_id_being_responded_to=1,
                status=0x0110,
                affected_sop_class_uid=STORAGE_COMMITMENT_PUSH,
                affected_sop_instance_uid=STORAGE_COMMITMENT_PUSH_INSTANCE,
                event_type_id=2,
            ),
            annotated("""
            04 00 00 00 00 7e  ; P-DATA-TF, 126 bytes
              00 00 00 7a 01 03  ; PDV, 122 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  6c 00 00 00  ; 108
                00 00 02 00 14 00 00 00  ; (0000,0002) affected SOP class UID, 20 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1"
                  32 30 2e 31
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  00 81  ; 8100H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  10 01  ; 0110H
                00 00 00 10 16 00 00 00  ; (0000,1000) affected SOP instance UID, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.20.1.1"
                  32 30 2e 31 2e 31
                00 00 02 10 02 00 00 00  ; (0000,1002) event type id, 2 bytes
                  02 00  ; 0002H
            """),
        ),
        # N-DELETE-RQ (0150H), which has no class of its own.
        message(
            REQUESTOR,
            1,
            UnrecognizedRQ(message_id=2, operation=0x0150),
            annotated("""
            04 00 00 00 00 30  ; P-DATA-TF, 48 bytes
              00 00 00 2c 01 03  ; PDV, 44 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  1e 00 00 00  ; 30
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  50 01  ; 0150H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
            """),
        ),
        message(
            ACCEPTOR,
            1,
            UnrecognizedRSP(message_id_being_responded_to=2, status=0x0211, operation=0x8150),
            annotated("""
            04 00 00 00 00 3a  ; P-DATA-TF, 58 bytes
              00 00 00 36 01 03  ; PDV, 54 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  28 00 00 00  ; 40
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  50 81  ; 8150H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  11 02  ; 0211H
            """),
        ),
    ),
)

CONVERSATIONS = (COMMITMENT,)
