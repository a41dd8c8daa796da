"""Studies and their lives as JSON, and whether what was received for them is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import (
        Custody,
        DeliveryRow,
        EventRow,
        SeriesRow,
        StudyRow,
    )


class StudyView(View):
    """One study. Holds patient data."""

    id: int
    """Number in the ledger; `study:ID` names the study in every command."""
    state: str
    """`empty`, `arriving`, `on its way`, `settled`, `held`, `denied` or `dead`."""
    study_instance_uid: str
    """Study Instance UID."""
    patient_name: str
    """Patient's Name."""
    patient_id: str
    """Patient ID."""
    patient_birth_date: str
    """Patient's Birth Date, as in the images."""
    accession_number: str
    """Accession Number."""
    study_date: str
    """Study Date, as in the images."""
    study_description: str
    """Study Description."""
    series: int
    """Number of series."""
    instances: int
    """Instances that belong to its series."""
    received: int
    """Objects that arrived for it, duplicates and conflicting ones too."""
    bytes: int
    """Bytes of its instances."""
    first_at: str | None
    """When its first object arrived."""
    last_at: str | None
    """When its latest object arrived."""
    held_by: str
    """Who holds it; empty if nobody does."""
    held_why: str
    """Why it is held."""

    @classmethod
    def of(cls, row: StudyRow) -> StudyView:
        return cls(
            id=row.id,
            state=row.state,
            study_instance_uid=row.study_instance_uid,
            patient_name=row.identity.patient_name,
            patient_id=row.identity.patient_id,
            patient_birth_date=row.identity.patient_birth_date,
            accession_number=row.identity.accession_number,
            study_date=row.identity.study_date,
            study_description=row.identity.study_description,
            series=row.series_count,
            instances=row.instance_count,
            received=row.received_count,
            bytes=row.byte_count,
            first_at=iso(row.first_at),
            last_at=iso(row.last_at),
            held_by=row.held_by,
            held_why=row.held_why,
        )


class SeriesView(View):
    """One series of a study. Holds patient data."""

    id: int
    """Number in the ledger; `series:ID` names it in every command."""
    state: str
    """`open`, `reopened`, `complete`, `routed`, `cleaned`, `packaged`, `settled`, `held`, `denied`
    or `dead`."""
    series_instance_uid: str
    """Series Instance UID."""
    modality: str
    """Modality."""
    series_number: str
    """Series Number."""
    series_description: str
    """Series Description."""
    source: str
    """Source that sent its first instance."""
    instances: int
    """Instances that belong to it."""
    expected: int | None
    """Instances that it should have, where that is known."""
    bytes: int
    """Bytes of its instances."""
    instances_by_state: dict[str, int]
    """Its objects by state, duplicates and quarantined ones too."""
    completion_reason: str
    """Why it counted as complete; empty while it is open."""
    first_at: str | None
    """When its first object arrived."""
    last_at: str | None
    """When its latest object arrived."""
    due_at: str | None
    """When it is looked at next."""
    attempt: int
    """Tries of its present state."""
    error_code: str
    """Why the last try failed, as a code; empty if it did not."""
    error: str
    """Why the last try failed, in words."""
    waits_for: str
    """What it waits for although nothing failed."""
    held_by: str
    """Who holds it; empty if nobody does."""
    held_why: str
    """Why it is held."""

    @classmethod
    def of(cls, row: SeriesRow, instances_by_state: dict[str, int]) -> SeriesView:
        return cls(
            id=row.id,
            state=row.state,
            series_instance_uid=row.series_instance_uid,
            modality=row.modality,
            series_number=row.series_number,
            series_description=row.series_description,
            source=row.source,
            instances=row.instance_count,
            expected=row.expected_count,
            bytes=row.byte_count,
            instances_by_state=instances_by_state,
            completion_reason=row.completion_reason,
            first_at=iso(row.first_at),
            last_at=iso(row.last_at),
            due_at=iso(row.due_at),
            attempt=row.attempt,
            error_code=row.fail_code,
            error=row.fail_text,
            waits_for=row.waits_for,
            held_by=row.held_by,
            held_why=row.held_why,
        )


class DeliveryView(View):
    """One parcel to one destination."""

    id: int
    """Number in the ledger."""
    parcel: int
    """Number of the parcel."""
    series: int
    """Number of the series that the parcel was made of."""
    destination: str
    """Name of the destination."""
    state: str
    """`due`, `sending`, `verified`, `dead` or `withdrawn`."""
    attempt: int
    """Tries so far."""
    due_at: str | None
    """When it is tried next."""
    state_at: str | None
    """Since when it is in this state."""
    reference: str
    """What the destination calls it, once verified. May hold patient data."""
    error_code: str
    """Why the last try failed, as a code."""
    error: str
    """Why the last try failed, in words."""
    waits_for: str
    """What it waits for although nothing failed."""

    @classmethod
    def of(cls, row: DeliveryRow) -> DeliveryView:
        return cls(
            id=row.id,
            parcel=row.parcel_id,
            series=row.series_id,
            destination=row.destination,
            state=row.state,
            attempt=row.attempt,
            due_at=iso(row.due_at),
            state_at=iso(row.state_at),
            reference=row.reference,
            error_code=row.fail_code,
            error=row.fail_text,
            waits_for=row.waits_for,
        )


class EventView(View):
    """One moment of a study's life."""

    at: str | None
    """When."""
    what: str
    """What happened, as a code such as `series.complete`."""
    who: str
    """`causeway`, or the person who did it."""
    why: str
    """The reason."""
    series: int | None
    """Number of the series, if it is about one."""
    instance: int | None
    """Number of the instance, if it is about one."""
    parcel: int | None
    """Number of the parcel, if it is about one."""
    delivery: int | None
    """Number of the delivery, if it is about one."""

    @classmethod
    def of(cls, row: EventRow) -> EventView:
        return cls(
            at=iso(row.at),
            what=row.what,
            who=row.who,
            why=row.why,
            series=row.series_id,
            instance=row.instance_id,
            parcel=row.parcel_id,
            delivery=row.delivery_id,
        )


class StudiesView(View):
    """`causeway studies`. Holds patient data."""

    studies: list[StudyView]
    """The studies that match, the one with the latest image first."""


class ViolationView(View):
    """A contradiction in the ledger."""

    name: str
    """Its name."""
    count: int
    """How often it occurs."""
    example: str
    """One place where it does."""


class CustodyView(View):
    """`causeway custody`: whether everything received is accounted for."""

    holds: bool
    """Whether received = the sum of all dispositions, and nothing contradicts."""
    received: int
    """Objects received, from counters of their own."""
    dispositions: dict[str, int]
    """Objects by what became of them: `delivered`, `held`, `rejected`, `quarantined`, `duplicate`,
    `discarded` and `on its way`."""
    violations: list[ViolationView]
    """What contradicts."""
    study: int | None
    """Number of the study, if it is about one."""

    @classmethod
    def of(cls, custody: Custody) -> CustodyView:
        return cls(
            holds=custody.holds,
            received=custody.received,
            dispositions={count.disposition.value: count.count for count in custody.counts},
            violations=[
                ViolationView(name=each.name, count=each.count, example=each.example)
                for each in custody.violations
            ],
            study=custody.study_id,
        )


class StudyLifeView(View):
    """`causeway study`: one study's life. Holds patient data."""

    study: StudyView
    """The study."""
    series: list[SeriesView]
    """Its series."""
    deliveries: list[DeliveryView]
    """Its deliveries."""
    custody: CustodyView
    """Whether everything received for it is accounted for."""
    events: list[EventView]
    """What happened, in order."""
