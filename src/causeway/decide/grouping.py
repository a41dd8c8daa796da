"""How a series becomes acquisitions: one for all of it, unless a rule says otherwise.

What splits, in this order:

1. screen captures and, if wished, objects of radiotherapy go with the series that they refer to;
2. localizers inside a series of images are told by Image Type, then by how they lie (``geometry``);
3. the rest is split by the values of the attributes that the rule names. Siemens and Bruker count
   repetitions in Acquisition Number, so theirs are never split by it; nor are multi-frame objects,
   each of which is a whole already.

A group's key follows from what is in it, not from what came first, so that ``explain`` finds the
same groups in files as the connector does in what arrives. Only which group is the main one, with
an empty key, depends on the others. An instance that went out under a key keeps its group at that
key, whatever arrives later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes, name_of
from causeway.decide.agreement import Disagreement, disagreements
from causeway.decide.instances import (
    ACQUISITION_NUMBER,
    IMAGE_TYPE,
    LOCALIZER,
    MANUFACTURER,
    SERIES_INSTANCE_UID,
    SPLITTABLE,
    InstanceFacts,
    is_radiotherapy,
    is_screenshot,
    is_whole,
    localizers,
    number_of,
    target_of,
    value_of,
)
from causeway.decide.labels import sanitised
from causeway.decide.verdict import GroupingRules, Localizers, Related, Screenshots

__all__ = [
    "MAIN",
    "SPLITTABLE",
    "Disagreement",
    "Group",
    "InstanceFacts",
    "disagreements",
    "groups",
]

MAIN: Final = ""
FIRST: Final = "1"
"""The Acquisition Number of what has none, or a smaller one."""

SHORT_CHARACTERS: Final = 40
"""Of what a label gets behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Instances that make one acquisition, or go into that of another series."""

    key: str = field(repr=False)
    """Tells it from the other groups of its series, for ever; empty for the main one."""
    label_suffix: str = field(repr=False)
    """For ``labels.suffixed``; empty for the main one."""
    acquisition_uid: str = field(repr=False)
    attach_to: str = field(repr=False)
    """The series in whose acquisition it goes; empty for its own."""
    members: tuple[int | str, ...]
    reason: str
    """Why it is one, without patient data."""


@dataclass(frozen=True, slots=True, order=True)
class _Class:
    """What the members of a group have in common; ordered, the main one first."""

    kind: str = ""
    """Nothing, ``localizer``, ``related`` or ``screenshots``."""
    order: tuple[tuple[bool, bool, bool, bool, int, str], ...] = ()
    values: tuple[tuple[int, str], ...] = ()
    attach_to: str = ""

    @property
    def key(self) -> str:
        if self.attach_to:
            return f"{self.kind}={_digest(self.attach_to)}"
        parts = [f"{name_of(tag)}={_keyed(text)}" for tag, text in self.values]
        return self.kind or ";".join(parts) or "images"


def groups(
    series: Attributes, instances: Sequence[InstanceFacts], rules: GroupingRules
) -> tuple[Group, ...]:
    """The groups of a series, the main one first; members in the order in which they came in.

    ``series`` is its newest header. Every instance is in one group. Never raises.
    """
    classes: dict[_Class, list[InstanceFacts]] = {}
    split_by = _split_by(series, rules)
    rest = []
    for instance in instances:
        target, kind = target_of(series, instance, rules)
        if target:
            classes.setdefault(_Class(kind=kind, attach_to=target), []).append(instance)
        else:
            rest.append(instance)
    apart: frozenset[int] = frozenset()
    if rules.localizers is Localizers.SPLIT:
        apart = localizers(rest, lambda each: _class_by(each, split_by))
    for position, instance in enumerate(rest):
        found = _Class(kind="localizer") if position in apart else _class_by(instance, split_by)
        classes.setdefault(found, []).append(instance)
    keys = _keys(classes)
    made = [
        _group(series, each, keys[each], members, rules)
        for each, members in sorted(classes.items(), key=lambda item: item[0])
    ]
    return tuple(sorted(made, key=lambda group: group.key != MAIN))


def _group(
    series: Attributes,
    found: _Class,
    key: str,
    members: Sequence[InstanceFacts],
    rules: GroupingRules,
) -> Group:
    is_main = key == MAIN
    return Group(
        key=key,
        label_suffix="" if is_main else f"_{_short(found)}",
        acquisition_uid=found.attach_to or _acquisition_uid(series, found, is_main=is_main),
        attach_to=found.attach_to,
        members=tuple(member.id for member in members),
        reason=_reason(series, found, members, rules),
    )


def _acquisition_uid(series: Attributes, found: _Class, *, is_main: bool) -> str:
    """A number beyond the first is always behind it; all else only where it tells groups apart."""
    suffixes = [found.kind] if found.kind and not is_main else []
    for tag, text in found.values:
        if tag == ACQUISITION_NUMBER:
            suffixes += [text] if text != FIRST else []
        elif not is_main:
            suffixes.append(_shortened(tag, text))
    return "_".join([series.first(SERIES_INSTANCE_UID), *suffixes])


# --- keys and names -------------------------------------------------------------------------------


def _keys(classes: Mapping[_Class, Sequence[InstanceFacts]]) -> dict[_Class, str]:
    """What has a key keeps it; of the rest the first in order is the main one, if none is yet."""
    keys: dict[_Class, str] = {}
    ordered = sorted(classes)
    for found in ordered:
        known = {each.packaged_as for each in classes[found]} - {None} - set(keys.values())
        if known:
            keys[found] = min(text for text in known if text is not None)
    for found in ordered:
        if found not in keys:
            wanted = found.key if MAIN in keys.values() else MAIN
            # Only where the rules have changed since may another have this key.
            while wanted in keys.values():
                wanted = f"{wanted}+"
            keys[found] = wanted
    return keys


def _short(found: _Class) -> str:
    """The class in a label."""
    if found.kind:
        return found.kind
    return "_".join(_shortened(tag, text) for tag, text in found.values) or "images"


def _shortened(tag: int, text: str) -> str:
    values = text.split("\\")
    if tag == IMAGE_TYPE:
        values = [each for each in values if each not in ("ORIGINAL", "PRIMARY", "")]
        values = ["localizer" if each == LOCALIZER else each for each in values]
    joined = "-".join(values)
    short = sanitised(joined) or "none"
    if short == joined and len(short) <= SHORT_CHARACTERS:
        return short
    # Two values that read the same in a name are still two.
    return f"{short[:31].rstrip(' .')}-{_digest(text)}" if joined else short


def _keyed(text: str) -> str:
    """A value in a key: as it is if it is short, so that a person can read the ledger."""
    return text if len(text) <= SHORT_CHARACTERS and text.isprintable() else _digest(text)


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode(errors="replace"), digest_size=4).hexdigest()


# --- what splits ----------------------------------------------------------------------------------


def _split_by(series: Attributes, rules: GroupingRules) -> tuple[int, ...]:
    if _counts_repetitions(series):
        return tuple(tag for tag in rules.split_by if tag != ACQUISITION_NUMBER)
    return rules.split_by


def _counts_repetitions(series: Attributes) -> bool:
    return series.first(MANUFACTURER).strip().lower().startswith(("siemens", "bruker"))


def _class_by(instance: InstanceFacts, split_by: Sequence[int]) -> _Class:
    values = []
    order = []
    for tag in dict.fromkeys(split_by):
        text = "\\".join(part.strip() for part in value_of(instance, tag).split("\\"))
        number = number_of(text)
        if tag == ACQUISITION_NUMBER:
            first = is_whole(instance) or not text or (number is not None and number <= 1)
            number = 1 if first else number
            text = text if number is None else str(number)
        told = text.split("\\") if tag == IMAGE_TYPE else []
        order.append(
            (
                LOCALIZER in told,
                bool(told) and "ORIGINAL" not in told,
                bool(told) and "PRIMARY" not in told,
                bool(text) and number is None,
                0 if number is None else number,
                text,
            )
        )
        values.append((tag, text))
    return _Class(order=tuple(order), values=tuple(values))


# --- reasons --------------------------------------------------------------------------------------


def _reason(
    series: Attributes, found: _Class, members: Sequence[InstanceFacts], rules: GroupingRules
) -> str:
    if found.kind == "localizer":
        return "localizers, by Image Type or because they lie otherwise than the stack"
    if found.attach_to:
        what = "objects of radiotherapy" if found.kind == "related" else "screen captures"
        if rules.screenshots is Screenshots.ARITHMETIC and found.kind == "screenshots":
            return f"{what}, with the series numbered one less"
        return f"{what}, with the series that they refer to"
    told = [_told(tag, text) for tag, text in found.values]
    if ACQUISITION_NUMBER in rules.split_by:
        if _counts_repetitions(series):
            told.append("not split by AcquisitionNumber, which counts repetitions here")
        elif all(map(is_whole, members)):
            told.append("multi-frame objects stay whole")
    asked = rules.screenshots is not Screenshots.SEPARATE and any(map(is_screenshot, members))
    if asked or (
        rules.related is Related.ATTACH and any(is_radiotherapy(series, each) for each in members)
    ):
        told.append("they name no one series to go with")
    return "; ".join(told) or "the whole series"


def _told(tag: int, text: str) -> str:
    """Values of other attributes may say something about the patient."""
    if tag == ACQUISITION_NUMBER and text == FIRST:
        return "AcquisitionNumber 1 or none"
    if tag in (ACQUISITION_NUMBER, IMAGE_TYPE):
        return f"{name_of(tag)} {text}" if text else f"no {name_of(tag)}"
    return f"one value of {name_of(tag)}"
