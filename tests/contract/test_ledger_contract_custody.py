"""What the ledger proves, and what the database refuses: holds on every database.

A ledger that only this package has written has no violations. So each is made by writing behind its
back, with constraints switched off where they would already refuse.
"""

from __future__ import annotations

import traceback
from dataclasses import replace

import pytest
from ledger_steps import LATER, advance, claim, delivery, settle_everything
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from causeway.errors import PermanentError, StartupError
from causeway.ledger import (
    Advanced,
    Dead,
    Indexed,
    Ledger,
    Retry,
    SeriesState,
    Wait,
    custody_line,
    open_ledger,
)
from causeway.ledger.custody import CHECKS
from causeway.ledger.schema import SCHEMA_VERSION, metadata
from causeway.testing.feed import Feed
from causeway.values import Disposition


def behind_its_back(ledger: Ledger, *statements: str) -> None:
    """Write what no verb would, with constraints out of the way."""
    with ledger._db.engine.connect() as connection:
        if ledger.name == "sqlite":
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA ignore_check_constraints = ON")
        with connection.begin():
            if ledger.name == "postgresql":
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                for table in metadata.sorted_tables:
                    for constraint in table.constraints:
                        if constraint.__class__.__name__ == "CheckConstraint":
                            name = f'"{constraint.name}"'
                            connection.exec_driver_sql(
                                f'ALTER TABLE "{table.name}" DROP CONSTRAINT IF EXISTS {name}'
                            )
            for statement in statements:
                connection.exec_driver_sql(statement)
        if ledger.name == "sqlite":
            raw.execute("PRAGMA foreign_keys = ON")
            raw.execute("PRAGMA ignore_check_constraints = OFF")


