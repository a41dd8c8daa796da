"""What de-identification made of instances: what holds on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance, claim, new_parcel, settle_everything

from causeway.attributes import Attributes
from causeway.errors import NotAllowed
from causeway.ledger import (
    LEFT_OUT,
    Advanced,
    CleanedState,
    InstanceState,
    Ledger,
    NewCleaned,
    NewCleanHead,
    NewDelivery,
    NewTreatment,
    Packaged,
    SeriesClaim,
    SeriesState,
)
from causeway.testing.feed import Feed
from causeway.values import Disposition

WHO = {"who": "anna", "why": "looked"}
HELD_CODE = "deidentify"


def treatment(digest: str = "d1", **changes: str) -> NewTreatment:
    return NewTreatment(
        digest=digest,
        name="research",
        profile_digest="p1",
        pixels_digest="x1",
        key_id="usual-12345678",
        place="neuro/sleep",
        shift_days=3650,
        shift_multiple_of=7,
        described="{}",
        written="{}",
        **changes,
    )


def clean(instance_id: int, **changes: object) -> NewCleaned:
    said: dict[str, object] = {
        "sop_instance_uid": f"2.25.{instance_id}",
        "study_instance_uid": "2.25.1",
        "series_instance_uid": "2.25.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "subject": "SUBJECT",
        "size": 100,
        "digest": bytes(32),
        "account": '{"rules": {}}',
    }
    return NewCleaned(instance_id=instance_id, state=CleanedState.CLEAN, **(said | changes))  # type: ignore[arg-type]


def held(instance_id: int) -> NewCleaned:
    return NewCleaned(
        instance_id=instance_id, state=CleanedState.HELD, code="ultrasound", reason="an ultrasound"
    )


def routed(ledger: Ledger, images: int = 2) -> tuple[SeriesClaim, int]:
    """A series of so many images that is being cleaned, and the treatment's id."""
    feed = Feed()
    ledger.index([feed.indexed(1, 1, n) for n in range(1, images + 1)], now=1000)
    advance(ledger, SeriesState.ROUTED)
    return claim(ledger, SeriesState.ROUTED), ledger.treatment(treatment(), now=LATER).id


def states(ledger: Ledger, series_id: int = 1) -> dict[int, CleanedState]:
    return {row.instance_id: row.state for row in ledger.cleaned_of(series_id)}


def hold(ledger: Ledger, its: SeriesClaim) -> None:
    assert ledger.settle_series(
        its, Advanced(to=SeriesState.HELD, code=HELD_CODE, reason="1 of 2"), now=LATER
    )


def test_a_treatment_is_entered_once(ledger: Ledger) -> None:
    first = ledger.treatment(treatment(), now=1.0)
    assert ledger.treatment(treatment(), now=2.0) == first
    other = ledger.treatment(treatment("d2"), now=2.0)
    assert other.id != first.id
    assert ledger.treatments([first.id, other.id, 999]) == {first.id: first, other.id: other}


def test_outcomes_are_kept_with_all_that_makes_the_bytes_again(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    head = NewCleanHead(digest=bytes(16), attributes=Attributes(values={0x00100020: ("S",)}))
    assert ledger.enter_cleaned(its, its_treatment, [clean(1), held(2)], [head], now=LATER)
    one, two = ledger.cleaned_of(1, its_treatment)
    assert (one.state, one.sop_instance_uid, one.size, one.digest) == (
        CleanedState.CLEAN, "2.25.1", 100, bytes(32),
    )  # fmt: skip
    assert (two.state, two.code, two.size) == (CleanedState.HELD, "ultrasound", None)
    assert one.account_id is not None
    assert ledger.accounts([one.account_id]) == {one.account_id: '{"rules": {}}'}
    (known,) = ledger.clean_heads(1, its_treatment)
    assert known.attributes == head.attributes
    (kept,) = ledger.kept_back(series_id=1)
    assert (kept.instance.id, kept.treatment.name) == (2, "research")
    assert ledger.kept_back(study_id=99) == ()


def test_equal_accounts_are_kept_once(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1), clean(2)], now=LATER)
    one, two = ledger.cleaned_of(1)
    assert one.account_id == two.account_id


