"""What a rule of a profile is about: an attribute, wherever it is or at one path, or several.

========================================  =====================================================
``PatientComments``                       an attribute by its keyword, at any depth
``(0010,4000)``, ``00104000``             by its tag
``(60xx,3000)``, ``50xxxxxx``             those of repeating groups
``RequestAttributesSequence.*.StudyDate`` in the items of a sequence only
``(0019,"SIEMENS MR HEADER",0C)``         a private one, by group, creator and last two digits
``(0019,"SIEMENS MR HEADER",*)``          all of a creator in a group
========================================  =====================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from causeway.attributes import name_of, tag_of
from causeway.errors import ConfigurationError

_TAG: Final = re.compile(r"\(?\s*(?:0[xX])?([0-9a-fA-F]{4})\s*,?\s*([0-9a-fA-F]{4})\s*\)?")
_REPEATING: Final = re.compile(r"\(?\s*(50|60)[xX]{2}\s*,?\s*([0-9a-fA-FxX]{4})\s*\)?")
_PRIVATE: Final = re.compile(
    r"\(\s*([0-9a-fA-F]{4})\s*,\s*[\"']([^\"']+)[\"']\s*,\s*(?:[xX]{2})?([0-9a-fA-F]{2}|\*)\s*\)"
)
_INDEX: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ByTag:
    tag: int

    def __str__(self) -> str:
        return name_of(self.tag)


@dataclass(frozen=True, slots=True)
class ByMask:
    """Tags with ``tag & mask == value``."""

    mask: int
    value: int

    def __str__(self) -> str:
        digits = "".join(
            digit if f"{self.mask:08X}"[at] == "F" else "x"
            for at, digit in enumerate(f"{self.value:08X}")
        )
        return f"({digits[:4]},{digits[4:]})"


@dataclass(frozen=True, slots=True)
class ByPath:
    """From the outermost sequence to the attribute."""

    tags: tuple[int, ...]
    index_told: bool = False
    """Whether an item was named by its number; the rule is for all of them nevertheless."""

    def __str__(self) -> str:
        return ".*.".join(map(name_of, self.tags))


@dataclass(frozen=True, slots=True)
class ByCreator:
    """Private attributes of a creator: one, or all in a group."""

    group: int
    creator: str
    element: int | None

    def __str__(self) -> str:
        element = "*" if self.element is None else f"{self.element:02X}"
        return f'({self.group:04X},"{self.creator}",{element})'

    def keys(self) -> tuple[tuple[int, str, int], ...]:
        """As ``Plan.private`` has them."""
        elements = range(256) if self.element is None else (self.element,)
        name = self.creator.strip().lower()
        return tuple((self.group, name, element) for element in elements)


Selector = ByTag | ByMask | ByPath | ByCreator


def selector(text: str) -> Selector:
    """What ``text`` names. Raises ``ConfigurationError`` with what would be right."""
    text = text.strip()
    if (private := _PRIVATE.fullmatch(text)) is not None:
        return _by_creator(private[1], private[2], private[3])
    if (repeating := _REPEATING.fullmatch(text)) is not None:
        digits = f"{repeating[1]}XX{repeating[2]}".upper()
        return ByMask(
            mask=int("".join("0" if digit == "X" else "F" for digit in digits), 16),
            value=int(digits.replace("X", "0"), 16),
        )
    if "." in text:
        return _by_path(text)
    return ByTag(_tag(text))


def _by_creator(group: str, creator: str, element: str) -> ByCreator:
    number = int(group, 16)
    if number % 2 == 0 or not creator.strip():
        raise ConfigurationError(
            f"({group},…) is no private group", hint="private groups have odd numbers, as 0019 has"
        )
    return ByCreator(number, creator.strip(), None if element == "*" else int(element, 16))


def _by_path(text: str) -> ByPath:
    parts = [part.strip() for part in text.split(".")]
    names, items = parts[::2], parts[1::2]
    if len(parts) % 2 == 0 or not all(i == "*" or _INDEX.fullmatch(i) for i in items):
        raise ConfigurationError(
            f'"{text}" is no path',
            hint="sequence, `*` for its items, and so on to the attribute: "
            "RequestAttributesSequence.*.ScheduledProcedureStepID",
        )
    return ByPath(tuple(_tag(name) for name in names), any(item != "*" for item in items))


def _tag(text: str) -> int:
    found = _TAG.fullmatch(text)
    tag = int(found[1] + found[2], 16) if found else tag_of(text)
    if tag >> 16 & 1:
        raise ConfigurationError(
            f"{text} is private, and says nothing without its creator",
            hint=f'write it as ({tag >> 16:04X},"CREATOR",{tag & 0xFF:02X})',
        )
    if tag >> 16 in (0, 2) or tag >> 16 == 0xFFFE or tag & 0xFFFF == 0:
        raise ConfigurationError(
            f"{text} is not of a data set",
            hint="file meta information is written anew for each object; leave it out",
        )
    return tag
