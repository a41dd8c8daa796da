"""Whether a series goes once more with what was sent before."""

from __future__ import annotations

from collections.abc import Sequence

from causeway.decide.verdict import Late, Routed
from causeway.ledger import InstanceRow, ParcelRow, ParcelState, SeriesRow


def goes_whole(
    series: SeriesRow, verdict: Routed, live: Sequence[InstanceRow], earlier: Sequence[ParcelRow]
) -> bool:
    """Whether what was sent before goes once more."""
    if series.whole:
        return True
    return (
        verdict.late is Late.AGAIN
        and bool(standing(earlier))
        and all(row.bytes_gone_at is None for row in live)
    )


def standing(parcels: Sequence[ParcelRow]) -> list[ParcelRow]:
    """Parcels that are not withdrawn."""
    return [row for row in parcels if row.state is not ParcelState.WITHDRAWN]
