"""Whether, where and when, by the real process: what is typed at a scanner and what comes of it.

One connector with routes of every kind serves the tests of this file; each sends series of its own
and looks at what stands in the folders. The studies of the shared objects are sent to connectors of
their own, with phantoms in their place where they are absent.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance_site import Site, sent, uid_of, wait_for

from causeway.ledger import SeriesRow
from causeway.net import Outgoing
from causeway.part10 import read_part10
from causeway.testing.phantom import Instance, ct_study, make_instance, mr_study

DATA = Path(os.environ.get("CAUSEWAY_TEST_DATA", Path(__file__).parents[3] / "shared/data/dicom"))
shared = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the shared objects are not here ({DATA.name})"
)

QUIET, STUDY_QUIET = 1, 5
RULES = """
[routing]
tags = ["PatientComments", "StudyComments"]
known = ["neuro/Amnesia", "stat/Stroke", "slow/Night", "whole/Exam", "again/Pilot", "stop/Trial"]
unknown = "hold"

[opt]
out = [{ tag = "PatientComments", matches = "NOFW" }]
"""
ROUTES = """
[[destination]]
name = "far"
type = "folder"
path = "far"
deidentify = "none"
schedule = "later"

[[route]]
name = "stat"
when = 'group == "stat"'
destinations = ["far"]
priority = "urgent"

[[route]]
name = "slow"
when = 'group == "slow"'
destinations = ["far"]

[[route]]
name = "whole"
when = 'group == "whole"'
destinations = ["archive"]
complete = "study"

[[route]]
name = "again"
when = 'group == "again"'
destinations = ["archive"]
late = "again"

[[route]]
name = "stop"
when = 'group == "stop"'
destinations = ["archive"]
late = "hold"

[[route]]
"""
GROUPED = """
[[grouping]]
split_by = ["AcquisitionNumber"]
screenshots = "attach"
"""


def hours(*, opened: bool) -> str:
    """Windows around now, or far from it, whenever the tests run."""
    now = dt.datetime.now(dt.UTC)
    start, end = (now + dt.timedelta(hours=add) for add in ((-3, 3) if opened else (6, 12)))
    window = f"{start:%H:%M}-{end:%H:%M}"
    return f'\n[[schedule]]\nname = "later"\ntimezone = "UTC"\nwindows = ["{window}"]\n'


def edit(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert text.count(old) == 1, old
    site.config.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A connector with all of it, running."""
    site = Site(
        tmp_path_factory.mktemp("deciding"), tail=RULES + hours(opened=False), quiet_seconds=QUIET
    )
    edit(site, "[[route]]", ROUTES)
    edit(site, "quiet_seconds = 1", f"quiet_seconds = 1\nstudy_quiet_seconds = {STUDY_QUIET}")
    (site.folder / "far").mkdir()
    site.start()
    yield site
    if site.process is not None and site.process.poll() is None:
        site.kill_tree()


@dataclass(frozen=True)
class Scan:
    """A series at a scanner: its images all say the same, unless they are told otherwise."""

    site: Site
    name: str
    study: str = ""
    comments: str = ""

    @property
    def uid(self) -> str:
        return uid_of("deciding", self.name)

    @property
    def study_uid(self) -> str:
        return uid_of("deciding study", self.study or self.name)

    def send(self, *numbers: int, comments: str | None = None) -> None:
        items = [
            as_outgoing(
                make_instance(
                    "MR", rows=8, columns=8, seed=f"{self.name}-{number}", instance_number=number,
                    study_instance_uid=self.study_uid, series_instance_uid=self.uid,
                    SeriesDescription=self.name, StudyDescription="Brain",
                    PatientComments=self.comments if comments is None else comments,
                )
            )
            for number in numbers
        ]  # fmt: skip
        assert list(sent(self.site, items)) == [0] * len(items)

    def row(self) -> SeriesRow | None:
        with self.site.ledger() as ledger:
            found = ledger.find(self.uid)
        assert found is None or isinstance(found, SeriesRow)
        return found

    def becomes(self, state: str, images: int | None = None) -> SeriesRow:
        """Wait until it does, with so many images."""

        def is_so() -> bool:
            row = self.row()
            counted = row is not None and images in (None, row.instance_count)
            return row is not None and counted and row.state.value == state

        wait_for(is_so, seconds=40, what=lambda: f"{self.row()}\n{self.site.last_words()}")
        row = self.row()
        assert row is not None
        return row

    def archives(self, folder: str = "archive") -> dict[str, int]:
        """Path below the destination → number of images, of this series."""
        return {
            path: len(described["members"])
            for path, described in described_in(self.site.folder / folder).items()
            if described["series"]["series_instance_uid"] == self.uid
        }

    @property
    def reference(self) -> str:
        row = self.row()
        assert row is not None
        return f"series:{row.id}"


