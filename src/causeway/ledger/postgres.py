"""PostgreSQL: what is particular to it.

For sites where several machines work on one ledger. Claims use ``FOR UPDATE SKIP LOCKED``, which
the statements of this package say in general terms and SQLite's compiler leaves out. Time comes
from the server, as the clocks of several workers differ. The driver, psycopg, is an extra of the
installation and imported when a ``postgresql://`` address asks for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, make_url, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.sql.dml import Insert

from causeway.errors import CausewayError, LedgerBusy, LedgerCorrupt, OutOfSpace, StartupError
from causeway.ledger.engine import replaced

SCHEMA_LOCK = 0x63_61_75_73_65_77_61_79
"""Key of the advisory lock around creating and upgrading tables: "causeway" in ASCII."""

CONNECT_TIMEOUT_SECONDS = 10

CLOCK_SECONDS = 5.0
"""For so long the server's clock is counted on here, so a clock that is set is noticed by then. An
image is looked at by the clock several times on its way."""

_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())::float8")

# PostgreSQL error codes, appendix A of its manual.
_REPEATABLE = frozenset({"40001", "40P01", "23505"})  # serialization, deadlock, unique
_BUSY_CLASSES = ("08", "53", "55", "57")  # connection, resources, not in state, operator
_DISK_FULL = "53100"
_CORRUPT_CLASS = "XX"


class ServerClock:
    """The server's clock, counted on here between two looks at it. Thread safe."""

    def __init__(
        self, ask: Callable[[], float], stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._stopwatch = stopwatch
        self._seen: tuple[float, float] | None = None
        """What the server said, and what the stopwatch showed then; replaced as a whole."""

    def __call__(self) -> float:
        seen = self._seen
        at = self._stopwatch()
        if seen is not None and at - seen[1] < CLOCK_SECONDS:
            return seen[0] + (at - seen[1])
        # The answer is of a moment between asking and hearing. Taken for the later one it may be
        # behind by that, and never ahead: whoever is ahead would take leases that still hold.
        said = self._ask()
        self._seen = said, self._stopwatch()
        return said


class PostgresDialect:
    """See ``engine.Dialect``."""

    reader_options: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ"}

    def now(self, connection: Connection) -> float:
        return float(connection.execute(_CLOCK).scalar_one())

    def clock(self, ask: Callable[[], float]) -> Callable[[], float]:
        return ServerClock(ask)

    def stamp(self) -> Hashable:
        return None

    def insert_ignore(self, table: Table) -> Insert:
        return _insert_ignore(table)

    def upsert(self, table: Table) -> Insert:
        return _upsert(table)

    def repeatable(self, error: DBAPIError) -> bool:
        return _code(error) in _REPEATABLE

    def describe(self, error: DBAPIError) -> str:
        diagnosis = getattr(error.orig, "diag", None)
        # The detail shows the whole row; the primary message names table and constraint.
        return str(getattr(diagnosis, "message_primary", None) or type(error.orig).__name__)

    def translate(self, error: DBAPIError) -> CausewayError | None:
        code = _code(error)
        if code == _DISK_FULL:
            return OutOfSpace("no room on the disk of the ledger's database server")
        if code[:2] in _BUSY_CLASSES or code in {"40001", "40P01"}:
            return LedgerBusy(f"the ledger's database is busy or restarting ({code})")
        if code[:2] == _CORRUPT_CLASS:
            return LedgerCorrupt(
                f"the ledger's database reports damage ({code})",
                hint="see its log and restore it; the images are safe in the spool",
            )
        if not code and not isinstance(error, IntegrityError):
            return LedgerBusy("the ledger's database does not answer")
        return None

    def verify(self, connection: Connection) -> None:
        """The server checks its own pages (data checksums)."""

    def lock_schema(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})


def connect(address: str) -> tuple[Engine, PostgresDialect]:
    """An engine for a ``postgresql://`` address."""
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=8,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
            hide_parameters=True,
        )
    except ArgumentError:
        raise StartupError(
            "the address of the ledger's database cannot be read",
            hint="it looks like postgresql://user@host/database",
        ) from None
    except ModuleNotFoundError:
        raise StartupError(
            "PostgreSQL is asked for, but its driver is not installed",
            hint="pip install 'psycopg[binary]'",
        ) from None
    return engine, PostgresDialect()


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


@cache
def _insert_ignore(table: Table) -> Insert:
    return insert(table).on_conflict_do_nothing()


@cache
def _upsert(table: Table) -> Insert:
    # Kept, as SQLAlchemy knows a statement that it has compiled by going through all of it.
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key), set_=replaced(table, statement.excluded)
    )
