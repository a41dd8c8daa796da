r"""Regular expressions that people write, in time linear in the text, whatever they say.

Engines that go back and try again take years over ``(a+)+$`` and a text of thirty letters. RE2
does not go back, so that neither a configuration nor a header can stall the connector. The price is
small: no look-around and no back-references, which cannot be decided in linear time; they are
refused with what they are called. ``^`` and ``$`` are the ends of the text, ``\d``, ``\w`` and
``\s`` are ASCII, ``.`` is any character but a line feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import re2

from causeway.errors import ConfigurationError

PATTERN_CHARACTERS: Final = 1000
"""Of an expression. Longer ones are lists of words, for which the rules have ``in``."""

_PROGRAM_BYTES: Final = 1 << 20
"""Memory for a compiled expression and its automata. RE2's default is 8 MiB; this allows for some
thousand states, and so bounds the time for each character."""

_REPLACING: Final = 4_000_000
"""Characters that replacing may look at in all: each replacement may look at the rest of the text.
Never reached by the 1024 characters of an attribute's value."""


class PatternError(ConfigurationError):
    """A pattern, template or regular expression that says nothing that can be done."""

    def __init__(self, message: str, at: int = 0, *, hint: str = "") -> None:
        super().__init__(f"{message}, at character {at + 1}", hint=hint)
        self.what = message
        self.at = at
        """Index of the character where it stands."""

    def moved(self, by: int) -> PatternError:
        """The same, of a part that stands ``by`` characters further on."""
        return PatternError(self.what, self.at + by, hint=self.hint)


class Found(Protocol):
    """Where an expression was found."""

    def group(self, which: int | str = 0, /) -> str | None: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def start(self, which: int = 0, /) -> int: ...
    def end(self, which: int = 0, /) -> int: ...


Replacement = Callable[[Found], str]


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A compiled expression; made by ``compile_bounded``. Nothing of it raises at run time."""

    pattern: str
    ignore_case: bool
    program: Any = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bounded) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, self._said

    @property
    def _said(self) -> tuple[str, bool]:
        return self.pattern, self.ignore_case

    def search(self, text: str) -> Found | None:
        """Anywhere in the text."""
        found: Found | None = self.program.search(_encodable(text))
        return found

    def match(self, text: str) -> Found | None:
        """At its start."""
        found: Found | None = self.program.match(_encodable(text))
        return found

    def fullmatch(self, text: str) -> Found | None:
        """The whole text."""
        found: Found | None = self.program.fullmatch(_encodable(text))
        return found

    def sub(self, replacement: str | Replacement, text: str) -> str:
        r"""The text with ``replacement`` for each place where the expression is found.

        ``\1`` and ``\g<name>`` stand for what a group has captured. Raises ``PatternError`` for a
        replacement in text that names a group that is not there; ``replacement`` reads it ahead.
        """
        make = self.replacement(replacement) if isinstance(replacement, str) else replacement
        text = _encodable(text)
        parts, end = [], 0
        for found in self._each(text):
            parts += [text[end : found.start()], make(found)]
            end = found.end()
        return "".join([*parts, text[end:]])

    def replacement(self, text: str) -> Replacement:
        r"""What ``sub`` puts in, read once: text with ``\1``, ``\g<1>``, ``\g<name>``, ``\\``."""
        parts: list[str] = []
        groups: list[int | str] = []
        end = 0
        for escape in _ESCAPE.finditer(text):
            parts.append(text[end : escape.start()])
            end = escape.end()
            name = escape[1] or escape[2]
            if name is None:
                parts[-1] += escape[3]
                groups.append(-1)
                continue
            group: int | str = int(name) if name.isdigit() else name
            known = self.program.groupindex
            if group not in known and not (isinstance(group, int) and group <= self.program.groups):
                raise PatternError(f"there is no group {name} to put in", escape.start())
            groups.append(group)
        parts.append(text[end:])

        def make(found: Found) -> str:
            made = [parts[0]]
            for group, part in zip(groups, parts[1:], strict=True):
                if group != -1:
                    made.append(found.group(group) or "")
                made.append(part)
            return "".join(made)

        return make

    def _each(self, text: str) -> Iterator[Found]:
        allowed = max(16, _REPLACING // (len(text) + 1))
        for number, found in enumerate(self.program.finditer(text)):
            if number == allowed:
                return
            yield found


def compile_bounded(pattern: str, *, ignore_case: bool = False) -> Bounded:
    """Raises ``PatternError`` for what is no expression, or one that linear time does not allow."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise PatternError(
            f"the expression is longer than {PATTERN_CHARACTERS} characters", PATTERN_CHARACTERS
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PROGRAM_BYTES
    options.case_sensitive = not ignore_case
    try:
        program = re2.compile(pattern, options)
    except UnicodeEncodeError as error:
        raise PatternError("half of a surrogate pair is no character", error.start) from None
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise _refused(pattern, said.decode() if isinstance(said, bytes) else str(said)) from None
    return Bounded(pattern, ignore_case, program)


