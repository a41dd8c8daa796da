"""Who may come in: decided twice, as early as each fact is known, and purely.

At accept only the address is known, so ``screen`` says how many connections it may hold; nothing at
all is believed from an address that no source lists. At A-ASSOCIATE-RQ the AE titles and the
certificate are known too, and ``identify`` names the source or says why not. Address, calling AE
title and certificate belong together: a rule admits only what matches all three, so a stolen
certificate at another address, or a listed address without the certificate, is refused as a
stranger is.

The peer is told what PS3.8 table 9-21 has a number for and no more; the operator's counters keep
the exact reason.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from causeway.dimse import (
    PresentationRejectReason,
    RejectResult,
    RejectSource,
    UserRejectReason,
    same_ae_title,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ANY_AE_TITLE = "*"
CLOSING_SLACK = 16
"""Connections beyond its caps that an address may hold: those whose association has ended but whose
socket the peer has yet to close. Without it, a scanner at its cap that releases and comes back at
once would be refused now and then.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRule:
    """One ``[[source]]``: who may send, from where, and how much at once."""

    name: str
    networks: tuple[Network, ...]
    ae_title: str = ANY_AE_TITLE
    max_associations: int = 32
    certificate: str = ""
    """SHA-256 fingerprint in hex that the peer's certificate must have; empty asks for none."""

    def lists(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in network for network in self.networks)


class Refusal(enum.StrEnum):
    """Why a connection or an association is turned away. The values are the counters' names."""

    ADDRESS = "address not listed"
    CALLING_AE_TITLE = "calling ae title not recognized"
    CALLED_AE_TITLE = "called ae title not recognized"
    CERTIFICATE = "certificate not bound to source"
    APPLICATION_CONTEXT = "application context not supported"
    TOTAL_LIMIT = "associations at limit"
    ADDRESS_LIMIT = "address at limit"
    SOURCE_LIMIT = "source at limit"
    NO_SPACE = "no space"
    NO_RECEIVER = "no receiver"
    STOPPING = "stopping"

    @property
    def answer(self) -> RejectAnswer:
        return _ANSWERS[self]


@dataclass(frozen=True, slots=True)
class RejectAnswer:
    """The three octets of A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

    result: RejectResult
    source: RejectSource
    reason: int


_STRANGER = RejectAnswer(
    RejectResult.PERMANENT,
    RejectSource.SERVICE_USER,
    UserRejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
)
_NOT_CALLED_SO = RejectAnswer(
    RejectResult.PERMANENT,
    RejectSource.SERVICE_USER,
    UserRejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
)
_NOT_DICOM_CONTEXT = RejectAnswer(
    RejectResult.PERMANENT,
    RejectSource.SERVICE_USER,
    UserRejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
)
_CONGESTED = RejectAnswer(
    RejectResult.TRANSIENT,
    RejectSource.SERVICE_PROVIDER_PRESENTATION,
    PresentationRejectReason.TEMPORARY_CONGESTION,
)
_AT_LIMIT = RejectAnswer(
    RejectResult.TRANSIENT,
    RejectSource.SERVICE_PROVIDER_PRESENTATION,
    PresentationRejectReason.LOCAL_LIMIT_EXCEEDED,
)

_ANSWERS = {
    # A stranger learns nothing of which of address, title and certificate did not fit.
    Refusal.ADDRESS: _STRANGER,
    Refusal.CALLING_AE_TITLE: _STRANGER,
    Refusal.CERTIFICATE: _STRANGER,
    Refusal.CALLED_AE_TITLE: _NOT_CALLED_SO,
    Refusal.APPLICATION_CONTEXT: _NOT_DICOM_CONTEXT,
    Refusal.TOTAL_LIMIT: _AT_LIMIT,
    Refusal.ADDRESS_LIMIT: _AT_LIMIT,
    Refusal.SOURCE_LIMIT: _AT_LIMIT,
    Refusal.NO_SPACE: _CONGESTED,
    Refusal.NO_RECEIVER: _CONGESTED,
    Refusal.STOPPING: _CONGESTED,
}


def normal_address(address: str) -> str:
    """The address as rules and logs know it: no zone, and IPv4 without its IPv6 clothes."""
    plain = address.partition("%")[0]
    if plain.startswith("::ffff:") and "." in plain:
        return plain[7:]
    return plain


class Admission:
    """The rules of a configuration, in its order: the first rule that fits names the source."""

    def __init__(self, rules: Sequence[SourceRule]) -> None:
        self._rules = tuple(rules)
        self._caps = {rule.name: rule.max_associations for rule in rules}

    def screen(self, address: str) -> int:
        """How many connections the address may hold; 0 says that no source lists it.

        The bound holds before an association names its source, so that somebody who opens
        connections and stays silent uses up the room of an address, not that of the listener.
        """
        parsed = ipaddress.ip_address(address)
        room = sum(rule.max_associations for rule in self._rules if rule.lists(parsed))
        return room + CLOSING_SLACK if room else 0

    def identify(
        self, address: str, calling_ae: str, certificate: str = ""
    ) -> SourceRule | Refusal:
        """The source that a caller is, or why it is none.

        A title that a rule binds to a certificate never falls through to a later rule without one:
        whoever wrote the binding meant the title to be trusted only with it. Several rules may bind
        one title to several certificates, as while one replaces another.
        """
        parsed = ipaddress.ip_address(address)
        listed = [rule for rule in self._rules if rule.lists(parsed)]
        refusal = Refusal.CALLING_AE_TITLE if listed else Refusal.ADDRESS
        title_is_bound = False
        for rule in listed:
            named = rule.ae_title != ANY_AE_TITLE
            if named and not same_ae_title(rule.ae_title, calling_ae):
                continue
            if rule.certificate:
                if _fingerprint(rule.certificate) == _fingerprint(certificate):
                    return rule
                refusal = Refusal.CERTIFICATE
                title_is_bound = title_is_bound or named
            elif not title_is_bound:
                return rule
        return refusal

    def cap(self, source: str) -> int:
        """The most associations that a source may have at once, over all processes."""
        return self._caps.get(source, 0)


def _fingerprint(text: str) -> str:
    """Fingerprints are copied from tools that print colons and capitals."""
    return text.replace(":", "").lower()