def test_who_has_lost_the_claim_enters_nothing(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.index([Feed(container="s2").indexed(1, 1, 9)], now=1001)
    assert not ledger.enter_cleaned(its, its_treatment, [clean(1)], now=LATER)
    assert not ledger.forget_undecided(its, [its_treatment])
    assert ledger.cleaned_of(1) == ()


def test_a_release_is_a_word_about_one_image_and_lets_its_series_go_on(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [held(1), held(2)], now=LATER)
    hold(ledger, its)
    assert ledger.custody().count(Disposition.HELD) == 2
    assert not ledger.release_cleaned(1, **WHO, now=LATER, regions=[(0, 0, 10, 20)])
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.HELD
    assert ledger.release_cleaned(2, **WHO, now=LATER, excused=True)
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.released_by) == (SeriesState.ROUTED, "")
    one, two = ledger.cleaned_of(1)
    assert (one.state, one.decided_by, one.regions) == (
        CleanedState.RELEASED, "anna", ((0, 0, 10, 20),),
    )  # fmt: skip
    assert (two.excused, two.decided_why) == (True, "looked")
    again = claim(ledger, SeriesState.ROUTED)
    assert ledger.enter_cleaned(again, its_treatment, [clean(1), clean(2)], now=LATER)
    one, _ = ledger.cleaned_of(1)
    assert (one.state, one.decided_by, one.regions) == (
        CleanedState.CLEAN, "anna", ((0, 0, 10, 20),),
    )  # fmt: skip
    assert [event.what for event in ledger.events_of(series_id=1)].count("instance.release") == 2


def test_releasing_the_series_overrules_nothing(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1), held(2)], now=LATER)
    hold(ledger, its)
    ledger.release("series:1", **WHO, now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.released_by, series.released_generation) == (
        SeriesState.ROUTED, "", 0,
    )  # fmt: skip
    assert states(ledger) == {1: CleanedState.CLEAN, 2: CleanedState.HELD}


@pytest.mark.parametrize("verb", ["release_cleaned", "leave_out"])
def test_what_is_not_held_is_not_decided_about(ledger: Ledger, verb: str) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1)], now=LATER)
    for number in (1, 2, 99):
        with pytest.raises(NotAllowed):
            getattr(ledger, verb)(number, **WHO, now=LATER)
    with pytest.raises(NotAllowed, match="who"):
        getattr(ledger, verb)(1, who="", why="x", now=LATER)


def test_what_waits_under_another_treatment_is_forgotten(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    other = ledger.treatment(treatment("d2"), now=LATER).id
    ledger.enter_cleaned(its, its_treatment, [clean(1), held(2)], now=LATER)
    ledger.enter_cleaned(its, other, [held(1), held(2)], now=LATER)
    assert ledger.forget_undecided(its, [other])
    assert {(row.instance_id, row.treatment_id) for row in ledger.cleaned_of(1)} == {
        (1, its_treatment), (1, other), (2, other),
    }  # fmt: skip


def left_out(ledger: Ledger) -> SeriesClaim:
    """A series of two whose second image goes nowhere."""
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1), held(2)], now=LATER)
    assert ledger.leave_out_undecided(its, [its_treatment], now=LATER) == 1
    outcome = Advanced(to=SeriesState.CLEANED, reason="1 of 2", left_out=(2,))
    assert ledger.settle_series(its, outcome, now=LATER)
    return its


def test_what_goes_nowhere_waits_in_quarantine_and_the_rest_goes(ledger: Ledger) -> None:
    left_out(ledger)
    (kept,) = ledger.quarantined()
    assert (kept.id, kept.reason, kept.series_id) == (2, LEFT_OUT, 1)
    series = ledger.series(1)
    assert series is not None
    assert series.instance_count == 1
    assert ledger.custody().holds
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    custody = ledger.custody()
    assert custody.holds
    assert custody.count(Disposition.DELIVERED) == 1
    assert custody.count(Disposition.QUARANTINED) == 1


