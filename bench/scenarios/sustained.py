"""CT images until some gigabytes were received, beside a receiver that syncs nothing.

A run of a second or two fits into the page cache, and whoever syncs nothing pays for no disk in it.
Here so much arrives that the system has to write it back meanwhile, as in a night of sending from
one archive to another. Segments are made while it receives: no more are ready than by default.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from bench.causeway_receiver import Causeway
from bench.receivers import Unavailable
from bench.scenarios.receive import ASSOCIATIONS, STORESCP
from bench.session import Session, Table, against, median, number

OBJECTS = 12_000
"""6.4 GB; Linux begins to write back when a tenth of the free memory is dirty."""
READY_MIB = 512
LONGEST_SECONDS = 60.0


def measure(session: Session) -> Iterator[Table]:
    long = replace(session, seconds=LONGEST_SECONDS)
    receivers = (STORESCP, Causeway(ready_mib=READY_MIB))
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(session.repetitions):
        for associations in ASSOCIATIONS:
            for receiver in receivers:
                try:
                    outcome = long.measure(
                        receiver, shape="CT", associations=associations, most=OBJECTS
                    )
                except Unavailable as missing:
                    session.say(str(missing))
                    return
                rates[receiver.name, associations].append(outcome.per_second)
                session.say(
                    f"sustained: {receiver.name}: CT at {associations}: {outcome.per_second:,.0f}/s"
                )
    rows = []
    for associations, least in zip(ASSOCIATIONS, (1.0, 1.3, 1.4), strict=True):
        theirs, ours = (rates[receiver.name, associations] for receiver in receivers)
        ratio = median([mine / other for mine, other in zip(ours, theirs, strict=True)])
        rows.append(
            [
                str(associations), number(median(theirs)), number(median(ours)), f"{ratio:.2f}",
                f"{least:g}", against(ratio, least),
            ]
        )  # fmt: skip
    yield Table(
        title="Receiving 6 GB without a pause, CT a second",
        note=f"{OBJECTS:,} objects in each run, medians of {session.repetitions}; ratios within a "
        "repetition.",
        heads=("associations", STORESCP.name, "Causeway", "ratio", "target", ""),
        rows=rows,
    )
