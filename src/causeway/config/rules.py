"""Rules between settings.

``contradictions`` make a configuration unusable. They are looked for in what was written, table by
table, and pass over whatever has the wrong shape (its own error says so), so that a duplicate name
is reported even where the table has other mistakes. ``doubts`` are about a valid tree: it works,
but is probably not what its author wants.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from causeway.config.destinations import DestinationSettings
from causeway.config.sections import ListenerSettings, SourceSettings
from causeway.config.tree import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    path: tuple[str | int, ...]
    what: str
    right: str


def contradictions(written: Mapping[str, Any]) -> Iterator[Found]:
    yield from _something_listens(written)
    for table in ("source", "destination", "route"):
        yield from _names_differ(written, table)
    yield from _ports_differ(written)
    yield from _routes_lead_somewhere(written)


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


def _routes_lead_somewhere(written: Mapping[str, Any]) -> Iterator[Found]:
    names = [
        entry["name"]
        for _, entry in _entries(written, "destination")
        if isinstance(entry.get("name"), str)
    ]
    for index, entry in _entries(written, "route"):
        listed = entry.get("destinations")
        if not isinstance(listed, list):
            continue
        for position, name in enumerate(listed):
            path = ("route", index, "destinations", position)
            if not isinstance(name, str):
                continue
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                right = (
                    f'did you mean "{near[0]}"?'
                    if near
                    else f"known destinations: {', '.join(names)}"
                    if names
                    else f'add a [[destination]] with name = "{name}"'
                )
                yield Found(path=path, what=f'there is no destination "{name}"', right=right)
            elif name in listed[:position]:
                yield Found(
                    path=path, what=f'"{name}" is named twice', right="name each destination once"
                )


def doubts(configuration: Configuration) -> Iterator[Found]:
    yield from _listeners_in_doubt(configuration)
    yield from _sources_in_doubt(configuration)
    yield from _data_in_doubt(configuration)


def _listeners_in_doubt(configuration: Configuration) -> Iterator[Found]:
    for index, listener in enumerate(configuration.listeners):
        if not _is_loopback(listener) and listener.tls is None:
            yield Found(
                path=("listener", index, "host"),
                what=f"{listener.host}:{listener.port} is reachable from the network without TLS",
                right="add `tls`, or be sure that the network is trusted or tunnelled",
            )
        elif listener.tls is not None and listener.tls.client_ca is None:
            yield Found(
                path=("listener", index, "tls"),
                what="callers are encrypted, but show no certificate",
                right="add `client_ca` to ask for one",
            )


def _sources_in_doubt(configuration: Configuration) -> Iterator[Found]:
    if not configuration.sources:
        yield Found(
            path=(),
            what="there is no source, so every caller is refused",
            right="add a [[source]] for each machine that may send",
        )
    exposed = any(not _is_loopback(listener) for listener in configuration.listeners)
    mutual = any(
        listener.tls is not None and listener.tls.client_ca is not None
        for listener in configuration.listeners
    )
    for index, source in enumerate(configuration.sources):
        everywhere = any(network.prefixlen == 0 for network in source.addresses)
        if everywhere and source.certificate is None and exposed:
            who = "anyone" if source.ae_title == "*" else f"anyone who says {source.ae_title}"
            yield Found(
                path=("source", index, "addresses"),
                what=f"{who} may send, from any address",
                right="name the networks that senders are in",
            )
        if source.certificate is not None and not mutual:
            yield Found(
                path=("source", index, "certificate"),
                what="no listener asks for certificates, so this source can never be admitted",
                right="add `tls` with `client_ca` to a listener, or leave `certificate` out",
            )
        for earlier, other in enumerate(configuration.sources[:index]):
            if _hides(other, source):
                yield Found(
                    path=("source", index),
                    what=f"never counts, because source {earlier + 1} comes first and fits too",
                    right="put the narrower source first",
                )
                break


def _hides(earlier: SourceSettings, later: SourceSettings) -> bool:
    """Whether every caller that fits the later source fits the earlier one."""
    return (
        earlier.ae_title in ("*", later.ae_title)
        and earlier.certificate in (None, later.certificate)
        and all(
            any(
                inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
                for outer in earlier.addresses
            )
            for inner in later.addresses
        )
    )


def _data_in_doubt(configuration: Configuration) -> Iterator[Found]:
    if configuration.spool.durability == "relaxed":
        yield Found(
            path=("spool", "durability"),
            what="a power cut loses objects that senders were told are safe",
            right='durability = "synced"',
        )
    routed = {name for route in configuration.routes for name in route.destinations}
    for index, destination in enumerate(configuration.destinations):
        if destination.name not in routed:
            yield Found(
                path=("destination", index, "name"),
                what=f'no route leads to "{destination.name}"',
                right=f'add a [[route]] with destinations = ["{destination.name}"]',
            )
        yield from _destination_in_doubt(configuration, index, destination)
    if not configuration.destinations:
        yield Found(
            path=(),
            what="there is no destination, so what is received stays in the spool",
            right="add a [[destination]] and a [[route]] to it",
        )
    for index in range(1, len(configuration.routes)):
        yield Found(
            path=("route", index),
            what="is never reached, because route 1 matches everything",
            right="name several destinations in one route",
        )


def _destination_in_doubt(
    configuration: Configuration, index: int, destination: DestinationSettings
) -> Iterator[Found]:
    path = getattr(destination, "path", None)
    if path is not None and (
        path == configuration.data_dir or configuration.data_dir in path.parents
    ):
        yield Found(
            path=("destination", index, "path"),
            what="stands inside data_dir, where it takes the spool's room",
            right="use a folder beside it",
        )


def _is_loopback(listener: ListenerSettings) -> bool:
    return listener.host == "localhost" or ipaddress.ip_address(listener.host).is_loopback
