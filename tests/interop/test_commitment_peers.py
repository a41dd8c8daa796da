"""Storage commitment with Orthanc, asked by us and asked of us; with pynetdicom, asked by us.

Orthanc reports over an association of its own, in the role of SCP, which is what most archives do.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interop_peers import PYTHON, Running, Start, http_port, start_orthanc

from causeway.destinations.dicom import Commitment, DicomDestination, DicomSettings
from causeway.errors import NotYet
from causeway.net import (
    COMMITMENT_KINDS,
    REPORTER_ROLES,
    CommitmentReport,
    Peer,
    Timeouts,
    associate,
    send_report,
)
from causeway.testing.delivering import MemoryOfDestination, Parcel, bring
from causeway.testing.listening import Listening, RecordingDesk, wait_for
from causeway.values import Standing

CT = "1.2.840.10008.5.1.4.1.1.2"
QUICK = Timeouts(connect_seconds=5, associate_seconds=5, response_seconds=10, release_seconds=5)


@pytest.fixture
def destination() -> Iterator[Callable[..., DicomDestination]]:
    made: list[DicomDestination] = []

    def make(port: int, called_ae: str, **more: object) -> DicomDestination:
        peer = Peer(
            host="127.0.0.1", port=port, called_ae=called_ae, calling_ae="CAUSEWAY", timeouts=QUICK
        )
        settings = DicomSettings(name="pacs", peer=peer, **more)  # type: ignore[arg-type]
        made.append(DicomDestination(settings, memory=MemoryOfDestination()))
        return made[-1]

    yield make
    for each in made:
        each.close()


def rest(orthanc: Running, path: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{http_port(orthanc)}{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
        return json.loads(answer.read())


@pytest.mark.peer("Orthanc")
def test_orthanc_stores_and_is_asked_by_query(
    start: Start, tmp_path: Path, destination: Callable[..., DicomDestination]
):
    orthanc = start_orthanc(start, tmp_path)
    pacs = destination(orthanc.port, "ORTHANC", commitment=Commitment.OFF)
    parcel = Parcel()
    bring(pacs, parcel)
    assert parcel.journal.standings() == [Standing.VERIFIED] * 3
    assert len(rest(orthanc, "/instances")) == 3  # type: ignore[arg-type]
    # What an earlier attempt may have brought is asked for, found, and not sent again.
    again = parcel.after_crash()
    bring(pacs, again)
    assert not again.opened
    assert all(row.already_there for row in again.journal.rows.values())
    assert [step.ok for step in pacs.probe()] == [True] * len(list(pacs.probe()))


@pytest.mark.peer("Orthanc")
def test_orthanc_commits_itself_over_an_association_of_its_own(
    start: Start, tmp_path: Path, destination: Callable[..., DicomDestination]
):
    with Listening(desk=RecordingDesk()) as listening:
        orthanc = start_orthanc(
            start, tmp_path,
            DicomModalities={"us": ["CAUSEWAY", "127.0.0.1", listening.port]},
        )  # fmt: skip
        pacs = destination(
            orthanc.port, "ORTHANC", commitment=Commitment.REQUIRED, report_seconds=0.2
        )
        parcel = Parcel()
        with pytest.raises(NotYet):
            bring(pacs, parcel)
        wait_for(lambda: listening.desk.reports, seconds=20)
        caller, report = listening.desk.reports[0]
        assert caller.calling_ae == "ORTHANC"
        assert pacs.reported(caller.calling_ae, report)
        again = parcel.again()
        bring(pacs, again)
        assert again.journal.standings() == [Standing.VERIFIED] * 3
        assert not report.failed


@pytest.mark.peer("Orthanc")
def test_orthanc_asks_us_and_hears_our_report(start: Start, tmp_path: Path):
    with Listening(desk=RecordingDesk()) as listening:
        orthanc = start_orthanc(
            start, tmp_path,
            DicomModalities={"us": ["CAUSEWAY", "127.0.0.1", listening.port]},
        )  # fmt: skip
        asked = rest(
            orthanc, "/modalities/us/storage-commitment",
            {"DicomInstances": [[CT, "2.25.1"], [CT, "2.25.2"]]},
        )  # fmt: skip
        wait_for(lambda: listening.desk.requests, seconds=20)
        caller, request = listening.desk.requests[0]
        report = CommitmentReport(
            transaction_uid=request.transaction_uid,
            committed=request.references[:1],
            failed=((request.references[1], 0x0112),),
        )
        peer = Peer(
            host="127.0.0.1", port=orthanc.port, called_ae=caller.calling_ae,
            calling_ae="CAUSEWAY", timeouts=QUICK,
        )  # fmt: skip
        with associate(peer, COMMITMENT_KINDS, roles=REPORTER_ROLES) as association:
            assert send_report(association, report) == 0
        told = rest(orthanc, asked["Path"])  # type: ignore[index]
        assert told["Status"] == "Failure"  # type: ignore[index]
        assert [each["SOPInstanceUID"] for each in told["Success"]] == ["2.25.1"]  # type: ignore[index]
        assert told["Failures"][0]["SOPInstanceUID"] == "2.25.2"  # type: ignore[index]


PROVIDER = """
import sys, threading
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification
stored = set()
def store(event):
    stored.add(event.request.AffectedSOPInstanceUID)
    return 0
def action(event):
    asked = event.action_information
    report = Dataset()
    report.TransactionUID = asked.TransactionUID
    report.ReferencedSOPSequence = [
        each for each in asked.ReferencedSOPSequence if each.ReferencedSOPInstanceUID in stored
    ]
    assert len(report.ReferencedSOPSequence) == len(asked.ReferencedSOPSequence)
    # pynetdicom invokes as the role that it has; here it is the SCP, over the same association.
    threading.Timer(0.3, lambda: event.assoc.send_n_event_report(
        report, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")).start()
    return 0x0000, None
ae = AE(ae_title="PROVIDER")
for each in AllStoragePresentationContexts:
    ae.add_supported_context(each.abstract_syntax)
ae.add_supported_context(Verification)
ae.add_supported_context(StorageCommitmentPushModel)
ae.start_server(("127.0.0.1", int(sys.argv[1])),
    evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, action)])
"""


def test_pynetdicom_reports_over_the_association_on_which_it_was_asked(
    start: Start, destination: Callable[..., DicomDestination]
):
    provider = start([PYTHON, "-c", PROVIDER, "{port}"])
    pacs = destination(provider.port, "PROVIDER", commitment=Commitment.REQUIRED)
    parcel = Parcel()
    bring(pacs, parcel)
    assert parcel.journal.standings() == [Standing.VERIFIED] * 3
    assert {row.code for row in parcel.journal.rows.values()} == {"commitment"}


@pytest.mark.peer("storescp")
def test_dcmtk_s_own_answer_has_to_do(start: Start, destination: Callable[..., DicomDestination]):
    dcmtk = start(["storescp", "+B", "-od", "{folder}", "{port}"])
    parcel = Parcel()
    bring(destination(dcmtk.port, "STORESCP"), parcel)
    assert parcel.journal.standings() == [Standing.VERIFIED] * 3
