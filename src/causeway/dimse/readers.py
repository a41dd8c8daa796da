"""Bodies of association control PDUs as values, in the order of PS3.8 section 9.3 and PS3.7 annex
D.

A reader takes the body of a whole PDU, the header of six bytes taken off, and raises
``ProtocolError`` without a reply; the association adds that. Items and sub-items that the standard
does not define are passed over, as it asks (PS3.8 section 9.3.1); of a kind that may occur once,
the first counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeVar

from causeway.dimse.errors import AbortReason, LimitExceeded, ProtocolError
from causeway.dimse.limits import Limits
from causeway.dimse.names import ae_title_from_bytes, uid_from_bytes
from causeway.dimse.pdu import (
    AnsweredContext,
    AssociateAnswer,
    AssociateRequest,
    AsyncWindow,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    Item,
    PduType,
    PresentationContext,
    RoleSelection,
    UserIdentity,
)

_ITEM: Final = struct.Struct(">BxH")
_UINT16: Final = struct.Struct(">H")
_UINT32: Final = struct.Struct(">I")
_FIXED: Final = struct.Struct(">H2x16s16s32x")
"""Protocol version, called and calling AE title, reserved."""

SMALLEST_MAXIMUM: Final = 8
"""A PDV of two data bytes needs a P-DATA-TF body of eight: a peer that accepts less can be sent
nothing."""


def check_length(kind: int, length: int, limits: Limits) -> None:
    """Every PDU's length is bounded by its type before it is waited for."""
    if kind in (PduType.A_ASSOCIATE_RQ, PduType.A_ASSOCIATE_AC):
        bound = limits.max_associate_length
    elif kind == PduType.P_DATA_TF:
        bound = limits.max_pdu_length
    elif length == 4:
        return
    else:
        raise _bad(f"a PDU of type {kind:02X}H and {length} bytes where it has 4")
    if length > bound:
        raise LimitExceeded(
            f"a PDU of type {kind:02X}H and {length} bytes where {bound} were allowed",
            AbortReason.INVALID_PDU_PARAMETER_VALUE,
        )


def _bad(message: str) -> ProtocolError:
    return ProtocolError(message, AbortReason.INVALID_PDU_PARAMETER_VALUE)


def _items(raw: bytes, what: str) -> Iterator[tuple[int, bytes]]:
    """The items that ``raw`` consists of: type and value."""
    position, size = 0, len(raw)
    while position < size:
        if size - position < 4:
            raise _bad(f"{what} ends in the middle of an item's header")
        kind, length = _ITEM.unpack_from(raw, position)
        position += 4
        if length > size - position:
            raise _bad(f"an item is longer than {what} around it")
        yield kind, raw[position : position + length]
        position += length


def _take_sized(raw: bytes, position: int, what: str) -> tuple[bytes, int]:
    """A value with its length in two bytes in front, and where the next begins."""
    if len(raw) - position < 2:
        raise _bad(f"{what} ends before a length")
    end = position + 2 + _UINT16.unpack_from(raw, position)[0]
    if end > len(raw):
        raise _bad(f"a value is longer than {what} around it")
    return raw[position + 2 : end], end


_T = TypeVar("_T")


def _bounded(found: list[_T], bound: int, what: str) -> None:
    if len(found) >= bound:
        raise LimitExceeded(f"more than {bound} {what}", AbortReason.INVALID_PDU_PARAMETER_VALUE)


