"""What the ledger should do, said a second time: dictionaries, no database, no leases in SQL.

Written from the documentation, not from the code: series and deliveries are small objects, and
every verb is a few plain statements. Ids are those that the ledger gave, as the model needs names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ARRIVING = {"open", "reopened"}
WORKABLE = {"open", "reopened", "complete", "routed", "cleaned"}
LIVE = {"indexed", "cleaned", "delivered", "retired"}


@dataclass
class Thing:
    """An instance."""

    uid: str
    data: str
    state: str
    reason: str = ""
    series: int | None = None
    study: int | None = None
    bytes_gone: bool = False
    approved: bool = False


@dataclass
class Lease:
    owner: str | None = None
    until: float = 0.0
    epoch: int = 0

    def free(self, now: float) -> bool:
        return self.owner is None or self.until <= now

    def take(self, owner: str, until: float) -> None:
        self.owner, self.until, self.epoch = owner, until, self.epoch + 1

    def drop(self) -> None:
        self.owner = None


@dataclass
class Series:
    study: int
    due: float
    state: str = "open"
    resumes: str = ""
    generation: int = 1
    attempt: int = 0
    lease: Lease = field(default_factory=Lease)
    by_policy: bool = False
    failed: bool = False
    whole: bool = False


@dataclass
class Parcel:
    series: int
    key: str
    kind: str
    members: set[int]
    state: str = "made"


@dataclass
class Delivery:
    parcel: int
    series: int
    destination: str
    due: float
    state: str = "due"
    attempt: int = 0
    lease: Lease = field(default_factory=Lease)
    failed: bool = False


@dataclass
class Model:
    things: dict[int, Thing] = field(default_factory=dict)
    series: dict[int, Series] = field(default_factory=dict)
    parcels: dict[int, Parcel] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    held_studies: set[int] = field(default_factory=set)
    records: int = 0

    # --- intake

    def kind(self, uid: str, data: str, *, readable: bool) -> str:
        """What an object is that arrives now."""
        here = [t for t in self.things.values() if t.uid == uid]
        for thing in here:
            if thing.data == data:
                if thing.state in LIVE:
                    return "duplicate"
                if thing.state == "quarantined" and (not readable or thing.reason == "conflict"):
                    return "duplicate"
        if not readable:
            return "quarantined"
        return "conflict" if any(t.state in LIVE for t in here) else "fresh"

    def join(self, series_id: int, study: int, due: float) -> bool:
        """An instance joins a series; tells whether that reopened it."""
        series = self.series.get(series_id)
        if series is None:
            self.series[series_id] = Series(study=study, due=due)
            return False
        goes_on_as = series.resumes if series.state == "held" else series.state
        if goes_on_as in ARRIVING:
            series.due = max(series.due, due)
            if series.lease.owner is not None:
                self._void(series)
            return False
        self._void(series)
        series.due = due
        series.failed = False
        self.unclean(series_id)
        if series.state == "held":
            series.resumes = "reopened"
        else:
            series.state, series.resumes = "reopened", ""
        return True

    def _void(self, series: Series) -> None:
        series.generation += 1
        series.attempt = 0
        series.lease.drop()

    # --- work on series

    def claimable(self, states: set[str], now: float) -> list[int]:
        found = [
            key
            for key, series in self.series.items()
            if series.state in states
            and series.due <= now
            and series.lease.free(now)
            and series.study not in self.held_studies
        ]
        return sorted(found, key=lambda key: self.series[key].due)

    def unpacked(self, series_id: int) -> list[int]:
        return sorted(
            key
            for key, thing in self.things.items()
            if thing.series == series_id
            and thing.state in {"indexed", "cleaned"}
            and self.parcel_of(key) is None
        )

    def all_of(self, series_id: int) -> list[int]:
        return sorted(
            k for k, t in self.things.items() if t.series == series_id and t.state in LIVE
        )

    def parcel_of(self, key: int) -> int | None:
        """The newest parcel that holds an instance."""
        found = [n for n, p in self.parcels.items() if key in p.members and p.state != "withdrawn"]
        return max(found, default=None)

    def kind_of(self, series_id: int, key: str, *, whole: bool) -> str:
        keys = [
            p.key for p in self.parcels.values() if p.series == series_id and p.state != "withdrawn"
        ]
        if whole and keys:
            return "again"
        return "amendment" if key in keys else "first"

    def unclean(self, series_id: int) -> None:
        for key in self.unpacked(series_id):
            self.things[key].state = "indexed"

    def clean(self, series_id: int) -> None:
        for thing in self.things.values():
            if thing.series == series_id and thing.state == "indexed":
                thing.state = "cleaned"

    def roll_up(self, series_id: int) -> None:
        series = self.series[series_id]
        if series.state != "packaged":
            return
        states = {d.state for d in self.deliveries.values() if d.series == series_id}
        states.discard("withdrawn")
        if "dead" in states:
            series.state, series.resumes, series.failed = "dead", "packaged", True
        elif states == {"verified"}:
            series.state = "settled"

    # --- deliveries

    def sendable(self, destination: str, now: float) -> list[int]:
        found = [
            key
            for key, d in self.deliveries.items()
            if d.destination == destination
            and d.state in {"due", "sending"}
            and d.due <= now
            and d.lease.free(now)
            and self.series[d.series].state not in {"held", "denied"}
            and self.series[d.series].study not in self.held_studies
        ]
        return sorted(found, key=lambda key: self.deliveries[key].due)

    def verified(self, delivery_id: int) -> None:
        delivery = self.deliveries[delivery_id]
        delivery.state, delivery.failed = "verified", False
        parcel = delivery.parcel
        if all(d.state == "verified" for d in self.deliveries.values() if d.parcel == parcel):
            self.parcels[parcel].state = "settled"
            for key in self.parcels[parcel].members:
                if self.things[key].state == "cleaned":
                    self.things[key].state = "delivered"
        self.roll_up(delivery.series)

    def retirable(self) -> set[int]:
        """Instances whose bytes nobody needs."""
        return {
            key
            for key, thing in self.things.items()
            if not thing.bytes_gone
            and thing.study not in self.held_studies
            and (
                thing.state in {"duplicate", "discarded"}
                or (thing.state == "delivered" and not self._may_be_sent(key))
            )
        }

    def _may_be_sent(self, key: int) -> bool:
        series = self.series[self.things[key].series or 0]
        if {series.state, series.resumes} & WORKABLE:
            return True
        return any(
            d.state not in {"verified", "withdrawn"} and key in self.parcels[d.parcel].members
            for d in self.deliveries.values()
        )

    # --- rerouting

    def lacks_bytes(self, series_ids: list[int]) -> bool:
        return any(
            self.things[key].bytes_gone
            for series_id in series_ids
            if self._was_delivered(series_id)
            for key in self.all_of(series_id)
        )

    def _was_delivered(self, series_id: int) -> bool:
        return any(p.series == series_id and p.state == "settled" for p in self.parcels.values())

    def reroute(self, series_id: int, now: float) -> None:
        series = self.series[series_id]
        series.whole = series.whole or self._was_delivered(series_id)
        for number, parcel in self.parcels.items():
            if parcel.series == series_id and parcel.state == "made":
                parcel.state = "withdrawn"
                for delivery in self.deliveries.values():
                    if delivery.parcel == number and delivery.state != "verified":
                        delivery.state = "withdrawn"
                        delivery.lease.drop()
                        delivery.lease.epoch += 1
        self.unclean(series_id)
        series.lease.drop()
        series.lease.epoch += 1
        series.attempt = 0
        if series.state in ARRIVING:
            return
        if series.state == "held" and not series.by_policy:
            if series.resumes in {"routed", "cleaned", "packaged"}:
                series.resumes = "complete"
            return
        if series.resumes in ARRIVING:
            if series.state == "dead":
                return
            series.state, series.due = "reopened", max(now, series.due)
        else:
            series.state, series.due = "complete", now
        series.resumes, series.failed = "", False

    # --- where everything is

    def place(self, thing: Thing) -> str:
        if thing.state in {"delivered", "retired"}:
            return "delivered"
        if thing.state in {"quarantined", "duplicate", "discarded"}:
            return thing.state
        assert thing.series is not None
        series = self.series[thing.series]
        parked = series.state in {"held", "denied", "dead"} or series.study in self.held_studies
        return "held" if parked else "on its way"
