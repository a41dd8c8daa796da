"""The proof of what is written beside objects: labels, names of files, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterable

from causeway.attributes import Attributes
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.proof.search import needles, search_text
from causeway.deidentify.proof.tokens import exempt_texts
from causeway.deidentify.proof.traces import KINDS, Kind, Trace, Traces, rule_of


def identifying(
    texts: Iterable[str], original: Attributes, plan: Plan, *, pseudonyms: Iterable[str] = ()
) -> frozenset[Kind]:
    """What of the original's names, identifiers and dates stands in any of these texts.

    ``pseudonyms`` are the subject's own. What the plan keeps is not looked for.
    """
    traces = Traces(
        frozenset(
            Trace(tag, kind, value.encode("utf-8", "replace"))
            for tag, kind in KINDS.items()
            for value in original.values.get(tag, ())
            if value.strip() and rule_of(plan, tag, "PN").action is not Action.KEEP
        ),
        frozenset({b"ISO_IR 192"}),
    )
    looked_for = needles(traces, exempt_texts(plan, pseudonyms))
    found: set[Kind] = set()
    for text in texts:
        found |= search_text(text, looked_for, plan)
    return frozenset(found)
