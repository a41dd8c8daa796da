"""What a site knows of its devices: which pixels of their images have text.

Rules are TOML, one table for each. A rule says what it is for (``match``) and what becomes of it:
``blank`` rectangles, ``keep`` rectangles, ``pass``, or ``hold``. docs/reference/pixel-rules.md has
it all. Reading is strict: an unknown key, or a rectangle that does not fit the image that the rule
is for, is a mistake that is said with its line.
"""

from __future__ import annotations

import difflib
import enum
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from causeway.attributes import Attributes
from causeway.deidentify.pixels.area import NOTHING, Area, Rectangle
from causeway.errors import ConfigurationError

ULTRASOUND_REGIONS: Final = "ultrasound-regions"

_TEXTS: Final[Mapping[str, int]] = {
    "manufacturer": 0x00080070,
    "model": 0x00081090,
    "modality": 0x00080060,
    "software": 0x00181020,
    "station": 0x00081010,
    "sop_class": 0x00080016,
    "series_description": 0x0008103E,
    "photometric": 0x00280004,
}
_NUMBERS: Final[Mapping[str, int]] = {"rows": 0x00280010, "columns": 0x00280011}
_IMAGE_TYPE: Final = 0x00080008
MATCHED: Final = frozenset({*_TEXTS.values(), *_NUMBERS.values(), _IMAGE_TYPE})
"""Attributes that a rule can name."""
_EFFECTS: Final = ("blank", "keep", "pass", "hold")


class Effect(enum.Enum):
    """What a rule does."""

    REGIONS = "regions"
    PASS = "pass"  # noqa: S105 - no password
    HOLD = "hold"


class Ocr(enum.StrEnum):
    """What is done with text that is found in pixels that would leave."""

    OFF = "off"
    HOLD = "hold"
    REDACT = "redact"
    """Blank it and look again; what then still has text is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a rule is for. All that is said must be so; texts are patterns with ``*`` and ``?``,
    and of several any one suffices.
    """

    manufacturer: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    software: tuple[str, ...] = ()
    station: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()
    series_description: tuple[str, ...] = ()
    photometric: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()
    """Each of these patterns must fit one of the values."""
    rows: int | None = None
    columns: int | None = None

    def fits(self, attributes: Attributes) -> bool:
        """Whether all of it is so. An attribute that is missing fits no pattern."""
        for name, tag in _TEXTS.items():
            patterns: tuple[str, ...] = getattr(self, name)
            values = attributes.values.get(tag, ())
            if patterns and not any(_any_fits(pattern, values) for pattern in patterns):
                return False
        types = attributes.values.get(_IMAGE_TYPE, ())
        if not all(_any_fits(pattern, types) for pattern in self.image_type):
            return False
        for name, tag in _NUMBERS.items():
            wanted = getattr(self, name)
            if wanted is not None and attributes.first(tag).strip() != str(wanted):
                return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRule:
    """One rule."""

    name: str
    match: Match
    effect: Effect
    area: Area = NOTHING
    keeps_ultrasound_regions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All that a site says of pixels."""

    rules: tuple[RegionRule, ...] = ()
    structured_content: bool = False
    """Whether the profile cleans the content of structured reports, so that these may pass."""
    ocr: Ocr = Ocr.OFF
    ocr_frames: int = 0
    """At most so many frames of an object are read, evenly spread; 0 means all."""
    ocr_languages: str = "eng"
    digest: str = field(default="", compare=False)
    """SHA-256 over all of it: the same rules give the same bytes."""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    def matching(self, attributes: Attributes) -> list[RegionRule]:
        """In the order in which they are written."""
        return [rule for rule in self.rules if rule.match.fits(attributes)]


def _digest(rules: Rules) -> str:
    told = {
        "rules": [
            {
                "name": rule.name,
                "match": {name: getattr(rule.match, name) for name in Match.__slots__},
                "effect": rule.effect.value,
                "area": rule.area.to_document(),
                "ultrasound": rule.keeps_ultrasound_regions,
            }
            for rule in rules.rules
        ],
        "structured_content": rules.structured_content,
        "ocr": [rules.ocr.value, rules.ocr_frames, rules.ocr_languages],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _any_fits(pattern: str, values: Iterable[str]) -> bool:
    return any(fits(pattern, value.strip()) for value in values)


def fits(pattern: str, text: str) -> bool:
    """Whether the text is as the pattern says, in any case of letters.

    Only ``*`` and ``?`` are special: brackets stand in names of models. Time is at most the product
    of both lengths, whatever they are.
    """
    pattern, text = pattern.casefold(), text.casefold()
    at, star, marked = 0, -1, 0
    index = 0
    while index < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, marked = at, index
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[index]):
            at += 1
            index += 1
        elif star >= 0:
            marked += 1
            at, index = star + 1, marked
        else:
            return False
    return not pattern[at:].strip("*")


# --- reading -----------------------------------------------------------------------------------


def load_rules(path: Path) -> Rules:
    """The rules in a file. Raises ``ConfigurationError`` that says where what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not written in UTF-8") from None
    return parse_rules(text, origin=str(path))


