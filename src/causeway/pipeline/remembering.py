"""What is remembered outside the process, in the ledger: of a destination, and of one delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from causeway.destinations import Memory
from causeway.ledger import DeliveryClaim, OutcomeRow, Placement

IDENTITY_OWNER: Final = "destination"
"""Owner of the claim that keeps a destination's identity among the ledger's placements."""

IDENTITY_PREFIX: Final = "~identity/"


class Remembering(Protocol):
    """What the ledger does for both."""

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement: ...

    def placed(self, destination: str, owner: str) -> tuple[str, ...]: ...

    def remember(self, destination: str, key: str, value: str | None, *, at: float) -> None: ...

    def remembered(self, destination: str, prefix: str = "") -> Mapping[str, str]: ...

    def effect(self, delivery_id: int, key: str, value: str, *, at: float) -> str: ...

    def replace_effect(
        self, delivery_id: int, key: str, value: str | None, *, at: float
    ) -> None: ...

    def effects(self, delivery_id: int) -> tuple[tuple[str, str], ...]: ...

    def outcomes(self, delivery_id: int) -> tuple[OutcomeRow, ...]: ...

    def note_outcomes(
        self,
        claim: DeliveryClaim,
        outcomes: Sequence[OutcomeRow],
        *,
        begun: int = ...,
        again: Sequence[int] = ...,
    ) -> bool: ...


class LedgerMemory(Memory):
    """What a destination knows of itself."""

    def __init__(self, ledger: Remembering, destination: str, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._destination = destination
        self._clock = clock

    def identity(self) -> str | None:
        found = self._ledger.placed(self._destination, IDENTITY_OWNER)
        return found[0].removeprefix(IDENTITY_PREFIX) if found else None

    def identify(self, identity: str) -> str:
        known = self.identity()
        if known is None:
            path = IDENTITY_PREFIX + identity
            self._ledger.place(self._destination, path, IDENTITY_OWNER, at=self._clock())
            known = self.identity()
        return known or identity

    def recall(self, key: str) -> str | None:
        return self._ledger.remembered(self._destination, key).get(key)

    def replace(self, key: str, value: str | None) -> None:
        self._ledger.remember(self._destination, key, value, at=self._clock())

    def remembered(self, prefix: str) -> Mapping[str, str]:
        return self._ledger.remembered(self._destination, prefix)


class DeliveryKeeping:
    """What one delivery has done outside."""

    def __init__(self, ledger: Remembering, delivery_id: int, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._delivery_id = delivery_id
        self._clock = clock

    def known(self) -> Mapping[str, str]:
        return dict(self._ledger.effects(self._delivery_id))

    def remember(self, key: str, value: str) -> str:
        return self._ledger.effect(self._delivery_id, key, value, at=self._clock())

    def replace(self, key: str, value: str | None) -> None:
        self._ledger.replace_effect(self._delivery_id, key, value, at=self._clock())


class LedgerJournal:
    """What became of the instances of a delivery, as long as the claim on it holds."""

    def __init__(self, ledger: Remembering, claim: DeliveryClaim) -> None:
        self.delivery_id = claim.id
        self.begun = claim.delivery.begun
        self._ledger = ledger
        self._claim = claim

    def outcomes(self) -> tuple[OutcomeRow, ...]:
        return self._ledger.outcomes(self.delivery_id)

    def note(
        self, outcomes: Sequence[OutcomeRow], *, begun: int = 0, again: Sequence[int] = ()
    ) -> bool:
        return self._ledger.note_outcomes(self._claim, outcomes, begun=begun, again=again)
