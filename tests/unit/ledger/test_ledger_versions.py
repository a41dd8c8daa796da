"""Upgrading a ledger that an older version wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection

from causeway.errors import StartupError
from causeway.ledger import open_ledger, schema, versions
from causeway.testing.feed import Feed


def test_an_older_ledger_is_upgraded_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger:
        ledger.index([Feed().indexed()], now=1)
    done: list[int] = []

    def step(number: int):  # type: ignore[no-untyped-def]
        def upgrade(connection: Connection) -> None:
            connection.exec_driver_sql(f"ALTER TABLE meta ADD COLUMN extra{number} TEXT")
            done.append(number)

        return upgrade

    monkeypatch.setattr(schema, "SCHEMA_VERSION", 3)
    monkeypatch.setattr(versions, "UPGRADES", {1: step(1), 2: step(2)})
    with open_ledger(path) as ledger:
        assert done == [1, 2]
        assert ledger.custody().received == 1
    with open_ledger(path):
        assert done == [1, 2]
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    with pytest.raises(StartupError, match="version 3"):
        open_ledger(path)


def test_an_upgrade_that_fails_leaves_the_ledger_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(path).close()

    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE meta ADD COLUMN extra TEXT")
        raise StartupError("no")

    monkeypatch.setattr(schema, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(versions, "UPGRADES", {1: broken})
    with pytest.raises(StartupError):
        open_ledger(path)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 1)
    with open_ledger(path) as ledger, ledger._db.engine.connect() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(meta)")]
        assert columns == ["key", "value"]


def test_every_version_since_the_first_can_be_upgraded() -> None:
    assert set(versions.UPGRADES) == set(range(1, schema.SCHEMA_VERSION))


def test_a_ledger_that_does_not_say_its_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path) as ledger, ledger._db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM meta")
    with pytest.raises(StartupError, match="which version"):
        open_ledger(path)
