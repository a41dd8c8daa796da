"""What the base of a profile asks for, row by row of the table: the options' conflicts end here.

Where two options speak of one row, the one that protects more wins. What a code of an option means
here (PS3.15 leaves it to the implementation):

- *Retain … K*: kept, but ages over 89 years are capped unless the profile keeps them.
- *Modified dates, C*: dates are moved by the patient's days; times stay, as days are whole (what is
  no time of day goes, since it may be a date), and so does the offset from UTC. Not moved are the
  versions of context groups and templates: everybody knows these dates, and who compared them would
  know by how much a patient's dates were moved.
- *Clean descriptors, C* and *patient characteristics, C*: texts by vocabulary; sequences stay, and
  what is in them is treated by its own rules.
- *Device identity, C* (titles of application entities): pseudonyms, so that devices can be told
  apart.
- *Clean structured content, C*: the tree of content items stays, with its codes and numbers;
  names, dates, UIDs and texts in it are treated.
- *Clean graphics, C*: graphic annotations stay, their texts become dummies; curves and overlays are
  pictures that cannot be read here, and are removed.
- What cannot be cleaned, such as a blob, follows the Basic Profile.
"""

from __future__ import annotations

from typing import Final

from causeway.attributes import tag_of
from causeway.deidentify.edit.syntax import TEXT_VRS, dictionary_vr
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.profile.descriptors import Descriptors
from causeway.deidentify.profile.model import Ages, Profile
from causeway.deidentify.profile.protection import protection
from causeway.deidentify.standard import Option, Row, title_of

PATIENT_ID: Final = tag_of("PatientID")
_TIMEZONE: Final = tag_of("TimezoneOffsetFromUTC")
_PUBLIC_DATES: Final = frozenset(
    map(
        tag_of,
        ("ContextGroupVersion", "ContextGroupLocalVersion", "TemplateVersion"),
    )
) | {tag_of("TemplateLocalVersion")}
_CLEANED_TEXTS: Final = TEXT_VRS | {"CS"}
# Whose value must not be empty wherever the table asks for a dummy.
_WITH_DUMMY: Final = frozenset(
    {
        Action.DUMMY,
        Action.EMPTY_OR_DUMMY,
        Action.REMOVE_OR_DUMMY,
        Action.REMOVE_OR_EMPTY_OR_DUMMY,
    }
)
DUMMY_TEXT: Final = "REMOVED"


def rule_of(row: Row, profile: Profile) -> Rule:
    """What the base and its options ask for."""
    basic = _basic(row)
    if not row.options_known:
        return basic
    chosen = sorted(option for option in row.options if option in profile.options)
    candidates = [
        made for option in chosen if (made := _optional(row, option, profile, basic)) is not None
    ]
    vr = dictionary_vr(row.value)
    return max(candidates, key=lambda rule: protection(rule, vr), default=basic)


def _basic(row: Row) -> Rule:
    # A pseudonym is a dummy that tells patients apart: without it nothing could be filed.
    action = Action.PSEUDONYM if row.value == PATIENT_ID else row.basic
    return Rule(action=action, origin=row.origin)


def _optional(row: Row, option: Option, profile: Profile, basic: Rule) -> Rule | None:
    """What one option does; None where it leaves the row to the others or to the base."""
    code, tag, vr = row.options[option], row.value, dictionary_vr(row.value)
    origin = title_of(option)
    if code is Action.KEEP:
        if vr == "AS" and profile.ages is not Ages.KEPT:
            if profile.ages is Ages.REMOVED:
                return basic
            return Rule(action=Action.AGE, origin=origin)
        return Rule(action=Action.KEEP, origin=origin)
    match option:
        case Option.RETAIN_MODIFIED_DATES:
            return _moved(tag, vr, origin, basic)
        case Option.RETAIN_DEVICE_IDENTITY:
            return Rule(action=Action.PSEUDONYM, origin=origin)
        case Option.CLEAN_GRAPHICS if row.is_repeating:
            return basic
        case _ if vr == "SQ":
            # It stays, and its items are treated by their own rules, as those of all that stay.
            return Rule(action=Action.KEEP, origin=origin)
        case _ if vr in _CLEANED_TEXTS:
            left = DUMMY_TEXT if row.basic in _WITH_DUMMY else ""
            return Rule(action=Action.CLEAN, origin=origin, edit=cleaner(profile, left))
    return basic


def _moved(tag: int, vr: str, origin: str, basic: Rule) -> Rule:
    if tag in _PUBLIC_DATES:
        return basic
    if vr in ("DA", "DT", "TM"):
        return Rule(action=Action.SHIFT, origin=origin)
    if tag == _TIMEZONE:
        return Rule(action=Action.KEEP, origin=origin)
    return basic


def cleaner(profile: Profile, nothing_left: str = "") -> Descriptors:
    return Descriptors(
        words=profile.words, without=profile.without_words, nothing_left=nothing_left
    )
