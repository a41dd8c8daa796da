"""Taking a series through its stages, as the pipeline would."""

from __future__ import annotations

from causeway.ledger import (
    Advanced,
    DeliveryClaim,
    Ledger,
    NewDelivery,
    NewParcel,
    Packaged,
    SeriesClaim,
    SeriesState,
    Verified,
)

DIGEST = bytes(32)
LATER = 100_000.0
"""Long after everything that a feed has made is due."""

_ORDER = (SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED, SeriesState.PACKAGED)


def claim(
    ledger: Ledger, *states: SeriesState, now: float = LATER, owner: str = "worker"
) -> SeriesClaim:
    """The one series that can be claimed in these states."""
    (only,) = ledger.claim_series(states, limit=10, now=now, owner=owner, lease_seconds=60)
    return only


def parcel_of(ledger: Ledger, series_id: int, *destinations: str, name: str = "parcel") -> Packaged:
    ids = tuple(each.id for each in ledger.to_package(series_id))
    return Packaged(parcels=(new_parcel(ids, *destinations, name=name),))


def new_parcel(
    ids: tuple[int, ...], *destinations: str, key: str = "", name: str = "parcel"
) -> NewParcel:
    return NewParcel(
        key=key,
        name=name,
        size=10,
        digest=DIGEST,
        instance_ids=ids,
        deliveries=tuple(NewDelivery(destination=each) for each in destinations or ("archive",)),
    )


def again(ledger: Ledger, series_id: int, *destinations: str) -> Packaged:
    """The whole series in one parcel, whatever was sent before."""
    ids = tuple(each.id for each in ledger.to_package(series_id, whole=True))
    return Packaged(parcels=(new_parcel(ids, *destinations),), whole=True)


def advance(
    ledger: Ledger, to: SeriesState, *destinations: str, now: float = LATER
) -> SeriesClaim | None:
    """Bring the one series that is in work to a state; answers the last claim."""
    last = None
    for state in _ORDER:
        before = (
            (SeriesState.OPEN, SeriesState.REOPENED)
            if state is SeriesState.COMPLETE
            else (_ORDER[_ORDER.index(state) - 1],)
        )
        for last in ledger.claim_series(
            before, limit=10, now=now, owner="worker", lease_seconds=60
        ):
            outcome = (
                parcel_of(ledger, last.id, *destinations)
                if state is SeriesState.PACKAGED
                else Advanced(to=state, reason="test")
            )
            assert ledger.settle_series(last, outcome, now=now)
        if state is to:
            break
    return last


def delivery(ledger: Ledger, destination: str = "archive", now: float = LATER) -> DeliveryClaim:
    (only,) = ledger.claim_deliveries(
        destination, limit=10, now=now, owner="sender", lease_seconds=60
    )
    return only


def settle_everything(ledger: Ledger, *destinations: str, now: float = LATER) -> None:
    """Verify whatever can be claimed."""
    for destination in destinations or ("archive",):
        for each in ledger.claim_deliveries(
            destination, limit=100, now=now, owner="sender", lease_seconds=60
        ):
            assert ledger.settle_delivery(each, Verified(reference="there"), now=now)
