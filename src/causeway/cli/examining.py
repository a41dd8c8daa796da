"""What ``doctor`` looks at over a network: nodes and destinations, as the service uses them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from causeway.cli.destinations import probe
from causeway.cli.session import Session, is_there
from causeway.doctor import Finding, Outcome, node_findings

if TYPE_CHECKING:
    from causeway.config import Configuration
    from causeway.pull.contract import Node
    from causeway.pull.plan import NodePlan


def nodes(session: Session, configuration: Configuration) -> Iterator[Finding]:
    """Each node, step by step."""
    from causeway.pull.abilities import Abilities
    from causeway.service.nodes import make_node, node_plans

    def make(plan: NodePlan) -> Node:
        return make_node(
            plan, configuration, Abilities(), sink=None, asker=None, emit=lambda *_, **__: None
        )

    for plan in node_plans(configuration):
        yield from node_findings(
            plan, make, failing=_failing(session, configuration, plan.name), today=_today()
        )


def _today() -> dt.date:
    return dt.datetime.now().astimezone().date()


def _failing(session: Session, configuration: Configuration, name: str) -> str:
    """The newest failure of a retrieval that is not made good yet."""
    if not is_there(configuration.ledger_path, configuration):
        return ""
    with session.ledger() as ledger:
        failing = [row for row in ledger.node_series(name) if row.fail_code]
    newest = max(failing, key=lambda row: row.state_at, default=None)
    return "" if newest is None else newest.fail_text


def destinations(session: Session, configuration: Configuration) -> Iterator[Finding]:
    """Each destination that is reached over a network, by its own probe."""
    from causeway.config.destinations import FolderDestination

    for table in configuration.destinations:
        if isinstance(table, FolderDestination):
            continue
        name = f"destination {table.name}"
        for step in probe(session, table):
            yield Finding(
                name=name,
                outcome=Outcome.OK if step.ok else Outcome.FAILED,
                said=f"{step.name}: {step.text}",
                to_do="" if step.ok else step.hint,
            )
