"""Transactions: how the verbs reach the database, whichever it is.

Every verb hands a function to ``read`` or ``write``. SQLite begins a writing transaction with
``BEGIN IMMEDIATE`` and never otherwise: a transaction that begins as a reader and then writes gets
"database is locked" at once, whatever its timeout. Within the process a lock hands the writer's
turn from thread to thread, as SQLite's own waiting is a sleep that knows no order.

A writing function may run more than once. On PostgreSQL, two that meet in a deadlock or on a
unique index are told apart by running one again, on rows that the other has committed.

Errors of driver and database become ours here, and here only: busy and restarting are
``LedgerBusy``, a full disk is ``OutOfSpace``, a file that is no longer a database is
``LedgerCorrupt``. The driver's own error is not chained to ours: PostgreSQL's shows the row that it
refused, and a row can name a patient.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.dml import Insert

from causeway.errors import CausewayError, LedgerBusy, PermanentError

T = TypeVar("T")

WRITE_TRIES = 4
"""Deadlocks and races for one unique key end after one repetition; more means something else."""


class Dialect(Protocol):
    """What differs between the databases."""

    reader_options: Mapping[str, Any]
    """What gives a reading transaction one consistent view."""

    def now(self, connection: Connection) -> float:
        """The clock that leases are measured with; asked of the database."""

    def clock(self, ask: Callable[[], float]) -> Callable[[], float]:
        """The same clock, for those who look at it for each image; ``ask`` asks the database."""

    def stamp(self) -> Hashable:
        """Another one after each change; always the same where that costs a question."""

    def insert_ignore(self, table: Table) -> Insert:
        """An INSERT that leaves an existing row as it is."""

    def upsert(self, table: Table) -> Insert:
        """An INSERT that takes the place of the row with the same primary key."""

    def repeatable(self, error: DBAPIError) -> bool:
        """The transaction lost a race and may run again at once."""

    def translate(self, error: DBAPIError) -> CausewayError | None:
        """Our error for the driver's, or ``None`` where there is no particular one."""

    def describe(self, error: DBAPIError) -> str:
        """The driver's words, without values of rows."""

    def verify(self, connection: Connection) -> None:
        """Look for damage; raises ``LedgerCorrupt``."""

    def lock_schema(self, connection: Connection) -> None:
        """Until the transaction ends, no other process creates or upgrades tables."""


class Database:
    """An engine, its dialect, and the writer's turn."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self.engine = engine
        self.dialect = dialect
        self._reader = engine.execution_options(causeway_write=False, **dialect.reader_options)
        self._writer = engine.execution_options(causeway_write=True, causeway_dialect=dialect)
        self._turn = threading.Lock()
        self.now = dialect.clock(self.ask_the_time)

    def close(self) -> None:
        self.engine.dispose()

    def ask_the_time(self) -> float:
        return self.read(self.dialect.now)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view."""
        try:
            with self._reader.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            self._raise(error)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` and commit it, durable on return; or nothing of it has happened."""
        tries = 0
        while True:
            tries += 1
            try:
                with self._turn, self._writer.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if tries < WRITE_TRIES and self.dialect.repeatable(error):
                    continue
                self._raise(error)
            except SQLAlchemyError as error:
                self._raise(error)

    def _raise(self, error: SQLAlchemyError) -> NoReturn:
        if isinstance(error, DBAPIError):
            ours = self.dialect.translate(error)
            if ours is None and error.connection_invalidated:
                ours = LedgerBusy("the ledger's database closed the connection")
            if ours is None:
                ours = PermanentError(
                    f"the ledger's database refuses: {self.dialect.describe(error)}",
                    hint="this is a defect of Causeway; nothing was changed",
                )
            raise ours from None
        raise PermanentError(f"the ledger's database failed: {type(error).__name__}") from None


def insert_ignore(connection: Connection, table: Table, values: Sequence[dict[str, Any]]) -> None:
    """Insert rows, each unless its key exists."""
    if values:
        dialect: Dialect = connection.get_execution_options()["causeway_dialect"]
        connection.execute(dialect.insert_ignore(table), values)


def upsert(connection: Connection, table: Table, values: Sequence[dict[str, Any]]) -> None:
    """Insert rows, each in place of the one that has its key."""
    if values:
        dialect: Dialect = connection.get_execution_options()["causeway_dialect"]
        connection.execute(dialect.upsert(table), values)


def replaced(table: Table, excluded: Any) -> dict[str, Any]:
    """What an upsert sets: every column but the key."""
    return {
        column.name: excluded[column.name] for column in table.columns if not column.primary_key
    }


class Verbs:
    """What every family of verbs begins with."""

    def __init__(self, database: Database) -> None:
        self._db = database
