"""The way back from pseudonyms, for sites that want one: a SQLite file of sealed rows.

Nothing needs it: all pseudonyms follow from the project's key. It answers who a subject is, for
those who may ask, without anyone having to try all patients. So:

- each row is sealed by itself (AES-256-GCM) under a key of its own, which is neither in the file
  nor a project's key; whoever has the file alone learns how many pseudonyms there are, and which;
- rows are only ever added, which triggers in the file see to; the same entry is added once;
- the only way to read is ``export``, which first writes down who asked and why.

A row is bound to its pseudonym, kind and project key: one that was moved to another does not open.
Each commit is on disk before it is acknowledged (``synchronous=FULL``), so a process that is killed
leaves what it had acknowledged, and nothing half.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from causeway.deidentify.identity.keys import ProjectKey
from causeway.errors import ConfigurationError, PermanentError, TemporaryError

_BUSY_SECONDS: Final = 30.0
_NONCE_BYTES: Final = 12
_CHECK: Final = b"causeway crosswalk 1"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seal (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  key_id TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY,
  project_key_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  pseudonym TEXT NOT NULL,
  -- Keyed: tells whether an original is here already, to who has the key.
  fingerprint BLOB NOT NULL,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (project_key_id, kind, pseudonym, fingerprint)
);
CREATE TABLE IF NOT EXISTS export (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL CHECK (at <> ''),
  who TEXT NOT NULL CHECK (who <> ''),
  why TEXT NOT NULL CHECK (why <> ''),
  kind TEXT NOT NULL,
  rows INTEGER NOT NULL
);
"""
_TRIGGERS: Final = "".join(
    f"""
CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END;
"""
    for table in ("seal", "entry", "export")
    for verb in ("UPDATE", "DELETE")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a pseudonym stands for."""

    project_key_id: str
    kind: str
    """``patient``, ``uid``, ``accession``."""
    pseudonym: str
    original: str = field(repr=False)
    issuer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """That somebody was told: kept beside the rows for good."""

    at: str
    """ISO 8601, UTC."""
    who: str
    why: str
    kind: str
    """Empty for all kinds."""
    rows: int


class Crosswalk:
    """An open crosswalk. Several processes may have it open; each thread needs its own."""

    def __init__(self, path: Path, key: ProjectKey) -> None:
        """Open it, or make it. Raises ``ConfigurationError`` if it was made under another key."""
        self._path = path
        self._cipher = AESGCM(key.subkey("crosswalk"))
        self._key = key
        # SQLite would make it with the rights that the umask leaves.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self._errors():
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, entries: Iterable[Entry]) -> int:
        """Add those that are not there yet, all or none; how many that were."""
        rows = [self._row(entry) for entry in entries]
        with self._transaction():
            before = self._connection.total_changes
            self._connection.executemany(
                "INSERT INTO entry (project_key_id, kind, pseudonym, fingerprint, nonce, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
            return self._connection.total_changes - before

    def export(self, *, who: str, why: str, at: str, kind: str = "") -> list[Entry]:
        """All entries, or those of a kind, opened; that they were told is written down first.

        Raises ``ConfigurationError`` without a name and a reason, ``PermanentError`` if a row was
        tampered with.
        """
        if not who.strip() or not why.strip() or not at.strip():
            raise ConfigurationError(
                "a crosswalk is told only to somebody, for a reason",
                hint="say who asks and why; both are written down",
            )
        chosen = "FROM entry WHERE ? IN ('', kind)"
        with self._transaction():
            (number,) = self._connection.execute(f"SELECT count(*) {chosen}", (kind,)).fetchone()
            self._connection.execute(
                "INSERT INTO export (at, who, why, kind, rows) VALUES (?, ?, ?, ?, ?)",
                (at.strip(), who.strip(), why.strip(), kind, number),
            )
        with self._errors():
            rows = self._connection.execute(
                "SELECT project_key_id, kind, pseudonym, nonce, sealed "
                f"{chosen} ORDER BY id LIMIT ?",
                (kind, number),
            ).fetchall()
        return [self._entry(*row) for row in rows]

    def exports(self) -> list[Export]:
        """Whom it was told, first to last."""
        with self._errors():
            rows = self._connection.execute(
                "SELECT at, who, why, kind, rows FROM export ORDER BY id"
            ).fetchall()
        return [
            Export(at=at, who=who, why=why, kind=kind, rows=number)
            for at, who, why, kind, number in rows
        ]

    # --- rows -----------------------------------------------------------------------------------

    def _row(self, entry: Entry) -> tuple[str, str, str, bytes, bytes, bytes]:
        plain = json.dumps([entry.issuer, entry.original], ensure_ascii=True)
        bound = _bound(entry.project_key_id, entry.kind, entry.pseudonym)
        fingerprint = self._key.keyed("crosswalk fingerprint", plain)[:16]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain.encode("ascii"), bound)
        return entry.project_key_id, entry.kind, entry.pseudonym, fingerprint, nonce, sealed

    def _entry(
        self, project_key_id: str, kind: str, pseudonym: str, nonce: bytes, sealed: bytes
    ) -> Entry:
        try:
            plain = self._cipher.decrypt(nonce, sealed, _bound(project_key_id, kind, pseudonym))
        except InvalidTag:
            raise PermanentError(
                f"a row of {self._path} does not open",
                hint="the file was tampered with or damaged; take it from a backup",
            ) from None
        issuer, original = json.loads(plain)
        return Entry(
            project_key_id=project_key_id,
            kind=kind,
            pseudonym=pseudonym,
            original=original,
            issuer=issuer,
        )

    # --- the file -------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA trusted_schema = OFF")
        with self._transaction():
            for statement in _statements(_SCHEMA + _TRIGGERS):
                self._connection.execute(statement)
            nonce = os.urandom(_NONCE_BYTES)
            sealed = self._cipher.encrypt(nonce, _CHECK, _bound(self._key.id))
            self._connection.execute(
                "INSERT INTO seal VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
                (self._key.id, nonce, sealed),
            )
        key_id, nonce, sealed = self._connection.execute(
            "SELECT key_id, nonce, sealed FROM seal"
        ).fetchone()
        try:
            self._cipher.decrypt(nonce, sealed, _bound(key_id))
        except InvalidTag:
            raise ConfigurationError(
                f"{self._path} was made under the key {key_id}, not under {self._key.id}",
                hint="give the key that it was made with, or name another file",
            ) from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise TemporaryError(
                f"the crosswalk {self._path} cannot be used now: {error.sqlite_errorname}",
                hint="another process may hold it, or there is no room",
            ) from None
        except sqlite3.Error as error:
            raise PermanentError(
                f"the crosswalk {self._path} is none: {type(error).__name__}",
                hint="it is a SQLite file that Causeway made",
            ) from None


def _bound(*parts: str) -> bytes:
    return "\0".join(parts).encode("utf-8", "surrogatepass")


def _statements(script: str) -> Iterator[str]:
    """Each by itself: ``executescript`` would commit what is under way."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
