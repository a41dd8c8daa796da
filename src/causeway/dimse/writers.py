"""PDUs of association control as bytes, in the order of PS3.8 section 9.3 and PS3.7 annex D.

All give whole PDUs, and raise ValueError where a value does not fit its field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from causeway.dimse.names import IMPLICIT_VR_LITTLE_ENDIAN, ae_title_to_bytes, uid_to_bytes
from causeway.dimse.pdu import AssociateAnswer, AssociateRequest, Item, PduType

_PDU: Final = struct.Struct(">BxI")
_ITEM: Final = struct.Struct(">BxH")
_UINT16: Final = struct.Struct(">H")
_UINT32: Final = struct.Struct(">I")
_FIXED: Final = struct.Struct(">H2x16s16s32x")
"""A-ASSOCIATE-RQ: protocol version, called and calling AE title, reserved."""

RELEASE_RQ: Final = _PDU.pack(PduType.A_RELEASE_RQ, 4) + bytes(4)
RELEASE_RP: Final = _PDU.pack(PduType.A_RELEASE_RP, 4) + bytes(4)


def write_reject(result: int, source: int, reason: int) -> bytes:
    """PS3.8 section 9.3.4."""
    return _PDU.pack(PduType.A_ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def write_abort(source: int, reason: int) -> bytes:
    """PS3.8 section 9.3.8."""
    return _PDU.pack(PduType.A_ABORT, 4) + bytes((0, 0, source, reason))


def write_request(request: AssociateRequest) -> bytes:
    """A-ASSOCIATE-RQ, PS3.8 section 9.3.2."""
    fixed = _FIXED.pack(
        request.protocol_version,
        ae_title_to_bytes(request.called_ae),
        ae_title_to_bytes(request.calling_ae),
    )
    items = [fixed, _item(Item.APPLICATION_CONTEXT, uid_to_bytes(request.application_context))]
    for context in request.contexts:
        syntaxes = (
            _item(Item.ABSTRACT_SYNTAX, uid_to_bytes(context.abstract_syntax)),
            *(_item(Item.TRANSFER_SYNTAX, uid_to_bytes(uid)) for uid in context.transfer_syntaxes),
        )
        items.append(
            _item(Item.PRESENTATION_CONTEXT_RQ, bytes((context.context_id, 0, 0, 0)), *syntaxes)
        )
    users = [
        *_implementation(request),
        *(
            _item(
                Item.COMMON_EXTENDED,
                _sized(uid_to_bytes(common.sop_class_uid)),
                _sized(uid_to_bytes(common.service_class_uid)),
                _sized(
                    b"".join(
                        _sized(uid_to_bytes(uid)) for uid in common.related_general_sop_class_uids
                    )
                ),
            )
            for common in request.common_extended
        ),
    ]
    if request.user_identity is not None:
        identity = request.user_identity
        users.append(
            _item(
                Item.USER_IDENTITY_RQ,
                bytes((identity.type, identity.response_requested)),
                _sized(identity.primary),
                _sized(identity.secondary),
            )
        )
    return _pdu(PduType.A_ASSOCIATE_RQ, *items, _item(Item.USER_INFORMATION, *users))


def write_answer(answer: AssociateAnswer, titles: bytes) -> bytes:
    """A-ASSOCIATE-AC, PS3.8 section 9.3.3; ``titles`` are the 64 bytes that it echoes from the
    request: both AE titles and the reserved field behind them.
    """
    items = [
        _UINT16.pack(answer.protocol_version) + bytes(2) + titles,
        _item(Item.APPLICATION_CONTEXT, uid_to_bytes(answer.application_context)),
    ]
    for context in answer.contexts:
        # Without acceptance the transfer syntax is not significant, but has to be there.
        syntax = context.transfer_syntax or IMPLICIT_VR_LITTLE_ENDIAN
        items.append(
            _item(
                Item.PRESENTATION_CONTEXT_AC,
                bytes((context.context_id, 0, context.result, 0)),
                _item(Item.TRANSFER_SYNTAX, uid_to_bytes(syntax)),
            )
        )
    users = list(_implementation(answer))
    if answer.user_identity_response is not None:
        users.append(_item(Item.USER_IDENTITY_AC, _sized(answer.user_identity_response)))
    return _pdu(PduType.A_ASSOCIATE_AC, *items, _item(Item.USER_INFORMATION, *users))


def _implementation(side: AssociateRequest | AssociateAnswer) -> Iterator[bytes]:
    """The user information that request and answer share."""
    yield _item(Item.MAXIMUM_LENGTH, _UINT32.pack(side.max_pdu_length))
    yield _item(Item.IMPLEMENTATION_CLASS_UID, uid_to_bytes(side.implementation_class_uid))
    if side.async_window is not None:
        window = side.async_window
        yield _item(
            Item.ASYNCHRONOUS_OPERATIONS, struct.pack(">HH", window.invoked, window.performed)
        )
    for role in side.roles:
        yield _item(
            Item.ROLE_SELECTION,
            _sized(uid_to_bytes(role.sop_class_uid)),
            bytes((role.scu_role, role.scp_role)),
        )
    if side.implementation_version:
        yield _item(Item.IMPLEMENTATION_VERSION, side.implementation_version.encode("latin-1"))
    for extended in side.extended:
        yield _item(
            Item.EXTENDED,
            _sized(uid_to_bytes(extended.sop_class_uid)),
            extended.application_information,
        )


def _pdu(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return _PDU.pack(kind, len(body)) + body


def _item(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) > 0xFFFF:
        raise ValueError(f"item {kind:02X}H is longer than 65535 bytes")
    return _ITEM.pack(kind, len(body)) + body


def _sized(raw: bytes) -> bytes:
    if len(raw) > 0xFFFF:
        raise ValueError("a value is longer than 65535 bytes")
    return _UINT16.pack(len(raw)) + raw
