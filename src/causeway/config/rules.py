"""Rules between settings that make a configuration unusable.

They are looked for in what was written, table by table, and pass over whatever has the wrong shape
(its own error says so), so that a duplicate name is reported even where the table has other
mistakes. What works but is probably not meant is in ``doubts``.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from causeway.config.deidentify import NONE, SHIPPED_PROFILES


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    path: tuple[str | int, ...]
    what: str
    right: str


def contradictions(written: Mapping[str, Any]) -> Iterator[Found]:
    yield from _something_listens(written)
    for table in _NAMED:
        yield from _names_differ(written, table)
    yield from _ports_differ(written)
    yield from _routes_lead_somewhere(written)
    yield from _schedules_are_there(written)
    yield from _what_goes_on_at_once_can(written)
    yield from _treatments_are_there(written)
    yield from _projects_have_one_key(written)
    yield from _nothing_stands_twice(written)
    yield from _waits_fit(written)
    yield from _nodes_fit(written)


_NAMED = (
    "source", "destination", "route", "schedule", "node", "trigger", "profile", "project_key",
)  # fmt: skip


def _entries(written: Mapping[str, Any], table: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = written.get(table)
    if isinstance(listed, list):
        for index, entry in enumerate(listed):
            if isinstance(entry, dict):
                yield index, entry


def _something_listens(written: Mapping[str, Any]) -> Iterator[Found]:
    if "listener" not in written:
        yield Found(
            path=(),
            what="there is no listener, so nothing can be received",
            right='add: [[listener]] with ae_title = "CAUSEWAY" and port = 11112',
        )


def _names_differ(written: Mapping[str, Any], table: str) -> Iterator[Found]:
    first: dict[str, int] = {}
    for index, entry in _entries(written, table):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        # Names become folders and rows; two that differ in case only would be taken for one.
        known = first.setdefault(name.casefold(), index)
        if known != index:
            yield Found(
                path=(table, index, "name"),
                what=f'the name "{name}" is taken by {table} {known + 1}',
                right=f"each {table} has a name of its own",
            )


def _ports_differ(written: Mapping[str, Any]) -> Iterator[Found]:
    seen: list[tuple[int, str, int]] = []
    for index, entry in _entries(written, "listener"):
        host, port = entry.get("host", "127.0.0.1"), entry.get("port")
        if not isinstance(host, str) or not isinstance(port, int) or port == 0:
            continue
        for other, other_host, other_port in seen:
            if port == other_port and _hosts_overlap(host, other_host):
                same = "" if host == other_host else f" ({other_host} and {host} overlap)"
                yield Found(
                    path=("listener", index, "port"),
                    what=f"port {port} is taken by listener {other + 1}{same}",
                    right="give each listener a port of its own; several callers can share one",
                )
                break
        seen.append((index, host, port))


def _hosts_overlap(one: str, other: str) -> bool:
    def address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            return None

    a, b = address(one), address(other)
    if a is None or b is None:
        return False
    # Linux lets an IPv6 wildcard take the port of IPv4 too, so wildcards overlap with everything.
    return a == b or a.is_unspecified or b.is_unspecified


def _names_of(written: Mapping[str, Any], table: str) -> list[str]:
    return [
        entry["name"] for _, entry in _entries(written, table) if isinstance(entry.get("name"), str)
    ]


def _dangling(path: tuple[str | int, ...], table: str, name: str, names: list[str]) -> Found:
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        right = f'did you mean "{near[0]}"?'
    elif names:
        right = f"known {table}s: {', '.join(names)}"
    else:
        right = f'add a [[{table}]] with name = "{name}"'
    return Found(path=path, what=f'there is no {table} "{name}"', right=right)


def _routes_lead_somewhere(written: Mapping[str, Any]) -> Iterator[Found]:
    names = _names_of(written, "destination")
    for index, entry in _entries(written, "route"):
        listed = entry.get("destinations")
        if not isinstance(listed, list):
            continue
        for position, name in enumerate(listed):
            path = ("route", index, "destinations", position)
            if not isinstance(name, str):
                continue
            if name not in names:
                yield _dangling(path, "destination", name, names)
            elif name in listed[:position]:
                yield Found(
                    path=path, what=f'"{name}" is named twice', right="name each destination once"
                )


def _schedules_are_there(written: Mapping[str, Any]) -> Iterator[Found]:
    names = _names_of(written, "schedule")
    for table in ("destination", "node"):
        for index, entry in _entries(written, table):
            name = entry.get("schedule")
            if isinstance(name, str) and name not in names:
                yield _dangling((table, index, "schedule"), "schedule", name, names)
    for index, entry in _entries(written, "destination"):
        bandwidth = entry.get("bandwidth")
        during = bandwidth.get("during") if isinstance(bandwidth, dict) else None
        for place, window in enumerate(during if isinstance(during, list) else []):
            name = window.get("schedule") if isinstance(window, dict) else None
            if isinstance(name, str) and name not in names:
                path = ("destination", index, "bandwidth", "during", place, "schedule")
                yield _dangling(path, "schedule", name, names)


def _what_goes_on_at_once_can(written: Mapping[str, Any]) -> Iterator[Found]:
    """What is sent on as it comes is never whole, so nothing can be made to depend on that."""
    treated = [
        entry.get("name")
        for _, entry in _entries(written, "destination")
        if entry.get("deidentify", NONE) != NONE
    ]
    for index, entry in _entries(written, "route"):
        if entry.get("complete") != "arrival":
            continue
        if entry.get("late", "amend") != "amend":
            yield Found(
                path=("route", index, "late"),
                what=f'is "{entry["late"]}", but with complete = "arrival" no image is late',
                right='leave it out, or wait for whole series: complete = "series"',
            )
        named = entry.get("destinations")
        said = entry.get("deidentify")
        for position, name in enumerate(named if isinstance(named, list) else ()):
            if (name in treated) if said is None else said != NONE:
                yield Found(
                    path=("route", index, "destinations", position),
                    what=f'"{name}" de-identifies, which takes a whole series, and with '
                    'complete = "arrival" images go on before that',
                    right='set complete = "series", or send to a destination with '
                    'deidentify = "none"',
                )


def _treatments_are_there(written: Mapping[str, Any]) -> Iterator[Found]:
    """Of destinations and routes: each says something that is there, and has a key for it."""
    own = _names_of(written, "profile")
    known = [NONE, *SHIPPED_PROFILES, *own]
    for index, entry in _entries(written, "profile"):
        if entry.get("name") in (NONE, *SHIPPED_PROFILES):
            yield Found(
                path=("profile", index, "name"),
                what=f'"{entry["name"]}" is a name that the program has given',
                right="give the profile another name",
            )
    has_key = _has_a_key(written)
    for table in ("destination", "route"):
        for index, entry in _entries(written, table):
            name = entry.get("deidentify")
            if not isinstance(name, str):
                continue
            path = (table, index, "deidentify")
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                right = f'did you mean "{near[0]}"?' if near else f"one of {', '.join(known)}"
                yield Found(path=path, what=f'there is no profile "{name}"', right=right)
            elif name != NONE and not has_key:
                yield Found(
                    path=path,
                    what=f'"{name}" needs a key, and there is none',
                    right="make one with `openssl rand -hex 32`, and add: [deidentify] with key = "
                    '"file:deidentify.key"',
                )


def _has_a_key(written: Mapping[str, Any]) -> bool:
    table = written.get("deidentify")
    return (isinstance(table, dict) and "key" in table) or any(
        entry.get("projects") for _, entry in _entries(written, "project_key")
    )


def _projects_have_one_key(written: Mapping[str, Any]) -> Iterator[Found]:
    first: dict[str, int] = {}
    for index, entry in _entries(written, "project_key"):
        listed = entry.get("projects")
        if not isinstance(listed, list):
            continue
        for position, name in enumerate(listed):
            if not isinstance(name, str):
                continue
            known = first.setdefault(name.casefold(), index)
            if known != index:
                yield Found(
                    path=("project_key", index, "projects", position),
                    what=f'"{name}" has a key already, that of project_key {known + 1}',
                    right="a project has one key",
                )


_LISTS = (
    ("project_key", "projects"),
    ("routing", "tags"),
    ("routing", "known"),
    ("metadata", "mappings"),
    ("grouping", "split_by"),
    ("schedule", "windows"),
)


def _nothing_stands_twice(written: Mapping[str, Any]) -> Iterator[Found]:
    """In lists where it can only be a slip: which of the two did its author mean to be another?"""
    for table, key in _LISTS:
        for path, entry in _tables(written, table):
            listed = entry.get(key)
            if not isinstance(listed, list):
                continue
            seen: dict[str, int] = {}
            for position, item in enumerate(listed):
                if not isinstance(item, str):
                    continue
                known = seen.setdefault(" ".join(item.split()).casefold(), position)
                if known != position:
                    yield Found(
                        path=(*path, key, position),
                        what=f'"{item}" stands there already, as number {known + 1}',
                        right="say it once",
                    )


def _tables(
    written: Mapping[str, Any], table: str
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The tables of a name with their paths: the one, the repeated ones, those of sources."""
    found = written.get(table)
    if isinstance(found, dict):
        yield (table,), found
    for index, entry in _entries(written, table):
        yield (table, index), entry
    for index, source in _entries(written, "source"):
        if isinstance(source.get(table), dict):
            yield ("source", index, table), source[table]


