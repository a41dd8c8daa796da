"""Hypothesis strategies for the nouns of the DICOM core."""

from __future__ import annotations

import typing

from hypothesis import strategies as st

from causeway.dimse import (
    AnsweredContext,
    AssociateAnswer,
    AssociateRequest,
    AsyncWindow,
    Command,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    PresentationContext,
    RoleSelection,
    UserIdentity,
)
from causeway.dimse.commandset import _FIELDS
from causeway.dimse.messages import Encoding, UnrecognizedRQ, UnrecognizedRSP

uint8 = st.integers(0, 0xFF)
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFFFFFF)
latin_1 = st.characters(max_codepoint=0xFF)


def text(most: int) -> st.SearchStrategy[str]:
    """What survives the stripping of padding."""
    return st.text(latin_1, max_size=most).map(lambda value: value.strip("\0 "))


uids = st.one_of(
    st.from_regex(r"\A[0-2](\.(0|[1-9][0-9]{0,8})){1,6}\Z"),
    st.text(latin_1, max_size=70).map(lambda value: value.rstrip("\0 ")),
)
titles = st.text(latin_1, max_size=16).map(lambda value: value.rstrip("\0 ").lstrip(" "))
windows = st.builds(AsyncWindow, invoked=uint16, performed=uint16)
roles = st.builds(RoleSelection, sop_class_uid=uids, scu_role=st.booleans(), scp_role=st.booleans())
extended = st.builds(
    ExtendedNegotiation, sop_class_uid=uids, application_information=st.binary(max_size=20)
)
common_extended = st.builds(
    CommonExtendedNegotiation,
    sop_class_uid=uids,
    service_class_uid=uids,
    related_general_sop_class_uids=st.lists(uids, max_size=4).map(tuple),
)
identities = st.builds(
    UserIdentity,
    type=uint8,
    primary=st.binary(max_size=40),
    secondary=st.binary(max_size=40),
    response_requested=st.booleans(),
)
offered = st.builds(
    PresentationContext,
    context_id=uint8,
    abstract_syntax=uids,
    transfer_syntaxes=st.lists(uids, max_size=4).map(tuple),
)
answered = st.builds(
    AnsweredContext, context_id=uint8, result=uint8, transfer_syntax=uids.filter(bool)
)
common = {
    "application_context": uids,
    "protocol_version": uint16,
    "max_pdu_length": st.one_of(st.just(0), st.integers(8, 0xFFFFFFFF)),
    "implementation_class_uid": uids,
    "implementation_version": text(16),
    "async_window": st.none() | windows,
    "roles": st.lists(roles, max_size=3).map(tuple),
    "extended": st.lists(extended, max_size=3).map(tuple),
}
requests = st.builds(
    AssociateRequest,
    called_ae=titles,
    calling_ae=titles,
    contexts=st.lists(offered, max_size=6).map(tuple),
    common_extended=st.lists(common_extended, max_size=3).map(tuple),
    user_identity=st.none() | identities,
    **common,
)
answers = st.builds(
    AssociateAnswer,
    contexts=st.lists(answered, max_size=6).map(tuple),
    user_identity_response=st.none() | st.binary(max_size=40),
    **common,
)

_VALUES = {
    Encoding.UID: uids,
    Encoding.UINT16: uint16,
    Encoding.AE_TITLE: titles,
    Encoding.TEXT: text(64),
    Encoding.TAGS: st.lists(uint32, max_size=5).map(tuple),
}


def _messages(cls: type[Command]) -> st.SearchStrategy[Command]:
    values: dict[str, st.SearchStrategy[object]] = {}
    for entry in _FIELDS[cls]:
        value = typing.cast("st.SearchStrategy[object]", _VALUES[entry.encoding])
        values[entry.name] = value if entry.absent is not None else st.none() | value
    if cls is UnrecognizedRQ:
        values["operation"] = st.sampled_from([0x0110, 0x0120, 0x0140, 0x0150, 0x7ABC])
    elif cls is UnrecognizedRSP:
        values["operation"] = st.sampled_from([0x8110, 0x8120, 0x8140, 0x8150, 0xFABC])
    return st.builds(cls, **values)


commands = st.one_of(*(_messages(cls) for cls in _FIELDS))
