"""Heads of series, and what grouping asks of instances: what holds on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_steps import LATER, advance

from causeway.attributes import Attributes
from causeway.ledger import Head, Indexed, Ledger, SeriesState
from causeway.ledger.heads import HEADS_LIMIT
from causeway.testing.feed import Feed

COMMENTS = 0x00104000
WHO = {"who": "anna", "why": "because"}


def head(number: int, comment: str | None = None) -> Head:
    values = {COMMENTS: (f"comment {number}" if comment is None else comment,)}
    return Head(digest=number.to_bytes(16, "big"), attributes=Attributes(values=values))


def with_head(item: Indexed, number: int) -> Indexed:
    return replace(item, head=head(number))


def comments(ledger: Ledger, series_id: int = 1) -> list[str]:
    return [row.attributes.first(COMMENTS) for row in ledger.heads_of(series_id)]


def test_one_head_is_kept_of_a_consistent_series(ledger: Ledger) -> None:
    feed = Feed()
    first = [with_head(feed.indexed(1, 1, n), 7) for n in range(1, 4)]
    ledger.index(first, now=1000)
    later = with_head(feed.indexed(1, 1, 4), 7)
    ledger.index([later], now=2000)
    (row,) = ledger.heads_of(1)
    assert row.attributes == head(7).attributes
    assert (row.digest, row.count, row.series_id) == (head(7).digest, 4, 1)
    assert row.first_at == first[0].record.receipt.received_at
    assert row.last_at == later.record.receipt.received_at
    assert "comment" not in repr(row)


def test_the_newest_head_comes_last(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([with_head(feed.indexed(1, 1, n), n % 2) for n in range(1, 5)], now=1000)
    assert comments(ledger) == ["comment 1", "comment 0"]
    ledger.index([with_head(feed.indexed(1, 1, 9), 1)], now=1001)
    assert comments(ledger) == ["comment 0", "comment 1"]
    assert [row.count for row in ledger.heads_of(1)] == [2, 3]


def test_each_series_has_heads_of_its_own(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index(
        [with_head(feed.indexed(1, 1, 1), 1), with_head(feed.indexed(1, 2, 1), 2),
         with_head(feed.indexed(2, 1, 1), 3), feed.indexed(2, 2, 1)],
        now=1000,
    )  # fmt: skip
    assert [comments(ledger, series) for series in (1, 2, 3, 4, 99)] == [
        ["comment 1"], ["comment 2"], ["comment 3"], [], [],
    ]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_of_many_heads_the_first_and_the_newest_are_kept(ledger: Ledger, batch: int) -> None:
    feed = Feed()
    items = [with_head(feed.indexed(1, 1, n), n) for n in range(1, 31)]
    for start in range(0, len(items), batch):
        ledger.index(items[start : start + batch], now=1000)
    kept = [f"comment {n}" for n in (*range(1, HEADS_LIMIT), 30)]
    assert comments(ledger) == kept
    # One that was pushed out may come again; one that is kept only counts.
    ledger.index([with_head(feed.indexed(1, 1, 40), 20)], now=1000)
    ledger.index([with_head(feed.indexed(1, 1, 41), 3)], now=1000)
    assert len(ledger.heads_of(1)) == HEADS_LIMIT
    assert comments(ledger)[-2:] == ["comment 20", "comment 3"]


def test_the_same_again_says_nothing_new(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([with_head(feed.indexed(1, 1, 1), 1)], now=1000)
    ledger.index([with_head(feed.indexed(1, 1, 1), 2)], now=1001)
    (row,) = ledger.heads_of(1)
    assert row.count == 1


def test_a_scan_that_repeats_counts_once(ledger: Ledger) -> None:
    feed = Feed()
    items = [with_head(feed.indexed(1, 1, n), 1) for n in range(1, 4)]
    for _ in range(2):
        ledger.index(items, now=1000)
    assert [row.count for row in ledger.heads_of(1)] == [3]


def test_a_conflict_brings_its_head_when_it_is_released(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index(
        [with_head(feed.indexed(data="a"), 1), with_head(feed.indexed(data="b"), 2)], now=1000
    )
    assert comments(ledger) == ["comment 1"]
    (kept,) = ledger.quarantined()
    ledger.quarantine_release(kept.id, **WHO, now=LATER)
    assert comments(ledger) == ["comment 1", "comment 2"]


def test_a_conflict_without_a_head_is_released_without(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(data="a"), feed.indexed(data="b")], now=1000)
    (kept,) = ledger.quarantined()
    ledger.quarantine_release(kept.id, **WHO, now=LATER)
    assert ledger.heads_of(1) == ()


def test_what_can_be_read_by_now_brings_its_head(ledger: Ledger) -> None:
    ledger.index([Feed().unreadable("x", uid="1.9")], now=1000)
    read = with_head(Feed().indexed(1, 1, 2, data="x"), 5)
    outcome = ledger.quarantine_release(1, **WHO, now=1001, item=read)
    assert comments(ledger, outcome.series_id or 0) == ["comment 5"]


def test_what_is_released_as_it_is_has_no_head(ledger: Ledger) -> None:
    ledger.index([Feed().unreadable("x")], now=1000)
    outcome = ledger.quarantine_release(1, **WHO, now=1001)
    assert ledger.heads_of(outcome.series_id or 0) == ()


def test_heads_stay_through_the_stages(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([with_head(feed.indexed(1, 1, 1), 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    ledger.index([with_head(feed.indexed(1, 1, 2), 2)], now=LATER)
    assert comments(ledger) == ["comment 1", "comment 2"]


def test_any_text_of_a_header_comes_back(ledger: Ledger) -> None:
    texts = ("山田^太郎=やまだ", "a\\\\b", "\x1b[0m \x7f", "'; DROP TABLE head; --", r"\x00", "😀")
    given = Head(digest=bytes(16), attributes=Attributes(values={COMMENTS: texts, 0x00081030: ()}))
    ledger.index([replace(Feed().indexed(), head=given)], now=1000)
    (row,) = ledger.heads_of(1)
    assert row.attributes == given.attributes


def test_an_instance_keeps_what_grouping_asks_for(ledger: Ledger) -> None:
    item = Feed().indexed()
    header = replace(
        item.header,
        rows="512",
        columns="256",
        image_orientation=r"1\0\0\0\1\0",
        image_position=r"-1.5\2\3",
        referenced_series=r"1.2.3\1.2.4",
    )
    ledger.index([replace(item, header=header)], now=1000)
    (row,) = ledger.instances_of(1)
    assert (row.rows, row.columns) == ("512", "256")
    assert row.orientation == r"1\0\0\0\1\0"
    assert row.position == r"-1.5\2\3"
    assert row.referenced_series == r"1.2.3\1.2.4"
    assert "1.2.4" not in repr(row)


def test_a_released_conflict_keeps_them_too(ledger: Ledger) -> None:
    feed = Feed()
    first, second = feed.indexed(data="a"), feed.indexed(data="b")
    second = replace(second, header=replace(second.header, rows="64", image_position="1"))
    ledger.index([first, second], now=1000)
    (kept,) = ledger.quarantined()
    assert kept.rows == "64"
    ledger.quarantine_release(kept.id, **WHO, now=LATER)
    released = ledger.instance(kept.id)
    assert released is not None
    assert (released.rows, released.position) == ("64", "1")
