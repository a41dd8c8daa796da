"""DIMSE messages: one frozen class per command of PS3.7 chapters 9 and 10.

The declaration is the specification: each field is annotated with its element number in group 0000
(PS3.7 annex E) and how it is encoded, and ``commandset`` reads the annotations. A field without
default is one that the standard makes mandatory; a peer that leaves it out broke the rules, except
for the two UIDs that responses echo, which PS3.7 leaves optional there.

Command Group Length, Command Field and Command Data Set Type are not fields: the first two follow
from the class, the third from whether a data set is sent along.

Instance UIDs and error comments hide from ``repr``: the first lead to a patient, the second are
free text from a peer.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Annotated, ClassVar


class Encoding(enum.Enum):
    """Value representations that occur in command sets."""

    UID = "UI"
    UINT16 = "US"
    AE_TITLE = "AE"
    TEXT = "LO"
    TAGS = "AT"


@dataclass(frozen=True, slots=True)
class Element:
    """Where a field stands in a command set."""

    number: int
    encoding: Encoding


class Priority(enum.IntEnum):
    """PS3.7 E.1-1, (0000,0700)."""

    MEDIUM = 0x0000
    HIGH = 0x0001
    LOW = 0x0002


AffectedClass = Annotated[str, Element(0x0002, Encoding.UID)]
RequestedClass = Annotated[str, Element(0x0003, Encoding.UID)]
AffectedInstance = Annotated[str, Element(0x1000, Encoding.UID)]
RequestedInstance = Annotated[str, Element(0x1001, Encoding.UID)]
MessageId = Annotated[int, Element(0x0110, Encoding.UINT16)]
RespondedTo = Annotated[int, Element(0x0120, Encoding.UINT16)]
PriorityValue = Annotated[int, Element(0x0700, Encoding.UINT16)]
StatusValue = Annotated[int, Element(0x0900, Encoding.UINT16)]
OffendingElements = Annotated[tuple[int, ...], Element(0x0901, Encoding.TAGS)]
ErrorComment = Annotated[str, Element(0x0902, Encoding.TEXT)]
ErrorId = Annotated[int | None, Element(0x0903, Encoding.UINT16)]
EventTypeId = Annotated[int, Element(0x1002, Encoding.UINT16)]
OptionalEventTypeId = Annotated[int | None, Element(0x1002, Encoding.UINT16)]
ActionTypeId = Annotated[int, Element(0x1008, Encoding.UINT16)]
OptionalActionTypeId = Annotated[int | None, Element(0x1008, Encoding.UINT16)]
AttributeIdentifiers = Annotated[tuple[int, ...], Element(0x1005, Encoding.TAGS)]
Remaining = Annotated[int | None, Element(0x1020, Encoding.UINT16)]
Completed = Annotated[int | None, Element(0x1021, Encoding.UINT16)]
Failed = Annotated[int | None, Element(0x1022, Encoding.UINT16)]
Warned = Annotated[int | None, Element(0x1023, Encoding.UINT16)]


class Command:
    """Any message."""

    __slots__ = ()
    command_field: ClassVar[int] = -1
    """(0000,0100)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Command):
    """A message that wants an answer."""

    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Command):
    """An answer. ``error_*`` and ``offending_elements`` may go with a status that is no success."""

    message_id_being_responded_to: RespondedTo
    status: StatusValue
    offending_elements: OffendingElements = ()
    error_comment: ErrorComment = field(default="", repr=False)
    error_id: ErrorId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CStoreRSP(Response):
    command_field: ClassVar[int] = 0x8001
    affected_sop_class_uid: AffectedClass = ""
    affected_sop_instance_uid: AffectedInstance = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CStoreRQ(Request):
    command_field: ClassVar[int] = 0x0001
    affected_sop_class_uid: AffectedClass
    affected_sop_instance_uid: AffectedInstance = field(repr=False)
    priority: PriorityValue = Priority.MEDIUM
    move_originator_ae_title: Annotated[str, Element(0x1030, Encoding.AE_TITLE)] = ""
    move_originator_message_id: Annotated[int | None, Element(0x1031, Encoding.UINT16)] = None

    def response(self, status: int, *, error_comment: str = "") -> CStoreRSP:
        return CStoreRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            error_comment=error_comment,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CEchoRSP(Response):
    command_field: ClassVar[int] = 0x8030
    affected_sop_class_uid: AffectedClass = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CEchoRQ(Request):
    command_field: ClassVar[int] = 0x0030
    affected_sop_class_uid: AffectedClass = "1.2.840.10008.1.1"

    def response(self, status: int = 0x0000) -> CEchoRSP:
        return CEchoRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            affected_sop_class_uid=self.affected_sop_class_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CFindRSP(Response):
    command_field: ClassVar[int] = 0x8020
    affected_sop_class_uid: AffectedClass = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CFindRQ(Request):
    command_field: ClassVar[int] = 0x0020
    affected_sop_class_uid: AffectedClass
    priority: PriorityValue = Priority.MEDIUM

    def response(self, status: int, *, error_comment: str = "") -> CFindRSP:
        return CFindRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            error_comment=error_comment,
            affected_sop_class_uid=self.affected_sop_class_uid,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubOperations(Response):
    """What C-GET-RSP and C-MOVE-RSP share: how far the sub-operations are."""

    affected_sop_class_uid: AffectedClass = ""
    number_of_remaining_suboperations: Remaining = None
    number_of_completed_suboperations: Completed = None
    number_of_failed_suboperations: Failed = None
    number_of_warning_suboperations: Warned = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CGetRSP(_SubOperations):
    command_field: ClassVar[int] = 0x8010