class _UserInformation:
    """Sub-items of user information as they are met; what does not occur keeps its default."""

    def __init__(self) -> None:
        self.max_pdu_length: int | None = None
        self.implementation_class_uid: str | None = None
        self.implementation_version: str | None = None
        self.async_window: AsyncWindow | None = None
        self.roles: list[RoleSelection] = []
        self.extended: list[ExtendedNegotiation] = []
        self.common_extended: list[CommonExtendedNegotiation] = []
        self.user_identity: UserIdentity | None = None
        self.user_identity_response: bytes | None = None

    def read(self, raw: bytes, limits: Limits) -> None:
        for count, (kind, value) in enumerate(_items(raw, "user information")):
            if count >= limits.max_user_items:
                raise LimitExceeded(
                    f"more than {limits.max_user_items} user information sub-items",
                    AbortReason.INVALID_PDU_PARAMETER_VALUE,
                )
            self._read_one(kind, value)

    def _read_one(self, kind: int, value: bytes) -> None:
        match kind:
            case Item.MAXIMUM_LENGTH if self.max_pdu_length is None:
                if len(value) != 4:
                    raise _bad("maximum length is not four bytes")
                length = _UINT32.unpack(value)[0]
                if 0 < length < SMALLEST_MAXIMUM:
                    raise _bad("the maximum length leaves no room for data")
                self.max_pdu_length = length
            case Item.IMPLEMENTATION_CLASS_UID if self.implementation_class_uid is None:
                self.implementation_class_uid = uid_from_bytes(value)
            case Item.ASYNCHRONOUS_OPERATIONS if self.async_window is None:
                if len(value) != 4:
                    raise _bad("asynchronous operations window is not four bytes")
                invoked, performed = struct.unpack(">HH", value)
                self.async_window = AsyncWindow(invoked=invoked, performed=performed)
            case Item.ROLE_SELECTION:
                uid, end = _take_sized(value, 0, "role selection")
                if len(value) - end < 2:
                    raise _bad("role selection has no roles")
                self.roles.append(
                    RoleSelection(
                        sop_class_uid=uid_from_bytes(uid),
                        scu_role=value[end] == 1,
                        scp_role=value[end + 1] == 1,
                    )
                )
            case Item.IMPLEMENTATION_VERSION if self.implementation_version is None:
                self.implementation_version = value.decode("latin-1").strip("\0 ")
            case Item.EXTENDED:
                uid, end = _take_sized(value, 0, "extended negotiation")
                self.extended.append(
                    ExtendedNegotiation(
                        sop_class_uid=uid_from_bytes(uid), application_information=value[end:]
                    )
                )
            case Item.COMMON_EXTENDED:
                self.common_extended.append(_common_extended(value))
            case Item.USER_IDENTITY_RQ if self.user_identity is None:
                if len(value) < 2:
                    raise _bad("user identity has no type")
                primary, end = _take_sized(value, 2, "user identity")
                secondary, _ = _take_sized(value, end, "user identity")
                self.user_identity = UserIdentity(
                    type=value[0],
                    response_requested=value[1] == 1,
                    primary=primary,
                    secondary=secondary,
                )
            case Item.USER_IDENTITY_AC if self.user_identity_response is None:
                self.user_identity_response = _take_sized(value, 0, "user identity")[0]
            case _:
                pass  # not defined, or there already


def _common_extended(value: bytes) -> CommonExtendedNegotiation:
    what = "common extended negotiation"
    sop_class, end = _take_sized(value, 0, what)
    service_class, end = _take_sized(value, end, what)
    related, _ = _take_sized(value, end, what)
    uids = []
    position = 0
    while position < len(related):
        uid, position = _take_sized(related, position, what)
        uids.append(uid_from_bytes(uid))
    return CommonExtendedNegotiation(
        sop_class_uid=uid_from_bytes(sop_class),
        service_class_uid=uid_from_bytes(service_class),
        related_general_sop_class_uids=tuple(uids),
    )


def _fixed_part(body: bytes) -> tuple[int, str, str]:
    """Protocol version, called and calling AE title."""
    if len(body) < _FIXED.size:
        raise _bad("an A-ASSOCIATE PDU is shorter than its fixed part")
    version, called, calling = _FIXED.unpack_from(body)
    return version, ae_title_from_bytes(called), ae_title_from_bytes(calling)


def echoed_titles(body: bytes) -> bytes:
    """The part of an A-ASSOCIATE-RQ that its -AC has to repeat (PS3.8 Table 9-17)."""
    return body[4 : _FIXED.size]


