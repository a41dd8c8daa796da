"""C-STORE: the general way, the lane, and past it."""

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

from causeway.dimse import EXPLICIT_VR_LITTLE_ENDIAN, CStoreRQ, CStoreRSP

STORE_REQUEST, STORE_ANSWER = opening((context(3, CT_IMAGE, EXPLICIT_VR_LITTLE_ENDIAN),))
STORE = Conversation(
    "store",
    (
        *association(STORE_REQUEST, STORE_ANSWER),
        message(
            REQUESTOR,
            3,
            CStoreRQ(
                message_id=7,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3.4.5",
            ),
            annotated("""
            04 00 00 00 00 6e  ; P-DATA-TF, 110 bytes
              00 00 00 6a 03 03  ; PDV, 106 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  5c 00 00 00  ; 92
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 00  ; 0001H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  07 00  ; 0007H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  00 00  ; 0000H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 10 0a 00 00 00  ; (0000,1000) affected SOP instance UID, 10 bytes
                  31 2e 32 2e 33 2e 34 2e 35 00  ; "1.2.3.4.5\0"
            04 00 00 00 00 18  ; P-DATA-TF, 24 bytes
              00 00 00 14 03 02  ; PDV, 20 bytes, context 3, data, last
                08 00 18 00 55 49 0a 00 31 2e 32 2e 33 2e 34 2e  ; data set
                35 00
            """),
            b"\x08\x00\x18\x00UI\x0a\x001.2.3.4.5\x00",
        ),
        message(
            ACCEPTOR,
            3,
            CStoreRSP(
                message_id_being_responded_to=7,
                status=0,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3.4.5",
            ),
            annotated("""
            04 00 00 00 00 6e  ; P-DATA-TF, 110 bytes
              00 00 00 6a 03 03  ; PDV, 106 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  5c 00 00 00  ; 92
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 80  ; 8001H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  07 00  ; 0007H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 00  ; 0000H
                00 00 00 10 0a 00 00 00  ; (0000,1000) affected SOP instance UID, 10 bytes
                  31 2e 32 2e 33 2e 34 2e 35 00  ; "1.2.3.4.5\0"
            """),
        ),
        # Through the lane now: only message id and instance UID differ.
        message(
            REQUESTOR,
            3,
            CStoreRQ(
                message_id=8,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3.4.56",
            ),
            annotated("""
            04 00 00 00 00 6e  ; P-DATA-TF, 110 bytes
              00 00 00 6a 03 03  ; PDV, 106 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  5c 00 00 00  ; 92
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 00  ; 0001H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  08 00  ; 0008H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  00 00  ; 0000H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 10 0a 00 00 00  ; (0000,1000) affected SOP instance UID, 10 bytes
                  31 2e 32 2e 33 2e 34 2e 35 36  ; "1.2.3.4.56"
            04 00 00 00 00 18  ; P-DATA-TF, 24 bytes
              00 00 00 14 03 02  ; PDV, 20 bytes, context 3, data, last
                08 00 18 00 55 49 0a 00 31 2e 32 2e 33 2e 34 2e  ; data set
                35 36
            """),
            b"\x08\x00\x18\x00UI\x0a\x001.2.3.4.56",
        ),
        message(
            ACCEPTOR,
            3,
            CStoreRSP(
                message_id_being_responded_to=8,
                status=0xA700,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3.4.56",
            ),
            annotated("""
            04 00 00 00 00 6e  ; P-DATA-TF, 110 bytes
              00 00 00 6a 03 03  ; PDV, 106 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  5c 00 00 00  ; 92
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 80  ; 8001H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  08 00  ; 0008H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 a7  ; A700H
                00 00 00 10 0a 00 00 00  ; (0000,1000) affected SOP instance UID, 10 bytes
                  31 2e 32 2e 33 2e 34 2e 35 36  ; "1.2.3.4.56"
            """),
        ),
        # Past the lane: a C-MOVE has caused this one.
        message(
            REQUESTOR,
            3,
            CStoreRQ(
                message_id=9,
                affected_sop_class_uid=CT_IMAGE,
                affected_sop_instance_uid="1.2.3.4.56",
                priority=2,
                move_originator_ae_title="ASKER",
                move_originator_message_id=4,
            ),
            annotated("""
            04 00 00 00 00 86  ; P-DATA-TF, 134 bytes
              00 00 00 82 03 03  ; PDV, 130 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  74 00 00 00  ; 116
                00 00 02 00 1a 00 00 00  ; (0000,0002) affected SOP class UID, 26 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2\0"
                  31 2e 34 2e 31 2e 31 2e 32 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 00  ; 0001H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  09 00  ; 0009H
                00 00 00 07 02 00 00 00  ; (0000,0700) priority, 2 bytes
                  02 00  ; 0002H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 00  ; 0001H
                00 00 00 10 0a 00 00 00  ; (0000,1000) affected SOP instance UID, 10 bytes
                  31 2e 32 2e 33 2e 34 2e 35 36  ; "1.2.3.4.56"
                00 00 30 10 06 00 00 00  ; (0000,1030) move originator AE title, 6 bytes
                  41 53 4b 45 52 20  ; "ASKER "
                00 00 31 10 02 00 00 00  ; (0000,1031) move originator message id, 2 bytes
                  04 00  ; 0004H
            04 00 00 00 00 06  ; P-DATA-TF, 6 bytes
              00 00 00 02 03 02  ; PDV, 2 bytes, context 3, data, last
            """),
            b"",
        ),
        message(
            ACCEPTOR,
            3,
            CStoreRSP(
                message_id_being_responded_to=9,
                status=0xC000,
                offending_elements=(0x00080018, 0x0020000D),
                error_comment="no",
                error_id=5,
            ),
            annotated("""
            04 00 00 00 00 5e  ; P-DATA-TF, 94 bytes
              00 00 00 5a 03 03  ; PDV, 90 bytes, context 3, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  4c 00 00 00  ; 76
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  01 80  ; 8001H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  09 00  ; 0009H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 c0  ; C000H
                00 00 01 09 08 00 00 00  ; (0000,0901) offending elements, 8 bytes
                  08 00 18 00 20 00 0d 00  ; tags
                00 00 02 09 02 00 00 00  ; (0000,0902) error comment, 2 bytes
                  6e 6f  ; "no"
                00 00 03 09 02 00 00 00  ; (0000,0903) error id, 2 bytes
                  05 00  ; 0005H
            """),
        ),
        *RELEASE,
    ),
)

CONVERSATIONS = (STORE,)
