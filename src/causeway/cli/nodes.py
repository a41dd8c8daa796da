"""``nodes``: how the nodes are that are queried, what they have, and moves of a person on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson
from causeway.cli.operate import Why, reason_for
from causeway.cli.session import Session, is_there, session_of, who_asks
from causeway.cli.show import Column, Table, ago, note, plural, print_json, printable, say, when
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.config import NodeSettings
    from causeway.ledger import Ledger, NodeCounts, NodeRow, NodeSeriesRow

NodeName = Annotated[
    str, typer.Argument(metavar="NODE", help="Name of a [[node]].", show_default=False)
]
SeriesNumbers = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="[NUMBER]...",
        help="Series, by their numbers in `causeway nodes list`; none: all that are abandoned.",
        show_default=False,
    ),
]


def node_of(session: Session, name: str) -> NodeSettings:
    """The node of that name; refused with the names that there are."""
    import difflib

    configuration = session.configuration()
    names = [node.name for node in configuration.nodes]
    if name in names:
        return configuration.node(name)
    if not names:
        raise ConfigurationError(
            "there is no [[node]] in the configuration",
            hint="add one with name, ae_title, host and port",
        )
    near = difflib.get_close_matches(name, names, n=1)
    raise ConfigurationError(
        f'there is no node "{name}"',
        hint=f'did you mean "{near[0]}"?' if near else f"nodes are {', '.join(names)}",
    )


def overview(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the nodes that are queried: how that goes, what they have by state, and what to do
    about what failed. No patient data.
    """
    if context.invoked_subcommand is not None:
        return
    session = session_of(context)
    configuration = session.configuration()
    rows: dict[str, NodeRow] = {}
    counts: dict[str, NodeCounts] = {}
    now = 0.0
    if configuration.nodes and is_there(configuration.ledger_path, configuration):
        with session.ledger() as ledger:
            now = ledger.now()
            rows = {row.name: row for row in ledger.nodes()}
            counts = dict(ledger.node_counts(now=now))
    names = [node.name for node in configuration.nodes]
    if as_json:
        from causeway.cli.views import NodesView, NodeView

        views = [NodeView.of(name, rows.get(name), counts.get(name)) for name in names]
        print_json(NodesView(nodes=views).plain())
    elif not names:
        say("there is no [[node]] in the configuration")
    else:
        _print(names, rows, counts, now)


def _print(
    names: Sequence[str], rows: dict[str, NodeRow], counts: dict[str, NodeCounts], now: float
) -> None:
    from causeway.cli.views.nodes import state_of
    from causeway.ledger import NodeSeriesState

    shown = (
        NodeSeriesState.QUEUED,
        NodeSeriesState.RETRIEVING,
        NodeSeriesState.RETRIEVED,
        NodeSeriesState.SKIPPED,
        NodeSeriesState.VANISHED,
        NodeSeriesState.ABANDONED,
    )
    table = Table(
        [
            Column("NODE"),
            Column("STATE", coloured=True),
            Column("LAST FULL ANSWER"),
            Column("STUDIES", right=True),
            Column("SETTLING", right=True),
            *(Column(state.value.upper(), right=True) for state in shown),
            Column("OLDEST", right=True),
        ]
    )
    for name in names:
        row, count = rows.get(name), counts.get(name)
        series = {} if count is None else count.series
        settling = sum(number for state, number in series.items() if state not in shown)
        table.add(
            name,
            state_of(row),
            "never" if row is None or row.full_at is None else ago(now - row.full_at),
            "" if row is None else f"{row.studies:,}",
            settling or "",
            *(series.get(state, "") or "" for state in shown),
            ""
            if count is None or count.oldest_queued_at is None
            else ago(now - count.oldest_queued_at),
        )
    table.print()
    for name in names:
        row, count = rows.get(name), counts.get(name)
        if row is not None and row.failures:
            since = "" if row.failing_since is None else f" since {when(row.failing_since)}"
            say(f"{name}: queries fail{since}: {printable(row.fail_text)}")
            if row.fail_hint:
                say(f"  {printable(row.fail_hint)}")
        if count is not None and count.last_failure[0]:
            say(f"{name}: a retrieval failed: {printable(count.last_failure[1])}")
            if count.last_failure[2]:
                say(f"  {printable(count.last_failure[2])}")
        if count is not None and count.series.get(NodeSeriesState.ABANDONED):
            say(f"  `causeway nodes list {name} --state abandoned`, then `causeway nodes retry`")


