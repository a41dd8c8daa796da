"""One series under two configurations: what would be otherwise.

Compared is what somebody would notice: whether it is sent, where to, under which names, when, and
how it is split. Not compared is how a configuration came to it; that is what ``explain`` shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from causeway.decide.verdict import Routed
from causeway.explain.explained import Explained

_LEVELS = ("group._id", "project.label", "subject.label", "session.label", "acquisition.label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that would be otherwise."""

    what: str
    """``outcome``, ``destinations``, ``place``, ``names``, ``acquisitions``, ``deidentify`` or
    ``when``."""
    before: str = field(repr=False)
    after: str = field(repr=False)


def changes(before: Explained, after: Explained) -> tuple[Change, ...]:
    """What differs between two explanations of one series; nothing if nobody would notice."""
    return tuple(
        Change(what=what, before=old, after=new)
        for (what, old), (_, new) in zip(_told(before), _told(after), strict=True)
        if old != new
    )


def _told(each: Explained) -> Iterator[tuple[str, str]]:
    """The same names in the same order, whatever became of it."""
    verdict = each.decision.verdict
    sent = isinstance(verdict, Routed)
    reason = "" if isinstance(verdict, Routed) else f": {verdict.reason}"
    yield "outcome", f"{each.outcome}{reason}"
    yield "destinations", ", ".join(going.lane.name for going in each.goings)
    labels = {name: _value(each, name) for name in _LEVELS}
    yield "place", f"{labels['group._id']}/{labels['project.label']}"
    yield "names", "/".join(labels[name] for name in _LEVELS[2:])
    yield "acquisitions", "; ".join(_parts(each))
    # What is not sent is neither de-identified nor waited for.
    yield (
        "deidentify",
        ", ".join(f"{going.lane.name}: {going.treatment}" for going in each.goings),
    )
    yield "when", _when(each) if sent else ""


def _value(each: Explained, name: str) -> str:
    field = each.decision.fields.get(name)
    return "" if field is None else str(field.value)


def _parts(each: Explained) -> Iterator[str]:
    if len(each.acquisitions) > 1 or any(one.goes_with for one in each.acquisitions):
        for one in each.acquisitions:
            with_other = " with another series" if one.goes_with else ""
            yield f"{len(one.group.members)} images{with_other}"


def _when(each: Explained) -> str:
    verdict = each.decision.verdict
    assert isinstance(verdict, Routed)
    schedules = ", ".join(
        f"{going.lane.name} by {going.lane.schedule_name}"
        for going in each.goings
        if going.lane.schedule_name and not verdict.is_urgent
    )
    whole = "study" if each.waits_for_study else "series"
    base = f"{each.quiet_seconds:g} s after the {whole}"
    return f"{base}, {schedules}" if schedules else base
