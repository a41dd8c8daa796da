"""Which series go where, and how series become acquisitions: rules, in order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.deidentify import Deidentify
from causeway.config.kinds import Name, Settings, wrong
from causeway.config.terms import RuleText, SplitTag


class RoutesSettings(Settings):
    """How the routes are asked."""

    match: Literal["first", "all"] = "first"
    """Which routes count for a series: the first that matches, or all that match. With `all`,
    `deny` goes before `hold`, and `hold` before `send`."""


class RouteSettings(Settings):
    """Where series go for which a rule holds. Routes are asked in the order of the file."""

    name: Name | None = None
    """Name of the route in status and logs; unique."""
    when: RuleText | None = None
    """Rule over the header, the source, the routing fields and the time; without it, the route
    matches every series."""
    action: Literal["send", "hold", "deny"] = "send"
    """What is done with what matches: sent, held for a person, or not delivered."""
    destinations: Annotated[tuple[Name, ...], Field(min_length=1)] = ()
    """Names of the destinations that get the series, each its own delivery. With `hold` and `deny`,
    those that get it if a person releases it."""
    deidentify: Deidentify | None = None
    """What is done to identifying data on this route, instead of what its destinations say."""
    priority: Literal["urgent", "usual", "low"] = "usual"
    """How soon it is this series' turn. `urgent` goes before all others and waits for no schedule.
    """
    complete: Literal["series", "study", "arrival"] = "series"
    """What must be whole before anything goes: the series, or all of its study. With `arrival`
    nothing has to be: images go on as they come, in parcels of what is there by then, as a proxy
    does. Needs destinations with `deidentify = "none"`, and `late = "amend"`."""
    late: Literal["amend", "again", "hold"] = "amend"
    """What becomes of images that come after their series has gone: they go by themselves as an
    amendment, the whole series goes again, or they are held for a person."""

    @model_validator(mode="after")
    def _sends_somewhere(self) -> RouteSettings:
        if self.action == "send" and not self.destinations:
            raise wrong('"destinations" is missing', 'name at least one: destinations = ["…"]')
        return self


class GroupingSettings(Settings):
    """How a series becomes acquisitions. The first grouping whose rule holds counts; without one,
    each series is one acquisition.
    """

    when: RuleText | None = None
    """Rule over the header, the source and the routing fields; without it, the grouping holds for
    every series."""
    split_by: tuple[SplitTag, ...] = ()
    """Attributes by whose values a series is split, such as AcquisitionNumber or ImageType. Siemens
    and Bruker are not split by AcquisitionNumber, where it counts repetitions."""
    screenshots: Literal["attach", "separate", "arithmetic"] = "separate"
    """Where screen captures go: to the series that they refer to, to an acquisition of their own,
    or to the series whose UID is one less, as GE numbers them."""
    localizers: Literal["keep", "split"] = "keep"
    """What becomes of localizers among other images of a series: they stay, or become an
    acquisition of their own."""
    related: Literal["separate", "attach"] = "separate"
    """Where objects of radiotherapy go: to an acquisition of their own, or to that of the series
    that they refer to."""
