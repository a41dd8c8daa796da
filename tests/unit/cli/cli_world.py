"""A data folder with a life behind it, made by the real spool and the real ledger.

Four studies of planted patients: one delivered and verified, one that arrives and is held, one
whose delivery is dead, one on its way. And an object in quarantine that could not be read.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from causeway.cli.app import main
from causeway.ledger import (
    Advanced,
    Dead,
    Indexed,
    Ledger,
    NewDelivery,
    NewParcel,
    Packaged,
    SeriesState,
    Unreadable,
    Verified,
    open_ledger,
)
from causeway.spool import RealDisk, SpaceGauge, SpaceLimits, SpoolWriter, prepare
from causeway.testing.planted import Planted
from causeway.values import Caller, Header, Identity, Receipt, Record

CONFIG = """\
data_dir = "data"

[[listener]]
ae_title = "CAUSEWAY"
port = 0

[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["127.0.0.0/8"]

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"

[[route]]
destinations = ["archive"]
"""
DELIVERED, HELD, DEAD, ARRIVING = (Planted.of(seed=seed) for seed in (1, 2, 3, 4))
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class World:
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "causeway.toml"

    def call(self, *arguments: str) -> Result:
        """The command, in this process, as it is called from a shell."""
        return call("--config", str(self.config), *arguments)

    def ledger(self) -> contextlib.closing[Ledger]:
        return contextlib.closing(open_ledger(self.folder / "data" / "ledger.db", create=False))


def call(*arguments: str) -> Result:
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return Result(status, out.getvalue(), err.getvalue())


@pytest.fixture
def empty(tmp_path: Path) -> World:
    """A configuration, and nothing that ran."""
    (tmp_path / "causeway.toml").write_text(CONFIG)
    return World(tmp_path)


@pytest.fixture
def world(empty: World) -> World:
    data = empty.folder / "data"
    data.mkdir()
    disk, spool = RealDisk(), data / "spool"
    prepare(spool, disk=disk)
    limits = SpaceLimits(soft_bytes=2, hard_bytes=1, reserve_bytes=0)
    gauge = SpaceGauge(spool, disk=disk, limits=limits, clock=time.monotonic)
    writer = SpoolWriter(spool, disk=disk, space=gauge, segment_size=4 << 20)
    ledger = open_ledger(data / "ledger.db")
    try:
        _live(ledger, writer)
    finally:
        writer.close()
        ledger.close()
    return empty


def _live(ledger: Ledger, writer: SpoolWriter) -> None:
    now = ledger.now() - 600
    for planted, count in ((DELIVERED, 3), (HELD, 1), (DEAD, 2), (ARRIVING, 1)):
        for number in range(1, count + 1):
            record, header = _store(writer, planted, number, now)
            ledger.index([Indexed(record=record, header=header, due_at=now)], now=now)
    record, _ = _store(writer, Planted.of(seed=5), 1, now)
    ledger.index([Unreadable(record=record, reason="no-study-uid")], now=now)
    ledger.tally("association", "", "address not listed", at=now, count=7)
    ledger.hold(HELD.study_instance_uid, who="ada", why="wrong arm", now=now)
    _package(ledger, DELIVERED, now)
    _package(ledger, DEAD, now)
    for claim in ledger.claim_deliveries(
        "archive", limit=9, now=now, owner="test", lease_seconds=60
    ):
        delivered = claim.study.study_instance_uid == DELIVERED.study_instance_uid
        assert ledger.settle_delivery(
            claim,
            Verified(reference=f"{DELIVERED.patient_id}/1.zip")
            if delivered
            else Dead(code="refused", text="the folder is full"),
            now=now,
        )


def _store(writer: SpoolWriter, planted: Planted, number: int, now: float) -> tuple[Record, Header]:
    data_set = planted.data_set(number=number)
    receipt = Receipt(
        caller=Caller(
            source="ct1",
            calling_ae="CT1",
            called_ae="CAUSEWAY",
            address="127.0.0.1",
            association=f"a-{planted.study_id}",
        ),
        sop_class_uid=str(data_set.SOPClassUID),
        sop_instance_uid=str(data_set.SOPInstanceUID),
        transfer_syntax_uid=EXPLICIT,
        received_at=now,
    )
    header = Header(
        sop_class_uid=receipt.sop_class_uid,
        sop_instance_uid=receipt.sop_instance_uid,
        study_instance_uid=planted.study_instance_uid,
        series_instance_uid=planted.series_instance_uid,
        identity=Identity(
            patient_id=planted.patient_id,
            patient_name=planted.patient_name,
            patient_birth_date=planted.birth_date,
            accession_number=planted.accession_number,
            study_date=planted.study_date,
            study_description=planted.study_description,
        ),
        modality="CT",
        series_number="1",
        series_description=planted.series_description,
    )
    return writer.store(receipt, [planted.encoded(number=number)]), header


def _package(ledger: Ledger, planted: Planted, now: float) -> None:
    series = _series_of(ledger, planted)
    for state, to in (
        (SeriesState.OPEN, SeriesState.COMPLETE),
        (SeriesState.COMPLETE, SeriesState.ROUTED),
        (SeriesState.ROUTED, SeriesState.CLEANED),
    ):
        for claim in ledger.claim_series([state], limit=9, now=now, owner="test", lease_seconds=60):
            if claim.series.id == series:
                assert ledger.settle_series(claim, Advanced(to=to, reason="quiet"), now=now)
    for claim in ledger.claim_series(
        [SeriesState.CLEANED], limit=9, now=now, owner="test", lease_seconds=60
    ):
        instances = tuple(row.id for row in ledger.to_package(claim.series.id))
        parcel = NewParcel(
            name="1.zip",
            size=10,
            digest=bytes(32),
            instance_ids=instances,
            deliveries=(NewDelivery(destination="archive"),),
        )
        assert ledger.settle_series(claim, Packaged(parcels=(parcel,)), now=now)
    ledger.release_all_leases(owner=None, now=now)


def _series_of(ledger: Ledger, planted: Planted) -> int:
    study = ledger.find(planted.study_instance_uid)
    assert study is not None
    return ledger.series_of(study.id)[0].id
