"""An independent implementation as witness: what it writes we read, what we write it reads.

pynetdicom's PDU classes, its command sets (through pydicom), and the byte strings of its own tests.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import dimse_examples_associate
import dimse_examples_commitment
import dimse_examples_query
import dimse_examples_store
import pytest
from dimse_conversation import LIMITS
from dimse_pair import feed_whole
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pynetdicom import dimse_messages, pdu
from pynetdicom.dsutils import decode as decode_dataset
from pynetdicom.tests import encoded_dimse_msg, encoded_dimse_n_msg, encoded_pdu_items

from causeway.dimse import (
    AssociateAnswer,
    AssociateRequest,
    Association,
    Command,
    Limits,
    Role,
    UnrecognizedRQ,
    UnrecognizedRSP,
)
from causeway.dimse.commandset import _FIELDS, decode, encode
from causeway.dimse.readers import read_answer, read_request
from causeway.dimse.writers import write_answer, write_request

THEIRS = {
    1: pdu.A_ASSOCIATE_RQ,
    2: pdu.A_ASSOCIATE_AC,
    3: pdu.A_ASSOCIATE_RJ,
    4: pdu.P_DATA_TF,
    5: pdu.A_RELEASE_RQ,
    6: pdu.A_RELEASE_RP,
    7: pdu.A_ABORT_RQ,
}


def conversations() -> list[tuple[str, bytes]]:
    """Every PDU of the examples."""
    found = []
    for module in (
        dimse_examples_associate,
        dimse_examples_store,
        dimse_examples_query,
        dimse_examples_commitment,
    ):
        for conversation in module.CONVERSATIONS:
            sides = {role: Association(role, limits=LIMITS) for role in Role}
            for index, step in enumerate(conversation.steps):
                raw = step.written(sides[step.by])
                other = Role.ACCEPTOR if step.by is Role.REQUESTOR else Role.REQUESTOR
                feed_whole(sides[other], raw)
                position = 0
                while position < len(raw):
                    end = position + 6 + int.from_bytes(raw[position + 2 : position + 6], "big")
                    found.append((f"{conversation.name} {index} at {position}", raw[position:end]))
                    position = end
    return found


PDUS = conversations()


@pytest.mark.parametrize("raw", [raw for _, raw in PDUS], ids=[name for name, _ in PDUS])
def test_they_read_what_we_write(raw: bytes) -> None:
    theirs = THEIRS[raw[0]]()
    theirs.decode(raw)
    assert theirs.encode() == raw


def their_encoded(prefix: str) -> list[str]:
    return [
        name
        for name, value in vars(encoded_pdu_items).items()
        if name.startswith(prefix) and isinstance(value, bytes)
    ]


def same_items(request: AssociateRequest | AssociateAnswer, theirs: Any) -> None:
    """What the request and the answer share."""
    assert request.protocol_version == theirs.protocol_version
    assert request.application_context == theirs.application_context_name
    user = theirs.user_information
    assert request.max_pdu_length == (user.maximum_length or 0)
    assert request.implementation_class_uid == (user.implementation_class_uid or "")
    assert request.implementation_version == (user.implementation_version_name or "")
    window = user.async_ops_window
    if window is None:
        assert request.async_window is None
    else:
        assert request.async_window is not None
        assert request.async_window.invoked == window.max_operations_invoked
        assert request.async_window.performed == window.max_operations_performed
    roles = {role.sop_class_uid: role for role in request.roles}
    assert set(roles) == set(user.role_selection)
    for uid, role in user.role_selection.items():
        assert roles[uid].scu_role == role.scu_role
        assert roles[uid].scp_role == role.scp_role
    assert [(one.sop_class_uid, one.application_information) for one in request.extended] == [
        (one.uid, one.app_info) for one in user.ext_neg
    ]


BLANK_TITLES = ("a_associate_rq_called", "a_associate_rq_calling")
"""They refuse a title of spaces; here that is for admission to judge."""


@pytest.mark.parametrize("name", BLANK_TITLES)
def test_blank_titles_survive(name: str) -> None:
    ours = read_request(getattr(encoded_pdu_items, name)[6:], Limits())
    assert "" in (ours.called_ae, ours.calling_ae)


@pytest.mark.parametrize(
    "name", [name for name in their_encoded("a_associate_rq") if name not in BLANK_TITLES]
)
def test_we_read_the_requests_they_write(name: str) -> None:
    raw = getattr(encoded_pdu_items, name)
    theirs = pdu.A_ASSOCIATE_RQ()
    theirs.decode(raw)
    ours = read_request(raw[6:], Limits())
    same_items(ours, theirs)
    assert ours.called_ae == theirs.called_ae_title.strip()
    assert ours.calling_ae == theirs.calling_ae_title.strip()
    assert [
        (one.context_id, one.abstract_syntax, list(one.transfer_syntaxes)) for one in ours.contexts
    ] == [
        (one.context_id, one.abstract_syntax, one.transfer_syntax)
        for one in theirs.presentation_context
    ]
    identity = theirs.user_information.user_identity
    if identity is None:
        assert ours.user_identity is None
    else:
        assert ours.user_identity is not None
        assert ours.user_identity.type == identity.id_type
        assert ours.user_identity.response_requested == bool(identity.response_requested)
        assert ours.user_identity.primary == identity.primary
        assert ours.user_identity.secondary == (identity.secondary or b"")
    assert [
        (one.sop_class_uid, one.service_class_uid, list(one.related_general_sop_class_uids))
        for one in ours.common_extended
    ] == [
        (one.sop_class_uid, one.service_class_uid, one.related_general_sop_class_identification)
        for one in theirs.user_information.common_ext_neg
    ]
    # And once more through our own writer, and their reader.
    again = pdu.A_ASSOCIATE_RQ()
    again.decode(write_request(ours))
    same_items(ours, again)


@pytest.mark.parametrize("name", their_encoded("a_associate_ac"))
def test_we_read_the_answers_they_write(name: str) -> None:
    raw = getattr(encoded_pdu_items, name)
    theirs = pdu.A_ASSOCIATE_AC()
    theirs.decode(raw)
    ours = read_answer(raw[6:], Limits())
    same_items(ours, theirs)
    assert [(one.context_id, one.result, one.transfer_syntax) for one in ours.contexts] == [
        (one.context_id, one.result, one.transfer_syntax or "")
        for one in theirs.presentation_context
    ]
    again = pdu.A_ASSOCIATE_AC()
    again.decode(write_answer(ours, raw[10:74]))
    same_items(ours, again)


# Command sets. Theirs begin with the message control header.

COMMANDS = [
    (name, value[1:])
    for module in (encoded_dimse_msg, encoded_dimse_n_msg)
    for name, value in vars(module).items()
    if "_cmd" in name and isinstance(value, bytes)
]


def same_fields(ours: Command, theirs: Dataset) -> None:
    """Each field against pydicom's reading of its element."""
    for entry in _FIELDS[type(ours)]:
        value = getattr(ours, entry.name)
        tag = Tag(0, entry.number)
        if tag not in theirs or theirs[tag].is_empty:
            assert value == entry.absent, entry.name
            continue
        given = theirs[tag].value
        several = list(given) if isinstance(given, (list, MultiValue)) else [given]
        if isinstance(value, tuple):
            assert list(value) == [int(one) for one in several]
        elif isinstance(value, str):
            assert value == str(given).strip()
        else:
            # Some peers write numbers twice as long; the first half counts, for them too.
            assert value == several[0]
    operation = getattr(ours, "operation", ours.command_field)
    assert operation == theirs.CommandField


