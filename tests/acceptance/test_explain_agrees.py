"""What ``causeway explain`` says of files is what the running connector does with them, each one.

The files are sent first, and then explained in the order in which they arrived. Compared, file by
file: whether it is in quarantine, a duplicate, held, skipped or delivered; in which folder and
archive; and with which others. Which of two series of one label gets the label, and which
``_dup-1``, depends on whose turn comes first, so numbers of duplicates are not compared, but that
there are two is.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_site import Site
from pydicom.data import get_testdata_file

from causeway.part10 import read_part10
from causeway.testing.phantom import ct_study, make_instance, make_uid, mr_study

DATA = Path(os.environ.get("CAUSEWAY_TEST_DATA", Path(__file__).parents[3] / "shared/data/dicom"))
RULES = """
[routing]
tags = ["PatientComments", "StudyComments"]
known = ["neuro/Amnesia", "cardio/TAVI"]
unknown = "hold"

[opt]
out = [{ tag = "StudyDescription", matches = "NOFW" }]

[metadata]
timezone = "Europe/Berlin"
mappings = ["{SeriesNumber} - {SeriesDescription}=acquisition.label"]

[[grouping]]
when = 'Modality == "MR" and not Manufacturer like "SIEMENS*"'
split_by = ["AcquisitionNumber"]
screenshots = "attach"

[[grouping]]
when = 'Modality == "CT"'
split_by = ["ImageType"]
localizers = "split"
related = "attach"

[[grouping]]
related = "attach"
"""
FIRST = """
[[route]]
name = "never"
when = 'Modality in ["SR", "OT"]'
action = "deny"

[[route]]
name = "look"
when = 'Modality == "US"'
action = "hold"
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
_DUPLICATE = re.compile(r"_dup-[0-9]+")
Made = Callable[..., Site]


@pytest.fixture
def ruled(make_site: Made) -> Site:
    """A site with rules of every kind."""
    site = make_site(quiet_seconds=2)
    text = site.config.read_text()
    assert text.count("[[route]]") == 1
    site.config.write_text(text.replace("[[route]]", f"{FIRST}\n[[route]]") + RULES)
    return site


def test_everything_that_pydicom_brings_along(ruled: Site):
    folder = Path(str(get_testdata_file("CT_small.dcm"))).parent
    outcomes = agrees(ruled, [folder])
    assert outcomes["delivered"] > 20
    assert outcomes["not DICOM"] > 5


def test_phantoms_with_every_kind_of_routing_string(ruled: Site, tmp_path: Path):
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, instance in enumerate([*ct_study(slices=3, matrix=32), *mr_study(matrix=32)]):
        instance.write(folder / f"{number:04}.dcm")
    for name, elements in said():
        for number in (1, 2):
            make_instance(
                "MR", rows=8, columns=8, seed=name, instance_number=number,
                series_instance_uid=make_uid(name, "series"), **elements,
            ).write(folder / f"z-{name}-{number}.dcm")  # fmt: skip
    outcomes = agrees(ruled, [folder])
    assert outcomes["held"] >= 6
    assert outcomes["skipped"] == 2
    assert outcomes["delivered"] >= 8


def said() -> Iterator[tuple[str, dict[str, Any]]]:
    """Series, and what somebody has written into them."""
    comments = {
        "plain": "fw://neuro/Amnesia",
        "whole": "fw://neuro/Amnesia/sub-1/ses-1/T1",
        "careless": " FW:/Neuro//Amnesia/sub-2/ ",
        "unknown": "fw://neuro/Amnsia",
        "unreadable": "fw:\\\\neuro\\Amnesia",
        "name": "fw://neuro/Amnesia/Nobody",
        "prose": "contrast given",
    }
    for name, text in comments.items():
        yield name, {"PatientComments": text, "PatientID": f"P-{name}"}
    yield "second", {"StudyComments": "fw://cardio/TAVI"}
    yield "skipped", {"StudyDescription": "NOFW", "PatientComments": "fw://neuro/Amnesia"}
    yield (
        "split",
        {"PatientComments": "fw://neuro/Amnesia", "AcquisitionNumber": 2, "Manufacturer": "Acme"},
    )


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared objects are not here ({DATA.name})")
def test_all_shared_objects_the_damaged_ones_too(ruled: Site):
    outcomes = agrees(ruled, [DATA])
    assert outcomes["delivered"] > 500
    assert outcomes["quarantined"] > 50