def test_what_was_left_out_comes_back_into_its_series_as_if_it_were_late(ledger: Ledger) -> None:
    left_out(ledger)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    outcome = ledger.quarantine_release(2, **WHO, now=LATER, regions=[(1, 2, 3, 4)])
    assert outcome.series_id == 1
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.instance_count) == (SeriesState.REOPENED, 2)
    _, row = ledger.cleaned_of(1)
    assert (row.state, row.regions) == (CleanedState.RELEASED, ((1, 2, 3, 4),))
    assert ledger.custody().holds
    advance(ledger, SeriesState.PACKAGED, now=2 * LATER)
    settle_everything(ledger, now=2 * LATER)
    assert ledger.custody().holds
    assert ledger.custody().count(Disposition.DELIVERED) == 2


def test_a_series_of_which_all_is_left_out_is_denied(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger, images=1)
    ledger.enter_cleaned(its, its_treatment, [held(1)], now=LATER)
    hold(ledger, its)
    assert ledger.leave_out(1, **WHO, now=LATER)
    again = claim(ledger, SeriesState.ROUTED)
    outcome = Advanced(to=SeriesState.DENIED, code="left_out", reason="all", left_out=(1,))
    assert ledger.settle_series(again, outcome, now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.instance_count) == (SeriesState.DENIED, 0)
    assert ledger.custody().holds
    assert ledger.custody().count(Disposition.QUARANTINED) == 1


def test_a_delivery_knows_what_was_done_to_what_it_brings(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1), clean(2)], now=LATER)
    assert ledger.settle_series(its, Advanced(to=SeriesState.CLEANED), now=LATER)
    packaging = claim(ledger, SeriesState.CLEANED)
    parcel = new_parcel((1, 2))
    deliveries = (
        NewDelivery(destination="archive"),
        NewDelivery(destination="research", treatment_id=its_treatment),
    )
    both = Packaged(
        parcels=(
            type(parcel)(
                key=parcel.key, name=parcel.name, size=parcel.size, digest=parcel.digest,
                instance_ids=parcel.instance_ids, deliveries=deliveries,
            ),
        )
    )  # fmt: skip
    assert ledger.settle_series(packaging, both, now=LATER)
    assert {row.destination: row.treatment_id for row in ledger.deliveries_of(series_id=1)} == {
        "archive": None,
        "research": its_treatment,
    }


def test_other_bytes_of_the_same_are_written_down(ledger: Ledger) -> None:
    left_out(ledger)
    advance(ledger, SeriesState.PACKAGED)
    (row,) = [each for each in ledger.cleaned_of(1) if each.state is CleanedState.CLEAN]
    other = clean(1, size=101, digest=b"\1" * 32)
    ledger.made_otherwise(row.treatment_id, other, now=LATER, delivery_id=1)
    (row,) = [each for each in ledger.cleaned_of(1) if each.state is CleanedState.CLEAN]
    assert (row.size, row.digest) == (101, b"\1" * 32)
    with pytest.raises(NotAllowed):
        ledger.made_otherwise(row.treatment_id, held(1), now=LATER, delivery_id=1)


def test_an_instance_that_is_left_out_somewhere_goes_where_it_may(ledger: Ledger) -> None:
    its, its_treatment = routed(ledger)
    ledger.enter_cleaned(its, its_treatment, [clean(1), held(2)], now=LATER)
    ledger.leave_out_undecided(its, [its_treatment], now=LATER)
    assert ledger.settle_series(its, Advanced(to=SeriesState.CLEANED), now=LATER)
    row = ledger.instance(2)
    assert row is not None
    assert row.state is InstanceState.CLEANED
    assert states(ledger)[2] is CleanedState.LEFT_OUT
