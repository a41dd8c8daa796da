"""``queue``, ``skipped`` and ``reroute``, on a real ledger."""

from __future__ import annotations

import pytest
from cli_world import ARRIVING, DEAD, DELIVERED, HELD, World, empty, world

from causeway.ledger import Advanced, SeriesState

__all__ = ["empty", "world"]


def skip(world: World, uid: str) -> int:
    """Have the rules deny the series of a study; its number."""
    with world.ledger() as ledger:
        now = ledger.now()
        study = ledger.find(uid)
        assert study is not None
        (series,) = ledger.series_of(study.id)
        for state, to, code, reason in (
            (SeriesState.OPEN, SeriesState.COMPLETE, "", "quiet"),
            (SeriesState.COMPLETE, SeriesState.DENIED, "opt_out", "NOFW was found"),
        ):
            for claim in ledger.claim_series(
                [state], limit=9, now=now, owner="test", lease_seconds=60
            ):
                if claim.series.id == series.id:
                    outcome = Advanced(to=to, reason=reason, code=code)
                    assert ledger.settle_series(claim, outcome, now=now)
        ledger.release_all_leases(owner=None, now=now)
        return series.id


# --- queue --------------------------------------------------------------------------------------


def test_the_queue_says_how_much_and_when(world: World) -> None:
    with world.ledger() as ledger:
        now = ledger.now()
        ledger.retry(DEAD.study_instance_uid, who="ada", why="again", now=now)
        ledger.set_opening("archive", opens_at=now + 3600, schedule="nights", urgent=20, now=now)
    said = world.call("queue", "--json").json["destinations"]
    assert [(lane["destination"], lane["count"], lane["dead"]) for lane in said] == [
        ("archive", 1, 0)
    ]
    assert said[0]["waits"][0]["why"] == "schedule nights"
    shown = world.call("queue").out
    assert "archive" in shown
    assert "nights" in shown
    for planted in (DELIVERED, HELD, DEAD, ARRIVING):
        assert planted.patient_id not in shown


def test_dead_deliveries_are_counted_apart(world: World) -> None:
    (lane,) = world.call("queue", "--json").json["destinations"]
    assert (lane["count"], lane["dead"]) == (0, 1)


def test_an_empty_queue(world: World) -> None:
    with world.ledger() as ledger:
        ledger.reroute(
            DEAD.study_instance_uid, destinations=["archive"], who="a", why="b", now=ledger.now()
        )
    assert world.call("queue").out == "nothing waits to be delivered\n"
    assert world.call("queue", "--json").json == {"destinations": []}


# --- skipped ------------------------------------------------------------------------------------


def test_skipped_series_are_listed_with_the_reason_and_can_be_released(world: World) -> None:
    assert world.call("skipped").out == "no series is skipped\n"
    number = skip(world, ARRIVING.study_instance_uid)
    (one,) = world.call("skipped", "--json").json["series"]
    assert (one["series"], one["code"], one["reason"]) == (number, "opt_out", "NOFW was found")
    shown = world.call("skipped").out
    assert ARRIVING.patient_id in shown
    assert "NOFW was found" in shown
    assert world.call("release", f"series:{number}", "--why", "he changed his mind").status == 0
    assert world.call("skipped", "--json").json == {"series": []}


def test_skipped_says_when_there_are_more(world: World) -> None:
    skip(world, ARRIVING.study_instance_uid)
    skip(world, HELD.study_instance_uid)
    result = world.call("skipped", "--limit", "1")
    assert len(result.out.splitlines()) == 2
    assert "there are more" not in world.call("skipped").err


# --- reroute ------------------------------------------------------------------------------------


def test_reroute_before_delivery(world: World) -> None:
    uid = DEAD.study_instance_uid
    said = world.call(
        "reroute", uid, " FW:/Neuro/Amnesia/ ", "--why", "typed it wrong", "--json"
    ).json
    assert said["routing"] == "fw://neuro/Amnesia"
    assert said["withdrawn"] == 1
    assert said["again"] == []
    life = world.call("study", uid, "--json").json
    assert life["series"][0]["state"] == "complete"
    assert [event["why"] for event in life["events"] if event["what"] == "study.reroute"] == [
        "typed it wrong"
    ]
    assert [one["state"] for one in life["deliveries"]] == ["withdrawn"]
    status = world.call("status")
    assert status.status == 0, status.err
    assert "1 withdrawn" in status.out


def test_reroute_after_delivery_says_what_stands_where(world: World) -> None:
    uid = DELIVERED.study_instance_uid
    result = world.call("reroute", uid, "fw://neuro/Amnesia", "--to", "archive", "--why", "wrong")
    assert result.status == 0, result.err
    assert "fw://neuro/Amnesia to archive" in result.out
    assert "stands at archive, and is not removed there" in result.out
    said = world.call("reroute", uid, "--to", "archive", "--why", "again", "--json").json
    assert (said["routing"], said["destinations"]) == ("", ["archive"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--to", "fw://neuro/Amnesia", "--why", "x"), "behind the study, without --to"),
        (("fw://neuro/Amnesia",), "a reason is needed"),
        (("--why", "x"), "say where it goes"),
        (("fw://neuro/Amnesia", "--to", "mars", "--why", "x"), 'no destination "mars"'),
        (("fw:\\\\neuro\\Amnesia", "--why", "x"), "cannot be read"),
        (("fw://", "--why", "x"), "cannot be read"),
    ],
)
def test_what_reroute_refuses(world: World, arguments: tuple[str, ...], says: str) -> None:
    result = world.call("reroute", DEAD.study_instance_uid, *arguments)
    assert result.status == 2
    assert says in result.err


def test_reroute_of_nothing(world: World) -> None:
    result = world.call("reroute", "1.2.3.4", "fw://neuro/Amnesia", "--why", "x")
    assert result.status == 7


def test_reroute_tells_what_the_site_does_not_have(world: World) -> None:
    with world.config.open("a") as config:
        config.write('\n[routing]\nknown = ["neuro/Amnesia"]\n')
    result = world.call("reroute", DEAD.study_instance_uid, "fw://neuro/Amnsia", "--why", "x")
    assert result.status == 0
    assert "did you mean neuro/Amnesia?" in result.err


def test_where_such_strings_are_held_it_has_to_be_said_twice(world: World) -> None:
    with world.config.open("a") as config:
        config.write('\n[routing]\nknown = ["neuro/Amnesia"]\nunknown = "hold"\n')
    asked = ("reroute", DEAD.study_instance_uid, "fw://neuro/Qwerty", "--why", "x")
    refused = world.call(*asked)
    assert refused.status == 2
    assert 'group "neuro" does not have that project' in refused.err
    assert "did you mean" not in refused.err, "the group alone is what was typed"
    assert "--unlisted" in refused.err
    said = world.call(*asked, "--unlisted", "--json")
    assert said.json["routing"] == "fw://neuro/Qwerty"
