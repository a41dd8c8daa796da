"""What a connector that pulls is held against, as far as ``test_pull`` has not looked at it."""

from __future__ import annotations

from collections.abc import Callable

from test_pull import Pulling, State, pulling

__all__ = ["pulling"]


def test_the_acquisition_delay_is_waited_for_after_two_equal_counts(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 1: the configured delay."""
    delay = "acquisition_delay_seconds = 36000"
    it = pulling(more=delay)
    it.node.add(count=3)
    it.site.start()
    it.wait_for_state("1", State.STABLE)
    it.wait_for_queries(3)
    assert it.state("1") is State.STABLE
    assert it.node.asked["get series"] == 0
    # What grows has to be stable again, and the delay is what it is then.
    it.site.config.write_text(it.site.config.read_text().replace(delay, ""))
    it.site.ask("config", "reload")
    it.wait_for_queries(2)
    assert it.node.asked["get series"] == 0
    it.node.add(count=1)
    it.wait_for_images()
    assert (it.archives(), it.each_once(), it.node.asked["get series"]) == (1, True, 1)


def test_what_returns_within_the_grace_period_is_what_it_was_and_goes_again_if_it_changed(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 3: within the grace period."""
    it = pulling()
    it.node.add(series="1", count=3)
    it.node.add(study="2", series="2", count=2)
    it.site.start()
    it.wait_for_images()
    same, other = it.node.remove("1"), it.node.remove("2")
    it.wait_for_state("1", State.VANISHED)
    it.wait_for_state("2", State.VANISHED)
    it.node.put_back(same)
    it.wait_for_state("1", State.RETRIEVED)
    it.wait_for_queries(2)
    assert it.node.asked["get series"] == 2
    assert it.archives() == 2
    it.node.put_back(other)
    it.node.add(study="2", series="2", count=1)
    it.wait_for_images()
    it.wait_for_state("2", State.RETRIEVED)
    assert it.archives() == 3
    assert it.each_once()


def test_a_lost_ledger_is_filled_again_by_what_the_node_has(
    pulling: Callable[..., Pulling],
) -> None:
    """Conformance check 5: without its state, everything is discovered anew."""
    it = pulling()
    it.node.add(count=3)
    it.site.start()
    it.wait_for_images()
    it.site.stop()
    for path in it.site.data.glob("ledger.db*"):
        path.unlink()
    it.node.add(study="2", series="2", count=2)
    it.site.start()
    it.wait_for_state("1", State.RETRIEVED)
    it.wait_for_state("2", State.RETRIEVED)
    it.wait_for_images()
    assert it.site.custody()["holds"]
