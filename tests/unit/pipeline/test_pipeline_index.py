"""From the spool into the ledger, with both of them real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from causeway.errors import LedgerBusy
from causeway.ledger import Arrival, SeriesState
from causeway.pipeline import CompletionRules, Structure
from causeway.pipeline.index import BATCH_RECORDS, NET_SECONDS
from causeway.testing.site import Image, Site
from causeway.values import Disposition


def drain(site: Site) -> None:
    while site.parts.indexer.turn(site.now):
        pass


def test_a_hinted_record_is_entered_with_its_identifiers(site: Site) -> None:
    site.receive(Image(patient="Müller^Jörg", series_description="T2"))
    drain(site)
    (study,) = site.ledger.search("muller")
    assert study.identity.patient_name == "Müller^Jörg"
    (series,) = site.ledger.series_of(study.id)
    assert (series.series_description, series.modality, series.source) == ("T2", "CT", "ct1")
    assert series.state is SeriesState.OPEN
    assert series.due_at == site.now + 30


def test_without_hints_the_net_finds_it(site: Site) -> None:
    drain(site)
    site.hints = False
    site.receive(Image())
    drain(site)
    assert site.ledger.custody().received == 0
    site.now += NET_SECONDS
    drain(site)
    assert site.ledger.custody().received == 1


def test_so_it_does_after_the_clock_was_set_back(site: Site) -> None:
    drain(site)
    site.hints = False
    site.receive(Image())
    site.now -= 3600
    drain(site)
    assert site.ledger.custody().received == 1


def test_the_first_turn_finds_what_was_there_before_the_start(site: Site) -> None:
    site.hints = False
    for number in range(3):
        site.receive(Image(number=number))
    site.receive(Image(number=9, size=100_000))
    site.stop()
    site.start()
    drain(site)
    assert site.ledger.custody().received == 4


def test_a_restart_goes_on_where_the_ledger_stands(site: Site) -> None:
    site.receive(Image(number=1))
    drain(site)
    site.stop()
    site.start()
    site.receive(Image(number=2))
    drain(site)
    assert [e["records"] for e in site.said("index.entered")] == [1, 1]


def test_a_batch_is_bounded_and_the_rest_follows(site: Site) -> None:
    for number in range(BATCH_RECORDS + 10):
        site.receive(Image(number=number, size=10))
    drain(site)
    sizes = [int(str(e["records"])) for e in site.said("index.entered")]
    assert sum(sizes) == BATCH_RECORDS + 10
    assert max(sizes) <= BATCH_RECORDS


def test_what_cannot_be_read_is_kept_apart_and_told_without_values(site: Site) -> None:
    site.receive(Image(number=1, cut=3, patient="Planted^Name"))
    site.receive(Image(number=2))
    drain(site)
    custody = site.ledger.custody()
    assert custody.count(Disposition.QUARANTINED) == 1
    (row,) = site.ledger.quarantined()
    assert "(7FE0,0010)" in row.reason
    assert "past the end" in row.reason
    (said,) = site.said("instance.quarantined")
    assert said["instance"] == row.id
    assert "Planted" not in repr(site.events)


def test_a_broken_tail_is_accepted_where_only_the_head_counts(site: Site) -> None:
    site.stop()
    site.configure(structure=Structure.HEAD)
    site.start()
    site.receive(Image(cut=3))
    drain(site)
    assert site.ledger.custody().count(Disposition.QUARANTINED) == 0


def test_the_same_again_and_another_under_the_same_uid(site: Site) -> None:
    site.receive(Image())
    site.receive(Image())
    site.receive(Image(variant=1))
    drain(site)
    custody = site.ledger.custody()
    assert custody.count(Disposition.DUPLICATE) == 1
    assert custody.count(Disposition.QUARANTINED) == 1
    reasons: Any = site.said("index.entered")[0]["reasons"]
    assert reasons == {Arrival.FRESH: 1, Arrival.DUPLICATE: 1, Arrival.CONFLICT: 1}


def test_a_busy_ledger_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.receive(Image())

    def busy(*args: object, **kwargs: object) -> None:
        raise LedgerBusy("the database is locked")

    with monkeypatch.context() as patched:
        patched.setattr(site.ledger, "index", busy)
        with pytest.raises(LedgerBusy):
            site.parts.indexer.turn(site.now)
    assert site.parts.indexer.indexed_until < site.now
    drain(site)
    site.now += NET_SECONDS
    drain(site)
    assert site.ledger.custody().received == 1


def test_a_busy_ledger_does_not_make_series_look_quiet(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(site)
    before = site.parts.indexer.indexed_until
    site.now += 3
    site.receive(Image())
    monkeypatch.setattr(site.ledger, "index", lambda *a, **k: (_ for _ in ()).throw(LedgerBusy("")))
    with pytest.raises(LedgerBusy):
        site.parts.indexer.turn(site.now)
    site.now += 1
    with pytest.raises(LedgerBusy):
        site.parts.indexer.turn(site.now)
    assert site.parts.indexer.indexed_until == before


def test_a_ledger_from_a_backup_is_asked_again(site: Site) -> None:
    for number in range(3):
        site.receive(Image(number=number))
    drain(site)
    site.parts.indexer._positions = dict.fromkeys(site.parts.indexer._positions or {}, 8192 * 2)
    site.receive(Image(number=4))
    drain(site)
    if site.ledger.custody().received < 4:
        assert site.said("index.out_of_step")
    site.now += NET_SECONDS
    drain(site)
    assert site.ledger.custody().received == 4


def test_one_container_that_cannot_be_read_does_not_stop_the_others(site: Site) -> None:
    site.parts.indexer.committed("seg-ffffffffffffffff.9", 4096)
    site.receive(Image())
    drain(site)
    assert site.ledger.custody().received == 1
    (said,) = site.said("index.failed")
    assert said["container"] == "seg-ffffffffffffffff.9"


def test_the_end_of_an_association_waits_for_what_it_brought(site: Site) -> None:
    for number in range(4):
        site.receive(Image(number=number, expected="4"))
    site.associations_end()
    site.parts.indexer.turn(site.now)
    (study,) = site.ledger.search()
    (series,) = site.ledger.series_of(study.id)
    assert series.due_at == site.now, "nothing else is to come, so completion may look at once"
    assert series.expected_count == 4


def test_refusals_are_counted_in_custody(site: Site) -> None:
    site.parts.indexer.refused("ct1", "A700", 3)
    site.parts.indexer.refused("ct1", "A700", 2)
    drain(site)
    assert site.ledger.custody().count(Disposition.REJECTED) == 5
    site.now += 1
    drain(site)
    assert site.ledger.custody().count(Disposition.REJECTED) == 5


def test_expected_counts_can_be_left_alone(site: Site) -> None:
    site.stop()
    site.configure(completion=replace(CompletionRules(), use_expected_counts=False))
    site.start()
    site.receive(Image(expected="4"))
    drain(site)
    (study,) = site.ledger.search()
    assert site.ledger.series_of(study.id)[0].expected_count is None