def _waits_fit(written: Mapping[str, Any]) -> Iterator[Found]:
    """A source's own wait, beside the general one after a release."""
    completion = written.get("completion")
    after_release = (
        completion.get("after_release_seconds") if isinstance(completion, dict) else None
    )
    if isinstance(after_release, bool) or not isinstance(after_release, int | float):
        return
    for index, source in _entries(written, "source"):
        quiet = source.get("quiet_seconds")
        if isinstance(quiet, bool) or not isinstance(quiet, int | float):
            continue
        if quiet < after_release:
            yield Found(
                path=("source", index, "quiet_seconds"),
                what=f"is {quiet:g}, below completion.after_release_seconds = {after_release:g}",
                right="the end of associations can only shorten the wait: make that smaller",
            )


def _nodes_fit(written: Mapping[str, Any]) -> Iterator[Found]:
    """Nodes, beside the listeners that they send to and the sources whose names they share."""
    nodes = list(_entries(written, "node"))
    if nodes and written.get("deployment") == "cluster":
        yield Found(
            path=("node", nodes[0][0]),
            what="nodes cannot be queried from a cluster: nothing reaches into the site's network",
            right='have the site push instead, or run an edge device there (deployment = "edge")',
        )
    listeners = [
        entry["ae_title"].strip()
        for _, entry in _entries(written, "listener")
        if isinstance(entry.get("ae_title"), str)
    ]
    sources = {name.casefold() for name in _names_of(written, "source")}
    for index, entry in nodes:
        wanted = entry.get("move_destination")
        if isinstance(wanted, str) and wanted.strip() not in listeners:
            near = difflib.get_close_matches(wanted.strip(), listeners, n=1)
            yield Found(
                path=("node", index, "move_destination"),
                what=f'"{wanted}" is not the AE title of one of our listeners',
                right=f'did you mean "{near[0]}"?'
                if near
                else f"listeners are {', '.join(listeners)}: the node would send elsewhere"
                if listeners
                else 'add a [[listener]] of that name, or use retrieve = "get"',
            )
        name = entry.get("name")
        if isinstance(name, str) and name.casefold() in sources:
            yield Found(
                path=("node", index, "name"),
                what=f'the name "{name}" is that of a source',
                right="give the node another name; what it sends by itself is the source's",
            )
