"""What the ledger knows, as JSON: studies and their lives, custody, quarantine, the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import (
        Custody,
        DeliveryRow,
        EventRow,
        InstanceRow,
        KeptBack,
        SeriesRow,
        StudyRow,
        Tally,
    )
    from causeway.observe.health import Finding, Health


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


class RefusalView(View):
    """Something that was refused, and counted."""

    kind: str
    """`association` or `object`."""
    source: str
    """Name of the source; empty for a caller that is none."""
    reason: str
    """Why."""
    count: int
    """How often."""
    first_at: str | None
    """When first."""
    last_at: str | None
    """When last."""

    @classmethod
    def of(cls, tally: Tally) -> RefusalView:
        return cls(
            kind=tally.kind,
            source=tally.source,
            reason=tally.reason,
            count=tally.count,
            first_at=iso(tally.first_at),
            last_at=iso(tally.last_at),
        )


class LaneView(View):
    """Deliveries to one destination."""

    destination: str
    """Name of the destination."""
    deliveries: dict[str, int]
    """Deliveries by state."""
    breaker: str
    """`closed`: deliveries go. `open`: it is not asked, as it said that nothing can be delivered
    there for now. `half open`: one is let through to see."""
    asked_again_at: str | None
    """When it is asked again, of one that is not asked now."""
    last_error: str
    """Its last failure; `causeway destinations` says what to do."""


class TriggerView(View):
    """Calls of one trigger."""

    trigger: str
    """Name of the trigger."""
    calls: dict[str, int]
    """Calls by state."""


class FindingView(View):
    """What one look at the whole has found."""

    check: str
    """What was looked at: `service`, `room`, `pipeline`, `index`, `delivery` or
    `source`."""
    subject: str
    """Name of the destination or source; empty for the others."""
    state: str
    """`ok`, `late` or `failing`."""
    reason: str
    """Why, in words."""

    @classmethod
    def of(cls, finding: Finding) -> FindingView:
        return cls(
            check=finding.check.value,
            subject=finding.subject,
            state=finding.state.value,
            reason=finding.reason,
        )


class HealthView(View):
    """Whether it works, by the thresholds of `[health]`."""

    state: str
    """The worst of the findings: `ok`, `late` or `failing`."""
    findings: list[FindingView]
    """What was looked at."""

    @classmethod
    def of(cls, health: Health) -> HealthView:
        return cls(
            state=health.state.value, findings=[FindingView.of(each) for each in health.findings]
        )


class StatusView(View):
    """`causeway status`. Without patient data."""

    health: HealthView
    """Whether it works; `causeway status --check` ends with status 8 if this is `failing`."""

    running: bool
    """Whether the service runs."""
    pid: int | None
    """Process id of the service."""
    service: dict[str, object] | None
    """What the running service says of itself: `listeners`, `receivers`, `pipeline`, `space`,
    `sources`, `refusals`; null if it does not run. Its inner fields follow the service and are not
    stable."""
    studies: dict[str, int]
    """Studies by state."""
    series: dict[str, int]
    """Series by state."""
    instances: dict[str, int]
    """Instances by state."""
    destinations: list[LaneView]
    """Deliveries by destination and state."""
    bytes_awaiting: int
    """Bytes of instances that are not delivered yet."""
    oldest_undelivered_at: str | None
    """When the oldest instance on its way arrived."""
    last_received_at: str | None
    """When the latest object arrived."""
    last_delivered_at: str | None
    """When the latest delivery was verified."""
    held_studies: int
    """Studies that a person holds."""
    held_series: int
    """Series that are held."""
    dead_series: int
    """Series that are not tried again unless a person says so."""
    dead_deliveries: int
    """Deliveries that are not tried again unless a person says so."""
    dead_calls: int
    """Calls of triggers that are not made again unless a person says so."""
    quarantined: int
    """Objects in quarantine."""
    triggers: list[TriggerView]
    """Calls by trigger and state."""
    commitments: dict[str, int]
    """Requests for storage commitment by state."""
    refusals: list[RefusalView]
    """What was refused, ever."""
    custody: CustodyView
    """Whether everything received is accounted for."""


class QuarantinedView(View):
    """One object in quarantine."""

    id: int
    """Number in the ledger, which the other commands take."""
    kept: str
    """`quarantined`; `held` or `doubt`: it waits to be de-identified, and its series with it."""
    reason: str
    """Why, as a code."""
    why: str
    """The same in words, of what is held or in doubt."""
    profile: str
    """Of what is held or in doubt: the profile that it is to be de-identified by."""
    study: int | None
    """Number of its study, if it could be read."""
    series: int | None
    """Number of its series, if it could be read."""
    original: int | None
    """Of a conflicting object: the instance that was here first."""
    size: int
    """Bytes of the data set."""
    digest: str
    """BLAKE3 of those bytes, in hex."""
    sop_class_uid: str
    """SOP Class UID."""
    sop_instance_uid: str
    """SOP Instance UID, as the sender gave it."""
    transfer_syntax_uid: str
    """Transfer Syntax UID."""
    source: str
    """Source that sent it."""
    calling_ae: str
    """AE title that the sender gave."""
    address: str
    """Address that it came from."""
    association: str
    """Association that brought it."""
    received_at: str | None
    """When it arrived."""

    @classmethod
    def of(cls, row: InstanceRow) -> QuarantinedView:
        return cls(
            id=row.id,
            kept=row.state.value,
            reason=row.reason,
            why="",
            profile="",
            study=row.study_id,
            series=row.series_id,
            original=row.original_id,
            size=row.size,
            digest=row.digest.hex(),
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=row.sop_instance_uid,
            transfer_syntax_uid=row.transfer_syntax_uid,
            source=row.source,
            calling_ae=row.calling_ae,
            address=row.peer_address,
            association=row.association,
            received_at=iso(row.received_at),
        )

    @classmethod
    def of_kept_back(cls, kept: KeptBack) -> QuarantinedView:
        """An object that is held or in doubt."""
        said = kept.cleaned
        return cls.of(kept.instance).model_copy(
            update={
                "kept": said.state.value,
                "reason": said.code,
                "why": said.reason,
                "profile": kept.treatment.name,
            }
        )


class CrosswalkView(View):
    """`causeway crosswalk export`."""

    file: str
    """The CSV file that was written."""
    rows: int
    """How many entries are in it."""


class ReportsView(View):
    """`causeway report`."""

    reports: list[dict[str, Any]]
    """One for each treatment, as docs/reference/deidentification-report.md describes it."""


class QuarantineView(View):
    """`causeway quarantine list`."""

    quarantined: list[QuarantinedView]
    """Objects in quarantine, and behind them those that are held or in doubt, the latest first."""
