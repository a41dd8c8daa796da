"""What a status or a refusal of a node means, and what its administrator or ours can do about it.

PS3.4 tables C.4-1 to C.4-3 name the statuses; what they mean in practice is experience: a C-MOVE to
an unknown AE title is the most frequent thing that is wrong with a new node.
"""

from __future__ import annotations

from dataclasses import dataclass

from causeway.errors import PeerError
from causeway.net import AssociationRejected, Unreachable
from causeway.pull.plan import DimsePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One cause, and one remedy."""

    code: str
    text: str
    hint: str


def diagnosed(status: int, plan: DimsePlan) -> Diagnosis:
    """Of the last status of C-FIND, C-MOVE or C-GET."""
    code = f"status_{status:04x}"
    us = plan.peer.calling_ae
    if status == 0xA801:
        return Diagnosis(
            code=code,
            text=f"the node does not know the AE title {plan.move_destination}",
            hint=f"its administrator has to enter {plan.move_destination} with the address and "
            'port of this machine; or use C-GET (retrieve = "get"), which needs no entry',
        )
    if status == 0xA701:
        return Diagnosis(
            code=code,
            text="the node cannot tell how many images match",
            hint="it is short of resources; it is tried again",
        )
    if status == 0xA702:
        return Diagnosis(
            code=code,
            text="the node could not carry out its sub-operations",
            hint=f"it may not reach {plan.move_destination or us} at the address that it has for "
            "it: have its administrator test that with C-ECHO; `causeway status` tells refusals",
        )
    if status == 0xA900:
        return Diagnosis(
            code=code,
            text="the node says that the question does not match its information model",
            hint='try the other model (`model = "patient"` or "study"), and fewer filters',
        )
    if status in (0x0122, 0x0118, 0x0211):
        return Diagnosis(
            code=code,
            text="the node does not offer this service",
            hint="choose another `retrieve`, or ask its administrator to switch the service on",
        )
    if status == 0x0124:
        return Diagnosis(
            code=code,
            text=f"the node does not allow this to {us}",
            hint=f"its administrator has to give {us} the right to query and retrieve",
        )
    if status == 0xFE00:
        return Diagnosis(code="cancelled", text="it was cancelled", hint="it is tried again")
    if status >> 8 == 0xA7:
        return Diagnosis(
            code=code, text="the node is out of resources", hint="it is tried again later"
        )
    return Diagnosis(
        code=code,
        text=f"the node answered with status {status:04X}",
        hint="its own log says what that means",
    )


def unreachable(error: PeerError, plan: DimsePlan) -> Diagnosis:
    """Of an association that could not be had."""
    us = plan.peer.calling_ae
    if isinstance(error, AssociationRejected):
        said = str(error.message)
        if "called AE title" in said:
            hint = f"is {plan.peer.called_ae} the node's AE title? It says that it is not"
        elif "calling AE title" in said:
            hint = f"its administrator has to enter {us} and the address of this machine"
        elif error.temporary:
            hint = "it has too many associations for now; it is tried again"
        else:
            hint = f"ask its administrator why {us} is refused"
        return Diagnosis(code="rejected", text=said, hint=hint)
    if isinstance(error, Unreachable):
        return Diagnosis(code="unreachable", text=str(error.message), hint=error.hint)
    return Diagnosis(code="lost", text=str(error.message), hint=error.hint)