def listing(
    context: typer.Context,
    node: NodeName,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Only series in this state; repeat it for several."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List series of a node with how far their retrieval is, those first that changed last. Shows
    UIDs.
    """
    from causeway.ledger import NodeSeriesState

    session = session_of(context)
    settings = node_of(session, node)
    try:
        states = [NodeSeriesState(each) for each in state or ()]
    except ValueError:
        raise ConfigurationError(
            f"{', '.join(state or ())}: not all of these are states",
            hint=f"states are {', '.join(each.value for each in NodeSeriesState)}",
        ) from None
    with session.ledger() as ledger:
        rows = ledger.node_series(settings.name, states=states, limit=limit + 1)
        more, rows = len(rows) > limit, rows[:limit]
        here = {row.id: len(ledger.here(row.series_instance_uid)) for row in rows}
    if as_json:
        from causeway.cli.views import NodeSeriesListView, NodeSeriesView

        views = [NodeSeriesView.of(row, here[row.id]) for row in rows]
        print_json(NodeSeriesListView(node=settings.name, series=views).plain())
        return
    if not rows:
        say("no such series")
        return
    print_series(rows, here)
    if more:
        note(f"there are more; `--limit {limit * 10}` shows them")


def print_series(rows: Sequence[NodeSeriesRow], here: dict[int, int]) -> None:
    from causeway.ledger import NodeSeriesState

    table = Table(
        [
            Column("NUMBER", right=True),
            Column("DATE"),
            Column("MOD"),
            Column("NO", right=True),
            Column("IMAGES", right=True),
            Column("HERE", right=True),
            Column("STATE", coloured=True),
            Column("SINCE"),
            Column("SERIES", least=12),
            Column("WHY", least=16),
        ]
    )
    for row in rows:
        skipped = row.state is NodeSeriesState.SKIPPED
        table.add(
            row.id or "",
            row.study_date,
            row.modality,
            row.series_number,
            "?" if row.image_count is None else row.image_count,
            here.get(row.id, 0),
            row.state.value if row.id else "",
            when(row.state_at) if row.id else "",
            row.series_instance_uid,
            row.skip_why if skipped else row.fail_text,
        )
    table.print()


def retry(
    context: typer.Context,
    node: NodeName,
    numbers: SeriesNumbers = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Retrieve series again that were abandoned, or that wait after a failure."""
    from causeway.ledger import NodeSeriesState

    session = session_of(context)
    settings = node_of(session, node)
    with session.ledger() as ledger:
        rows = _chosen(ledger, settings.name, numbers, (NodeSeriesState.ABANDONED,))
        ledger.retry_retrievals(
            [row.id for row in rows], who=who_asks(), why=why.strip(), now=ledger.now()
        )
    _moved(settings.name, len(rows), "retrieved again", as_json)


def accept(
    context: typer.Context,
    node: NodeName,
    numbers: SeriesNumbers = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Be content with the images that came of abandoned or vanished series: they go on."""
    from causeway.ledger import NodeSeriesState

    why = reason_for(why, "go on with a part of a series")
    if not numbers:
        raise ConfigurationError(
            "which series?", hint=f"name their numbers: `causeway nodes list {node}` shows them"
        )
    session = session_of(context)
    settings = node_of(session, node)
    with session.ledger() as ledger:
        rows = _chosen(ledger, settings.name, numbers, tuple(NodeSeriesState))
        ledger.accept_retrievals(
            [row.id for row in rows], who=who_asks(), why=why, now=ledger.now()
        )
    _moved(settings.name, len(rows), "to go on as they are", as_json)


def _chosen(
    ledger: Ledger, name: str, numbers: Sequence[int] | None, states: Sequence[object]
) -> list[NodeSeriesRow]:
    from causeway.ledger import NodeSeriesState

    if numbers:
        known = ledger.node_series_by_id(list(numbers))
        for number in numbers:
            if number not in known or known[number].node != name:
                raise NothingFound(
                    f"node {name} has no series {number}",
                    hint=f"`causeway nodes list {name}` shows their numbers",
                )
        return [known[number] for number in dict.fromkeys(numbers)]
    wanted = [state for state in states if isinstance(state, NodeSeriesState)]
    rows = list(ledger.node_series(name, states=wanted, limit=1_000_000))
    if not rows:
        raise NothingFound(f"no series of node {name} is abandoned")
    return rows


def _moved(name: str, count: int, said: str, as_json: bool) -> None:
    if as_json:
        from causeway.cli.views import NodeMovedView

        print_json(NodeMovedView(node=name, moved=count).plain())
    else:
        say(f"{name}: {plural(count, 'series', 'series')} {said}")
