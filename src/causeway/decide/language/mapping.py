"""Mappings: a template that makes a text, and a pattern that takes fields out of it.

``{SeriesNumber} - {SeriesDescription}=acquisition.label``. For each field the first mapping counts
that gives it a value. One that says a group is taken whole or not at all: a group from one text and
a project from another would name a place that nobody has meant.
"""

from __future__ import annotations

import datetime as dt
from collections import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from causeway.attributes import Attributes
from causeway.decide.bounded import PatternError
from causeway.decide.language.fields import GROUP, PROJECT
from causeway.decide.language.parts import has_blocks, parts_of, until
from causeway.decide.language.patterns import Capture, Pattern
from causeway.decide.language.templates import Lookup, Template
from causeway.decide.language.values import value_of
from causeway.decide.verdict import Field

Written = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A compiled mapping; made by ``compile``. Applying it never raises."""

    template: Template
    pattern: Pattern
    text: str = field(default="", compare=False)
    """As it was written."""

    @classmethod
    def compile(cls, written: Written) -> Mapping:
        """``template=pattern`` or a pair of them; the other way round is understood as well.

        Raises ``ConfigurationError`` for what is neither.
        """
        left, right, text = _sides(written)
        try:
            return cls(_template(left), _pattern(right), text)
        except PatternError as error:
            try:
                return cls(_template(right), _pattern(left), text)
            except PatternError as reversed_error:
                # Whichever way round it was meant, the error that counts is of that way.
                is_reversed = not _is(_template, left) and (
                    _is(_pattern, left) or _is(_template, right)
                )
                raise (reversed_error if is_reversed else error) from None

    @property
    def fields(self) -> frozenset[str]:
        """All that it may fill, without ``@names``."""
        return frozenset(name for name in self.pattern.fields if not name.startswith("@"))

    @property
    def tags(self) -> frozenset[int]:
        """The attributes that it looks at."""
        return self.template.tags

    def apply(self, lookup: Lookup, said: abc.Mapping[str, str] | None = None) -> dict[str, str]:
        """The captured texts by field, as they stand; ``said`` is what earlier mappings gave.

        The first capture of a field counts that took something.
        """
        taken: dict[str, str] = {}
        for capture, text in self.captured(lookup, said or {}).items():
            taken.setdefault(capture.field, text)
        return taken

    def captured(self, lookup: Lookup, said: abc.Mapping[str, str]) -> dict[Capture, str]:
        """What each capture took; nothing if the mapping does not apply."""
        text = self.template.made(lookup, said)
        return {} if text is None else self.pattern.match(text)


def compile_mappings(
    written: str | Sequence[Written] | abc.Mapping[str, str],
) -> tuple[Mapping, ...]:
    """All mappings of a configuration, in order.

    Raises ``ConfigurationError`` for one that is none, or that refers to a field which none before
    it fills.
    """
    if isinstance(written, str):
        written = (written,)
    pairs = tuple(written.items()) if isinstance(written, abc.Mapping) else tuple(written)
    mappings = tuple(map(Mapping.compile, pairs))
    filled: set[str] = set()
    for mapping in mappings:
        if missing := sorted(mapping.template.references - filled):
            name = missing[0] if missing[0].startswith("@") else f"!{missing[0]}"
            raise PatternError(
                f"{name} is used before a mapping fills it", hint="put that mapping first"
            )
        filled |= mapping.pattern.fields
    return mappings


def extract(
    mappings: Sequence[Mapping], attributes: Attributes, *, timezone: dt.tzinfo
) -> dict[str, Field]:
    """What mappings take out of a header: values by field, and where each came from.

    ``timezone`` is the site's. Never raises, whatever the header says.
    """
    fields: dict[str, Field] = {}
    said: dict[str, str] = {}
    for number, mapping in enumerate(mappings, 1):
        taken = _values(mapping.captured(attributes.text, said), timezone)
        if taken is None or (GROUP in taken and (GROUP in fields or PROJECT in fields)):
            continue
        for name, (value, raw) in taken.items():
            if name not in said:
                said[name] = str(value)
                if not name.startswith("@"):
                    fields[name] = Field(value=value, raw=raw, origin=f"mapping {number}")
    return fields


def _values(
    captured: abc.Mapping[Capture, str], timezone: dt.tzinfo
) -> dict[str, tuple[str | float, str]] | None:
    """Values and their texts by field; None if the group that they belong to is none."""
    taken: dict[str, tuple[str | float, str]] = {}
    for capture, text in captured.items():
        value = value_of(capture.field, text, timezone=timezone, form=capture.form)
        if value is not None:
            taken.setdefault(capture.field, (value, text))
        elif capture.field == GROUP:
            return None
    return taken


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a mapping, and where it stands in the text."""

    text: str
    at: int


def _sides(written: Written) -> tuple[_Side, _Side, str]:
    if isinstance(written, tuple):
        left, right = written
        return _tidy(left, 0), _tidy(right, 0), f"{left}={right}"
    at = _divider(written)
    if at == len(written):
        if written.strip():  # a brace that is not closed hides the equals sign
            parts_of(written, what="mapping")
        raise PatternError(
            "a mapping has an equals sign",
            max(at - 1, 0),
            hint="template=pattern, for example {PatientID}=subject.label",
        )
    return _tidy(written[:at], 0), _tidy(written[at + 1 :], at + 1), written


def _tidy(side: str, at: int) -> _Side:
    """Spaces count beside braces, where they are literal text."""
    if has_blocks(side):
        return _Side(side, at)
    return _Side(side.strip(), at + len(side) - len(side.lstrip()))


def _template(side: _Side) -> Template:
    try:
        return Template.compile(side.text)
    except PatternError as error:
        raise error.moved(side.at) from None


def _pattern(side: _Side) -> Pattern:
    try:
        return Pattern.compile(side.text)
    except PatternError as error:
        raise error.moved(side.at) from None


def _is(kind: Callable[[_Side], object], side: _Side) -> bool:
    try:
        kind(side)
    except PatternError:
        return False
    return True


def _divider(text: str) -> int:
    """The first equals sign outside braces."""
    at, depth = 0, 0
    while (at := until(text, "={}", at)) < len(text):
        if text[at] == "=" and depth == 0:
            return at
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at
