"""Association control: every PDU, every item and sub-item."""

from __future__ import annotations

from dimse_conversation import (
    ACCEPTOR,
    CT_IMAGE,
    RELEASE,
    REQUESTOR,
    Conversation,
    Step,
    annotated,
    context,
    message,
    opening,
)

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    Aborted,
    AnsweredContext,
    AssociateAccepted,
    AssociateAnswer,
    AssociateRejected,
    AssociateRequest,
    AssociateRequested,
    AsyncWindow,
    CEchoRQ,
    CEchoRSP,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
)

ECHO_REQUEST, ECHO_ANSWER = opening((context(1, VERIFICATION),))
ECHO = Conversation(
    "echo",
    (
        Step(
            REQUESTOR,
            lambda side: side.associate(ECHO_REQUEST),
            annotated("""
            01 00 00 00 00 b1  ; A-ASSOCIATE-RQ, 177 bytes
              00 01  ; protocol version
              00 00  ; reserved
              43 41 55 53 45 57 41 59 20 20 20 20 20 20 20 20  ; called AE title "CAUSEWAY        "
              43 54 31 20 20 20 20 20 20 20 20 20 20 20 20 20  ; calling AE title "CT1             "
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ; reserved
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
              10 00 00 15  ; application context, 21 bytes
                31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 33 2e  ; "1.2.840.10008.3.1.1.1"
                31 2e 31 2e 31
              20 00 00 2e  ; presentation context, 46 bytes
                01 00 00 00  ; identifier 1, reserved
                30 00 00 11  ; abstract syntax, 17 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.1"
                  31
                40 00 00 11  ; transfer syntax, 17 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2"
                  32
              50 00 00 1e  ; user information, 30 bytes
                51 00 00 04  ; maximum length, 4 bytes
                  00 00 40 00  ; 16384
                52 00 00 07  ; implementation class UID, 7 bytes
                  31 2e 32 2e 33 2e 34  ; "1.2.3.4"
                55 00 00 07  ; implementation version, 7 bytes
                  45 58 41 4d 50 4c 45  ; "EXAMPLE"
            """),
            (AssociateRequested(ECHO_REQUEST),),
        ),
        Step(
            ACCEPTOR,
            lambda side: side.accept(ECHO_ANSWER),
            annotated("""
            02 00 00 00 00 9b  ; A-ASSOCIATE-AC, 155 bytes
              00 01  ; protocol version
              00 00  ; reserved
              43 41 55 53 45 57 41 59 20 20 20 20 20 20 20 20  ; called AE title "CAUSEWAY        "
              43 54 31 20 20 20 20 20 20 20 20 20 20 20 20 20  ; calling AE title "CT1             "
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ; reserved
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
              10 00 00 15  ; application context, 21 bytes
                31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 33 2e  ; "1.2.840.10008.3.1.1.1"
                31 2e 31 2e 31
              21 00 00 19  ; presentation context, 25 bytes
                01 00 00 00  ; identifier 1, reserved, result 0, reserved
                40 00 00 11  ; transfer syntax, 17 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2"
                  32
              50 00 00 1d  ; user information, 29 bytes
                51 00 00 04  ; maximum length, 4 bytes
                  00 00 40 00  ; 16384
                52 00 00 07  ; implementation class UID, 7 bytes
                  31 2e 32 2e 33 2e 35  ; "1.2.3.5"
                55 00 00 06  ; implementation version, 6 bytes
                  41 4e 53 57 45 52  ; "ANSWER"
            """),
            (AssociateAccepted(ECHO_ANSWER),),
        ),
        message(
            REQUESTOR,
            1,
            CEchoRQ(message_id=1),
            annotated("""
            04 00 00 00 00 4a  ; P-DATA-TF, 74 bytes
              00 00 00 46 01 03  ; PDV, 70 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  38 00 00 00  ; 56
                00 00 02 00 12 00 00 00  ; (0000,0002) affected SOP class UID, 18 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.1\0"
                  31 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  30 00  ; 0030H
                00 00 10 01 02 00 00 00  ; (0000,0110) message id, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
            """),
        ),
        message(
            ACCEPTOR,
            1,
            CEchoRSP(
                message_id_being_responded_to=1, status=0, affected_sop_class_uid=VERIFICATION
            ),
            annotated("""
            04 00 00 00 00 54  ; P-DATA-TF, 84 bytes
              00 00 00 50 01 03  ; PDV, 80 bytes, context 1, command, last
                00 00 00 00 04 00 00 00  ; (0000,0000) command group length, 4 bytes
                  42 00 00 00  ; 66
                00 00 02 00 12 00 00 00  ; (0000,0002) affected SOP class UID, 18 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.1\0"
                  31 00
                00 00 00 01 02 00 00 00  ; (0000,0100) command field, 2 bytes
                  30 80  ; 8030H
                00 00 20 01 02 00 00 00  ; (0000,0120) message id being responded to, 2 bytes
                  01 00  ; 0001H
                00 00 00 08 02 00 00 00  ; (0000,0800) data set type, 2 bytes
                  01 01  ; 0101H
                00 00 00 09 02 00 00 00  ; (0000,0900) status, 2 bytes
                  00 00  ; 0000H
            """),
        ),
        *RELEASE,
    ),
)

