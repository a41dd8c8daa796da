"""What can go wrong, seen from an association.

::

    DimseError
    ├── ProtocolError         the peer broke the rules; carries the bytes that answer it
    └── LocalProtocolError    the caller asked for what the state or the negotiation does not allow

``ProtocolError`` is the only exception that bytes from outside can cause. Its text names the rule
and the numbers involved, never a value that the peer sent, so that it can be logged as it stands.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from typing import ParamSpec, TypeVar


class AbortSource(enum.IntEnum):
    """PS3.8 Table 9-26, octet 9."""

    SERVICE_USER = 0
    RESERVED = 1
    SERVICE_PROVIDER = 2


class AbortReason(enum.IntEnum):
    """PS3.8 Table 9-26, octet 10; has a meaning only when the source is the service provider."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    RESERVED = 3
    UNRECOGNIZED_PDU_PARAMETER = 4
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER_VALUE = 6


class DimseError(Exception):
    """The root of what this package raises."""


class LocalProtocolError(DimseError):
    """The caller asked for something that is not allowed now; nothing was sent and no state
    changed.
    """


class ProtocolError(DimseError):
    """The peer broke the rules, or went over a bound.

    The association has ended (``State.STA13``): send ``reply`` and close, or, to be kind to a peer
    that has yet to read it, wait for the peer to close until the ARTIM timer runs out. ``reply``
    is an A-ABORT PDU, or an A-ASSOCIATE-RJ PDU where the standard asks for one (Table 9-10, action
    AE-6).
    """

    def __init__(
        self,
        message: str,
        abort_reason: AbortReason = AbortReason.NOT_SPECIFIED,
        *,
        reply: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.abort_reason = abort_reason
        self.reply = reply


class LimitExceeded(ProtocolError):
    """The peer asked for more than a bound of ``Limits`` allows."""


_P = ParamSpec("_P")
_T = TypeVar("_T")


def callers_mistake(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Make a call in which what does not fit its field is a mistake of the caller."""
    try:
        return call(*args, **kwargs)
    except UnicodeError:
        # Its text would quote the value.
        raise LocalProtocolError("a text that latin-1 cannot encode") from None
    except (ValueError, struct.error) as error:
        raise LocalProtocolError(str(error)) from None