@pytest.mark.parametrize("raw", [raw for _, raw in COMMANDS], ids=[name for name, _ in COMMANDS])
def test_we_read_the_commands_they_write(raw: bytes) -> None:
    command, has_data = decode(raw)
    theirs = decode_dataset(BytesIO(raw), True, True)
    same_fields(command, theirs)
    assert has_data is (theirs.CommandDataSetType != 0x0101)
    # What we write of it, they read alike.
    if not isinstance(command, (UnrecognizedRQ, UnrecognizedRSP)):
        again = decode_dataset(BytesIO(encode(command, has_data=has_data)), True, True)
        same_fields(command, again)


@pytest.mark.parametrize(
    "cls",
    [cls for cls in _FIELDS if cls not in (UnrecognizedRQ, UnrecognizedRSP)],
    ids=lambda cls: cls.__name__,
)
def test_our_fields_are_those_of_the_standard(cls: type[Command]) -> None:
    """The elements of each message, against their transcription of PS3.7 chapters 9 and 10."""
    letter, rest = cls.__name__[0], cls.__name__[1:]
    kind = "RQ" if rest.endswith("RQ") else "RSP"
    words = "-".join(re.findall("[A-Z][a-z]+", rest.removesuffix(kind))).upper()
    theirs = {
        Tag(keyword).element
        for keyword in dimse_messages._COMMAND_SET_KEYWORDS[f"{letter}-{words}-{kind}"]
    } - {0x0000, 0x0100, 0x0800}
    ours = {entry.number for entry in _FIELDS[cls]}
    # Error fields stand in every response here; the standard gives each service some of them.
    assert theirs <= ours
    assert ours - theirs <= {0x0901, 0x0902, 0x0903}
