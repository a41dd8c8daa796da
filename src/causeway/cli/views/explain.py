"""What `causeway explain` says, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.decide.decision import Decision
    from causeway.explain import Acquired, Explained, Going, Left


class OptView(View):
    """Whether a series is taken at all."""

    wanted: bool
    """Whether it is."""
    code: str
    """Which rule said so, as a word."""
    reason: str
    """Why."""


class RoutingView(View):
    """The routing string that counts. May hold patient data, as a person wrote it."""

    where: str
    """The attribute that it stands in; `operator` if a person has said it with `reroute`."""
    text: str
    """As it stands there."""
    parsed: bool
    """Whether it could be read."""
    group: str
    """Group; empty if it says none or could not be read, as for all below."""
    project: str
    """Project."""
    subject: str
    """Subject."""
    session: str
    """Session."""
    acquisition: str
    """Acquisition."""
    reason: str
    """Why it could not be read, or what the site does not have."""
    suggestion: str
    """What was probably meant; empty if nothing is near."""
    exposed: str
    """What of the patient it gives away; empty if nothing."""


class FieldView(View):
    """One field of the hierarchy. May hold patient data."""

    name: str
    """Such as `subject.label`."""
    value: str | float
    """Its value."""
    raw: str
    """As it stood in the header or the routing string."""
    origin: str
    """Where it comes from: `routing`, `mapping 2`, `default`, `override`, or an attribute."""


class AcquisitionView(View):
    """One acquisition that a series becomes. Folder and archive may hold patient data."""

    reason: str
    """Why its images belong together."""
    images: int
    """How many."""
    uid: str
    """UID of the acquisition."""
    goes_with: str
    """UID of the series in whose acquisition it goes; empty for its own."""
    folder: str
    """Where it goes, from the group on; if it is held or skipped, where it would go."""
    archive: str
    """Name of its archive."""
    files: list[str]
    """The files, if files were explained."""


class GoingView(View):
    """One destination that gets a series."""

    name: str
    """Name of the destination."""
    type: str
    """Its type."""
    deidentify: str
    """What is done to identifying data."""
    clean_folder: str
    """Of what is de-identified: its folders there, as its first image tells; else empty."""
    waits: str
    """Of what is de-identified: why it would wait for a person; else empty."""
    schedule: str
    """The schedule that it is delivered by; empty for any time."""
    opens_at: str | None
    """When the schedule lets it go; null if it may go at once."""


class ExplainedView(View):
    """One series: what becomes of it, and why. Holds patient data."""

    study_instance_uid: str
    """Study Instance UID."""
    series_instance_uid: str
    """Series Instance UID."""
    series: int | None
    """Number in the ledger; null for files."""
    modality: str
    """Modality."""
    series_number: str
    """Series Number."""
    series_description: str
    """Series Description."""
    images: int
    """Images that would be taken in."""
    source: str
    """Source whose rules hold; empty for those that hold for all."""
    calling_ae: str
    """Calling AE title that rules are asked with."""
    called_ae: str
    """Called AE title that rules are asked with."""
    outcome: str
    """`sent`, `held` or `skipped`."""
    code: str
    """Why it is held or skipped, as a word; empty if it is sent."""
    reason: str
    """Why it is held or skipped; empty if it is sent."""
    opt: OptView
    """Opt-in and opt-out."""
    routing: RoutingView | None
    """The routing string; null if there is none."""
    fields: list[FieldView]
    """The hierarchy."""
    differ: list[str]
    """Attributes that have more than one value in the series."""
    routes: list[str]
    """Names of the routes that hold and count."""
    priority: int
    """Rank in the queue: 20 is urgent, 100 usual, 160 low."""
    late: str
    """What becomes of images that come later: `amend`, `again` or `hold`."""
    waits_for: str
    """What must be whole: `series` or `study`."""
    quiet_seconds: float
    """Seconds after its last image until it is decided and goes."""
    acquisitions: list[AcquisitionView]
    """What it becomes."""
    destinations: list[GoingView]
    """Where it goes; empty if it is held or skipped."""


class LeftView(View):
    """A file that is in no series."""

    file: str
    """Its path."""
    fate: str
    """`not DICOM`, `failed`, `quarantined` or `duplicate`."""
    reason: str
    """Why."""


class ExplainView(View):
    """`causeway explain`."""

    config: str
    """The configuration that was asked."""
    at: str | None
    """The time at which it was asked."""
    files: int
    """Files that were looked at."""
    series: list[ExplainedView]
    """The series, in the order of their first images."""
    left: list[LeftView]
    """Files that would not be taken in."""


class ChangeView(View):
    """One thing that would be otherwise. May hold patient data."""

    what: str
    """`outcome`, `destinations`, `place`, `names`, `acquisitions`, `deidentify` or `when`."""
    before: str
    """By the present configuration."""
    after: str
    """By the other one."""


class ChangedSeriesView(View):
    """A series of which something would be otherwise. Holds patient data."""

    study: int
    """Number of its study in the ledger."""
    series: int
    """Its number."""
    study_instance_uid: str
    """Study Instance UID."""
    series_instance_uid: str
    """Series Instance UID."""
    patient_id: str
    """Patient ID."""
    series_description: str
    """Series Description."""
    changes: list[ChangeView]
    """What would be otherwise."""


class ConfigDiffView(View):
    """`causeway config diff`."""

    before: str
    """The present configuration."""
    after: str
    """The other one."""
    since: str | None
    """Studies with an arrival since then were asked about; null for all."""
    studies: int
    """How many these are."""
    series: int
    """Their series."""
    changed: list[ChangedSeriesView]
    """Series of which something would be otherwise."""


def explained_view(each: Explained) -> ExplainedView:
    """One series as JSON."""
    from causeway.decide.verdict import Routed

    title, decision = each.series.title, each.decision
    verdict = decision.verdict
    routed = verdict if isinstance(verdict, Routed) else Routed(routes=(), destinations=())
    return ExplainedView(
        study_instance_uid=each.series.study_instance_uid,
        series_instance_uid=each.series.series_instance_uid,
        series=each.series.ledger_id,
        modality=title.modality,
        series_number=title.series_number,
        series_description=title.series_description,
        images=len(each.series.instances),
        source=each.series.sender.source,
        calling_ae=each.series.sender.calling_ae,
        called_ae=each.series.sender.called_ae,
        outcome=each.outcome,
        code="" if isinstance(verdict, Routed) else verdict.code,
        reason="" if isinstance(verdict, Routed) else verdict.reason,
        opt=OptView(
            wanted=decision.opting.wanted,
            code=decision.opting.code,
            reason=decision.opting.reason,
        ),
        routing=_routing(decision),
        fields=[
            FieldView(name=name, value=field.value, raw=field.raw, origin=field.origin)
            for name, field in decision.fields.items()
        ],
        differ=[disagreement.name for disagreement in each.disagreements],
        routes=list(decision.routes),
        priority=routed.prio,
        late=routed.late.value,
        waits_for="study" if each.waits_for_study else "series",
        quiet_seconds=each.quiet_seconds,
        acquisitions=[_acquisition(each, acquired) for acquired in each.acquisitions],
        destinations=[_going(going) for going in each.goings],
    )


def left_view(left: Left) -> LeftView:
    return LeftView(file=str(left.path), fate=left.fate.value, reason=left.reason)


def _routing(decision: Decision) -> RoutingView | None:
    from causeway.decide.routing import Routing

    found = decision.routing
    if found is None:
        return None
    parsed = found if isinstance(found, Routing) else None
    suggestion = decision.suggestion
    reason, meant = "", ""
    if not isinstance(found, Routing):
        reason, meant = found.reason, found.suggestion
    elif suggestion is not None:
        reason, meant = suggestion.reason, suggestion.meant
    return RoutingView(
        where=found.where,
        text=found.text,
        parsed=parsed is not None,
        group=parsed.group if parsed else "",
        project=parsed.project if parsed else "",
        subject=parsed.subject if parsed else "",
        session=parsed.session if parsed else "",
        acquisition=parsed.acquisition if parsed else "",
        reason=reason,
        suggestion=meant,
        exposed=decision.exposed.reason if decision.exposed else "",
    )


def _acquisition(each: Explained, acquired: Acquired) -> AcquisitionView:
    return AcquisitionView(
        reason=acquired.group.reason,
        images=len(acquired.group.members),
        uid=acquired.group.acquisition_uid,
        goes_with=acquired.goes_with,
        folder=acquired.folder,
        archive=acquired.archive,
        files=_files(each, acquired.group.members),
    )


def _files(each: Explained, members: Sequence[int | str]) -> list[str]:
    return [str(each.series.files[member]) for member in members if member in each.series.files]


def clean_folder(going: Going) -> str:
    """The folders of what is de-identified; empty if that is not known, or nothing is done."""
    if going.clean is None or going.clean.labels is None:
        return ""
    labels = going.clean.labels
    return "/".join((*labels.session_path, labels.acquisition))


def _going(going: Going) -> GoingView:
    return GoingView(
        name=going.lane.name,
        type=going.lane.type,
        deidentify=going.treatment,
        clean_folder=clean_folder(going),
        waits=going.clean.waits if going.clean else "",
        schedule=going.lane.schedule_name,
        opens_at=iso(going.opens_at),
    )
