"""What a rule can ask for: attributes of the header, and what else is known of a series."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes, name_of, tag_of
from causeway.decide.rules.errors import RuleError
from causeway.decide.rules.kinds import Kind, kind_of
from causeway.decide.rules.lexer import Sort, Token
from causeway.dictionary import dictionary_vm, dictionary_vr
from causeway.errors import ConfigurationError
from causeway.schedule import DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """What rules are asked about. A text that is empty counts as absent."""

    attributes: Attributes
    source: str = ""
    calling_ae: str = ""
    called_ae: str = ""
    group: str = ""
    project: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    acquisition: str = field(default="", repr=False)
    now: dt.datetime
    """Aware; ``time`` and ``weekday`` are those of its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """Something that has a value, several, or none."""

    name: str
    kind: Kind
    tag: int | None = None
    """None for what is no attribute."""
    is_single: bool = True
    """Whether it can have one value only. An attribute for which PS3.6 allows one has one: a
    backslash in it is a part of the text, as in paths that people write into comments."""

    @property
    def is_clock(self) -> bool:
        """Whether it is of the moment, and so neither absent nor empty."""
        return self.name in _NOW

    def read(self, facts: RuleFacts) -> tuple[str, ...] | None:
        """Its values; none if it is there and empty, None if it is absent."""
        if self.tag is None:
            said = _FIELDS[self.name](facts).strip()
            return (said,) if said else None
        values = facts.attributes.values.get(self.tag)
        if values is None or not any(value.strip() for value in values):
            return None if values is None else ()
        return ("\\".join(values),) if self.is_single else values


_FIELDS: Final[Mapping[str, Callable[[RuleFacts], str]]] = {
    "source": lambda facts: facts.source,
    "calling_ae": lambda facts: facts.calling_ae,
    "called_ae": lambda facts: facts.called_ae,
    "group": lambda facts: facts.group,
    "project": lambda facts: facts.project,
    "subject": lambda facts: facts.subject,
    "session": lambda facts: facts.session,
    "acquisition": lambda facts: facts.acquisition,
    "weekday": lambda facts: DAYS[facts.now.weekday()],
    "time": lambda facts: f"{facts.now.hour:02}:{facts.now.minute:02}",
}
FIELDS: Final = tuple(_FIELDS)
_NOW: Final[Mapping[str, Kind]] = {"weekday": Kind.WEEKDAY, "time": Kind.CLOCK}
WORDS: Final = (
    "and",
    "or",
    "not",
    "in",
    "like",
    "matches",
    "contains",
    "exists",
    "missing",
    "empty",
)
_PIXELS: Final = 0x7FE00000


def operand_of(token: Token, text: str) -> Operand:
    """What a name or tag in a rule stands for. Raises ``RuleError``, with the nearest name."""
    name = token.text.lower()
    if token.sort is Sort.NAME and name in _FIELDS:
        return Operand(name=name, kind=_NOW.get(name, Kind.TEXT))
    try:
        tag = tag_of(token.text)
    except ConfigurationError as error:
        hint = error.hint
        if near := difflib.get_close_matches(name, (*FIELDS, *WORDS), n=1, cutoff=0.75):
            hint = f"did you mean {near[0]}?"
        elif "did you mean" not in hint:
            hint = f"{hint}, or {', '.join(FIELDS)}; texts stand in quotes"
        raise RuleError(f'there is no "{token.text}"', text, token.at, hint=hint) from None
    return _attribute(tag, token, text)


def _attribute(tag: int, token: Token, text: str) -> Operand:
    if tag >> 16 in (0x0000, 0x0002):
        raise RuleError(
            f"{token.text} belongs to files and messages, and not to the data set",
            text,
            token.at,
            hint="use calling_ae, called_ae, or an attribute of the data set",
        )
    try:
        vr, vm = dictionary_vr(tag), dictionary_vm(tag)
    except KeyError:  # private, or newer than the dictionary
        return Operand(name=name_of(tag), kind=Kind.OPEN, tag=tag, is_single=False)
    kind = kind_of(vr)
    if kind is None or tag >= _PIXELS:
        raise RuleError(
            f"{token.text} holds no text ({vr})",
            text,
            token.at,
            hint="an attribute of the top level with text or numbers",
        )
    return Operand(name=name_of(tag), kind=kind, tag=tag, is_single=vm == "1")
