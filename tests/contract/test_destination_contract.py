"""What every destination keeps, whatever its type, and whatever the far side does to it.

Each type gives its worlds in a module beside this one; see ``destination_worlds``. What is promised
here is what the engine builds on: nothing is verified that is not there byte for byte, nothing is
there twice, and whatever goes wrong is told in words that say what to do, without a patient's data.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from destination_worlds import Fault, World, world_types

from causeway.destinations import Instance
from causeway.errors import (
    CausewayError,
    DestinationBusy,
    DestinationUnauthorised,
    DestinationUnavailable,
    NotYet,
    PermanentError,
    SpoolCorrupt,
    TemporaryError,
)
from causeway.pipeline.attempt import Ended
from causeway.pipeline.failure import fault_of
from causeway.testing.delivering import Parcel, bring
from causeway.values import Standing

TYPES = world_types()
CASES = [
    pytest.param((name, fault), id=f"{name}-{fault.name.lower()}")
    for name, made in TYPES.items()
    for fault in Fault
    if fault not in made.impossible
]
FAULTS_OF_WAY = (Fault.AWAY, Fault.DNS, Fault.CERTIFICATE_EXPIRED)


@pytest.fixture(params=TYPES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = TYPES[request.param](tmp_path)  # type: ignore[call-arg]
    yield made
    made.close()


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, Fault]]:
    name, fault = request.param
    made = TYPES[name](tmp_path)  # type: ignore[call-arg]
    yield made, fault
    made.close()


@pytest.fixture
def parcel() -> Parcel:
    return Parcel()


def once(world: World, parcel: Parcel) -> Ended | Exception:
    """One attempt, and what came of it."""
    try:
        return bring(world.destination(), parcel)
    except Exception as error:
        return error


def finally_there(world: World, parcel: Parcel, attempts: int = 60) -> Parcel:
    """Attempts until it is delivered, as the engine makes them, without its waits."""
    came: Ended | Exception | None = None
    for _ in range(attempts):
        came = once(world, parcel)
        if isinstance(came, Ended) and not (came.refused or came.missing or came.gave_way):
            assert_delivered(world, parcel)
            return parcel
        if isinstance(came, NotYet):
            world.settle()
        parcel = parcel.again()
    pytest.fail(f"not delivered in {attempts} attempts: {came!r}")


def assert_delivered(world: World, parcel: Parcel) -> None:
    assert parcel.journal.standings() == [Standing.VERIFIED] * len(parcel.instances)
    assert dict(world.holds()) == parcel.data_sets


def assert_honest(world: World, parcel: Parcel) -> None:
    """What counts as verified is there, byte for byte."""
    holds = world.holds()
    for each in parcel.instances:
        row = parcel.journal.rows.get(each.id)
        if row is not None and row.standing is Standing.VERIFIED:
            assert holds.get(each.sop_instance_uid) == parcel.data_sets[each.sop_instance_uid]


def assert_discreet(parcel: Parcel, came: Ended | Exception) -> None:
    """No patient, no UID, in what an operator or a log is shown."""
    said = [str(came), repr(came)]
    if isinstance(came, Exception):
        said.append(fault_of(came).text)
    for row in parcel.journal.rows.values():
        said += [row.why, row.code, repr(row)]
    for text in said:
        assert "Phantom" not in text
        assert "Müller" not in text
        for each in parcel.instances:
            assert each.sop_instance_uid not in text
        assert not re.search(r"Bearer|secret|password=", text)


# --- what is promised when all goes well ------------------------------------------------------


@pytest.mark.parametrize("name", TYPES)
def test_every_fault_is_injected_or_declared_impossible_with_a_reason(name: str) -> None:
    for fault, reason in TYPES[name].impossible.items():
        assert isinstance(fault, Fault)
        assert len(reason.split()) >= 4, f"{fault.name}: say why"


def test_a_parcel_is_there_whole_and_verified(world: World, parcel: Parcel) -> None:
    finally_there(world, parcel)


def test_what_is_verified_is_neither_read_nor_sent_again(world: World, parcel: Parcel) -> None:
    done = finally_there(world, parcel)
    again = done.again()
    bring(world.destination(), again)
    assert not again.opened


def test_after_a_crash_it_asks_first_and_ends_the_same(world: World, parcel: Parcel) -> None:
    done = finally_there(world, parcel)
    before = dict(world.holds())
    after = finally_there(world, done.after_crash())
    assert dict(world.holds()) == before
    if world.tells_others_apart:
        assert all(row.already_there for row in after.journal.rows.values())


def test_after_the_ledger_was_lost_it_ends_the_same(world: World, parcel: Parcel) -> None:
    finally_there(world, parcel)
    finally_there(world, parcel.after_lost_ledger())


@pytest.mark.parametrize("failure", [SpoolCorrupt("does not match"), RuntimeError("Phantom")])
def test_a_source_that_fails_is_not_delivered(
    world: World, parcel: Parcel, failure: Exception
) -> None:
    parcel.broken = failure
    came = once(world, parcel)
    assert isinstance(came, Exception) or came.missing or came.refused
    broken = parcel.instances[-1]
    assert broken.sop_instance_uid not in world.holds()
    assert_honest(world, parcel)
    if isinstance(failure, SpoolCorrupt):
        assert isinstance(came, SpoolCorrupt), "whoever reads hears of rot, and nobody swallows it"
    finally_there(world, parcel.again())


class Killed(BaseException):
    """The process is gone at this point."""


@pytest.mark.parametrize("reads", range(1, 5))
def test_killed_while_it_reads_it_goes_on(world: World, parcel: Parcel, reads: int) -> None:
    count = 0

    def counted(each: Instance) -> Instance:
        def opened() -> Iterator[bytes]:
            nonlocal count
            count += 1
            if count == reads:
                raise Killed
            return each.open()

        return type(each)(
            **{name: getattr(each, name) for name in each.__slots__ if name != "open"}, open=opened
        )

    whole = parcel.instances
    parcel.instances = tuple(counted(each) for each in whole)
    try:
        bring(world.destination(), parcel)
    except Killed:
        pass
    except NotYet:
        world.settle()
    assert_honest(world, parcel)
    finally_there(world, parcel.again())


def test_it_gives_way_and_goes_on_behind_it(world: World, parcel: Parcel) -> None:
    with contextlib.suppress(NotYet):
        ended = bring(world.destination(), parcel, may_go_on=lambda: False)
        assert ended.gave_way or parcel.journal.begun == len(parcel.instances), "in one batch"
    world.settle()
    finally_there(world, parcel.again())


def test_two_parcels_do_not_disturb_each_other(world: World) -> None:
    from causeway.testing.site import Image

    one = Parcel([Image(series=1, number=n) for n in (1, 2)])
    other = Parcel([Image(series=2, number=9)], key="delivery-2", name="T2.dicom.zip")
    for each in (one, other):
        came = once(world, each)
        for _ in range(60):
            if not isinstance(came, NotYet):
                break
            world.settle()
            each = each.again()
            came = once(world, each)
        assert isinstance(came, Ended), came
    assert dict(world.holds()) == one.data_sets | other.data_sets


def test_a_probe_tells_its_steps_and_leaves_nothing(world: World, parcel: Parcel) -> None:
    finally_there(world, parcel)
    before = dict(world.holds())
    steps = list(world.destination().probe())
    assert steps
    assert all(step.ok and step.name and step.text for step in steps), steps
    assert dict(world.holds()) == before


def test_check_is_content(world: World) -> None:
    world.destination().check()


# --- what is promised when something goes wrong -----------------------------------------------


def test_whatever_goes_wrong_nothing_is_lost_twice_or_untrue(
    case: tuple[World, Fault], parcel: Parcel
) -> None:
    world, fault = case
    world.inject(fault, parcel)
    came = once(world, parcel)
    for _ in range(60):
        if not isinstance(came, NotYet):
            break
        # What the far side makes of it shows when its work is done.
        world.settle()
        parcel = parcel.again()
        came = once(world, parcel)
    assert_discreet(parcel, came)
    if fault is Fault.THERE_OTHER:
        assert_conflict(world, parcel, came)
        return
    assert_honest(world, parcel)
    if isinstance(came, CausewayError):
        assert came.message
    assert_class(fault, came)
    world.mend()
    if fault is Fault.MIXED:
        parcel = asked_by_a_person(parcel)
    finally_there(world, parcel.again())


def assert_class(fault: Fault, came: Ended | Exception) -> None:
    """What the engine makes of it: a wait of the lane, a try, or a person's matter."""
    if fault in (Fault.TOKEN_EXPIRES, Fault.THERE_SAME):
        assert isinstance(came, Ended | NotYet), came
        return
    if isinstance(came, Ended):
        assert came.missing or came.refused, "it counts as delivered, and is not"
        if fault is Fault.MIXED:
            trouble = came.refused or came.missing
            assert trouble is not None
            assert trouble.count == 1
        return
    assert not isinstance(came, PermanentError), f"{came!r} would wait for a person"
    if fault is Fault.ASKS_TO_WAIT:
        assert isinstance(came, DestinationBusy)
        assert came.retry_after_seconds == 7
    elif fault is Fault.UNAUTHORISED:
        assert isinstance(came, DestinationUnauthorised)
        assert came.hint
    elif fault in (*FAULTS_OF_WAY, Fault.UNAVAILABLE, Fault.FULL):
        assert isinstance(came, DestinationUnavailable)
        assert came.hint
    else:
        assert isinstance(came, TemporaryError | OSError), came


