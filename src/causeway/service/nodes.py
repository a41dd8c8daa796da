"""From the nodes of the configuration to what pulling and receiving take of them."""

from __future__ import annotations

import ipaddress
import socket

from causeway.attributes import tag_of
from causeway.config import Configuration, NodeSettings
from causeway.decide.policy import SourcePolicy
from causeway.net import Emit, Peer, Sink, SourceRule, Timeouts
from causeway.pull.abilities import Abilities
from causeway.pull.asked import Asker
from causeway.pull.contract import Node
from causeway.pull.plan import DimsePlan, Limits, NodePlan, Root, Watch, Way, WebPlan
from causeway.service.deciding import policy_of
from causeway.service.planning import hours_by_name

SECONDS_OF_A_DAY = 86400.0


def node_plans(configuration: Configuration) -> tuple[NodePlan, ...]:
    return tuple(node_plan(node, configuration) for node in configuration.nodes)


def node_plan(node: NodeSettings, configuration: Configuration) -> NodePlan:
    """All that pulling needs to know of a node."""
    hours = hours_by_name(configuration)
    policy = policy_of(configuration).of(node.name)
    limits = Limits(
        retrievals=node.parallel_retrievals,
        studies_an_hour=node.maximum_studies_per_hour,
        hours=hours[node.schedule].schedule if node.schedule else None,
        hours_name=node.schedule or "",
        answers=node.maximum_results,
        answer_cap=node.maximum_node_answers,
        failures=node.retry.maximum_failures,
        first_wait_seconds=node.retry.first_seconds,
        longest_wait_seconds=node.retry.maximum_seconds,
        total_seconds=node.total_seconds,
        idle_seconds=node.idle_seconds,
    )
    watch = Watch(
        interval_seconds=node.interval_seconds,
        window_days=node.window_days,
        thorough_seconds=node.recheck_seconds,
        acquisition_delay_seconds=node.acquisition_delay_seconds,
        grace_seconds=node.grace_days * SECONDS_OF_A_DAY,
        ignore_existing=node.ignore_existing,
    )
    filters = {tag_of(name): values for name, values in node.filter.items()}
    if node.web is not None:
        return WebPlan(
            name=node.name, limits=limits, watch=watch, filters=filters, opting=policy.opting,
            decides_by=_decides_by(policy), url=node.web.url,
        )  # fmt: skip
    destination = move_destination(node, configuration)
    return DimsePlan(
        name=node.name, limits=limits, watch=watch, filters=filters, opting=policy.opting,
        decides_by=_decides_by(policy),
        peer=peer_of(node, configuration),
        way=Way(node.retrieve),
        move_destination=destination,
        root=Root(node.model),
        charset=node.charset,
    )  # fmt: skip


def _decides_by(policy: SourcePolicy) -> tuple[int, ...]:
    conditions = (*policy.opting.opt_in, *policy.opting.opt_out)
    return tuple(sorted({*policy.routing.tags, *(condition.tag for condition in conditions)}))


def move_destination(node: NodeSettings, configuration: Configuration) -> str:
    """The AE title of ours that a node sends to; empty where nothing listens."""
    if node.move_destination:
        return node.move_destination
    return configuration.listeners[0].ae_title if configuration.listeners else ""


def calling_ae(node: NodeSettings, configuration: Configuration) -> str:
    return node.calling_ae or move_destination(node, configuration) or "CAUSEWAY"


def movers(configuration: Configuration) -> frozenset[str]:
    """The AE titles by which nodes are asked."""
    return frozenset(
        calling_ae(node, configuration) for node in configuration.nodes if node.web is None
    )


def peer_of(node: NodeSettings, configuration: Configuration) -> Peer:
    from causeway.service.securing import client_tls  # which has listeners ask this module

    assert node.host is not None
    assert node.port is not None
    assert node.ae_title is not None
    return Peer(
        host=node.host,
        port=node.port,
        called_ae=node.ae_title,
        calling_ae=calling_ae(node, configuration),
        tls=None if node.tls is None else client_tls(node.tls),
        timeouts=Timeouts(response_seconds=node.query_limit_seconds),
    )


def source_rules(configuration: Configuration) -> list[SourceRule]:
    """Nodes as callers of our listeners: for what they were asked to send, and nothing else."""
    return [
        SourceRule(
            name=node.name,
            ae_title=node.ae_title or "",
            networks=networks,
            max_associations=4 * node.parallel_retrievals,
        )
        for node in configuration.nodes
        if node.web is None and node.retrieve != "get" and (networks := _networks(node))
    ]


def _networks(
    node: NodeSettings,
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Where a node calls from; none for a name that nobody knows now."""
    if node.addresses is not None:
        return tuple(ipaddress.ip_network(str(each)) for each in node.addresses)
    assert node.host is not None
    try:
        found = socket.getaddrinfo(node.host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    addresses = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(ipaddress.ip_network(address) for address in addresses)


def make_node(
    plan: NodePlan,
    configuration: Configuration,
    abilities: Abilities,
    *,
    sink: Sink | None,
    asker: Asker | None,
    emit: Emit,
) -> Node:
    """A node of the kind that its plan is of."""
    # Mapping asks this module for every receiver, which needs none of these.
    from causeway.destinations.http.connect import ConnectedClient
    from causeway.pull.dimse_node import DimseNode
    from causeway.pull.web_node import WebNode
    from causeway.service.web import auth, http_options

    if isinstance(plan, DimsePlan):
        return DimseNode(plan, sink=sink, asker=asker, emit=emit, abilities=abilities)
    assert isinstance(plan, WebPlan)
    table = configuration.node(plan.name).web
    assert table is not None
    options = http_options(f"node {plan.name}", table, answer_seconds=plan.limits.idle_seconds)
    client = ConnectedClient(options, auth(table))
    return WebNode(plan, client, sink=sink, emit=emit, abilities=abilities)
