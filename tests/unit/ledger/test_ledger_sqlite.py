"""SQLite: how it is opened, what is refused, what its errors become, how queries are planned."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from causeway.errors import LedgerBusy, LedgerCorrupt, OutOfSpace, StartupError
from causeway.ledger import (
    Advanced,
    Called,
    CallScope,
    Ledger,
    NewDelivery,
    NewParcel,
    Packaged,
    SeriesState,
    Verified,
    open_ledger,
    sqlite,
)
from causeway.testing.feed import Feed

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /mnt/nas rw,relatime shared:2 - nfs4 server:/export rw,vers=4.2
31 30 254:1 / /mnt/nas/local rw,relatime - xfs /dev/vdb rw
32 22 0:30 / /mnt/with\040space rw - cifs //server/share rw
33 22 0:31 / /srv rw - ext4 /dev/vdc rw
34 33 0:32 / /srv rw - fuse.sshfs user@host: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/causeway", "ext4"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/data", "nfs4"),
        ("/mnt/nas2/data", "ext4"),
        ("/mnt/nas/local/data", "xfs"),
        ("/mnt/with space/data", "cifs"),
        ("/srv/data", "fuse.sshfs"),
        ("/", "ext4"),
    ],
)
def test_the_file_system_of_a_path_is_the_last_of_the_longest_mount(path: str, kind: str) -> None:
    assert sqlite.file_system_of(Path(path), MOUNTINFO) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "file_system_of", lambda *_: "nfs4")
    with pytest.raises(StartupError, match="nfs4") as caught:
        open_ledger(tmp_path / "ledger.db")
    assert "local disk" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_it_syncs_checks_references_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:

        def pragmas(connection: Any) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys")
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

        assert ledger._db.read(pragmas) == ["wal", 2, 1]
        assert ledger._db.write(pragmas) == ["wal", 2, 1]
        ledger.index([Feed().indexed()], now=1)
        modes = {each.name: each.stat().st_mode & 0o077 for each in tmp_path.iterdir()}
        assert len(modes) == 3
        assert set(modes.values()) == {0}


def test_a_ledger_is_only_made_where_that_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no ledger"):
        open_ledger(tmp_path / "ledger.db", create=False)
    with pytest.raises(StartupError, match="folder"):
        open_ledger(tmp_path / "missing" / "ledger.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StartupError):
        open_ledger(tmp_path / "folder.db")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is not a database, and longer than a header " * 100)
    with pytest.raises(LedgerCorrupt, match="not a database") as caught:
        open_ledger(path)
    assert "safe in the spool" in caught.value.hint


def test_a_damaged_ledger_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    feed = Feed()
    with open_ledger(path) as ledger:
        ledger.index([feed.indexed(number, 1, 1) for number in range(1500)], now=1)
    whole = bytearray(path.read_bytes())
    pages = len(whole) // 4096
    for page in range(pages // 2, pages):  # rows and indexes; the schema is at the beginning
        whole[page * 4096 : page * 4096 + 512] = b"\xff" * 512
    path.write_bytes(whole)
    with pytest.raises(LedgerCorrupt, match="damaged"):
        open_ledger(path, check=True)
    with open_ledger(path) as ledger, pytest.raises(LedgerCorrupt) as caught:
        ledger.custody()
    assert "move the ledger file" in caught.value.hint


def test_a_full_disk_loses_nothing_and_is_temporary(tmp_path: Path) -> None:
    feed = Feed()
    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.index([feed.indexed(1, 1, 1)], now=1)
        before = ledger.custody()

        def limit(connection: Any) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        ledger._db.write(limit)
        batch = [feed.indexed(number, 1, 1) for number in range(2, 400)]
        with pytest.raises(OutOfSpace):
            ledger.index(batch, now=2)
        assert ledger.custody() == before

        def unlimit(connection: Any) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")

        ledger._db.write(unlimit)
        assert len(ledger.index(batch, now=3)) == len(batch)
        assert ledger.custody().holds


def test_another_process_that_holds_the_lock_too_long_makes_it_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.1)
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger, contextlib.closing(sqlite3.connect(path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy):
            ledger.index([Feed().indexed()], now=1)
        assert ledger.custody().received == 0  # readers are not kept waiting
        other.execute("ROLLBACK")
        ledger.index([Feed().indexed()], now=1)


def test_several_processes_write_without_losing_a_turn(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    script = f"""
from causeway.ledger import open_ledger
with open_ledger({str(path)!r}) as ledger:
    for _ in range(100):
        ledger.tally("object", "ct1", "x", at=1.0)
