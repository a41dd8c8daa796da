"""C-FIND, C-CANCEL, C-MOVE, C-GET."""

from __future__ import annotations

from dimse_conversation import (
    ACCEPTOR,
    CT_IMAGE,
    RELEASE,
    REQUESTOR,
    Conversation,
    annotated,
    association,
    context,
    message,
    opening,
)

from causeway.dimse import (
    CCancelRQ,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    CStoreRQ,
    CStoreRSP,
    RoleSelection,
)

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"

FIND_REQUEST, FIND_ANSWER = opening((context(5, STUDY_ROOT_FIND),))
FIND = Conversation(
    "find, cancelled",
    (
        *association(FIND_REQUEST, FIND_ANSWER),
        message(
            REQUESTOR,
            5,
            CFindRQ(message_id=2, affected_sop_class_uid=STUDY_ROOT_FIND),
            annotated("""
            04 00 00 00 00 5e  ; P-DATA-TF, 94 bytes
              00 00 00 5a 05 03  ; PDV, 90 bytes, context 5, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  4c 00 00 00  ; 76
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.1\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 31 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  20 00  ; 0020H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  02 00  ; 0002H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  00 00  ; 0000H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 05 02  ; PDV, 16 bytes, context 5, data, last
                08 00 52 00 06 00 00 00 53 54 55 44 59 20  ; data set
            """),
            b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY ",
        ),
        message(
            ACCEPTOR,
            5,
            CFindRSP(
                message_id_being_responded_to=2,
                status=0xFF00,
                affected_sop_class_uid=STUDY_ROOT_FIND,
            ),
            annotated("""
            04 00 00 00 00 5e  ; P-DATA-TF, 94 bytes
              00 00 00 5a 05 03  ; PDV, 90 bytes, context 5, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  4c 00 00 00  ; 76
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.1\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 31 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  20 80  ; 8020H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 ff  ; FF00H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 05 02  ; PDV, 16 bytes, context 5, data, last
                08 00 52 00 06 00 00 00 53 54 55 44 59 20  ; data set
            """),
            b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY ",
        ),
        message(
            REQUESTOR,
            5,
            CCancelRQ(message_id_being_responded_to=2),
            annotated("""
            04 00 00 00 00 30  ; P-DATA-TF, 48 bytes
              00 00 00 2c 05 03  ; PDV, 44 bytes, context 5, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  1e 00 00 00  ; 30
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  ff 0f  ; 0FFFH
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
            """),
        ),
        message(
            ACCEPTOR,
            5,
            CFindRSP(
                message_id_being_responded_to=2,
                status=0xFE00,
                affected_sop_class_uid=STUDY_ROOT_FIND,
            ),
            annotated("""
            04 00 00 00 00 5e  ; P-DATA-TF, 94 bytes
              00 00 00 5a 05 03  ; PDV, 90 bytes, context 5, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  4c 00 00 00  ; 76
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.1\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 31 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  20 80  ; 8020H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 fe  ; FE00H
            """),
        ),
        *RELEASE,
    ),
)

MOVE_REQUEST, MOVE_ANSWER = opening((context(1, STUDY_ROOT_MOVE),))
MOVE = Conversation(
    "move",
    (
        *association(MOVE_REQUEST, MOVE_ANSWER),
        message(
            REQUESTOR,
            1,
            CMoveRQ(
                message_id=3,
                affected_sop_class_uid=STUDY_ROOT_MOVE,
                move_destination="CAUSEWAY",
                priority=1,
            ),
            annotated("""
            04 00 00 00 00 6e  ; P-DATA-TF, 110 bytes
              00 00 00 6a 01 03  ; PDV, 106 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  5c 00 00 00  ; 92
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.2\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  21 00  ; 0021H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  03 00  ; 0003H
                00 00 00 06 08 00 00 00  ; (0000,0600) move destination, 8 bytes
                  43 41 55 53 45 57 41 59  ; "CAUSEWAY"
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 01 02  ; PDV, 16 bytes, context 1, data, last
                08 00 52 00 06 00 00 00 53 54 55 44 59 20  ; data set
            """),
            b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY ",
        ),
        message(
            ACCEPTOR,
            1,
            CMoveRSP(
                message_id_being_responded_to=3,
                status=0xFF00,
                affected_sop_class_uid=STUDY_ROOT_MOVE,
                number_of_remaining_suboperations=2,
                number_of_completed_suboperations=1,
                number_of_failed_suboperations=0,
                number_of_warning_suboperations=0,
            ),
            annotated("""
            04 00 00 00 00 86  ; P-DATA-TF, 134 bytes
              00 00 00 82 01 03  ; PDV, 130 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  74 00 00 00  ; 116
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.2\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  21 80  ; 8021H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  03 00  ; 0003H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 ff  ; FF00H
                00 00 20 10 02 00 00 00  ; (0000,1020) remaining sub-operations, 2 bytes
                  02 00  ; 0002H
                00 00 21 10 02 00 00 00  ; (0000,1021) completed sub-operations, 2 bytes
                  01 00  ; 0001H
                00 00 22 10 02 00 00 00  ; (0000,1022) failed sub-operations, 2 bytes
                  00 00  ; 0000H
                00 00 23 10 02 00 00 00  ; (0000,1023) warning sub-operations, 2 bytes
                  00 00  ; 0000H
            """),
        ),
        message(
            ACCEPTOR,
            1,
            CMoveRSP(
                message_id_being_responded_to=3,
                status=0xB000,
                affected_sop_class_uid=STUDY_ROOT_MOVE,
                number_of_completed_suboperations=1,
                number_of_failed_suboperations=2,
                number_of_warning_suboperations=0,
            ),
            annotated("""
            04 00 00 00 00 7c  ; P-DATA-TF, 124 bytes
              00 00 00 78 01 03  ; PDV, 120 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  6a 00 00 00  ; 106
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.2\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  21 80  ; 8021H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  03 00  ; 0003H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 b0  ; B000H
                00 00 21 10 02 00 00 00  ; (0000,1021) completed sub-operations, 2 bytes
                  01 00  ; 0001H
                00 00 22 10 02 00 00 00  ; (0000,1022) failed sub-operations, 2 bytes
                  02 00  ; 0002H
                00 00 23 10 02 00 00 00  ; (0000,1023) warning sub-operations, 2 bytes
                  00 00  ; 0000H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 01 02  ; PDV, 16 bytes, context 1, data, last
                08 00 58 00 06 00 00 00 31 2e 32 2e 33 00  ; data set
            """),
            b"\x08\x00\x58\x00\x06\x00\x00\x001.2.3\x00",
        ),
    ),
)

