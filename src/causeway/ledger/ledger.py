"""The ledger: the sum of its families of verbs, over one database."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Self

from causeway.ledger import postgres, sqlite, versions
from causeway.ledger.again import AgainVerbs
from causeway.ledger.calls import CallVerbs
from causeway.ledger.cleaned import CleanedVerbs
from causeway.ledger.commitments import CommitmentVerbs
from causeway.ledger.custody import CustodyVerbs
from causeway.ledger.deliveries import DeliveryVerbs
from causeway.ledger.engine import Database
from causeway.ledger.heads import HeadVerbs
from causeway.ledger.health import HealthVerbs
from causeway.ledger.imports import ImportVerbs
from causeway.ledger.intake import IntakeVerbs
from causeway.ledger.lanes import LaneVerbs
from causeway.ledger.leases import LeaseVerbs
from causeway.ledger.node_operator import NodeOperatorVerbs
from causeway.ledger.nodes import NodeVerbs
from causeway.ledger.operator import OperatorVerbs
from causeway.ledger.outcomes import OutcomeVerbs
from causeway.ledger.positions import PositionVerbs
from causeway.ledger.quarantine import QuarantineVerbs
from causeway.ledger.queue import QueueVerbs
from causeway.ledger.reading import ReadingVerbs
from causeway.ledger.release import CleanedReleaseVerbs
from causeway.ledger.reroute import RerouteVerbs
from causeway.ledger.retire import RetireVerbs
from causeway.ledger.search import SearchVerbs
from causeway.ledger.summary import SummaryVerbs
from causeway.ledger.tallies import TallyVerbs
from causeway.ledger.work import WorkVerbs


class Ledger(
    IntakeVerbs,
    HeadVerbs,
    PositionVerbs,
    TallyVerbs,
    WorkVerbs,
    CleanedVerbs,
    DeliveryVerbs,
    OutcomeVerbs,
    QueueVerbs,
    LaneVerbs,
    LeaseVerbs,
    RetireVerbs,
    ReadingVerbs,
    SearchVerbs,
    SummaryVerbs,
    HealthVerbs,
    CustodyVerbs,
    OperatorVerbs,
    RerouteVerbs,
    AgainVerbs,
    CleanedReleaseVerbs,
    QuarantineVerbs,
    CallVerbs,
    CommitmentVerbs,
    NodeVerbs,
    NodeOperatorVerbs,
    ImportVerbs,
):
    """Facts and work, in SQL.

    Thread safe; several processes may have it open. Every verb is one transaction: when it returns,
    its change is durable, and when it raises, nothing has changed. All raise ``LedgerBusy`` when
    the database is locked for long or restarting, ``OutOfSpace`` when its disk is full, and
    ``LedgerCorrupt`` when it is damaged.
    """

    @property
    def name(self) -> str:
        """Which database it is: ``sqlite`` or ``postgresql``."""
        return self._db.engine.dialect.name

    def now(self) -> float:
        """The clock of leases: the database server's, or this machine's with SQLite."""
        return self._db.now()

    def ping(self) -> None:
        """Return if the ledger answers."""
        self._db.ask_the_time()

    def stamp(self) -> Hashable:
        """Another one after each change, by whatever process, for microseconds. A hint: where it
        would cost a question to a server it is always the same.
        """
        return self._db.dialect.stamp()

    def close(self) -> None:
        """Close all connections."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url_or_path: str | Path, *, create: bool = True, check: bool = False) -> Ledger:
    """Open the ledger at a file path (SQLite) or a ``postgresql://`` address.

    ``create`` makes one where there is none; without it, that is a ``StartupError``. ``check``
    looks through the whole file for damage first, which takes seconds for a large one: the service
    leaves it to ``causeway doctor --deep``.

    Raises ``StartupError`` (folder, rights, network file system, written by a newer version, no
    driver), ``LedgerCorrupt`` or ``LedgerBusy``.
    """
    address = str(url_or_path)
    if address.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        database = Database(*postgres.connect(address))
    else:
        path = Path(address.removeprefix("sqlite:///"))
        database = Database(*sqlite.connect(path, create=create))
    try:
        if check:
            database.read(database.dialect.verify)
        versions.prepare(database, create=create)
    except BaseException:
        database.close()
        raise
    return Ledger(database)
