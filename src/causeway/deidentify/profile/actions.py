"""Which action fits which attribute, and what a value must be like: found out while one writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from causeway.attributes import name_of, tag_of
from causeway.deidentify.edit.syntax import TEXT_VRS, dictionary_vr
from causeway.deidentify.plan import Action
from causeway.deidentify.profile.model import Treatment
from causeway.deidentify.profile.selectors import ByMask, ByPath, ByTag, Selector
from causeway.errors import ConfigurationError

_WORDS: Final = TEXT_VRS | {"AE", "CS", "UR"}
FITS: Final[Mapping[Action, frozenset[str]]] = {
    Action.UID: frozenset({"UI"}),
    Action.SHIFT: frozenset({"DA", "DT", "TM"}),
    Action.AGE: frozenset({"AS"}),
    Action.PSEUDONYM: _WORDS,
    Action.CLEAN: _WORDS,
    Action.EDIT: _WORDS | {"AS", "DA", "DS", "DT", "IS", "TM"},
}
"""VRs that an action can be done to; an action that is not listed can be done to all."""

MARKERS: Final = frozenset(
    map(
        tag_of,
        (
            "PatientIdentityRemoved",
            "DeidentificationMethod",
            "DeidentificationMethodCodeSequence",
            "LongitudinalTemporalInformationModified",
        ),
    )
)
"""What says that an object was de-identified. Written for each, by what was done."""

# Without them nothing can be read, filed or referred to; pixels are judged by a gate of their own.
_ONLY: Final[Mapping[int, tuple[Action, ...]]] = {
    tag_of("SpecificCharacterSet"): (Action.KEEP,),
    tag_of("SOPClassUID"): (Action.KEEP,),
    tag_of("SOPInstanceUID"): (Action.KEEP, Action.UID),
    tag_of("StudyInstanceUID"): (Action.KEEP, Action.UID),
    tag_of("SeriesInstanceUID"): (Action.KEEP, Action.UID),
    tag_of("PixelData"): (Action.KEEP,),
    tag_of("FloatPixelData"): (Action.KEEP,),
    tag_of("DoubleFloatPixelData"): (Action.KEEP,),
    tag_of("BurnedInAnnotation"): (Action.KEEP, Action.REMOVE),
}

# Characters that a value may have (PS3.5 table 6.2-1).
_LONGEST: Final[Mapping[str, int]] = {
    "AE": 16,
    "CS": 16,
    "DS": 16,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "PN": 194,
    "SH": 16,
    "ST": 1024,
    "UI": 64,
}
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "AS": (r"[0-9]{3}[DWMY]", "three digits and D, W, M or Y, such as 045Y"),
    "CS": (r"[A-Z0-9 _]*", "capital letters, digits, spaces and underscores"),
    "DA": (r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", "a date such as 20200131"),
    "DS": (r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", "a number"),
    "DT": (r"[0-9]{4,14}(\.[0-9]{1,6})?([+-][0-9]{4})?", "a date and time such as 20200131120000"),
    "FD": (r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", "a number"),
    "FL": (r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", "a number"),
    "IS": (r"[+-]?[0-9]+", "a whole number"),
    "SL": (r"[+-]?[0-9]+", "a whole number"),
    "SS": (r"[+-]?[0-9]+", "a whole number"),
    "TM": (r"[0-9]{2}([0-9]{2}([0-9]{2}(\.[0-9]{1,6})?)?)?", "a time such as 120000"),
    "UI": (r"[0-9]+(\.[0-9]+)+", "a UID"),
    "UL": (r"[0-9]+", "a whole number, not below 0"),
    "US": (r"[0-9]+", "a whole number, not below 0"),
}
_NOT_REPLACED: Final = frozenset({"AT", "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN"})
_ONE_VALUE: Final = frozenset({"LT", "ST", "UT", "UR"})


def check_fit(selector: Selector, treatment: Treatment) -> None:
    """Raises ``ConfigurationError`` for an action that cannot be done to an attribute."""
    match selector:
        case ByTag(tag):
            _check(tag, treatment)
        case ByPath(tags):
            for sequence in tags[:-1]:
                if dictionary_vr(sequence) not in ("SQ", ""):
                    raise ConfigurationError(
                        f"{name_of(sequence)} is no sequence, so nothing is in it",
                        hint="a path goes through sequences: Sequence.*.Attribute",
                    )
            _check(tags[-1], treatment)
            if treatment.inserts:
                raise ConfigurationError(
                    "at a path nothing is inserted",
                    hint="take out the insertion: what is there will be replaced",
                )
        case ByMask() if treatment.action not in (Action.KEEP, Action.REMOVE):
            raise ConfigurationError(
                "repeating groups can be kept or removed, not changed", hint="keep or remove them"
            )
        case _ if treatment.inserts:
            raise ConfigurationError(
                "a private attribute cannot be inserted", hint="insert one that PS3.6 lists"
            )


def _check(tag: int, treatment: Treatment) -> None:
    action, vr, name = treatment.action, dictionary_vr(tag), name_of(tag)
    if tag in MARKERS:
        raise ConfigurationError(
            f"{name} says what was done, and is written for each object",
            hint="take it out; the profile's name, digest and codes will be in it",
        )
    if tag in _ONLY and action not in _ONLY[tag]:
        allowed = " or ".join(word_of(each) for each in _ONLY[tag])
        raise ConfigurationError(
            f"{name} cannot be treated by {word_of(action)}",
            hint=f"only {allowed} leaves an object that can be used",
        )
    fits = FITS.get(action)
    if fits is not None and vr and vr not in fits:
        raise ConfigurationError(
            f"{word_of(action)} cannot be done to {name}, whose VR is {vr}",
            hint=f"it is for {', '.join(sorted(fits))}",
        )
    if action is Action.REPLACE:
        _check_value(name, vr, treatment)


def _check_value(name: str, vr: str, treatment: Treatment) -> None:
    value = treatment.value
    if vr in _NOT_REPLACED:
        raise ConfigurationError(
            f"{name} has the VR {vr}, of which no value can be written here",
            hint="remove it, empty it, or put a dummy in its place",
        )
    if treatment.inserts and not value.isascii():
        raise ConfigurationError(
            "what is inserted must be ASCII, since an object may have no other characters",
            hint="write it without accents, or do not insert it",
        )
    if not value.isprintable() and vr not in _ONE_VALUE:
        raise ConfigurationError(f"{name} cannot have control characters", hint="one line of text")
    for each in [value] if vr in _ONE_VALUE else value.split("\\"):
        longest = _LONGEST.get(vr)
        if longest is not None and len(each) > longest:
            raise ConfigurationError(
                f"{name} has room for {longest} characters (VR {vr}), not for {len(each)}",
                hint=f'for example "{each[:longest]}"',
            )
        form = _FORMS.get(vr)
        if each and form is not None and re.fullmatch(form[0], each) is None:
            raise ConfigurationError(f'"{each}" is no value of {name} (VR {vr})', hint=form[1])


_NAMES: Final[Mapping[str, Action]] = {
    "keep": Action.KEEP,
    "remove": Action.REMOVE,
    "empty": Action.EMPTY,
    "dummy": Action.DUMMY,
    "replace": Action.REPLACE,
    "clean": Action.CLEAN,
    "uid": Action.UID,
    "pseudonym": Action.PSEUDONYM,
    "shift": Action.SHIFT,
    "age": Action.AGE,
    "rewrite": Action.EDIT,
}
WORDS: Final = tuple(_NAMES)
"""Actions as profiles call them."""


def action_of(word: str) -> Action:
    return _NAMES[word]


def word_of(action: Action) -> str:
    return next((word for word, named in _NAMES.items() if named is action), action.value)
