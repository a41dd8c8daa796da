"""What the header says about where data goes, and what is made of it: for all sources, or for one.

``[routing]``, ``[opt]`` and ``[metadata]`` hold for every source. A source may have tables of the
same names; each key that it says counts for it in place of the general one, whole.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from causeway.config.kinds import Settings
from causeway.config.terms import Expression, FieldValues, Mappings, Place, Tag, Zone


class Usual(Settings):
    """A table that sources may say for themselves, key by key."""

    def overridden(self, said: Self | None) -> Self:
        """What holds for a source that says this in its own table."""
        if said is None:
            return self
        return self.model_copy(update={name: getattr(said, name) for name in said.model_fields_set})


class RoutingSettings(Usual):
    """Routing strings: where they stand in the header, and what holds when none of them says where
    a series goes. `fw://group/project/subject/session/acquisition`, from the project on optional.
    """

    tags: tuple[Tag, ...] = ()
    """Attributes in which a routing string may stand, by keyword or tag. The first that parses
    counts, whole. None: series are routed by other means."""
    prefix: Literal["optional", "required"] = "optional"
    """Whether a routing string must begin with `fw://`. With `required`, other text in these
    attributes is no routing string, which suits attributes that people also write notes in."""
    legacy: bool = False
    """Whether `subject@group/project` is understood as well."""
    missing: Literal["unsorted", "hold", "deny"] = "unsorted"
    """What becomes of a series without a routing string: delivered to group `unknown` and project
    `Unsorted`, unless mappings or defaults know better; held for a person; or not delivered."""
    unparsed: Literal["hold", "unsorted"] = "hold"
    """What becomes of a series whose routing string cannot be read: held, with what was probably
    meant, or delivered as without one."""
    unknown: Literal["accept", "unsorted", "hold"] = "accept"
    """What becomes of a series for a group or project that is not in `known`."""
    known: tuple[Place, ...] = ()
    """Groups and projects of the site, as `group/project`: for `unknown`, for suggestions, and for
    the cards of scanner operators."""
    phi_guard: bool = True
    """Whether a series is held whose routing string holds the patient's name, birth date or ID."""


class OptCondition(Settings):
    """A test of one attribute: whether a regular expression is found in its value."""

    tag: Tag
    """The attribute, by keyword or tag."""
    matches: Expression
    """Regular expression that is looked for anywhere in the value, in any case. Look-around and
    back-references are not supported, so that every expression takes linear time."""


class OptInCondition(OptCondition):
    """Who says so is taken. With several, any one suffices."""

    missing: Literal["skip", "take"] = "skip"
    """What becomes of a series without the attribute."""
    empty: Literal["skip", "take"] = "skip"
    """What becomes of a series in which the attribute is there without a value."""


class OptOutCondition(OptCondition):
    """Who says so is skipped. With several, any one suffices."""

    missing: Literal["skip", "take"] = "take"
    """What becomes of a series without the attribute."""
    empty: Literal["skip", "take"] = "take"
    """What becomes of a series in which the attribute is there without a value."""


class OptSettings(Usual):
    """Which series are taken at all, by what their header says. What is skipped is listed with the
    reason, and can be released.
    """

    opt_in: tuple[OptInCondition, ...] = Field(default=(), alias="in")
    """Series are taken only if one of these conditions holds."""
    opt_out: tuple[OptOutCondition, ...] = Field(default=(), alias="out")
    """Series are skipped if one of these conditions holds."""


class MetadataSettings(Usual):
    """How group, project, subject, session and acquisition are filled beyond the routing string."""

    mappings: Mappings = ()
    """Mappings from attributes to fields, `template=pattern`. The first that gives a value counts
    for each field; a routing string goes before them."""
    defaults: FieldValues = Field(default_factory=dict)
    """Values of fields for which nothing else has one."""
    overrides: FieldValues = Field(default_factory=dict)
    """Values that fields have whatever else says so; an empty one takes the field away."""
    timezone: Zone | None = None
    """IANA name of the time zone of dates and times without an offset; without it, the machine's.
    """
    series_number_prefix: bool = False
    """Whether acquisitions are named `3 - T1 MPRAGE`, with the number of the series in front."""
    same_label: Literal["separate", "merge"] = "separate"
    """What becomes of two series of one label in a session: an acquisition for each (the second is
    named `…_dup-1`), or one for both."""
