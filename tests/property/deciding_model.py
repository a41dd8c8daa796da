"""When a series goes, where, and with what: a small model that shares no code with the pipeline.

It is told the same events as the pipeline, and then asked what should have become of each series by
now. Time comes in ticks; what may happen at a tick has happened when it is over.

A series is *open* until it has been quiet, then *complete* until the acquisition delay is over, and
then decided: *denied*, held by the rules, or *decided* about, and *packed* as soon as its study
allows it. Holding lies across that: whatever is held stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

QUIET = 30.0
DELAY = 10.0
STUDY_QUIET = 50.0

ARCHIVE, CLOUD = "archive", "cloud"
GROUPS = ("stat", "whole", "again", "stop", "lab")
"""What routing strings say, and by what routes choose."""
OPTED_OUT = "NOFW"
UNREADABLE = "fw:\\\\lab\\proj"


def is_open(now: float) -> bool:
    """Hours of the archive: two minutes open, two closed."""
    return (now // 60) % 4 < 2


@dataclass
class Parcel:
    """Something that was packed."""

    members: frozenset[int]
    group: str
    """Where it goes; empty if nobody said."""
    urgent: bool
    gone: dict[str, bool]
    """By destination: whether it has arrived there."""
    withdrawn: bool = False

    @property
    def settled(self) -> bool:
        return not self.withdrawn and all(self.gone.values())


@dataclass
class Told:
    """What a person has said: where it goes, or to which destinations."""

    group: str = ""
    destinations: tuple[str, ...] = ()


@dataclass
class Series:
    study: int
    phase: str = "open"
    due: float = 0.0
    last_at: float = 0.0
    images: dict[int, str] = field(default_factory=dict)
    """Number → what somebody has written into it, in the order of arrival."""
    parcels: list[Parcel] = field(default_factory=list)
    held: str = ""
    """By whom: ``policy``, ``late`` (the policy too) or ``person``."""
    released: bool = False
    """A person has overruled the rules, once and for all."""
    late_is_fine: bool = False
    """A person has let go of what is here now."""
    whole: bool = False
    """What was delivered before goes once more."""
    group: str = ""
    goes_to: tuple[str, ...] = ()

    @property
    def standing(self) -> list[Parcel]:
        return [parcel for parcel in self.parcels if not parcel.withdrawn]

    @property
    def packed(self) -> set[int]:
        return {number for parcel in self.standing for number in parcel.members}


class Model:
    def __init__(self) -> None:
        self.series: dict[int, Series] = {}
        self.held_studies: set[int] = set()
        self.told: list[tuple[int, int | None, Told]] = []
        """Study, series or all of it, and what was said; the newest last."""

    # --- events -------------------------------------------------------------------------------

    def arrives(self, study: int, number: int, image: int, comment: str, now: float) -> None:
        series = self.series.setdefault(number, Series(study=study))
        series.images[image] = comment
        series.last_at = now
        if series.phase != "open":
            series.phase = "open"
            series.late_is_fine = False

    def holds(self, number: int) -> None:
        self.series[number].held = "person"

    def releases(self, number: int, now: float) -> None:
        series = self.series[number]
        if series.phase == "denied":
            series.phase, series.due = "complete", now
            series.released = True
        elif series.held in ("policy", "late"):
            series.late_is_fine = True
            series.released = series.released or series.held == "policy"
        if series.phase == "complete":
            series.due = now
        series.held = ""

    def releases_study(self, study: int, now: float) -> None:
        self.held_studies.discard(study)
        for number, series in self.series.items():
            if series.study == study and series.held:
                self.releases(number, now)

    def reroutes(self, study: int, number: int | None, told: Told, now: float) -> None:
        self.told.append((study, number, told))
        for key, series in self.series.items():
            if series.study != study or number not in (None, key):
                continue
            series.whole = series.whole or any(parcel.settled for parcel in series.parcels)
            for parcel in series.parcels:
                if not parcel.settled:
                    parcel.withdrawn = True
            if series.held == "person":
                if series.phase in ("decided", "packed"):
                    series.phase = "complete"
                continue
            series.held = ""
            if series.phase != "open":
                series.phase, series.due = "complete", now

    # --- time ---------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        for number, series in self.series.items():
            if self._moves(series):
                self._complete_and_decide(number, series, now)
        for series in self.series.values():
            if self._moves(series) and series.phase == "decided":
                self._pack(series, now)
        for series in self.series.values():
            if self._moves(series) and series.phase != "denied":
                for parcel in series.standing:
                    for destination in parcel.gone:
                        if destination == CLOUD or parcel.urgent or is_open(now):
                            parcel.gone[destination] = True

    def _moves(self, series: Series) -> bool:
        return not series.held and series.study not in self.held_studies

    def _complete_and_decide(self, number: int, series: Series, now: float) -> None:
        if series.phase == "open" and now >= series.last_at + QUIET:
            series.phase, series.due = "complete", now + DELAY
        if series.phase != "complete" or now < series.due:
            return
        told = self.told_of(number, series)
        comment = list(series.images.values())[-1]
        if told is None and not series.released:
            if comment == OPTED_OUT:
                series.phase = "denied"
                return
            if comment == UNREADABLE:
                series.held = "policy"
                return
        said = comment.removeprefix("fw://").partition("/")[0] if "//" in comment else ""
        series.group = told.group if told is not None and told.group else said
        series.goes_to = (ARCHIVE, CLOUD) if series.group == "stat" else (ARCHIVE,)
        if told is not None and told.destinations:
            series.goes_to = told.destinations
        late = series.standing and not series.whole and not series.late_is_fine
        if late and series.group == "stop":
            series.held = "late"
            return
        series.phase = "decided"

    def told_of(self, number: int, series: Series) -> Told | None:
        return next(
            (
                told
                for study, one, told in reversed(self.told)
                if study == series.study and one in (None, number)
            ),
            None,
        )

    def _pack(self, series: Series, now: float) -> None:
        if series.group == "whole":
            study = [each for each in self.series.values() if each.study == series.study]
            arriving = any(each.phase == "open" and not each.held for each in study)
            if arriving or now < max(each.last_at for each in study) + STUDY_QUIET:
                return
        again = series.whole or (series.group == "again" and series.standing)
        series.parcels.append(
            Parcel(
                members=frozenset(series.images if again else set(series.images) - series.packed),
                group=series.group,
                urgent=series.group == "stat",
                gone=dict.fromkeys(series.goes_to, False),
            )
        )
        series.phase, series.whole = "packed", False
