"""Ledger and spool: whether they open, agree with themselves, and what waits in them."""

from __future__ import annotations

from collections.abc import Iterator

from causeway.config import Configuration
from causeway.doctor.finding import Finding, failed, ok, skipped, warning
from causeway.errors import CausewayError


def latest_arrival(configuration: Configuration) -> float | None:
    """When the latest object arrived; None where no ledger can say."""
    from causeway.ledger import open_ledger

    try:
        if not configuration.ledger_path.exists():
            return None
        opened = open_ledger(configuration.ledger_path, create=False)
        try:
            return opened.summary(now=opened.now()).last_received_at
        finally:
            opened.close()
    except (CausewayError, PermissionError):
        return None


def ledger(configuration: Configuration, *, deep: bool) -> Iterator[Finding]:
    from causeway.ledger import open_ledger

    if not configuration.ledger_path.exists():
        yield skipped("ledger", "there is none yet; the service makes it")
        return
    try:
        opened = open_ledger(configuration.ledger_path, create=False, check=deep)
    except CausewayError as error:
        yield failed("ledger", error.message, error.hint or "see docs/howto for repair")
        return
    try:
        summary = opened.summary(now=opened.now())
        custody = opened.custody()
    except CausewayError as error:
        yield failed("ledger", error.message, error.hint)
        return
    finally:
        opened.close()
    if custody.holds:
        yield ok("ledger", f"custody holds for {custody.received:,} received objects")
    else:
        yield failed(
            "ledger",
            "custody does not hold",
            "`causeway custody` shows how; keep the data folder as it is and report it",
        )
    for count, what, to_do in (
        (summary.dead_deliveries, "dead deliveries", "`causeway studies --state dead`"),
        (summary.dead_series, "series that are stuck", "`causeway studies --state dead`"),
        (summary.quarantined, "objects in quarantine", "`causeway quarantine list`"),
    ):
        if count:
            yield warning("ledger", f"{what}: {count:,}", to_do)


def spool(configuration: Configuration, *, deep: bool) -> Iterator[Finding]:
    from causeway.spool import RealDisk, SpoolReader, verify

    if not configuration.spool_dir.is_dir():
        yield skipped("spool", "there is none yet; the service makes it")
        return
    try:
        reader = SpoolReader(configuration.spool_dir, disk=RealDisk())
        try:
            containers = reader.containers()
            if not deep:
                yield ok(
                    "spool",
                    f"files that hold records: {len(containers)}; `--deep` reads them back",
                )
                return
            report = verify(reader)
        finally:
            reader.close()
    except CausewayError as error:
        yield failed("spool", error.message, error.hint)
        return
    if report.damaged:
        yield failed(
            "spool",
            f"places that cannot be trusted: {len(report.damaged)}",
            "`causeway spool verify` lists them; send the objects again, and check the disk",
        )
    else:
        yield ok("spool", f"records that match their digests: {report.records:,}, all of them")
