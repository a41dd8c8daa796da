"""What follows from the states of others: of a study, and of an instance in the custody line."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.instance import InstanceState
from causeway.ledger.states.series import ARRIVING, PARKED, SeriesState
from causeway.values import Disposition


class StudyState(enum.StrEnum):
    """Of a study; derived, see ``study_state``."""

    EMPTY = "empty"
    ARRIVING = "arriving"
    ON_ITS_WAY = "on its way"
    SETTLED = "settled"
    HELD = "held"
    DENIED = "denied"
    DEAD = "dead"


def study_state(states: Mapping[SeriesState, int], *, held: bool) -> StudyState:
    """The state of a study: the first of these that applies, most in need of a person first."""

    def some(*wanted: SeriesState) -> bool:
        return any(states.get(state, 0) for state in wanted)

    if held:
        return StudyState.HELD
    if some(SeriesState.DEAD):
        return StudyState.DEAD
    if some(SeriesState.HELD):
        return StudyState.HELD
    if some(*ARRIVING):
        return StudyState.ARRIVING
    if some(SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED, SeriesState.PACKAGED):
        return StudyState.ON_ITS_WAY
    if some(SeriesState.SETTLED):
        return StudyState.SETTLED
    return StudyState.DENIED if some(SeriesState.DENIED) else StudyState.EMPTY


def disposition(
    instance: InstanceState, series: SeriesState | None, *, study_held: bool
) -> Disposition:
    """Where an instance counts in the custody line.

    What a policy denied or a failure stopped is counted as held: it is kept here and goes nowhere
    until a person decides. An instance whose parcel is verified everywhere stays delivered,
    whatever becomes of its series. ``REJECTED`` never had a row; it is counted in the tallies.
    """
    match instance:
        case InstanceState.DELIVERED | InstanceState.RETIRED:
            return Disposition.DELIVERED
        case InstanceState.QUARANTINED:
            return Disposition.QUARANTINED
        case InstanceState.DUPLICATE:
            return Disposition.DUPLICATE
        case InstanceState.DISCARDED:
            return Disposition.DISCARDED
        case InstanceState.INDEXED | InstanceState.CLEANED:
            parked = study_held or series in PARKED
            return Disposition.HELD if parked else Disposition.ON_ITS_WAY
