"""What travels in the PDUs of PS3.8 section 9.3 and the sub-items of PS3.7 annex D, as frozen
values.

Only association control is here. P-DATA-TF, the PDU that matters for speed, never becomes an
object: the association reads it in place and hands out what is in it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from causeway.dimse.names import (
    APPLICATION_CONTEXT,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION,
)


class PduType(enum.IntEnum):
    """PS3.8 section 9.3.1."""

    A_ASSOCIATE_RQ = 0x01
    A_ASSOCIATE_AC = 0x02
    A_ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    A_RELEASE_RQ = 0x05
    A_RELEASE_RP = 0x06
    A_ABORT = 0x07


class Item(enum.IntEnum):
    """Items of PS3.8 sections 9.3.2 and 9.3.3; user information sub-items of PS3.8 D.1, PS3.7
    D.3.3.
    """

    APPLICATION_CONTEXT = 0x10
    PRESENTATION_CONTEXT_RQ = 0x20
    PRESENTATION_CONTEXT_AC = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ASYNCHRONOUS_OPERATIONS = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION = 0x55
    EXTENDED = 0x56
    COMMON_EXTENDED = 0x57
    USER_IDENTITY_RQ = 0x58
    USER_IDENTITY_AC = 0x59


class RejectResult(enum.IntEnum):
    """PS3.8 Table 9-21, octet 8."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectSource(enum.IntEnum):
    """PS3.8 Table 9-21, octet 9."""

    SERVICE_USER = 1
    SERVICE_PROVIDER_ACSE = 2
    SERVICE_PROVIDER_PRESENTATION = 3


class UserRejectReason(enum.IntEnum):
    """Reasons that go with ``RejectSource.SERVICE_USER``."""

    NO_REASON_GIVEN = 1
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = 2
    CALLING_AE_TITLE_NOT_RECOGNIZED = 3
    CALLED_AE_TITLE_NOT_RECOGNIZED = 7


class AcseRejectReason(enum.IntEnum):
    """Reasons that go with ``RejectSource.SERVICE_PROVIDER_ACSE``."""

    NO_REASON_GIVEN = 1
    PROTOCOL_VERSION_NOT_SUPPORTED = 2


class PresentationRejectReason(enum.IntEnum):
    """Reasons that go with ``RejectSource.SERVICE_PROVIDER_PRESENTATION``."""

    TEMPORARY_CONGESTION = 1
    LOCAL_LIMIT_EXCEEDED = 2


class ContextResult(enum.IntEnum):
    """Answer to one presentation context, PS3.8 Table 9-18."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class UserIdentityType(enum.IntEnum):
    """PS3.7 Table D.3-14."""

    USERNAME = 1
    USERNAME_AND_PASSCODE = 2
    KERBEROS = 3
    SAML = 4
    JWT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentationContext:
    """One line of an offer: an abstract syntax and the transfer syntaxes it may come in."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredContext:
    """One line of the answer to an offer. ``transfer_syntax`` counts only with ``ACCEPTANCE``."""

    context_id: int
    result: int
    """A ``ContextResult``, or an undefined value as the peer sent it (which is no acceptance)."""
    transfer_syntax: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedContext:
    """What an identifier means in an established association."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    scu_role: bool
    """This side may invoke the service's operations."""
    scp_role: bool
    """This side performs the service's operations when asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncWindow:
    """Asynchronous operations window, PS3.7 D.3.3.3; 0 is "no limit".

    Seen from the association requestor, in the request and in the answer.
    """

    invoked: int = 1
    performed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSelection:
    """SCP/SCU role selection for one SOP class, PS3.7 D.3.3.4.

    In the request: the roles that the requestor proposes to take. In the answer: those it may take.
    """

    sop_class_uid: str
    scu_role: bool
    scp_role: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedNegotiation:
    """SOP class extended negotiation, PS3.7 D.3.3.5; the service defines what the bytes mean."""

    sop_class_uid: str
    application_information: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonExtendedNegotiation:
    """SOP class common extended negotiation, PS3.7 D.3.3.6; in requests only.

    Tells which general SOP class a private or new one is akin to.
    """

    sop_class_uid: str
    service_class_uid: str
    related_general_sop_class_uids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserIdentity:
    """User identity, PS3.7 D.3.3.7. The fields hide from ``repr``: they are credentials."""

    type: int
    """A ``UserIdentityType``, or an undefined value as the peer sent it."""
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ: what one side offers."""

    called_ae: str
    calling_ae: str
    contexts: tuple[PresentationContext, ...]
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    """Bit field; bit 0 is version 1, the only one there is."""
    max_pdu_length: int = 0
    """What the sender accepts at most; 0 is no limit. When we send, the association writes
    ``Limits.max_pdu_length`` here: what is announced is what is enforced."""
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version: str = IMPLEMENTATION_VERSION
    async_window: AsyncWindow | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    user_identity: UserIdentity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateAnswer:
    """A-ASSOCIATE-AC: what the other side takes of it. AE titles are echoed by the association."""

    contexts: tuple[AnsweredContext, ...]
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    max_pdu_length: int = 0
    """As in ``AssociateRequest``."""
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version: str = IMPLEMENTATION_VERSION
    async_window: AsyncWindow | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    user_identity_response: bytes | None = field(default=None, repr=False)

    @property
    def accepted_count(self) -> int:
        return sum(answer.result == ContextResult.ACCEPTANCE for answer in self.contexts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerInfo:
    """What the peer said of itself when the association was made."""

    calling_ae: str
    called_ae: str
    max_pdu_length: int
    """0: no limit."""
    implementation_class_uid: str
    implementation_version: str
    async_window: AsyncWindow | None
    user_identity: UserIdentity | None
    """The peer's, if it is the requestor."""
    user_identity_response: bytes | None = field(default=None, repr=False)
    """The peer's, if it is the acceptor."""
