"""``run`` and ``doctor``: the service itself, and whether this machine lets it work."""

from __future__ import annotations

from typing import Annotated

import typer

from causeway.cli.exits import ChecksFailed
from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import plural, print_json, say, state


def run(
    context: typer.Context,
    receive_only: Annotated[
        bool,
        typer.Option(
            "--receive-only",
            help="Receive and keep, and leave the rest to the next start without this.",
        ),
    ] = False,
) -> None:
    """Run the connector until Ctrl-C or SIGTERM. Log lines go to standard error."""
    from causeway.service import run as run_service

    loaded = session_of(context).read()
    raise typer.Exit(run_service(loaded, by=who_asks(), receive_only=receive_only))


def doctor(
    context: typer.Context,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Also look through the whole ledger for damage, and read the whole spool back "
            "against its digests.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check configuration, disk, ledger, ports, nodes, destinations, certificates and clock."""
    from causeway.cli import examining
    from causeway.doctor import Examination, Outcome
    from causeway.service.mapping import server_tls

    session = session_of(context)
    examination = Examination(
        config_path=session.config_path,
        tls_options=server_tls,
        nodes=lambda configuration: examining.nodes(session, configuration),
        destinations=lambda configuration: examining.destinations(session, configuration),
        deep=deep,
    )
    findings = []
    with bar("checking", None, hidden=as_json) as progress:
        for finding in examination.findings():
            findings.append(finding)
            progress.advance(1)
    failed = [finding for finding in findings if finding.outcome is Outcome.FAILED]
    if as_json:
        from causeway.cli.views import CheckView, DoctorView

        print_json(
            DoctorView(
                ok=not failed,
                checks=[
                    CheckView(
                        name=finding.name,
                        outcome=finding.outcome.value,
                        said=finding.said,
                        to_do=finding.to_do,
                    )
                    for finding in findings
                ],
            ).plain()
        )
    else:
        for finding in findings:
            mark = state(finding.outcome.value)
            padding = " " * (8 - len(finding.outcome.value))
            say(f"{mark}{padding} {finding.name}: {finding.said}")
            if finding.to_do:
                say(f"         → {finding.to_do}")
    if failed:
        raise ChecksFailed(
            f"{plural(len(failed), 'check')} failed: "
            + ", ".join(dict.fromkeys(finding.name for finding in failed)),
        )
