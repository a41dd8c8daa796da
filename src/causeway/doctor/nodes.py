"""A node, from its name to its images: each step stands on the one before, so the first that fails
is the cause, and what comes after it is not asked.

Two steps are there for one signature each. A small request for an association and then a large one:
where the first is answered and the second is not, packets of full size are lost on the way (a
tunnel with a smaller MTU, and ICMP that a firewall drops), and everything else looks well. And a
C-MOVE of a study that nobody has: it moves nothing, and a node that does not know our AE title says
so.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from causeway.attributes import tag_of
from causeway.dimse import MoveStatus, Status
from causeway.doctor.finding import Finding, Outcome, failed, ok, skipped, warning
from causeway.doctor.way import dns, route, tcp, tls
from causeway.errors import CausewayError, PeerError
from causeway.net import (
    AssociationLost,
    AssociationRejected,
    NotNegotiated,
    Timeouts,
    associate,
    move,
)
from causeway.net.client import VERIFICATION_KINDS
from causeway.net.outgoing import Kind
from causeway.pull.classes import MOST_CONTEXTS, SYNTAXES
from causeway.pull.contract import Level, Node, Query
from causeway.pull.diagnosis import diagnosed, unreachable
from causeway.pull.identifiers import LEVEL, encode_identifier
from causeway.pull.plan import DimsePlan, NodePlan, Root, Way, WebPlan

PATIENCE: Final = Timeouts(
    connect_seconds=8, associate_seconds=12, response_seconds=20, release_seconds=3
)
SLOW_SECONDS: Final = 5.0
"""An association that takes longer waits for something; mostly for a name server."""
_STORAGE: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{each}" for each in ("2", "4", "1", "7", "20", "128", "6.1", "481.3")
)
_MOVE: Final = {
    Root.STUDY: "1.2.840.10008.5.1.4.1.2.2.2",
    Root.PATIENT: "1.2.840.10008.5.1.4.1.2.1.2",
}
_STUDY_INSTANCE_UID: Final = tag_of("StudyInstanceUID")


MakeNode = Callable[[NodePlan], Node]
"""Who can be asked questions of this plan."""


def node_findings(
    plan: NodePlan, make: MakeNode, *, failing: str, today: dt.date
) -> Iterator[Finding]:
    """All that can be found out of it without moving an image.

    ``failing`` is what the service's last retrieval failed with; empty if it did not.
    """
    name = f"node {plan.name}"
    if isinstance(plan, WebPlan):
        yield from _find(name, plan, make, today)
        return
    assert isinstance(plan, DimsePlan)
    plan = replace(plan, peer=replace(plan.peer, timeouts=PATIENCE))
    steps: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: dns(name, plan.peer),
        lambda: route(name, plan.peer),
        lambda: tcp(name, plan.peer),
        lambda: tls(name, plan.peer),
        lambda: small_association(name, plan),
        lambda: large_association(name, plan),
        lambda: _find(name, plan, make, today),
        lambda: _move(name, plan, failing),
    )
    for step in steps:
        for finding in step():
            yield finding
            if finding.outcome is Outcome.FAILED:
                return


# --- DICOM ----------------------------------------------------------------------------------------


def small_association(name: str, plan: DimsePlan) -> Iterator[Finding]:
    """Whether it takes us, and answers C-ECHO."""
    began = time.monotonic()
    try:
        with associate(plan.peer, VERIFICATION_KINDS) as association:
            taken = time.monotonic() - began
            try:
                status = association.echo()
            except NotNegotiated:
                status = None
    except AssociationRejected as error:
        said = unreachable(error, plan)
        yield failed(name, f"association: {said.text}", said.hint)
        return
    except AssociationLost:
        if plan.peer.tls is None:
            hint = "does it speak TLS at this port? Then `tls` has to be set; else its log says why"
        else:
            hint = "its log says why; some end the connection of callers that they do not know"
        yield failed(name, "association: it did not answer a small request for one", hint)
        return
    except PeerError as error:
        yield failed(name, f"association: {error.message}", error.hint)
        return
    if taken > SLOW_SECONDS:
        yield warning(
            name,
            f"association: accepted, after {taken:.0f} s",
            "it probably looks up a name for our address and finds none: have its administrator "
            "switch that off (DCMTK: -dhl), or enter this machine in its name server",
        )
    else:
        yield ok(name, f"association: accepted in {taken * 1000:.0f} ms")
    if status is None:
        yield warning(name, "echo: it offers no C-ECHO", "most nodes do; others do without")
    elif status != Status.SUCCESS:
        yield failed(name, f"echo: status {status:04X}", "its log says what that means")
    else:
        yield ok(name, "echo: answered")


def large_kinds() -> list[Kind]:
    """Contexts whose request fills several packets of any network."""
    kinds = [(storage, syntax) for storage in _STORAGE for syntax in SYNTAXES]
    return kinds[:MOST_CONTEXTS]


def large_association(name: str, plan: DimsePlan) -> Iterator[Finding]:
    """Whether packets of full size arrive: "echo works, association times out" is an MTU."""
    try:
        with associate(plan.peer, large_kinds()):
            pass
    except AssociationRejected:
        # Many reject what they have no service for; the packets have arrived all the same.
        pass
    except PeerError:
        yield failed(
            name,
            "association: a small request is answered, a large one is not",
            "packets of full size are lost on the way: lower the MTU of the tunnel or clamp its "
            'MSS (nft: `tcp option maxseg size set rt mtu`), or let ICMP "fragmentation needed" '
            "through; `sysctl net.ipv4.tcp_mtu_probing=1` helps meanwhile",
        )
        return
    yield ok(name, "association: a large request is answered as well, so the MTU is right")


def _find(name: str, plan: NodePlan, make: MakeNode, today: dt.date) -> Iterator[Finding]:
    """Whether it answers a question."""
    query = Query(
        level=Level.STUDY,
        keys={tag_of("StudyDate"): today.strftime("%Y%m%d"), _STUDY_INSTANCE_UID: ""},
    )
    try:
        with make(plan).session() as session:
            count = sum(1 for _ in session.find(query))
    except CausewayError as error:
        yield failed(name, f"find: {error.message}", error.hint)
    else:
        found = "1 study" if count == 1 else f"{count:,} studies"
        yield ok(name, f"find: answered; {found} of today")


def _move(name: str, plan: DimsePlan, failing: str) -> Iterator[Finding]:
    """Whether it would send to us."""
    if plan.way is Way.GET:
        yield skipped(name, 'move: not used (retrieve = "get")')
        return
    if not plan.move_destination:
        yield skipped(name, "move: there is no listener of ours that it could send to")
        return
    model = _MOVE[plan.root]
    try:
        with associate(plan.peer, [(model, syntax) for syntax in SYNTAXES[:2]]) as association:
            syntax = association.context(model).transfer_syntax
            nobodys = f"2.25.{secrets.randbits(120)}"
            keys = {LEVEL: Level.STUDY.value, _STUDY_INSTANCE_UID: nobodys}
            operation = move(
                association, model, encode_identifier(keys, syntax), syntax,
                destination=plan.move_destination,
            )  # fmt: skip
            status = [answer.status for answer in operation][-1]
    except NotNegotiated:
        if plan.way is Way.AUTO:
            yield skipped(name, "move: it offers none; C-GET is used")
        else:
            yield failed(
                name, "move: it offers no C-MOVE", 'use C-GET (retrieve = "get") if it has that'
            )
        return
    except PeerError as error:
        yield failed(name, f"move: {error.message}", error.hint)
        return
    said = diagnosed(status, plan)
    if status == MoveStatus.MOVE_DESTINATION_UNKNOWN:
        yield failed(name, f"move: {said.text}", said.hint)
    elif failing:
        yield warning(
            name,
            f"move: it knows {plan.move_destination}, but the last retrieval failed: {failing}",
            "the address or port that it has for us is probably wrong, or a firewall is between: "
            f"have its administrator send a C-ECHO to {plan.move_destination}",
        )
    else:
        yield ok(name, f"move: it knows {plan.move_destination}")
