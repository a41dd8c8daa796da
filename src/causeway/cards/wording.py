"""The sentences of a card.

Short ones, for somebody who has a patient on the table: where to write, what to write, what happens
otherwise, whom to call. Nothing here knows how a card is laid out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causeway.cards.facts import CardFacts, OptString, Otherwise, Place

MAXIMUM_PLACES = 48
"""More than that are not found at a glance, nor read from the chair."""
_PATTERN_PLACE = Place(group="group", project="project")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the routing string, and what it stands for."""

    text: str
    label: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Two things side by side: what to type and what it does, or what went wrong and what then."""

    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opt:
    """What decides whether a scan is sent at all."""

    heading: str
    lead: str
    words: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The page, from top to bottom."""

    title: str
    source: str
    site: str
    where_title: str
    where_lead: str
    field: str
    """The console's field, large; empty if there is nothing to write."""
    where_note: str
    what_title: str
    parts: tuple[Part, ...]
    what_notes: tuple[str, ...]
    examples_title: str
    examples: tuple[Row, ...]
    places_title: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    """Projects by group, as they are typed."""
    left_out: str
    """How many did not find room; empty if all did."""
    whether_title: str
    opts: tuple[Opt, ...]
    otherwise_title: str
    troubles: tuple[Row, ...]
    never: str
    contact: str
    foot: str


def card(facts: CardFacts) -> Card:
    """The page for these facts. Pure."""
    shown = facts.places[:MAXIMUM_PLACES]
    groups: dict[str, list[str]] = {}
    for place in shown:
        groups.setdefault(place.group, []).append(place.project)
    return Card(
        title="Send this scan to its project",
        source=facts.source,
        site=facts.site,
        where_title="Find the field",
        where_lead=_where_lead(facts),
        field=facts.fields[0].name if facts.fields else "",
        where_note=_where_note(facts),
        what_title="Write one line like this",
        parts=_parts() if facts.fields else (),
        what_notes=tuple(_what_notes(facts)) if facts.fields else (),
        examples_title="Examples"
        if facts.places
        else "Examples: put your own group and project in their place",
        examples=tuple(_examples(facts)) if facts.fields else (),
        places_title="Groups and projects here",
        groups=tuple((group, tuple(projects)) for group, projects in groups.items()),
        left_out=f"and {len(facts.places) - len(shown)} more: call and ask"
        if len(facts.places) > len(shown)
        else "",
        whether_title="Whether it is sent",
        opts=tuple(_opts(facts)),
        otherwise_title="If something goes wrong",
        troubles=tuple(_troubles(facts)),
        never=_never(facts),
        contact=facts.contact,
        foot=_foot(facts),
    )


def string_for(place: Place, *more: str) -> str:
    """The routing string of a place, with the prefix, which is right in every form."""
    return "fw://" + "/".join((place.group, place.project, *more))


def example_place(facts: CardFacts) -> Place:
    """The project of the examples: the first of the site, or the words for one."""
    return facts.places[0] if facts.places else _PATTERN_PLACE


# --- where ---------------------------------------------------------------------------------------


def _where_lead(facts: CardFacts) -> str:
    if not facts.fields:
        return "Nothing has to be written for this scanner: its scans are sorted by fixed rules."
    return "When you register the patient, or before you send the images, go to the field"


def _where_note(facts: CardFacts) -> str:
    if not facts.fields:
        return ""
    others = [field.name for field in facts.fields[1:]]
    instead = f" Instead, {_or(others)} will do." if others else ""
    return (
        f"It may have another name on this console; in DICOM it is {facts.fields[0].number}."
        f"{instead}"
    )


# --- what ----------------------------------------------------------------------------------------


def _parts() -> tuple[Part, ...]:
    return (
        Part(text="fw://"),
        Part(text="group", label="group"),
        Part(text="/"),
        Part(text="project", label="project"),
        Part(text="/"),
        Part(text="subject", label="person", is_optional=True),
        Part(text="/"),
        Part(text="session", label="visit", is_optional=True),
    )


def _what_notes(facts: CardFacts) -> Iterator[str]:
    yield "On a line with nothing else on it."
    yield "Small or capital letters make no difference in fw:// and in the group."
    if facts.requires_prefix:
        yield "Without fw:// in front it does not count."
    if facts.understands_legacy:
        yield "The older form subject@group/project is understood as well."