"""
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    with open_ledger(path) as ledger:
        threads = [
            threading.Thread(
                target=lambda: [ledger.tally("object", "ct1", "x", at=1.0) for _ in range(50)]
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [other.wait() for other in others] == [0, 0]
        assert ledger.tallies()[0].count == 350


def test_what_another_has_written_shows_in_the_stamp(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ours, open_ledger(tmp_path / "ledger.db") as other:
        ours.tally("object", "MR1", "A700", at=1.0)
        before = ours.stamp()
        assert ours.stamp() == before
        other.tally("object", "MR1", "A700", at=2.0)
        assert ours.stamp() != before


def test_two_processes_may_make_it_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    script = f"from causeway.ledger import open_ledger; open_ledger({str(path)!r}).close()"
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [other.wait() for other in others] == [0, 0, 0]
    with open_ledger(path, create=False) as ledger:
        assert ledger.custody().holds


# --- plans --------------------------------------------------------------------------------------


@contextlib.contextmanager
def statements(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """What is executed meanwhile, with its parameters."""
    seen: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        if text.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            seen.setdefault(text, parameters[0] if many else parameters)

    event.listen(ledger._db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(ledger._db.engine, "before_cursor_execute", note)


def test_work_never_scans_a_table_that_grows(tmp_path: Path) -> None:
    """Each query of intake, work, delivery and retirement is served by an index, the right one.

    Without statistics SQLite's planner likes an index by state better than one by UID or id, which
    shows only when the ledger is large.
    """
    with open_ledger(tmp_path / "ledger.db") as ledger, statements(ledger) as seen:
        feed = Feed()
        ledger.index(
            [feed.indexed(1, 1, 1), feed.indexed(1, 1, 1), feed.indexed(1, 1, 1, data="b")], now=1
        )
        ledger.index([feed.unreadable("x")], now=1)
        ledger.association_ended("a1", "released", at=2, look_at=2)
        for to in (SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED):
            claims = ledger.claim_series(
                [SeriesState.OPEN, SeriesState.COMPLETE, SeriesState.ROUTED],
                limit=1,
                now=9e9,
                owner="w",
                lease_seconds=9,
            )
            ledger.renew(claims, now=9e9, lease_seconds=9)
            assert ledger.settle_series(claims[0], Advanced(to=to), now=9e9)
        (held,) = ledger.claim_series(
            [SeriesState.CLEANED], limit=1, now=9e9, owner="w", lease_seconds=9
        )
        made = NewParcel(
            name="p",
            size=1,
            digest=bytes(32),
            instance_ids=tuple(each.id for each in ledger.to_package(1)),
            deliveries=(NewDelivery(destination="archive"),),
        )
        assert ledger.settle_series(held, Packaged(parcels=(made,)), now=9e9)
        (sending,) = ledger.claim_deliveries(
            "archive", limit=1, now=9e9, owner="w", lease_seconds=9
        )
        assert ledger.settle_delivery(sending, Verified(), now=9e9)
        ids = [each.instance_id for each in ledger.retirable(now=1e10, keep_seconds=1, limit=9)]
        assert ledger.retired(ids, now=1e10) == 2
        ledger.pinning(limit=9)
        ledger.idle_containers()
        ledger.retirable_parcels(now=1e10, keep_seconds=1, limit=1)
        ledger.parcels_retired([1], now=1e10)
        for scope in CallScope:
            ledger.enter_calls(scope, scope, now=1.0)
            ledger.enter_calls(scope, scope, now=9e9)
            call = ledger.claim_call(scope, now=1e10, owner="w", lease_seconds=9)
            assert call is not None
            assert ledger.settle_call(call, Called(), now=1e10)
        ledger.release_all_leases(now=1e10)
        ledger.next_due_at(now=1.0)
        ledger.custody(1)
        ledger.quarantine_release(ledger.quarantined()[0].id, who="a", why="b", now=1e10)
        for read in (ledger.series_of, ledger.instances_of, ledger.instances_of_study):
            read(1)
        for read_more in (ledger.parcels_of, ledger.members_of, ledger.acquisitions):
            read_more(1)
        ledger.events_of(study_id=1)
        ledger.deliveries_of(study_id=1)
        ledger.find("1.2.3")
        ledger.index([feed.indexed(n // 2, n, 1) for n in range(10, 18)], now=1e10)
        assert len(seen) > 60
        connection = sqlite3.connect(tmp_path / "ledger.db")
        wrong = []
        for text, parameters in seen.items():
            if "sqlite_master" in text or "AS found" in text:
                continue  # the schema; a check of one study
            for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters):
                plan = str(row[3])
                scans = plan.startswith("SCAN") and "USING" not in plan
                if (scans and "CONSTANT ROW" not in plan) or "AUTOMATIC" in plan:
                    wrong.append((plan, text))
                if plan.startswith("SCAN") and "autoindex" in plan:  # all keys of a table
                    wrong.append((plan, text))
                by_state = "ix_instance_present" in plan or "ix_instance_gone" in plan
                by_name = any(word in text for word in ("sop_instance_uid IN", "id IN"))
                if by_state and by_name:
                    wrong.append((plan, text))
        connection.close()
        assert wrong == []