def some_of_everything(ledger: Ledger) -> Feed:
    """Study 1 has a settled series and one in conflict; study 2 is packaged; 3 is open."""
    feed = Feed()
    ledger.index(
        [
            feed.indexed(1, 1, 1),
            feed.indexed(1, 1, 2),
            feed.indexed(1, 1, 2),
            feed.indexed(1, 1, 1, data="other"),
            feed.unreadable("x"),
        ],
        now=1000,
    )
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    ledger.index([feed.indexed(2, 1, 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive", "cloud")
    ledger.index([feed.indexed(3, 1, 1)], now=1000)
    ledger.tally("object", "ct1", "no-space", at=1, count=3)
    ledger.tally("object", "ct1", "no-space", at=9)
    ledger.tally("association", "", "unknown-ae", at=5)
    return feed


# --- the line -----------------------------------------------------------------------------------


def test_the_line_adds_up(ledger: Ledger) -> None:
    some_of_everything(ledger)
    custody = ledger.custody()
    assert custody.holds
    assert custody_line(custody) == (
        "received 11 = delivered 2 + held 0 + rejected 4 + quarantined 2 + duplicate 1"
        " + discarded 0 + on its way 2"
    )
    assert custody_line(ledger.custody(1)) == (
        "received 4 = delivered 2 + held 0 + rejected 0 + quarantined 1 + duplicate 1"
        " + discarded 0 + on its way 0"
    )
    assert [each.disposition for each in custody.counts] == list(Disposition)


def test_tallies_survive_and_add_up(address: str) -> None:
    with open_ledger(address) as ledger:
        ledger.tally("object", "ct1", "no-space", at=5, count=3)
        ledger.tally("object", "ct1", "no-space", at=3)
        ledger.tally("association", "", "unknown-ae", at=7)
        ledger.tally("association", "", "unknown-ae", at=8, count=0)
        with pytest.raises(ValueError, match="kind"):
            ledger.tally("patient", "", "x", at=1)
    with open_ledger(address, create=False) as ledger:
        first, second = ledger.tallies()
        assert (first.kind, first.count) == ("association", 1)
        assert (second.reason, second.count, second.first_at, second.last_at) == (
            "no-space",
            4,
            5,
            5,
        )


def test_a_lost_row_is_missed_and_comes_back_by_scanning_again(ledger: Ledger) -> None:
    feed = Feed()
    items = [feed.indexed(1, 1, 1), feed.unreadable("x")]
    ledger.index(items, now=1000)
    behind_its_back(ledger, "DELETE FROM instance WHERE state = 'quarantined'")
    custody = ledger.custody()
    assert not custody.holds
    assert custody.received == 2
    assert custody.accounted == 1
    assert custody_line(custody).startswith("received 2 ≠ delivered 0")
    assert "contradictions: records-without-rows (1)" in custody_line(custody)
    ledger.index(items, now=1001)
    assert ledger.custody().holds


# --- contradictions -----------------------------------------------------------------------------

CORRUPTIONS: dict[str, tuple[str, ...]] = {
    "records-without-rows": ("UPDATE position SET records = records + 1",),
    "rows-without-container": ("DELETE FROM position",),
    "study-count": ("UPDATE study SET received_count = 7 WHERE id = 1",),
    "series-count": ("UPDATE series SET instance_count = 7 WHERE id = 1",),
    "instance-in-other-study": ("UPDATE instance SET study_id = 2 WHERE id = 1",),
    "duplicate-of-other-bytes": ("UPDATE instance SET original_id = 4 WHERE state = 'duplicate'",),
    "member-of-other-series": ("UPDATE parcel_member SET instance_id = 7 WHERE instance_id = 1",),
    "parcel-count": ("DELETE FROM parcel_member WHERE instance_id = 2",),
    "parcel-without-delivery": ("DELETE FROM delivery WHERE parcel_id = 1",),
    "verified-without-digest": ("UPDATE parcel SET digest = '' WHERE id = 1",),
    "settled-parcel-undelivered": ("UPDATE delivery SET state = 'due' WHERE parcel_id = 1",),
    "verified-parcel-unsettled": ("UPDATE parcel SET state = 'made' WHERE id = 1",),
    "settled-with-open-delivery": ("UPDATE series SET state = 'settled' WHERE id = 2",),
    "packaged-with-unpacked": ("DELETE FROM parcel_member WHERE instance_id = 1",),
    "packaged-without-parcel": ("UPDATE series SET state = 'packaged' WHERE id = 3",),
    "delivered-without-parcel": ("UPDATE instance SET state = 'delivered' WHERE series_id = 3",),
    "settled-parcel-member-waits": ("UPDATE instance SET state = 'cleaned' WHERE id = 1",),
    "sent-twice": ("INSERT INTO parcel_member VALUES (2, 1)",),
    "withdrawn-parcel-goes-on": ("UPDATE parcel SET state = 'withdrawn' WHERE id = 2",),
    "bytes-gone-too-soon": ("UPDATE instance SET bytes_gone_at = 1 WHERE series_id = 3",),
    "instance-ahead-of-series": ("UPDATE instance SET state = 'cleaned' WHERE series_id = 3",),
    "instance-behind-series": ("UPDATE instance SET state = 'indexed' WHERE series_id = 2",),
}


def test_every_check_has_a_corruption() -> None:
    assert set(CORRUPTIONS) == {check.name for check in CHECKS}


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_a_contradiction_is_found_and_named(ledger: Ledger, name: str) -> None:
    some_of_everything(ledger)
    assert ledger.custody().violations == ()
    behind_its_back(ledger, *CORRUPTIONS[name])
    custody = ledger.custody()
    assert not custody.holds
    found = {each.name: each for each in custody.violations}
    assert name in found
    check = next(each for each in CHECKS if each.name == name)
    assert found[name].count >= 1
    assert found[name].example.startswith(f"{check.subject}:")
    if check.per_study:
        of_studies = [ledger.custody(number).violations for number in (1, 2, 3)]
        assert name in {each.name for violations in of_studies for each in violations}


# --- what the database refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE series SET state = 'lost' WHERE id = 3",
        "UPDATE series SET state = 'held' WHERE id = 3",
        "UPDATE series SET state = 'dead' WHERE id = 3",
        "UPDATE series SET resumes_as = 'open' WHERE id = 3",
        "UPDATE series SET resumes_as = 'settled', state = 'dead' WHERE id = 3",
        "UPDATE series SET owner = 'me' WHERE id = 3",
        "UPDATE series SET owner = 'me', lease_until = 1 WHERE id = 1",
        "UPDATE series SET prio = 201 WHERE id = 3",
        "UPDATE series SET study_id = 99 WHERE id = 3",
        """UPDATE series SET study_id = 1, series_instance_uid =
           (SELECT series_instance_uid FROM series WHERE id = 1) WHERE id = 3""",
        "UPDATE instance SET state = 'rejected' WHERE id = 7",
        "UPDATE instance SET series_id = NULL WHERE id = 7",
        "UPDATE instance SET state = 'retired' WHERE id = 7",
        "UPDATE instance SET bytes_gone_at = 1 WHERE id = 7",
        "UPDATE instance SET state = 'duplicate' WHERE id = 7",
        """UPDATE instance SET sop_instance_uid =
           (SELECT sop_instance_uid FROM instance WHERE id = 1) WHERE id = 7""",
        "UPDATE instance SET origin_offset = 0 WHERE id = 7",
        "UPDATE instance SET digest = NULL WHERE id = 7",
        "UPDATE parcel SET state = 'made' WHERE id = 1",
        "UPDATE parcel SET retired_at = 1 WHERE id = 1",
        "UPDATE parcel SET instance_count = 0 WHERE id = 1",
        "INSERT INTO parcel_member VALUES (1, 1)",
        "UPDATE parcel SET kind = 'new' WHERE id = 1",
        "UPDATE series SET whole = 2 WHERE id = 3",
        "INSERT INTO reroute (at, who, study_id) VALUES (1, 'anna', 1)",
        "UPDATE delivery SET state = 'sending' WHERE parcel_id = 2",
        "UPDATE delivery SET state = 'sent' WHERE parcel_id = 2",
        "UPDATE delivery SET destination = 'archive' WHERE parcel_id = 2",
        "UPDATE tally SET kind = 'patient'",
        "UPDATE event SET why = 'nothing happened'",
        "DELETE FROM event",
        "DELETE FROM study",
    ],
)
def test_the_database_refuses_impossible_states(ledger: Ledger, statement: str) -> None:
    some_of_everything(ledger)
    before = ledger.custody()
    with pytest.raises(DBAPIError), ledger._db.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert ledger.custody() == before
    assert before.holds


# --- patients -----------------------------------------------------------------------------------

PLANTED = ("nted", "Nàme", "ID-0", "ACC0", "Schädel", "Serie ", "1.2.826.0.1.3680043.10.999")


def test_events_name_no_patient(ledger: Ledger) -> None:
    feed = some_of_everything(ledger)
    ledger.index([feed.indexed(2, 1, 2), feed.damaged()], now=LATER)
    for outcome in (
        Wait(until=LATER, why="closed"),
        Retry(at=LATER, code="boom", text="x"),
        Dead(code="gone"),
    ):
        held = ledger.claim_series(
            [SeriesState.OPEN], limit=1, now=LATER, owner="w", lease_seconds=1
        )[0]
        ledger.settle_series(held, outcome, now=LATER)
    ledger.settle_delivery(delivery(ledger, "cloud"), Dead(code="refused"), now=LATER)
    ledger.quarantine_discard(ledger.quarantined()[0].id, who="op", why="junk", now=LATER)
    events = ledger.events_of()
    assert len(events) > 20
    with ledger._db.engine.connect() as connection:
        rows = [str(tuple(row)) for row in connection.exec_driver_sql("SELECT * FROM event")]
    assert not [word for word in PLANTED for row in rows if word in row]


def test_values_do_not_show_whom_they_are_about(ledger: Ledger) -> None:
    feed = some_of_everything(ledger)
    shown = repr(
        (
            ledger.search(),
            ledger.series_of(1),
            ledger.instances_of_study(1),
            ledger.deliveries_of(),
            ledger.parcels_of(1),
            ledger.events_of(),
            claim(ledger, SeriesState.OPEN),
            delivery(ledger),
            ledger.custody(),
            ledger.summary(now=1),
            ledger.index([feed.indexed(1, 1, 1)], now=LATER),
        )
    )
    assert not [word for word in PLANTED if word in shown]


def test_errors_do_not_show_whom_they_are_about(ledger: Ledger) -> None:
    feed = Feed()
    first = feed.indexed(1, 1, 1)
    ledger.index([first], now=1000)
    broken = feed.indexed(1, 1, 2)
    broken = Indexed(
        record=replace(broken.record, digest=b"short"), header=broken.header, due_at=0.0
    )
    with pytest.raises(PermanentError) as caught:
        ledger.index([broken], now=1001)
    assert "ck_instance_digest" in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert not [word for word in PLANTED if word in shown]
    assert ledger.custody().received == 1


# --- the schema's version -----------------------------------------------------------------------


def test_a_ledger_outlives_its_process(address: str) -> None:
    with open_ledger(address) as ledger:
        some_of_everything(ledger)
        before = (ledger.custody(), ledger.search(), ledger.events_of())
    with open_ledger(address, create=False, check=True) as ledger:
        assert (ledger.custody(), ledger.search(), ledger.events_of()) == before
        held = claim(ledger, SeriesState.OPEN)
        assert ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)


def test_a_newer_ledger_is_refused(address: str) -> None:
    open_ledger(address).close()
    with open_ledger(address) as ledger, ledger._db.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE meta SET value = '{SCHEMA_VERSION + 1}' WHERE key = 'schema_version'"
        )
    with pytest.raises(StartupError, match="newer"):
        open_ledger(address)


def test_something_else_is_refused(address: str) -> None:
    with open_ledger(address) as ledger, ledger._db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE meta RENAME TO other")
    with pytest.raises(StartupError, match="no ledger"):
        open_ledger(address)


def test_an_empty_database_is_only_filled_when_asked(address: str) -> None:
    with pytest.raises(StartupError):
        open_ledger(address, create=False)
    open_ledger(address, create=True).close()
    open_ledger(address, create=False).close()
