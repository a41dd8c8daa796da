"""A ledger on each database that there is: the same tests hold for both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from causeway.ledger import Ledger, open_ledger
from causeway.testing.postgres import postgres_databases

NewDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[NewDatabase]:
    """Makes an empty PostgreSQL database, and answers its address for a while."""
    with contextlib.ExitStack() as stack:
        try:
            new = stack.enter_context(postgres_databases())
        except Exception as error:
            pytest.skip(f"no PostgreSQL server could be started here: {error}")
        yield new


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new, empty ledger can be."""
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.db")
        return
    new: NewDatabase = request.getfixturevalue("new_postgres")
    with new() as made:
        yield made


@pytest.fixture
def ledger(address: str) -> Iterator[Ledger]:
    with open_ledger(address) as opened:
        yield opened
