"""That an object is clean is said by nobody who cleaned it.

The editor reports what it did; that is not believed here. The original is scanned for what it says
of people, the output is searched for that, and a find, an exception, or bytes that cannot be read
end in a ``Doubt``: the object is quarantined, and does not leave.

What is not proven: pictures (``pixels`` judges those), and persons of whom no attribute of the
original says that it names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from causeway.deidentify.edit.clean import Cleaned, Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Plan
from causeway.deidentify.proof.output import BIG_ENDIAN, output_of, source_blocks
from causeway.deidentify.proof.search import Find, needles, search, search_uids
from causeway.deidentify.proof.tokens import exempt_texts
from causeway.deidentify.proof.traces import traces

NAMED: Final = 8
"""Most places that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Nothing was found, and how much of what was searched."""

    tokens: int
    """Names, identifiers and dates that were looked for."""
    uids: int
    """UIDs that were replaced, and looked for."""
    searched_bytes: int
    pixel_bytes: int
    """Not searched."""


def prove(source: Source, cleaned: Cleaned, plan: Plan, *, pseudonyms: Iterable[str] = ()) -> Proof:
    """Search the output for what identifies somebody in the original.

    ``pseudonyms`` are the subject's own, ``Subject.patient_id()`` above all: an alias may contain
    what a patient's ID was, and that is the site's decision.

    Raises ``Doubt``: ``identifier_left`` naming tags and kinds, never values, for what was found;
    ``proof`` for an output that could not be searched.
    """
    try:
        return _prove(source, cleaned, plan, pseudonyms)
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - see below
        # Whatever went wrong, nothing is proven. The text of an error may quote a value.
        raise Doubt("proof", f"the output cannot be searched: {type(error).__name__}") from None


def _prove(source: Source, cleaned: Cleaned, plan: Plan, pseudonyms: Iterable[str]) -> Proof:
    output = output_of(cleaned)
    little_endian = source.transfer_syntax_uid != BIG_ENDIAN
    said = traces(source_blocks(source, output), plan, little_endian=little_endian)
    looked_for = needles(said, exempt_texts(plan, pseudonyms))
    blocks = partial(source_blocks, source, output)
    found = search(output, looked_for, plan, said.charsets, blocks)
    found |= search_uids(output, cleaned.uids, plan, blocks())
    if found:
        raise Doubt("identifier_left", _named(found))
    return Proof(
        tokens=len(looked_for.tokens),
        uids=len(cleaned.uids),
        searched_bytes=len(output.data) + sum(long.length for long in output.longs),
        pixel_bytes=sum(span.length for span in output.pixels),
    )


def _named(found: set[Find]) -> str:
    places = sorted(map(str, found))
    more = len(places) - NAMED
    return "; ".join(places[:NAMED]) + (f"; and {more} more" if more > 0 else "")
