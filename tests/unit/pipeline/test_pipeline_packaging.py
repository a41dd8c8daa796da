"""Groups, shared folders, late images and reroutes, over a real ledger and a real folder."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from causeway.attributes import tag_of
from causeway.decide.policy import GroupingRule, MetadataPolicy, Policy, RoutingPolicy, SourcePolicy
from causeway.decide.policy import Route as PolicyRoute
from causeway.decide.verdict import GroupingRules, Late, Localizers, Screenshots, Unit
from causeway.errors import NotAllowed
from causeway.ledger import SeriesRow, SeriesState
from causeway.pipeline.packaging import ATTACHING_SECONDS, WAITS_FOR_OTHER
from causeway.pipeline.stages import WAITS_FOR_DELAY, WAITS_FOR_STUDY
from causeway.testing.site import Image, Site

COMMENTS = tag_of("PatientComments")
SCREEN = "DERIVED\\SECONDARY\\SCREEN SAVE"
BY_ACQUISITION = GroupingRules(split_by=(tag_of("AcquisitionNumber"),))
ANNA = {"who": "anna", "why": "put right"}


def Route(**values: Any) -> PolicyRoute:  # noqa: N802 - it stands for the class
    return PolicyRoute(**{"name": "all", "destinations": ("archive",), **values})


def configure(site: Site, *, rules: GroupingRules | None = None, **route: Any) -> None:
    """Settings from now on; those of the source are ``merges`` and where its strings stand."""
    merges = route.pop("merges", False)
    later = route.pop("settings", {})
    policy = Policy(
        routes=(Route(**route),),
        groupings=() if rules is None else (GroupingRule(when=None, rules=rules),),
        usual=SourcePolicy(
            routing=RoutingPolicy(tags=(COMMENTS,)),
            metadata=MetadataPolicy(merges_same_label=merges),
        ),
    )
    site.stop()
    site.configure(policy=policy, **later)
    site.start()


def only(site: Site, number: int = 1) -> SeriesRow:
    row = site.ledger.series(number)
    assert row is not None
    return row


def references(site: Site, destination: str = "archive") -> list[str]:
    return sorted(archive.reference for archive in site.archives(destination))


def check(site: Site) -> None:
    custody = site.ledger.custody()
    assert custody.holds, custody.violations


# --- groups ---------------------------------------------------------------------------------------


def test_a_series_becomes_an_acquisition_for_each_group(site: Site) -> None:
    configure(site, rules=BY_ACQUISITION)
    for number in (1, 2, 3):
        site.receive(Image(number=number, acquisition="1" if number < 3 else "2"))
    site.work(40)
    check(site)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_2/T1_2.dicom.zip",
    ]
    main, second = site.archives()
    assert main.metadata["group"]["key"] == ""
    assert second.metadata["group"] == {
        "key": "AcquisitionNumber=2",
        "acquisition_uid": "1.2.1.1_2",
        "attached_to": "",
        "reason": "AcquisitionNumber 2",
    }
    assert second.metadata["parcel"] == {"number": 2, "kind": "first", "amends": []}
    assert second.metadata["hierarchy"]["acquisition"] == "T1_2"
    assert second.metadata["fields"]["subject.label"] == {
        "value": "P1",
        "raw": "P1",
        "origin": "PatientID",
    }


def test_late_images_find_their_group(site: Site) -> None:
    configure(site, rules=BY_ACQUISITION)
    site.receive(Image(number=1))
    site.receive(Image(number=2, acquisition="2"))
    site.work(40)
    site.receive(Image(number=3, acquisition="2"))
    site.receive(Image(number=4, acquisition="3"))
    site.work(40)
    check(site)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_2/T1_2.amendment-1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_2/T1_2.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_3/T1_3.dicom.zip",
    ]
    kinds = [(row.key, row.kind.value) for row in site.ledger.parcels_of(1)]
    assert kinds == [
        ("", "first"),
        ("AcquisitionNumber=2", "first"),
        ("AcquisitionNumber=2", "amendment"),
        ("AcquisitionNumber=3", "first"),
    ]


def test_localizers_are_kept_apart(site: Site) -> None:
    configure(site, rules=GroupingRules(localizers=Localizers.SPLIT))
    site.receive(Image(number=1))
    site.receive(Image(number=2, image_type="ORIGINAL\\PRIMARY\\LOCALIZER"))
    site.work(40)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_localizer/T1_localizer.dicom.zip",
    ]


# --- what goes with another series ----------------------------------------------------------------


def screen(**values: Any) -> Image:
    return Image(
        series=2,
        image_type=SCREEN,
        **{"refers_to": "1.2.1.1", "series_description": "Screen Save", **values},
    )


ATTACHED = GroupingRules(screenshots=Screenshots.ATTACH)


def test_screen_captures_go_with_what_they_show(site: Site) -> None:
    configure(site, rules=ATTACHED)
    site.receive(Image(number=1))
    site.receive(screen())
    site.work(60)
    check(site)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/Screen Save.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
    ]
    capture, _ = sorted(site.archives(), key=lambda each: each.reference)
    assert capture.metadata["group"]["attached_to"] == "1.2.1.1"
    assert capture.metadata["hierarchy"]["acquisition"] == "T1"


def test_they_wait_for_it_and_have_another_name(site: Site) -> None:
    """Even if they come first, and are called the same."""
    configure(site, rules=ATTACHED)
    site.receive(screen(series_description="T1"))
    site.work(20)
    site.receive(Image(number=1))
    site.work(15)
    waiting = only(site)
    assert (waiting.state, waiting.waits_for) == (SeriesState.CLEANED, WAITS_FOR_OTHER)
    site.work(60)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1/T1_dup-1.dicom.zip",
    ]
    site.receive(screen(number=2, series_description="T1"))
    site.receive(Image(number=2))
    site.work(60)
    check(site)
    assert references(site)[0] == "unknown/Unsorted/P1/Brain/T1/T1.amendment-1.dicom.zip"
    assert references(site)[2] == "unknown/Unsorted/P1/Brain/T1/T1_dup-1.amendment-1.dicom.zip"


def test_they_do_not_wait_for_ever(site: Site) -> None:
    configure(site, rules=ATTACHED)
    site.receive(screen())
    site.work(20)
    for _ in range(int(ATTACHING_SECONDS // 20) + 3):
        site.receive(Image(number=len(site.acknowledged)))  # it never comes to rest
        site.work(20, step=5)
    assert references(site) == ["unknown/Unsorted/P1/Brain/Screen Save/Screen Save.dicom.zip"]


@pytest.mark.parametrize("trouble", ["unknown", "other study", "held"])
def test_without_it_they_have_a_folder_of_their_own(site: Site, trouble: str) -> None:
    configure(site, rules=ATTACHED)
    if trouble == "held":
        site.receive(Image(number=1))
        site.work(1)
        site.ledger.hold("series:1", who="anna", why="look", now=site.now)
    if trouble == "other study":
        site.receive(dataclasses.replace(screen(), study=2))
        site.receive(Image(number=1))
    else:
        site.receive(screen())
    site.work(60)
    assert any(
        each.endswith("Brain/Screen Save/Screen Save.dicom.zip") for each in references(site)
    )


# --- one label ------------------------------------------------------------------------------------


def test_series_of_one_label_share_an_acquisition(site: Site) -> None:
    configure(site, merges=True)
    for series in (1, 2, 3):
        site.receive(Image(series=series, series_description="t1" if series == 3 else "T1"))
    site.receive(Image(series=4, series_description="T2"))
    site.work(40)
    check(site)
    assert references(site) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1/T1_dup-1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1/t1_dup-2.dicom.zip",
        "unknown/Unsorted/P1/Brain/T2/T2.dicom.zip",
    ]
    site.receive(Image(series=2, number=2))
    site.work(40)
    assert "unknown/Unsorted/P1/Brain/T1/T1_dup-1.amendment-1.dicom.zip" in references(site)


# --- late images ----------------------------------------------------------------------------------


def test_late_images_go_again_with_the_rest(site: Site) -> None:
    configure(site, late=Late.AGAIN)
    site.receive(Image(number=1))
    site.work(40)
    site.receive(Image(number=2))
    site.work(40)
    check(site)
    again, first = site.archives()
    assert again.reference.endswith("/T1.again-1.dicom.zip")
    assert (len(first.members), len(again.members)) == (1, 2)
    assert again.metadata["parcel"] == {
        "number": 2,
        "kind": "again",
        "amends": [{"number": 1, "archive": "T1.dicom.zip"}],
    }
    site.work(200, retire=True)
    assert {row.state.value for row in site.ledger.instances_of(1)} == {"retired"}


def test_without_their_bytes_a_person_decides(site: Site) -> None:
    configure(site, late=Late.AGAIN)
    site.receive(Image(number=1))
    site.work(200, retire=True)
    site.receive(Image(number=2))
    site.work(40)
    held = only(site)
    assert (held.state, held.held_code) == (SeriesState.HELD, "bytes_gone")
    assert "the bytes of 1 are gone" in held.held_why
    site.ledger.release("series:1", **ANNA, now=site.now)
    site.work(5)
    check(site)
    assert only(site).state is SeriesState.SETTLED
    assert [row.kind.value for row in site.ledger.parcels_of(1)] == ["first", "amendment"]


def test_late_images_wait_for_a_person_each_time(site: Site) -> None:
    configure(site, late=Late.HOLD)
    site.receive(Image(number=1))
    site.work(40)
    assert only(site).state is SeriesState.SETTLED
    for number in (2, 3):
        site.receive(Image(number=number))
        site.work(40)
        assert (only(site).state, only(site).held_code) == (SeriesState.HELD, "late")
        site.ledger.release("series:1", **ANNA, now=site.now)
        site.work(1)
        assert only(site).state is SeriesState.SETTLED
    check(site)
    assert len(references(site)) == 3


# --- when -----------------------------------------------------------------------------------------


def test_a_decision_waits_for_the_delay(site: Site) -> None:
    configure(site, settings={"acquisition_delay_seconds": 100.0})
    site.receive(Image())
    site.work(40)
    assert (only(site).state, only(site).waits_for) == (SeriesState.COMPLETE, WAITS_FOR_DELAY)
    site.receive(Image(number=2, comments="fw://neuro/Amnesia"))  # somebody corrected it
    site.work(131)
    assert only(site).state is SeriesState.SETTLED
    assert [each.split("/")[:2] for each in references(site)] == [["neuro", "Amnesia"]]


def test_a_study_goes_whole(site: Site) -> None:
    configure(site, unit=Unit.STUDY, settings={"study_quiet_seconds": 100.0})
    site.receive(Image(series=1))
    site.receive(Image(study=2))
    site.work(60)
    assert (only(site).state, only(site).waits_for) == (SeriesState.ROUTED, WAITS_FOR_STUDY)
    site.receive(Image(series=2))
    site.work(60)
    # The other study went when it was quiet for long enough.
    assert [each.split("/")[2] for each in references(site)] == ["P2"]
    site.work(35)
    assert len(references(site)) == 1
    site.work(10)
    assert len(references(site)) == 3
    check(site)
    waits = [event for event in site.ledger.events_of(series_id=1) if event.what == "series.wait"]
    assert len(waits) == 1, "said once, not at each look"


def test_a_study_does_not_wait_for_what_a_person_holds(site: Site) -> None:
    configure(site, unit=Unit.STUDY, settings={"study_quiet_seconds": 50.0})
    site.receive(Image(series=1))
    site.receive(Image(series=2))
    site.work(5)
    site.ledger.hold("series:2", who="anna", why="look", now=site.now)
    site.work(60)
    assert only(site).state is SeriesState.SETTLED


def test_a_backlog_is_no_rest(site: Site) -> None:
    configure(site, unit=Unit.STUDY, settings={"study_quiet_seconds": 50.0})
    site.receive(Image(series=1))
    site.work(45)
    site.hints = False
    record = site.receive(Image(series=2))
    site.now += 30
    while site.parts.stages.turn(site.now):
        pass
    assert only(site).state is SeriesState.ROUTED
    site.parts.indexer.committed(record.address.container, record.end)
    site.work(60)
    assert len(references(site)) == 2


# --- elsewhere ------------------------------------------------------------------------------------


def test_a_study_is_put_right_before_it_is_delivered(site: Site) -> None:
    configure(site, settings={"acquisition_delay_seconds": 100.0})
    site.receive(Image(series=1))
    site.receive(Image(series=2, series_description="T2"))
    site.work(40)
    site.ledger.reroute("study:1", routing="fw://neuro/Amnesia/S7/Visit 2", **ANNA, now=site.now)
    site.work(200)
    check(site)
    assert references(site) == [
        "neuro/Amnesia/S7/Visit 2/T1/T1.dicom.zip",
        "neuro/Amnesia/S7/Visit 2/T2/T2.dicom.zip",
    ]
    site.receive(Image(series=2, series_description="T2", number=2))
    site.receive(Image(series=3, series_description="T3"))
    site.work(200)
    assert references(site)[1:] == [
        "neuro/Amnesia/S7/Visit 2/T2/T2.amendment-1.dicom.zip",
        "neuro/Amnesia/S7/Visit 2/T2/T2.dicom.zip",
        "neuro/Amnesia/S7/Visit 2/T3/T3.dicom.zip",
    ]


def test_a_study_is_put_right_after_it_was_delivered(site: Site) -> None:
    configure(site)
    for series in (1, 2):
        site.receive(Image(series=series))
    site.work(40)
    before = references(site)
    done = site.ledger.reroute("study:1", routing="fw://neuro/Amnesia", **ANNA, now=site.now)
    assert sorted(each.reference for each in done.standing) == before
    site.work(5)
    check(site)
    assert references(site) == [
        "neuro/Amnesia/P1/Brain/T1/T1.dicom.zip",
        "neuro/Amnesia/P1/Brain/T1_dup-1/T1.dicom.zip",
        *before,
    ]
    there = [each for each in site.archives() if each.reference.startswith("neuro")]
    assert [each.metadata["parcel"]["kind"] for each in there] == ["again", "again"]
    # Once more to the same place: beside what stands there.
    site.ledger.reroute("series:1", routing="fw://neuro/Amnesia", **ANNA, now=site.now)
    site.work(5)
    assert "neuro/Amnesia/P1/Brain/T1/T1.again-1.dicom.zip" in references(site)
    check(site)


def test_what_has_lost_its_bytes_stays_where_it_is(site: Site) -> None:
    configure(site)
    site.receive(Image())
    site.work(200, retire=True)
    with pytest.raises(NotAllowed, match="gone"):
        site.ledger.reroute("study:1", routing="fw://neuro/Amnesia", **ANNA, now=site.now)
    assert only(site).state is SeriesState.SETTLED


def test_what_nobody_could_read_is_put_right(site: Site) -> None:
    configure(site)
    site.receive(Image(comments="fw://neuro//"))
    site.receive(Image(study=2, comments="fw:///x"))
    site.work(40)
    held = [row for row in (only(site, 1), only(site, 2)) if row.state is SeriesState.HELD]
    assert {row.held_code for row in held} == {"unparsed"}
    for row in held:
        site.ledger.reroute(f"series:{row.id}", routing="fw://a1/b", **ANNA, now=site.now)
    site.work(5)
    assert {row.state for row in (only(site, 1), only(site, 2))} == {SeriesState.SETTLED}


def test_only_the_destination_is_another(site: Site) -> None:
    configure(site, settings={"destinations": (*site.settings.destinations, site.plan("second"))})
    site.receive(Image())
    site.work(40)
    site.ledger.reroute("study:1", destinations=("second",), **ANNA, now=site.now)
    site.work(5)
    assert references(site, "second") == ["unknown/Unsorted/P1/Brain/T1/T1.dicom.zip"]
    check(site)
