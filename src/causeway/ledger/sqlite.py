"""SQLite: what is particular to it.

One file, no server. ``synchronous=FULL`` with the write-ahead log: a commit returns when it is on
the disk. The driver's own transaction handling is switched off (``isolation_level=None``) and
every BEGIN is ours; with the driver's ``autocommit`` attribute of Python 3.12 a ``commit()`` does
nothing, so it is not used on any version.

The log's shared index lives in shared memory and the locks are POSIX locks, which network file
systems break silently. So a ledger on one is refused.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert

from causeway.errors import (
    CausewayError,
    LedgerBusy,
    LedgerCorrupt,
    OutOfSpace,
    StartupError,
)
from causeway.ledger.engine import replaced

BUSY_TIMEOUT_SECONDS = 15.0
"""How long to wait for another process's transaction; ours last milliseconds."""

CACHE_KIBIBYTES = 32_768
"""Page cache of a connection. Holds the indexes of about 100,000 instances."""

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "afs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gfs2", "gpfs", "lustre", "ncpfs",
        "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf",
    }
)  # fmt: skip

REBUILD = (
    "the images are safe in the spool: move the ledger file and its -wal and -shm aside and start; "
    "everything in the spool is then indexed again"
)


def file_system_of(path: Path, mountinfo: str) -> str:
    """The type of the file system that ``path`` is on, by the text of ``/proc/self/mountinfo``.

    The last of the longest mount points wins, as a later mount covers an earlier one. See
    proc(5): the fifth field is the mount point with octal escapes, the type follows the dash.
    """
    best, kind = -1, ""
    target = path.as_posix()
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = fields[4]
        for escape, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(escape, char)
        covers = point == "/" or target == point or target.startswith(point + "/")
        if covers and len(point) >= best:
            best, kind = len(point), after.split(" ", 1)[0]
    return kind


def refuse_network_file_system(path: Path) -> None:
    """Raise ``StartupError`` where SQLite's locks cannot be trusted."""
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # not Linux: there is nothing to look it up in
    kind = file_system_of(path.resolve(), mountinfo)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StartupError(
            f"the ledger {path} is on a network file system ({kind}), where its locks do not hold",
            hint="put data_dir on a local disk, or use PostgreSQL for the ledger",
        )


class SqliteDialect:
    """See ``engine.Dialect``."""

    reader_options: Mapping[str, Any] = {}

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self, _connection: Connection) -> float:
        return time.time()

    def clock(self, _ask: Callable[[], float]) -> Callable[[], float]:
        return time.time

    def stamp(self) -> Hashable:
        try:
            log = os.stat(f"{self._path}-wal")
        except OSError:
            return None
        return log.st_mtime_ns, log.st_size

    def insert_ignore(self, table: Table) -> Insert:
        return _insert_ignore(table)

    def upsert(self, table: Table) -> Insert:
        return _upsert(table)

    def repeatable(self, _error: DBAPIError) -> bool:
        return False  # a writer is alone: nothing can be lost to another

    def describe(self, error: DBAPIError) -> str:
        return str(error.orig)  # names tables, columns and constraints, never values

    def translate(self, error: DBAPIError) -> CausewayError | None:
        cause = error.orig
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return LedgerBusy("another process holds the ledger locked", hint="try again")
        if code == sqlite3.SQLITE_FULL:
            return OutOfSpace(
                "no room on the disk for the ledger", hint=f"free some for {self._path}"
            )
        if code == sqlite3.SQLITE_IOERR:
            return LedgerBusy(
                "the disk of the ledger reports an error", hint="see the kernel's log"
            )
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return LedgerCorrupt(f"the ledger {self._path} is damaged: {cause}", hint=REBUILD)
        if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            return StartupError(
                f"the ledger {self._path} cannot be opened for writing",
                hint="check the rights on the file and its folder",
            )
        return None

    def verify(self, connection: Connection) -> None:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise LedgerCorrupt(f"the ledger {self._path} is damaged", hint=REBUILD)

    def lock_schema(self, _connection: Connection) -> None:
        """BEGIN IMMEDIATE has done it."""


def connect(path: Path, *, create: bool) -> tuple[Engine, SqliteDialect]:
    """An engine over the file at ``path``, which is made if need be and allowed."""
    path = path.absolute()
    if not path.parent.is_dir():
        raise StartupError(f"the folder of the ledger does not exist: {path.parent}")
    refuse_network_file_system(path.parent)
    if not path.exists():
        if not create:
            raise StartupError(
                f"there is no ledger at {path}", hint="check data_dir, or start the service first"
            )
        # Identifies patients: for the service's own user only. Made before SQLite would, so that
        # it is never readable to others, not even for a moment.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        pool_size=8,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(dbapi: sqlite3.Connection, _record: object) -> None:
        dbapi.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{CACHE_KIBIBYTES}",
            "temp_store = MEMORY",
        ):
            dbapi.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("causeway_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine, SqliteDialect(path)


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
