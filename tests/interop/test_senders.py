"""Other implementations send to our listener; what arrives is byte for byte what they had."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from interop_peers import PYTHON, Start, http_port, run, start_orthanc

from causeway.net import ListenerOptions, ServerTls
from causeway.testing.certificates import TestAuthority
from causeway.testing.listening import Listening, wait_for
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port


@pytest.fixture
def files(tmp_path: Path) -> tuple[dict[str, bytes], Path]:
    folder = tmp_path / "scans"
    folder.mkdir()
    made = {}
    for number in range(12):
        instance = make_instance(
            ("CT", "MR")[number % 2],
            rows=64,
            columns=64,
            seed=f"senders-{number}",
        )
        instance.write(folder / f"{number}.dcm")
        made[instance.sop_instance_uid] = instance.data_set
    assert len(made) == 12
    return made, folder


def arrived(listening: Listening) -> dict[str, bytes]:
    return {each.request.affected_sop_instance_uid: each.data for each in list(listening.sink.kept)}


@pytest.mark.peer("echoscu")
def test_dcmtk_echoes():
    with Listening() as listening:
        done = run(["echoscu", "-aec", "CAUSEWAY", "127.0.0.1", str(listening.port)])
        assert done.returncode == 0, done.stderr


@pytest.mark.peer("echoscu")
def test_dcmtk_understands_why_it_is_refused():
    with Listening() as listening:
        done = run(["echoscu", "-aec", "OTHER", "127.0.0.1", str(listening.port)])
        assert done.returncode != 0
        assert "Called AE Title Not Recognized" in done.stdout + done.stderr


@pytest.mark.peer("storescu", "dcmsend")
@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("storescu", []),
        ("storescu", ["--max-pdu", "4096"]),
        ("storescu", ["-xi"]),
        ("dcmsend", []),
        ("dcmsend", ["--multi-associations"]),
    ],
    ids=["storescu", "storescu-small-pdu", "storescu-implicit", "dcmsend", "dcmsend-multi"],
)
def test_dcmtk_sends(program: str, options: list[str], files: tuple[dict[str, bytes], Path]):
    made, folder = files
    with Listening(receivers=2) as listening:
        peer = ["-aec", "CAUSEWAY", "127.0.0.1", str(listening.port)]
        done = run([program, *options, *peer, "+sd", str(folder)])
        assert done.returncode == 0, done.stdout + done.stderr
        got = arrived(listening)
        assert set(got) == set(made)
        if "-xi" not in options:  # there the sender itself encodes anew
            assert got == made
        wait_for(lambda: listening.sink.ended)
        assert {each.outcome for each in listening.sink.ended} == {"released"}


@pytest.mark.peer("storescu")
def test_many_of_dcmtk_at_once(files: tuple[dict[str, bytes], Path]):
    made, folder = files
    with Listening(receivers=2) as listening:
        command = ["storescu", "-aec", "CAUSEWAY", "127.0.0.1", str(listening.port)]
        results: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: results.append(run([*command, "+sd", str(folder)]).returncode)
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [0] * 8
        assert len(listening.sink.kept) == 8 * len(made)
        assert arrived(listening) == made


@pytest.mark.peer("storescu", "echoscu")
@pytest.mark.parametrize("mutual", [False, True], ids=["tls", "mutual"])
def test_dcmtk_over_tls(mutual: bool, tmp_path: Path, files: tuple[dict[str, bytes], Path]):
    made, folder = files
    authority = TestAuthority(tmp_path)
    server, scanner = authority.issue("server"), authority.issue("scanner")
    tls = ServerTls(
        certificate=server.certificate,
        key=server.key,
        client_ca=authority.certificate if mutual else None,
    )
    listener = ListenerOptions(ae_title="CAUSEWAY", port=0, tls=tls)
    shown = ["+tls", str(scanner.key), str(scanner.certificate)] if mutual else ["+tla"]
    trust = ["+cf", str(authority.certificate)]
    with Listening(listeners=[listener]) as listening:
        peer = ["-aec", "CAUSEWAY", "127.0.0.1", str(listening.port)]
        done = run(["storescu", *shown, *trust, *peer, "+sd", str(folder)])
        assert done.returncode == 0, done.stdout + done.stderr
        assert arrived(listening) == made
        if mutual:
            done = run(["echoscu", "+tla", *trust, *peer])
            assert done.returncode != 0, "a client without a certificate was let in"
        done = run(["echoscu", *peer])
        assert done.returncode != 0, "a client without TLS was let in"


PYNETDICOM_SENDER = """
import sys
from pathlib import Path
from pydicom import dcmread
from pynetdicom import AE
ae = AE(ae_title="PYNETDICOM")
files = sorted(Path(sys.argv[2]).glob("*.dcm"))
sets = [dcmread(each) for each in files]
for sop_class in sorted({each.SOPClassUID for each in sets}):
    ae.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
ae.add_requested_context("1.2.840.10008.1.1")
association = ae.associate("127.0.0.1", int(sys.argv[1]), ae_title="CAUSEWAY")
assert association.is_established
assert association.send_c_echo().Status == 0
for each in sets:
    assert association.send_c_store(each).Status == 0
association.release()
"""


def test_pynetdicom_sends(files: tuple[dict[str, bytes], Path]):
    made, folder = files
    with Listening() as listening:
        done = run([PYTHON, "-c", PYNETDICOM_SENDER, str(listening.port), str(folder)])
        assert done.returncode == 0, done.stderr
        got = arrived(listening)
        assert set(got) == set(made)  # pynetdicom encodes anew
        wait_for(lambda: listening.sink.ended)
        assert [each.outcome for each in listening.sink.ended] == ["released"]


@pytest.mark.peer("Orthanc")
def test_orthanc_sends(start: Start, tmp_path: Path, files: tuple[dict[str, bytes], Path]):
    import json
    import urllib.request

    made, folder = files
    with Listening() as listening:
        orthanc = start_orthanc(
            start,
            tmp_path,
            DicomModalities={"causeway": ["CAUSEWAY", "127.0.0.1", listening.port]},
        )
        rest = f"http://127.0.0.1:{http_port(orthanc)}"

        def ask(path: str, body: bytes) -> bytes:
            with urllib.request.urlopen(
                urllib.request.Request(rest + path, data=body), timeout=30
            ) as answer:
                return bytes(answer.read())

        ids = [
            json.loads(ask("/instances", each.read_bytes()))["ID"]
            for each in sorted(folder.glob("*.dcm"))
        ]
        assert json.loads(ask("/modalities/causeway/echo", b"{}")) is not None
        ask("/modalities/causeway/store", json.dumps(ids).encode())
        assert arrived(listening) == made


def test_nobody_listens_there():
    """The harness itself: a port without a listener is a failure, not a pass."""
    from causeway.net import Peer, Unreachable, echo

    with pytest.raises(Unreachable):
        echo(Peer(host="127.0.0.1", port=free_port(), called_ae="NOBODY"))