# --- comparing ----------------------------------------------------------------------------------


def agrees(site: Site, paths: list[Path]) -> Counter[str]:
    """Send all, explain all, and hold one against the other; how many files met which fate."""
    site.start()
    sent = site.cli(
        "send", *map(str, paths), "--to", f"127.0.0.1:{site.port}", "--verbose", "--json"
    )
    said = json.loads(sent.stdout)
    stored = [each["file"] for each in said["files"] if each["outcome"] in ("stored", "warning")]
    left = [each["file"] for each in said["files"] if each["outcome"] == "skipped"]
    assert stored, sent.stderr
    site.settled(at_least=len(stored))

    explained = site.ask("explain", *left, *stored)
    done = Done(site)
    outcomes: Counter[str] = Counter()
    seen: set[str] = set()
    for each in explained["left"]:
        seen.add(each["file"])
        outcomes[each["fate"]] += 1
    assert Counter(each["fate"] for each in explained["left"])["not DICOM"] == len(left)
    assert outcomes["quarantined"] == done.quarantined
    assert outcomes["duplicate"] == done.duplicates
    for series in explained["series"]:
        state = done.series[series["study_instance_uid"], series["series_instance_uid"]]
        for acquired in series["acquisitions"]:
            seen.update(acquired["files"])
            fate = _compared(series, acquired, state, done)
            outcomes[fate] += len(acquired["files"])
    assert seen == {*stored, *left}, "a file was not spoken of"
    assert done.all_spoken_of(), "something was delivered that nobody spoke of"
    site.custody()
    return outcomes


def _compared(
    series: dict[str, Any], acquired: dict[str, Any], state: dict[str, Any], done: Done
) -> str:
    """One acquisition; what became of it."""
    uids = {uid_of(path) for path in acquired["files"]}
    if series["outcome"] != "sent":
        expected = {"held": "held", "skipped": "denied"}[series["outcome"]]
        assert state["state"] == expected, series["reason"]
        assert state["held_why"] == series["reason"]
        assert not uids & set(done.archive_of), "what is stopped was delivered"
        return str(series["outcome"])
    assert state["state"] == "settled", state
    archives = {done.archive_of[uid] for uid in uids}
    assert len(archives) == 1, "an acquisition is in several archives"
    (archive,) = archives
    assert done.members[archive] == uids, "an archive has other images than was said"
    wanted = f"{acquired['folder']}/{acquired['archive']}"
    assert _DUPLICATE.sub("", archive) == _DUPLICATE.sub("", wanted)
    done.spoken_of.add(archive)
    return "delivered"


class Done:
    """What the connector did."""

    def __init__(self, site: Site) -> None:
        self.members: dict[str, set[str]] = {}
        self.archive_of: dict[str, str] = {}
        self.spoken_of: set[str] = set()
        for path in site.archive.rglob("*.zip"):
            name = str(path.relative_to(site.archive))
            with zipfile.ZipFile(path) as archive:
                uids = {each.removesuffix(".dcm").rpartition(".")[0] for each in archive.namelist()}
            self.members[name] = uids
            self.archive_of |= dict.fromkeys(uids, name)
        self.series: dict[tuple[str, str], dict[str, Any]] = {}
        for study in site.ask("studies", "--limit", "10000")["studies"]:
            life = site.ask("study", f"study:{study['id']}")
            for one in life["series"]:
                key = (study["study_instance_uid"], one["series_instance_uid"])
                self.series[key] = one
        dispositions = site.custody()["dispositions"]
        self.quarantined: int = dispositions["quarantined"]
        self.duplicates: int = dispositions["duplicate"]

    def all_spoken_of(self) -> bool:
        return self.spoken_of == set(self.members)


def uid_of(path: str) -> str:
    return read_part10(Path(path)).sop_instance_uid
