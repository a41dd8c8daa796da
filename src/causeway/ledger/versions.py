"""Creating the tables, and bringing older ones up to date.

The version of the schema is a row of ``meta``. A ledger that a newer Causeway has written is
refused, as this one would not know what it breaks. An older one is upgraded step by step in one
transaction: ``UPGRADES[n]`` leads from version ``n`` to ``n + 1``. A released step never changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import DDL, Connection, event, insert, inspect, select, update

from causeway.errors import StartupError
from causeway.ledger import (  # noqa: F401  the tables of all of them are made
    call_schema,
    cleaning_schema,
    commitment_schema,
    import_schema,
    node_schema,
    schema,
)
from causeway.ledger.engine import Database

UPGRADES: Mapping[int, Callable[[Connection], None]] = {}

_SQLITE_APPEND_ONLY = """
CREATE TRIGGER event_no_{verb} BEFORE {verb} ON event
BEGIN SELECT RAISE(ABORT, 'events are only ever added to'); END
"""
_POSTGRES_REFUSAL = """
CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RAISE EXCEPTION ''events are only ever added to''; END'
"""
_POSTGRES_APPEND_ONLY = """
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event
FOR EACH ROW EXECUTE FUNCTION event_is_append_only()
"""

for _dialect, _statement in (
    ("sqlite", _SQLITE_APPEND_ONLY.format(verb="UPDATE")),
    ("sqlite", _SQLITE_APPEND_ONLY.format(verb="DELETE")),
    ("postgresql", _POSTGRES_REFUSAL),
    ("postgresql", _POSTGRES_APPEND_ONLY),
):
    _ddl: Any = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(schema.event, "after_create", _ddl.execute_if(dialect=_dialect))


def prepare(database: Database, *, create: bool) -> None:
    """Create what is missing, upgrade what is old, refuse what is newer or something else."""
    if database.read(_version) != schema.SCHEMA_VERSION:
        database.write(lambda c: _prepare(c, database, create=create))


def _prepare(connection: Connection, database: Database, *, create: bool) -> None:
    database.dialect.lock_schema(connection)
    version = _version(connection)
    if version == schema.SCHEMA_VERSION:
        return  # another process was quicker
    if version is None:
        if not create:
            raise StartupError("the ledger is empty", hint="start the service first")
        _create(connection)
        return
    if version > schema.SCHEMA_VERSION:
        raise StartupError(
            f"the ledger was written by a newer Causeway: its schema is version {version}, "
            f"this one knows {schema.SCHEMA_VERSION}",
            hint="install the newer version again",
        )
    for step in range(version, schema.SCHEMA_VERSION):
        UPGRADES[step](connection)
    connection.execute(
        update(schema.meta)
        .where(schema.meta.c.key == "schema_version")
        .values(value=str(schema.SCHEMA_VERSION))
    )


def _version(connection: Connection) -> int | None:
    """The schema's version; ``None`` where there are no tables at all."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if "meta" not in tables:
        raise StartupError(
            "the database has tables, but they are no ledger of Causeway",
            hint="give the ledger a database or file of its own",
        )
    value = connection.execute(
        select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
    ).scalar_one_or_none()
    if value is None or not value.isdigit():
        raise StartupError("the ledger does not say which version its schema is")
    return int(value)


def _create(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    connection.execute(
        insert(schema.meta),
        [
            {"key": "schema_version", "value": str(schema.SCHEMA_VERSION)},
            {"key": "ledger_id", "value": str(uuid.uuid4())},
        ],
    )
