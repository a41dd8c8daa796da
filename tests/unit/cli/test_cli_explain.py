"""``explain`` and ``config diff``: files, what is in a ledger, and two configurations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cli_world import CONFIG, Result, World, call

from causeway.ledger import open_ledger
from causeway.pipeline.completion import CompletionRules
from causeway.pipeline.index import IndexRules, examined
from causeway.spool import (
    RealDisk,
    SpaceGauge,
    SpaceLimits,
    SpoolReader,
    SpoolWriter,
    prepare,
)
from causeway.testing.phantom import Instance, make_instance, make_uid
from causeway.values import Caller, Receipt

RULES = """
[routing]
tags = ["PatientComments"]
known = ["neuro/Amnesia"]
unknown = "hold"

[opt]
out = [{ tag = "StudyDescription", matches = "NOFW" }]
"""
GOOD = "fw://neuro/Amnesia/sub-001"


def image(number: int = 1, *, study: str = "study", **elements: Any) -> Instance:
    told: dict[str, Any] = {
        "PatientComments": GOOD,
        "StudyDescription": "Brain",
        "SeriesDescription": "T1",
        "series_instance_uid": make_uid(study, "series"),
        "study_instance_uid": make_uid(study),
        "seed": study,
    }
    return make_instance("MR", rows=8, columns=8, instance_number=number, **(told | elements))


@pytest.fixture
def site(tmp_path: Path) -> World:
    (tmp_path / "causeway.toml").write_text(CONFIG + RULES)
    return World(tmp_path)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    image(1).write(folder / "1.dcm")
    image(2).write(folder / "2.dcm")
    (folder / "README").write_text("no image")
    return folder


def received(world: World, *instances: Instance) -> None:
    """Put objects into spool and ledger, as receiving and indexing do."""
    spool = world.folder / "data" / "spool"
    spool.mkdir(parents=True)
    disk = RealDisk()
    prepare(spool, disk=disk)
    limits = SpaceLimits(soft_bytes=2, hard_bytes=1, reserve_bytes=0)
    gauge = SpaceGauge(spool, disk=disk, limits=limits, clock=time.monotonic)
    writer = SpoolWriter(spool, disk=disk, space=gauge, segment_size=4 << 20)
    reader = SpoolReader(spool, disk=disk)
    ledger = open_ledger(world.folder / "data" / "ledger.db")
    try:
        now = ledger.now()
        rules = IndexRules(completion=CompletionRules(quiet_seconds=30))
        for instance in instances:
            record = writer.store(_receipt(instance, now), [instance.data_set])
            ledger.index([examined(record, reader, rules, now)], now=now)
    finally:
        ledger.close()
        reader.close()
        writer.close()


def _receipt(instance: Instance, now: float) -> Receipt:
    caller = Caller(
        source="ct1", calling_ae="CT1", called_ae="CAUSEWAY", address="127.0.0.1", association="a"
    )
    return Receipt(
        caller=caller,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        received_at=now,
    )


# --- files --------------------------------------------------------------------------------------


def test_a_folder_as_a_tree(site: World, scans: Path) -> None:
    result = site.call("explain", str(scans))
    assert result.status == 0, result.err
    for text in (
        "study  Brain",
        "T1, 2 images",
        "source    ct1, calling AE CT1",
        f"routing   {GOOD}, in PatientComments",
        "sub-001  (routing)",
        "place     neuro/Amnesia/sub-001/Brain/T1/T1.dicom.zip",
        "to archive, as it came, at once",
        "not DICOM: 1 file",
        "1 series of 1 study: 1 sent",
        "3 files: 2 in these series, 1 not",
    ):
        assert text in result.out
    assert "\x1b" not in result.out


def test_the_same_as_json(site: World, scans: Path) -> None:
    said = site.call("explain", str(scans), "--json").json
    (series,) = said["series"]
    assert (said["files"], series["outcome"], series["images"]) == (3, "sent", 2)
    assert series["routing"]["group"] == "neuro"
    assert {field["name"]: field["origin"] for field in series["fields"]}[
        "session.label"
    ] == "StudyDescription"
    (acquired,) = series["acquisitions"]
    assert acquired["files"] == [str(scans / "1.dcm"), str(scans / "2.dcm")]
    assert [each["fate"] for each in said["left"]] == ["not DICOM"]


def test_what_is_probably_meant_is_said(site: World, tmp_path: Path) -> None:
    image(PatientComments="fw://neuro/Amnsia").write(tmp_path / "a.dcm")
    result = site.call("explain", str(tmp_path / "a.dcm"))
    assert "did you mean neuro/Amnesia?" in result.out
    assert "1 series of 1 study: 1 held" in result.out


def test_verbose_shows_every_field_and_file(site: World, scans: Path) -> None:
    for number in range(12):
        (scans / f"note{number}").write_text("no image")
    brief, long = (site.call("explain", str(scans), *more) for more in ((), ("-v",)))
    assert "acquisition.timestamp" not in brief.out
    assert "acquisition.timestamp" in long.out
    assert "3 more; --verbose" in brief.err
    assert brief.out.count("note") < long.out.count("note") == 12


def test_another_source_another_time_another_configuration(site: World, scans: Path) -> None:
    other = site.folder / "other.toml"
    late = '[[route]]\nname = "late"\nwhen = \'time in "18:00-06:00"\'\naction = "hold"\n\n'
    config = CONFIG.replace("[[route]]", f"{late}[[route]]")
    other.write_text(config + RULES + '\n[metadata]\ntimezone = "UTC"\n')

    def outcome(*options: str, config: Path) -> str:
        said = call("--config", str(config), "explain", str(scans), "--json", *options).json
        return str(said["series"][0]["outcome"])

    assert outcome("--at", "2026-11-20T22:00+00:00", config=other) == "held"
    assert outcome("--at", "2026-11-20T12:00+00:00", config=other) == "sent"
    assert outcome("--at", "2026-11-20T22:00+00:00", config=site.config) == "sent"
    said = site.call("explain", str(scans), "--json", "--calling-ae", "CT1").json
    assert said["series"][0]["source"] == "ct1"
    assert said["series"][0]["calling_ae"] == "CT1"
    stranger = site.call("explain", str(scans), "--json", "--calling-ae", "MR9").json
    assert stranger["series"][0]["source"] == ""


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("nowhere",), 2, "is not there"),
        (("1.2.3.4",), 3, "no ledger"),
        ((".", "--source", "mars"), 2, "ct1"),
        ((".", "--at", "teatime"), 2, "no time"),
        ((".", "--at", "9999-12-31"), 2, "no time"),
    ],
)
def test_what_explain_refuses(
    site: World, arguments: tuple[str, ...], status: int, says: str
) -> None:
    result = site.call("explain", *arguments)
    assert result.status == status
    assert says in result.err


# --- what is in the ledger ----------------------------------------------------------------------


def test_a_study_that_is_here(site: World, scans: Path) -> None:
    received(site, image(1), image(2))
    by_uid = site.call("explain", make_uid("study"), "--json").json
    by_number = site.call("explain", "study:1", "--json").json
    assert by_uid["series"] == by_number["series"]
    (series,) = by_uid["series"]
    assert (series["series"], series["images"], series["calling_ae"]) == (1, 2, "CT1")
    (of_files,) = site.call("explain", str(scans), "--json").json["series"]
    for key in ("fields", "routing", "outcome", "opt", "destinations"):
        assert series[key] == of_files[key]
    assert series["acquisitions"][0]["folder"] == of_files["acquisitions"][0]["folder"]
    assert site.call("explain", "series:1", "--json").json["series"] == [series]


def test_what_a_person_has_said_counts(site: World) -> None:
    received(site, image(1))
    assert site.call("reroute", "study:1", "fw://cardio/TAVI", "--unlisted", "-m", "x").status == 0
    (series,) = site.call("explain", "study:1", "--json").json["series"]
    assert series["routing"]["where"] == "operator"
    assert series["acquisitions"][0]["folder"].startswith("cardio/TAVI/")


def test_nothing_of_that_name(site: World) -> None:
    received(site, image(1))
    assert site.call("explain", "1.2.3.4").status == 7


# --- two configurations -------------------------------------------------------------------------


@pytest.fixture
def traffic(site: World) -> World:
    received(
        site,
        image(1, study="right"),
        image(1, study="other", PatientComments="fw://cardio/TAVI"),
        image(1, study="no", StudyDescription="NOFW please"),
    )
    return site


def diff(world: World, rules: str, *options: str) -> Result:
    other = world.folder / "other.toml"
    other.write_text(CONFIG + rules)
    return world.call("config", "diff", str(other), *options)


def test_no_difference(traffic: World) -> None:
    result = diff(traffic, RULES)
    assert result.status == 0, result.err
    assert result.out == "3 series of 3 studies: no difference\n"


def test_what_would_be_held_skipped_or_named_otherwise(traffic: World) -> None:
    rules = RULES.replace('unknown = "hold"', "").replace("NOFW", "PLEASE NOT")
    rules += '\n[metadata]\noverrides = { "session.label" = "S" }\n'
    said = diff(traffic, rules, "--json").json
    assert (said["studies"], said["series"]) == (3, 3)
    found = {
        each["study_instance_uid"]: {
            one["what"]: (one["before"], one["after"]) for one in each["changes"]
        }
        for each in said["changed"]
    }
    assert found[make_uid("right")] == {"names": ("sub-001/Brain/T1", "sub-001/S/T1")}
    assert found[make_uid("other")]["outcome"][1] == "sent"
    assert found[make_uid("other")]["outcome"][0].startswith("held")
    assert found[make_uid("no")]["outcome"][0].startswith("skipped")
    shown = diff(traffic, rules).out
    assert "3 would be otherwise" in shown
    assert "-> sub-001/S/T1" in shown


def test_only_recent_traffic(traffic: World) -> None:
    with traffic.ledger() as ledger:
        assert ledger.now() > 0
    time.sleep(0.05)
    said = diff(traffic, RULES, "--since", "0.0000001", "--json").json
    assert said["studies"] == 0
    assert diff(traffic, RULES, "--since", "0", "--json").json["studies"] == 3


def test_a_configuration_that_cannot_be_used_is_refused(traffic: World) -> None:
    result = diff(traffic, RULES + "\n[rooting]\n")
    assert result.status == 2
    assert "rooting" in result.err
    assert traffic.call("config", "diff", "nowhere.toml").status == 2
