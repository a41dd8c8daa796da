"""Settings of listeners and associations, as the net package wants them; the service maps them from
the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.net.acceptance import Acceptance
from causeway.net.admission import Admission
from causeway.net.pace import Patience
from causeway.net.tls import ServerTls


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions:
    """One ``[[listener]]``: an AE title at a port."""

    ae_title: str
    host: str = "127.0.0.1"
    """An address of this machine; a name is resolved once, at start."""
    port: int = 11112
    """0 lets the system choose; ``Door.addresses`` tells what it chose."""
    tls: ServerTls | None = None
    any_called_ae: bool = False
    """Take associations whatever AE title they call; else only those that call ``ae_title``."""
    max_pdu_length: int = 131_072
    """What is announced and accepted. 128 KiB took 0.5 MB objects a fifth faster than 64 KiB; 256
    KiB and 1 MiB brought nothing more.
    """

    @property
    def name(self) -> str:
        """For logs: AE title and port. An AE title may have spaces inside."""
        return f"{self.ae_title.replace(' ', '_')}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """Bounds of the accept path."""

    max_associations: int = 320
    """Connections in the hands of all receivers together."""
    refusals_at_once: int = 32
    """Connections that are being told why they are refused; beyond that they are closed without a
    word.
    """
    refusal_seconds: float = 5.0
    """How long one that is refused has to ask and to leave."""
    backlog: int = 1024
    """Connections that the kernel holds until they are accepted (it caps this at ``somaxconn``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveOptions:
    """What all associations of a receiver share."""

    acceptance: Acceptance = field(default_factory=Acceptance)
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Other rules, while associations are open: for connections that come from now on."""

    admission: Admission
    options: ReceiveOptions
