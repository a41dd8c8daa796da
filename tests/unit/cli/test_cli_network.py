"""``send`` and ``echo`` against a real listener, in the clear and over mutual TLS."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from cli_world import call

from causeway.cli.network import host_and_port
from causeway.errors import ConfigurationError
from causeway.net import ListenerOptions, ServerTls
from causeway.part10 import NotSendable, read_part10
from causeway.testing.certificates import TestAuthority
from causeway.testing.listening import Listening
from causeway.testing.planted import Planted

PLANTED = Planted.of(seed=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three objects in two folders, and files that are none."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    place = tmp_path / "images"
    (place / "deeper").mkdir(parents=True)
    for number, name in enumerate(("a.dcm", "b", "deeper/c.dcm"), 1):
        data_set = PLANTED.data_set(number=number, modality="MR" if number == 3 else "CT")
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dcmwrite(place / name, data_set, enforce_file_format=True)
    (place / "notes.txt").write_text("not an image")
    (place / "empty").touch()
    return place


def test_send_walks_folders_and_sends_bytes_as_they_are(folder: Path) -> None:
    with Listening() as listening:
        result = call("send", str(folder), "--to", f"127.0.0.1:{listening.port}")
        kept = {one.request.affected_sop_instance_uid: one for one in listening.sink.kept}
    assert result.status == 0, result.err
    assert len(kept) == 3
    for number in (1, 2, 3):
        one = kept[f"{PLANTED.series_instance_uid}.{number}"]
        assert one.data == PLANTED.encoded(number=number, modality="MR" if number == 3 else "CT")
    assert "3 objects stored" in result.out
    assert "2 skipped" in result.out
    assert "notes.txt: no DICOM file" in result.out
    assert "a.dcm" not in result.out


def test_send_over_several_associations(folder: Path) -> None:
    with Listening() as listening:
        to = f"127.0.0.1:{listening.port}"
        result = call("send", str(folder), "--to", to, "-n", "3", "--json", "-v")
        callers = {one.caller.association for one in listening.sink.kept}
    said = result.json
    assert len(callers) == 3
    assert said["stored"] == 3
    assert said["skipped"] == 2
    assert {file["status"] for file in said["files"] if file["outcome"] == "stored"} == {"0000"}


def test_send_tells_what_the_peer_refused(folder: Path) -> None:
    with Listening() as listening:
        listening.sink.refuse_with = 0xA700
        result = call("send", str(folder), "--to", f"127.0.0.1:{listening.port}")
    assert result.status == 6
    assert "refused  " in result.out
    assert "A700" in result.out
    assert "3 objects were not stored" in result.err


def test_send_to_nobody(folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = call("send", str(folder), "--to", f"127.0.0.1:{port}", "--json")
    assert result.status == 6
    assert result.json["failed"] == 3
    assert "cannot be reached" in result.err


def test_what_failed_for_one_reason_is_one_line(folder: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = call("send", str(folder), "--to", f"127.0.0.1:{port}")
    (line,) = [line for line in result.out.splitlines() if line.startswith("failed")]
    assert " and 2 more: " in line
    assert "3 objects were not stored" in result.err
    result = call("send", "-v", str(folder), "--to", f"127.0.0.1:{port}")
    assert sum(line.startswith("failed") for line in result.out.splitlines()) == 3


def test_send_what_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    result = call("send", str(tmp_path), "--to", "127.0.0.1:1")
    assert result.status == 7
    result = call("send", str(tmp_path / "missing"), "--to", "127.0.0.1:1")
    assert result.status == 2
    assert "is not there" in result.err


def test_echo() -> None:
    with Listening() as listening:
        to = f"127.0.0.1:{listening.port}"
        result = call("echo", to)
        said = call("echo", to, "--json").json
        refused = call("echo", to, "--called", "OTHER")
    assert result.status == 0, result.err
    assert f"CAUSEWAY at {to} answered in" in result.out
    assert said["ok"] is True
    assert said["tls"] is False
    assert refused.status == 6
    assert "called AE title not recognized" in refused.err
    assert "hint: name the peer's own AE title: --called" in refused.err


def test_echo_over_mutual_tls(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    server, client = authority.issue("server"), authority.issue("client", password="hunter2")
    (tmp_path / "password").write_text("hunter2\n")
    tls = ServerTls(certificate=server.certificate, key=server.key, client_ca=authority.certificate)
    ca = ["--tls", "--ca", str(authority.certificate)]
    mine = ["--certificate", str(client.certificate), "--key", str(client.key)]
    password = ["--key-password", f"file:{tmp_path / 'password'}"]
    with Listening(listeners=[ListenerOptions(ae_title="CAUSEWAY", port=0, tls=tls)]) as listening:
        to = f"127.0.0.1:{listening.port}"
        result = call("echo", to, *ca, *mine, *password)
        unknown = call("echo", to, *ca)
        clear = call("echo", to)
        named = call("echo", to, *ca, *mine, *password, "--server-name", "pacs.example")
        any_name = call("echo", to, *ca, *mine, *password, "--server-name", "any")
    assert result.status == 0, result.err
    assert "over TLS" in result.out
    assert any_name.status == 0
    for failed in (unknown, clear, named):
        assert failed.status == 6
        assert "hunter2" not in failed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tls"], "needs --ca"),
        (["--certificate", "x"], "needs --ca"),
        (["--ca", "x", "--certificate", "y"], "go together"),
        (["--ca", "x", "--key-password", "hunter2"], "must refer to a secret"),
        (["--called", "A" * 17], "no AE title"),
        (["--calling", ""], "no AE title"),
    ],
)
def test_options_that_do_not_fit(arguments: list[str], said: str) -> None:
    result = call("echo", "127.0.0.1:1", *arguments)
    assert result.status == 2
    assert said in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("pacs:104", ("pacs", 104)),
        ("10.0.0.7:11112", ("10.0.0.7", 11112)),
        ("[::1]:104", ("::1", 104)),
    ],
)
def test_host_and_port(text: str, parts: tuple[str, int]) -> None:
    assert host_and_port(text) == parts


@pytest.mark.parametrize("text", ["pacs", ":104", "pacs:", "pacs:0", "pacs:65536", "pacs:x"])
def test_no_host_and_port(text: str) -> None:
    with pytest.raises(ConfigurationError):
        host_and_port(text)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no DICOM file"),
        (bytes(128) + b"DICM", "no SOP class UID"),
        (bytes(128) + b"DICM" + b"\x02\0\x02\0UI\xff\xff1.2", "broken or too long"),
        (bytes(128) + b"DICM" + b"\x02\0\x01\0OB\0\0\xff\xff\xff\xff", "broken or too long"),
        (bytes(128) + b"DICM" + b"\x02\0\x01\0OB", "broken or too long"),
    ],
)
def test_heads_that_are_broken(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(NotSendable, match=why):
        read_part10(tmp_path / "file")


def test_nobody_waits_for_a_pipe_to_speak(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotSendable, match="no ordinary file"):
        read_part10(tmp_path / "pipe")


def test_a_head_is_read_without_its_data_set(folder: Path) -> None:
    head = read_part10(folder / "a.dcm")
    assert head.sop_instance_uid == f"{PLANTED.series_instance_uid}.1"
    assert b"".join(bytes(piece) for piece in head.pieces()) == PLANTED.encoded(number=1)
    assert head.size == len(PLANTED.encoded(number=1))
    assert json.dumps(str(head.path))
