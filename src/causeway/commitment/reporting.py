"""How a report reaches whoever asked: over the association on which it was asked, or a new one.

The first is tried where that association still stands, which its receiver knows; a report left
there that is not answered soon goes the other way. A new association is asked for at the address
and port that the configuration gives for the source, in the role of SCP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from causeway.commitment.judging import Promise
from causeway.dimse import Category, category, describe
from causeway.errors import StartupError, TemporaryError
from causeway.ledger import CommitmentRow
from causeway.net import Peer, associate
from causeway.net.commitment import CommitmentReport
from causeway.net.committing import COMMITMENT_KINDS, REPORTER_ROLES, send_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A source that may ask, and how it is answered."""

    promise: Promise
    peer: Peer | None = None
    """Where it hears reports. Its host may be empty: the address that it asked from. None: only
    over the association on which it asked."""
    any_title: bool = False
    """The peer's AE title is the one that it asked by."""
    patience_seconds: float = 7 * 86400.0
    """After this, what is not delivered is refused."""


Requesters = Mapping[str, Requester]
"""By the name of their source."""

OverTheSame = Callable[[CommitmentRow, CommitmentReport], bool]
"""Leaves a report for the association on which it was asked for; False if that is known to be over.
What came of it is told later, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Sends reports over associations of our own."""

    requesters: Requesters = field(default_factory=dict)

    def peer_of(self, row: CommitmentRow) -> Peer | None:
        """Whom to call about a request; None if nobody has said where."""
        requester = self.requesters.get(row.source)
        if requester is None or requester.peer is None:
            return None
        peer = requester.peer
        if not peer.host:
            peer = replace(peer, host=row.peer_address)
        if requester.any_title:
            peer = replace(peer, called_ae=row.calling_ae)
        # Called by the title that it asked us by, it knows who we are.
        return replace(peer, calling_ae=row.called_ae)

    def send(self, peer: Peer, report: CommitmentReport) -> None:
        """Raises PeerError, TemporaryError."""
        try:
            with associate(peer, COMMITMENT_KINDS, roles=REPORTER_ROLES) as association:
                status = send_report(association, report)
        except StartupError as error:
            raise TemporaryError(error.message, hint=error.hint) from error
        check_answer(peer, status)


def check_answer(peer: Peer | str, status: int) -> None:
    """Raises TemporaryError where the requester did not take the report."""
    if category(status) not in (Category.SUCCESS, Category.WARNING):
        raise TemporaryError(f"{peer} did not take the report: {describe(status)}")
