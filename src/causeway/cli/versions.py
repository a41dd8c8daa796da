"""``config reload``, ``history`` and ``rollback``: another configuration, and the ones before.

These have to work just when the file does not, so all that they need of it is its ``data_dir``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, iso, note, paint, print_json, say, when
from causeway.errors import ConfigurationError, StartupError, TemporaryError

if TYPE_CHECKING:
    from causeway.config import Version
    from causeway.doctor.running import RunningService

ANSWER_SECONDS = 30.0
"""The service looks once a second; under load it may be late."""
LOOK_SECONDS = 0.1


def reload(context: typer.Context, as_json: AsJson = False) -> None:
    """Have the running service read its configuration again. Nothing changes if it is not good."""
    path = session_of(context).config_path
    service = _service(path)
    if service is None:
        raise StartupError(
            "the service does not run", hint=f"it reads {path} when it starts: `causeway run`"
        )
    _answer(_reloaded(path, service), as_json)


def history(context: typer.Context, as_json: AsJson = False) -> None:
    """List the configurations that the service ran with, the newest first."""
    from causeway.config import Versions
    from causeway.config.versions import digest_of

    path = session_of(context).config_path
    versions = Versions(_data_dir(path))
    kept = versions.history()
    service = _service(path)
    running = None if service is None else _said(service).get("version")
    changed = not kept or kept[-1].digest != digest_of(_content(path))
    if as_json:
        from causeway.cli.views import HistoryView, VersionView

        print_json(
            HistoryView(
                file=str(path),
                changed=changed,
                versions=[
                    VersionView(
                        number=version.number,
                        at=iso(version.at),
                        by=version.by,
                        why=version.why,
                        digest=version.digest,
                        file=str(versions.path(version.number)),
                        runs=version.number == running,
                    )
                    for version in reversed(kept)
                ],
            ).plain()
        )
        return
    if not kept:
        note("none was kept yet: the first is kept when the service starts")
        return
    table = Table(
        [Column("VERSION", right=True), Column("SINCE"), Column("BY", least=8), Column("WHY")]
    )
    for version in reversed(kept):
        runs = "  (runs)" if version.number == running else ""
        table.add(version.number, when(version.at), version.by or "?", version.why + runs)
    table.print()
    note(f"they stand in {versions.folder}")
    if changed:
        note(f"{path} was changed since version {kept[-1].number}")


def rollback(
    context: typer.Context,
    number: Annotated[
        int,
        typer.Argument(metavar="VERSION", min=1, help="Its number in `config history`."),
    ],
    as_json: AsJson = False,
) -> None:
    """Put an earlier configuration back in place. The present file is kept as a version."""
    from causeway.config import Versions, parse
    from causeway.config.load import decoded
    from causeway.config.versions import write_whole

    path = session_of(context).config_path
    versions = Versions(_data_dir(path))
    content = versions.content(number)
    service = _service(path)
    # What the machine was then it may not be now: it is checked before anything is written.
    parse(decoded(content, file=path), file=path)
    by, now = who_asks(), time.time()
    try:
        if path.exists():
            versions.keep(_content(path), at=now, by=by, why="before rollback")
        write_whole(path, content, mode=path.stat().st_mode & 0o777 if path.exists() else 0o640)
        version = versions.keep(content, at=now, by=by, why=f"rollback to {number}")
    except OSError as error:
        raise StartupError(
            f"{path} cannot be put back: {error.strerror}",
            hint=f"see the rights on its folder and on {versions.folder}; "
            "see `df` if the disk is full",
        ) from None
    if not as_json:
        say(f"put version {number} back into {path}; it is version {version.number} now")
    if service is not None:
        _answer(_reloaded(path, service), as_json)
    elif as_json:
        _print("stopped", version)
    else:
        say("the service does not run; it counts from its next start on")


# --- the running service -----------------------------------------------------------------------


def _data_dir(path: Path) -> Path:
    from causeway.config.versions import data_dir_in

    data_dir = data_dir_in(path)
    if data_dir is None:
        _content(path)
        raise ConfigurationError(
            f"{path} does not say where versions are kept",
            hint='write data_dir = "…" above all tables, as it stood there',
        )
    return data_dir


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}",
            hint="name yours with --config; versions stand in the folder `configurations` of "
            "data_dir",
        ) from None


def _service(path: Path) -> RunningService | None:
    """The service that runs on the data folder, which must have been started with this file."""
    from causeway.doctor.running import running_service

    data_dir = _data_dir(path)
    service = running_service(data_dir / "run" / "status.json", now=time.time())
    if service is not None:
        file = _said(service).get("file")
        if isinstance(file, str) and Path(file).resolve() != path.resolve():
            raise ConfigurationError(
                f"the service on {data_dir} runs with another file",
                hint=f"name that one: causeway --config {file} …",
            )
    return service


def _said(service: RunningService) -> dict[str, object]:
    said = service.said.get("configuration")
    return said if isinstance(said, dict) else {}


def _reloaded(path: Path, service: RunningService) -> dict[str, object]:
    """Ask for it and wait; what the service then says of its configuration."""
    from causeway.doctor.running import running_service
    from causeway.service.asking import ask

    run_dir = _data_dir(path) / "run"
    before = _said(service).get("digest")
    try:
        word = ask(run_dir, who_asks())
    except OSError as error:
        raise StartupError(
            f"the service cannot be asked: {error.strerror}",
            hint=f"run this as the user that owns {run_dir}, or send the service SIGHUP",
        ) from None
    until = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        now_running = running_service(run_dir / "status.json", now=time.time())
        if now_running is None:
            break
        said = _said(now_running)
        if said.get("answered") == word:
            return {**said, "changed": said.get("digest") != before}
    raise TemporaryError(
        "the service did not answer", hint="see its log, and `causeway config history` after it"
    )


def _answer(said: dict[str, object], as_json: bool) -> None:
    """Print what became of it; an error if it was refused."""
    refused, version = said.get("refused"), said.get("version")
    number = version if isinstance(version, int) else None
    why = str(refused.get("why", "")) if isinstance(refused, dict) else ""
    outcome = "refused" if why else "changed" if said.get("changed") else "unchanged"
    if as_json:
        from causeway.cli.views import ReloadView

        print_json(ReloadView(outcome=outcome, version=number, why=why).plain())
        if why:
            raise typer.Exit(ConfigurationError.exit_status)
        return
    if why:
        raise ConfigurationError(
            f"refused; version {number} goes on. {why}",
            hint="correct the file, see `causeway config check`, and reload again; or go back with "
            "`causeway config rollback`",
        )
    say(
        f"{paint('changed', fg='green')}: version {number} runs"
        if outcome == "changed"
        else f"unchanged: version {number} runs already"
    )


def _print(outcome: str, version: Version) -> None:
    from causeway.cli.views import ReloadView

    print_json(ReloadView(outcome=outcome, version=version.number, why="").plain())
