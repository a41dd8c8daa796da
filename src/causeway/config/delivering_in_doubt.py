"""Warnings about what is delivered, and how it is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from causeway.config.destinations import CoreDestination, StowDestination
from causeway.config.rules import Found
from causeway.config.tree import Configuration


def delivering_in_doubt(configuration: Configuration) -> Iterator[Found]:
    for index, destination in enumerate(configuration.destinations):
        if isinstance(destination, StowDestination | CoreDestination) and (
            destination.verify == "answer"
        ):
            yield Found(
                path=("destination", index, "verify"),
                what=f"what goes to {destination.name} counts as delivered without being looked at",
                right='leave `verify` out, unless this server can be asked nothing: "listed" asks',
            )
    cores = {each.name for each in configuration.destinations if isinstance(each, CoreDestination)}
    for index, route in enumerate(configuration.routes):
        if route.late == "amend" and (there := sorted(cores & set(route.destinations))):
            yield Found(
                path=("route", index, "late"),
                what=f"late images become a file of their own on {there[0]}, beside their series",
                right='late = "again" sends the series whole, as a new version of its file',
            )
