"""The whole connector with de-identification on the way: from the wire to verified and clean.

As in ``whole``, with a destination that asks for ``research``: each image is judged, edited, proven
and written down once, and made again and compared with its digest when it is delivered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.causeway_receiver import Causeway
from bench.generator import send
from bench.scenarios.whole import OBJECTS, PATIENCE_SECONDS, QUIET_SECONDS, SERIES, all_verified
from bench.session import Session, Table, against, median, number

TARGETS = {"CT": 200, "MR": 400}


def measure(session: Session) -> Iterator[Table]:
    rows = []
    receiver = Causeway(whole=True, quiet_seconds=QUIET_SECONDS, deidentify="research")
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
                f"deidentified: {outcome.stored} {shape}, received at {outcome.per_second:,.0f}/s, "
                f"clean and verified at {rate:,.0f}/s"
            )
        rows.append(
            [
                f"{objects} {shape} in series of {SERIES[shape]}, 4 associations",
                f"{number(median(rates))} /s",
                f"≥ {TARGETS[shape]} /s",
                against(median(rates), TARGETS[shape]),
            ]
        )
    yield Table(
        title="From the wire to verified in the folder, de-identified",
        note=(
            'As above, with `deidentify = "research"` at the destination: pixels judged, header '
            "edited, the result searched for the patient, made again and compared on delivery."
        ),
        heads=("", "reached", "target", ""),
        rows=rows,
    )