def _again(pattern: str, ignore_case: bool) -> Bounded:
    return compile_bounded(pattern, ignore_case=ignore_case)


# --- what is refused ------------------------------------------------------------------------------

_LINEAR = "so that every expression takes linear time"
_AROUND = ("look-around is not supported", f"{_LINEAR}; write what stands around as a part of it")
_BACK = ("a back-reference is not supported", f"{_LINEAR}; write the alternatives out")
_ATOMIC = ("an atomic or possessive group is not supported", "nor needed: leave it out")
_CONSTRUCTS: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    (r"\(\?<?[=!]", _AROUND),
    (r"\\[1-9]|\\g|\\k|\(\?P(?!<)", _BACK),
    (r"\(\?>|\+\+|\*\+|\?\+", _ATOMIC),
    (r"\(\?\(", ("a condition on a group is not supported", f"{_LINEAR}; write both cases out")),
    (r"\(\?#", ("a comment is not supported", "leave it out")),
    (r"\\Z", (r"\Z is not known", r"the end of the text is \z or $")),
    (r"\\[uUN]", ("an escape by code point is not known", r"write the character, or \x{00E9}")),
)
_KNOWN: Final = {
    "missing )": ("a parenthesis is not closed", "put a backslash before one that is meant"),
    "unexpected )": ("a parenthesis was never opened", "put a backslash before one that is meant"),
    "missing ]": ("a bracket is not closed", "put a backslash before one that is meant"),
    "no argument for repetition operator": ("there is nothing to repeat", ""),
    "bad repetition operator": ("a repetition of a repetition", ""),
    "invalid repetition size": ("a repetition is over 1000 times", ""),
    "invalid escape sequence": ("an escape that is not known", ""),
    "trailing \\": ("a backslash at the end escapes nothing", ""),
    "invalid character class range": ("a range runs backwards", ""),
    "invalid named capture group": ("a group's name is not one, or is there twice", ""),
    "duplicate capture group name": ("a group's name is there twice", ""),
    "pattern too large": ("the expression is too large when written out", "repeat less often"),
}


def _refused(pattern: str, said: str) -> PatternError:
    """RE2's words for an operator; it says the part that it did not like, and not where."""
    kind, _, part = said.partition(": ")
    at = max(pattern.find(part), 0)
    for construct, (what, hint) in _CONSTRUCTS:
        if re.match(construct, part) and (found := re.search(construct, pattern[at:])):
            return PatternError(f"{what} ({found[0]})", at + found.start(), hint=hint)
    for known, (what, hint) in _KNOWN.items():
        if kind.startswith(known):
            if known.startswith(("missing", "trailing")):  # the part is all that was there
                return PatternError(what, len(pattern) - 1, hint=hint)
            return PatternError(f"{what} ({part})" if part else what, at, hint=hint)
    return PatternError(f"no regular expression: {kind}", at)


# --- text -----------------------------------------------------------------------------------------

_ESCAPE: Final = re.compile(r"\\(?:([1-9][0-9]?)|g<(\w+)>|(.))", re.DOTALL)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def _encodable(text: str) -> str:
    """Halves of surrogate pairs, which decoding may leave, have no bytes in UTF-8."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
