"""The tree of commands, and how it ends: with a status, and in error with a sentence and a hint.

Only this module knows typer's application; the commands stand in modules of their own, by what they
are for, and are plain functions.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from causeway.cli import (
    card,
    commitments,
    configure,
    deidentify,
    destinations,
    difference,
    explain,
    importing,
    imports,
    look,
    network,
    nodes,
    operate,
    preview,
    profiles,
    pulling,
    quarantine,
    reconciling,
    report,
    serve,
    store,
    triggers,
    versions,
    waiting,
)
from causeway.cli.exits import BUG, INTERRUPTED
from causeway.cli.session import Session
from causeway.cli.show import paint
from causeway.errors import CausewayError

SERVICE = "Service"
STUDIES = "Studies"
OPERATE = "Decide"
DEIDENTIFY = "De-identify"
NETWORK = "Network"

app = typer.Typer(
    name="causeway",
    help="An open DICOM connector, with proof that nothing was lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Check, show or change the configuration.", no_args_is_help=True)
profile_app = typer.Typer(help="De-identification profiles.", no_args_is_help=True)
nodes_app = typer.Typer(invoke_without_command=True)
spool_app = typer.Typer(help="The store of received bytes.", no_args_is_help=True)
destinations_app = typer.Typer(
    help="Where things go, and whether they can.", invoke_without_command=True
)
crosswalk_app = typer.Typer(help="Who is who behind pseudonyms.", no_args_is_help=True)
quarantine_app = typer.Typer(
    help="Objects that were kept, but not let through.", no_args_is_help=True
)
triggers_app = typer.Typer(
    help="Webhooks and commands that follow deliveries.", no_args_is_help=True
)
commitments_app = typer.Typer(
    help="What sources asked us to take responsibility for.", no_args_is_help=True
)

imports_app = typer.Typer(help="Import jobs of AWS HealthImaging.", no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"causeway {version('causeway')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            "-c",
            envvar="CAUSEWAY_CONFIG",
            metavar="FILE",
            help="The configuration.",
            show_default=True,
            readable=False,  # whoever reads it says better why it cannot be
        ),
    ] = Path("causeway.toml"),
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors. They may hold patient data.")
    ] = False,
    version: Annotated[  # noqa: ARG001  (its callback does the work)
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    context.obj = Session(config_path=config, debug=debug)


app.command("init", rich_help_panel=SERVICE)(configure.init)
app.command("run", rich_help_panel=SERVICE)(serve.run)
app.command("doctor", rich_help_panel=SERVICE)(serve.doctor)
app.command("card", rich_help_panel=SERVICE)(card.card)
app.add_typer(config_app, name="config", rich_help_panel=SERVICE)
config_app.command("check")(configure.check)
config_app.command("show")(configure.show)
config_app.command("diff")(difference.diff)
config_app.command("schema")(configure.schema)
config_app.command("reload")(versions.reload)
config_app.command("history")(versions.history)
config_app.command("rollback")(versions.rollback)
app.command("deidentify", rich_help_panel=DEIDENTIFY)(deidentify.deidentify)
app.command("preview", rich_help_panel=DEIDENTIFY)(preview.preview)
app.add_typer(profile_app, name="profile", rich_help_panel=DEIDENTIFY)
profile_app.command("check")(profiles.check)
profile_app.command("show")(profiles.show)
profile_app.command("diff")(profiles.diff)

app.command("status", rich_help_panel=STUDIES)(look.status)
app.command("explain", rich_help_panel=STUDIES)(explain.explain)
app.command("studies", rich_help_panel=STUDIES)(look.studies)
app.command("study", rich_help_panel=STUDIES)(look.study)
app.command("queue", rich_help_panel=STUDIES)(waiting.queue)
app.command("skipped", rich_help_panel=STUDIES)(waiting.skipped)
app.command("custody", rich_help_panel=STUDIES)(look.custody)
app.command("report", rich_help_panel=STUDIES)(report.report)
app.command("export", rich_help_panel=STUDIES)(store.export)
app.add_typer(spool_app, name="spool", rich_help_panel=STUDIES)
spool_app.command("verify")(store.verify)

app.add_typer(nodes_app, name="nodes", rich_help_panel=STUDIES)
nodes_app.callback(invoke_without_command=True)(nodes.overview)
nodes_app.command("list")(nodes.listing)
nodes_app.command("retry")(nodes.retry)
nodes_app.command("accept")(nodes.accept)

app.add_typer(imports_app, name="imports", rich_help_panel=STUDIES)
imports_app.command("list")(imports.imports_list)
imports_app.command("show")(imports.imports_show)

app.command("hold", rich_help_panel=OPERATE)(operate.hold)
app.command("release", rich_help_panel=OPERATE)(operate.release)
app.command("deliver", rich_help_panel=OPERATE)(destinations.deliver)
app.command("reroute", rich_help_panel=OPERATE)(waiting.reroute)
app.command("retry", rich_help_panel=OPERATE)(operate.retry)
app.add_typer(crosswalk_app, name="crosswalk", rich_help_panel=OPERATE)
crosswalk_app.command("export")(report.export)
app.add_typer(quarantine_app, name="quarantine", rich_help_panel=OPERATE)
app.add_typer(commitments_app, name="commitments", rich_help_panel=OPERATE)
commitments_app.command("list")(commitments.commitments_list)
commitments_app.command("retry")(commitments.commitments_retry)
commitments_app.command("discard")(commitments.commitments_discard)
app.add_typer(triggers_app, name="triggers", rich_help_panel=OPERATE)
triggers_app.command("list")(triggers.triggers_list)
triggers_app.command("retry")(triggers.triggers_retry)
quarantine_app.command("list")(quarantine.list_)
quarantine_app.command("show")(quarantine.show)
quarantine_app.command("release")(quarantine.release)
quarantine_app.command("leave-out")(quarantine.leave_out)
quarantine_app.command("discard")(quarantine.discard)

app.command("import", rich_help_panel=STUDIES)(importing.import_)
app.command("send", rich_help_panel=NETWORK)(network.send)
app.add_typer(destinations_app, name="destinations", rich_help_panel=NETWORK)
destinations_app.callback()(destinations.destinations)
destinations_app.command("test")(destinations.try_out)
app.command("echo", rich_help_panel=NETWORK)(network.echo)
app.command("find", rich_help_panel=NETWORK)(pulling.find)
app.command("pull", rich_help_panel=NETWORK)(pulling.pull)
app.command("reconcile", rich_help_panel=NETWORK)(reconciling.reconcile)


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = general_options_first(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding does not have is shown with a ? in it, not refused.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="causeway")
    except CausewayError as error:
        if debug:
            traceback.print_exc()
        complain(error)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  (the last resort: a sentence, not a traceback)
        # Printed here, not raised: Python's own hook may have been taken over by the logs.
        if debug:
            traceback.print_exc()
        _report_bug(error)
        sys.exit(BUG)


def complain(error: CausewayError) -> None:
    """One clear sentence, and below it what to do."""
    typer.echo(f"{paint('error', fg='red', bold=True)}: {error.message}", err=True)
    if error.hint:
        typer.echo(f"{paint('hint', fg='cyan', bold=True)}: {error.hint}", err=True)


def _report_bug(error: Exception) -> None:
    # The text of an exception that nobody foresaw may quote a data set, so it is not printed.
    from causeway.observe import failure

    said = failure(error)
    where = f" at {said['where']}" if "where" in said else ""
    typer.echo(
        f"{paint('error', fg='red', bold=True)}: "
        f"a defect of Causeway: {said['error']}{where}\n"
        f"{paint('hint', fg='cyan', bold=True)}: "
        "run the command again with --debug for the traceback, which may hold patient data",
        err=True,
    )


def general_options_first(arguments: Sequence[str]) -> list[str]:
    """Let ``--config`` and ``--debug`` stand behind the command too, where most write them."""
    first: list[str] = []
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        if argument == "--":
            rest += [argument, *remaining]
            break
        if argument in ("--config", "-c") and remaining:
            first += [argument, remaining.pop(0)]
        elif argument.startswith("--config=") or argument == "--debug":
            first.append(argument)
        else:
            rest.append(argument)
    return [*first, *rest]
