"""A destination that is dead, with 10,000 parcels waiting for it, beside one that is alive.

The pipeline of the connector in this process, with its threads, its ledger and its folders: how
many parcels a second are verified in the live one, with and without the other. The two take turns.
Both ledgers are of one size: where nothing waits, the same parcels were delivered before. So
what is compared is the dead lane, and not how long a ledger is.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.session import Session, Table, against, median, number
from causeway.decide.policy import Policy, Route
from causeway.decide.rules import compile_rule
from causeway.ledger import (
    Advanced,
    InstanceRow,
    NewDelivery,
    NewParcel,
    Packaged,
    ParcelRow,
    SeriesState,
    Verified,
)
from causeway.pipeline import CompletionRules, Parts, Pipeline
from causeway.pipeline.parcel import Parcel, from_ledger, members
from causeway.testing.feed import Feed
from causeway.testing.site import Image, Site

DEAD, LIVE = "dead", "live"
SHARE = 0.95
"""Of the rate without: less than 5 % may be lost."""
BACKLOG = 10_000
PARCELS = {True: 1000, False: 300}
"""In one run. One image each: what is to be seen is the engine, and not the disk."""
IMAGE_BYTES = 20_000
BATCH = 500
_STAGES = (SeriesState.OPEN, SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED)


class _Place:
    """A site of its own, whose other destination is dead or has had everything."""

    def __init__(self, folder: Path, *, dead: bool) -> None:
        self.site = Site(folder, start=False)
        self.site.configure(
            policy=Policy(
                routes=(
                    Route(
                        name=DEAD,
                        destinations=(DEAD,),
                        when=compile_rule(f'SeriesDescription == "{DEAD}"'),
                    ),
                    Route(name="all", destinations=(LIVE,)),
                )
            ),
            destinations=[self.site.plan(name) for name in (DEAD, LIVE)],
            completion=CompletionRules(quiet_seconds=0.0),
            keep_seconds=24 * 3600.0,
        )
        self.site.now = time.time()
        self.site.start()
        self._runs = 0
        # It was there once, so that its folder is missed and not made.
        self.site.parts.destinations[DEAD].recognise()  # type: ignore[attr-defined]
        _fill(self.site, BACKLOG)
        if dead:
            shutil.rmtree(folder / DEAD)
        else:
            _deliver(self.site)

    def rate(self, parcels: int) -> float:
        """Parcels a second, from the start of the pipeline until all are verified."""
        self._runs += 1
        site = self.site
        site.now = time.time()
        for n in range(parcels):
            study = self._runs * 1000 + n // 20
            name = f"S{n}"
            site.receive(Image(study=study, series=n, size=IMAGE_BYTES, series_description=name))
        while site.parts.indexer.turn(site.now):
            pass
        site.now = time.time() + 1
        while site.parts.stages.turn(site.now):
            pass
        done, verified = threading.Event(), []

        def emit(what: str, /, **fields: object) -> None:
            del fields
            if what == "delivery.verified":
                verified.append(time.monotonic())
                if len(verified) == parcels:
                    done.set()

        keeper = site.parts.retirement._keeper
        parts = Parts(
            site.settings, ledger=site.ledger, spool=site.reader,
            keeper=keeper,  # type: ignore[arg-type]
            owner=f"bench-{self._runs}", rng=site.random, emit=emit, clock=time.time,
        )  # fmt: skip
        pipeline = Pipeline(parts, emit=emit, on_failure=done.set)
        time.sleep(1.0)
        began = time.monotonic()
        pipeline.start()
        try:
            if not done.wait(300) or pipeline.failure is not None:
                raise TimeoutError(f"{len(verified)} of {parcels} parcels were verified")
        finally:
            pipeline.stop()
        return parcels / (verified[-1] - began)


def _fill(site: Site, backlog: int) -> None:
    """Parcels that wait for the dead destination: one as the pipeline makes it, and its like."""
    ledger, now = site.ledger, time.time()
    site.receive(Image(study=999_999, series_description=DEAD))
    site.now += 1
    while site.parts.indexer.turn(site.now) or site.parts.stages.turn(site.now):
        pass
    (study,) = ledger.search()
    (row,) = ledger.parcels_of(ledger.series_of(study.id)[0].id)
    like = _Like(row, from_ledger(row, ledger.members_of(row.id)))
    feed = Feed(at=now - 3600 - backlog)  # a second for each
    for start in range(0, backlog, BATCH):
        ledger.index(
            [feed.indexed(1_000_000 + n // 100, n, 1) for n in range(start, start + BATCH)],
            now=now - 3600,
        )
    for state, after in zip(_STAGES, (*_STAGES[1:], SeriesState.PACKAGED), strict=True):
        while claims := ledger.claim_series(
            [state], limit=BATCH, now=now, owner="fill", lease_seconds=600
        ):
            ledger.settle_series_all(
                [
                    (each, like.packaged(ledger.to_package(each.id)))
                    if after is SeriesState.PACKAGED
                    else (each, Advanced(to=after, reason="bench"))
                    for each in claims
                ],
                now=now,
            )


def _deliver(site: Site) -> None:
    """All that waits is verified."""
    ledger = site.ledger
    while claims := ledger.claim_deliveries(
        DEAD, limit=BATCH, now=time.time(), owner="fill", lease_seconds=600
    ):
        for each in claims:
            ledger.settle_delivery(each, Verified(), now=time.time())


@dataclass(frozen=True)
class _Like:
    row: ParcelRow
    parcel: Parcel

    def packaged(self, rows: Sequence[InstanceRow]) -> Packaged:
        parcel = replace(self.parcel, members=members(rows, self.parcel.modality))
        new = NewParcel(
            name=parcel.name, size=parcel.size, digest=parcel.digest(),
            manifest=self.row.manifest, instance_ids=tuple(each.id for each in rows),
            deliveries=(NewDelivery(destination=DEAD, target="a/b/c/d/e"),),
        )  # fmt: skip
        return Packaged(parcels=(new,))


def measure(session: Session) -> Iterator[Table]:
    parcels = PARCELS[session.full]
    with session.folders.one() as one, session.folders.one() as other:
        alone, beside = _Place(one, dead=False), _Place(other, dead=True)
        session.say(f"lanes: {BACKLOG:,} parcels wait for the dead one")
        rates: dict[str, list[float]] = {"alone": [], "beside": []}
        for turn in range(session.repetitions + 1):
            for name, place in (("alone", alone), ("beside", beside)):
                rate = place.rate(parcels)
                session.say(f"lanes: {name}: {rate:.0f}/s")
                if turn:  # the first warms up
                    rates[name].append(rate)
        for place in (alone, beside):
            place.site.stop()
    without, with_it = median(rates["alone"]), median(rates["beside"])
    yield Table(
        title="A live destination beside a dead one",
        note=(
            f"Parcels of one image of {IMAGE_BYTES // 1000} kB to a folder, verified a second; "
            f"{BACKLOG:,} parcels wait for a destination that is away, or were delivered there. "
            f"Medians of {session.repetitions}, taken by turns."
        ),
        heads=("", "parcels/s", "ratio", "target", ""),
        rows=[
            ["alone", number(without), "", "", ""],
            [
                f"beside {BACKLOG:,} that wait", number(with_it), f"{with_it / without:.2f}",
                f"≥ {SHARE}", against(with_it / without, SHARE),
            ],
        ],
    )  # fmt: skip
