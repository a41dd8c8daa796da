"""The nouns: frozen values that travel between stages.

A stage takes one of these and gives the next; nothing here knows a socket, a file or a table.
Times are float seconds since the epoch, UTC, and are called ``…_at``; durations end in their unit.
Values that can name a person hide themselves in ``repr`` (see ``Identity``), so that a log line or
a traceback that carries them carries nothing about the patient.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent an object, as far as it is known when the association is accepted."""

    source: str
    """The ``[[source]]`` of the configuration that admitted the peer."""
    calling_ae: str
    called_ae: str
    address: str
    """IP address of the peer, without port."""
    association: str
    """Identifier of the association; names it in logs, ledger and spool alike."""
    certificate: str = ""
    """SHA-256 fingerprint of the peer's certificate in hex; empty without mutual TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is known of one received object; stands beside its bytes in the spool.

    Enough to rebuild the ledger's index from the spool alone.
    """

    caller: Caller
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    received_at: float
    move_originator: str = ""
    """AE title of the C-MOVE that caused this C-STORE, if one did."""


@dataclass(frozen=True, slots=True, order=True)
class SpoolAddress:
    """Where an object's bytes are: a container of the spool, and the record's offset in it.

    The container's name carries its generation, so an address never points at newer bytes.
    """

    container: str
    offset: int

    def __str__(self) -> str:
        return f"{self.container}@{self.offset}"

    @classmethod
    def parse(cls, text: str) -> SpoolAddress:
        container, at, offset = text.rpartition("@")
        if not at or not container or not offset.isdigit():
            raise ValueError(f"not a spool address: {text!r}")
        return cls(container, int(offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One object in the spool, durable: its receipt, place, size and digest."""

    receipt: Receipt
    address: SpoolAddress
    size: int
    """Bytes of the data set as it came over the wire, without file meta information."""
    digest: bytes
    """BLAKE3 of those bytes, 32 bytes, taken before Success was sent."""
    end: int
    """Offset in the container where the next record starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What can name a person or a visit; searchable in the ledger, never in a log."""

    patient_id: str = field(default="", repr=False)
    patient_name: str = field(default="", repr=False)
    patient_birth_date: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_id: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_time: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What indexing reads from the head of a data set. Text is decoded; absent values are empty."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    identity: Identity
    modality: str = ""
    series_number: str = ""
    series_description: str = field(default="", repr=False)
    protocol_name: str = field(default="", repr=False)
    series_date: str = field(default="", repr=False)
    series_time: str = field(default="", repr=False)
    acquisition_date: str = field(default="", repr=False)
    acquisition_time: str = field(default="", repr=False)
    manufacturer: str = ""
    station_name: str = ""
    acquisition_number: str = ""
    instance_number: str = ""
    images_in_acquisition: str = ""
    number_of_frames: str = ""
    image_type: str = ""
    rows: str = ""
    columns: str = ""
    image_orientation: str = ""
    """Six numbers joined by backslashes, as they stand; empty in multi-frame objects, like the
    position."""
    image_position: str = ""
    referenced_series: str = field(default="", repr=False)
    """Series that its sequences name, its own left out: UIDs joined by backslashes."""
    charset: str = ""
    """(0008,0005) as it stands, values joined by backslashes."""


class Standing(enum.StrEnum):
    """Where one instance stands at a destination."""

    UNSURE = "unsure"
    """It was being sent when the attempt ended, so nobody knows; asked before it is sent again.
    The ledger's: no destination answers it."""
    SENT = "sent"
    """Taken there; not looked at yet."""
    VERIFIED = "verified"
    """It is there, whole: read back, or vouched for by a digest or answer of the destination."""
    AGAIN = "again"
    """Not there, for a reason that passes."""
    REFUSED = "refused"
    """Not there, and sending it again gives the same answer."""


class Disposition(enum.StrEnum):
    """Where every received instance is, in the end or for now; the terms of the custody line."""

    DELIVERED = "delivered"
    HELD = "held"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"
    ON_ITS_WAY = "on its way"
