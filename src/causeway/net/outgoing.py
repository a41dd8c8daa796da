"""What is to be sent, in how many associations, and what became of it. Pure.

An association has room for 128 presentation contexts (their identifiers are the odd numbers of one
octet). Each pair of SOP class and transfer syntax gets a context of its own with that one syntax,
so that the peer's choice can never ask for a conversion: it takes the object as it is, or it does
not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from causeway.dimse import Buffer, Category, Status, StoreStatus, category, describe
from causeway.errors import PeerError

MOST_CONTEXTS = 128

Kind = tuple[str, str]
"""SOP class and transfer syntax."""

_FINAL = frozenset(
    {
        Status.INVALID_SOP_INSTANCE,
        Status.NO_SUCH_SOP_CLASS,
        Status.CLASS_INSTANCE_CONFLICT,
        Status.REFUSED_SOP_CLASS_NOT_SUPPORTED,
        Status.REFUSED_NOT_AUTHORIZED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An object to be stored at a peer: what its command says, and its encoded data set."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    data: Buffer | Callable[[], Iterable[Buffer]] = field(repr=False)
    """The data set without file meta information, or what gives its pieces when its turn has come.
    """
    key: object = None
    """The caller's own name for it; comes back with the result."""

    @property
    def kind(self) -> Kind:
        return (self.sop_class_uid, self.transfer_syntax_uid)

    def pieces(self) -> Buffer | Iterable[Buffer]:
        return self.data() if callable(self.data) else self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResult:
    """What became of one object: a status from the peer, or why there is none."""

    outgoing: Outgoing
    status: int | None = None
    comment: str = field(default="", repr=False)
    """Error Comment (0000,0902): free text of the peer, so it stays out of logs."""
    error: PeerError | None = None

    @property
    def stored(self) -> bool:
        """Whether the peer says that it has it; with a warning, it may have changed it."""
        return self.status is not None and category(self.status) in {
            Category.SUCCESS,
            Category.WARNING,
        }

    @property
    def temporary(self) -> bool:
        """Whether sending it again later may help. What is not known to be final is temporary."""
        if self.error is not None:
            return bool(getattr(self.error, "temporary", True))
        status = self.status
        return (
            status is not None
            and not self.stored
            and status not in _FINAL
            # A9xx: data set does not match SOP class; Cxxx: cannot understand (PS3.4 table B.2-1).
            and status >> 8 != 0xA9
            and status >> 12 != 0xC
        )

    def __str__(self) -> str:
        if self.error is not None:
            return str(self.error)
        assert self.status is not None
        return describe(self.status, StoreStatus)


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes over one association."""

    kinds: tuple[Kind, ...]
    instances: tuple[Outgoing, ...]


def plan(instances: Sequence[Outgoing], most_contexts: int = MOST_CONTEXTS) -> list[Batch]:
    """Split into as few associations as contexts allow; within one, the order stays as it was."""
    kinds = list(dict.fromkeys(instance.kind for instance in instances))
    batches = []
    for start in range(0, len(kinds), most_contexts):
        some = tuple(kinds[start : start + most_contexts])
        wanted = frozenset(some)
        batches.append(
            Batch(some, tuple(instance for instance in instances if instance.kind in wanted))
        )
    return batches
