"""What a destination is: one verb, and what caller and destination may assume of each other.

``deliver`` brings one parcel to the destination and answers with a proof that it is there, whole:
the bytes were read back, or the other side vouched for them by a digest that it took itself.
Whatever else happens is an exception, and each is one of two kinds:

- *temporary*, and then the delivery is tried again: ``TemporaryError``, and every exception that
  nobody thought of (an unknown failure counts as temporary, with bounded tries). Of these,
  ``DestinationUnavailable`` says that nothing can be delivered there for now, whatever the parcel;
  the lane then waits as a whole, and no try is spent.
- *permanent*, and then a person is asked: ``PermanentError``. ``DestinationConflict`` says that
  something else stands where the parcel should; it is never overwritten.

The caller promises:

- one ``deliver`` of a shipment at a time, unless a lease was lost: then an older call can still be
  at work somewhere, and its leftovers may appear later; ``attempt`` tells the two apart;
- the same shipment gives the same folders, name and members each time, and the same bytes as long
  as the program is the same version; ``remember`` and ``recall`` keep what has to be known beyond
  that;
- folder and file names are safe: no separators, not empty, no dots in front, at most 255 bytes.

A destination promises:

- *idempotence*: repeated after a crash at any point, by this process or another, it ends in the
  same state and with the same proof. What is there already is verified by asking, not guessed;
- *no halves*: under its final name a parcel is whole or absent;
- *verified* means durable as well, where the destination can know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Write = Callable[[Sequence[bytes]], None]
"""Takes the next bytes, in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a finished archive is known by."""

    size: int
    sha256: str
    """In hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The destination has the parcel, whole."""

    reference: str = field(repr=False)
    """What it is called there; labels can be in it."""
    seal: Seal
    already_there: bool = False
    """An earlier attempt had brought it."""


class Shipment(Protocol):
    """One parcel on its way to one destination."""

    @property
    def key(self) -> str:
        """Names the delivery in temporary names and logs, such as ``delivery-12``."""

    @property
    def attempt(self) -> int:
        """Another number at each claim of the delivery."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Where in the destination's hierarchy, outermost first."""

    @property
    def name(self) -> str:
        """File name of the archive."""

    def archive(self, write: Write) -> None:
        """Give all bytes of the archive, in order.

        Raises ``SpoolCorrupt`` when a member does not match its digest, possibly after bytes of it
        were given: nothing may count as delivered before this returns.
        """

    def metadata(self, seal: Seal) -> bytes:
        """The JSON that stands beside the archive."""

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        """Whether a JSON that stands there is this archive's, whenever it was made.

        How a parcel came about is told there too, and is told anew after the ledger was lost.
        """

    def recall(self, key: str) -> str | None:
        """What an earlier attempt remembered."""

    def remember(self, key: str, value: str) -> str:
        """Keep a value for later attempts, durably. The first one given stands, and is returned."""


class Memory(Protocol):
    """What a destination knows of itself beyond the life of the process."""

    def identity(self) -> str | None:
        """Whatever ``identify`` was given first; None before."""

    def identify(self, identity: str) -> str:
        """Keep an identity, durably. The first one given stands, and is returned."""


class Destination(Protocol):
    """Somewhere that parcels go. Calls may come from several threads."""

    @property
    def name(self) -> str:
        """As the configuration calls it."""

    def check(self) -> None:
        """Raise what ``deliver`` would raise at once, if it would; for status and doctor."""

    def deliver(self, shipment: Shipment) -> Proof: ...

    def close(self) -> None: ...
