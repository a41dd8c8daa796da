"""A ledger and its model, side by side: what is done to one is done to the other."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ledger_model import ARRIVING, LIVE, WORKABLE, Delivery, Model, Parcel, Thing
from sqlalchemy import event

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Dead,
    DeliveryClaim,
    Item,
    Ledger,
    LookAgain,
    NewDelivery,
    NewParcel,
    Packaged,
    Retry,
    SeriesClaim,
    SeriesState,
    Unreadable,
    Verified,
    Wait,
    open_ledger,
)
from causeway.testing.feed import Feed, sop_uid

WHO = {"who": "anna", "why": "test"}
LEASE = 20.0
NEXT = {"open": "complete", "reopened": "complete", "complete": "routed", "routed": "cleaned"}

Arrived = tuple[int, int, int, str, bool]
"""Study, series, number, which bytes, and whether they can be read."""


def without_syncs(ledger: Ledger) -> Ledger:
    """Durability is tested elsewhere; here it only costs time."""

    def relax(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF").close()

    event.listen(ledger._db.engine, "connect", relax)
    ledger._db.engine.dispose()
    return ledger


class LedgerWalk:
    """One SQLite ledger and its model; each verb is done to both and its answer compared."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="causeway-model-")
        self.ledger = self.open()
        self.model = Model()
        self.feed = Feed(quiet_seconds=10)
        self.now = 1000.0
        self.history: list[Item] = []
        self.claims: list[SeriesClaim] = []
        self.sendings: list[DeliveryClaim] = []
        self.arrive([(1, 1, 1, "a", True), (1, 2, 1, "a", True)])
        self.now += 10.0

    def open(self) -> Ledger:
        return without_syncs(open_ledger(Path(self.folder.name) / "ledger.db"))

    def close(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    # --- intake

    def arrive(self, arrivals: list[Arrived]) -> None:
        batch: list[Item] = []
        self.feed.at = self.now
        for study, series, number, data, readable in arrivals:
            uid = sop_uid(study, series, number)
            if readable:
                batch.append(self.feed.indexed(study, series, number, data=data))
            else:
                batch.append(self.feed.unreadable(data, uid=uid))
        self.history += batch
        outcomes = self.ledger.index(batch, now=self.now)
        # A batch is one event for a series: all its arrivals see it as it was before.
        joined: dict[int, list[tuple[int, float]]] = {}
        kinds = []
        for item, outcome, (study, series, number, data, readable) in zip(
            batch, outcomes, arrivals, strict=True
        ):
            uid = sop_uid(study, series, number)
            kind = self.model.kind(uid, data, readable=readable)
            kinds.append(kind)
            state = {"fresh": "indexed", "conflict": "quarantined"}.get(kind, kind)
            reason = {"conflict": "conflict", "quarantined": "truncated"}.get(kind, "")
            assert outcome.instance_id is not None
            thing = Thing(uid=uid, data=data, state=state, reason=reason, study=outcome.study_id)
            self.model.things[outcome.instance_id] = thing
            self.model.records += 1
            if kind == "fresh":
                assert outcome.series_id is not None
                assert outcome.study_id is not None
                thing.series = outcome.series_id
                assert not isinstance(item, Unreadable)
                due = getattr(item, "due_at", 0.0)
                joined.setdefault(outcome.series_id, []).append((outcome.study_id, due))
        reopened = set()
        for series_id, group in joined.items():
            if self.model.join(series_id, group[0][0], max(due for _, due in group)):
                reopened.add(series_id)
        for kind, outcome in zip(kinds, outcomes, strict=True):
            again = kind == "fresh" and outcome.series_id in reopened
            assert outcome.arrival.value == ("reopened" if again else kind)

    def scan_again(self, start: int) -> None:
        outcomes = self.ledger.index(self.history[start:], now=self.now)
        assert {each.arrival.value for each in outcomes} == {"known"}

    # --- time and processes

    def restart(self) -> None:
        self.ledger.close()
        self.ledger = self.open()
        held = [s for s in self.model.series.values() if s.lease.owner is not None]
        sending = [d for d in self.model.deliveries.values() if d.lease.owner is not None]
        freed = self.ledger.release_all_leases(owner=None, now=self.now)
        assert freed == len(held) + len(sending)
        for each in held:
            each.lease.drop()
        for each_delivery in sending:
            each_delivery.lease.drop()
            each_delivery.state = "due"

    # --- series

    def claim(self, states: set[str], limit: int, owner: str) -> None:
        expected = self.model.claimable(states, self.now)
        claims = self.ledger.claim_series(
            [SeriesState(state) for state in states],
            limit=limit,
            now=self.now,
            owner=owner,
            lease_seconds=LEASE,
        )
        dues = [self.model.series[key].due for key in expected[:limit]]
        assert [each.series.due_at for each in claims] == dues
        assert {each.id for each in claims} <= set(expected)
        for each in claims:
            series = self.model.series[each.id]
            series.lease.take(owner, self.now + LEASE)
            series.attempt += 1
            assert each.attempt == series.attempt
        self.claims += claims

    def _holds(self, claim: SeriesClaim) -> bool:
        series = self.model.series[claim.id]
        lease = series.lease
        return (lease.owner, lease.epoch, series.generation) == (
            claim.series.owner,
            claim.series.epoch,
            claim.series.generation,
        )

    def settle(
        self, claim: SeriesClaim, what: str, destinations: tuple[str, ...], packing: str = "one"
    ) -> None:
        holds = self._holds(claim)
        series = self.model.series[claim.id]
        state = claim.series.state.value
        later = self.now + 12.0
        due, attempt = self.now, 0
        if what in {"hold", "deny"} and state != "complete":
            what = "on"
        if what == "on" and state == "cleaned":
            self._package(claim, destinations, packing, holds=holds)
            return
        outcome: Any
        match what:
            case "on":
                outcome, to = Advanced(to=SeriesState(NEXT[state])), NEXT[state]
            case "hold" | "deny":
                to = "held" if what == "hold" else "denied"
                outcome = Advanced(to=SeriesState(to), reason="policy says")
            case "look":
                outcome, to = LookAgain(at=later), state
                due, attempt = later, claim.attempt - 1
            case "wait":
                outcome, to = Wait(until=later, why="closed"), state
                due, attempt = later, claim.attempt - 1
            case "retry":
                outcome, to = Retry(at=later, code="boom"), state
                due, attempt = later, claim.attempt
            case _:
                outcome, to = Dead(code="boom"), "dead"
                due, attempt = series.due, claim.attempt
        assert self.ledger.settle_series(claim, outcome, now=self.now) is holds
        if not holds:
            return
        series.lease.drop()
        series.state, series.due, series.attempt = to, due, attempt
        series.resumes = state if to in {"held", "dead"} else ""
        series.by_policy = to == "held"
        if what in {"retry", "dead"}:
            series.failed = True
        elif what not in {"look", "wait"}:
            series.failed = False
        if to == "cleaned":
            self.model.clean(claim.id)

    def _package(
        self, claim: SeriesClaim, destinations: tuple[str, ...], packing: str, *, holds: bool
    ) -> None:
        """In one parcel or two, what is new, or again whole."""
        series = self.model.series[claim.id]
        gone = any(self.model.things[key].bytes_gone for key in self.model.all_of(claim.id))
        assert not (holds and series.whole and gone), "a promise that cannot be kept"
        whole = not gone and (series.whole or packing == "again")
        ids = tuple(each.id for each in self.ledger.to_package(claim.id, whole=whole))
        if holds:
            assert list(ids) == (self.model.all_of if whole else self.model.unpacked)(claim.id)
        groups = {"": ids}
        if packing == "two":
            groups = {
                "": tuple(n for n in ids if n % 2),
                "even": tuple(n for n in ids if not n % 2),
            }
        parcels = tuple(
            NewParcel(
                key=key,
                name="p",
                size=1,
                digest=bytes(32),
                instance_ids=members,
                deliveries=tuple(NewDelivery(destination=each) for each in destinations),
            )
            for key, members in groups.items()
            if members
        )
        outcome = Packaged(parcels=parcels, whole=whole)
        assert self.ledger.settle_series(claim, outcome, now=self.now) is holds
        if not holds:
            return
        made = self.ledger.parcels_of(claim.id)[-len(parcels) :]
        kinds = [self.model.kind_of(claim.id, each.key, whole=whole) for each in parcels]
        for new, row, kind in zip(parcels, made, kinds, strict=True):
            assert (row.key, row.kind.value) == (new.key, kind)
            self.model.parcels[row.id] = Parcel(claim.id, new.key, kind, set(new.instance_ids))
            for each in self.ledger.deliveries_of(parcel_id=row.id):
                self.model.deliveries[each.id] = Delivery(
                    parcel=row.id, series=claim.id, destination=each.destination, due=self.now
                )
        series.lease.drop()
        series.state, series.due, series.attempt, series.failed = "packaged", self.now, 0, False
        series.whole = False
        self.model.roll_up(claim.id)

    def go_on(self, destinations: tuple[str, ...], stages: int, packing: str) -> None:
        """Some stages at once; one settled step at a time seldom comes as far as a parcel."""
        self.now += LEASE
        for state in ("open", "reopened", "complete", "routed", "cleaned")[: stages + 1]:
            for _ in self.model.claimable({state}, self.now):
                (claim,) = self.ledger.claim_series(
                    [SeriesState(state)], limit=1, now=self.now, owner="three", lease_seconds=LEASE
                )
                series = self.model.series[claim.id]
                series.lease.take("three", self.now + LEASE)
                series.attempt += 1
                if state == "cleaned":
                    self._package(claim, destinations, packing, holds=True)
                    continue
                outcome = Advanced(to=SeriesState(NEXT[state]))
                assert self.ledger.settle_series(claim, outcome, now=self.now)
                series.lease.drop()
                series.state, series.due, series.attempt = NEXT[state], self.now, 0
                series.failed = False
                if NEXT[state] == "cleaned":
                    self.model.clean(claim.id)

    def renew(self) -> None:
        renewed = self.ledger.renew(
            [*self.claims, *self.sendings], now=self.now, lease_seconds=LEASE
        )
        expected = [self._holds(each) for each in self.claims]
        expected += [self._sends(each) for each in self.sendings]
        assert list(renewed) == expected
        for claim in self.claims:
            if self._holds(claim):
                self.model.series[claim.id].lease.until = self.now + LEASE
        for sending in self.sendings:
            if self._sends(sending):
                self.model.deliveries[sending.id].lease.until = self.now + LEASE

    # --- deliveries

    def _sends(self, claim: DeliveryClaim) -> bool:
        lease = self.model.deliveries[claim.id].lease
        return (lease.owner, lease.epoch) == (claim.delivery.owner, claim.delivery.epoch)

    def claim_delivery(self, destination: str, limit: int) -> None:
        expected = self.model.sendable(destination, self.now)
        claims = self.ledger.claim_deliveries(
            destination, limit=limit, now=self.now, owner="s", lease_seconds=LEASE
        )
        assert {each.id for each in claims} <= set(expected)
        assert len(claims) == min(limit, len(expected))
        for each in claims:
            delivery = self.model.deliveries[each.id]
            delivery.lease.take("s", self.now + LEASE)
            delivery.state = "sending"
            delivery.attempt += 1
            assert each.attempt == delivery.attempt
        self.sendings += claims

    def settle_delivery(self, claim: DeliveryClaim, what: str) -> None:
        holds = self._sends(claim)
        later = self.now + 12.0
        outcome: Any = {
            "verified": Verified(),
            "wait": Wait(until=later, why="closed"),
            "retry": Retry(at=later, code="boom"),
            "dead": Dead(code="refused"),
        }[what]
        assert self.ledger.settle_delivery(claim, outcome, now=self.now) is holds
        if not holds:
            return
        delivery = self.model.deliveries[claim.id]
        delivery.lease.drop()
        match what:
            case "verified":
                self.model.verified(claim.id)
            case "wait":
                delivery.state, delivery.due = "due", later
                delivery.attempt -= 1
            case "retry":
                delivery.state, delivery.due, delivery.failed = "due", later, True
            case _:
                delivery.state, delivery.failed = "dead", True
                self.model.roll_up(delivery.series)

    def deliver(self, *, dies: bool) -> None:
        """Whatever can be sent is sent, and arrives; or the last of it is refused."""
        self.now += LEASE
        for destination in ("archive", "cloud"):
            claims = self.ledger.claim_deliveries(
                destination, limit=99, now=self.now, owner="s", lease_seconds=LEASE
            )
            assert {each.id for each in claims} == set(self.model.sendable(destination, self.now))
            for each in claims:
                delivery = self.model.deliveries[each.id]
                delivery.lease.take("s", self.now + LEASE)
                delivery.state = "sending"
                delivery.attempt += 1
            for each in claims:
                delivery = self.model.deliveries[each.id]
                delivery.lease.drop()
                refused = dies and each is claims[-1]
                outcome = Dead(code="refused") if refused else Verified()
                assert self.ledger.settle_delivery(each, outcome, now=self.now)
                if refused:
                    delivery.state, delivery.failed = "dead", True
                    self.model.roll_up(delivery.series)
                else:
                    self.model.verified(each.id)

    # --- persons

    def having(self, states: set[str]) -> list[int]:
        return sorted(key for key, series in self.model.series.items() if series.state in states)

    def hold_in_vain(self, key: int) -> None:
        self.refused(lambda: self.ledger.hold(f"series:{key}", **WHO, now=self.now))
        if self.model.series[key].state not in {"held", "denied"}:
            self.refused(lambda: self.ledger.release(f"series:{key}", **WHO, now=self.now))

    def hold_series(self, key: int) -> None:
        series = self.model.series[key]
        assert self.ledger.hold(f"series:{key}", **WHO, now=self.now) == 1
        series.state, series.resumes, series.by_policy = "held", series.state, False
        self._fence(series.lease)
        series.attempt = 0

    def release_series(self, key: int) -> None:
        assert self.ledger.release(f"series:{key}", **WHO, now=self.now) == 1
        self._released(key)

    def _released(self, key: int) -> None:
        series = self.model.series[key]
        to = series.resumes if series.state == "held" else "complete"
        series.state, series.resumes, series.attempt = to, "", 0
        series.due = max(self.now, series.due) if to in ARRIVING else self.now
        self._fence(series.lease)
        self.model.roll_up(key)

    def hold_or_release_study(self, study: int) -> None:
        held = [
            key
            for key, series in self.model.series.items()
            if series.study == study and series.state == "held"
        ]
        if study in self.model.held_studies:
            self.refused(lambda: self.ledger.hold(f"study:{study}", **WHO, now=self.now))
            released = self.ledger.release(f"study:{study}", **WHO, now=self.now)
            assert released == 1 + len(held)
            self.model.held_studies.remove(study)
            for key in held:
                self._released(key)
        else:
            assert self.ledger.hold(f"study:{study}", **WHO, now=self.now) == 1
            self.model.held_studies.add(study)

    def retry_everything(self) -> None:
        moved = 0
        revived = set()
        for delivery in self.model.deliveries.values():
            backing_off = delivery.state == "due" and delivery.failed and delivery.due > self.now
            if delivery.state == "dead" or backing_off:
                delivery.state, delivery.due, delivery.attempt = "due", self.now, 0
                revived.add(delivery.series)
                moved += 1
        for series in self.model.series.values():
            dead = series.state == "dead" and series.resumes != "packaged"
            backing_off = series.state in WORKABLE and series.failed and series.due > self.now
            if dead or backing_off:
                if dead:
                    series.state, series.resumes = series.resumes, ""
                series.due, series.attempt, series.failed = self.now, 0, False
                self._fence(series.lease)
                moved += 1
        for key in revived:
            series = self.model.series[key]
            if series.state == "dead" and series.resumes == "packaged":
                series.state, series.resumes, series.failed = "packaged", "", False
        assert self.ledger.retry(None, **WHO, now=self.now) == moved

    def reroute(self, study: int, series: int | None) -> None:
        ids = (
            [series]
            if series
            else sorted(k for k, s in self.model.series.items() if s.study == study)
        )
        name = f"series:{series}" if series else f"study:{study}"
        words = {"routing": "fw://a/b", "destinations": ("archive",), **WHO, "now": self.now}
        if self.model.lacks_bytes(ids):
            self.refused(lambda: self.ledger.reroute(name, **words))
            return
        done = self.ledger.reroute(name, **words)
        assert list(done.series_ids) == ids
        for key in ids:
            self.model.reroute(key, self.now)
            said = self.ledger.reroute_of(key)
            assert said is not None
            assert said.id == done.id

    def _fence(self, lease: Any) -> None:
        lease.drop()
        lease.epoch += 1

    def decide_quarantine(self, key: int, *, let_through: bool) -> None:
        thing = self.model.things[key]
        if not let_through:
            self.ledger.quarantine_discard(key, **WHO, now=self.now)
            thing.state = "discarded"
            return
        rivals = [
            (t.approved, k)
            for k, t in self.model.things.items()
            if k != key and t.uid == thing.uid and t.state in LIVE
        ]
        outcome = self.ledger.quarantine_release(key, **WHO, now=self.now)
        rival = self.model.things[min(rivals)[1]] if rivals else None
        if rival is not None and rival.data == thing.data:
            thing.state, thing.study = "duplicate", thing.study or rival.study
            assert outcome.arrival.value == "duplicate"
            return
        assert outcome.series_id is not None
        assert outcome.study_id is not None
        reopened = self.model.join(outcome.series_id, outcome.study_id, self.now)
        assert outcome.arrival.value == ("reopened" if reopened else "fresh")
        thing.state, thing.series, thing.study = "indexed", outcome.series_id, outcome.study_id
        thing.approved = rival is not None or thing.reason != "conflict"

    def refused(self, move: Any) -> None:
        try:
            move()
        except NotAllowed:
            return
        raise AssertionError("it should have been refused")

    # --- retirement

    def retire(self) -> None:
        found = self.ledger.retirable(now=self.now, keep_seconds=0, limit=1000)
        expected = self.model.retirable()
        assert {each.instance_id for each in found} == expected
        assert self.ledger.retired(sorted(expected), now=self.now) == len(expected)
        for key in expected:
            thing = self.model.things[key]
            thing.bytes_gone = True
            if thing.state == "delivered":
                thing.state = "retired"
        idle = {each.container for each in self.ledger.idle_containers()}
        needed = any(not thing.bytes_gone for thing in self.model.things.values())
        assert (self.feed.container in idle) == (bool(self.model.things) and not needed)

    # --- what always holds

    def custody_holds(self) -> None:
        custody = self.ledger.custody()
        assert custody.violations == ()
        assert custody.received == self.model.records == custody.accounted
        places = [self.model.place(thing) for thing in self.model.things.values()]
        for term in custody.counts:
            assert term.count == places.count(term.disposition.value)
        for study in {thing.study for thing in self.model.things.values() if thing.study}:
            assert self.ledger.custody(study).holds

    def rows_are_what_the_model_says(self) -> None:
        for key, series in self.model.series.items():
            row = self.ledger.series(key)
            assert row is not None
            assert (row.state.value, row.resumes_as or "") == (series.state, series.resumes)
            assert (row.generation, row.attempt) == (series.generation, series.attempt)
            assert row.owner == series.lease.owner
            assert row.whole == series.whole
            if series.state in WORKABLE:
                assert row.due_at == series.due
            members = [t for t in self.model.things.values() if t.series == key]
            assert row.instance_count == len(members)
        for key, thing in self.model.things.items():
            instance = self.ledger.instance(key)
            assert instance is not None
            assert instance.state.value == thing.state
            assert instance.parcel_id == self.model.parcel_of(key)
            assert instance.approved == thing.approved
        for number, parcel in self.model.parcels.items():
            found = self.ledger.parcel(number)
            assert found is not None
            assert found.state.value == parcel.state
        for delivery in self.ledger.deliveries_of():
            model = self.model.deliveries[delivery.id]
            assert delivery.state.value == model.state
            assert delivery.due_at == model.due
