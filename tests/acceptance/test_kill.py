"""Killed without warning, under load, again and again: what was acknowledged is delivered, once."""

import time
from collections.abc import Callable
from random import Random

import pytest
from acceptance_site import Sender, Site, assert_delivered_once, kill, wait_for

CYCLES = 57
"""Each kills two or three of the three children, one by one, and then everything that is left, or
the supervisor alone.
"""
SOON = "\n[retire]\nkeep_hours = 0.001\n"
"""What was delivered leaves the spool while the killing goes on, and so is part of it."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing(make_site: Callable[..., Site]):
    rng = Random(20)
    site = make_site(tail=SOON)
    senders = [Sender(site, name=f"s{n}", large_every=37, pause=0.04).start() for n in range(3)]
    kills = 0
    for _ in range(CYCLES):
        site.start()
        for _ in range(rng.choice((2, 3, 3))):
            time.sleep(rng.uniform(0.01, 0.2))
            victims = site.children()
            if victims:
                kill(rng.choice(sorted(victims.values())))
                kills += 1
        time.sleep(rng.uniform(0.02, 0.25))
        site.kill_tree(supervisor_only=rng.random() < 0.3)
        kills += 1
    assert kills >= 200
    site.start()
    time.sleep(0.5)
    for sender in senders:
        sender.stop()
    acknowledged = {uid: data for each in senders for uid, data in each.acknowledged.items()}
    assert len(acknowledged) > 20 * CYCLES, "there was no load to speak of"
    site.settled(at_least=len(acknowledged), seconds=120)
    assert_delivered_once(site, acknowledged)
    assert site.custody()["received"] >= len(acknowledged)
    assert site.cli("spool", "verify").returncode == 0
    assert site.stop() == 0


def test_a_killed_receiver_comes_back_and_others_are_unharmed(site: Site):
    site.start()
    before = site.children()
    kill(before["receiver1"])
    wait_for(
        lambda: site.children().get("receiver1", before["receiver1"]) != before["receiver1"],
        seconds=20,
        what=site.last_words,
    )
    after = site.children()
    assert after["receiver2"] == before["receiver2"]
    assert after["pipeline"] == before["pipeline"]
    sender = Sender(site, name="after").start()
    wait_for(lambda: len(sender.acknowledged) > 20, seconds=20, what=site.last_words)
    sender.stop()
    site.settled(at_least=len(sender.acknowledged))
    assert_delivered_once(site, sender.acknowledged)


def test_an_orderly_stop_finishes_and_says_so(make_site: Callable[..., Site]):
    site = make_site(quiet_seconds=2)
    site.start()
    sender = Sender(site, name="orderly", pause=0.01).start()
    wait_for(lambda: len(sender.acknowledged) > 20, seconds=20, what=site.last_words)
    assert site.stop() == 0
    sender.stop()
    assert not (site.data / "run" / "status.json").exists()
    site.start()
    site.settled(at_least=len(sender.acknowledged))
    assert_delivered_once(site, sender.acknowledged)
