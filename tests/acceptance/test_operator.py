"""What a person does: hold, release, discard, retry, export; and what arrives that needs one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest
from acceptance_site import (
    Site,
    as_bytes,
    assert_delivered_once,
    kill,
    outgoing,
    store,
    wait_for,
    without_meta,
)

from causeway.dimse import CStoreRSP, MessageReceived
from causeway.net import AssociationRejected, Outgoing, associate, send
from causeway.testing.peers import CT_IMAGE_STORAGE, ScriptedClient


def edit(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new))


def told(site: Site) -> int:
    """Refusals that the log tells of. Each process tells its own bursts."""
    lines = [json.loads(line) for line in site.log.read_text().splitlines()]
    return sum(each["refused"] for each in lines if each["event"] == "associations.refused")


def events(site: Site) -> list[str]:
    study = site.ask("studies")["studies"][0]["id"]
    return [each["what"] for each in site.ask("study", f"study:{study}")["events"]]


# --- who may not send -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"127.0.0.0/8"', '"127.0.0.9/32"', "address not listed"),
        ('ae_title = "*"', 'ae_title = "SCANNER"', "calling ae title not recognized"),
        ('ae_title = "CAUSEWAY"', 'ae_title = "OTHER"', "called ae title not recognized"),
    ],
)
def test_strangers_are_refused_and_counted(site: Site, old: str, new: str, reason: str):
    edit(site, old, new)
    site.start()
    item = outgoing("stranger")
    for _ in range(5):
        with pytest.raises(AssociationRejected) as refused:
            associate(site.peer(), [item.kind])
        assert int(refused.value.result) == 1, "not permanent"

    wait_for(
        lambda: site.refusals() == {("association", reason): 5},
        seconds=20,
        what=lambda: str(site.refusals()),
    )
    (said,) = site.ask("status")["refusals"]
    assert (said["kind"], said["reason"], said["count"]) == ("association", reason, 5)
    wait_for(lambda: told(site) >= 5, seconds=10, what=site.last_words)
    assert site.log.read_text().count('"associations.refused"') <= 2, "a line for each"
    assert site.received() == 0


# --- stopping -------------------------------------------------------------------------------------


class SlowSender(ScriptedClient):
    """Sends half of an object, and the other half when it is told to."""

    def begin(self, item: Outgoing) -> None:
        self.associate()
        assert item.sop_class_uid == CT_IMAGE_STORAGE
        self._whole = self.store_bytes(as_bytes(item), item.sop_instance_uid)
        self.connection.sendall(self._whole[: len(self._whole) // 2])

    def finish(self) -> int:
        self.connection.sendall(self._whole[len(self._whole) // 2 :])
        event = self.next_event()
        assert isinstance(event, MessageReceived), event
        assert isinstance(event.command, CStoreRSP)
        return event.command.status


def test_a_stop_in_mid_object_finishes_it(site: Site):
    site.start()
    item = outgoing("mid-object", edge=512)
    statuses: list[int] = []
    with SlowSender(site.port) as client:
        client.begin(item)
        time.sleep(0.3)
        stopping = threading.Thread(target=lambda: statuses.append(site.stop()))
        stopping.start()
        time.sleep(0.7)
        assert client.finish() == 0
    stopping.join(30)
    assert statuses == [0]
    assert not (site.data / "run" / "status.json").exists()
    site.start()
    site.settled(at_least=1)
    assert_delivered_once(site, {item.sop_instance_uid: as_bytes(item)})


# --- what arrives late, twice, or otherwise -------------------------------------------------------


@pytest.mark.slow
def test_late_arrivals_amend_and_duplicates_are_not_sent_again(site: Site):
    site.start()
    first = [outgoing(f"late-{n}", series="late") for n in range(3)]
    late = [outgoing(f"late-{n}", series="late") for n in range(3, 5)]
    kept = store(site, *first)
    site.settled(at_least=3)
    kept |= store(site, *late, *first)
    custody = site.settled(at_least=8)
    assert custody["dispositions"]["delivered"] == 5
    assert custody["dispositions"]["duplicate"] == 3
    assert len(list(site.archive.rglob("*.zip"))) == 2, "no amendment, or more than one"
    assert_delivered_once(site, kept)
    assert "series.reopened" in events(site)
    store(site, *first, *late)
    site.settled(at_least=13)
    time.sleep(1.5)  # longer than the quiet time: nothing is due because of them
    assert len(list(site.archive.rglob("*.zip"))) == 2


@pytest.mark.slow
def test_a_conflict_waits_for_a_person(site: Site):
    site.start()
    original = outgoing("conflict", series="conflict")
    kept = store(site, original)
    site.settled(at_least=1)
    others = [outgoing("conflict", series="conflict", edge=edge) for edge in (16, 24)]
    assert {each.sop_instance_uid for each in others} == {original.sop_instance_uid}
    for other in others:
        store(site, other)
    custody = site.settled(at_least=3)
    assert custody["dispositions"]["quarantined"] == 2
    assert_delivered_once(site, kept)
    rows = site.ask("quarantine", "list")["quarantined"]
    by_size = {row["size"]: row["id"] for row in rows}
    let_go, thrown_away = (by_size[len(as_bytes(other))] for other in others)
    shown = site.ask("quarantine", "show", str(let_go))
    assert "conflict" in shown["reason"]
    assert shown["original"] is not None

    assert site.cli("quarantine", "release", str(let_go)).returncode == 2, "no reason was asked for"
    done = site.cli("quarantine", "release", str(let_go), "--why", "it is the right one")
    assert done.returncode == 0, done.stderr
    done = site.cli("quarantine", "discard", str(thrown_away), "--why", "it is not")
    assert done.returncode == 0, done.stderr
    assert site.cli("quarantine", "discard", str(thrown_away), "--why", "x").returncode == 5
    wait_for(lambda: site.dispositions()["delivered"] == 2, seconds=30, what=site.last_words)
    custody = site.settled(at_least=3)
    assert custody["dispositions"]["discarded"] == 1
    found = {data for copies in site.delivered().values() for data in copies}
    assert found == {as_bytes(original), as_bytes(others[0])}


# --- a person's verbs -----------------------------------------------------------------------------


@pytest.mark.slow
def test_held_and_released(make_site: Callable[..., Site]):
    site = make_site(quiet_seconds=8)  # three commands fit in it on a busy machine
    site.start()
    kept = store(site, *[outgoing(f"held-{n}", series="held") for n in range(3)])
    wait_for(lambda: site.received() == 3, seconds=20, what=site.last_words)
    study = f"study:{site.ask('studies')['studies'][0]['id']}"
    assert site.cli("hold", study).returncode == 2, "no reason was asked for"
    assert site.cli("hold", study, "--why", "wrong patient?").returncode == 0
    time.sleep(8.5)
    custody = site.custody()
    assert custody["dispositions"]["held"] == 3
    assert not list(site.archive.rglob("*.zip"))
    assert site.ask("status")["held_studies"] == 1
    # A kill changes nothing about it.
    for pid in site.children().values():
        kill(pid)
    time.sleep(1.5)
    assert site.dispositions()["held"] == 3
    assert site.cli("release", study, "--why", "right patient").returncode == 0
    assert site.settled(at_least=3)["dispositions"]["delivered"] == 3
    assert_delivered_once(site, kept)
    assert site.cli("release", study).returncode == 5, "what is not held was released"


def test_export_gives_what_was_received(make_site: Callable[..., Site]):
    site = make_site()
    site.start()
    kept = store(site, *[outgoing(f"export-{n}", series="export") for n in range(4)])
    kept |= store(site, outgoing("export-large", series="export", edge=1024))
    site.settled(at_least=5)
    study = site.ask("studies")["studies"][0]["study_instance_uid"]
    for attempt in ("running", "stopped"):
        out = site.folder / attempt
        said = site.ask("export", study, str(out))
        assert said["files"] == 5
        found = {path.stem: without_meta(path.read_bytes()) for path in out.rglob("*.dcm")}
        assert found == kept
        if site.process is not None:
            assert site.stop() == 0
    assert site.ask("spool", "verify")["ok"]


@pytest.mark.slow
def test_what_is_retired_is_gone_from_the_spool_and_custody_still_holds(site: Site):
    site.config.write_text(site.config.read_text() + "\n[retire]\nkeep_hours = 0\n")
    site.start()
    kept = store(site, *[outgoing(f"retired-{n}", series="retired") for n in range(4)])
    site.settled(at_least=4)
    wait_for(
        lambda: site.instances()["retired"] == 4,
        seconds=40,
        what=site.last_words,
    )
    assert site.ask("status")["instances"]["retired"] == 4
    study = site.ask("studies")["studies"][0]["id"]
    out = site.folder / "out"
    # The segment that is being written to goes last; until then its bytes can still be had.
    assert site.cli("export", f"study:{study}", str(out)).returncode in (0, 7)
    custody = site.custody()
    assert custody["dispositions"]["delivered"] == 4
    assert site.stop() == 0
    site.start()
    assert site.settled(at_least=4) == custody
    assert_delivered_once(site, kept)


def test_damaged_objects_are_kept_or_refused_as_configured(make_site: Callable[..., Site]):
    good = outgoing("good")
    bad = [
        Outgoing(
            sop_class_uid=good.sop_class_uid,
            sop_instance_uid=f"2.25.{number}",
            transfer_syntax_uid=good.transfer_syntax_uid,
            data=data,
        )
        for number, data in enumerate(
            (as_bytes(good), b"\xff" * 300, as_bytes(good)[:-100], b"", b"\0" * 7)
        )
    ]
    keeps = make_site()
    keeps.start()
    for each in send(keeps.peer(), bad):
        assert each.status == 0, each
    custody = keeps.settled(at_least=len(bad))
    assert custody["dispositions"]["quarantined"] == len(bad)
    keeps.stop()

    refuses = make_site(receive='on_bad_object = "refuse"')
    refuses.start()
    statuses = [each.status for each in send(refuses.peer(), [*bad, good])]
    assert statuses[-1] == 0
    assert all(status in (0xA900, 0xC000) for status in statuses[:-1]), statuses
    refuses.settled(at_least=1)
    wait_for(
        lambda: refuses.dispositions()["rejected"] == len(bad),
        seconds=20,
        what=refuses.last_words,
    )
    assert_delivered_once(refuses, {good.sop_instance_uid: as_bytes(good)})
