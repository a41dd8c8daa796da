"""Kinds of value that say how to decide: tags, time zones, expressions, rules, places.

Each is read by the part that will decide with it, so that whatever a file may say is understood
when the file is checked, and not when the first study comes. What is kept is the text; compiling it
again costs a process microseconds and keeps the tree plain values.

The readers are imported where they are needed: a receiver's configuration, or one that decides
nothing, pays for none of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from causeway.config.kinds import kind_of, wrong
from causeway.errors import ConfigurationError


def _read(reader: Callable[[str], Any], value: str, right: str) -> Any:
    """What a reader makes of a text; its refusal with what would be right."""
    try:
        return reader(value)
    except ConfigurationError as error:
        raise wrong(error.message, error.hint or right) from None


# --- attributes --------------------------------------------------------------------------------

_TAG_RIGHT = "a keyword such as PatientComments, or a tag such as (0010,4000)"
_NOT_TEXT = frozenset(
    {"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW", "US or OW", "US or SS or OW"}
)
_PIXELS = 0x7FE00000


def check_tag(value: str) -> str:
    """The name of an attribute with text or numbers. Raises what ``wrong`` makes."""
    from causeway.attributes import name_of, tag_of
    from causeway.dictionary import dictionary_vr

    tag = _read(tag_of, value, _TAG_RIGHT)
    try:
        kind = dictionary_vr(tag)
    except KeyError:  # private, or not in PS3.6: its value decides
        kind = ""
    if kind in _NOT_TEXT or tag >= _PIXELS:
        raise wrong(f'"{value}" holds no text', "an attribute with text or numbers")
    if tag >> 16 == 0x0002 or tag >> 16 == 0x0000:
        raise wrong(f'"{value}" belongs to files and messages, and not to the data set', _TAG_RIGHT)
    return name_of(tag)


Tag = Annotated[
    str,
    AfterValidator(check_tag),
    WithJsonSchema({"type": "string", "examples": ["PatientComments", "(0010,4000)"]}),
]
"""An attribute of the data set's top level, by its keyword in PS3.6 if it has one."""


def _splitting(value: str) -> str:
    from causeway.attributes import name_of, tag_of
    from causeway.decide.grouping import SPLITTABLE

    if tag_of(value) not in SPLITTABLE:
        known = ", ".join(sorted(map(name_of, SPLITTABLE)))
        raise wrong(
            f'"{value}" is not kept of each image, so that no series can be split by it',
            f"one of {known}",
        )
    return value


SplitTag = Annotated[Tag, AfterValidator(_splitting)]
"""An attribute that is known of each instance, and not only of its series."""


# --- time zones --------------------------------------------------------------------------------


def _zone(value: str) -> str:
    from causeway.schedule import zone_of

    _read(zone_of, value, 'an IANA name, such as "Europe/Berlin"')
    return value


Zone = Annotated[
    str,
    AfterValidator(_zone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "America/New_York", "UTC"]}),
]


# --- expressions, rules, mappings, windows -----------------------------------------------------


def _expression(value: str) -> str:
    from causeway.decide.bounded import compile_bounded

    if not value:
        raise wrong("is empty, and so is found in every value", 'a word, such as "UPLOAD"')
    _read(compile_bounded, value, "write it more simply, or with plain words")
    return value


Expression = Annotated[str, AfterValidator(_expression)]
"""A regular expression that takes linear time, whatever it is applied to."""


def _rule(value: str) -> str:
    from causeway.decide.rules import compile_rule

    _read(compile_rule, value, 'for example: Modality == "MR" and group == "neuro"')
    return value


RuleText = Annotated[str, AfterValidator(_rule)]


def _mapping(value: str) -> str:
    from causeway.decide.language import Mapping as FieldMapping

    _read(FieldMapping.compile, value, 'template=pattern, for example "{PatientID}=subject.label"')
    return value


def _mappings(value: tuple[str, ...]) -> tuple[str, ...]:
    """Each is right by itself; now in their order, in which one may refer to those before it."""
    from causeway.decide.language import compile_mappings

    for count in range(1, len(value) + 1):
        try:
            compile_mappings(value[:count])
        except ConfigurationError as error:
            raise wrong(f"mapping {count}: {error.message}", error.hint) from None
    return value


Mappings = Annotated[
    tuple[Annotated[str, AfterValidator(_mapping)], ...], AfterValidator(_mappings)
]


def _window(value: str) -> str:
    from causeway.schedule import Schedule

    # Alone, so that the window that is wrong is the one that is named.
    _read(lambda text: Schedule.parse([text], "UTC"), value, 'for example "Mon-Fri 18:00-06:00"')
    return value


Window = Annotated[str, AfterValidator(_window)]


# --- groups and projects -----------------------------------------------------------------------

_PLACE_RIGHT = 'group/project, for example "neuro/Amnesia"'


def _place(value: str) -> str:
    from causeway.decide.labels import group_id

    group, slash, project = (part.strip() for part in value.partition("/"))
    if not slash or not group or not project or "/" in project:
        raise wrong(f'"{value}" is not a group and a project', _PLACE_RIGHT)
    if not group_id(group):
        raise wrong(
            f'"{group}" cannot be a group',
            "2 to 64 letters, digits and . @ _ -, with a letter or digit at both ends",
        )
    return f"{group_id(group)}/{project}"


Place = Annotated[
    str,
    AfterValidator(_place),
    WithJsonSchema({"type": "string", "pattern": "^[^/]+/[^/]+$", "examples": ["neuro/Amnesia"]}),
]
"""A project in its group; groups are kept in lower case, as the platform does."""


# --- fields of the hierarchy -------------------------------------------------------------------


_VALUES = {
    "group._id": "2 to 64 letters, digits and . @ _ -, with a letter or digit at both ends",
    "subject.sex": '"male", "female", "other" or "unknown"',
    "subject.type": '"human", "animal" or "phantom"',
}


def _values(value: object) -> Mapping[str, str]:
    """Texts by field. A dotted key without quotes is a table to TOML, and means the same."""
    from causeway.decide.language import field_of, value_of

    if not isinstance(value, Mapping):
        raise wrong(
            f"must be a table of texts, not {kind_of(value)}",
            'for example { "project.label" = "Incoming" }',
        )
    found: dict[str, str] = {}
    for name, text in _flat(value):
        if not isinstance(text, str):
            raise wrong(
                f'"{name}" must be a text in quotes, not {kind_of(text)}',
                f'write: "{name}" = "{text}"' if isinstance(text, int | float) else "a text",
            )
        field = _read(field_of, name, "a field such as project.label or subject.label")
        if field in found:
            raise wrong(f'"{name}" is {field}, which is there already', "say each field once")
        if text and value_of(field, text, timezone=dt.UTC) is None:
            raise wrong(f'"{text}" is no value of {field}', _VALUES.get(field, "another value"))
        found[field] = text
    return found


def _flat(table: Mapping[str, object], above: str = "") -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for key, value in table.items():
        name = f"{above}.{key}" if above else key
        flat += _flat(value, name) if isinstance(value, Mapping) else [(name, value)]
    return flat


FieldValues = Annotated[
    Mapping[str, str],
    PlainValidator(_values),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "examples": [{"project.label": "Incoming"}],
        }
    ),
]
"""Texts by field of the hierarchy, under the fields' full names."""