@dataclass(frozen=True, slots=True, kw_only=True)
class CGetRQ(Request):
    command_field: ClassVar[int] = 0x0010
    affected_sop_class_uid: AffectedClass
    priority: PriorityValue = Priority.MEDIUM


@dataclass(frozen=True, slots=True, kw_only=True)
class CMoveRSP(_SubOperations):
    command_field: ClassVar[int] = 0x8021


@dataclass(frozen=True, slots=True, kw_only=True)
class CMoveRQ(Request):
    command_field: ClassVar[int] = 0x0021
    affected_sop_class_uid: AffectedClass
    move_destination: Annotated[str, Element(0x0600, Encoding.AE_TITLE)]
    priority: PriorityValue = Priority.MEDIUM


@dataclass(frozen=True, slots=True, kw_only=True)
class CCancelRQ(Command):
    """Ends a C-FIND, C-GET or C-MOVE early; has no answer of its own."""

    command_field: ClassVar[int] = 0x0FFF
    message_id_being_responded_to: RespondedTo


@dataclass(frozen=True, slots=True, kw_only=True)
class NEventReportRSP(Response):
    command_field: ClassVar[int] = 0x8100
    affected_sop_class_uid: AffectedClass = ""
    affected_sop_instance_uid: AffectedInstance = field(default="", repr=False)
    event_type_id: OptionalEventTypeId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NEventReportRQ(Request):
    command_field: ClassVar[int] = 0x0100
    affected_sop_class_uid: AffectedClass
    affected_sop_instance_uid: AffectedInstance = field(repr=False)
    event_type_id: EventTypeId

    def response(self, status: int, *, error_comment: str = "") -> NEventReportRSP:
        return NEventReportRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            error_comment=error_comment,
            affected_sop_class_uid=self.affected_sop_class_uid,
            affected_sop_instance_uid=self.affected_sop_instance_uid,
            event_type_id=self.event_type_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NActionRSP(Response):
    command_field: ClassVar[int] = 0x8130
    affected_sop_class_uid: AffectedClass = ""
    affected_sop_instance_uid: AffectedInstance = field(default="", repr=False)
    action_type_id: OptionalActionTypeId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NActionRQ(Request):
    command_field: ClassVar[int] = 0x0130
    requested_sop_class_uid: RequestedClass
    requested_sop_instance_uid: RequestedInstance = field(repr=False)
    action_type_id: ActionTypeId

    def response(self, status: int, *, error_comment: str = "") -> NActionRSP:
        return NActionRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            error_comment=error_comment,
            affected_sop_class_uid=self.requested_sop_class_uid,
            affected_sop_instance_uid=self.requested_sop_instance_uid,
            action_type_id=self.action_type_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecognizedRSP(Response):
    """Any answer to an operation that has no class here; ``operation`` is its command field."""

    operation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecognizedRQ(Request):
    """A request for an operation that has no class here (N-GET, N-SET, N-CREATE, N-DELETE,
    unknown).
    """

    operation: int

    def response(self, status: int = 0x0211, *, error_comment: str = "") -> UnrecognizedRSP:
        """The answer; 0x0211 is "unrecognized operation" (PS3.7 C.5.24)."""
        return UnrecognizedRSP(
            message_id_being_responded_to=self.message_id,
            status=status,
            error_comment=error_comment,
            operation=self.operation | 0x8000,
        )
