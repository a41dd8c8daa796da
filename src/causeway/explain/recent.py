"""Series that stand in the ledger, as far as deciding needs them."""

from __future__ import annotations

from collections.abc import Iterator

from causeway.ledger import Ledger, StudyRow

_STUDIES_AT_ONCE = 200


def studies_since(ledger: Ledger, since: float | None) -> Iterator[StudyRow]:
    """Studies with an arrival since then, the latest first; all of them for None."""
    offset = 0
    while rows := ledger.search(limit=_STUDIES_AT_ONCE, offset=offset):
        for row in rows:
            if since is not None and row.last_at < since:
                return
            yield row
        offset += len(rows)
