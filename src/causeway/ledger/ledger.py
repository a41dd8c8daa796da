"""The ledger's one face: every verb of the package, each a transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from causeway.ledger import rows as r
from causeway.ledger.states import SeriesState, StudyState
from causeway.values import SpoolAddress


class Ledger:
    """Facts and work, in SQL. Thread safe; several processes may hold one open."""

    def close(self) -> None:
        raise NotImplementedError

    def now(self) -> float:
        """The ledger's clock: the database server's, or this machine's with SQLite."""
        raise NotImplementedError

    # intake
    def index(
        self, batch: Sequence[r.Indexed | r.Unreadable | r.Damaged], *, now: float
    ) -> tuple[r.Outcome, ...]:
        raise NotImplementedError

    def positions(self) -> tuple[r.Position, ...]:
        raise NotImplementedError

    def association_ended(
        self, association: str, outcome: str, *, at: float, look_at: float | None = None
    ) -> tuple[int, ...]:
        raise NotImplementedError

    def tally(self, kind: str, source: str, reason: str, *, at: float, count: int = 1) -> None:
        raise NotImplementedError

    def tallies(self) -> tuple[r.Tally, ...]:
        raise NotImplementedError

    # series work
    def claim_series(
        self,
        states: Collection[SeriesState],
        *,
        limit: int,
        now: float,
        owner: str,
        lease_seconds: float,
    ) -> tuple[r.SeriesClaim, ...]:
        raise NotImplementedError

    def settle_series(self, claim: r.SeriesClaim, outcome: r.SeriesOutcome, *, now: float) -> bool:
        raise NotImplementedError

    def settle_series_all(
        self, results: Sequence[tuple[r.SeriesClaim, r.SeriesOutcome]], *, now: float
    ) -> tuple[bool, ...]:
        raise NotImplementedError

    def to_package(self, series_id: int) -> tuple[r.InstanceRow, ...]:
        raise NotImplementedError

    def acquisitions(self, series_id: int) -> tuple[r.Acquisition, ...]:
        raise NotImplementedError

    # deliveries
    def claim_deliveries(
        self, destination: str, *, limit: int, now: float, owner: str, lease_seconds: float
    ) -> tuple[r.DeliveryClaim, ...]:
        raise NotImplementedError

    def settle_delivery(
        self, claim: r.DeliveryClaim, outcome: r.DeliveryOutcome, *, now: float
    ) -> bool:
        raise NotImplementedError

    def effect(self, delivery_id: int, key: str, value: str, *, at: float) -> str:
        raise NotImplementedError

    def effects(self, delivery_id: int) -> tuple[tuple[str, str], ...]:
        raise NotImplementedError

    def place(self, destination: str, path: str, owner: str, *, at: float) -> r.Placement:
        raise NotImplementedError

    def placed(self, destination: str, owner: str) -> tuple[str, ...]:
        raise NotImplementedError

    # leases
    def renew(
        self, claims: Sequence[r.SeriesClaim | r.DeliveryClaim], *, now: float, lease_seconds: float
    ) -> tuple[bool, ...]:
        raise NotImplementedError

    def release_all_leases(self, *, owner: str | None, now: float) -> int:
        raise NotImplementedError

    def next_due_at(self, *, now: float) -> float | None:
        raise NotImplementedError

    # retirement
    def retirable(self, *, now: float, keep_seconds: float, limit: int) -> tuple[r.Retirable, ...]:
        raise NotImplementedError

    def retired(self, instance_ids: Sequence[int], *, now: float) -> int:
        raise NotImplementedError

    def idle_containers(self) -> tuple[r.Position, ...]:
        raise NotImplementedError

    def pinning(self, *, limit: int) -> tuple[r.Pinning, ...]:
        raise NotImplementedError

    def moved(self, instance_id: int, old: SpoolAddress, new: SpoolAddress, *, now: float) -> bool:
        raise NotImplementedError

    def container_gone(self, container: str, *, now: float) -> None:
        raise NotImplementedError

    def retirable_parcels(
        self, *, now: float, keep_seconds: float, limit: int
    ) -> tuple[r.ParcelRow, ...]:
        raise NotImplementedError

    def parcels_retired(self, parcel_ids: Sequence[int], *, now: float) -> int:
        raise NotImplementedError

    # reading
    def study(self, study_id: int) -> r.StudyRow | None:
        raise NotImplementedError

    def series(self, series_id: int) -> r.SeriesRow | None:
        raise NotImplementedError

    def instance(self, instance_id: int) -> r.InstanceRow | None:
        raise NotImplementedError

    def series_of(self, study_id: int) -> tuple[r.SeriesRow, ...]:
        raise NotImplementedError

    def instances_of(self, series_id: int) -> tuple[r.InstanceRow, ...]:
        raise NotImplementedError

    def parcels_of(self, series_id: int) -> tuple[r.ParcelRow, ...]:
        raise NotImplementedError

    def parcel(self, parcel_id: int) -> r.ParcelRow | None:
        raise NotImplementedError

    def members_of(self, parcel_id: int) -> tuple[r.InstanceRow, ...]:
        raise NotImplementedError

    def deliveries_of(
        self,
        *,
        study_id: int | None = None,
        series_id: int | None = None,
        parcel_id: int | None = None,
    ) -> tuple[r.DeliveryRow, ...]:
        raise NotImplementedError

    def events_of(
        self, *, study_id: int | None = None, limit: int = 1000
    ) -> tuple[r.EventRow, ...]:
        raise NotImplementedError

    def search(
        self, text: str = "", *, state: StudyState | None = None, limit: int = 100, offset: int = 0
    ) -> tuple[r.StudyRow, ...]:
        raise NotImplementedError

    def summary(self, *, now: float) -> r.Summary:
        raise NotImplementedError

    def custody(self, study_id: int | None = None) -> r.Custody:
        raise NotImplementedError

    # operator
    def find(self, reference: str) -> r.StudyRow | r.SeriesRow | r.InstanceRow | None:
        raise NotImplementedError

    def hold(self, reference: str, *, who: str, why: str, now: float) -> int:
        raise NotImplementedError

    def release(self, reference: str, *, who: str, why: str, now: float) -> int:
        raise NotImplementedError

    def retry(
        self, reference: str, *, who: str, why: str, now: float, destination: str | None = None
    ) -> int:
        raise NotImplementedError

    def quarantined(self, *, limit: int = 100, offset: int = 0) -> tuple[r.InstanceRow, ...]:
        raise NotImplementedError

    def quarantine_release(
        self, instance_id: int, *, who: str, why: str, now: float, item: r.Indexed | None = None
    ) -> r.Outcome:
        raise NotImplementedError

    def quarantine_discard(self, instance_id: int, *, who: str, why: str, now: float) -> None:
        raise NotImplementedError