def assert_conflict(world: World, parcel: Parcel, came: Ended | Exception) -> None:
    """A person is asked, and what stands there stays."""
    first = parcel.instances[0].sop_instance_uid
    if world.tells_others_apart:
        refused = isinstance(came, PermanentError) or (isinstance(came, Ended) and came.refused)
        assert refused, came
    assert world.holds().get(first) != parcel.data_sets[first] or not world.tells_others_apart


def asked_by_a_person(parcel: Parcel) -> Parcel:
    """``causeway retry``: what was refused is sent once more."""
    from dataclasses import replace

    parcel.journal.rows = {
        key: replace(row, standing=Standing.AGAIN) if row.standing is Standing.REFUSED else row
        for key, row in parcel.journal.rows.items()
    }
    return parcel


@pytest.mark.parametrize(
    "case", [p for p in CASES if p.values[0][1] in FAULTS_OF_WAY], indirect=True
)  # type: ignore[index]
def test_a_probe_says_what_is_wrong_and_what_to_do(
    case: tuple[World, Fault], parcel: Parcel
) -> None:
    world, fault = case
    world.inject(fault, parcel)
    steps = list(world.destination().probe())
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert steps[-1].text
    assert steps[-1].hint
    if fault is Fault.DNS:
        assert steps[-1].name == "dns"
    if fault is Fault.CERTIFICATE_EXPIRED:
        assert steps[-1].name == "tls"