def _examples(facts: CardFacts) -> Iterator[Row]:
    place = example_place(facts)
    subject = "the connector" if facts.names_subject_otherwise else "the Patient ID"
    yield Row(left=string_for(place), right=f"to the project; {subject} names the subject")
    yield Row(left=string_for(place, "sub-001"), right="to the project, as subject sub-001")
    yield Row(
        left=string_for(place, "sub-001", "visit-2"),
        right="to the project, as subject sub-001, session visit-2",
    )
    # A second project shows what is the same in every string and what is not.
    others = [other for other in facts.places[1:] if other.group != place.group] or [
        *facts.places[1:2]
    ]
    if others:
        yield Row(
            left=string_for(others[0], "sub-001"), right="another project, as subject sub-001"
        )


# --- whether -------------------------------------------------------------------------------------


def _opts(facts: CardFacts) -> Iterator[Opt]:
    for heading, strings, verb in (
        ("To have it sent", facts.opt_in, "only sent"),
        ("To keep it here", facts.opt_out, "not sent"),
    ):
        for number, string in enumerate(strings):
            condition = "if the field" if not number else "Also if the field"
            lead = f"A scan is {verb} {condition}" if not number else condition
            yield Opt(
                heading=heading if not number else "",
                lead=f"{lead} {string.field.name} has",
                words=string.words or (string.pattern,),
                note=_opt_note(string, facts),
            )


def _opt_note(string: OptString, facts: CardFacts) -> str:
    notes = []
    if string.field in facts.fields and string.field.has_lines and not _says_it(string, facts):
        notes.append("on a line of its own")
    if not string.words:
        notes.append("a pattern: ask what to type")
    elif len(string.words) > 1:
        notes.append("any one of them will do")
    if string.empty_counts:
        notes.append("an empty field does the same")
    return "; ".join(notes)


def _says_it(string: OptString, facts: CardFacts) -> bool:
    """Whether every routing string has the word already, as ``fw://`` is one."""
    example = string_for(example_place(facts)).casefold()
    return any(word.casefold() in example for word in string.words)


# --- what happens otherwise ----------------------------------------------------------------------


def _troubles(facts: CardFacts) -> Iterator[Row]:
    if facts.fields:
        empty = "The field is empty"
        if facts.requires_prefix:
            empty = "The field is empty, or fw:// is missing"
        yield Row(left=empty, right=_consequence(facts.missing))
        yield Row(left="A typing mistake: it cannot be read", right=_consequence(facts.unparsed))
        if facts.places:
            yield Row(left="The project is not on the list", right=_consequence(facts.unknown))
    if facts.opt_in:
        yield Row(
            left=f"{_words(facts.opt_in)} was forgotten",
            right="It is not sent. It can be let through later: call.",
        )
    if facts.fields:
        yield Row(
            left="It went to the wrong project",
            right="Call. It is put right in one step, before it has left and afterwards.",
        )


def _consequence(otherwise: Otherwise) -> str:
    match otherwise:
        case Otherwise.HOLD:
            return "It waits. Nothing is lost; somebody says where it goes."
        case Otherwise.UNSORTED:
            return "It goes to the unsorted ones, where somebody sorts it later."
        case Otherwise.DENY:
            return "It is not sent. It can be let through later: call."
        case _:
            return "It goes to what was typed, under that name."


def _never(facts: CardFacts) -> str:
    if not facts.fields:
        return ""
    text = "Never write the patient's name, date of birth or ID into the string."
    return text + (" Such a scan is stopped." if facts.guards_patient_data else "")


def _foot(facts: CardFacts) -> str:
    parts = []
    if facts.called_ae:
        parts.append(f"Send to {_or(facts.called_ae)}")
    if facts.made_on:
        parts.append(f"made on {facts.made_on} from the configuration; an older card may be wrong")
    return " · ".join(parts)


def _words(strings: tuple[OptString, ...]) -> str:
    return _or([word for string in strings for word in string.words][:3]) or "The word for sending"


def _or(texts: tuple[str, ...] | list[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))
