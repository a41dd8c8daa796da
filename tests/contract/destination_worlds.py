"""A destination with its far side, and all that can go wrong between the two.

A *world* is what outlives a crash of our process: the far side, which can be asked what it has, and
what the ledger remembers. Each type of destination gives at least one, in a module of its own
here: ``world_<type>.py``, whose ``WORLDS`` maps a name to a class. Every fault of ``Fault`` is
either injected by it or declared ``impossible`` with the reason; ``test_destination_contract`` goes
through all of them and has no skips.
"""

from __future__ import annotations

import enum
import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from causeway.destinations import Destination
from causeway.testing.delivering import MemoryOfDestination, Parcel


class Fault(enum.StrEnum):
    """What a far side, or the way there, can do to us."""

    AWAY = "nothing answers"
    DNS = "its name is not known"
    CERTIFICATE_EXPIRED = "its certificate has expired"
    ASKS_TO_WAIT = "429 with Retry-After: 7, or its like"
    UNAVAILABLE = "503, or its like"
    UNAUTHORISED = "it stops to know us, at the second instance where there is one"
    TOKEN_EXPIRES = "the token expires on the way; a fresh one can be had"
    TRUNCATED_ANSWER = "the answer breaks off"
    SLOW_ANSWER = "the answer takes longer than we wait"
    RESET_AFTER_BODY = "all was taken, and the connection is reset in place of an answer"
    NOTHING_STORED = "success is answered, and nothing was stored"
    MIXED = "the second instance is refused, the others are taken"
    THERE_SAME = "the same instances are there already, brought by somebody else"
    THERE_OTHER = "other bytes stand where the first instance should be"
    WRONG_CHECKSUM = "what is stored is not what was sent"
    FULL = "no room there"


class World(ABC):
    """See the module's text. Made with a folder for its files, closed at the end."""

    impossible: ClassVar[Mapping[Fault, str]] = {}
    """Faults that cannot occur to this type, and why."""
    tells_others_apart: ClassVar[bool] = True
    """Whether the far side lets one see that what stands there has other bytes."""
    memory: MemoryOfDestination

    @abstractmethod
    def destination(self) -> Destination:
        """A fresh one, as after a start of the process."""

    @abstractmethod
    def holds(self) -> Mapping[str, bytes]:
        """Data sets by SOP Instance UID, as the far side has them by final names."""

    @abstractmethod
    def inject(self, fault: Fault, parcel: Parcel) -> None:
        """From now on, until ``mend``."""

    @abstractmethod
    def mend(self) -> None:
        """All is well again; what stands there stays."""

    def settle(self) -> None:  # noqa: B027 - most have none
        """Let work at the far side that was started go on to its end."""

    def close(self) -> None:  # noqa: B027 - some have nothing to close
        """The test is over."""


def world_types() -> dict[str, type[World]]:
    """Of all modules beside this one."""
    found: dict[str, type[World]] = {}
    for path in sorted(Path(__file__).parent.glob("world_*.py")):
        found |= importlib.import_module(path.stem).WORLDS
    return found
