"""Custody: received = delivered + held + rejected + quarantined + … + on its way.

The left side does not come from the instance rows: it is what intake counted while it passed over
the spool's containers, and what receiving counted when it refused objects. The right side counts
rows by where they are. So a row that is lost, or one too many, makes the two differ.

Beside the equation stand cross-checks, each a name, a meaning and a query that finds what
contradicts it. They look for what no constraint of the database can express, as it spans rows; a
ledger that was only ever written by this package has none, and a test corrupts one for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, func, select, text

from causeway.ledger import schema
from causeway.ledger.engine import Verbs
from causeway.ledger.reports import Custody, DispositionCount, Violation
from causeway.ledger.states import (
    LIVE,
    WAITING,
    InstanceState,
    SeriesState,
    disposition,
)
from causeway.ledger.tallies import OBJECT
from causeway.values import Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that must never be found."""

    name: str
    meaning: str
    subject: str
    """What the ids that it finds are ids of."""
    query: str
    """Selects ``id`` and, unless it is about the spool, ``study_id``."""
    per_study: bool = True


_LIVE = ", ".join(repr(state.value) for state in LIVE)
_WAITING = ", ".join(repr(state.value) for state in WAITING)

_PACKED = """EXISTS (SELECT 1 FROM parcel_member m JOIN parcel p ON p.id = m.parcel_id
                WHERE m.instance_id = i.id AND p.state <> 'withdrawn')"""
"""Of an instance ``i``: it is in a parcel."""

