"""What commands share: the configuration, the ledger, the spool, and who is asking."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from causeway.errors import StartupError

if TYPE_CHECKING:
    from causeway.config import Configuration, Loaded
    from causeway.ledger import Ledger
    from causeway.spool import SpoolReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One call of the command."""

    config_path: Path
    debug: bool = False

    def read(self) -> Loaded:
        from causeway.config import read

        return read(self.config_path)

    def configuration(self) -> Configuration:
        return self.read().configuration

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger that the configuration names; refused where there is none."""
        from causeway.ledger import open_ledger

        configuration = self.configuration()
        _refuse_missing("ledger", configuration.ledger_path, configuration)
        ledger = open_ledger(configuration.ledger_path, create=False)
        try:
            yield ledger
        finally:
            ledger.close()

    @contextlib.contextmanager
    def spool(self) -> Iterator[SpoolReader]:
        from causeway.spool import RealDisk, SpoolReader

        configuration = self.configuration()
        _refuse_missing("spool", configuration.spool_dir, configuration)
        reader = SpoolReader(configuration.spool_dir, disk=RealDisk())
        try:
            yield reader
        finally:
            reader.close()


def _refuse_missing(what: str, path: Path, configuration: Configuration) -> None:
    if not path.exists():
        raise StartupError(
            f"there is no {what} in {configuration.data_dir} yet",
            hint="`causeway run` makes it; if something was received already, see whether data_dir "
            "is the right folder",
        )


def session_of(context: typer.Context) -> Session:
    session = context.obj
    assert isinstance(session, Session)
    return session


def who_asks() -> str:
    """The person behind the command, for the ledger's events: also behind ``sudo``."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
