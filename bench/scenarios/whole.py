"""The whole connector: from bytes on the wire to verified in the folder, and how late the last is.

Throughput is what has been verified, divided by the time from the first byte sent to the last
verification, less the quiet time, in which a connector waits on purpose. Latency is the time from
the last Success to the verification of its series, again less the quiet time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.causeway_receiver import Causeway
from bench.generator import send
from bench.session import Session, Table, against, median, number
from causeway.ledger import DeliveryState, Ledger, open_ledger

QUIET_SECONDS = 3
OBJECTS = {"CT": 3200, "MR": 8000}
SERIES = {"CT": 200, "MR": 250}
TARGETS = {"CT": 250, "MR": 500}
LATENCY_IMAGES = 200
LATENCY_TARGET_SECONDS = 2.0
PATIENCE_SECONDS = 180


def measure(session: Session) -> Iterator[Table]:
    receiver = Causeway(whole=True, quiet_seconds=QUIET_SECONDS)
    rows = through(session, receiver, "whole", TARGETS)
    late = [_latency(session, receiver) for _ in range(session.repetitions)]
    rows.append(
        [
            f"last of {LATENCY_IMAGES} CT to verified, beyond quiet (worst of {len(late)})",
            f"{max(late):.2f} s",
            f"≤ {LATENCY_TARGET_SECONDS:g} s",
            against(max(late), LATENCY_TARGET_SECONDS, at_most=True),
        ]
    )
    yield Table(
        title="From the wire to verified in the folder",
        note=(
            "`causeway run` as it is, with sender, receivers, pipeline and the folder on the same "
            f"two cores and disk; quiet time {QUIET_SECONDS} s, medians of {session.repetitions}."
        ),
        heads=("", "reached", "target", ""),
        rows=rows,
    )


def through(
    session: Session, receiver: Causeway, name: str, targets: Mapping[str, int]
) -> list[list[str]]:
    """Rows of a table: how fast CT and MR images go from the wire to verified in the folder."""
    rows = []
    for shape, objects in OBJECTS.items():
        rates = []
        for _ in range(session.repetitions):
            with session.folders.one() as work, receiver.running(work) as (target, _pid):
                began = time.time()
                outcome = send(
                    target,
                    shape=shape,
                    associations=4,
                    seconds=PATIENCE_SECONDS,
                    most=objects // 4,
                    run=session.run_name(),
                    objects_per_series=SERIES[shape],
                )
                ended = all_verified(work, outcome.stored)
                rate = outcome.stored / max(0.001, ended - began - QUIET_SECONDS)
            rates.append(rate)
            session.say(
                f"{name}: {outcome.stored} {shape}, received at {outcome.per_second:,.0f}/s, "
                f"verified at {rate:,.0f}/s"
            )
        rows.append(
            [
                f"{objects} {shape} in series of {SERIES[shape]}, 4 associations",
                f"{number(median(rates))} /s",
                f"≥ {targets[shape]} /s",
                against(median(rates), targets[shape]),
            ]
        )
    return rows


def _latency(session: Session, receiver: Causeway) -> float:
    with session.folders.one() as work, receiver.running(work) as (target, _pid):
        outcome = send(
            target,
            shape="CT",
            associations=1,
            seconds=PATIENCE_SECONDS,
            most=LATENCY_IMAGES,
            run=session.run_name(),
        )
        last_success = time.time()
        verified = all_verified(work, outcome.stored)
    late = verified - last_success - QUIET_SECONDS
    session.say(f"latency: {late:.2f} s beyond the quiet time")
    return late


def all_verified(work: Path, objects: int) -> float:
    """When the last delivery was verified, once all objects are."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with open_ledger(work / "data/ledger.db", create=False) as ledger:
        while time.monotonic() < deadline:
            time.sleep(0.2)
            done, at = _verified(ledger)
            if done >= objects:
                return at
    raise TimeoutError(f"only {done} of {objects} objects were verified in time")


def _verified(ledger: Ledger) -> tuple[int, float]:
    """How many objects are in verified parcels, and when the last was."""
    objects, last = 0, 0.0
    for study in ledger.search("", limit=1000):
        for series in ledger.series_of(study.id):
            parcels = {parcel.id: parcel for parcel in ledger.parcels_of(series.id)}
            for delivery in ledger.deliveries_of(series_id=series.id):
                if delivery.state is DeliveryState.VERIFIED:
                    objects += parcels[delivery.parcel_id].instance_count
                    last = max(last, delivery.state_at)
    return objects, last
