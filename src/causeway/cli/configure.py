"""``init`` and ``config …``: write a configuration, and explain one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.session import session_of
from causeway.cli.show import Column, Table, note, paint, plural, print_json, say

if TYPE_CHECKING:
    from causeway.cli.views import GoesView
    from causeway.config import Configuration, Loaded, Problem


def init(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]", help="The file to write, or a folder for it.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a commented causeway.toml to start from. Never overwrites a file."""
    from importlib.resources import files

    from causeway.errors import ConfigurationError

    path = session_of(context).config_path if path is None else path
    if path.is_dir():
        path /= "causeway.toml"
    text = files("causeway.cli").joinpath("causeway.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(
            f"{path} is there already, and is not overwritten",
            hint=f"edit it, or name another: `causeway init {path.with_stem(path.stem + '-new')}`",
        ) from None
    except FileNotFoundError:
        raise ConfigurationError(
            f"the folder {path.parent} is not there", hint=f"make it: `mkdir -p {path.parent}`"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}", hint="choose a folder that you may write"
        ) from None
    say(f"wrote {path}")
    option = "" if str(path) == "causeway.toml" else f" --config {path}"
    say(f"next: causeway{option} run")


def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Read the configuration as the service would, and report every problem in it."""
    from causeway.config import InvalidConfiguration
    from causeway.errors import ConfigurationError

    session = session_of(context)
    try:
        loaded = session.read()
    except InvalidConfiguration as error:
        if not as_json:
            raise
        print_json(_checked(session.config_path, error.problems, ()))
        raise typer.Exit(error.exit_status) from None
    configuration = loaded.configuration
    problems, doubts = _tls_files(loaded)
    misfits, unsure = _treatments(loaded)
    problems += misfits
    warnings = (*loaded.warnings, *doubts, *unsure)
    if as_json:
        print_json(_checked(session.config_path, problems, warnings, configuration))
        if problems:
            raise typer.Exit(ConfigurationError.exit_status)
        return
    if problems:
        raise InvalidConfiguration(str(session.config_path), problems)
    for warning in warnings:
        note(f"{paint('warning', fg='yellow', bold=True)}: {warning}")
    counts = ", ".join(
        plural(len(things), noun)
        for things, noun in (
            (configuration.listeners, "listener"),
            (configuration.sources, "source"),
            (configuration.destinations, "destination"),
            (configuration.routes, "route"),
        )
    )
    warned = f"; {plural(len(warnings), 'warning')}" if warnings else ""
    for going in _goings(configuration):
        say(f"{going.route} → {going.destination}: {_in_words(going)}")
    say(f"{session.config_path}: {paint('ok', fg='green')}: {counts}{warned}")


def _treatments(loaded: Loaded) -> tuple[list[Problem], list[Problem]]:
    """What the service would say of profiles, rules for pixels, keys and aliases."""
    settings = loaded.configuration
    if not (settings.profiles or settings.project_keys or asks_for_it(settings)):
        return [], []
    from causeway.service.treating import misfits

    return misfits(loaded)


def asks_for_it(configuration: Configuration) -> bool:
    """Whether anything of a configuration asks for de-identification, or prepares for it."""
    from causeway.config import NONE, DeidentifySettings

    asked: set[str | None] = {each.deidentify for each in configuration.destinations}
    asked |= {each.deidentify for each in configuration.routes}
    return bool(asked - {NONE, None}) or configuration.deidentify != DeidentifySettings()


def _goings(configuration: Configuration) -> list[GoesView]:
    """What goes where as what: each route with each of its destinations."""
    from causeway.cli.views import GoesView

    usual = {each.name: each.deidentify for each in configuration.destinations}
    return [
        GoesView(
            route=route.name or f"route {number}",
            destination=name,
            deidentify=route.deidentify or usual[name],
            said_by="destination" if route.deidentify is None else "route",
        )
        for number, route in enumerate(configuration.routes, start=1)
        for name in route.destinations
    ]


def _in_words(going: GoesView) -> str:
    if going.deidentify == "none":
        done = "as it came, with all that identifies the patient"
    else:
        done = f'de-identified by "{going.deidentify}"'
    return done + (", as the route says" if going.said_by == "route" else "")


def _tls_files(loaded: Loaded) -> tuple[list[Problem], list[Problem]]:
    """What the listener would say of its TLS files at its start, and what only it can know."""
    if all(listener.tls is None for listener in loaded.configuration.listeners):
        return [], []
    from causeway.config import Problem
    from causeway.errors import CausewayError, ConfigurationError
    from causeway.net import server_context
    from causeway.service.mapping import server_tls

    problems: list[Problem] = []
    doubts: list[Problem] = []
    for index, listener in enumerate(loaded.configuration.listeners):
        if listener.tls is None:
            continue
        try:
            server_context(server_tls(listener.tls))
        except CausewayError as error:
            # A password that is not in this environment may be in that of the service.
            (doubts if isinstance(error, ConfigurationError) else problems).append(
                Problem(
                    file=str(loaded.path),
                    line=loaded.lines.of(("listener", index, "tls")),
                    setting=f"listener {index + 1}, tls",
                    what=error.message,
                    right=error.hint,
                )
            )
    return problems, doubts


def _checked(
    file: Path,
    problems: Sequence[Problem],
    warnings: Sequence[Problem],
    configuration: Configuration | None = None,
) -> dict[str, object]:
    from causeway.cli.views import ConfigCheckView, ProblemView

    def view(problem: Problem) -> ProblemView:
        return ProblemView(
            line=problem.line, setting=problem.setting, what=problem.what, right=problem.right
        )

    return ConfigCheckView(
        file=str(file),
        ok=not problems,
        problems=[view(problem) for problem in problems],
        warnings=[view(warning) for warning in warnings],
        goes=[] if configuration is None else _goings(configuration),
    ).plain()


def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting in effect, and the line or the default that it comes from."""
    import json

    from causeway.config.describe import effective

    session = session_of(context)
    loaded = session.read()
    shown = list(effective(loaded.configuration, loaded.lines))
    if as_json:
        from causeway.cli.views import ConfigShowView, SettingView

        settings = [SettingView(key=i.key, value=i.value, line=i.line) for i in shown]
        print_json(ConfigShowView(file=str(session.config_path), settings=settings).plain())
        return
    table = Table([Column("SETTING"), Column("VALUE", least=16), Column("FROM")])
    for item in shown:
        value = "" if item.value is None else json.dumps(item.value, ensure_ascii=False)
        table.add(item.key, value or "(not set)", f"line {item.line}" if item.line else "default")
    table.print()


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors that check while one types."""
    from causeway.config.describe import schema as of_the_file

    print_json(of_the_file())
