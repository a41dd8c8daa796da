"""Finding studies by what a person types: a name, an ID, an accession number, a UID.

Names are compared folded: without case, accents and the component signs of DICOM person names. The
folded text of a study stands in one column, and each word of the question must occur in it. That
is a scan, and is meant to be: at 100,000 studies it takes some tens of milliseconds, needs no
extension of the database, and finds the middle of a name as well as its beginning. UIDs are looked
up by their beginning, in the indexes.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    or_,
    select,
    true,
)

from causeway.ledger import schema
from causeway.ledger.convert import series_row, studies_by_id
from causeway.ledger.engine import Verbs
from causeway.ledger.rows import SeriesRow, StudyRow
from causeway.ledger.states import ARRIVING, SeriesState, StudyState
from causeway.values import Identity

QUESTION_CHARS = 200
"""Longer questions are cut; no name or UID is longer (PS3.5: 64 a component, 64 a UID)."""

UID_CHARS = 6
"""Shorter beginnings of a UID name a country or a vendor, and match everything."""

_SEPARATORS = str.maketrans({"^": " ", "=": " ", "\\": " "})


def fold(text: str) -> str:
    """Text as it is compared: compatible forms, no marks, no case, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SEPARATORS))
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFKD", bare.casefold()).split())


def folded_identity(identity: Identity) -> str:
    """What the search column of a study holds."""
    parts = (
        identity.patient_name,
        identity.patient_id,
        identity.accession_number,
        identity.study_id,
        identity.study_date,
        identity.study_description,
    )
    return "\n".join(fold(part) for part in parts if part)


def _some(*states: SeriesState) -> ColumnElement[bool]:
    return exists(
        select(schema.series.c.id).where(
            schema.series.c.study_id == schema.study.c.id,
            schema.series.c.state.in_([state.value for state in states]),
        )
    )


# ``states.study_state`` in SQL, in the same order; a test holds the two together.
STUDY_STATE: ColumnElement[str] = case(
    (schema.study.c.held_by != "", StudyState.HELD.value),
    (_some(SeriesState.DEAD), StudyState.DEAD.value),
    (_some(SeriesState.HELD), StudyState.HELD.value),
    (_some(*sorted(ARRIVING)), StudyState.ARRIVING.value),
    (
        _some(SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED, SeriesState.PACKAGED),
        StudyState.ON_ITS_WAY.value,
    ),
    (_some(SeriesState.SETTLED), StudyState.SETTLED.value),
    (_some(SeriesState.DENIED), StudyState.DENIED.value),
    else_=StudyState.EMPTY.value,
)


class SearchVerbs(Verbs):
    """Finding studies."""

    def search(
        self,
        text: str = "",
        *,
        state: StudyState | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[StudyRow, ...]:
        """Studies that match, the latest arrival first; all of them for an empty text."""
        query = select(schema.study.c.id)
        if question := text.strip()[:QUESTION_CHARS]:
            query = query.where(_matches(question))
        if state is not None:
            query = query.where(STUDY_STATE.in_([state.value]))
        query = (
            query.order_by(schema.study.c.last_at.desc(), schema.study.c.id.desc())
            .limit(limit)
            .offset(offset)
        )

        def work(connection: Connection) -> tuple[StudyRow, ...]:
            ids = list(connection.execute(query).scalars())
            found = studies_by_id(connection, ids)
            return tuple(found[study_id] for study_id in ids)

        return self._db.read(work)

    def series_in(
        self, state: SeriesState, *, limit: int = 100
    ) -> tuple[tuple[StudyRow, SeriesRow], ...]:
        """Series in a state, the latest to enter it first, each with its study."""
        query = (
            select(schema.series)
            .where(schema.series.c.state == state.value)
            .order_by(schema.series.c.state_at.desc(), schema.series.c.id.desc())
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[tuple[StudyRow, SeriesRow], ...]:
            rows = [series_row(row) for row in connection.execute(query).mappings()]
            studies = studies_by_id(connection, {row.study_id for row in rows})
            return tuple((studies[row.study_id], row) for row in rows)

        return self._db.read(work)


def _matches(question: str) -> ColumnElement[bool]:
    words = fold(question).split()
    by_text = and_(
        true(), *(schema.study.c.search.contains(word, autoescape=True) for word in words)
    )
    if len(question) < UID_CHARS or any(char not in "0123456789." for char in question):
        return by_text
    return or_(
        by_text,
        _begins(schema.study.c.study_instance_uid, question),
        schema.study.c.id.in_(_studies_of(schema.series.c.series_instance_uid, question)),
        schema.study.c.id.in_(_studies_of(schema.instance.c.sop_instance_uid, question)),
    )


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    # A range, which every collation-free index serves; "/" is the character after ".", ":" that
    # after "9", so nothing that begins with the prefix sorts at or above prefix + ":".
    return and_(column >= prefix, column < prefix + ":")


def _studies_of(column: Any, prefix: str) -> Select[Any]:
    return select(column.table.c.study_id).where(
        _begins(column, prefix), column.table.c.study_id.is_not(None)
    )
