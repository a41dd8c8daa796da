"""What the demo knows of the journey: one frozen look at the ledger after the other.

A look is read in a few queries and holds a line for each series; ``news`` are the events since the
look before, in words. Patients' names are shown here, as the demo's patients do not exist or have
lost their names long ago; a log would never have them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.ledger import (
    Custody,
    DeliveryState,
    EventRow,
    Ledger,
    SeriesRow,
    SeriesState,
    StudyRow,
    custody_line,
)

STAGES = ("received", "complete", "packaged", "delivered", "verified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series."""

    id: int
    patient: str
    study: str
    series: str
    series_instance_uid: str = field(repr=False)
    modality: str
    images: int
    state: SeriesState
    stage: str
    """How far it is: one of ``STAGES``, or the state of a series that stands still."""
    why_complete: str
    trouble: str
    """Why it stands still, or what failed last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The ledger at one moment."""

    lines: tuple[Line, ...]
    custody: Custody
    news: tuple[str, ...]
    last_event: int

    @property
    def settled(self) -> int:
        """Images whose series is verified everywhere."""
        return sum(line.images for line in self.lines if line.state is SeriesState.SETTLED)

    @property
    def custody_line(self) -> str:
        return custody_line(self.custody)


def look(ledger: Ledger, since_event: int = 0) -> Look:
    """Read what is known now."""
    lines: list[Line] = []
    events: list[tuple[EventRow, Line]] = []
    for study in sorted(ledger.search("", limit=1000), key=lambda row: row.id):
        verified = {
            delivery.series_id: delivery.state
            for delivery in ledger.deliveries_of(study_id=study.id)
        }
        own = {
            series.id: _line(study, series, verified.get(series.id))
            for series in ledger.series_of(study.id)
        }
        lines += own.values()
        events += [
            (event, own[event.series_id])
            for event in ledger.events_of(study_id=study.id)
            if event.id > since_event and event.series_id in own
        ]
    events.sort(key=lambda pair: pair[0].id)
    said = (_sentence(event, line) for event, line in events)
    return Look(
        lines=tuple(lines),
        custody=ledger.custody(),
        news=tuple(sentence for sentence in said if sentence),
        last_event=max((event.id for event, _ in events), default=since_event),
    )


def _line(study: StudyRow, series: SeriesRow, delivery: DeliveryState | None) -> Line:
    return Line(
        id=series.id,
        patient=readable_name(study.identity.patient_name),
        study=study.identity.study_description or study.identity.study_date or "a study",
        series=series.series_description or f"{series.modality} series {series.series_number}",
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        images=series.instance_count,
        state=series.state,
        stage=_stage(series, delivery),
        why_complete=series.completion_reason,
        trouble=series.fail_text or series.waits_for or series.held_why,
    )


def readable_name(name: str) -> str:
    """The first group of components that a person name has, without its carets."""
    return " ".join(name.partition("=")[0].replace("^", " ").split()) or "nobody"


def _stage(series: SeriesRow, delivery: DeliveryState | None) -> str:
    match series.state:
        case SeriesState.OPEN | SeriesState.REOPENED:
            return "received"
        case SeriesState.COMPLETE | SeriesState.ROUTED | SeriesState.CLEANED:
            return "complete"
        case SeriesState.PACKAGED:
            return "delivered" if delivery is DeliveryState.SENDING else "packaged"
        case SeriesState.SETTLED:
            return "verified"
    return series.state.value


def _sentence(event: EventRow, line: Line) -> str:
    """The event for a person; empty for what only an engineer wants to know."""
    what = {
        "series.open": "first image received",
        "series.reopened": "a late image has arrived; the series is open again",
        "series.complete": f"complete with {images(line.images)}: {event.why or line.why_complete}",
        "series.packaged": "packaged",
        "series.held": f"held: {event.why}",
        "series.dead": f"given up: {event.why}",
        "series.retry": f"to be tried again: {event.why}",
        "delivery.retry": f"delivery to be tried again: {event.why}",
        "delivery.dead": f"delivery given up: {event.why}",
        "delivery.verified": "delivered, read back, verified",
    }.get(event.what, "")
    return f"{line.patient} · {line.series}: {what}" if what else ""


def images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
