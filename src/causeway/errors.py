"""One tree of errors.

::

    CausewayError
    ├── ConfigurationError          what the operator wrote is wrong; nothing was started
    ├── StartupError                the machine does not allow it (port, rights, lock)
    ├── TemporaryError              trying again later may help
    │   ├── OutOfSpace              no room in the spool; the peer is told 0xA700
    │   ├── DestinationUnavailable  a destination does not answer or has no room
    │   │   ├── DestinationBusy         it asks to wait: a quota, too many requests
    │   │   └── DestinationUnauthorised it does not know us any more, whatever we send
    │   ├── NotYet                  work goes on at the other side; ask again later
    │   └── LedgerBusy              the database is locked or being restarted
    ├── PermanentError              trying again gives the same result
    │   ├── BadDataSet              bytes that are no data set, or lack what is required
    │   ├── SpoolCorrupt            bytes that do not match their digest
    │   │   └── SpoolGone           an address whose container was recycled or removed
    │   ├── LedgerCorrupt           the database cannot be trusted
    │   ├── DestinationRefused      a destination says no
    │   │   └── DestinationConflict something else stands where the parcel should
    │   └── NotAllowed              a transition that the state tables do not have
    └── PeerError                   the other side of an association; see causeway.dimse for its own

What a peer is told is generic; what an operator is told is exact. ``hint`` says what to do next.
No message carries a patient's data: UIDs are named by the ledger's numbers or a digest.
"""

from __future__ import annotations


class CausewayError(Exception):
    """The root of everything that this project raises on purpose."""

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(CausewayError):
    """What the operator wrote is wrong."""

    exit_status = 2


class StartupError(CausewayError):
    """The machine does not allow what the configuration asks for."""

    exit_status = 3


class TemporaryError(CausewayError):
    """Trying again later may help."""

    exit_status = 4

    def __init__(
        self, message: str, *, hint: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds
        """What the other side asked for, if it did (Retry-After)."""


class OutOfSpace(TemporaryError):
    """No room in the spool."""


class DestinationUnavailable(TemporaryError):
    """A destination does not answer or has no room."""


class DestinationBusy(DestinationUnavailable):
    """A destination asks to wait: a quota is used up, or there are too many requests."""


class DestinationUnauthorised(DestinationUnavailable):
    """A destination does not take our credentials, whatever is sent."""


class NotYet(TemporaryError):
    """The other side is still at work on what it was given; nothing failed."""

    def __init__(self, message: str, *, again_in_seconds: float, hint: str = "") -> None:
        super().__init__(message, hint=hint, retry_after_seconds=again_in_seconds)
        self.again_in_seconds = again_in_seconds


class LedgerBusy(TemporaryError):
    """The database is locked or restarting."""


class PermanentError(CausewayError):
    """Trying again gives the same result."""

    exit_status = 5


class BadDataSet(PermanentError):
    """Bytes that are no data set, or lack what is required."""


class SpoolCorrupt(PermanentError):
    """Bytes that do not match their digest."""


class SpoolGone(SpoolCorrupt):
    """An address whose container was recycled or removed."""


class LedgerCorrupt(PermanentError):
    """The database cannot be trusted."""


class DestinationRefused(PermanentError):
    """A destination says no."""


class DestinationConflict(DestinationRefused):
    """Something else stands where the parcel should; it is not overwritten."""


class NotAllowed(PermanentError):
    """A transition that the state tables do not have."""


class PeerError(CausewayError):
    """The other side of an association did not do what was asked."""

    exit_status = 6