CHECKS = (
    Check(
        name="records-without-rows",
        meaning="the number of records that were passed in a container is not that of its rows",
        subject="container",
        query="""
            SELECT p.container AS id FROM position p
            WHERE p.records <>
              (SELECT count(*) FROM instance i WHERE i.origin_container = p.container)
        """,
        per_study=False,
    ),
    Check(
        name="rows-without-container",
        meaning="an instance was received in a container that was never passed",
        subject="instance",
        query="""
            SELECT i.id AS id FROM instance i
            WHERE i.origin_container NOT IN (SELECT container FROM position)
        """,
        per_study=False,
    ),
    Check(
        name="study-count",
        meaning="a study has counted more or fewer arrivals than it has rows",
        subject="study",
        query="""
            SELECT s.id AS id, s.id AS study_id FROM study s
            WHERE s.received_count <> (SELECT count(*) FROM instance i WHERE i.study_id = s.id)
        """,
    ),
    Check(
        name="series-count",
        meaning="a series has counted more or fewer instances than belong to it",
        subject="series",
        query="""
            SELECT s.id AS id, s.study_id AS study_id FROM series s
            WHERE s.instance_count <> (SELECT count(*) FROM instance i
              WHERE i.series_id = s.id AND i.state IN ({live}))
        """,
    ),
    Check(
        name="instance-in-other-study",
        meaning="an instance names another study than its series does",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            JOIN series s ON s.id = i.series_id WHERE s.study_id <> i.study_id
        """,
    ),
    Check(
        name="duplicate-of-other-bytes",
        meaning="a duplicate and its original are not the same bytes",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            JOIN instance o ON o.id = i.original_id
            WHERE i.state = 'duplicate' AND o.digest <> i.digest
        """,
    ),
    Check(
        name="member-of-other-series",
        meaning="a parcel holds an instance of another series",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            JOIN parcel_member m ON m.parcel_id = p.id
            JOIN instance i ON i.id = m.instance_id
            WHERE i.series_id <> p.series_id
        """,
    ),
    Check(
        name="parcel-count",
        meaning="a parcel has more or fewer members than it was made with",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            WHERE p.instance_count <>
              (SELECT count(*) FROM parcel_member m WHERE m.parcel_id = p.id)
        """,
    ),
    Check(
        name="parcel-without-delivery",
        meaning="a parcel goes nowhere",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.parcel_id = p.id)
        """,
    ),
    Check(
        name="verified-without-digest",
        meaning="a delivery is verified although its parcel has no digest to verify it by",
        subject="delivery",
        query="""
            SELECT d.id AS id, d.study_id AS study_id FROM delivery d
            JOIN parcel p ON p.id = d.parcel_id
            WHERE d.state = 'verified' AND length(p.digest) <> 32
        """,
    ),
    Check(
        name="settled-parcel-undelivered",
        meaning="a parcel is settled although a delivery of it is not verified",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            WHERE p.state IN ('settled', 'retired') AND EXISTS
              (SELECT 1 FROM delivery d WHERE d.parcel_id = p.id AND d.state <> 'verified'
               AND d.extra = 0)
        """,
    ),
    Check(
        name="verified-parcel-unsettled",
        meaning="all deliveries of a parcel are verified, and it is not settled",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            WHERE p.state = 'made'
              AND EXISTS (SELECT 1 FROM delivery d WHERE d.parcel_id = p.id AND d.extra = 0)
              AND NOT EXISTS
              (SELECT 1 FROM delivery d WHERE d.parcel_id = p.id AND d.state <> 'verified'
               AND d.extra = 0)
        """,
    ),
    Check(
        name="settled-with-open-delivery",
        meaning="a series is settled although a delivery of it is not verified",
        subject="series",
        query="""
            SELECT s.id AS id, s.study_id AS study_id FROM series s
            WHERE s.state = 'settled' AND EXISTS
              (SELECT 1 FROM delivery d WHERE d.series_id = s.id AND d.extra = 0
               AND d.state NOT IN ('verified', 'withdrawn'))
        """,
    ),
    Check(
        name="packaged-with-unpacked",
        meaning="a series is packaged or settled although an instance of it is in no parcel",
        subject="series",
        query="""
            SELECT s.id AS id, s.study_id AS study_id FROM series s
            WHERE s.state IN ('packaged', 'settled') AND EXISTS
              (SELECT 1 FROM instance i WHERE i.series_id = s.id AND i.state IN ({live})
               AND NOT {packed})
        """,
    ),
    Check(
        name="packaged-without-parcel",
        meaning="a series is packaged or settled, and there is no parcel of it",
        subject="series",
        query="""
            SELECT s.id AS id, s.study_id AS study_id FROM series s
            WHERE s.state IN ('packaged', 'settled')
              AND NOT EXISTS
              (SELECT 1 FROM parcel p WHERE p.series_id = s.id AND p.state <> 'withdrawn')
        """,
    ),
    Check(
        name="delivered-without-parcel",
        meaning="an instance counts as delivered, but is in no settled parcel",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            WHERE i.state IN ('delivered', 'retired') AND NOT EXISTS
              (SELECT 1 FROM parcel_member m JOIN parcel p ON p.id = m.parcel_id
               WHERE m.instance_id = i.id AND p.state IN ('settled', 'retired'))
        """,
    ),
    Check(
        name="settled-parcel-member-waits",
        meaning="an instance is in a settled parcel, but does not count as delivered",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            JOIN parcel_member m ON m.instance_id = i.id
            JOIN parcel p ON p.id = m.parcel_id
            WHERE p.state IN ('settled', 'retired') AND i.state NOT IN ('delivered', 'retired')
        """,
    ),
    Check(
        name="sent-twice",
        meaning="an instance is in two parcels, and the later does not say that it goes again",
        subject="instance",
        query="""
            SELECT m.instance_id AS id, p.study_id AS study_id FROM parcel_member m
            JOIN parcel p ON p.id = m.parcel_id
            JOIN parcel_member e ON e.instance_id = m.instance_id
            JOIN parcel q ON q.id = e.parcel_id
            WHERE q.id < p.id AND p.kind <> 'again'
              AND p.state <> 'withdrawn' AND q.state <> 'withdrawn'
        """,
    ),
    Check(
        name="withdrawn-parcel-goes-on",
        meaning="a parcel is withdrawn although a delivery of it is still to be done",
        subject="parcel",
        query="""
            SELECT p.id AS id, p.study_id AS study_id FROM parcel p
            WHERE p.state = 'withdrawn' AND EXISTS (SELECT 1 FROM delivery d
              WHERE d.parcel_id = p.id AND d.state NOT IN ('verified', 'withdrawn'))
        """,
    ),
    Check(
        name="bytes-gone-too-soon",
        meaning="the bytes of an instance are gone although it was not delivered",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            WHERE i.bytes_gone_at IS NOT NULL AND i.state IN ({waiting}, 'quarantined')
        """,
    ),
    Check(
        name="instance-ahead-of-series",
        meaning="an instance is cleaned, but its series is still arriving or not yet cleaned",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            JOIN series s ON s.id = i.series_id
            WHERE i.state = 'cleaned'
              AND (CASE WHEN s.resumes_as IS NULL THEN s.state ELSE s.resumes_as END)
                IN ('open', 'reopened', 'complete', 'routed')
              AND NOT {packed}
        """,
    ),
    Check(
        name="instance-behind-series",
        meaning="a series is cleaned, packaged or settled, but an instance of it is not cleaned",
        subject="instance",
        query="""
            SELECT i.id AS id, i.study_id AS study_id FROM instance i
            JOIN series s ON s.id = i.series_id
            WHERE i.state = 'indexed' AND s.state IN ('cleaned', 'packaged', 'settled')
        """,
    ),
)


class CustodyVerbs(Verbs):
    """Proof that nothing was lost."""

    def custody(self, study_id: int | None = None) -> Custody:
        """The custody line of everything, or of one study, with all that contradicts it.

        Rejected objects were never read, so they belong to no study and count only in the whole.
        """
        return self._db.read(lambda connection: _custody(connection, study_id))


def _custody(connection: Connection, study_id: int | None) -> Custody:
    counts = dict.fromkeys(Disposition, 0)
    query = _WHERE_THEY_ARE if study_id is None else _WHERE_THEY_ARE_OF_STUDY
    values: Mapping[str, int | None] = {} if study_id is None else {"study_id": study_id}
    for row in connection.execute(query, values):
        series_state = SeriesState(row.series_state) if row.series_state else None
        where = disposition(InstanceState(row.state), series_state, study_held=bool(row.study_held))
        counts[where] += int(row.number)
    if study_id is None:
        rejected = int(connection.execute(_REJECTED).scalar_one() or 0)
        counts[Disposition.REJECTED] = rejected
        received = int(connection.execute(_RECEIVED).scalar_one() or 0) + rejected
    else:
        received = int(connection.execute(_RECEIVED_OF_STUDY, values).scalar_one_or_none() or 0)
    return Custody(
        study_id=study_id,
        received=received,
        counts=tuple(DispositionCount(disposition=d, count=counts[d]) for d in Disposition),
        violations=tuple(_violations(connection, study_id)),
    )


def _violations(connection: Connection, study_id: int | None) -> list[Violation]:
    found = []
    for check, of_all, of_study in _PREPARED:
        if study_id is None:
            row = connection.execute(of_all).one()
        elif check.per_study:
            row = connection.execute(of_study, {"study_id": study_id}).one()
        else:
            continue
        if row.number:
            found.append(
                Violation(
                    name=check.name,
                    meaning=check.meaning,
                    count=int(row.number),
                    example=f"{check.subject}:{row.example}",
                )
            )
    return found


# --- statements ---------------------------------------------------------------------------------


def _prepare(check: Check) -> tuple[Check, TextClause, TextClause]:
    query = (
        check.query.replace("{live}", _LIVE)
        .replace("{waiting}", _WAITING)
        .replace("{packed}", _PACKED)
    )
    # The parts are constants of this module; ids are bound.
    whole = f"SELECT count(*) AS number, min(id) AS example FROM ({query}) AS found"  # noqa: S608
    return check, text(whole), text(f"{whole} WHERE study_id = :study_id")


_PREPARED = tuple(_prepare(check) for check in CHECKS)

_BY_PLACE = """
    SELECT i.state AS state, s.state AS series_state,
           CASE WHEN t.held_by <> '' THEN 1 ELSE 0 END AS study_held, count(*) AS number
    FROM instance i
    LEFT JOIN series s ON s.id = i.series_id
    LEFT JOIN study t ON t.id = i.study_id
    WHERE {where}
    GROUP BY i.state, s.state, CASE WHEN t.held_by <> '' THEN 1 ELSE 0 END
"""
_WAITING_ROWS = _BY_PLACE.format(where="i.state = 'indexed' OR i.state = 'cleaned'")
# Where the rest is, is known from its own state; it is counted in the index, without the joins.
_OTHER_ROWS = f"""
    SELECT state, NULL AS series_state, 0 AS study_held, count(*) AS number FROM instance
    WHERE bytes_gone_at IS NULL AND state NOT IN ({_WAITING}) GROUP BY state
    UNION ALL
    SELECT state, NULL AS series_state, 0 AS study_held, count(*) AS number FROM instance
    WHERE bytes_gone_at IS NOT NULL AND state NOT IN ({_WAITING}) GROUP BY state
"""  # noqa: S608
_WHERE_THEY_ARE = text(f"{_WAITING_ROWS} UNION ALL {_OTHER_ROWS}")
_WHERE_THEY_ARE_OF_STUDY = text(_BY_PLACE.format(where="i.study_id = :study_id"))
_RECEIVED = select(func.sum(schema.position.c.records))
_RECEIVED_OF_STUDY = text("SELECT received_count FROM study WHERE id = :study_id")
_REJECTED = select(func.sum(schema.tally.c.count)).where(schema.tally.c.kind == OBJECT)
