"""Our client sends to, queries and retrieves from other implementations."""

from __future__ import annotations

import io
import json
import shutil
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from interop_peers import PYTHON, Running, Start, http_port, start_orthanc
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset

from causeway.dimse import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from causeway.net import (
    AssociationRejected,
    ClientTls,
    NotNegotiated,
    Outgoing,
    Peer,
    StoreResult,
    associate,
    echo,
    find,
    get,
    get_roles,
    move,
    send,
)
from causeway.testing.certificates import TestAuthority
from causeway.testing.listening import Listening, RecordingSink, wait_for
from causeway.testing.phantom import Instance, make_instance
from causeway.values import Caller

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"


def made(count: int = 6) -> list[Instance]:
    return [
        make_instance(("CT", "MR")[n % 2], rows=64, columns=64, seed=f"receivers-{n}")
        for n in range(count)
    ]


def outgoing(instances: Sequence[Instance]) -> list[Outgoing]:
    return [
        Outgoing(
            sop_class_uid=each.sop_class_uid,
            sop_instance_uid=each.sop_instance_uid,
            transfer_syntax_uid=each.transfer_syntax_uid,
            data=each.data_set,
        )
        for each in instances
    ]


def data_sets(folder: Path) -> dict[str, bytes]:
    """SOP Instance UID → data set as it stands in the files that a peer wrote."""
    found = {}
    for path in folder.iterdir():
        if path.is_file() and path.name != "log":
            with path.open("rb") as file:
                uid = dcmread(file, stop_before_pixels=True).SOPInstanceUID
            raw = path.read_bytes()
            meta_length = int.from_bytes(raw[140:144], "little")
            found[str(uid)] = raw[144 + meta_length :]
    return found


def assert_all_stored(results: list[StoreResult]) -> None:
    assert [each.status for each in results] == [0] * len(results), results


@pytest.mark.peer("storescp")
@pytest.mark.parametrize("longest", ["4096", "131072"])
def test_dcmtk_stores_what_we_send(start: Start, longest: str):
    dcmtk = start(["storescp", "+B", "-pdu", longest, "-od", "{folder}", "{port}"])
    instances = made()
    assert echo(dcmtk.peer()) == 0
    assert_all_stored(list(send(dcmtk.peer(), outgoing(instances))))
    assert data_sets(dcmtk.folder) == {each.sop_instance_uid: each.data_set for each in instances}


@pytest.mark.peer("storescp")
def test_dcmtk_stores_a_large_object_sent_in_pieces(start: Start):
    dcmtk = start(["storescp", "+B", "-od", "{folder}", "{port}"])
    instance = make_instance("CT", rows=2048, columns=2048, seed="large")
    data = instance.data_set
    whole = Outgoing(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        data=lambda: (data[at : at + 70_001] for at in range(0, len(data), 70_001)),
    )
    assert_all_stored(list(send(dcmtk.peer(), [whole])))
    assert data_sets(dcmtk.folder) == {instance.sop_instance_uid: data}


@pytest.mark.peer("storescp")
def test_a_peer_that_does_not_take_it(start: Start):
    dcmtk = start(["storescp", "+xi", "-od", "{folder}", "{port}"])  # implicit VR only
    (result,) = send(dcmtk.peer(), outgoing(made(1)))
    assert isinstance(result.error, NotNegotiated)
    assert not result.stored


@pytest.mark.peer("storescp")
def test_a_peer_that_rejects(start: Start):
    dcmtk = start(["storescp", "--refuse", "-od", "{folder}", "{port}"])
    with pytest.raises(AssociationRejected):
        echo(dcmtk.peer())
    results = list(send(dcmtk.peer(), outgoing(made(2))))
    assert all(isinstance(each.error, AssociationRejected) for each in results)


@pytest.mark.peer("storescp")
@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mutual"])
def test_dcmtk_over_tls(start: Start, tmp_path: Path, mutual: bool):
    authority = TestAuthority(tmp_path)
    server, ours = authority.issue("server"), authority.issue("ours")
    demand = "-rc" if mutual else "-ic"
    arguments = ["storescp", "+B", "+tls", str(server.key), str(server.certificate), demand]
    arguments += ["+cf", str(authority.certificate), "-od", "{folder}", "{port}"]
    dcmtk = start(arguments)
    tls = ClientTls(
        ca=authority.certificate,
        certificate=ours.certificate if mutual else None,
        key=ours.key if mutual else None,
    )
    plain = dcmtk.peer()
    peer = Peer(host=plain.host, port=plain.port, called_ae=plain.called_ae, tls=tls)
    instances = made(4)
    assert_all_stored(list(send(peer, outgoing(instances))))
    assert data_sets(dcmtk.folder) == {each.sop_instance_uid: each.data_set for each in instances}


