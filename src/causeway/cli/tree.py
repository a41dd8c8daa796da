"""Explained series as a tree for people: a study, below it its series, below each what happens.

Pure: lines out of values. On a terminal long values wrap within their column; in a pipe each stays
on its line, so that ``grep`` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causeway.cli.show import columns_of, paint, plural, printable

if TYPE_CHECKING:
    from causeway.explain import Acquired, Explained, Going

_PIECES = re.compile(r"[^ /]*[ /]|[^ /]+")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_TITLES = 10
"""Width of the column that says what a line is about."""
_LEVELS = (
    ("group", "group._id"),
    ("project", "project.label"),
    ("subject", "subject.label"),
    ("session", "session.label"),
    ("acquisition", "acquisition.label"),
)
_COLOURS = {"sent": "green", "held": "yellow", "skipped": "yellow"}


@dataclass(frozen=True, slots=True)
class Guides:
    """What the branches are drawn with."""

    branch: str = "├─ "
    last: str = "└─ "
    down: str = "│  "
    none: str = "   "

    @classmethod
    def for_encoding(cls, encoding: str) -> Guides:
        """Plain ones where the terminal has no others."""
        try:
            "├└│─".encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return cls(branch="|- ", last="`- ", down="|  ")
        return cls()


def tree(
    explained: Sequence[Explained], *, width: int | None, guides: Guides, everything: bool
) -> Iterator[str]:
    """The lines. ``width`` None does not wrap; ``everything`` shows all fields of the hierarchy."""
    studies: dict[str, list[Explained]] = {}
    for each in explained:
        studies.setdefault(each.series.study_instance_uid, []).append(each)
    for number, (uid, members) in enumerate(studies.items()):
        if number:
            yield ""
        yield from _study(uid, members[0])
        for each in members:
            is_last = each is members[-1]
            yield (guides.last if is_last else guides.branch) + _series(each)
            before = (guides.none if is_last else guides.down) + "  "
            room = None if width is None else max(width - len(before) - _TITLES, 20)
            for title, text in _about(each, everything):
                for line in _wrapped(title, text, room):
                    yield f"{before}{line}".rstrip()


def _study(uid: str, first: Explained) -> Iterator[str]:
    identity = first.series.title.identity
    about = [identity.study_description, _date(identity.study_date)]
    who = ", ".join(part for part in (identity.patient_name, identity.patient_id) if part)
    parts = [*about, who]
    title = printable(" · ".join(part for part in parts if part)) or "without a name"
    yield f"{paint('study', bold=True)}  {title}"
    yield f"       {printable(uid)}"


def _series(each: Explained) -> str:
    title = each.series.title
    name = " ".join(
        part for part in (title.series_number, title.modality, title.series_description) if part
    )
    images = plural(len(each.series.instances), "image")
    return f"{paint(printable(name) or 'series', bold=True)}, {images}"


def _about(each: Explained, everything: bool) -> Iterator[tuple[str, str]]:
    """What a line is about, and the line. An empty title goes on with the one before."""
    yield from _whence(each)
    yield "opt", _opted(each)
    yield from _routing(each)
    yield from _names(each, everything)
    for disagreement in each.disagreements:
        yield "differ", f"{disagreement.distinct} values of {disagreement.name} in one series"
    yield from _places(each)
    yield from _whither(each)


def _whence(each: Explained) -> Iterator[tuple[str, str]]:
    sender = each.series.sender
    if sender.source:
        called = f", calling AE {sender.calling_ae}" if sender.calling_ae else ""
        yield "source", printable(sender.source + called)
    else:
        yield "source", "nobody in particular: the rules that hold for all sources"


def _opted(each: Explained) -> str:
    opting = each.decision.opting
    return f"{'taken' if opting.wanted else 'skipped'}: {opting.reason}"


def _routing(each: Explained) -> Iterator[tuple[str, str]]:
    from causeway.decide.routing import Routing, Unparsed

    decision = each.decision
    match decision.routing:
        case Routing() as routing:
            yield "routing", printable(f"{routing.text}, in {routing.where}")
        case Unparsed() as unparsed:
            yield "routing", printable(f"{unparsed.text}, in {unparsed.where}")
            yield "", f"cannot be read: {unparsed.reason}"
            if unparsed.suggestion:
                yield "", printable(f"did you mean {unparsed.suggestion}?")
        case None:
            where = " or ".join(each.looked_in)
            yield "routing", f"none in {where}" if where else "no attribute is looked into"
    if decision.suggestion is not None:
        yield "", printable(decision.suggestion.reason)
        if decision.suggestion.meant:
            yield "", printable(f"did you mean {decision.suggestion.meant}?")
    if decision.exposed is not None:
        yield "", decision.exposed.reason


def _names(each: Explained, everything: bool) -> Iterator[tuple[str, str]]:
    fields = each.decision.fields
    shown = [(title, name) for title, name in _LEVELS if name in fields]
    if everything:
        shown += [(name, name) for name in fields if name not in dict(_LEVELS).values()]
    longest = max((len(title) for title, _ in shown), default=0)
    title = "names"
    for label, name in shown:
        field = fields[name]
        raw = f' ("{field.raw}")' if everything and field.raw not in ("", str(field.value)) else ""
        text = f"{label.ljust(longest)}  {field.value}{raw}  ({field.origin})"
        yield title, printable(text)
        title = ""


def _places(each: Explained) -> Iterator[tuple[str, str]]:
    title = "place"
    for acquired in each.acquisitions:
        if len(each.acquisitions) > 1 or acquired.goes_with:
            yield title, _part(acquired)
            title = ""
        yield title, printable(f"{acquired.folder}/{acquired.archive}")
        title = ""


def _part(acquired: Acquired) -> str:
    images = plural(len(acquired.group.members), "image")
    return f"{images}: {acquired.group.reason}"


def _whither(each: Explained) -> Iterator[tuple[str, str]]:
    from causeway.decide.verdict import Routed

    verdict = each.decision.verdict
    if each.decision.routes:
        yield "route", ", ".join(each.decision.routes)
    outcome = paint(each.outcome, fg=_COLOURS[each.outcome], bold=True)
    if not isinstance(verdict, Routed):
        yield outcome, verdict.reason
        return
    whole = "study" if each.waits_for_study else "series"
    yield outcome, f"{each.quiet_seconds:g} s after the last image of the {whole}"
    for going in each.goings:
        yield "", _going(going)
        if going.clean is not None:
            yield "", _clean(going)


def _going(going: Going) -> str:
    from causeway.cli.show import when

    lane = going.lane
    done = going.treatment
    treatment = "as it came" if done == "none" else f"de-identified: {done}"
    if going.opens_at is None:
        at = "at once"
    else:
        at = f"from {when(going.opens_at)} (schedule {lane.schedule_name})"
    return f"to {lane.name}, {treatment}, {at}"


def _clean(going: Going) -> str:
    """What the first image tells of what is de-identified."""
    from causeway.cli.views.explain import clean_folder

    assert going.clean is not None
    if going.clean.waits:
        return f"  waits for a person: {printable(going.clean.waits)}"
    return f"  as {printable(clean_folder(going))}"


def _wrapped(title: str, text: str, room: int | None) -> Iterator[str]:
    # Colours take no room, so the title is filled up by what is seen of it.
    seen = len(_bare(title))
    head = title + " " * (_TITLES - seen)
    if room is None:
        yield head + text
        return
    for line in _lines(text, room):
        yield head + line
        head = " " * _TITLES


def _lines(text: str, room: int) -> Iterator[str]:
    """Broken at spaces and behind slashes, so that the parts of a path stay whole if they can."""
    line, used = "", 0
    for piece in _PIECES.findall(text):
        for part in _cut(piece, room):
            if used and used + columns_of(part.rstrip()) > room:
                yield line.rstrip()
                line, used = "", 0
            line += part
            used += columns_of(part)
    yield line.rstrip()


def _cut(piece: str, room: int) -> Iterator[str]:
    """A word that is longer than a line, in parts that are not."""
    part, used = "", 0
    for character in piece:
        width = columns_of(character)
        if used + width > room and not character.isspace():
            yield part
            part, used = "", 0
        part += character
        used += width
    yield part


def _bare(text: str) -> str:
    return _COLOUR.sub("", text)


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdecimal() else text