def as_outgoing(instance: Instance) -> Outgoing:
    return Outgoing(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        data=instance.data_set,
    )


def described_in(folder: Path) -> dict[str, dict[str, Any]]:
    """What stands in a destination, by the path of each archive."""
    return {
        str(path.relative_to(folder)).removesuffix(".json"): json.loads(path.read_text())
        for path in folder.rglob("*.zip.json")
    }


# --- where ----------------------------------------------------------------------------------------


def test_routing_strings_place_series(decided: Site):
    whole = Scan(decided, "placed", comments="fw://neuro/Amnesia/sub-1/ses-1/T1w")
    careless = Scan(decided, "careless", comments=" FW:/Neuro//Amnesia/sub-2/ ")
    silent = Scan(decided, "silent")
    for scan in (whole, careless, silent):
        scan.send(1, 2)
    for scan in (whole, careless, silent):
        scan.becomes("settled")
    assert whole.archives() == {"neuro/Amnesia/sub-1/ses-1/T1w/T1w.dicom.zip": 2}
    assert careless.archives() == {"neuro/Amnesia/sub-2/Brain/careless/careless.dicom.zip": 2}
    assert silent.archives() == {"unknown/Unsorted/PHANTOM-0/Brain/silent/silent.dicom.zip": 2}
    decided.custody()


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("unreadable", "fw:\\\\neuro\\Amnesia", "fw://neuro/Amnesia"),
        ("misspelt", "fw://neuro/Amnsia", "neuro/Amnesia"),
    ],
)
def test_what_cannot_be_placed_is_held_with_what_was_meant_and_rerouted(
    decided: Site, name: str, typed: str, meant: str
):
    scan = Scan(decided, name, comments=typed)
    scan.send(1, 2)
    held = scan.becomes("held")
    assert held.held_by == "policy"
    (explained,) = decided.ask("explain", scan.reference)["series"]
    assert explained["outcome"] == "held"
    assert explained["routing"]["suggestion"] == meant
    assert typed not in held.held_why, "a reason has no values in it"

    before = decided.ask(
        "reroute", scan.reference, "fw://neuro/Amnesia/put-right", "--why", "typed wrong"
    )
    assert (before["again"], before["standing"]) == ([], [])
    scan.becomes("settled")
    (placed,) = scan.archives()
    assert placed.startswith("neuro/Amnesia/put-right/")
    scan.send(3)  # as wrong as before, and nobody need say it twice
    scan.becomes("settled", images=3)
    assert all(path.startswith("neuro/Amnesia/put-right/") for path in scan.archives())


