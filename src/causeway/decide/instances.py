"""What grouping asks of one object, and with which series it says that it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.geometry import odd_ones, plane_of
from causeway.decide.verdict import GroupingRules, Related, Screenshots

IMAGE_TYPE: Final = 0x00080008
_SOP_CLASS: Final = 0x00080016
_MODALITY: Final = 0x00080060
MANUFACTURER: Final = 0x00080070
SERIES_INSTANCE_UID: Final = 0x0020000E
ACQUISITION_NUMBER: Final = 0x00200012
_INSTANCE_NUMBER: Final = 0x00200013
_ORIENTATION: Final = 0x00200037
_POSITION: Final = 0x00200032
_FRAMES: Final = 0x00280008
_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011

_OF_INSTANCES: Final = {
    IMAGE_TYPE: "image_type",
    _SOP_CLASS: "sop_class_uid",
    ACQUISITION_NUMBER: "acquisition_number",
    _INSTANCE_NUMBER: "instance_number",
    _POSITION: "position",
    _ORIENTATION: "orientation",
    _FRAMES: "number_of_frames",
    _ROWS: "rows",
    _COLUMNS: "columns",
}
SPLITTABLE: Final = frozenset(_OF_INSTANCES)
"""Attributes that every instance's facts have; others come in as ``InstanceFacts.values``."""

_SCREENSHOTS: Final = frozenset(
    {("DERIVED", "SECONDARY", "SCREEN SAVE"), ("DERIVED", "SECONDARY", "VXTL STATE")}
)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,12}")  # IS has 12 characters (PS3.5 6.2)
LOCALIZER: Final = "LOCALIZER"
_RADIOTHERAPY: Final = "1.2.840.10008.5.1.4.1.1.481."
_WHOLE: Final = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{suffix}"
    for suffix in (
        *("2.1", "2.2", "4.1", "4.2", "4.3", "4.4", "6.2", "12.1.1", "12.2.1"),
        *("13.1.1", "13.1.2", "13.1.3", "128.1", "130"),
    )
)
"""Enhanced and legacy converted storage classes (PS3.4 B.5): whole even if of one frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFacts:
    """What grouping asks of one object. Text is as it stands, values joined by backslashes."""

    id: int | str
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    acquisition_number: str = ""
    image_type: str = ""
    instance_number: str = ""
    number_of_frames: str = ""
    rows: str = ""
    columns: str = ""
    orientation: str = ""
    position: str = ""
    referenced_series: tuple[str, ...] = field(default=(), repr=False)
    """Series that its sequences refer to; who knows the series of the instances that they refer
    to adds those."""
    values: Mapping[int, str] = field(default_factory=dict, repr=False)
    """Other attributes that the rule splits by."""
    packaged_as: str | None = field(default=None, repr=False)
    """The key of the group that it has gone out with; None if it has not."""


def value_of(instance: InstanceFacts, tag: int) -> str:
    """An attribute of it, as it stands; empty if it has none."""
    named = _OF_INSTANCES.get(tag)
    return str(getattr(instance, named)) if named else instance.values.get(tag, "")


def is_whole(instance: InstanceFacts) -> bool:
    """Whether it is a multi-frame object, which holds what a series of others would."""
    frames = number_of(instance.number_of_frames)
    return (frames is not None and frames > 1) or instance.sop_class_uid in _WHOLE


def number_of(text: str) -> int | None:
    """A whole number (IS)."""
    return int(text) if _INTEGER.fullmatch(text.strip()) else None


def target_of(series: Attributes, instance: InstanceFacts, rules: GroupingRules) -> tuple[str, str]:
    """The series that an object goes with, and as what; empty for none or no single one."""
    own = series.first(SERIES_INSTANCE_UID)
    if rules.screenshots is not Screenshots.SEPARATE and is_screenshot(instance):
        if rules.screenshots is Screenshots.ARITHMETIC:
            return _one_less(series), "screenshots"
        return _referred(series, instance, own), "screenshots"
    if rules.related is Related.ATTACH and is_radiotherapy(series, instance):
        return _referred(series, instance, own), "related"
    return "", ""


def is_screenshot(instance: InstanceFacts) -> bool:
    """A screen capture by GE's Image Types, which others use as well."""
    return _parts(instance.image_type) in _SCREENSHOTS


def is_radiotherapy(series: Attributes, instance: InstanceFacts) -> bool:
    """Structure sets, plans, doses, images and records of radiotherapy."""
    by_class = instance.sop_class_uid.startswith(_RADIOTHERAPY)
    return by_class or series.first(_MODALITY).strip().startswith("RT")


def _referred(series: Attributes, instance: InstanceFacts, own: str) -> str:
    """The one series that it refers to; where the object itself does not say, its header."""
    for named in (instance.referenced_series, series.referenced_series):
        others = {uid.strip() for uid in named} - {own, ""}
        if others:
            return others.pop() if len(others) == 1 else ""
    return ""


def _one_less(series: Attributes) -> str:
    """The series UID with its last component one less, of GE alone: others number otherwise."""
    if not re.match(r"\s*G\.?E\.?(?![a-z])", series.first(MANUFACTURER), re.IGNORECASE):
        return ""
    stem, dot, last = series.first(SERIES_INSTANCE_UID).rpartition(".")
    number = int(last) if last.isascii() and last.isdigit() and len(last) <= 64 else 0
    return f"{stem}.{number - 1}" if dot and number > 0 else ""


def localizers(
    instances: Sequence[InstanceFacts], stack_of: Callable[[InstanceFacts], Hashable]
) -> frozenset[int]:
    """Positions of the localizers among ``instances``; none if all of them are.

    By Image Type; of the rest of each stack, as ``stack_of`` tells stacks, by how they lie.
    """
    images = [position for position, each in enumerate(instances) if each.image_type or each.rows]
    named = {position for position in images if is_localizer(instances[position])}
    if len(named) == len(images):
        return frozenset()
    stacks: dict[Hashable, list[int]] = {}
    # In an order of their own, so that the planes' classes do not depend on what came first.
    for position in sorted(images, key=lambda each: instances[each].sop_instance_uid):
        each = instances[position]
        if position not in named and each.rows and not is_whole(each):
            stacks.setdefault(stack_of(each), []).append(position)
    for stack in stacks.values():
        planes = [
            plane_of(each.rows, each.columns, each.orientation)
            for each in (instances[position] for position in stack)
        ]
        named |= {stack[odd] for odd in odd_ones(planes)}
    return frozenset(named)


def is_localizer(instance: InstanceFacts) -> bool:
    return LOCALIZER in _parts(instance.image_type)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("\\"))
