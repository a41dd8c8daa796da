"""The whole connector with de-identification on the way: from the wire to verified and clean.

As in ``whole``, with a destination that asks for ``research``: each image is judged, edited, proven
and written down once, and made again and compared with its digest when it is delivered.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.causeway_receiver import Causeway
from bench.scenarios.whole import QUIET_SECONDS, through
from bench.session import Session, Table

TARGETS = {"CT": 200, "MR": 400}


def measure(session: Session) -> Iterator[Table]:
    receiver = Causeway(whole=True, quiet_seconds=QUIET_SECONDS, deidentify="research")
    rows = through(session, receiver, "deidentified", TARGETS)
    yield Table(
        title="From the wire to verified in the folder, de-identified",
        note=(
            'As above, with `deidentify = "research"` at the destination: pixels judged, header '
            "edited, the result searched for the patient, made again and compared on delivery."
        ),
        heads=("", "reached", "target", ""),
        rows=rows,
    )
