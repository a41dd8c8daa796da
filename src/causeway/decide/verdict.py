"""What was decided about a series, and how it is kept on its row.

A verdict is one of three: *routed* to destinations, *held* for a person to decide, *denied*. It is
reached before de-identification, so that a profile may remove what routed, and travels as values.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

PRIO_URGENT: Final = 20
PRIO_USUAL: Final = 100
PRIO_LOW: Final = 160
"""Of the ledger's ranks: a step below 100 is worth a minute in the queue."""


class Unit(enum.StrEnum):
    """What must be whole before anything of it goes."""

    SERIES = "series"
    STUDY = "study"
    ARRIVAL = "arrival"
    """Nothing: images go on as they come, in parcels of what is there."""


class Late(enum.StrEnum):
    """What becomes of instances that come after their series was packaged."""

    AMEND = "amend"
    """They go by themselves, in a parcel that says what it adds to."""
    AGAIN = "again"
    """The whole series goes once more."""
    HOLD = "hold"
    """They wait for a person."""


class Screenshots(enum.StrEnum):
    """Where screen captures of a series go."""

    ATTACH = "attach"
    """To the series that they refer to."""
    SEPARATE = "separate"
    ARITHMETIC = "arithmetic"
    """To the series whose UID's last component is one less than theirs, as GE numbers them."""


class Localizers(enum.StrEnum):
    """What becomes of localizers inside a series of images."""

    KEEP = "keep"
    SPLIT = "split"


class Related(enum.StrEnum):
    """Where objects of radiotherapy go."""

    SEPARATE = "separate"
    ATTACH = "attach"
    """To the series that they refer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRules:
    """How a series becomes acquisitions; the default is one for the whole series."""

    split_by: tuple[int, ...] = ()
    """Attributes (tags) by whose values it is split."""
    screenshots: Screenshots = Screenshots.SEPARATE
    localizers: Localizers = Localizers.KEEP
    related: Related = Related.SEPARATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the hierarchy, such as ``subject.label``."""

    value: str | float = field(repr=False)
    raw: str = field(default="", repr=False)
    """As it stood in the header or the routing string."""
    origin: str = ""
    """``routing``, ``mapping 2``, ``default``, ``override``, or the keyword that it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """It goes to these destinations, each a delivery of its own."""

    routes: tuple[str, ...]
    """Names of the routes that matched."""
    destinations: tuple[str, ...]
    prio: int = PRIO_USUAL
    unit: Unit = Unit.SERIES
    late: Late = Late.AMEND
    fields: Mapping[str, Field] = field(default_factory=dict, repr=False)
    """The hierarchy."""
    grouping: GroupingRules = GroupingRules()
    merges_same_label: bool = False
    """Whether series of one label in one session share an acquisition."""
    deidentify: Mapping[str, str] = field(default_factory=dict)
    """By destination, what its route wants done to identifying data: ``none``, or the name of a
    profile. One that is not here says so itself."""

    @property
    def is_urgent(self) -> bool:
        """It waits for no schedule."""
        return self.prio <= PRIO_URGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """It stays until a person says what becomes of it."""

    code: str
    """Why, as a word: ``no_route``, ``unparsed``, ``patient_data``, ``rule``, …"""
    reason: str
    """Why, as a sentence, without patient data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """It goes nowhere, by the rules."""

    code: str
    """``opt_in``, ``opt_out``, ``no_routing``, ``rule``."""
    reason: str


Verdict = Routed | Held | Denied


def to_text(verdict: Routed) -> str:
    """JSON, for the series' row."""
    return json.dumps(asdict(verdict), ensure_ascii=False)


def from_text(text: str) -> Routed:
    """Raises ``ValueError`` for what ``to_text`` has not made."""
    try:
        found: dict[str, Any] = json.loads(text)
        grouping = found["grouping"]
        return Routed(
            routes=tuple(map(str, found["routes"])),
            destinations=tuple(map(str, found["destinations"])),
            prio=int(found["prio"]),
            unit=Unit(found["unit"]),
            late=Late(found["late"]),
            fields={name: Field(**told) for name, told in found["fields"].items()},
            grouping=GroupingRules(
                split_by=tuple(map(int, grouping["split_by"])),
                screenshots=Screenshots(grouping["screenshots"]),
                localizers=Localizers(grouping["localizers"]),
                related=Related(grouping["related"]),
            ),
            merges_same_label=bool(found["merges_same_label"]),
            deidentify={str(name): str(what) for name, what in found["deidentify"].items()},
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError("not a verdict") from error
