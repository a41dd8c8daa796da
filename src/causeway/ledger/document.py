"""The generated parts of ``docs/reference/ledger.md``: diagrams, tables, checks.

::

    python -m causeway.ledger.document docs/reference/ledger.md

rewrites what stands between ``<!-- begin: name -->`` and ``<!-- end: name -->`` from the state
tables, the schema and custody's checks; a test fails while the page is not what this would write.
Diagrams are Mermaid flow charts, as its state charts cannot draw a person's moves differently:
those are dashed.
"""

from __future__ import annotations

import enum
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from causeway.ledger import node_schema, states
from causeway.ledger.custody import CHECKS
from causeway.ledger.states.tables import S, Table


def diagram(begins: Mapping[S, str], table: Table[S], by_operator: Table[S] | None = None) -> str:
    """A machine as Mermaid text: what happens by itself drawn solid, a person's moves dashed."""
    lines = ["```mermaid", "flowchart TD", "  begin(( ))"]
    lines += [f'  {_node(state)}["{state.value}"]' for state in type(next(iter(table)))]
    lines += [f'  begin -->|"{cause}"| {_node(state)}' for state, cause in begins.items()]
    for arrow, moves in (("-->", table), ("-.->", by_operator or {})):
        for old, followers in moves.items():
            lines += [
                f'  {_node(old)} {arrow}|"{cause}"| {_node(new)}'
                for new, cause in followers.items()
            ]
    return "\n".join([*lines, "```"])


def _node(state: enum.StrEnum) -> str:
    # "end" and the like are words of Mermaid.
    return f"s_{state.value.replace(' ', '_')}"


def tables() -> str:
    """Every table with its columns."""
    parts = []
    for table in node_schema.node.metadata.sorted_tables:
        columns = ", ".join(
            f"`{column.name}`" + (f" → `{key.column.table.name}`" if key is not None else "")
            for column in table.columns
            for key in [next(iter(column.foreign_keys), None)]
        )
        parts.append(f"**{table.name}**: {table.comment}.\n{columns}")
    return "\n\n".join(parts)


def checks() -> str:
    """Custody's cross-checks."""
    lines = ["| name | what was found |", "|---|---|"]
    lines += [f"| `{check.name}` | {check.meaning} |" for check in CHECKS]
    return "\n".join(lines)


def sections() -> Mapping[str, str]:
    """What the page is given, by name."""
    return {
        "series": diagram(states.SERIES_BEGINS, states.SERIES, states.SERIES_BY_OPERATOR),
        "instance": diagram(states.INSTANCE_BEGINS, states.INSTANCE, states.INSTANCE_BY_OPERATOR),
        "parcel": diagram(states.PARCEL_BEGINS, states.PARCEL, states.PARCEL_BY_OPERATOR),
        "delivery": diagram(states.DELIVERY_BEGINS, states.DELIVERY, states.DELIVERY_BY_OPERATOR),
        "node_series": diagram(
            states.NODE_SERIES_BEGINS, states.NODE_SERIES, states.NODE_SERIES_BY_OPERATOR
        ),
        "tables": tables(),
        "checks": checks(),
    }


def renewed(page: str) -> str:
    """The page with its generated parts as they should be."""
    for name, text in sections().items():
        pattern = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        found = pattern.findall(page)
        if len(found) != 1:
            raise ValueError(f"the page has {len(found)} places for {name!r}, not one")
        before, after = found[0]
        start, end = page.index(before), page.index(after)
        page = f"{page[:start]}{before}{text}\n{page[end:]}"
    return page


def main() -> None:
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
