"""The tables themselves, and what is derived from them."""

from __future__ import annotations

import enum
import itertools

import pytest

from causeway.errors import NotAllowed
from causeway.ledger import states
from causeway.ledger.states import (
    DeliveryState,
    InstanceState,
    ParcelState,
    SeriesState,
    StudyState,
    after_arrival,
    after_delivery,
    disposition,
    require,
    study_state,
)
from causeway.values import Disposition

MACHINES = [
    (states.SERIES_BEGINS, states.SERIES, states.SERIES_BY_OPERATOR),
    (states.INSTANCE_BEGINS, states.INSTANCE, states.INSTANCE_BY_OPERATOR),
    (states.PARCEL_BEGINS, states.PARCEL, states.PARCEL_BY_OPERATOR),
    (states.DELIVERY_BEGINS, states.DELIVERY, states.DELIVERY_BY_OPERATOR),
]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_is_known_and_can_be_reached(machine: tuple) -> None:  # type: ignore[type-arg]
    begins, table, by_operator = machine
    every = set(type(next(iter(table))))
    assert set(table) == every
    reached = set(begins)
    while more := {
        new
        for old in reached
        for new in {**table.get(old, {}), **by_operator.get(old, {})}
        if new not in reached
    }:
        reached |= more
    assert reached == every


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_is_both_automatic_and_a_persons(machine: tuple) -> None:  # type: ignore[type-arg]
    _, table, by_operator = machine
    for old, moves in by_operator.items():
        both = set(moves) & set(table[old])
        # A policy holds, and a person too. What died while it was reopened is reopened by a
        # person's retry, and by one more image too.
        assert both <= {SeriesState.HELD, SeriesState.REOPENED}


def test_only_a_person_gets_a_series_out_of_a_hold_or_back_from_the_dead() -> None:
    assert states.SERIES[SeriesState.HELD] == {}
    assert set(states.SERIES[SeriesState.DEAD]) == {SeriesState.REOPENED}
    assert states.INSTANCE[InstanceState.QUARANTINED] == {}
    assert states.DELIVERY[DeliveryState.DEAD] == {}


def test_what_a_table_lacks_is_refused() -> None:
    for table in (states.SERIES, states.SERIES_BY_OPERATOR):
        for old, new in itertools.product(SeriesState, SeriesState):
            if new in table.get(old, {}):
                require(table, old, new)
            else:
                with pytest.raises(NotAllowed, match=f"series that is {old.value}"):
                    require(table, old, new)


def test_a_persons_move_is_known_by_its_verb() -> None:
    table = states.SERIES_BY_OPERATOR
    require(table, SeriesState.DEAD, SeriesState.COMPLETE, by="retry")
    with pytest.raises(NotAllowed, match="by release"):
        require(table, SeriesState.DEAD, SeriesState.COMPLETE, by="release")
    instances = states.INSTANCE_BY_OPERATOR
    require(instances, InstanceState.QUARANTINED, InstanceState.DUPLICATE, by="release")
    with pytest.raises(NotAllowed):
        require(instances, InstanceState.QUARANTINED, InstanceState.DISCARDED, by="release")


def test_an_arrival_reopens_whatever_is_past_completion() -> None:
    for state in set(SeriesState) - {SeriesState.HELD}:
        expected = state if state in states.ARRIVING else SeriesState.REOPENED
        assert after_arrival(state) is expected
    with pytest.raises(NotAllowed):
        after_arrival(SeriesState.HELD)


@pytest.mark.parametrize(
    ("dead", "verified", "total", "state"),
    [
        (0, 0, 2, SeriesState.PACKAGED),
        (0, 1, 2, SeriesState.PACKAGED),
        (0, 2, 2, SeriesState.SETTLED),
        (1, 1, 2, SeriesState.DEAD),
        (1, 0, 2, SeriesState.DEAD),
        (0, 0, 0, SeriesState.PACKAGED),
    ],
)
def test_a_packaged_series_follows_its_deliveries(
    dead: int, verified: int, total: int, state: SeriesState
) -> None:
    assert after_delivery(dead=dead, verified=verified, total=total) is state


@pytest.mark.parametrize(
    ("series", "held", "state"),
    [
        ({}, False, StudyState.EMPTY),
        ({}, True, StudyState.HELD),
        ({SeriesState.SETTLED: 3}, True, StudyState.HELD),
        ({SeriesState.DEAD: 1, SeriesState.OPEN: 1, SeriesState.HELD: 1}, False, StudyState.DEAD),
        ({SeriesState.HELD: 1, SeriesState.OPEN: 1}, False, StudyState.HELD),
        ({SeriesState.REOPENED: 1, SeriesState.SETTLED: 1}, False, StudyState.ARRIVING),
        ({SeriesState.PACKAGED: 1, SeriesState.SETTLED: 1}, False, StudyState.ON_ITS_WAY),
        ({SeriesState.SETTLED: 1, SeriesState.DENIED: 1}, False, StudyState.SETTLED),
        ({SeriesState.DENIED: 1, SeriesState.OPEN: 0}, False, StudyState.DENIED),
    ],
)
def test_a_study_is_what_its_series_make_it(
    series: dict[SeriesState, int], held: bool, state: StudyState
) -> None:
    assert study_state(series, held=held) is state


def test_every_instance_counts_somewhere() -> None:
    for instance, series, held in itertools.product(
        InstanceState, [None, *SeriesState], [False, True]
    ):
        where = disposition(instance, series, study_held=held)
        assert where is not Disposition.REJECTED
        if instance in states.WAITING:
            parked = held or series in states.PARKED
            assert where is (Disposition.HELD if parked else Disposition.ON_ITS_WAY)
        elif instance in states.LIVE:
            assert where is Disposition.DELIVERED
        else:
            assert where.value == instance.value


def test_states_fit_the_words_of_the_page() -> None:
    every: list[type[enum.StrEnum]] = [
        SeriesState,
        InstanceState,
        ParcelState,
        DeliveryState,
        StudyState,
    ]
    for machine in every:
        for state in machine:
            assert state.name == state.value.upper().replace(" ", "_")