def parse_rules(text: str, *, origin: str = "pixel rules") -> Rules:
    """The rules in a text. Raises ``ConfigurationError`` that says where what is wrong."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{origin}: {error}") from None
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if re.match(r"\s*\[\[\s*rule\s*\]\]", line)
    ]
    return rules_from_table(table, origin=origin, lines=lines)


def rules_from_table(
    table: Mapping[str, Any], *, origin: str = "pixel rules", lines: Iterable[int] = ()
) -> Rules:
    """The rules in a table that was read elsewhere; ``lines`` are those of its rules."""
    _known(table, ("rule", "structured_content", "ocr"), origin)
    structured = table.get("structured_content", False)
    if not isinstance(structured, bool):
        raise ConfigurationError(f"{origin}: structured_content is true or false")
    ocr, frames, languages = _ocr(table.get("ocr", {}), origin)
    places = list(lines)
    rules: list[RegionRule] = []
    for index, entry in enumerate(_tables(table.get("rule", []), origin)):
        place = f"{origin}, line {places[index]}" if index < len(places) else origin
        rule = _rule(entry, place)
        if any(other.name == rule.name for other in rules):
            raise ConfigurationError(f'{place}: there is another rule "{rule.name}"')
        rules.append(rule)
    return Rules(
        rules=tuple(rules),
        structured_content=structured,
        ocr=ocr,
        ocr_frames=frames,
        ocr_languages=languages,
    )


def _tables(entries: object, origin: str) -> list[Mapping[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{origin}: rules are tables", hint="written as [[rule]]")
    return entries


def _ocr(table: object, origin: str) -> tuple[Ocr, int, str]:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{origin}: ocr is a table", hint='[ocr] with found = "hold"')
    _known(table, ("found", "frames", "languages"), f"{origin}, [ocr]")
    found = table.get("found", "off")
    if found not in set(Ocr):
        raise ConfigurationError(
            f'{origin}, [ocr]: found is "off", "hold" or "redact"',
            hint="what is done with text that is found",
        )
    frames = table.get("frames", 0)
    if not isinstance(frames, int) or isinstance(frames, bool) or frames < 0:
        raise ConfigurationError(f"{origin}, [ocr]: frames is a number, 0 for all")
    languages = table.get("languages", "eng")
    if not isinstance(languages, str) or not re.fullmatch(r"[A-Za-z_]+(\+[A-Za-z_]+)*", languages):
        raise ConfigurationError(
            f"{origin}, [ocr]: languages are Tesseract's, such as eng+deu",
            hint="tesseract --list-langs has those that are installed",
        )
    return Ocr(found), frames, languages


def _rule(entry: Mapping[str, Any], place: str) -> RegionRule:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{place}: a rule has a name", hint="reports and the audit say it")
    place = f'{place}: the rule "{name}"'
    _known(entry, ("name", "match", *_EFFECTS), place)
    match = _match(entry.get("match"), place)
    said = [effect for effect in _EFFECTS if effect in entry]
    if not said:
        raise ConfigurationError(f"{place} says nothing", hint="blank, keep, pass or hold")
    if len(said) > 1 and set(said) != {"blank", "keep"}:
        raise ConfigurationError(f"{place} cannot both {' and '.join(said)}")
    if said[0] in ("pass", "hold"):
        if entry[said[0]] is not True:
            raise ConfigurationError(f"{place}: {said[0]} is true, or is left out")
        return RegionRule(name=name, match=match, effect=Effect(said[0]))
    blank, everything = entry.get("blank", []), False
    if blank == "everything":
        blank, everything = [], True
    keep = entry.get("keep", [])
    keep = keep if isinstance(keep, list) else [keep]
    ultrasound = ULTRASOUND_REGIONS in keep
    kept = [each for each in keep if each != ULTRASOUND_REGIONS]
    area = Area(
        blank=_rectangles(blank, match, place, "blank"),
        keep=(_rectangles(kept, match, place, "keep"),) if kept else (),
        everything=everything,
    )
    if not area and not ultrasound:
        raise ConfigurationError(f"{place} has no rectangle")
    return RegionRule(
        name=name,
        match=match,
        effect=Effect.REGIONS,
        area=area,
        keeps_ultrasound_regions=ultrasound,
    )


def _match(table: object, place: str) -> Match:
    if not isinstance(table, dict) or not table:
        raise ConfigurationError(
            f"{place} does not say what it is for",
            hint='match = { manufacturer = "Philips*", rows = 512, columns = 650 }',
        )
    _known(table, (*_TEXTS, *_NUMBERS, "image_type"), f"{place}, match")
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key in _NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 16:
                raise ConfigurationError(f"{place}, match: {key} is a number of pixels")
            found[key] = value
            continue
        patterns = value if isinstance(value, list) else [value]
        if not patterns or not all(isinstance(each, str) and each.strip() for each in patterns):
            raise ConfigurationError(f"{place}, match: {key} is a text, or a list of texts")
        found[key] = tuple(patterns)
    return Match(**found)


def _rectangles(entries: object, match: Match, place: str, key: str) -> tuple[Rectangle, ...]:
    if not isinstance(entries, list):
        raise ConfigurationError(
            f"{place}: {key} is a list of rectangles", hint="[[x, y, width, height], …]"
        )
    if entries and (match.rows is None or match.columns is None):
        raise ConfigurationError(
            f"{place} has rectangles, and does not say for which size of image",
            hint="rows and columns in match: elsewhere the text would stand in another place",
        )
    return tuple(_rectangle(entry, match, place, key) for entry in entries)


def _rectangle(entry: object, match: Match, place: str, key: str) -> Rectangle:
    if not (
        isinstance(entry, list)
        and len(entry) == 4
        and all(isinstance(each, int) and not isinstance(each, bool) for each in entry)
    ):
        raise ConfigurationError(
            f"{place}: each rectangle of {key} is four whole numbers", hint="[x, y, width, height]"
        )
    x, y, width, height = entry
    written = f"[{x}, {y}, {width}, {height}]"
    if min(x, y) < 0 or min(width, height) < 1:
        raise ConfigurationError(
            f"{place}: {written} is no rectangle", hint="x, y from 0; width and height from 1"
        )
    if x + width > (match.columns or 0) or y + height > (match.rows or 0):
        raise ConfigurationError(
            f"{place}: {written} reaches out of {match.columns} columns and {match.rows} rows",
            hint="[x, y, width, height], from the top left",
        )
    return Rectangle(x=x, y=y, width=width, height=height)


def _known(table: Mapping[str, Any], keys: Iterable[str], place: str) -> None:
    known = list(keys)
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise ConfigurationError(
                f'{place} has no "{key}"',
                hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}",
            )
