"""What works, but is probably not what its author wants: warnings about a valid tree."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from causeway.config.deidentify import NONE
from causeway.config.delivering_in_doubt import delivering_in_doubt
from causeway.config.destinations import DestinationSettings
from causeway.config.routing import MetadataSettings, OptCondition, OptSettings, RoutingSettings
from causeway.config.rules import Found
from causeway.config.rules_in_doubt import rules_in_doubt
from causeway.config.sections import ListenerSettings, SourceSettings
from causeway.config.tree import Configuration

Path = tuple[str | int, ...]


def doubts(configuration: Configuration) -> Iterator[Found]:
    yield from _listeners_in_doubt(configuration)
    yield from _sources_in_doubt(configuration)
    yield from _data_in_doubt(configuration)
    yield from _treatments_in_doubt(configuration)
    yield from rules_in_doubt(configuration)
    yield from _headers_in_doubt(configuration)
    yield from delivering_in_doubt(configuration)


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


def _treatments_in_doubt(configuration: Configuration) -> Iterator[Found]:
    """What leaves with more in it than its destination says, and what is prepared for nothing."""
    asked = {each.name: each.deidentify for each in configuration.destinations}
    said = set(asked.values())
    for index, route in enumerate(configuration.routes):
        if route.deidentify is None:
            continue
        said.add(route.deidentify)
        identified = [name for name in route.destinations if asked.get(name, NONE) != NONE]
        if route.deidentify == NONE and identified:
            yield Found(
                path=("route", index, "deidentify"),
                what=f"sends to {_and(identified)} with all that identifies a patient, although "
                f"{'it asks' if len(identified) == 1 else 'they ask'} for "
                f"{_and(sorted({asked[name] for name in identified}))}",
                right="leave it out, unless that is meant",
            )
    for index, profile in enumerate(configuration.profiles):
        if profile.name not in said:
            yield Found(
                path=("profile", index, "name"),
                what=f'neither a destination nor a route asks for "{profile.name}"',
                right=f'say deidentify = "{profile.name}" where it is meant for',
            )
    for index, trigger in enumerate(configuration.triggers):
        if trigger.include and said - {NONE}:
            yield Found(
                path=("trigger", index, "include"),
                what="tells of studies as they came, of those that are delivered de-identified too",
                right="leave it out, unless whoever is told may know the patient",
            )
    if configuration.deidentify.key is None and said - {NONE}:
        yield Found(
            path=("deidentify",),
            what="there is no usual key, so what goes to a project without a key is not sent",
            right="add `key`, or see that `[[project_key]]` has all projects: what has no routing "
            'string goes to "unknown/Unsorted"',
        )


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


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


# --- what the header says ----------------------------------------------------------------------


def _headers_in_doubt(configuration: Configuration) -> Iterator[Found]:
    yield from _routing_in_doubt(("routing",), configuration.routing)
    yield from _opt_in_doubt(("opt",), configuration.opt)
    yield from _metadata_in_doubt(("metadata",), configuration.metadata)
    for index, source in enumerate(configuration.sources):
        path: Path = ("source", index)
        if source.routing is not None:
            yield from _routing_in_doubt((*path, "routing"), configuration.routing_of(source))
        if source.opt is not None:
            yield from _opt_in_doubt((*path, "opt"), configuration.opt_of(source))
        if source.metadata is not None:
            yield from _metadata_in_doubt((*path, "metadata"), configuration.metadata_of(source))


def _routing_in_doubt(path: Path, routing: RoutingSettings) -> Iterator[Found]:
    said = routing.model_fields_set
    if not routing.tags:
        unread = sorted(said & {"prefix", "legacy", "missing", "unparsed"})
        if unread:
            yield Found(
                path=(*path, unread[0]),
                what="has no effect, because routing.tags names no attribute to read",
                right='add: tags = ["PatientComments"]',
            )
    if routing.unknown != "accept" and not routing.known:
        yield Found(
            path=(*path, "unknown"),
            what="has no effect, because routing.known names no group and project",
            right='add: known = ["group/project", …]',
        )
    if routing.legacy and routing.prefix == "required":
        yield Found(
            path=(*path, "legacy"),
            what='has no effect beside prefix = "required", since older forms have no prefix',
            right='leave one of the two out, or write prefix = "optional"',
        )


def _opt_in_doubt(path: Path, opt: OptSettings) -> Iterator[Found]:
    for key, conditions in (("in", opt.opt_in), ("out", opt.opt_out)):
        for index, condition in enumerate(conditions):
            yield from _condition_in_doubt((*path, key, index), condition)
    out = {(condition.tag, condition.matches) for condition in opt.opt_out}
    for index, condition in enumerate(opt.opt_in):
        if (condition.tag, condition.matches) in out:
            yield Found(
                path=(*path, "in", index),
                what="is what opt.out asks for as well, so that nothing with it is taken",
                right="ask for different words",
            )


def _condition_in_doubt(path: Path, condition: OptCondition) -> Iterator[Found]:
    from causeway.decide.bounded import compile_bounded

    if compile_bounded(condition.matches, ignore_case=True).search(""):
        yield Found(
            path=(*path, "matches"),
            what="is found in every value, an empty one too",
            right="see whether a `|` or `*` at its end is meant",
        )


def _metadata_in_doubt(path: Path, metadata: MetadataSettings) -> Iterator[Found]:
    from causeway.decide.language import Mapping as FieldMapping

    for index, text in enumerate(metadata.mappings):
        mapping = FieldMapping.compile(text)
        # One with @names is there for those after it.
        if mapping.fields == mapping.pattern.fields <= set(metadata.overrides):
            yield Found(
                path=(*path, "mappings", index),
                what="never counts, because what it fills is overridden",
                right="leave out the mapping or the override",
            )
    for field in metadata.defaults:
        if not metadata.defaults[field]:
            yield Found(
                path=(*path, "defaults"),
                what=f'the default of "{field}" is empty, and so is none',
                right="say a value, or leave it out; an empty override takes a field away",
            )
