"""Objects a second, durable and relaxed, beside the peers.

Within one repetition all receivers take their turn at each size and number of associations; ratios
are taken within a repetition and their median is shown, since absolute values drift.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.causeway_receiver import Causeway
from bench.receivers import Null, Orthanc, Pynetdicom, Receiver, Storescp, Unavailable
from bench.session import Session, Table, against, median, number

SHAPES = ("CT", "MR")
ASSOCIATIONS = (1, 4, 8)
# Segments made ready for each second of a run, in MiB; twice what was ever received in one.
READY_MIB_PER_SECOND = {"CT": 2000, "MR": 700}

STORESCP = Storescp()
STORESCP_BEST = Storescp(
    name="DCMTK storescp, tuned",
    describes="with --bit-preserving and --max-pdu 131072, which spare it the parsing",
    options=("--bit-preserving", "--max-pdu", "131072"),
)
ORTHANC = Orthanc()
PYNETDICOM = Pynetdicom()

# Against whom, durability, and the least ratio at 1, 4 and 8 associations, for CT and MR.
TARGETS: tuple[tuple[Receiver, str, dict[str, tuple[float, float, float]]], ...] = (
    (STORESCP, "synced", {"CT": (1.0, 1.3, 1.4), "MR": (1.0, 1.3, 1.5)}),
    (STORESCP, "relaxed", {"CT": (1.5, 1.5, 1.5), "MR": (1.5, 1.5, 1.5)}),
    (ORTHANC, "synced", {"CT": (4, 4, 4), "MR": (4, 4, 4)}),
    (PYNETDICOM, "synced", {"CT": (5, 5, 10), "MR": (5, 5, 10)}),
)

Cell = tuple[str, str, int]
"""Receiver, shape, associations."""


def ready_mib(session: Session, shape: str) -> int:
    return max(256, int(READY_MIB_PER_SECOND[shape] * session.seconds))


def receivers(session: Session, shape: str) -> tuple[Receiver, ...]:
    ready = ready_mib(session, shape)
    return (
        Null(),
        STORESCP,
        STORESCP_BEST,
        ORTHANC,
        PYNETDICOM,
        Causeway(ready_mib=ready),
        Causeway(
            name="Causeway, relaxed",
            describes="Success after the operating system has it",
            durability="relaxed",
            ready_mib=ready,
        ),
    )


def measure(session: Session) -> Iterator[Table]:
    """Two tables: what each reached, and ratios with their targets."""
    rates: dict[Cell, list[float]] = defaultdict(list)
    waits: dict[Cell, list[float]] = defaultdict(list)
    for repetition in range(session.repetitions):
        for shape in SHAPES:
            for associations in ASSOCIATIONS:
                for receiver in receivers(session, shape):
                    if isinstance(receiver, Null) and repetition:
                        continue
                    try:
                        outcome = session.measure(receiver, shape=shape, associations=associations)
                    except Unavailable as missing:
                        if not repetition:
                            session.say(str(missing))
                        continue
                    cell = (receiver.name, shape, associations)
                    rates[cell].append(outcome.per_second)
                    waits[cell].append(outcome.ack_percentile(99))
                    session.say(
                        f"{receiver.name}: {shape} at {associations}: "
                        f"{outcome.per_second:,.0f}/s, {outcome.megabytes_per_second:,.0f} MB/s"
                    )
    yield _rates(session, rates, waits)
    yield _ratios(rates)


def _rates(
    session: Session, rates: dict[Cell, list[float]], waits: dict[Cell, list[float]]
) -> Table:
    rows = []
    for receiver in receivers(session, "CT"):
        row = [receiver.name]
        for shape in SHAPES:
            for table, digits in ((rates, number), (waits, _milliseconds)):
                row.append(
                    " / ".join(
                        digits(median(table.get((receiver.name, shape, count), [])))
                        for count in ASSOCIATIONS
                    )
                )
        rows.append(row)
    described = "; ".join(f"**{one.name}**: {one.describes}" for one in receivers(session, "CT"))
    return Table(
        title="Receiving, objects a second",
        note=(
            f"CT of 0.53 MB and MR of 34 kB at 1 / 4 / 8 associations, runs of "
            f"{session.seconds:g} s, medians of {session.repetitions}. p99 is the time to Success "
            f"that 99 of 100 objects stay below, in milliseconds. {described}."
        ),
        heads=("receiver", "CT", "CT p99 ms", "MR", "MR p99 ms"),
        rows=rows,
    )


def _milliseconds(value: float) -> str:
    return "-" if value != value else f"{value:.1f}"


def _ratios(rates: dict[Cell, list[float]]) -> Table:
    rows = []
    for peer, durability, targets in TARGETS:
        ours = "Causeway" if durability == "synced" else "Causeway, relaxed"
        for shape in SHAPES:
            ratios = [
                median(
                    [
                        mine / theirs
                        for mine, theirs in zip(
                            rates.get((ours, shape, count), []),
                            rates.get((peer.name, shape, count), []),
                            strict=False,
                        )
                    ]
                )
                for count in ASSOCIATIONS
            ]
            if any(ratio != ratio for ratio in ratios):
                continue
            wanted = targets[shape]
            rows.append(
                [
                    f"{ours} against {peer.name}",
                    shape,
                    " / ".join(f"{ratio:.2f}" for ratio in ratios),
                    " / ".join(f"{least:g}" for least in wanted),
                    " / ".join(
                        against(ratio, least) for ratio, least in zip(ratios, wanted, strict=True)
                    ),
                ]
            )
    return Table(
        title="Receiving, ratios",
        note="Median of the ratios within each repetition, at 1 / 4 / 8 associations.",
        heads=("", "objects", "ratio", "target", ""),
        rows=rows,
    )
