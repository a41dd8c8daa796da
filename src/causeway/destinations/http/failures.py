"""What an answer, or none, means for the delivery that asked.

Three questions decide: is it about this parcel or about the whole destination, does it pass by
itself, and can it be known that nothing was stored. Addresses are left out of what is said, as
their paths carry UIDs; so is whatever the other side wrote, which may quote what it was sent.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import httpx2

from causeway.errors import (
    CausewayError,
    DestinationBusy,
    DestinationConflict,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)

LONGEST_WAIT_SECONDS: Final = 86_400.0
"""What a Retry-After is cut to; beyond a day it is more likely a mistake than a plan."""

_BUSY: Final = frozenset({402, 429, 507})
_PASSING: Final = frozenset({408, 423, 425, 500, 502, 504, 509})
_ELSEWHERE: Final = frozenset({301, 302, 303, 307, 308, 404, 405, 406, 407, 410, 421, 501, 505})
"""The address is wrong rather than the parcel: no parcel may be given up for it."""


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """How long the other side asks to be left alone: Retry-After (RFC 9110, 10.2.3), or the form of
    AWS, which counts milliseconds.
    """
    text = headers.get("retry-after", "").strip()
    seconds: float | None = None
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    elif text:
        try:
            at = email.utils.parsedate_to_datetime(text)
        except ValueError:
            pass
        else:
            # A date of "-0000" has no zone, and is UTC (RFC 9110, 5.6.7).
            at = at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
            seconds = max(0.0, at.timestamp() - now)
    if seconds is None:
        text = headers.get("x-amz-retry-after", "").strip()
        if text.isascii() and text.isdigit():
            seconds = float(text[:12]) / 1000
    return None if seconds is None else min(seconds, LONGEST_WAIT_SECONDS)


def failure_of_status(
    status: int, headers: Mapping[str, str], *, who: str, now: float
) -> CausewayError:
    """The error that an answer without success stands for."""
    wait = retry_after_seconds(headers, now)
    if status == 401:
        return DestinationUnauthorised(
            f"{who} does not accept the credentials (401)",
            hint="renew its key, token or password; deliveries go on by themselves",
        )
    if status == 403:
        return DestinationUnauthorised(
            f"{who} does not allow what was asked (403)",
            hint="give the account the right to store and to search there",
        )
    if status in _BUSY:
        return DestinationBusy(
            f"{who} asks to wait ({status})",
            hint="" if status == 429 else "its quota or its disk is used up",
            retry_after_seconds=wait,
        )
    if status == 503:
        return DestinationUnavailable(
            f"{who} is not available (503)",
            hint="it says so itself; deliveries go on when it is back",
            retry_after_seconds=wait,
        )
    if status in _PASSING:
        return TemporaryError(f"{who} failed ({status})", retry_after_seconds=wait)
    if status in _ELSEWHERE or 300 <= status < 400:
        return DestinationUnavailable(
            f"{who} does not offer this at its address ({status})",
            hint="see whether `url` is what its manual says; redirects are not followed",
        )
    if status in (409, 412):
        return DestinationConflict(
            f"{who} has something else where this should be ({status})",
            hint="see what stands there, then retry the delivery",
        )
    if 400 <= status < 500:
        return DestinationRefused(f"{who} refuses what it was sent ({status})")
    return TemporaryError(f"{who} failed ({status})", retry_after_seconds=wait)


def failure_of_exception(error: Exception, *, who: str) -> CausewayError:
    """The error that a request without an answer stands for.

    Until a connection stands nothing can have been stored, and it is a matter of the destination.
    After that what was asked may have been done, and whoever asked has to look.
    """
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return DestinationUnavailable(f"{who}: {_tls_trouble(cause)}", hint=_tls_hint(cause))
        if isinstance(cause, socket.gaierror):
            return DestinationUnavailable(
                f"{who}: the name of its host is not known",
                hint="see `url`, and whether this machine's DNS works",
            )
        if isinstance(cause, ConnectionRefusedError):
            return DestinationUnavailable(
                f"{who}: nothing listens at its address",
                hint="is it running, and are host and port right?",
            )
    match error:
        case httpx2.ProxyError():
            return DestinationUnavailable(
                f"{who}: the proxy does not let the connection through",
                hint="see the proxy's address, credentials and rules",
            )
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            return DestinationUnavailable(
                f"{who} cannot be connected to in time",
                hint="is a firewall in between?",
            )
        case httpx2.ConnectError():
            return DestinationUnavailable(
                f"{who} cannot be connected to", hint="see network, firewall and `url`"
            )
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return DestinationUnavailable(f"{who}: `url` is not an address of HTTP")
        case httpx2.TimeoutException():
            return TemporaryError(f"{who} did not answer in time")
        case httpx2.TransportError():
            return TemporaryError(f"{who} broke the connection off")
        case _:
            return TemporaryError(f"{who}: unexpected {type(error).__name__}")


def _tls_trouble(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's own words name at most the host that was asked for.
        return f"its certificate is not accepted: {error.verify_message or 'unknown reason'}"
    reason = (error.reason or "").lower().replace("_", " ")
    return f"TLS failed{f': {reason}' if reason else ''}"


def _tls_hint(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        if "ALERT" in (error.reason or ""):
            return "it may ask for a client certificate, or not trust the one that it was shown"
        return "see its TLS versions and `minimum_version`"
    words = (error.verify_message or "").lower()
    if "expired" in words:
        return "the certificate has to be renewed over there"
    if "mismatch" in words or "not valid for" in words:
        return "call it by a name that its certificate carries"
    if "issuer" in words or "self" in words:
        return "name the authority that signed it in `ca`"
    return "see the certificate with `openssl s_client -connect HOST:PORT -showcerts`"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised from, bounded."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
