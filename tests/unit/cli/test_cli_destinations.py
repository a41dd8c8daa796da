"""``destinations``, ``destinations test`` and ``deliver``, on a real ledger."""

from __future__ import annotations

import pytest
from cli_world import ARRIVING, DEAD, DELIVERED, HELD, World, empty, world

from causeway.ledger import BreakerState, DeliveryState, LaneRow
from causeway.pipeline.remembering import LedgerMemory

__all__ = ["empty", "world"]


def pause(world: World) -> None:
    with world.ledger() as ledger:
        now = ledger.now()
        ledger.set_lane(
            LaneRow(
                destination="archive", breaker=BreakerState.OPEN, refusals=3,
                open_until=now + 60, changed_at=now - 30,
                fail_code="destination_unavailable",
                fail_text="destination archive does not answer", fail_hint="is the share mounted?",
                failed_at=now - 5,
            )
        )  # fmt: skip


def test_each_destination_says_how_it_stands_and_what_to_do(world: World) -> None:
    pause(world)
    (said,) = world.call("destinations", "--json").json["destinations"]
    assert (said["destination"], said["type"], said["state"]) == ("archive", "folder", "open")
    assert (said["verified"], said["dead"], said["refusals"]) == (1, 1, 3)
    assert 50 < said["asks_again_in_seconds"] <= 60
    assert said["what_to_do"] == "is the share mounted?"
    shown = world.call("destinations").out
    assert "destination archive does not answer" in shown
    assert "is the share mounted?" in shown
    assert "causeway retry --all --to archive" in shown
    for planted in (DELIVERED, HELD, DEAD, ARRIVING):
        assert planted.patient_id not in shown


def test_status_shows_the_breaker(world: World) -> None:
    pause(world)
    shown = world.call("status").out
    assert "open, asked again in" in shown
    assert "does not answer" in shown
    (lane,) = world.call("status", "--json").json["destinations"]
    assert (lane["breaker"], lane["last_error"]) == (
        "open", "destination archive does not answer",
    )  # fmt: skip


def test_before_anything_ran(empty: World) -> None:
    (said,) = empty.call("destinations", "--json").json["destinations"]
    assert (said["state"], said["waiting"], said["last_error"]) == ("closed", 0, "")
    assert "archive" in empty.call("destinations").out


@pytest.mark.parametrize("ran", [True, False])
def test_a_destination_is_tried_out(request: pytest.FixtureRequest, *, ran: bool) -> None:
    site: World = request.getfixturevalue("world" if ran else "empty")
    (site.folder / "archive").mkdir()
    result = site.call("destinations", "test", "archive")
    assert result.status == 0, result.err
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        ["ok", "folder"], ["ok", "write"], ["ok", "read-back"],
    ]  # fmt: skip
    assert [path.name for path in (site.folder / "archive").iterdir()] == []
    said = site.call("destinations", "test", "archive", "--json").json
    assert [step["name"] for step in said["steps"]] == ["folder", "write", "read-back"]


def test_what_fails_says_what_to_do_and_ends_with_a_status(world: World) -> None:
    (world.folder / "archive").mkdir()
    with world.ledger() as ledger:
        LedgerMemory(ledger, "archive", ledger.now).identify("another share")
    result = world.call("destinations", "test", "archive")
    assert (result.status, result.out[:4]) == (8, "FAIL")
    assert "not the one that was used before" in result.out
    assert "is the share mounted?" in result.err


def test_a_name_that_is_none(world: World) -> None:
    for command in (("destinations", "test", "archiv"),
                    ("deliver", "1", "--to", "archiv", "-m", "x")):  # fmt: skip
        result = world.call(*command)
        assert result.status == 2
        assert "archive" in result.err


def test_a_study_is_delivered_again(world: World) -> None:
    uid = DELIVERED.study_instance_uid
    assert world.call("deliver", uid, "--to", "archive").status == 2, "why?"
    assert world.call("deliver", uid, "-m", "x").status == 2, "where to?"
    said = world.call("deliver", uid, "--to", "archive", "-m", "it was deleted", "--json").json
    assert said["moved"] == 1
    with world.ledger() as ledger:
        study = ledger.find(uid)
        assert study is not None
        (row,) = ledger.deliveries_of(study_id=study.id)
        assert (row.state, row.extra) == (DeliveryState.DUE, True)
    again = world.call("deliver", uid, "--to", "archive", "-m", "impatient")
    assert (again.status, again.out) == (0, "")
    assert "on its way" in again.err


def test_what_is_not_there_yet_is_not_delivered(world: World) -> None:
    uid = ARRIVING.study_instance_uid
    assert world.call("deliver", uid, "--to", "archive", "-m", "x").status == 5