GET_REQUEST, GET_ANSWER = opening(
    (context(1, STUDY_ROOT_GET), context(3, CT_IMAGE)),
    (RoleSelection(sop_class_uid=CT_IMAGE, scu_role=False, scp_role=True),),
)
GET = Conversation(
    "get",
    (
        *association(GET_REQUEST, GET_ANSWER),
        message(
            REQUESTOR,
            1,
            CGetRQ(message_id=1, affected_sop_class_uid=STUDY_ROOT_GET),
            annotated("""
            04 00 00 00 00 5e  ; P-DATA-TF, 94 bytes
              00 00 00 5a 01 03  ; PDV, 90 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  4c 00 00 00  ; 76
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.3\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 33 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  10 00  ; 0010H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  01 00  ; 0001H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  00 00  ; 0000H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 01 02  ; PDV, 16 bytes, context 1, data, last
                08 00 52 00 06 00 00 00 53 54 55 44 59 20  ; data set
            """),
            b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY ",
        ),
        message(
            ACCEPTOR,
            3,
            CStoreRQ(
                message_id=1,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3",
            ),
            annotated("""
            04 00 00 00 00 6a  ; P-DATA-TF, 106 bytes
              00 00 00 66 03 03  ; PDV, 102 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  58 00 00 00  ; 88
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 00  ; 0001H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  01 00  ; 0001H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  00 00  ; 0000H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 10 06 00 00 00  ; (0000,1000) affected SOP instance UID, 6 bytes
                  31 2e 32 2e 33 00  ; "1.2.3\0"
            04 00 00 00 00 14  ; P-DATA-TF, 20 bytes
              00 00 00 10 03 02  ; PDV, 16 bytes, context 3, data, last
                08 00 18 00 06 00 00 00 31 2e 32 2e 33 00  ; data set
            """),
            b"\x08\x00\x18\x00\x06\x00\x00\x001.2.3\x00",
        ),
        message(
            REQUESTOR,
            3,
            CStoreRSP(
                message_id_being_responded_to=1,
                status=0,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3",
            ),
            annotated("""
            04 00 00 00 00 6a  ; P-DATA-TF, 106 bytes
              00 00 00 66 03 03  ; PDV, 102 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  58 00 00 00  ; 88
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 80  ; 8001H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 00  ; 0000H
                00 00 00 10 06 00 00 00  ; (0000,1000) affected SOP instance UID, 6 bytes
                  31 2e 32 2e 33 00  ; "1.2.3\0"
            """),
        ),
        message(
            ACCEPTOR,
            1,
            CGetRSP(
                message_id_being_responded_to=1,
                status=0,
                affected_sop_class_uid=STUDY_ROOT_GET,
                number_of_completed_suboperations=1,
                number_of_failed_suboperations=0,
                number_of_warning_suboperations=0,
            ),
            annotated("""
            04 00 00 00 00 7c  ; P-DATA-TF, 124 bytes
              00 00 00 78 01 03  ; PDV, 120 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  6a 00 00 00  ; 106
                00 00 02 00 1c 00 00 00  ; (0000,0002) affected SOP class UID, 28 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.2.2.3\0"
                  31 2e 34 2e 31 2e 32 2e 32 2e 33 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  10 80  ; 8010H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 00  ; 0000H
                00 00 21 10 02 00 00 00  ; (0000,1021) completed sub-operations, 2 bytes
                  01 00  ; 0001H
                00 00 22 10 02 00 00 00  ; (0000,1022) failed sub-operations, 2 bytes
                  00 00  ; 0000H
                00 00 23 10 02 00 00 00  ; (0000,1023) warning sub-operations, 2 bytes
                  00 00  ; 0000H
            """),
        ),
        *RELEASE,
    ),
)

CONVERSATIONS = (FIND, MOVE, GET)