def read_request(body: bytes, limits: Limits) -> AssociateRequest:
    """A-ASSOCIATE-RQ, PS3.8 section 9.3.2."""
    version, called, calling = _fixed_part(body)
    application_context: str | None = None
    contexts: list[PresentationContext] = []
    users = _UserInformation()
    users_read = False
    for kind, value in _items(body[_FIXED.size :], "A-ASSOCIATE-RQ"):
        if kind == Item.APPLICATION_CONTEXT and application_context is None:
            application_context = uid_from_bytes(value)
        elif kind == Item.PRESENTATION_CONTEXT_RQ:
            _bounded(contexts, limits.max_contexts, "presentation contexts")
            contexts.append(_offered_context(value, limits))
        elif kind == Item.USER_INFORMATION and not users_read:
            users.read(value, limits)
            users_read = True
    return AssociateRequest(
        called_ae=called,
        calling_ae=calling,
        contexts=tuple(contexts),
        application_context=application_context or "",
        protocol_version=version,
        max_pdu_length=users.max_pdu_length or 0,
        implementation_class_uid=users.implementation_class_uid or "",
        implementation_version=users.implementation_version or "",
        async_window=users.async_window,
        roles=tuple(users.roles),
        extended=tuple(users.extended),
        common_extended=tuple(users.common_extended),
        user_identity=users.user_identity,
    )


def _offered_context(value: bytes, limits: Limits) -> PresentationContext:
    if len(value) < 4:
        raise _bad("a presentation context is shorter than its fixed part")
    abstract_syntax: str | None = None
    transfer_syntaxes: list[str] = []
    for kind, raw in _items(value[4:], "a presentation context"):
        if kind == Item.ABSTRACT_SYNTAX and abstract_syntax is None:
            abstract_syntax = uid_from_bytes(raw)
        elif kind == Item.TRANSFER_SYNTAX:
            _bounded(transfer_syntaxes, limits.max_transfer_syntaxes, "transfer syntaxes")
            transfer_syntaxes.append(uid_from_bytes(raw))
    return PresentationContext(
        context_id=value[0],
        abstract_syntax=abstract_syntax or "",
        transfer_syntaxes=tuple(transfer_syntaxes),
    )


def read_answer(body: bytes, limits: Limits) -> AssociateAnswer:
    """A-ASSOCIATE-AC, PS3.8 section 9.3.3. Its AE titles "shall not be tested"."""
    version, _, _ = _fixed_part(body)
    application_context: str | None = None
    contexts: list[AnsweredContext] = []
    users = _UserInformation()
    users_read = False
    for kind, value in _items(body[_FIXED.size :], "A-ASSOCIATE-AC"):
        if kind == Item.APPLICATION_CONTEXT and application_context is None:
            application_context = uid_from_bytes(value)
        elif kind == Item.PRESENTATION_CONTEXT_AC:
            _bounded(contexts, limits.max_contexts, "presentation contexts")
            contexts.append(_answered_context(value))
        elif kind == Item.USER_INFORMATION and not users_read:
            users.read(value, limits)
            users_read = True
    return AssociateAnswer(
        contexts=tuple(contexts),
        application_context=application_context or "",
        protocol_version=version,
        max_pdu_length=users.max_pdu_length or 0,
        implementation_class_uid=users.implementation_class_uid or "",
        implementation_version=users.implementation_version or "",
        async_window=users.async_window,
        roles=tuple(users.roles),
        extended=tuple(users.extended),
        user_identity_response=users.user_identity_response,
    )


def _answered_context(value: bytes) -> AnsweredContext:
    if len(value) < 4:
        raise _bad("a presentation context is shorter than its fixed part")
    transfer_syntax = ""
    for kind, raw in _items(value[4:], "a presentation context"):
        if kind == Item.TRANSFER_SYNTAX and not transfer_syntax:
            transfer_syntax = uid_from_bytes(raw)
    return AnsweredContext(context_id=value[0], result=value[2], transfer_syntax=transfer_syntax)
