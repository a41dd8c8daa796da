"""What is said of files: which are taken, what becomes of each series, and what would change."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from explain_files import NIGHTS, NOON, explained, plan, policy, write
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import RTPlanStorage

from causeway.attributes import tag_of
from causeway.decide.policy import Action, GroupingRule, MetadataPolicy, Route, SourcePolicy
from causeway.decide.rules import compile_rule
from causeway.decide.verdict import PRIO_URGENT, GroupingRules, Related, Unit
from causeway.explain import Fate, Lane, Sender, changes
from causeway.explain.gathering import HEADS_LIMIT
from causeway.testing.phantom import make_uid

GOOD = "fw://neuro/Amnesia/sub-001"


# --- files --------------------------------------------------------------------------------------


def test_what_is_no_dicom_is_listed_with_the_reason(tmp_path: Path):
    write(tmp_path, "a")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "empty.dcm").touch()
    series, left = explained(tmp_path)
    assert [len(each.series.instances) for each in series] == [1]
    assert {(each.path.name, each.fate) for each in left} == {
        ("notes.txt", Fate.NOT_DICOM),
        ("empty.dcm", Fate.NOT_DICOM),
    }
    assert all(each.reason for each in left)


def test_what_cannot_be_read_is_quarantined_as_it_would_be(tmp_path: Path):
    whole = write(tmp_path, "a", instance_number=1).read_bytes()
    (tmp_path / "b.dcm").write_bytes(whole[:-40])
    write(tmp_path, "c", instance_number=2, StudyInstanceUID=None)
    _, left = explained(tmp_path / "b.dcm", tmp_path / "c.dcm")
    assert [each.fate for each in left] == [Fate.QUARANTINED] * 2
    assert "past the end" in left[0].reason
    assert "(0020,000D)" in left[1].reason


def test_the_same_once_more_and_another_under_its_uid(tmp_path: Path):
    first = write(tmp_path, "a")
    shutil.copy(first, tmp_path / "b.dcm")
    write(tmp_path, "c", PatientComments="changed")
    series, left = explained(tmp_path)
    assert [len(each.series.instances) for each in series] == [1]
    assert [each.fate for each in left] == [Fate.DUPLICATE, Fate.QUARANTINED]


def test_an_unreadable_file_is_no_crash(tmp_path: Path):
    series, left = explained(tmp_path / "gone.dcm")
    assert series == []
    assert [each.fate for each in left] == [Fate.FAILED]


def test_everything_that_pydicom_brings_along():
    folder = Path(str(get_testdata_file("CT_small.dcm"))).parent
    series, left = explained(folder)
    taken = [path for each in series for path in each.files.values()]
    assert len({*taken, *(each.path for each in left)}) == len(taken) + len(left)
    assert any(path.name == "CT_small.dcm" for path in taken)
    assert all(each.acquisitions for each in series)


# --- series -------------------------------------------------------------------------------------


def test_a_series_that_is_sent(tmp_path: Path):
    write(tmp_path, "a", PatientComments=GOOD, StudyDescription="Brain", SeriesDescription="T1")
    (one,), _ = explained(tmp_path, sender=Sender(source="mr", calling_ae="MR1"))
    assert one.outcome == "sent"
    (acquired,) = one.acquisitions
    assert acquired.folder == "neuro/Amnesia/sub-001/Brain/T1"
    assert acquired.archive == "T1.dicom.zip"
    assert one.decision.fields["subject.label"].origin == "routing"
    assert [going.lane.name for going in one.goings] == ["archive"]
    assert one.goings[0].opens_at is None
    assert one.quiet_seconds == 40


@pytest.mark.parametrize("merges", [False, True])
def test_an_archive_has_the_name_that_the_site_says(tmp_path: Path, *, merges: bool):
    write(
        tmp_path, "a", SeriesDescription="T1", SeriesInstanceUID=make_uid("one"), instance_number=1
    )
    write(
        tmp_path,
        "b",
        SeriesDescription="T1",
        SeriesInstanceUID=make_uid("other"),
        instance_number=2,
    )
    says = MetadataPolicy(overrides={"file.name": "scan"}, merges_same_label=merges)
    found, _ = explained(tmp_path, by=plan(policy(usual=SourcePolicy(metadata=says))))
    named = [acquired.archive for each in found for acquired in each.acquisitions]
    assert named == ["scan.dicom.zip", "scan_dup-1.dicom.zip" if merges else "scan.dicom.zip"]


@pytest.mark.parametrize(
    ("comments", "outcome", "reason"),
    [
        ("fw://neuro/Amnsia", "held", "project"),
        ("fw://neuro//\\", "held", "PatientComments"),
        (f"{GOOD} NOFW", "skipped", "PatientComments"),
    ],
)
def test_what_stops_a_series_is_said(tmp_path: Path, comments: str, outcome: str, reason: str):
    write(tmp_path, "a", PatientComments=comments)
    (one,), _ = explained(tmp_path)
    assert one.outcome == outcome
    assert reason in one.decision.verdict.reason  # type: ignore[union-attr]
    assert one.goings == ()
    assert one.acquisitions, "its names are shown all the same"


def test_a_schedule_says_from_when_on_and_urgent_ones_do_not_wait(tmp_path: Path):
    write(tmp_path, "a", PatientComments=GOOD)
    lane = Lane(
        name="archive", type="folder", treatment="none", schedule_name="nights", schedule=NIGHTS
    )
    by = plan(lanes={"archive": lane})
    (one,), _ = explained(tmp_path, by=by)
    opens = NOON.replace(hour=18).timestamp()
    assert one.goings[0].opens_at == opens
    (later,), _ = explained(tmp_path, by=by, at=NOON + dt.timedelta(hours=8))
    assert later.goings[0].opens_at is None
    urgent = policy(routes=(Route(name="now", destinations=("archive",), prio=PRIO_URGENT),))
    (now,), _ = explained(tmp_path, by=plan(urgent, lanes={"archive": lane}))
    assert now.goings[0].opens_at is None


def test_a_route_that_wants_the_study_waits_for_it(tmp_path: Path):
    write(tmp_path, "a")
    whole = policy(routes=(Route(name="all", destinations=("archive",), unit=Unit.STUDY),))
    (one,), _ = explained(tmp_path, by=plan(whole))
    assert one.waits_for_study
    assert one.quiet_seconds == 310


def test_rules_ask_for_the_sender_and_the_time(tmp_path: Path):
    write(tmp_path, "a")
    night = compile_rule('source == "mr" and calling_ae == "MR1" and time in "18:00-06:00"')
    decides = policy(
        routes=(
            Route(name="night", when=night, action=Action.DENY),
            Route(name="rest", destinations=("archive",)),
        )
    )
    sender = Sender(source="mr", calling_ae="MR1")
    (noon,), _ = explained(tmp_path, by=plan(decides), sender=sender)
    assert noon.decision.routes == ("rest",)
    midnight = NOON + dt.timedelta(hours=12)
    (late,), _ = explained(tmp_path, by=plan(decides), sender=sender, at=midnight)
    assert (late.decision.routes, late.outcome) == (("night",), "skipped")
    (other,), _ = explained(tmp_path, by=plan(decides), at=midnight)
    assert other.decision.routes == ("rest",)


def test_a_series_that_is_split_has_a_folder_for_each_part(tmp_path: Path):
    for number in (1, 2, 3):
        write(
            tmp_path,
            f"{number}",
            modality="CT",
            instance_number=number,
            AcquisitionNumber=1 if number < 3 else 2,
            SeriesDescription="Liver",
            Manufacturer="GE MEDICAL SYSTEMS",
        )
    (one,), _ = explained(tmp_path)
    assert [len(part.group.members) for part in one.acquisitions] == [2, 1]
    main, second = (part.folder for part in one.acquisitions)
    assert main.endswith("/Liver")
    assert second.endswith("/Liver_2")


ATTACH = GroupingRule(when=None, rules=GroupingRules(related=Related.ATTACH))


def plan_of_radiotherapy(folder: Path, name: str, refers_to: str) -> None:
    """An RT Plan as a series of its own that refers to another series."""
    reference = Dataset()
    reference.SeriesInstanceUID = make_uid(refers_to)
    write(
        folder,
        name,
        modality="OT",
        seed=name,
        sop_class_uid=RTPlanStorage,
        study_instance_uid=make_uid("study"),
        series_instance_uid=make_uid(name),
        Modality="RTPLAN",
        SeriesDescription=name,
        ReferencedSeriesSequence=[reference],
    )


def test_radiotherapy_goes_with_what_it_refers_to_over_several_steps(tmp_path: Path):
    write(
        tmp_path,
        "z-ct",
        modality="CT",
        study_instance_uid=make_uid("study"),
        series_instance_uid=make_uid("ct"),
        SeriesDescription="Thorax",
    )
    plan_of_radiotherapy(tmp_path, "b-plan", "ct")
    plan_of_radiotherapy(tmp_path, "a-dose", "b-plan")
    series, _ = explained(tmp_path, by=plan(policy(groupings=(ATTACH,))))
    places = {part.archive: part for each in series for part in each.acquisitions}
    assert set(places) == {"Thorax.dicom.zip", "b-plan.dicom.zip", "a-dose.dicom.zip"}
    assert len({part.folder for part in places.values()}) == 1
    assert places["a-dose.dicom.zip"].goes_with == make_uid("b-plan")
    assert places["Thorax.dicom.zip"].goes_with == ""


def test_two_that_refer_to_each_other_are_no_endless_loop(tmp_path: Path):
    plan_of_radiotherapy(tmp_path, "one", "two")
    plan_of_radiotherapy(tmp_path, "two", "one")
    series, _ = explained(tmp_path, by=plan(policy(groupings=(ATTACH,))))
    assert len(series) == 2
    assert all(part.folder for each in series for part in each.acquisitions)


def test_series_of_one_label_share_a_folder_where_that_is_wished(tmp_path: Path):
    for number in (1, 2):
        write(
            tmp_path,
            f"{number}",
            series_instance_uid=make_uid("series", number),
            study_instance_uid=make_uid("study"),
            instance_number=number,
            SeriesDescription="T1",
        )
    merges = SourcePolicy(metadata=MetadataPolicy(merges_same_label=True))
    series, _ = explained(tmp_path, by=plan(policy(usual=merges)))
    parts = [part for each in series for part in each.acquisitions]
    assert len({part.folder for part in parts}) == 1
    assert len({part.archive for part in parts}) == 2


def test_two_series_of_one_label_do_not_share_a_folder(tmp_path: Path):
    for number in (1, 2):
        write(
            tmp_path,
            f"{number}",
            series_instance_uid=make_uid("series", number),
            study_instance_uid=make_uid("study"),
            instance_number=number,
            SeriesDescription="T1",
        )
    series, _ = explained(tmp_path)
    folders = [part.folder for each in series for part in each.acquisitions]
    assert len(folders) == 2
    assert folders[1] == f"{folders[0]}_dup-1"


def test_the_newest_header_decides_and_a_difference_is_shown(tmp_path: Path):
    write(tmp_path, "a", instance_number=1, PatientComments="", PatientID="A")
    write(tmp_path, "b", instance_number=2, PatientComments=GOOD, PatientID="B")
    (one,), _ = explained(tmp_path)
    assert one.acquisitions[0].folder.startswith("neuro/Amnesia")
    assert [each.name for each in one.disagreements] == ["PatientID"]


def test_what_rules_ask_for_may_differ_from_image_to_image(tmp_path: Path):
    write(tmp_path, "a", instance_number=1, ImageComments="no")
    write(tmp_path, "b", instance_number=2, ImageComments="yes")
    wanted = compile_rule('ImageComments == "yes"')
    decides = policy(routes=(Route(name="yes", when=wanted, destinations=("archive",)),))
    (one,), _ = explained(tmp_path, by=plan(decides))
    assert one.decision.routes == ("yes",)
    assert len(one.series.heads) == 2
    (other,), _ = explained(tmp_path)
    assert len(other.series.heads) == 1


def test_heads_are_bounded(tmp_path: Path):
    for number in range(HEADS_LIMIT + 5):
        write(tmp_path, f"{number:02}", instance_number=number + 1, PatientID=f"P{number}")
    (one,), _ = explained(tmp_path)
    assert len(one.series.heads) == HEADS_LIMIT
    assert one.series.newest.first(tag_of("PatientID")) == f"P{HEADS_LIMIT + 4}"


# --- two configurations -------------------------------------------------------------------------


def test_nothing_changes_under_the_same_rules(tmp_path: Path):
    write(tmp_path, "a", PatientComments=GOOD)
    (before,), _ = explained(tmp_path)
    (after,), _ = explained(tmp_path)
    assert changes(before, after) == ()


def test_what_would_change_is_told_by_name(tmp_path: Path):
    write(tmp_path, "a", PatientComments=GOOD)
    two = Lane(name="other", type="folder", treatment="none")
    (before,), _ = explained(tmp_path)
    elsewhere = policy(routes=(Route(name="all", destinations=("other",)),))
    (after,), _ = explained(tmp_path, by=plan(elsewhere, lanes={"other": two}))
    told = {each.what: (each.before, each.after) for each in changes(before, after)}
    assert told["destinations"] == ("archive", "other")
    assert "names" not in told
    denied = policy(routes=(Route(name="no", action=Action.DENY),))
    (stopped,), _ = explained(tmp_path, by=plan(denied))
    told = {each.what: (each.before, each.after) for each in changes(before, stopped)}
    assert told["outcome"] == ("sent", "skipped: no denies it")


def test_nothing_of_a_patient_is_in_a_repr(tmp_path: Path):
    name = "Unmistakable^Name"
    write(tmp_path, "a", PatientName=name, PatientID="UNMISTAKABLE", PatientComments=GOOD)
    (one,), left = explained(tmp_path)
    assert "UNMISTAKABLE" not in repr((one, left)).upper()
    assert "sub-001" not in repr((one, left))


def test_what_is_stopped_takes_no_folder_from_what_goes(tmp_path: Path):
    for number, (name, comments) in enumerate((("a", "NOFW"), ("b", ""), ("c", "")), start=1):
        write(
            tmp_path,
            name,
            StudyInstanceUID=make_uid(name),
            SeriesInstanceUID=make_uid(f"series {name}"),
            instance_number=number,
            StudyDescription="Brain",
            PatientComments=comments,
        )
    found, _ = explained(tmp_path)
    assert [(each.outcome, each.acquisitions[0].folder.split("/")[3]) for each in found] == [
        ("skipped", "Brain_dup-2"),
        ("sent", "Brain"),
        ("sent", "Brain_dup-1"),
    ]
