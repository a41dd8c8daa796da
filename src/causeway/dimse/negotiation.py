"""From an offer and a policy to an answer. (Skeleton: signatures only.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causeway.dimse.names import VERIFICATION, is_storage_class
from causeway.dimse.pdu import AssociateAnswer, AssociateRequest


def storage_and_verification(abstract_syntax: str) -> bool:
    return abstract_syntax == VERIFICATION or is_storage_class(abstract_syntax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What this side accepts."""

    abstract_syntax: Callable[[str], bool] = storage_and_verification
    transfer_syntax: Callable[[str], bool] = bool
    """Any that is not empty, private ones too."""
    preferred: tuple[str, ...] = ()
    """The first of these that is proposed wins; else the first proposed that is accepted."""
    peer_may_be_scp: Callable[[str], bool] = lambda _uid: False
    """SOP classes for which the requestor may take the SCP role (C-GET)."""


def negotiate(request: AssociateRequest, policy: Policy = Policy()) -> AssociateAnswer:
    """The answer to an offer, context by context."""
    raise NotImplementedError