REJECTED = Conversation(
    "rejected",
    (
        ECHO.steps[0],
        Step(
            ACCEPTOR,
            lambda side: side.reject(1, 1, 7),
            annotated("""
            03 00 00 00 00 04  ; A-ASSOCIATE-RJ, 4 bytes
              00 01 01 07  ; reserved, result 1, source 1, reason 7
            """),
            (AssociateRejected(1, 1, 7),),
        ),
    ),
)

ABORTED = Conversation(
    "aborted",
    (
        *ECHO.steps[:3],
        Step(
            ACCEPTOR,
            lambda side: side.abort(),
            annotated("""
            07 00 00 00 00 04  ; A-ABORT, 4 bytes
              00 00 00 00  ; reserved, reserved, source 0, reason 0
            """),
            (Aborted(0, 0),),
        ),
    ),
)

# Every item and sub-item that there is.
FULL_REQUEST = AssociateRequest(
    called_ae="A TITLE IN FULL!",
    calling_ae="x",
    contexts=(
        context(1, CT_IMAGE, EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.70"),
        context(255, "1.3.12.2.1107.5.9.1", IMPLICIT_VR_LITTLE_ENDIAN),
    ),
    max_pdu_length=16_384,
    implementation_class_uid="1.2.3.4",
    implementation_version="EXAMPLE",
    async_window=AsyncWindow(invoked=5, performed=0),
    roles=(RoleSelection(sop_class_uid=CT_IMAGE, scu_role=True, scp_role=True),),
    extended=(
        ExtendedNegotiation(sop_class_uid=CT_IMAGE, application_information=b"\2\0\3\0\1\0"),
    ),
    common_extended=(
        CommonExtendedNegotiation(
            sop_class_uid="1.3.12.2.1107.5.9.1",
            service_class_uid="1.2.840.10008.4.2",
            related_general_sop_class_uids=(CT_IMAGE, "1.2.3"),
        ),
    ),
    user_identity=UserIdentity(
        type=2, primary=b"someone", secondary=b"secret", response_requested=True
    ),
)
FULL_ANSWER = AssociateAnswer(
    contexts=(
        AnsweredContext(context_id=1, result=0, transfer_syntax="1.2.840.10008.1.2.4.70"),
        AnsweredContext(context_id=255, result=3, transfer_syntax=IMPLICIT_VR_LITTLE_ENDIAN),
    ),
    max_pdu_length=16_384,
    implementation_class_uid="1.2.3.5",
    implementation_version="ANSWER",
    async_window=AsyncWindow(invoked=3, performed=1),
    roles=(RoleSelection(sop_class_uid=CT_IMAGE, scu_role=True, scp_role=False),),
    extended=(
        ExtendedNegotiation(sop_class_uid=CT_IMAGE, application_information=b"\2\0\3\0\0\0"),
    ),
    user_identity_response=b"welcome",
)
FULL = Conversation(
    "every item",
    (
        Step(
            REQUESTOR,
            lambda side: side.associate(FULL_REQUEST),
            annotated("""
            01 00 00 00 01 be  ; A-ASSOCIATE-RQ, 446 bytes
              00 01  ; protocol version
              00 00  ; reserved
              41 20 54 49 54 4c 45 20 49 4e 20 46 55 4c 4c 21  ; called AE title "A TITLE IN FULL!"
              78 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20  ; calling AE title "x               "
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ; reserved
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
              10 00 00 15  ; application context, 21 bytes
                31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 33 2e  ; "1.2.840.10008.3.1.1.1"
                31 2e 31 2e 31
              20 00 00 52  ; presentation context, 82 bytes
                01 00 00 00  ; identifier 1, reserved
                30 00 00 19  ; abstract syntax, 25 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                  31 2e 34 2e 31 2e 31 2e 32
                40 00 00 13  ; transfer syntax, 19 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2.1"
                  32 2e 31
                40 00 00 16  ; transfer syntax, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2.4.70"
                  32 2e 34 2e 37 30
              20 00 00 30  ; presentation context, 48 bytes
                ff 00 00 00  ; identifier 255, reserved
                30 00 00 13  ; abstract syntax, 19 bytes
                  31 2e 33 2e 31 32 2e 32 2e 31 31 30 37 2e 35 2e  ; "1.3.12.2.1107.5.9.1"
                  39 2e 31
                40 00 00 11  ; transfer syntax, 17 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2"
                  32
              50 00 00 d3  ; user information, 211 bytes
                51 00 00 04  ; maximum length, 4 bytes
                  00 00 40 00  ; 16384
                52 00 00 07  ; implementation class UID, 7 bytes
                  31 2e 32 2e 33 2e 34  ; "1.2.3.4"
                53 00 00 04  ; asynchronous operations window, 4 bytes
                  00 05 00 00  ; invoked 5, performed 0
                54 00 00 1d  ; role selection, 29 bytes
                  00 19  ; length of the SOP class UID: 25
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                  31 2e 34 2e 31 2e 31 2e 32
                  01 01  ; SCU role 1, SCP role 1
                55 00 00 07  ; implementation version, 7 bytes
                  45 58 41 4d 50 4c 45  ; "EXAMPLE"
                56 00 00 21  ; extended negotiation, 33 bytes
                  00 19  ; length of the SOP class UID: 25
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                  31 2e 34 2e 31 2e 31 2e 32
                  02 00 03 00 01 00  ; application information
                57 00 00 4c  ; common extended negotiation, 76 bytes
                  00 13  ; length of the SOP class UID: 19
                  31 2e 33 2e 31 32 2e 32 2e 31 31 30 37 2e 35 2e  ; "1.3.12.2.1107.5.9.1"
                  39 2e 31
                  00 11  ; length of the service class UID: 17
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 34 2e  ; "1.2.840.10008.4.2"
                  32
                  00 22  ; length of the related general classes: 34
                    00 19  ; length of the UID: 25
                    31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                    31 2e 34 2e 31 2e 31 2e 32
                    00 05  ; length of the UID: 5
                    31 2e 32 2e 33  ; "1.2.3"
                58 00 00 13  ; user identity, 19 bytes
                  02 01  ; type 2, response requested 1
                  00 07  ; length of the primary field: 7
                  73 6f 6d 65 6f 6e 65  ; "someone"
                  00 06  ; length of the secondary field: 6
                  73 65 63 72 65 74  ; "secret"
            """),
            (AssociateRequested(FULL_REQUEST),),
        ),
        Step(
            ACCEPTOR,
            lambda side: side.accept(FULL_ANSWER),
            annotated("""
            02 00 00 00 01 18  ; A-ASSOCIATE-AC, 280 bytes
              00 01  ; protocol version
              00 00  ; reserved
              41 20 54 49 54 4c 45 20 49 4e 20 46 55 4c 4c 21  ; called AE title "A TITLE IN FULL!"
              78 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20  ; calling AE title "x               "
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ; reserved
              00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
              10 00 00 15  ; application context, 21 bytes
                31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 33 2e  ; "1.2.840.10008.3.1.1.1"
                31 2e 31 2e 31
              21 00 00 1e  ; presentation context, 30 bytes
                01 00 00 00  ; identifier 1, reserved, result 0, reserved
                40 00 00 16  ; transfer syntax, 22 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2.4.70"
                  32 2e 34 2e 37 30
              21 00 00 19  ; presentation context, 25 bytes
                ff 00 03 00  ; identifier 255, reserved, result 3, reserved
                40 00 00 11  ; transfer syntax, 17 bytes
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 31 2e  ; "1.2.840.10008.1.2"
                  32
              50 00 00 78  ; user information, 120 bytes
                51 00 00 04  ; maximum length, 4 bytes
                  00 00 40 00  ; 16384
                52 00 00 07  ; implementation class UID, 7 bytes
                  31 2e 32 2e 33 2e 35  ; "1.2.3.5"
                53 00 00 04  ; asynchronous operations window, 4 bytes
                  00 03 00 01  ; invoked 3, performed 1
                54 00 00 1d  ; role selection, 29 bytes
                  00 19  ; length of the SOP class UID: 25
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                  31 2e 34 2e 31 2e 31 2e 32
                  01 00  ; SCU role 1, SCP role 0
                55 00 00 06  ; implementation version, 6 bytes
                  41 4e 53 57 45 52  ; "ANSWER"
                56 00 00 21  ; extended negotiation, 33 bytes
                  00 19  ; length of the SOP class UID: 25
                  31 2e 32 2e 38 34 30 2e 31 30 30 30 38 2e 35 2e  ; "1.2.840.10008.5.1.4.1.1.2"
                  31 2e 34 2e 31 2e 31 2e 32
                  02 00 03 00 00 00  ; application information
                59 00 00 09  ; user identity, 9 bytes
                  00 07  ; length of the server response: 7
                  77 65 6c 63 6f 6d 65  ; "welcome"
            """),
            (AssociateAccepted(FULL_ANSWER),),
        ),
    ),
)

CONVERSATIONS = (ECHO, REJECTED, ABORTED, FULL)
