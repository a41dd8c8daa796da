"""What a destination is: an attempt in steps, and an outcome for each instance.

The driver (``pipeline/attempt.py``) brings a parcel there with one ``Transfer`` for each attempt::

    start ─▶ verify what is unsure ─▶ send, send, … ─▶ commit ─▶ verify what was sent
                                        └── whatever is raised ─▶ abort

Outcomes are kept for each instance, so a later attempt sends what is missing and nothing else. What
an earlier attempt was sending when it ended is *unsure*, and asked for before it is sent again: the
answer may have been lost on its way back while everything had arrived.

What a method raises is about the attempt as a whole, and its class says what follows:

- ``TemporaryError``, and every exception that nobody thought of: tried again later, not before
  ``retry_after_seconds``, with bounded tries;
- ``NotYet``: the other side is still at work; asked again then, and no try is spent. Whoever raises
  it knows for how long it may;
- ``DestinationUnavailable``: nothing can be delivered there for now, whatever the parcel. The lane
  waits as a whole, and no try is spent. ``DestinationBusy``, a kind of it, is asked for by the
  other side; ``DestinationUnauthorised`` needs a person and waits for long;
- ``PermanentError``: a person is asked. ``DestinationConflict`` says that something else stands
  where the parcel should; it is never overwritten.

What concerns one instance is an ``Outcome`` of it, and not raised: the others go on.

The driver promises:

- calls of one transfer come from one thread and in the order above; ``verify`` comes before
  ``send`` only for what is unsure or was sent by an earlier attempt;
- one transfer of a delivery at a time, unless a lease was lost: then an older one can still be at
  work somewhere, and its leftovers may appear later; ``Shipment.attempt`` tells the two apart;
- the same shipment has the same instances, folders and names each time, and each instance the same
  bytes, always; the archive has the same bytes as long as the program is the same version;
- folder and file names are safe: no separators, not empty, no dots in front, at most 255 bytes.

A destination promises:

- *idempotence*: repeated after a crash at any point, by this process or another, it ends in the
  same state. What is there already is verified by asking, not guessed;
- *no halves*: under its final name an object is whole or absent;
- *verified* means that somebody has looked, and durable as well where the destination can know;
- *no retries* of its own beyond one that costs nothing and that the driver cannot do as well, such
  as a fresh token after a 401 or a fresh connection for one that had been idle: waits add up, and
  the durable schedule is the one that a person sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from causeway.values import Standing

Write = Callable[[Sequence[bytes]], None]
"""Takes the next bytes, in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a finished archive is known by."""

    size: int
    sha256: str
    """In hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A SOP instance as it goes to this destination: as it came, or de-identified."""

    id: int
    """The ledger's; names it in outcomes and logs."""
    name: str = field(repr=False)
    """In archives: ``<SOPInstanceUID>.<Modality>.dcm``."""
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    meta: bytes = field(repr=False)
    """Preamble, "DICM" and file meta information."""
    dataset_size: int
    """In bytes."""
    digest: bytes
    """BLAKE3 of the data set."""
    open: Callable[[], Iterator[bytes]] = field(repr=False)
    """The data set from its beginning, in pieces of at most 1 MiB; each call reads anew.

    Raises ``SpoolCorrupt`` when it does not match its digest, possibly after bytes of it were
    given: nothing may count as delivered before the iteration has ended. The destination's
    bandwidth limit is kept inside, and a lost lease ends it.
    """

    @property
    def size(self) -> int:
        """Bytes of the DICOM file."""
        return len(self.meta) + self.dataset_size

    def file(self) -> Iterator[bytes]:
        """The DICOM file."""
        yield self.meta
        yield from self.open()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one instance."""

    instance: Instance = field(repr=False)
    standing: Standing
    already_there: bool = False
    """An earlier attempt, or somebody else, had brought the same bytes."""
    code: str = ""
    """One word for counting, such as ``status_a700``."""
    why: str = ""
    """For the operator; nothing of a patient's, no UIDs."""
    reference: str = field(default="", repr=False)
    """What it is called there: a key, a URL, an image set."""
    transcoded_to: str = ""
    """Transfer syntax UID, where it could not go as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """How a shipment is cut for this destination."""

    instances: int = 0
    """Most in one ``send``; 0: the whole shipment at once, as an archive."""
    bytes: int = 0
    """Most in one ``send``, unless it is a single instance; 0: no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a probe, as it ended."""

    name: str
    """``dns``, ``tcp``, ``tls``, ``auth``, ``write``, ``read-back``, or the type's own word."""
    ok: bool
    text: str
    """What was found; without secrets."""
    hint: str = ""
    """What to do, where it is not well."""


class Shipment(Protocol):
    """One parcel on its way to one destination."""

    @property
    def key(self) -> str:
        """Names the delivery in temporary names and logs, such as ``delivery-12``."""

    @property
    def attempt(self) -> int:
        """Another number at each claim of the delivery."""

    @property
    def urgent(self) -> bool: ...

    @property
    def folders(self) -> tuple[str, ...]:
        """Where in the destination's hierarchy, outermost first."""

    @property
    def name(self) -> str:
        """File name of the archive."""

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All of the parcel, in order."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The document of ``docs/reference/parcel.md``, of what goes out, without ``archive``."""

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

    def replace(self, key: str, value: str | None) -> None:
        """Keep a value that moves on, durably, such as an upload's id; None forgets it."""


class Memory(Protocol):
    """What a destination knows of itself beyond the life of the process, over all deliveries."""

    def identity(self) -> str | None:
        """Whatever ``identify`` was given first; None before."""

    def identify(self, identity: str) -> str:
        """Keep an identity, durably. The first one given stands, and is returned."""

    def recall(self, key: str) -> str | None: ...

    def replace(self, key: str, value: str | None) -> None:
        """Keep a value, durably; None forgets it."""

    def remembered(self, prefix: str) -> Mapping[str, str]:
        """All that is kept under keys that begin so."""


class Transfer(Protocol):
    """One attempt to bring one shipment."""

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        """Bring some of them; one outcome each, as they become known.

        May work on several at a time inside.
        """

    def commit(self) -> None:
        """What was sent shall count: make it visible, finish the upload, start the import.

        Called when nothing is missing any more, also if this attempt had nothing to send.
        """

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        """Look whether they are there; one outcome each.

        Before ``send``, AGAIN means: not there, send it; SENT: there, and needs the commit;
        VERIFIED: there, and needs nothing any more.
        """

    def abort(self) -> None:
        """Leave no halves. What can be gone on with later may stay."""

    @property
    def reference(self) -> str:
        """What the parcel is called there; labels can be in it."""


@runtime_checkable
class Tended(Protocol):
    """A destination that has something to do whether or not there is anything to deliver."""

    def tend(self, now: float) -> None:
        """Do what is due, if it is; called every few seconds, from one thread."""


class Destination(Protocol):
    """Somewhere that parcels go. Calls may come from several threads."""

    @property
    def name(self) -> str:
        """As the configuration calls it."""

    @property
    def takes(self) -> Takes: ...

    def check(self) -> None:
        """Raise what ``start`` would raise at once, if it would; for status and doctor."""

    def probe(self) -> Iterator[Step]:
        """Try it out, harmlessly: steps in order, each as it ends; none after one that failed."""

    def start(self, shipment: Shipment) -> Transfer:
        """Begin an attempt: connect, log in, whatever needs no instance yet."""

    def close(self) -> None: ...