def test_a_study_that_was_delivered_is_rerouted(decided: Site):
    scan = Scan(decided, "astray", comments="fw://neuro/Amnesia/astray")
    scan.send(1, 2)
    scan.becomes("settled")
    (old,) = scan.archives()
    done = decided.ask("reroute", scan.study_uid, "fw://again/Pilot/astray", "--why", "the other")
    assert len(done["again"]) == 1
    (standing,) = done["standing"]
    assert standing["reference"].endswith(old)
    scan.becomes("settled")
    archives = scan.archives()
    (new,) = set(archives) - {old}
    assert new.startswith("again/Pilot/astray/")
    assert archives == {old: 2, new: 2}
    (study,) = [
        each["id"]
        for each in decided.ask("studies")["studies"]
        if each["study_instance_uid"] == scan.study_uid
    ]
    events = decided.ask("study", f"study:{study}")["events"]
    (said,) = [each for each in events if each["what"] == "study.reroute"]
    assert (said["why"], bool(said["who"])) == ("the other", True)


# --- whether --------------------------------------------------------------------------------------


def skipped(site: Site) -> dict[str, str]:
    return {each["series_instance_uid"]: each["reason"] for each in site.ask("skipped")["series"]}


def test_what_is_opted_out_is_listed_and_can_be_released(decided: Site):
    scan = Scan(decided, "opted-out", comments="fw://neuro/Amnesia NOFW")
    scan.send(1, 2)
    scan.becomes("denied")
    assert "PatientComments" in skipped(decided)[scan.uid]
    assert scan.archives() == {}
    decided.ask("release", scan.reference, "--why", "they have agreed")
    scan.becomes("settled")
    assert scan.uid not in skipped(decided)
    assert sum(scan.archives().values()) == 2


def test_a_later_header_releases_by_itself(decided: Site):
    scan = Scan(decided, "changed-mind", comments="NOFW")
    scan.send(1, 2)
    scan.becomes("denied")
    scan.send(3, comments="fw://neuro/Amnesia/changed")
    scan.becomes("settled")
    (path,) = scan.archives()
    assert path.startswith("neuro/Amnesia/changed/")
    assert scan.archives() == {path: 3}
    assert scan.uid not in skipped(decided)


# --- when -----------------------------------------------------------------------------------------


def test_a_route_that_wants_its_study_whole_waits_for_it(decided: Site):
    first = Scan(decided, "first", study="exam", comments="fw://whole/Exam/exam")
    second = Scan(decided, "second", study="exam", comments="fw://whole/Exam/exam")
    alone = Scan(decided, "alone", study="exam", comments="fw://neuro/Amnesia/exam")
    first.send(1, 2)
    waiting = first.becomes("routed")
    wait_for(lambda: "study" in first.becomes("routed").waits_for, seconds=10, what=str(waiting))
    alone.send(1)
    second.send(1)
    last_at = time.time()
    alone.becomes("settled")
    first.becomes("settled")
    second.becomes("settled")
    made = {
        each["series"]["series_instance_uid"]: dt.datetime.fromisoformat(
            each["created_at"]
        ).timestamp()
        for each in described_in(decided.archive).values()
    }
    whole = [made[first.uid], made[second.uid]]
    # What was received is stamped before its sender hears of it.
    assert min(whole) > last_at + STUDY_QUIET - 1
    assert made[alone.uid] < min(whole), "a series is not held up by the others of its study"


@pytest.mark.parametrize(
    ("group", "name", "archives"),
    [
        ("neuro/Amnesia", "amended", {"": 2, ".amendment-1": 1}),
        ("again/Pilot", "repeated", {"": 2, ".again-1": 3}),
    ],
)
def test_late_images_go_as_their_route_says(
    decided: Site, group: str, name: str, archives: dict[str, int]
):
    scan = Scan(decided, name, comments=f"fw://{group}/late")
    scan.send(1, 2)
    scan.becomes("settled")
    scan.send(3)
    scan.becomes("settled", images=3)
    folder = f"{group}/late/Brain/{name}"
    assert scan.archives() == {
        f"{folder}/{name}{suffix}.dicom.zip": count for suffix, count in archives.items()
    }


