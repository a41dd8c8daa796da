"""Mutual TLS 1.3 against plain, both ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.causeway_receiver import Causeway
from bench.scenarios.receive import ASSOCIATIONS, SHAPES, ready_mib
from bench.session import Session, Table, against, median, number

TARGET = 0.6


def measure(session: Session) -> Iterator[Table]:
    rates: dict[tuple[bool, str, int], list[float]] = defaultdict(list)
    for _ in range(session.repetitions):
        for shape in SHAPES:
            for associations in ASSOCIATIONS:
                for tls in (False, True):
                    receiver = Causeway(tls=tls, ready_mib=ready_mib(session, shape))
                    outcome = session.measure(receiver, shape=shape, associations=associations)
                    rates[tls, shape, associations].append(outcome.per_second)
                    session.say(
                        f"{'TLS' if tls else 'plain'}: {shape} at {associations}: "
                        f"{outcome.per_second:,.0f}/s"
                    )
    rows = []
    for shape in SHAPES:
        for associations in ASSOCIATIONS:
            plain, secure = (rates[tls, shape, associations] for tls in (False, True))
            ratio = median([b / a for a, b in zip(plain, secure, strict=True)])
            rows.append(
                [
                    f"{shape} at {associations}",
                    number(median(plain)),
                    number(median(secure)),
                    f"{ratio:.2f}",
                    against(ratio, TARGET),
                ]
            )
    yield Table(
        title="Mutual TLS 1.3",
        note=(
            "Objects a second, synced before Success, certificates on both sides; sender and "
            f"receiver encrypt on the same two cores. Target: {TARGET} of plain."
        ),
        heads=("", "plain", "mutual TLS 1.3", "ratio", ""),
        rows=rows,
    )
