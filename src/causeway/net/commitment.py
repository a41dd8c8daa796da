"""Storage commitment (PS3.4 annex J) as data: what a request and a report say, in bytes and back.

The push model: whoever has stored objects asks by N-ACTION that responsibility be taken for them,
and hears by N-EVENT-REPORT which are safe and which are not, each with a reason. A transaction UID
joins the two; the report may come over another association, days later.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from causeway.dimse import (
    STORAGE_COMMITMENT_PUSH,
    STORAGE_COMMITMENT_PUSH_INSTANCE,
    CommitmentFailure,
    NActionRQ,
    NEventReportRQ,
    Status,
    is_valid_uid,
)
from causeway.net.datasets import Element, Read, decode, encode, items_in, number_in, text_in

REQUEST_COMMITMENT: Final = 1
"""The one action type (PS3.4 J.3.2)."""
ALL_COMMITTED: Final = 1
SOME_FAILED: Final = 2
"""Event types of the report (PS3.4 J.3.3)."""

LONGEST: Final = 16 * 1024 * 1024
"""Bytes of action or event information: some 100,000 objects."""
MOST_REFERENCES: Final = 100_000

_TRANSACTION_UID: Final = 0x00081195
_REFERENCED: Final = 0x00081199
_FAILED: Final = 0x00081198
_REASON: Final = 0x00081197
_SOP_CLASS: Final = 0x00081150
_SOP_INSTANCE: Final = 0x00081155
_SEQUENCES: Final = frozenset({_REFERENCED, _FAILED})


@dataclass(frozen=True, slots=True)
class Reference:
    """An object, as commitment names it."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRequest:
    """What is to be kept safe."""

    transaction_uid: str = field(repr=False)
    references: tuple[Reference, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentReport:
    """What is, and what is not."""

    transaction_uid: str = field(repr=False)
    committed: tuple[Reference, ...] = field(repr=False)
    failed: tuple[tuple[Reference, int], ...] = field(default=(), repr=False)
    """Each with its Failure Reason (0008,1197)."""

    @property
    def event_type(self) -> int:
        return SOME_FAILED if self.failed else ALL_COMMITTED


class Refused(ValueError):
    """A message of storage commitment that cannot be taken, with the status that says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


# --- the messages ---------------------------------------------------------------------------------


def check_action(command: NActionRQ) -> None:
    """Raises ``Refused`` unless it asks for commitment."""
    _check_instance(command.requested_sop_class_uid, command.requested_sop_instance_uid)
    if command.action_type_id != REQUEST_COMMITMENT:
        raise Refused(Status.NO_SUCH_ACTION_TYPE, "another action than to request commitment")


def check_event(command: NEventReportRQ) -> None:
    """Raises ``Refused`` unless it reports on a request."""
    _check_instance(command.affected_sop_class_uid, command.affected_sop_instance_uid)
    if command.event_type_id not in (ALL_COMMITTED, SOME_FAILED):
        raise Refused(Status.NO_SUCH_EVENT_TYPE, "another event than a report on a request")


def _check_instance(sop_class: str, sop_instance: str) -> None:
    if sop_class != STORAGE_COMMITMENT_PUSH:
        raise Refused(Status.NO_SUCH_SOP_CLASS, "another SOP class than storage commitment")
    if sop_instance != STORAGE_COMMITMENT_PUSH_INSTANCE:
        raise Refused(Status.NO_SUCH_SOP_INSTANCE, "another instance than the well-known one")


# --- their data sets ------------------------------------------------------------------------------


def encode_request(request: CommitmentRequest, transfer_syntax: str) -> bytes:
    elements: list[Element] = [
        (_TRANSACTION_UID, "UI", request.transaction_uid.encode("ascii")),
        (_REFERENCED, "SQ", [_item(each) for each in request.references]),
    ]
    return encode(elements, transfer_syntax)


def encode_report(report: CommitmentReport, transfer_syntax: str) -> bytes:
    """The sequences are there where they have something in them (PS3.4 table J.3-2)."""
    elements: list[Element] = [(_TRANSACTION_UID, "UI", report.transaction_uid.encode("ascii"))]
    if report.failed:
        failed = [_item(each, reason) for each, reason in report.failed]
        elements.append((_FAILED, "SQ", failed))
    if report.committed:
        elements.append((_REFERENCED, "SQ", [_item(each) for each in report.committed]))
    return encode(elements, transfer_syntax)


def _item(reference: Reference, reason: int | None = None) -> list[Element]:
    item: list[Element] = [
        (_SOP_CLASS, "UI", reference.sop_class_uid.encode("ascii")),
        (_SOP_INSTANCE, "UI", reference.sop_instance_uid.encode("ascii")),
    ]
    if reason is not None:
        item.append((_REASON, "US", struct.pack("<H", reason)))
    return item


def decode_request(data: bytes, transfer_syntax: str) -> CommitmentRequest:
    """Raises ``Refused``."""
    found = _read(data, transfer_syntax)
    references = tuple(_reference(item) for item in items_in(found, _REFERENCED))
    if not references:
        raise Refused(Status.INVALID_ARGUMENT_VALUE, "a request that names no object")
    return CommitmentRequest(transaction_uid=_transaction(found), references=_few(references))


def decode_report(data: bytes, transfer_syntax: str) -> CommitmentReport:
    """Raises ``Refused``. A failure without a reason is a processing failure."""
    found = _read(data, transfer_syntax)
    failed = []
    for item in items_in(found, _FAILED):
        reason = number_in(item, _REASON)
        known = CommitmentFailure.PROCESSING_FAILURE if reason is None else reason
        failed.append((_reference(item), int(known)))
    committed = tuple(_reference(item) for item in items_in(found, _REFERENCED))
    return CommitmentReport(
        transaction_uid=_transaction(found), committed=_few(committed), failed=tuple(failed)
    )


def _read(data: bytes, transfer_syntax: str) -> Read:
    try:
        return decode(data, transfer_syntax, sequences=_SEQUENCES)
    except ValueError as error:
        raise Refused(Status.INVALID_ARGUMENT_VALUE, str(error)) from error


def _transaction(found: Read) -> str:
    uid = text_in(found, _TRANSACTION_UID)
    if not uid:
        raise Refused(Status.INVALID_ARGUMENT_VALUE, "no transaction UID")
    if not is_valid_uid(uid):
        raise Refused(Status.INVALID_ARGUMENT_VALUE, "a transaction UID that is none")
    return uid


def _reference(item: Read) -> Reference:
    reference = Reference(text_in(item, _SOP_CLASS), text_in(item, _SOP_INSTANCE))
    # Not held against PS3.5 9.1: what was stored under a crooked UID is asked for under it. It has
    # to be text that can be kept and sent back.
    for uid in (reference.sop_class_uid, reference.sop_instance_uid):
        if not uid or len(uid) > 128 or not uid.isascii() or not uid.isprintable():
            raise Refused(Status.INVALID_ARGUMENT_VALUE, "a reference without class or instance")
    return reference


def _few(references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    if len(references) > MOST_REFERENCES:
        raise Refused(Status.RESOURCE_LIMITATION, f"more than {MOST_REFERENCES} objects at once")
    return references
