"""Another configuration while the connector runs: what is open goes on, a bad one does no harm."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from typing import Any

from acceptance_site import (
    Site,
    assert_delivered_once,
    outgoing,
    send,
    store,
    wait_for,
)

LATE = """
[[source]]
name = "late"
ae_title = "LATE"
addresses = ["127.0.0.0/8"]
"""


def edited(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert text.count(old) == 1, old
    site.config.write_text(text.replace(old, new))


def reloaded(site: Site, status: int = 0) -> dict[str, Any]:
    return dict(site.ask("config", "reload", status=status))


def only_ct1(make_site: Callable[..., Site]) -> Site:
    site = make_site()
    edited(site, 'ae_title = "*"', 'ae_title = "CT1"')
    return site.start()


def events(site: Site, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in site.log.read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


def test_a_source_is_added_while_another_sends(make_site: Callable[..., Site]) -> None:
    site = only_ct1(make_site)
    children = site.children()
    items = [outgoing(f"open-{number}", series="open") for number in range(4)]
    late = outgoing("late", series="late")
    open_association = send(site.peer("CT1"), items)
    assert next(open_association).stored
    (refused,) = send(site.peer("LATE"), [late])
    assert not refused.stored
    site.config.write_text(site.config.read_text() + LATE)
    assert reloaded(site)["outcome"] == "changed"
    (taken,) = send(site.peer("LATE"), [late])
    assert taken.stored
    assert [result.status for result in open_association] == [0, 0, 0]
    custody = site.settled(at_least=5)
    assert custody["received"] == 5
    now = site.children()
    receivers = {name for name in children if name.startswith("receiver")}
    assert {name: now[name] for name in receivers} == {name: children[name] for name in receivers}
    assert now["pipeline"] != children["pipeline"]
    assert not events(site, "process.ended")
    ended = {line["source"]: line["outcome"] for line in events(site, "association.ended")}
    assert ended == {"tests": "released", "late": "released"}


def test_a_source_is_taken_away(site: Site) -> None:
    site.start()
    edited(site, 'ae_title = "*"', 'ae_title = "CT1"')
    items = [outgoing(f"open-{number}", series="open") for number in range(3)]
    open_association = send(site.peer("ANY"), items)
    assert next(open_association).stored
    assert reloaded(site)["outcome"] == "changed"
    (refused,) = send(site.peer("ANY"), [outgoing("other")])
    assert not refused.stored
    assert [result.status for result in open_association] == [0, 0]


def test_limits_of_receiving_change(site: Site) -> None:
    site.start()
    store(site, outgoing("before"))
    edited(
        site,
        "[receive]\nmaximum_associations = 1000\n",
        '[receive]\nmaximum_associations = 1000\nsop_classes = ["1.2.840.10008.5.1.4.1.1.4"]\n',
    )
    assert reloaded(site)["outcome"] == "changed"
    (ct,) = send(site.peer(), [outgoing("after")])
    assert not ct.stored
    (mr,) = send(site.peer(), [outgoing("after", modality="MR")])
    assert mr.stored


def test_a_route_changes(site: Site) -> None:
    site.start()
    first = store(site, outgoing("one", series="one"))
    site.settled(at_least=1)
    other = site.folder / "elsewhere"
    other.mkdir()
    edited(site, 'destinations = ["archive"]', 'destinations = ["elsewhere"]')
    site.config.write_text(
        site.config.read_text()
        + '[[destination]]\nname = "elsewhere"\ntype = "folder"\npath = "elsewhere"\n'
        'deidentify = "none"\n'
    )
    said = reloaded(site)
    assert said["version"] == 2
    assert said["why"] == ""
    second = store(site, outgoing("two", series="two"))
    site.settled(at_least=2)
    assert_delivered_once(site, first)
    assert len(list(site.archive.rglob("*.zip"))) == 1
    site.archive = other
    assert_delivered_once(site, second)
    assert len(list(other.rglob("*.zip"))) == 1


def test_the_pipeline_is_replaced_under_load_and_nothing_is_lost(site: Site) -> None:
    site.start()
    acknowledged: dict[str, bytes] = {}
    for turn in range(3):
        series = [f"s{turn}-{number}" for number in range(4)]
        items = [outgoing(f"{name}-{i}", series=name) for name in series for i in range(6)]
        acknowledged |= store(site, *items)
        edited(
            site,
            f"quiet_seconds = {'1' if turn == 0 else f'1.{turn}'}",
            f"quiet_seconds = 1.{turn + 1}",
        )
        assert reloaded(site)["outcome"] == "changed"
    site.settled(at_least=len(acknowledged))
    assert_delivered_once(site, acknowledged)
    # One that has not left yet when the file changes again is followed by the newest.
    assert 1 <= len(events(site, "process.replaced")) <= 3
    assert not events(site, "process.ended")


def test_an_invalid_file_changes_nothing(site: Site) -> None:
    site.start()
    children = site.children()
    good = site.config.read_text()
    site.config.write_text(good.replace("quiet_seconds", "quiet_secnds"))
    said = reloaded(site, status=2)
    assert said["outcome"] == "refused"
    assert 'did you mean "quiet_seconds"' in said["why"]
    assert said["version"] == 1
    assert site.children() == children
    (refusal,) = events(site, "configuration.refused")
    assert refusal["line"] == site.config.read_text().splitlines().index("quiet_secnds = 1") + 1
    # Status works with the broken file, by the version that runs, and shows the refusal.
    status = site.cli("status")
    assert status.returncode == 0
    assert "version 1" in status.stdout
    assert "refused" in status.stdout
    assert 'unknown key "quiet_secnds"' in status.stdout
    assert "has problems" in status.stderr
    acknowledged = store(site, outgoing("still"))
    site.settled(at_least=1)
    assert_delivered_once(site, acknowledged)
    # Put right, there is nothing to change, and nothing to complain of.
    site.config.write_text(good)
    assert reloaded(site) == {"outcome": "unchanged", "version": 1, "why": ""}
    assert "refused" not in site.cli("status").stdout


def test_what_needs_a_restart_is_refused_and_named(site: Site) -> None:
    site.start()
    good = site.config.read_text()
    site.config.write_text(
        good.replace(f"port = {site.port}", "port = 0")
        .replace('data_dir = "data"', 'data_dir = "other"')
        .replace('ready_bytes = "64 MiB"', 'ready_bytes = "65 MiB"')
    )
    (site.folder / "other").mkdir()
    # The command looks for the service where the file says; the signal finds it anyhow.
    assert site.process is not None
    site.process.send_signal(signal.SIGHUP)
    wait_for(lambda: events(site, "configuration.refused"), seconds=20, what=site.last_words)
    (refusal,) = events(site, "configuration.refused")
    assert "data_dir, listener and spool" in refusal["error"]
    site.config.write_text(good.replace("[receive]\n", "[receive]\nprocesses = 3\n"))
    assert "receive.processes" in reloaded(site, status=2)["why"]
    store(site, outgoing("still"))


def test_rollback(site: Site) -> None:
    site.start()
    first = site.config.read_bytes()
    site.config.write_bytes(first + b"# changed\n[retire]\nkeep_hours = 1\n")
    second = site.config.read_bytes()
    assert reloaded(site)["version"] == 2
    site.config.write_text("data_dir = 'data'\nbroken")
    said = site.ask("config", "rollback", "1")
    assert said == {"outcome": "changed", "version": 4, "why": ""}
    assert site.config.read_bytes() == first
    history = site.ask("config", "history")
    assert [version["why"] for version in history["versions"]] == [
        "rollback to 1",
        "before rollback",
        "reload",
        "start",
    ]
    assert [version["runs"] for version in history["versions"]] == [True, False, False, False]
    assert history["changed"] is False
    folder = site.data / "configurations"
    assert (folder / "0002.toml").read_bytes() == second
    assert (folder / "0003.toml").read_text() == "data_dir = 'data'\nbroken"
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # The same, with the service stopped.
    site.stop()
    assert site.ask("config", "rollback", "2") == {"outcome": "stopped", "version": 5, "why": ""}
    assert site.config.read_bytes() == second
    site.start()
    status = json.loads((site.data / "run" / "status.json").read_text())
    assert status["configuration"]["version"] == 5


def test_a_signal_reloads_too(site: Site) -> None:
    site.start()
    edited(site, "quiet_seconds = 1", "quiet_seconds = 2")
    assert site.process is not None
    os.kill(site.process.pid, signal.SIGHUP)
    wait_for(lambda: events(site, "configuration.changed"), seconds=20, what=site.last_words)
    newest = site.ask("config", "history")["versions"][0]
    assert (newest["by"], newest["why"]) == ("SIGHUP", "reload")