PYNETDICOM_RECEIVER = """
import sys
from pathlib import Path
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification
ae = AE(ae_title="PYNETDICOM")
for each in AllStoragePresentationContexts:
    ae.add_supported_context(each.abstract_syntax, ALL_TRANSFER_SYNTAXES)
ae.add_supported_context(Verification)
folder = Path(sys.argv[2])
def store(event):
    uid = event.request.AffectedSOPInstanceUID
    (folder / (uid + ".raw")).write_bytes(event.request.DataSet.getvalue())
    return 0
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)])
"""


def test_pynetdicom_stores_what_we_send(start: Start):
    peer = start([PYTHON, "-c", PYNETDICOM_RECEIVER, "{port}", "{folder}"])
    instances = made()
    assert echo(peer.peer()) == 0
    assert_all_stored(list(send(peer.peer(), outgoing(instances))))
    got = {path.stem: path.read_bytes() for path in peer.folder.glob("*.raw")}
    assert got == {each.sop_instance_uid: each.data_set for each in instances}


# --- Orthanc: store, query, retrieve -----------------------------------------------------------


def rest(orthanc: Running, path: str) -> bytes:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{http_port(orthanc)}{path}", timeout=30
    ) as answer:
        return bytes(answer.read())


def encoded(**elements: str) -> bytes:
    identifier = Dataset()
    for keyword, value in elements.items():
        setattr(identifier, keyword, value)
    out = io.BytesIO()
    dcmwrite(out, identifier, implicit_vr=True, little_endian=True)
    return out.getvalue()


@pytest.mark.peer("Orthanc")
def test_orthanc_stores_finds_gets_and_moves(start: Start, tmp_path: Path):
    instances = made()
    wanted = {each.sop_instance_uid: each.data_set for each in instances}
    with Listening() as listening:
        orthanc = start_orthanc(
            start,
            tmp_path,
            DicomModalities={"causeway": ["CAUSEWAY", "127.0.0.1", listening.port]},
        )
        peer = orthanc.peer("ORTHANC")
        assert echo(peer) == 0
        assert_all_stored(list(send(peer, outgoing(instances))))
        for identifier in json.loads(rest(orthanc, "/instances")):
            held = rest(orthanc, f"/instances/{identifier}/file")
            length = int.from_bytes(held[140:144], "little")
            assert held[144 + length :] in wanted.values()

        study = instances[0].study_instance_uid
        expected = {each.sop_instance_uid for each in instances if each.study_instance_uid == study}
        with associate(peer, [(STUDY_ROOT_FIND, IMPLICIT_VR_LITTLE_ENDIAN)]) as association:
            query = encoded(
                QueryRetrieveLevel="IMAGE", StudyInstanceUID=study, SeriesInstanceUID="",
                SOPInstanceUID="",
            )  # fmt: skip
            answers = list(find(association, STUDY_ROOT_FIND, query, IMPLICIT_VR_LITTLE_ENDIAN))
        assert answers[-1].status == 0
        pending = [each for each in answers if each.identifier]
        assert len(pending) == len(expected)
        for uid in expected:
            assert any(uid.encode() in each.identifier for each in pending)

        retrieve = encoded(QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
        with associate(peer, [(STUDY_ROOT_MOVE, IMPLICIT_VR_LITTLE_ENDIAN)]) as association:
            *_, last = move(
                association, STUDY_ROOT_MOVE, retrieve, IMPLICIT_VR_LITTLE_ENDIAN,
                destination="CAUSEWAY",
            )  # fmt: skip
        assert last.status == 0
        wait_for(lambda: len(listening.sink.kept) >= len(expected))
        moved = {each.request.affected_sop_instance_uid: each for each in listening.sink.kept}
        assert set(moved) == expected
        assert {uid: each.data for uid, each in moved.items()} == {
            uid: wanted[uid] for uid in expected
        }
        assert {each.request.move_originator_ae_title for each in moved.values()} == {"CAUSEWAY"}

        sink = RecordingSink()
        kinds = [(each.sop_class_uid, EXPLICIT_VR_LITTLE_ENDIAN) for each in instances[:2]]
        contexts = [(STUDY_ROOT_GET, IMPLICIT_VR_LITTLE_ENDIAN), *kinds]
        caller = Caller(
            source="orthanc", calling_ae="ORTHANC", called_ae="CAUSEWAY", address="127.0.0.1",
            association="get",
        )  # fmt: skip
        with associate(peer, contexts, roles=get_roles(kinds)) as association:
            *_, last = get(
                association, STUDY_ROOT_GET, retrieve, IMPLICIT_VR_LITTLE_ENDIAN,
                sink=sink, caller=caller, emit=lambda *_, **__: None,
            )  # fmt: skip
        assert last.status == 0
        assert {each.request.affected_sop_instance_uid for each in sink.kept} == expected
    shutil.rmtree(tmp_path / "orthanc", ignore_errors=True)
