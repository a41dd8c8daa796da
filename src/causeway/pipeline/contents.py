"""What of a parcel leaves for a destination: its instances, as they came or de-identified.

The seam between the recipe and what carries it: a ``Contents`` makes of a parcel, for one
destination, instances whose bytes can be asked for, and the parcel as it is told there: names,
labels and UIDs as they leave. Whoever sends takes nothing else, so nothing leaves past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from causeway.destinations import Instance
from causeway.errors import NotAllowed
from causeway.pipeline.deidentify.treating import NONE
from causeway.pipeline.parcel import Member, Parcel
from causeway.pipeline.records import record_of
from causeway.spool import file_meta
from causeway.values import Record

PIECE_BYTES: Final = 1 << 20


class Source(Protocol):
    """Where members' bytes are: ``SpoolReader``."""

    def read(self, where: Record) -> bytes: ...

    def chunks(self, where: Record, size: int = ...) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A parcel as it leaves for one destination."""

    parcel: Parcel = field(repr=False)
    instances: tuple[Instance, ...] = field(repr=False)
    """Of the parcel's members, in their order. Their bytes are the same each time."""
    is_clean: bool = False
    """De-identified: not told either is when and from whom it came, which gives away real dates."""


class Contents(Protocol):
    """Makes them."""

    def of(self, parcel: Parcel, destination: str) -> Content:
        """What of a parcel leaves for a destination.

        Raises ``NotAllowed`` where nobody has decided how it leaves for it.
        """


class AsReceived:
    """Everything as it came, where that is what was decided for the destination."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def of(self, parcel: Parcel, destination: str) -> Content:
        if dict(parcel.treatments).get(destination) != NONE:
            raise NotAllowed(
                f"it was not decided that data may leave for {destination} as they are"
            )
        return Content(
            parcel=parcel,
            instances=tuple(self._instance(parcel, member) for member in parcel.members),
        )

    def _instance(self, parcel: Parcel, member: Member) -> Instance:
        row = member.instance
        record = record_of(row)
        return Instance(
            id=row.id,
            name=member.name,
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=row.sop_instance_uid,
            study_instance_uid=parcel.names.study_instance_uid,
            series_instance_uid=parcel.names.series_instance_uid,
            transfer_syntax_uid=row.transfer_syntax_uid,
            meta=file_meta(record.receipt),
            dataset_size=row.size,
            digest=row.digest,
            open=partial(self._source.chunks, record, PIECE_BYTES),
        )
