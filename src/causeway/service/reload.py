"""Another configuration while the service runs: asked for, read whole, taken or refused.

::

    asked for     ``causeway config reload`` leaves a request in ``run/``, or SIGHUP
    read          the file, checked as at the start, and mapped to what each part takes
    refused       if anything is wrong with it, or it changes what only a start can change
    kept          as a version
    taken         door and receivers get other rules, the pipeline another process

A refusal changes nothing: what runs goes on, and ``causeway status`` shows why.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from causeway.config import Configuration, InvalidConfiguration, Loaded, Version, Versions, read
from causeway.config.versions import digest_of
from causeway.errors import CausewayError, ConfigurationError
from causeway.observe import Emit, Sentence
from causeway.service import mapping, planning, treating
from causeway.service.asking import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a file was not taken."""

    at: float
    by: str
    why: str


def needs_restart(running: Configuration, wanted: Configuration) -> tuple[str, ...]:
    """The settings that differ and count only from the start of the service on."""
    differs = {
        "data_dir": running.data_dir != wanted.data_dir,
        "listener": running.listeners != wanted.listeners,
        "receive.processes": running.receive.processes != wanted.receive.processes,
        "spool": running.spool != wanted.spool,
    }
    return tuple(name for name, changed in differs.items() if changed)


def tell_doubts(loaded: Loaded, say: Emit) -> None:
    """What works, but is probably not meant, as log lines."""
    for warning in loaded.warnings:
        # Configured words only: what is doubted is quoted from the file, never from data.
        say(
            "configuration.doubt",
            level="warning",
            line=warning.line,
            warning=Sentence(f"{warning.setting}: {warning.what}".removeprefix(": ")),
            hint=Sentence(warning.right),
        )


class RunningConfiguration:
    """What runs, since when, and what became of the last wish to change it."""

    def __init__(self, loaded: Loaded, *, by: str, say: Emit, receive_only: bool) -> None:
        """The one that the service starts with; kept as a version as well."""
        self.loaded = loaded
        self._say = say
        self._receive_only = receive_only
        self._versions = Versions(loaded.configuration.data_dir)
        self._since = time.time()
        self._refusal: Refusal | None = None
        self._answered = ""
        self._version: Version | None = None
        try:
            self._version = self._versions.keep(loaded.content, at=self._since, by=by, why="start")
        except OSError as error:
            # On a full disk the service must start all the same, to make room again.
            say("configuration.not_kept", level="warning", error=error)

    @property
    def configuration(self) -> Configuration:
        return self.loaded.configuration

    def consider(self, request: Request) -> Configuration | None:
        """Read the file; the configuration to change over to, or None to go on as before."""
        self._answered = request.word
        try:
            return self._considered(request)
        except CausewayError as error:
            self._refuse(request, error)
        except OSError as error:
            self._refuse(
                request,
                ConfigurationError(
                    f"the file cannot be kept as a version: {error.strerror}",
                    hint="see whether the disk of data_dir is full",
                ),
            )
        return None

    def _considered(self, request: Request) -> Configuration | None:
        loaded = read(self.loaded.path)
        if digest_of(loaded.content) == digest_of(self.loaded.content):
            self._refusal = None
            self._say("configuration.unchanged")
            return None
        wanted = loaded.configuration
        changed = needs_restart(self.configuration, wanted)
        if changed:
            raise ConfigurationError(
                f"the file changes {_and(changed)}, which only a start of the service can do",
                hint="restart the service, or leave that as it is for now",
            )
        mapping.receiver_plan(wanted)
        if not self._receive_only:
            treating.check(loaded)
            planning.pipeline_settings(wanted)
        now = time.time()
        self._version = self._versions.keep(loaded.content, at=now, by=request.by, why="reload")
        self.loaded, self._since, self._refusal = loaded, now, None
        tell_doubts(loaded, self._say)
        self._say("configuration.changed", revision=self._version.number)
        return wanted

    def _refuse(self, request: Request, error: CausewayError) -> None:
        why = str(error)
        self._refusal = Refusal(at=time.time(), by=request.by, why=why)
        fields: dict[str, object] = {"error": Sentence(error.message), "hint": error.hint}
        if isinstance(error, InvalidConfiguration):
            first = error.problems[0]
            fields = {
                "count": len(error.problems),
                "line": first.line,
                "error": Sentence(f"{first.setting}: {first.what}".removeprefix(": ")),
                "hint": first.right,
            }
        hint = fields.pop("hint")
        self._say(
            "configuration.refused",
            level="error",
            **fields,
            **({"hint": Sentence(str(hint))} if hint else {}),
        )

    def said(self) -> dict[str, object]:
        """For the status file."""
        version, refusal = self._version, self._refusal
        return {
            "file": os.fspath(self.loaded.path.absolute()),
            "version": None if version is None else version.number,
            "since": self._since,
            "digest": digest_of(self.loaded.content),
            "answered": self._answered,
            "refused": None
            if refusal is None
            else {"at": refusal.at, "by": refusal.by, "why": refusal.why},
        }


def _and(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
