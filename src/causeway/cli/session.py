"""What commands share: the configuration, the ledger, the spool, and who is asking."""

from __future__ import annotations

import contextlib
import getpass
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    _known: list[Configuration] = field(default_factory=list, repr=False, compare=False)
    """What was read, so that a command reads and complains once."""

    def read(self) -> Loaded:
        from causeway.config import read

        return read(self.config_path)

    def configuration(self) -> Configuration:
        """What the file says; of a broken one, what the service runs with, and a note of that.

        So whoever broke the file can still see and move what is under way.
        """
        from causeway.config import InvalidConfiguration

        if not self._known:
            try:
                self._known.append(self.read().configuration)
            except InvalidConfiguration:
                running = self._running()
                if running is None:
                    raise
                self._known.append(running)
        return self._known[0]

    def _running(self) -> Configuration | None:
        from causeway.cli.show import note, paint
        from causeway.config import Versions, parse
        from causeway.config.versions import data_dir_in
        from causeway.doctor.running import running_service
        from causeway.errors import ConfigurationError

        data_dir = data_dir_in(self.config_path)
        if data_dir is None:
            return None
        service = running_service(data_dir / "run" / "status.json", now=time.time())
        said = None if service is None else service.said.get("configuration")
        number = said.get("version") if isinstance(said, dict) else None
        if not isinstance(number, int):
            return None
        try:
            content = Versions(data_dir).content(number)
            found = parse(content.decode("utf-8-sig"), file=self.config_path, look=False)
        except (ConfigurationError, UnicodeDecodeError):
            return None
        note(
            f"{paint('warning', fg='yellow', bold=True)}: {self.config_path} has problems (see "
            f"`causeway config check`); version {number}, which runs, is used instead"
        )
        return found.configuration

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


def is_there(path: Path, configuration: Configuration) -> bool:
    """Whether something in ``data_dir`` exists. Raises StartupError where this user may not look:
    the folder belongs to whom the service runs as.
    """
    try:
        there = path.exists()
        allowed = not there or os.access(path, os.R_OK)
    except PermissionError:
        allowed = False
    if not allowed:
        raise StartupError(
            f"{who_asks()} may not read data_dir {configuration.data_dir}: Permission denied",
            hint="it holds patients' images; run the command as the user that the service runs as, "
            "for example with `sudo -u`",
        )
    return there


def _refuse_missing(what: str, path: Path, configuration: Configuration) -> None:
    if not is_there(path, configuration):
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
