"""Sockets, TLS and timers around ``causeway.dimse``: a listener and a client.

The listener is two halves. The ``Door`` lives in the supervisor, accepts and screens, and hands
each connection to a ``Receiver`` in another process, which serves it in a thread and gives the
objects to a ``Sink``. What objects become is not known here: the spool is behind the sink, and
nothing of it, of the ledger or of the configuration is imported.

The client (``associate``, ``echo``, ``send``; ``find``, ``move``, ``get``) works on encoded bytes.
"""

from causeway.net.acceptance import Acceptance
from causeway.net.admission import Admission, Refusal, SourceRule
from causeway.net.authorities import flaws
from causeway.net.clerk import Desk, Outbound
from causeway.net.client import VERIFICATION_KINDS, ClientAssociation, associate, echo, send
from causeway.net.commitment import CommitmentReport, CommitmentRequest, Reference
from causeway.net.committing import (
    COMMITMENT_KINDS,
    REPORTER_ROLES,
    CommitmentUser,
    send_report,
)
from causeway.net.door import Door
from causeway.net.expiry import Expires, expiries
from causeway.net.handover import Channel, channel_pair
from causeway.net.identifiers import AssociationIds
from causeway.net.options import DoorLimits, ListenerOptions, ReceiveOptions, Renewal
from causeway.net.outgoing import Batch, Outgoing, StoreResult, plan
from causeway.net.pace import Expiry, Patience
from causeway.net.peer import (
    AssociationLost,
    AssociationRejected,
    NotNegotiated,
    Peer,
    Timeouts,
    Unreachable,
)
from causeway.net.query import (
    Find,
    FindAnswer,
    Retrieve,
    RetrieveAnswer,
    find,
    get,
    get_roles,
    move,
)
from causeway.net.receiver import Receiver, Stopped
from causeway.net.session import Ending
from causeway.net.sink import Emit, ObjectSink, Sink
from causeway.net.statistics import DoorStatistics, ReceiverStatistics, SourceCounts
from causeway.net.tls import ClientTls, Profile, ServerTls, server_context

__all__ = [
    "COMMITMENT_KINDS",
    "REPORTER_ROLES",
    "VERIFICATION_KINDS",
    "Acceptance",
    "Admission",
    "AssociationIds",
    "AssociationLost",
    "AssociationRejected",
    "Batch",
    "Channel",
    "ClientAssociation",
    "ClientTls",
    "CommitmentReport",
    "CommitmentRequest",
    "CommitmentUser",
    "Desk",
    "Door",
    "DoorLimits",
    "DoorStatistics",
    "Emit",
    "Ending",
    "Expires",
    "Expiry",
    "Find",
    "FindAnswer",
    "ListenerOptions",
    "NotNegotiated",
    "ObjectSink",
    "Outbound",
    "Outgoing",
    "Patience",
    "Peer",
    "Profile",
    "ReceiveOptions",
    "Receiver",
    "ReceiverStatistics",
    "Reference",
    "Refusal",
    "Renewal",
    "Retrieve",
    "RetrieveAnswer",
    "ServerTls",
    "Sink",
    "SourceCounts",
    "SourceRule",
    "Stopped",
    "StoreResult",
    "Timeouts",
    "Unreachable",
    "associate",
    "channel_pair",
    "echo",
    "expiries",
    "find",
    "flaws",
    "get",
    "get_roles",
    "move",
    "plan",
    "send",
    "send_report",
    "server_context",
]
