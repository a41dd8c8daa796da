"""A destination that is dead, with 10,000 parcels waiting for it, beside one that is alive.

The pipeline of the connector in this process, with its threads, its ledger and its folders: how
many parcels a second are verified in the live one, with and without the other. The two take turns.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.session import Session, Table, against, median, number
from causeway.decide.policy import Policy, Route
from causeway.ledger import (
    Advanced,
    Ledger,
    NewDelivery,
    NewParcel,
    Packaged,
    SeriesClaim,
    SeriesState,
)
from causeway.pipeline import CompletionRules, Parts, Pipeline, Treatment
from causeway.pipeline.deidentify import passthrough, restored
from causeway.pipeline.parcel import Completion, package
from causeway.testing.feed import Feed
from causeway.testing.site import Image, Site

SHARE = 0.95
"""Of the rate without: less than 5 % may be lost."""
BACKLOG = 10_000
PARCELS = {True: 1000, False: 300}
"""In one run. One image each: what is to be seen is the engine, and not the disk."""
IMAGE_BYTES = 20_000
BATCH = 500
_STAGES = (SeriesState.OPEN, SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED)


class _Place:
    """A site of its own, with or without the dead destination's backlog."""

    def __init__(self, folder: Path, backlog: int) -> None:
        self.site = Site(folder, start=False)
        self.site.configure(
            policy=Policy(routes=(Route(name="all", destinations=("live",)),)),
            destinations=[self.site.plan(name) for name in ("dead", "live")],
            completion=CompletionRules(quiet_seconds=0.0),
            keep_seconds=24 * 3600.0,
        )
        self.site.now = time.time()
        self.site.start()
        self._runs = 0
        if backlog:
            # It was there once, so that its folder is missed and not made.
            self.site.parts.destinations["dead"].check()
            (folder / "dead").mkdir()
            self.site.parts.destinations["dead"].recognise()  # type: ignore[attr-defined]
            shutil.rmtree(folder / "dead")
            _fill(self.site.ledger, backlog, time.time())

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


def _fill(ledger: Ledger, backlog: int, now: float) -> None:
    """Parcels that wait for the dead destination, as the pipeline makes them, but for folders."""
    feed = Feed(at=now - 3600)
    for start in range(0, backlog, BATCH):
        ledger.index(
            [feed.indexed(1_000_000 + n // 100, n, 1) for n in range(start, start + BATCH)],
            now=now - 3600,
        )
    cleaning = passthrough(("dead",), {"dead": Treatment.NONE})
    for state, after in zip(_STAGES, (*_STAGES[1:], SeriesState.PACKAGED), strict=True):
        while claims := ledger.claim_series(
            [state], limit=BATCH, now=now, owner="fill", lease_seconds=600
        ):
            ledger.settle_series_all(
                [
                    (each, _packaged(ledger, each))
                    if after is SeriesState.PACKAGED
                    else (each, Advanced(to=after, reason="bench", cleaning=cleaning))
                    for each in claims
                ],
                now=now,
            )


def _packaged(ledger: Ledger, claim: SeriesClaim) -> Packaged:
    clean = restored(claim.study, claim.series, ledger.to_package(claim.id))
    parcel = package(clean, Completion(reason="bench", instances=1, expected=None))
    new = NewParcel(
        name=parcel.name, size=parcel.size, digest=parcel.digest(), manifest=parcel.manifest(),
        instance_ids=tuple(each.instance.id for each in parcel.members),
        deliveries=(NewDelivery(destination="dead", target="a/b/c/d/e"),),
    )  # fmt: skip
    return Packaged(parcels=(new,))


def measure(session: Session) -> Iterator[Table]:
    parcels = PARCELS[session.full]
    with session.folders.one() as one, session.folders.one() as other:
        alone, beside = _Place(one, 0), _Place(other, BACKLOG)
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
            f"{BACKLOG:,} parcels wait for a destination that is away. Medians of "
            f"{session.repetitions}, taken by turns."
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
