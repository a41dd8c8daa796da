"""De-identification on the way: what is cleaned, what waits, and what leaves."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cleaning_site import KEY, TREATING, Slice, cleaning_site, everything_told, leaks

from causeway.decide.policy import Match, Policy, Route
from causeway.deidentify.identity import project_key
from causeway.deidentify.treatment import ProjectKeys, recipe_of
from causeway.ledger import CleanedState, SeriesState
from causeway.pipeline import points
from causeway.pipeline.deidentify import cleaning
from causeway.pipeline.deidentify.here import Here
from causeway.testing.site import Site


@pytest.fixture
def clean(tmp_path: Path) -> Iterator[Site]:
    site = cleaning_site(tmp_path)
    yield site
    site.stop()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Site]:
    site = cleaning_site(tmp_path, archive="none", research="research")
    yield site
    site.stop()


def state(site: Site, series_id: int = 1) -> SeriesState:
    row = site.ledger.series(series_id)
    assert row is not None
    return row.state


def package(site: Site, series_id: int = 1) -> None:
    """Work until a series is packaged, and deliver nothing."""
    for _ in range(60):
        site.parts.indexer.turn(site.now)
        while site.parts.stages.turn(site.now):
            pass
        site.now += 1
    assert state(site, series_id) is SeriesState.PACKAGED


def test_what_leaves_names_nobody(clean: Site) -> None:
    images = [Slice(number=n) for n in (1, 2, 3)]
    for image in images:
        clean.receive(image)
    clean.work(40)
    assert state(clean) is SeriesState.SETTLED
    told = everything_told(clean, "archive")
    assert leaks(told, *(image.uid for image in images), images[0].study_uid + ".") == []
    (archive,) = clean.archives()
    assert len(archive.members) == 3
    assert clean.ledger.custody().holds


def test_what_leaves_names_nobody_by_what_it_is_called_either(clean: Site) -> None:
    clean.receive(Slice())
    clean.work(40)
    (archive,) = clean.archives()
    subject = archive.metadata["study"]["patient_id"]
    assert archive.reference == f"unknown/Unsorted/{subject}/Brain for/T1/T1.dicom.zip"
    told = archive.metadata
    assert told["created_at"] == ""
    assert told["members"][0]["received_at"] == ""
    assert told["members"][0]["source"] == told["members"][0]["calling_ae"] == ""
    assert told["deidentify"] == {"archive": "research"}
    assert told["study"]["study_date"] < "20260102"


def test_what_the_routing_string_says_is_said(tmp_path: Path) -> None:
    from causeway.decide.policy import Policy, Route, RoutingPolicy, SourcePolicy

    site = cleaning_site(tmp_path)
    site.stop()
    usual = SourcePolicy(routing=RoutingPolicy(tags=(0x00104000,), guards_patient_data=False))
    site.settings = replace(
        site.settings,
        policy=Policy(routes=(Route(name="all", destinations=("archive",)),), usual=usual),
    )
    site.start()
    site.receive(Slice(comments="fw://neuro/Sleep/sub-07/visit-2"))
    site.receive(Slice(study=2, comments="fw://neuro/Sleep/P-4711"))
    site.work(40)
    paths = {archive.reference for archive in site.archives()}
    assert paths == {
        "neuro/Sleep/sub-07/visit-2/T1/T1.dicom.zip",
        "neuro/Sleep/P-4711/Brain for/T1/T1.dicom.zip",
    }
    site.stop()


def test_a_mapping_that_would_name_the_patient_holds_the_series(tmp_path: Path) -> None:
    from causeway.decide.policy import MetadataPolicy, Policy, Route, SourcePolicy

    site = cleaning_site(tmp_path)
    site.stop()
    usual = SourcePolicy(metadata=MetadataPolicy(overrides={"session.label": "Quacksalber visit"}))
    site.settings = replace(
        site.settings,
        policy=Policy(routes=(Route(name="all", destinations=("archive",)),), usual=usual),
    )
    site.start()
    site.receive(Slice())
    site.work(40)
    row = site.ledger.series(1)
    assert row is not None
    assert (row.state, row.held_code) == (SeriesState.HELD, "names")
    assert "session.label" in row.held_why
    assert site.delivered_files() == {}
    site.stop()


def test_side_by_side_as_it_came_and_clean(both: Site) -> None:
    images = [Slice(number=n) for n in (1, 2)]
    for image in images:
        both.receive(image)
    both.work(40)
    assert state(both) is SeriesState.SETTLED
    (whole,) = both.archives("archive")
    assert whole.reference == "unknown/Unsorted/P-4711/Brain for Dr Quacksalber/T1/T1.dicom.zip"
    assert [data for _, data in both.delivered_data_sets("archive")] == [
        image.data() for image in images
    ]
    assert whole.metadata["deidentify"] == {"archive": "none", "research": "research"}
    (clean_one,) = both.archives("research")
    assert clean_one.metadata["deidentify"] == {"research": "research"}
    assert leaks(everything_told(both, "research"), *(image.uid for image in images)) == []
    assert both.ledger.custody().holds


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    told = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        site = cleaning_site(folder, seed=number)
        for image in (Slice(number=2), Slice(number=1)):
            site.receive(image)
        site.work(40)
        files = site.delivered_files()
        del files[".causeway-destination"]
        told.append(files)
        site.stop()
    assert told[0] == told[1]


# --- what waits -----------------------------------------------------------------------------------


def held_site(site: Site) -> None:
    for image in (Slice(number=1), Slice(number=2, is_capture=True), Slice(number=3)):
        site.receive(image)
    site.work(40)


def test_a_series_waits_for_an_image_that_is_held(clean: Site) -> None:
    held_site(clean)
    row = clean.ledger.series(1)
    assert row is not None
    assert (row.state, row.held_code) == (SeriesState.HELD, "deidentify")
    assert row.held_why.startswith("1 of 3 images may not leave de-identified yet: derived (1)")
    assert clean.delivered_files() == {}
    (kept,) = clean.ledger.kept_back()
    assert (kept.cleaned.state, kept.cleaned.code) == (CleanedState.HELD, "derived")
    assert clean.ledger.custody().holds
    assert clean.said("instance.kept_back") != []


def test_a_release_blanks_what_the_person_says_and_the_series_goes(clean: Site) -> None:
    held_site(clean)
    (kept,) = clean.ledger.kept_back()
    clean.ledger.release_cleaned(
        kept.instance.id, who="ada", why="looked", now=clean.now, regions=[(0, 0, 16, 4)]
    )
    clean.work(40)
    assert state(clean) is SeriesState.SETTLED
    (archive,) = clean.archives()
    assert len(archive.members) == 3
    assert leaks(everything_told(clean, "archive")) == []
    row = clean.ledger.cleaned_of(1)[1]
    assert (row.state, row.decided_by) == (CleanedState.CLEAN, "ada")
    blank = Slice(number=2, is_capture=True).data()[-512:]
    sent = list(archive.members.values())[1][-512:]
    assert sent[:128] == bytes(128)
    assert sent[128:] == blank[128:]


def test_releasing_the_series_lets_nothing_out(clean: Site) -> None:
    held_site(clean)
    clean.ledger.release("series:1", who="ada", why="go", now=clean.now)
    clean.work(40)
    assert state(clean) is SeriesState.HELD
    assert clean.delivered_files() == {}


def test_left_out_the_rest_goes_and_says_so(clean: Site) -> None:
    held_site(clean)
    (kept,) = clean.ledger.kept_back()
    clean.ledger.leave_out(kept.instance.id, who="ada", why="screen", now=clean.now)
    clean.work(40)
    assert state(clean) is SeriesState.SETTLED
    (archive,) = clean.archives()
    assert len(archive.members) == 2
    assert archive.reference.endswith("/T1.without-1.dicom.zip")
    assert archive.metadata["completion"]["left_out"] == 1
    (quarantined,) = clean.ledger.quarantined()
    assert quarantined.reason == "left_out"
    assert clean.ledger.custody().holds
    # Later somebody looks again: it goes as an amendment.
    clean.ledger.quarantine_release(
        quarantined.id, who="ada", why="looked", now=clean.now, regions=[(0, 0, 16, 16)]
    )
    clean.work(60)
    assert state(clean) is SeriesState.SETTLED
    assert [len(each.members) for each in clean.archives()] == [1, 2]
    assert clean.ledger.custody().holds


def test_left_out_of_one_destination_it_still_goes_to_the_other(both: Site) -> None:
    held_site(both)
    assert state(both) is SeriesState.HELD
    (kept,) = both.ledger.kept_back()
    both.ledger.leave_out(kept.instance.id, who="ada", why="screen", now=both.now)
    both.work(40)
    assert state(both) is SeriesState.SETTLED
    assert [len(each.members) for each in both.archives("archive")] == [3]
    (archive,) = both.archives("research")
    assert len(archive.members) == 2
    assert "without-1" in archive.reference
    assert both.ledger.quarantined() == ()
    assert both.ledger.custody().holds


def test_the_configuration_may_leave_out_by_itself(tmp_path: Path) -> None:
    site = cleaning_site(tmp_path)
    site.stop()
    site.settings = replace(site.settings, treating=replace(TREATING, leaves_out=True))
    site.start()
    held_site(site)
    assert state(site) is SeriesState.SETTLED
    (archive,) = site.archives()
    assert archive.reference.endswith("/T1.without-1.dicom.zip")
    (quarantined,) = site.ledger.quarantined()
    assert quarantined.reason == "left_out"
    # A series of nothing else waits for a person all the same.
    site.receive(Slice(series=2, is_capture=True))
    site.work(40)
    assert state(site, 2) is SeriesState.HELD
    assert site.ledger.custody().holds
    site.stop()


def test_all_left_out_a_series_goes_nowhere_and_says_so(clean: Site) -> None:
    clean.receive(Slice(is_capture=True))
    clean.work(40)
    (kept,) = clean.ledger.kept_back()
    clean.ledger.leave_out(kept.instance.id, who="ada", why="screen", now=clean.now)
    clean.work(40)
    row = clean.ledger.series(1)
    assert row is not None
    assert (row.state, row.held_code) == (SeriesState.DENIED, "left_out")
    assert clean.ledger.custody().holds


def test_what_the_proof_finds_waits_until_somebody_says_that_it_names_nobody(
    tmp_path: Path,
) -> None:
    # A profile that lets descriptions stay, and a word in one that is also a name.
    site = cleaning_site(tmp_path)
    site.stop()
    recipes = {"research": recipe_of("direct-identifiers-only")}
    site.settings = replace(site.settings, treating=replace(TREATING, recipes=recipes))
    site.start()
    site.receive(Slice(patient="Hauptmann^Ada", protocol="Thorax nach Hauptmann"))
    site.work(40)
    (kept,) = site.ledger.kept_back()
    assert (kept.cleaned.state, kept.cleaned.code) == (CleanedState.DOUBT, "identifier_left")
    assert "Hauptmann" not in kept.cleaned.reason
    site.ledger.release_cleaned(
        kept.instance.id, who="ada", why="an eponym", now=site.now, excused=True
    )
    site.work(40)
    assert state(site) is SeriesState.SETTLED
    site.stop()


def test_without_a_patient_id_it_is_in_doubt(clean: Site) -> None:
    clean.receive(Slice(patient_id=""))
    clean.work(40)
    (kept,) = clean.ledger.kept_back()
    assert (kept.cleaned.state, kept.cleaned.code) == (CleanedState.DOUBT, "no_patient_id")
    assert clean.delivered_files() == {}


def test_without_a_key_for_its_project_a_series_waits(tmp_path: Path) -> None:
    site = cleaning_site(tmp_path)
    site.stop()
    site.settings = replace(site.settings, treating=replace(TREATING, keys=ProjectKeys()))
    site.start()
    site.receive(Slice())
    site.work(40)
    row = site.ledger.series(1)
    assert row is not None
    assert (row.state, row.held_code) == (SeriesState.HELD, "no_key")
    site.stop()


# --- what comes later -----------------------------------------------------------------------------


def test_a_late_image_amends_under_the_same_names(clean: Site) -> None:
    clean.receive(Slice(number=1))
    clean.work(40)
    clean.receive(Slice(number=2))
    clean.work(40)
    first, second = clean.archives()
    names = sorted(each.reference.rpartition("/")[2] for each in (first, second))
    assert names == ["T1.amendment-1.dicom.zip", "T1.dicom.zip"]
    assert first.metadata["study"] == second.metadata["study"]
    amending = next(e for e in (first, second) if "amendment" in e.reference)
    assert amending.metadata["parcel"]["amends"] == [{"number": 1, "archive": "T1.dicom.zip"}]
    assert leaks(everything_told(clean, "archive")) == []


def test_sent_again_elsewhere_it_has_other_pseudonyms(clean: Site) -> None:
    clean.receive(Slice())
    clean.work(40)
    clean.ledger.reroute(
        "series:1", routing="fw://neuro/Sleep", destinations=(), who="ada", why="typo",
        now=clean.now,
    )  # fmt: skip
    clean.work(40)
    before, after = sorted(clean.archives(), key=lambda each: each.reference, reverse=True)
    assert after.reference.startswith("neuro/Sleep/")
    assert before.metadata["study"]["patient_id"] != after.metadata["study"]["patient_id"]
    assert leaks(everything_told(clean, "archive")) == []


def test_another_profile_changes_what_comes_and_not_what_was_cleaned(tmp_path: Path) -> None:
    site = cleaning_site(tmp_path)
    site.receive(Slice(number=1))
    site.work(40)
    site.receive(Slice(series=2, number=1))
    package(site, 2)
    site.stop()
    # Cleaned by "research" and not yet delivered; the profile is another by now, under its name.
    other = replace(TREATING, recipes={"research": recipe_of("basic")})
    site.settings = replace(site.settings, treating=other)
    site.start()
    site.work(40)
    site.receive(Slice(series=3))
    site.work(40)
    dates = [each.metadata["study"]["study_date"] for each in site.archives()]
    assert sorted(dates) == ["", "20160701", "20160701"]
    names = {row.name for row in site.ledger.treatments([1, 2, 3]).values()}
    assert names == {"research", "basic"}
    site.stop()


def test_bytes_that_are_others_by_now_are_proven_anew_and_go(clean: Site) -> None:
    clean.receive(Slice())
    package(clean)
    row = clean.ledger.cleaned_of(1)[0]
    assert row.digest is not None
    # As if another version of a codec had made it.
    with sqlite3.connect(clean.base / "ledger.db") as connection:
        connection.execute("UPDATE cleaned SET digest = ?, size = size + 2", (bytes(32),))
    clean.work(60)
    assert state(clean) is SeriesState.SETTLED
    assert clean.ledger.cleaned_of(1)[0].digest == row.digest
    said = [event.what for event in clean.ledger.events_of(study_id=1)]
    assert "delivery.retry" in said
    (archive,) = clean.archives()
    assert archive.metadata["members"][0]["blake3"] == row.digest.hex()


def test_a_key_that_is_gone_stops_what_was_made_with_it(tmp_path: Path) -> None:
    site = cleaning_site(tmp_path)
    site.receive(Slice())
    package(site)
    site.stop()
    new = project_key("usual", hashlib.sha256(b"rotated").hexdigest())
    site.settings = replace(site.settings, treating=replace(TREATING, keys=ProjectKeys(usual=new)))
    site.start()
    site.work(40)
    (delivery,) = site.ledger.deliveries_of(series_id=1)
    assert delivery.state == "dead"
    assert "not in the configuration" in delivery.fail_text
    site.stop()
    # As the documentation says: the old key stays there without projects.
    kept = ProjectKeys(usual=new, retired=(KEY,))
    site.settings = replace(site.settings, treating=replace(TREATING, keys=kept))
    site.start()
    site.ledger.retry("series:1", who="ada", why="key", now=site.now)
    site.work(40)
    assert state(site) is SeriesState.SETTLED
    site.stop()


def test_a_large_object_goes_in_pieces(clean: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from causeway.pipeline import clean_contents
    from causeway.pipeline.deidentify import objects

    for module in (objects, clean_contents):
        monkeypatch.setattr(module, "SMALL_OBJECT", 100)
    clean.receive(Slice())
    clean.work(40)
    assert state(clean) is SeriesState.SETTLED
    assert leaks(everything_told(clean, "archive")) == []


# --- in a process of its own ----------------------------------------------------------------------


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Site]:
    site = cleaning_site(tmp_path)
    site.stop()
    site.settings = replace(site.settings, cleaning_processes=1)
    site.start()
    yield site
    site.stop()


def test_a_process_of_its_own_makes_the_same(apart: Site, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here = cleaning_site(tmp_path / "here")
    for site in (apart, here):
        held_site(site)
        (kept,) = site.ledger.kept_back()
        site.ledger.release_cleaned(kept.instance.id, who="ada", why="looked", now=site.now)
        site.work(40)
        assert state(site) is SeriesState.SETTLED
    here.stop()
    one, other = ([a.members for a in site.archives()] for site in (apart, here))
    assert one == other


def test_an_object_that_ends_the_process_is_in_doubt_and_the_others_go_on(
    apart: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        apart.receive(Slice(number=number))
    (cleaner,) = apart.parts.cleaners
    asked = type(cleaner)._ask

    def dies(self, what, treatment, about):  # type: ignore[no-untyped-def]
        if what == "clean" and any(
            job.instance.sop_instance_uid.endswith(".2") for job in about[0]
        ):
            self._running().kill()
        return asked(self, what, treatment, about)

    monkeypatch.setattr(type(cleaner), "_ask", dies)
    apart.work(40)
    (kept,) = apart.ledger.kept_back()
    assert (kept.cleaned.code, kept.instance.sop_instance_uid) == ("process", "1.2.1.1.2")
    assert [row.state for row in apart.ledger.cleaned_of(1)] == ["clean", "doubt", "clean"]


def test_what_the_spool_says_over_there_is_heard_here(apart: Site) -> None:
    apart.receive(Slice())
    files = (apart.base / "spool").rglob("*")
    (segment,) = [p for p in files if p.is_file() and b"Charlatan" in p.read_bytes()]
    damaged = bytearray(segment.read_bytes())
    at = damaged.index(b"Charlatan")
    damaged[at] ^= 1
    segment.write_bytes(damaged)
    apart.work(40)
    row = apart.ledger.series(1)
    assert row is not None
    assert (row.state, row.fail_code) == (SeriesState.DEAD, "spool_corrupt")
    assert apart.delivered_files() == {}


def test_a_name_that_describes_images_does_not_hold_what_is_called_by_the_clean_header(
    clean: Site,
) -> None:
    # A Mr Stone with a stone; the vocabulary keeps the word, for him as for everybody.
    clean.receive(Slice(patient="Stone^Al", description="CT renal stone"))
    clean.work(40)
    assert state(clean) is SeriesState.SETTLED
    (archive,) = clean.archives()
    assert "renal stone" in archive.reference


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("point", ["clean.before-enter", "clean.entered"])
@pytest.mark.parametrize("passes", [0, 1, 2])
def test_what_was_written_down_before_a_death_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, passes: int
) -> None:
    monkeypatch.setattr(cleaning, "CHUNK", 2)
    site = cleaning_site(tmp_path)
    images = [Slice(number=n) for n in range(1, 8)]
    for image in images:
        site.receive(image)
    left = [passes]

    def hook(reached: str) -> None:
        if reached == point:
            if not left[0]:
                raise Died
            left[0] -= 1

    points.on_reach(hook)
    try:
        with pytest.raises(Died):
            site.work(40)
    finally:
        points.on_reach(None)
    done = len(site.ledger.cleaned_of(1))
    assert done == 2 * (passes + (point == "clean.entered"))
    site.stop()
    site.start()
    made = []
    original = Here.clean

    def counted(here: Here, jobs: Any, *more: Any) -> Any:
        made.extend(jobs)
        return original(here, jobs, *more)

    monkeypatch.setattr(Here, "clean", counted)
    site.work(40)
    assert state(site) is SeriesState.SETTLED
    assert len(made) == len(images) - done
    (archive,) = site.archives()
    assert len(archive.members) == len(images)
    assert site.ledger.custody().holds
    site.stop()


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (("research", ""), "treatments_differ"),
        (("research", "none"), "treatments_differ"),
        (("research", "research"), ""),
        (("", ""), ""),
    ],
)
def test_routes_that_differ_about_a_destination_hold_the_series(
    tmp_path: Path, said: tuple[str, str], becomes: str
) -> None:
    site = cleaning_site(tmp_path, archive="basic")
    site.stop()
    routes = tuple(
        Route(name=f"r{n}", destinations=("archive",), deidentify=each)
        for n, each in enumerate(said)
    )
    site.settings = replace(site.settings, policy=Policy(routes=routes, match=Match.ALL))
    site.start()
    site.receive(Slice())
    site.work(40)
    row = site.ledger.series(1)
    assert row is not None
    assert row.held_code == becomes
    if not becomes:
        (archive,) = site.archives()
        assert archive.metadata["deidentify"] == {"archive": said[0] or "basic"}
    site.stop()