def test_late_images_are_held_where_their_route_says_so(decided: Site):
    scan = Scan(decided, "stopped", comments="fw://stop/Trial/late")
    scan.send(1, 2)
    scan.becomes("settled")
    scan.send(3)
    held = scan.becomes("held", images=3)
    assert (held.held_by, held.held_code) == ("policy", "late")
    assert sum(scan.archives().values()) == 2
    decided.ask("release", scan.reference, "--why", "it was forgotten")
    scan.becomes("settled", images=3)
    assert sorted(scan.archives().values()) == [1, 2]


def test_hours_hold_what_is_not_urgent_until_they_begin(decided: Site):
    slow = Scan(decided, "slow", comments="fw://slow/Night")
    urgent = Scan(decided, "urgent", comments="fw://stat/Stroke")
    slow.send(1, 2)
    slow.becomes("packaged")
    urgent.send(1)
    urgent.becomes("settled")
    assert sum(urgent.archives("far").values()) == 1
    assert slow.archives("far") == {}
    (lane,) = [each for each in decided.ask("queue")["destinations"] if each["count"]]
    assert (lane["destination"], lane["count"], lane["urgent"]) == ("far", 1, 0)
    (wait,) = lane["waits"]
    assert wait["why"] == "schedule later"
    assert lane["next_at"] == wait["until"]
    until = dt.datetime.fromisoformat(wait["until"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=5) < until <= dt.timedelta(hours=6)
    health = decided.ask("status", "--check")["health"]
    assert health["state"] == "ok", "what waits for its hours is no fault"

    text = decided.config.read_text()
    window = r"\n\[\[schedule\]\]\n(?:.+\n){3}"
    decided.config.write_text(re.sub(window, hours(opened=True), text))
    assert decided.ask("config", "reload")["outcome"] == "changed"
    slow.becomes("settled")
    assert sum(slow.archives("far").values()) == 2
    assert not any(each["count"] for each in decided.ask("queue")["destinations"])
    decided.custody()


# --- studies as they are acquired -----------------------------------------------------------------


def grouped(make_site: Callable[..., Site], *paths: Path) -> tuple[Site, dict[str, set[str]]]:
    """A connector that has been sent these; and the images (UIDs) of each of their series."""
    wanted: dict[str, set[str]] = defaultdict(set)
    site = make_site(quiet_seconds=2, tail=GROUPED).start()
    done = site.cli("send", *map(str, paths), "--to", f"127.0.0.1:{site.port}", "-v", "--json")
    stored = [
        each["file"] for each in json.loads(done.stdout)["files"] if each["outcome"] == "stored"
    ]
    for file in stored:
        found = read_part10(Path(file))
        wanted[series_of(Path(file))].add(found.sop_instance_uid)
    assert stored, done.stderr
    custody = site.settled(at_least=len(stored))
    assert custody["dispositions"]["delivered"] == len(set().union(*wanted.values()))
    return site, dict(wanted)


def series_of(path: Path) -> str:
    from pydicom import dcmread

    return str(dcmread(path, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)


def acquisitions(site: Site) -> dict[str, list[set[str]]]:
    """Series UID → images of each of its archives; every archive has what it says."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    for path, described in described_in(site.archive).items():
        members = {each["sop_instance_uid"] for each in described["members"]}
        with zipfile.ZipFile(site.archive / path) as archive:
            assert len(archive.namelist()) == len(members)
        found[described["series"]["series_instance_uid"]].append(members)
    return found


def test_phantom_studies_close_as_their_series(make_site: Callable[..., Site], tmp_path: Path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, instance in enumerate([*ct_study(slices=4, matrix=32), *mr_study(matrix=32)]):
        instance.write(folder / f"{number:03}.dcm")
    site, wanted = grouped(make_site, folder)
    assert len(wanted) == 6
    assert acquisitions(site) == {uid: [images] for uid, images in wanted.items()}


def test_phantoms_are_split_by_acquisition_number_but_those_of_siemens(
    make_site: Callable[..., Site], tmp_path: Path
):
    folder = tmp_path / "scans"
    folder.mkdir()
    study = uid_of("repeated")
    for vendor in ("GE MEDICAL SYSTEMS", "Siemens Healthineers", "Bruker BioSpin"):
        for number in range(1, 5):
            make_instance(
                "MR", rows=8, columns=8, seed=f"{vendor}{number}", instance_number=number,
                study_instance_uid=study, series_instance_uid=uid_of(vendor),
                SeriesDescription=vendor.split()[0], Manufacturer=vendor,
                AcquisitionNumber=(number + 1) // 2,
            ).write(folder / f"{vendor.split()[0]}-{number}.dcm")  # fmt: skip
    shot = make_instance(
        "OT", rows=8, columns=8, seed="shot", study_instance_uid=study,
        series_instance_uid=uid_of("shot"), SeriesDescription="Screen Save",
        ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"], Manufacturer="GE MEDICAL SYSTEMS",
        ReferencedSeriesSequence=[reference(uid_of("GE MEDICAL SYSTEMS"))],
    )  # fmt: skip
    shot.write(folder / "shot.dcm")
    site, _ = grouped(make_site, folder)
    parts = {uid: sorted(map(len, each)) for uid, each in acquisitions(site).items()}
    assert parts[uid_of("GE MEDICAL SYSTEMS")] == [2, 2]
    assert parts[uid_of("Siemens Healthineers")] == [4]
    assert parts[uid_of("Bruker BioSpin")] == [4]
    described = described_in(site.archive)
    uids = {
        each["group"]["acquisition_uid"]
        for each in described.values()
        if each["series"]["series_instance_uid"] == uid_of("GE MEDICAL SYSTEMS")
    }
    assert uids == {uid_of("GE MEDICAL SYSTEMS"), uid_of("GE MEDICAL SYSTEMS") + "_2"}
    (attached,) = [each for each in described.items() if each[1]["group"]["attached_to"]]
    assert attached[1]["group"]["attached_to"] == uid_of("GE MEDICAL SYSTEMS")
    assert Path(attached[0]).parent.name == "GE", "it stands in the folder of what it shows"


def reference(series_uid: str) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.SeriesInstanceUID = series_uid
    return item


@shared
def test_the_xa60_study_closes_as_its_eleven_series(make_site: Callable[..., Site]):
    site, wanted = grouped(make_site, DATA / "dcm_qa_xa60" / "In")
    assert len(wanted) == 11
    assert acquisitions(site) == {uid: [images] for uid, images in wanted.items()}, (
        "enhanced images of Siemens are not split by their acquisitions"
    )
    (study,) = site.ask("studies")["studies"]
    series = site.ask("study", f"study:{study['id']}")["series"]
    assert [each["state"] for each in series] == ["settled"] * 11
    assert all("no new image for 2 s" in each["completion_reason"] for each in series)


@shared
def test_the_ct_study_keeps_its_summary_apart(make_site: Callable[..., Site]):
    site, wanted = grouped(make_site, DATA / "dcm_qa_ct" / "In" / "Philips" / "S21570")
    assert len(wanted) == 3
    by_label = {
        path.split("/")[4]: {each["sop_instance_uid"] for each in described["members"]}
        for path, described in described_in(site.archive).items()
    }
    summary = by_label["Exam Summary"]
    assert summary in wanted.values()
    assert by_label["STD BRAIN 5MM"] in wanted.values()
    assert len(by_label["STD BRAIN 5MM"]) == 28
    assert not summary & by_label["STD BRAIN 5MM"]
    for series, parts in acquisitions(site).items():
        assert set().union(*parts) == wanted[series]


@shared
def test_mr_of_ge_and_siemens_is_grouped_as_they_count(make_site: Callable[..., Site]):
    site, wanted = grouped(make_site, DATA / "dcm_qa_nih" / "In")
    assert sorted(map(len, wanted.values())) == [2, 2, 2, 2, 150]
    # All 150 of GE have one acquisition number; each mosaic of Siemens has its own.
    assert acquisitions(site) == {uid: [images] for uid, images in wanted.items()}
