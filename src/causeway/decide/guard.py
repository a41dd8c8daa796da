"""The guard: does a routing string give away who the patient is?

Routing strings are typed at the console, beside the patient's name, and become the labels of a
research platform. A string that holds a part of the patient's name, the date of birth, or an ID is
held and shown; which of them, and never the value.

Names are looked for without regard to case, accents and what stands between words, and umlauts in
both of their spellings. What has under ``SHORT`` characters counts only as a whole word, or every
"Lee" would hold every "sleep". Particles (van, de, …) and single Latin letters say nothing.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from causeway.attributes import Attributes, name_of
from causeway.decide.moments import parsed
from causeway.decide.routing import LEVELS, Routing

SHORT: Final = 4
"""Characters below which a word counts only by itself."""

_NAMES: Final = (0x00100010, 0x00101001, 0x00101005)  # PatientName, OtherPatientNames, birth name
_IDS: Final = (0x00100020, 0x00101000)  # PatientID, OtherPatientIDs
_BIRTH_DATE: Final = 0x00100030

_PARTICLES_TEXT: Final = """
al am bin da das de del della den der des di do dos du el ibn la las le los ten ter van vom von und
y zu zum zur
"""
_PARTICLES: Final = frozenset(_PARTICLES_TEXT.split())
_PERSON_COMPONENTS: Final = 3
"""Family, given and middle name (PS3.5 6.2.1); prefixes and suffixes are shared by many."""
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})
_PLAIN: Final = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})


class Kind(enum.StrEnum):
    """What of the patient was found."""

    NAME = "name"
    BIRTH_DATE = "birth date"
    ID = "ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """That a routing string gives the patient away."""

    kinds: tuple[Kind, ...]
    where: str
    """The attribute that the string stands in."""

    @property
    def reason(self) -> str:
        """As a sentence, without the values."""
        *most, last = self.kinds
        told = f"{', '.join(most)} and {last}" if most else last
        return f"the routing string in {self.where} holds the patient's {told}"


def exposed(routing: Routing, attributes: Attributes) -> Exposed | None:
    """What the string gives away of the patient; None if nothing. Never raises."""
    # Its parts, and not the whole attribute: notes on other lines become no labels.
    parts = (getattr(routing, level) for level in LEVELS)
    return exposed_in("/".join(filter(None, parts)), attributes, where=routing.where)


def exposed_in(text: str, attributes: Attributes, *, where: str) -> Exposed | None:
    """The same, of a text that stood in the attribute ``where``.

    That attribute is not compared: a string in PatientID is the patient's ID, by the site's choice.
    """
    kinds = []
    if any(_says_name(text, name) for name in _others(attributes, _NAMES, where)):
        kinds.append(Kind.NAME)
    if any(_says_date(text, date) for date in _others(attributes, (_BIRTH_DATE,), where)):
        kinds.append(Kind.BIRTH_DATE)
    if any(_says_id(text, identity) for identity in _others(attributes, _IDS, where)):
        kinds.append(Kind.ID)
    return Exposed(kinds=tuple(kinds), where=where) if kinds else None


def _others(attributes: Attributes, tags: tuple[int, ...], where: str) -> Iterator[str]:
    for tag in tags:
        if name_of(tag) != where:
            yield from attributes.values.get(tag, ())


# --- names and IDs --------------------------------------------------------------------------------


def _says_name(said: str, name: str) -> bool:
    texts = _spellings(said)
    return any(
        _has_word(text, spelling)
        for word in _words_of(name)
        for spelling in _spellings(word)
        for text in texts
    )


def _words_of(name: str) -> Iterator[str]:
    """The words of a name that say who somebody is, in each of its groups."""
    for group in name.split("="):
        components = [part for part in group.split("^")[:_PERSON_COMPONENTS] if part.strip()]
        for component in components:
            words = re.findall(r"[^\W_]+", component)
            for word in words:
                alone = len(word) == 1 and word.isascii()
                if not alone and not word.isdigit() and word.casefold() not in _PARTICLES:
                    yield word
        # Where names are written without a space between, they have few characters each.
        if len(components) > 1 and not group.isascii():
            family, given = components[0].strip(), components[1].strip()
            yield from (family + given, given + family)


def _spellings(text: str) -> frozenset[str]:
    """Without case and accents; umlauts as one letter and as two."""
    composed = unicodedata.normalize("NFC", text).casefold()
    return frozenset({_bare(composed), _bare(composed.translate(_UMLAUTS))})


def _bare(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(char for char in apart if not unicodedata.combining(char))


def _has_word(text: str, word: str) -> bool:
    if len(word) >= SHORT:
        return word in text
    if not word:  # of marks only
        return False
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text) is not None


def _says_id(said: str, identity: str) -> bool:
    said, identity = said.casefold(), identity.strip().casefold()
    if identity.isdecimal():
        # A number is found only as a whole number, whatever zeros stand before it.
        digits = identity.lstrip("0") or "0"
        return re.search(rf"(?<![0-9])0*{re.escape(digits)}(?![0-9])", said) is not None
    if not re.search(r"[^\W_]", identity):
        return False
    if _has_word(said, identity):
        return True
    squeezed = re.sub(r"[\W_]", "", identity)
    return len(squeezed) >= SHORT and squeezed in re.sub(r"[\W_]", "", said)


# --- dates ----------------------------------------------------------------------------------------

_MONTHS: Final = re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec")


def _says_date(said: str, birth: str) -> bool:
    moment = parsed(birth, "")
    return moment is not None and _notations(moment.date()).search(said.casefold()) is not None


@lru_cache(maxsize=64)
def _notations(day: dt.date) -> re.Pattern[str]:
    """19800103, 800103 and 030180; 1980-1-3, 3.1.80 and 01/03/1980; 3 Jan 1980 and jan031980."""
    year, short = f"{day.year:04}", f"{day.year % 100:02}"
    month, date = f"{day.month:02}", f"{day.day:02}"
    bare_month, bare_date = f"0?{day.month}", f"0?{day.day}"
    named = f"{_MONTHS[day.month - 1]}[a-z]*"
    # Eight digits are a date even in a longer number, as in national IDs; six only by themselves.
    found = [f"{year}{month}{date}", f"{date}{month}{year}", f"{month}{date}{year}"]
    apart = [f"{short}{month}{date}", f"{date}{month}{short}", f"{month}{date}{short}"]
    for a_year in (year, short):
        apart += [
            r"[-._/\s]+".join(order)
            for order in (
                (a_year, bare_month, bare_date),
                (bare_date, bare_month, a_year),
                (bare_month, bare_date, a_year),
            )
        ]
        apart += [
            r"[-._/\s,]*".join(order)
            for order in ((bare_date, named, a_year), (named, bare_date, a_year))
        ]
    apart.append(rf"{year}[-._/\s,]*{named}[-._/\s,]*{bare_date}")
    found += [f"(?<![0-9]){notation}(?![0-9])" for notation in apart]
    return re.compile("|".join(found))
