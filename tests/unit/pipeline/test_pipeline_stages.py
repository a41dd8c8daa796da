"""From complete to packaged, over a real ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from causeway.decide.policy import Route
from causeway.destinations import FolderSettings
from causeway.errors import LedgerBusy
from causeway.ledger import SeriesClaim, SeriesRow, SeriesState
from causeway.pipeline import CompletionRules, DestinationPlan
from causeway.pipeline.leases import Lease
from causeway.pipeline.stages import Stages
from causeway.pipeline.work import STAGE_RETRY
from causeway.testing.site import Image, Site


def only_series(site: Site) -> SeriesRow:
    (study,) = site.ledger.search()
    (series,) = site.ledger.series_of(study.id)
    return series


def turn_stages(site: Site) -> None:
    while site.parts.indexer.turn(site.now):
        pass
    while site.parts.stages.turn(site.now):
        pass


def test_quiet_time_is_moved_by_each_arrival(site: Site) -> None:
    for number in range(4):
        site.receive(Image(number=number))
        turn_stages(site)
        site.now += 20
    turn_stages(site)
    assert only_series(site).state is SeriesState.OPEN
    site.now += 9.9
    turn_stages(site)
    assert only_series(site).state is SeriesState.OPEN
    site.now += 0.2
    turn_stages(site)
    series = only_series(site)
    assert series.state is SeriesState.PACKAGED
    assert series.completion_reason == "no new image for 30 s"


def test_a_reached_count_completes_at_the_end_of_the_association(site: Site) -> None:
    for number in range(4):
        site.receive(Image(number=number, expected="4"))
    turn_stages(site)
    assert only_series(site).state is SeriesState.OPEN
    site.associations_end()
    turn_stages(site)
    series = only_series(site)
    assert series.state is SeriesState.PACKAGED
    assert series.completion_reason == (
        "all 4 expected images are here and every association has ended"
    )


def test_a_count_that_is_not_believed_does_not(site: Site) -> None:
    for number in range(4):
        site.receive(Image(number=number, expected="4", manufacturer="GE MEDICAL SYSTEMS"))
    site.associations_end()
    turn_stages(site)
    assert only_series(site).state is SeriesState.OPEN


@pytest.mark.parametrize(
    ("outcomes", "completes"), [(["released"], True), (["aborted"], False), (["lost"], False)]
)
def test_release_completes_only_where_it_is_configured(
    site: Site, outcomes: list[str], completes: bool
) -> None:
    site.receive(Image())
    site.associations_end(outcome=outcomes[0])
    site.work(10)
    assert only_series(site).state is SeriesState.OPEN
    site.stop()
    site.configure(completion=CompletionRules(quiet_seconds=30, after_release_seconds=5))
    site.start()
    site.receive(Image(study=2), association="a2")
    site.associations_end("a2", outcome=outcomes[0])
    site.work(6)
    states = {
        study.study_instance_uid: site.ledger.series_of(study.id)[0].state
        for study in site.ledger.search()
    }
    settled = states["1.2.2"] is SeriesState.SETTLED
    assert settled == completes


def test_a_backlog_in_the_spool_is_no_silence(site: Site) -> None:
    """Images that were received long ago and are not indexed yet do not make a series whole."""
    site.receive(Image(number=1))
    turn_stages(site)
    site.now += 25
    site.hints = False
    record = site.receive(Image(number=2))
    site.now += 25
    site.parts.stages.turn(site.now)
    assert only_series(site).state is SeriesState.OPEN, "indexing is known only up to 25 s ago"
    site.parts.indexer.committed(record.address.container, record.end)
    turn_stages(site)
    assert only_series(site).instance_count == 2
    assert only_series(site).state is SeriesState.OPEN


def test_a_late_image_reopens_and_amends(site: Site) -> None:
    for number in range(3):
        site.receive(Image(number=number))
    site.work(40)
    assert only_series(site).state is SeriesState.SETTLED
    site.receive(Image(number=9))
    site.work(40)
    assert only_series(site).state is SeriesState.SETTLED
    first, second = sorted(site.archives(), key=lambda a: len(a.members), reverse=True)
    assert second.metadata["parcel"] == {
        "number": 2,
        "kind": "amendment",
        "amends": [{"number": 1, "archive": "T1.dicom.zip"}],
    }
    assert len(first.members) == 3
    assert list(second.members) == ["1.2.1.1.9.CT.dcm"]


def test_a_late_image_during_packaging_voids_the_claim(site: Site) -> None:
    site.receive(Image(number=1))
    turn_stages(site)
    site.now += 31
    site.parts.indexer.turn(site.now)

    ran: list[SeriesState] = []
    original: Callable[[Stages, SeriesClaim, float, Lease], Any] = Stages.run

    def run(stages: Stages, claim: SeriesClaim, now: float, lease: Lease) -> Any:
        ran.append(claim.series.state)
        outcome = original(stages, claim, now, lease)
        if claim.series.state is SeriesState.CLEANED and len(ran) < 6:
            site.receive(Image(number=2))
            site.parts.indexer.turn(site.now)
        return outcome

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stages, "run", run)
        turn_stages(site)
    assert site.said("series.dropped")
    site.work(60)
    (archive,) = site.archives()
    assert len(archive.members) == 2


def test_without_a_route_it_is_held_and_released_to_a_person_only(site: Site) -> None:
    site.stop()
    site.configure(routes=())
    site.start()
    site.receive(Image())
    site.work(40)
    held = only_series(site)
    assert held.state is SeriesState.HELD
    assert held.held_why == "no route matches"
    site.ledger.release(f"series:{held.id}", who="alice", why="let it go", now=site.now)
    site.work(1)
    assert only_series(site).state is SeriesState.DEAD
    assert only_series(site).fail_code == "no_route"


def test_a_destination_that_is_gone_from_the_configuration_is_a_dead_end(site: Site) -> None:
    site.stop()
    site.configure(routes=(Route(name="all", destinations=("elsewhere",)),))
    site.start()
    site.receive(Image())
    site.work(4000, step=100)
    series = only_series(site)
    assert series.state is SeriesState.DEAD
    assert "elsewhere" in series.fail_text


def test_two_destinations_get_a_delivery_each(site: Site) -> None:
    site.stop()
    second = DestinationPlan(
        settings=FolderSettings(name="second", path=site.base / "second"),
        deidentify="none",
    )
    site.configure(
        destinations=(*site.settings.destinations, second),
        routes=(Route(name="all", destinations=("archive", "second")),),
    )
    site.start()
    site.receive(Image())
    site.work(40)
    assert only_series(site).state is SeriesState.SETTLED
    assert len(list((site.base / "second").rglob("*.zip"))) == 1
    assert len(list(site.archives())) == 1


def test_an_unknown_failure_is_tried_again_and_then_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.receive(Image(patient="Planted^Name"))

    def broken(*args: object) -> None:
        raise RuntimeError("Planted^Name cannot be digested")

    monkeypatch.setattr(Stages, "run", broken)
    site.work(31 + 300 * STAGE_RETRY.maximum_attempts, step=60)
    series = only_series(site)
    assert series.state is SeriesState.DEAD
    assert len(site.said("series.retry")) == STAGE_RETRY.maximum_attempts - 1
    assert series.fail_code == "runtime_error"
    assert series.fail_text == "gave up after 12 tries: unexpected: RuntimeError"
    monkeypatch.undo()
    site.ledger.retry(f"series:{series.id}", who="alice", why="mended", now=site.now)
    site.work(40)
    assert only_series(site).state is SeriesState.SETTLED


def test_work_that_kills_its_worker_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.receive(Image())
    turn_stages(site)
    site.now += 31
    site.parts.indexer.turn(site.now)

    class Died(BaseException):
        pass

    def dies(*args: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(Stages, "run", dies)
        for _ in range(STAGE_RETRY.maximum_attempts):
            with pytest.raises(Died):
                site.parts.stages.turn(site.now)
            site.ledger.release_all_leases(owner=None, now=site.now)
        site.parts.stages.turn(site.now)
    series = only_series(site)
    assert series.state is SeriesState.DEAD
    assert series.fail_code == "never_ended"


def test_one_that_asks_for_the_impossible_does_not_harm_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        site.receive(Image(series=number))
    original = site.ledger.to_package

    def to_package(series_id: int, *, whole: bool = False) -> Any:
        rows = original(series_id, whole=whole)
        # Without its instance the parcel is not what the ledger wants.
        return (replace(rows[0], id=9999),) if series_id == 2 else rows

    monkeypatch.setattr(site.ledger, "to_package", to_package)
    site.work(40)
    states = [site.ledger.series(n) for n in (1, 2, 3)]
    assert [s.state for s in states if s] == [
        SeriesState.SETTLED,
        SeriesState.DEAD,
        SeriesState.SETTLED,
    ]
    assert len(site.said("series.refused")) == 1


def test_a_busy_ledger_is_passed_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: object, **kwargs: object) -> None:
        raise LedgerBusy("the database is locked")

    site.receive(Image())
    turn_stages(site)
    site.now += 31
    monkeypatch.setattr(site.ledger, "claim_series", busy)
    with pytest.raises(LedgerBusy):
        site.parts.stages.turn(site.now)
