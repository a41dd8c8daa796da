"""Seeing and deciding, over a real ledger and a real spool."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from cli_world import ARRIVING, DEAD, DELIVERED, HELD, World, empty, world

from causeway.cli import look
from causeway.ledger import Ledger, StudyState
from causeway.spool import RealDisk, SpaceGauge, SpaceLimits, SpoolWriter
from causeway.values import Caller, Receipt

__all__ = ["empty", "world"]


# --- status ------------------------------------------------------------------------------------


def test_status_tells_what_there_is(world: World) -> None:
    result = world.call("status")
    assert result.status == 0
    assert result.err == ""
    for line in (
        "service      not running; start it with `causeway run`",
        "received     8 objects, the latest 10 min ago",
        "studies      1 arriving, 1 settled, 1 held, 1 dead",
        "to archive   1 verified, 1 dead",
        "refused      7 associations, the latest 10 min ago: address not listed 7",
        "  1 delivery is dead              causeway studies --state dead",
        "  1 object is quarantined         causeway quarantine list",
        "             holds",
    ):
        assert line in result.out, result.out


def test_status_has_no_patient_data(world: World) -> None:
    for arguments in (("status",), ("status", "--json")):
        result = world.call(*arguments)
        for planted in (DELIVERED, HELD, DEAD, ARRIVING):
            assert planted.leaks(result.out + result.err) == []


def test_status_fits_eighty_columns(world: World) -> None:
    assert max(map(len, world.call("status").out.splitlines())) <= 80


def test_status_as_json(world: World) -> None:
    said = world.call("status", "--json").json
    assert said["running"] is False
    assert said["studies"]["settled"] == 1
    assert said["custody"]["holds"] is True
    assert said["quarantined"] == 1
    assert said["refusals"][0]["count"] == 7
    assert said["last_received_at"].endswith("Z")


def test_status_before_anything_ran(empty: World) -> None:
    result = empty.call("status")
    assert result.status == 0
    assert "nothing yet" in result.out
    assert empty.call("status", "--json").json["custody"]["received"] == 0


def test_status_of_a_running_service(world: World) -> None:
    said = {
        "pid": os.getpid(),
        "written_at": time.time(),
        "listeners": [{"ae_title": "CAUSEWAY", "host": "127.0.0.1", "port": 11112}],
        "space": {"state": "soft", "room_bytes": 5 << 30, "hours_left": 7.2},
        "receivers": [],
        "sources": {},
        "refusals": {},
    }
    path = world.folder / "data" / "run" / "status.json"
    path.parent.mkdir()
    path.write_text(json.dumps(said))
    out = world.call("status").out
    assert f"running, pid {os.getpid()}, listening as CAUSEWAY at 127.0.0.1:11112" in out
    assert "room         5.0 GiB; full in 7 h at this rate, soft watermark reached" in out
    assert "room: too little is left, so that new associations are refused" in " ".join(out.split())
    assert world.call("status", "--check").status == 8
    assert world.call("status", "--json").json["service"]["listeners"] == said["listeners"]
    path.write_text(json.dumps({**said, "written_at": time.time() - 7200}))
    assert "running, but for 2 h it could not write down" in " ".join(
        world.call("status").out.split()
    )
    os.utime(path, (time.time() - 60, time.time() - 60))
    assert "not running" in world.call("status").out
    path.write_text("{")
    assert "not running" in world.call("status").out


# --- health ------------------------------------------------------------------------------------


def running(world: World, **said: object) -> None:
    path = world.folder / "data" / "run" / "status.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"pid": os.getpid(), "written_at": time.time(), **said}))


def findings(world: World) -> dict[str, str]:
    said = world.call("status", "--json").json["health"]
    return {
        f"{each['check']} {each['subject']}".rstrip(): each["state"] for each in said["findings"]
    }


def test_health_of_a_service_that_does_not_run_is_failing(empty: World, world: World) -> None:
    assert "health       failing" in world.call("status").out
    assert world.call("status").status == 0, "only --check says it by a status"
    for arguments in (("status", "--check"), ("status", "--check", "--json")):
        result = world.call(*arguments)
        assert result.status == 8
        assert "service: not running" in result.err
        assert "running" in result.out


def test_health_knows_what_may_go_and_what_waits_for_somebody(world: World) -> None:
    running(world, pipeline={"pid": 1, "restarts": 0, "gone_at": None})
    assert findings(world) == {
        "service": "ok", "room": "ok", "pipeline": "ok", "index": "ok", "delivery archive": "ok",
    }  # fmt: skip
    assert world.call("status", "--check").status == 0
    with world.ledger() as ledger:
        ledger.retry(None, who="ada", why="again", now=ledger.now())  # what was dead may go again
    text = world.config.read_text()
    world.config.write_text(text + "[health]\ndelivery_seconds = 300\n")
    assert findings(world)["delivery archive"] == "failing"
    said = world.call("status", "--check")
    assert said.status == 8
    assert "delivery archive: the oldest that may go has waited for 10 min" in said.err
    assert max(map(len, said.out.splitlines())) <= 80

    closed = time.strftime("%a", time.localtime(time.time() + 3 * 86400))
    hours = f'[[schedule]]\nname = "later"\nwindows = ["{closed}"]\n'
    with_hours = text.replace('deidentify = "none"', 'deidentify = "none"\nschedule = "later"')
    world.config.write_text(with_hours + "[health]\ndelivery_seconds = 300\n" + hours)
    assert findings(world)["delivery archive"] == "ok", "it waits for its hours"


@pytest.mark.parametrize(("age", "state"), [(20, "ok"), (400, "late"), (700, "failing")])
def test_health_finds_what_is_received_and_not_indexed(
    world: World, age: float, state: str
) -> None:
    running(world, pipeline={"pid": 1, "restarts": 0, "gone_at": None})
    spool, disk = world.folder / "data" / "spool", RealDisk()
    limits = SpaceLimits(soft_bytes=2, hard_bytes=1, reserve_bytes=0)
    gauge = SpaceGauge(spool, disk=disk, limits=limits, clock=time.monotonic)
    writer = SpoolWriter(spool, disk=disk, space=gauge, segment_size=4 << 20)
    for number, received in enumerate((age, 3), start=1):
        receipt = Receipt(
            caller=Caller(
                source="ct1", calling_ae="CT1", called_ae="C", address="127.0.0.1", association="z"
            ),
            sop_class_uid="1.2", sop_instance_uid=f"1.2.{number}",
            transfer_syntax_uid="1.2.840.10008.1.2.1", received_at=time.time() - received,
        )  # fmt: skip
        writer.store(receipt, [b"12345678"])
    assert findings(world)["index"] == state
    writer.close()
    assert findings(world)["index"] == state
    running(world, receive_only=True, pipeline=None)
    assert findings(world) == {
        "service": "ok", "room": "ok", "pipeline": "late", "delivery archive": "ok",
    }  # fmt: skip


# --- studies -----------------------------------------------------------------------------------


def test_studies_lists_all_and_finds_some(world: World) -> None:
    out = world.call("studies").out
    assert len(out.splitlines()) == 5
    for planted in (DELIVERED, HELD, DEAD, ARRIVING):
        assert planted.patient_name in out
        assert planted.patient_id in out
    found = world.call("studies", HELD.family_name.lower()).out.splitlines()
    assert len(found) == 2
    assert HELD.patient_id in found[1]


def test_studies_by_state(world: World) -> None:
    rows = world.call("studies", "--state", "dead", "--json").json["studies"]
    assert [row["patient_id"] for row in rows] == [DEAD.patient_id]
    wrong = world.call("studies", "--state", "broken")
    assert wrong.status == 2
    assert ", ".join(StudyState) in wrong.err


def test_studies_that_are_not_there(world: World) -> None:
    result = world.call("studies", "nobody at all")
    assert result.status == 7
    assert result.out == ""
    assert result.err.startswith("error: no study matches\nhint: ")
    as_json = world.call("studies", "nobody at all", "--json")
    assert as_json.status == 7
    assert as_json.json == {"studies": []}


def test_a_limit_says_that_there_is_more(world: World) -> None:
    result = world.call("studies", "--limit", "2")
    assert len(result.out.splitlines()) == 3
    assert "there are more; `--limit 20` shows more of them" in result.err


def test_no_limit_is_named_that_would_be_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "MOST_STUDIES", 2)
    result = world.call("studies", "--limit", "2")
    assert "there are more; search for less" in result.err


# --- study -------------------------------------------------------------------------------------


def test_the_life_of_a_study(world: World) -> None:
    out = world.call("study", DELIVERED.study_instance_uid).out
    assert DELIVERED.study_instance_uid in out
    assert DELIVERED.patient_name in out
    assert "3 received = 3 delivered" in out
    assert "verified" in out
    assert "series.complete" in out
    assert "delivery.verified" in out
    out = world.call("study", DEAD.series_instance_uid).out
    assert "the folder is full" in out
    out = world.call("study", HELD.study_instance_uid).out
    assert "by ada: wrong arm" in out


def test_a_series_that_comes_while_a_study_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "series_of", lambda *_: ())
    result = world.call("study", DELIVERED.study_instance_uid)
    assert result.status == 0
    assert "3 received = 3 delivered" in result.out


def test_a_study_as_json(world: World) -> None:
    said = world.call("study", DELIVERED.study_instance_uid, "--json").json
    assert said["study"]["state"] == "settled"
    assert said["series"][0]["instances_by_state"] == {"delivered": 3}
    assert said["series"][0]["completion_reason"] == "quiet"
    assert said["deliveries"][0]["state"] == "verified"
    assert said["custody"]["dispositions"]["delivered"] == 3
    happened = [event["what"] for event in said["events"]]
    assert happened.index("series.complete") < happened.index("delivery.verified")
    number = said["study"]["id"]
    assert world.call("study", str(number), "--json").json == said
    assert world.call("study", f"study:{number}", "--json").json == said


@pytest.mark.parametrize(
    ("reference", "status", "said"),
    [
        ("1.2.3", 7, "no study, series or instance 1.2.3"),
        ("study:999", 7, "the ledger has no study:999"),
        ("999", 7, "the ledger has no study:999"),
        ("doe", 2, '"doe" is neither a UID nor a number'),
        ("1." * 40 + "1", 2, "at most 64 characters"),
        ("study:x", 2, "neither a UID"),
        ("../etc", 2, "neither a UID"),
    ],
)
def test_references_that_lead_nowhere(world: World, reference: str, status: int, said: str) -> None:
    for command in (["study", reference], ["export", reference, "out"], ["release", reference]):
        result = world.call(*command)
        assert result.status == status
        assert said in result.err
        assert "hint: " in result.err
        assert result.out == ""


# --- custody -----------------------------------------------------------------------------------


def test_custody(world: World) -> None:
    result = world.call("custody")
    assert result.status == 0
    assert "8 received =" in result.out
    assert "1 quarantined" in result.out
    said = world.call("custody", HELD.study_instance_uid, "--json").json
    assert said["received"] == said["dispositions"]["held"] == 1


def test_custody_that_does_not_hold(world: World) -> None:
    import sqlite3

    with sqlite3.connect(world.folder / "data" / "ledger.db") as database:
        database.execute("UPDATE position SET records = records + 2")
    database.close()
    result = world.call("custody")
    assert result.status == 8
    assert "DOES NOT HOLD" in result.out
    assert "not all accounted for" in result.err
    assert world.call("custody", "--json").json["holds"] is False


# --- decisions ---------------------------------------------------------------------------------


def test_hold_and_release(world: World) -> None:
    uid = ARRIVING.study_instance_uid
    assert world.call("hold", uid).status == 2
    held = world.call("hold", uid, "--why", "wait for the report")
    assert held.status == 0, held.err
    said = world.call("study", uid, "--json").json
    assert said["study"]["state"] == "held"
    assert said["study"]["held_why"] == "wait for the report"
    assert said["events"][-1]["who"] != "causeway"
    assert world.call("release", uid, "--json").json["moved"] >= 1
    assert world.call("study", uid, "--json").json["study"]["state"] == "arriving"
    again = world.call("release", uid)
    assert again.status == 5
    assert again.err.startswith("error: ")


def test_retry(world: World) -> None:
    assert world.call("retry", DELIVERED.study_instance_uid).status == 5
    unknown = world.call("retry", DEAD.study_instance_uid, "--to", "archiv")
    assert unknown.status == 2
    assert "archive" in unknown.err
    result = world.call("retry", DEAD.study_instance_uid, "--to", "archive")
    assert result.status == 0, result.err
    said = world.call("study", DEAD.study_instance_uid, "--json").json
    assert said["deliveries"][0]["state"] == "due"


def test_retry_everything(world: World) -> None:
    assert world.call("retry").status == 2
    assert world.call("retry", DEAD.study_instance_uid, "--all").status == 2
    assert world.call("retry", "--all", "--json").json["moved"] >= 1
    assert "nothing to try again" in world.call("retry", "--all").out


# --- quarantine --------------------------------------------------------------------------------


def test_quarantine(world: World) -> None:
    listed = world.call("quarantine", "list", "--json").json["quarantined"]
    assert [row["reason"] for row in listed] == ["no-study-uid"]
    number = str(listed[0]["id"])
    assert number in world.call("quarantine", "list").out
    shown = world.call("quarantine", "show", number)
    assert "no-study-uid" in shown.out
    assert world.call("quarantine", "show", number, "--json").json == listed[0]
    assert world.call("quarantine", "discard", number).status == 2
    assert world.call("quarantine", "discard", number, "--why", "a test object").status == 0
    assert "nothing is quarantined" in world.call("quarantine", "list").out
    assert world.call("custody", "--json").json["dispositions"]["discarded"] == 1
    assert world.call("quarantine", "show", number).status == 7


def test_release_from_quarantine(world: World) -> None:
    number = str(world.call("quarantine", "list", "--json").json["quarantined"][0]["id"])
    result = world.call("quarantine", "release", number, "--why", "looks fine")
    assert result.status == 0, result.err
    assert f"instance:{number}: released into series:" in result.out
    assert world.call("custody", "--json").json["dispositions"]["quarantined"] == 0
    again = world.call("quarantine", "release", number, "--why", "again")
    assert again.status == 5


def test_quarantine_numbers_that_are_not_there(world: World) -> None:
    for verb in ("show", "release", "discard"):
        why = [] if verb == "show" else ["--why", "x"]
        result = world.call("quarantine", verb, "999", *why)
        assert result.status == 7
        assert "quarantine list" in result.err
    assert world.call("quarantine", "show", "abc").status == 2


# --- export and verify -------------------------------------------------------------------------


def test_export_writes_what_was_received(world: World, tmp_path: Path) -> None:
    from pydicom import dcmread

    out = tmp_path / "out"
    result = world.call("export", DELIVERED.study_instance_uid, str(out))
    assert result.status == 0, result.err
    files = sorted(out.rglob("*.dcm"))
    assert len(files) == 3
    assert "wrote 3 files" in result.out
    for number, file in enumerate(files, 1):
        read = dcmread(file)
        assert read.PatientName == DELIVERED.patient_name
        assert file.read_bytes().endswith(DELIVERED.encoded(number=number))
    assert not list(out.rglob("*.part"))
    again = world.call("export", DELIVERED.study_instance_uid, str(out))
    assert again.status == 2
    assert "is not overwritten" in again.err


def test_export_of_one_instance(world: World, tmp_path: Path) -> None:
    uid = f"{DELIVERED.series_instance_uid}.2"
    said = world.call("export", uid, str(tmp_path / "out"), "--json").json
    assert said["files"] == 1
    assert (tmp_path / "out" / f"{uid}.dcm").exists()


def test_export_of_what_is_damaged_or_gone(world: World, tmp_path: Path) -> None:
    segment = next((world.folder / "data" / "spool" / "segments").glob("*.log"))
    content = bytearray(segment.read_bytes())
    at = content.index(DELIVERED.patient_name.encode())
    content[at] ^= 0xFF
    segment.write_bytes(content)
    result = world.call("export", DELIVERED.study_instance_uid, str(tmp_path / "out"))
    assert result.status == 5
    assert "1 object did not match" in result.err
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2
    verified = world.call("spool", "verify")
    assert verified.status == 8
    assert "damaged: " in verified.err
    assert world.call("spool", "verify", "--json").json["ok"] is False
    segment.unlink()
    result = world.call("export", DEAD.study_instance_uid, str(tmp_path / "other"))
    assert result.status == 7
    assert "no longer in the spool" in result.err


def test_export_does_not_leave_its_folder(world: World, tmp_path: Path) -> None:
    """A sender may write a path where a UID belongs."""
    import sqlite3

    with sqlite3.connect(world.folder / "data" / "ledger.db") as database:
        database.execute(
            "UPDATE instance SET sop_instance_uid = '../../../evil' WHERE sop_instance_uid = ?",
            (f"{DELIVERED.series_instance_uid}.1",),
        )
    database.close()
    assert world.call("export", DELIVERED.study_instance_uid, str(tmp_path / "out")).status == 0
    names = {path.name for path in (tmp_path / "out").rglob("*.dcm")}
    assert "instance-1.dcm" in names
    assert not list(tmp_path.rglob("*evil*"))


def test_verify(world: World) -> None:
    result = world.call("spool", "verify")
    assert result.status == 0, result.err
    assert "8 records" in result.out
    assert "every digest is right" in result.out
    assert world.call("spool", "verify", "--json").json["records"] == 8


def test_nothing_there_yet(empty: World) -> None:
    for arguments in (["studies"], ["custody"], ["spool", "verify"], ["quarantine", "list"]):
        result = empty.call(*arguments)
        assert result.status == 3, arguments
        assert "hint: " in result.err
