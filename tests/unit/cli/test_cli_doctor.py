"""What the doctor finds, on machines and data folders that have what it looks for."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

import pytest
from cli_world import World, empty, world

from causeway.doctor import Examination, Finding, Outcome
from causeway.doctor.machine import file_system_of
from causeway.service.mapping import server_tls
from causeway.testing.certificates import TestAuthority

__all__ = ["empty", "world"]


def examine(world: World, *, deep: bool = False) -> list[Finding]:
    return list(Examination(config_path=world.config, tls_options=server_tls, deep=deep).findings())


def findings(world: World, name: str, *, deep: bool = False) -> list[Finding]:
    return [one for one in examine(world, deep=deep) if one.name == name]


def replace(world: World, old: str, new: str) -> None:
    text = world.config.read_text()
    assert old in text
    world.config.write_text(text.replace(old, new))


def test_a_machine_that_is_well(empty: World) -> None:
    result = empty.call("doctor")
    assert result.status == 0, result.out
    names = [line.split()[1].rstrip(":") for line in result.out.splitlines() if ": " in line]
    assert names[0] == "config"
    said = empty.call("doctor", "--json").json
    assert said["ok"] is True
    checks = {check["name"] for check in said["checks"]}
    assert checks >= {
        "config", "service", "data_dir", "room", "ledger", "spool", "ports", "open files",
        "destinations", "clock",
    }  # fmt: skip


def test_a_data_folder_with_a_life(world: World) -> None:
    ledger = findings(world, "ledger")
    assert ledger[0].outcome is Outcome.OK
    assert "8 received" in ledger[0].said
    assert {one.outcome for one in ledger[1:]} == {Outcome.WARNING}
    assert any("quarantine" in one.said for one in ledger)
    (spool,) = findings(world, "spool", deep=True)
    assert spool.outcome is Outcome.OK
    assert "8, all of them" in spool.said


def test_a_damaged_spool(world: World) -> None:
    segment = next((world.folder / "data" / "spool" / "segments").glob("*.log"))
    content = bytearray(segment.read_bytes())
    content[content.index(b"ISO_IR 192")] ^= 0xFF
    segment.write_bytes(content)
    (spool,) = findings(world, "spool", deep=True)
    assert spool.outcome is Outcome.FAILED
    assert "send the objects again" in spool.to_do


def test_a_ledger_that_is_none(world: World) -> None:
    (world.folder / "data" / "ledger.db").write_bytes(b"not a database" * 1000)
    result = world.call("doctor")
    assert result.status == 8
    assert "failed   ledger: " in result.out
    assert "Traceback" not in result.err


def test_a_broken_configuration(empty: World) -> None:
    replace(empty, "port = 0", "prot = 0")
    result = empty.call("doctor")
    assert result.status == 8
    assert "failed   config: line 5: listener 1: unknown key" in result.out
    assert 'did you mean "port"?' in result.out


def test_a_doubtful_configuration(empty: World) -> None:
    replace(empty, "[[source]]", '[spool]\ndurability = "relaxed"\n[[source]]')
    config = findings(empty, "config")
    assert [one.outcome for one in config] == [Outcome.OK, Outcome.WARNING]


def test_a_port_that_is_taken(empty: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        replace(empty, "port = 0", f"port = {port}")
        (finding,) = findings(empty, "ports")
    assert finding.outcome is Outcome.FAILED
    assert "ss -ltnp" in finding.to_do
    (finding,) = findings(empty, "ports")
    assert finding.outcome is Outcome.OK


def test_an_address_of_another_machine(empty: World) -> None:
    replace(empty, "port = 0", 'host = "192.0.2.1"\nport = 11112')
    (finding,) = findings(empty, "ports")
    assert finding.outcome is Outcome.FAILED
    assert "not an address of this machine" in finding.said


def test_folders_without_rights(empty: World) -> None:
    # Nobody can make a file there, root neither.
    replace(empty, 'path = "archive"', 'path = "/proc/sys"')
    (finding,) = findings(empty, "destinations")
    assert finding.outcome is Outcome.FAILED
    assert '"archive" /proc/sys cannot be written by' in finding.said
    assert finding.to_do


def test_no_room(empty: World) -> None:
    replace(empty, "[[source]]", '[spool]\nsoft_watermark_bytes = "999 TiB"\n[[source]]')
    (finding,) = findings(empty, "room")
    assert finding.outcome is Outcome.FAILED
    assert "new associations are refused" in finding.said


def test_too_few_files(empty: World) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        (finding,) = findings(empty, "open files")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert finding.outcome is Outcome.FAILED
    assert "LimitNOFILE=576" in finding.to_do


def test_certificates(empty: World) -> None:
    authority = TestAuthority(empty.folder)
    good, old = authority.issue("good"), authority.issue("old", expired=True)
    authority.write_crl()
    line = 'port = 0\ntls = {{ certificate = "{0}", key = "{1}", client_ca = "{2}" }}'
    replace(empty, "port = 0", line.format(good.certificate, good.key, authority.certificate))
    outcomes = {one.said: one.outcome for one in findings(empty, "tls")}
    assert set(outcomes.values()) == {Outcome.WARNING}  # all of them are valid for hours only
    assert any("expires in 0 days" in said for said in outcomes)
    sloppy = TestAuthority(empty.folder, "sloppy", sloppy=True).certificate
    good_only = authority.certificate.read_bytes()
    authority.certificate.write_bytes(good_only + sloppy.read_bytes())
    assert any(
        "sloppy in" in one.said and "no key usage" in one.said for one in findings(empty, "tls")
    )
    authority.certificate.write_bytes(good_only)
    good.key.chmod(0o644)
    assert any("chmod 640" in one.to_do for one in findings(empty, "tls"))
    replace(empty, str(good.certificate), str(old.certificate))
    replace(empty, str(good.key), str(old.key))
    assert any(
        one.outcome is Outcome.FAILED and "expired" in one.said for one in findings(empty, "tls")
    )
    replace(empty, str(old.key), str(good.key))
    (finding,) = findings(empty, "tls")
    assert finding.outcome is Outcome.FAILED


def test_damage_that_nothing_has_met_yet_is_found_when_asked_for(world: World) -> None:
    path = world.folder / "data" / "ledger.db"
    whole = bytearray(path.read_bytes())
    last = len(whole) // 4096 - 1
    whole[last * 4096 : last * 4096 + 512] = b"\xff" * 512
    path.write_bytes(whole)
    (finding,) = findings(world, "ledger", deep=True)
    assert finding.outcome is Outcome.FAILED
    assert "damaged" in finding.said
    assert "move the ledger file" in finding.to_do


def test_a_check_that_breaks_does_not_stop_the_others(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("Doe^Jane")

    monkeypatch.setattr("causeway.doctor.machine.room", broken)
    found = examine(empty)
    (room,) = [one for one in found if one.name == "room"]
    assert room.outcome is Outcome.FAILED
    assert "RuntimeError" in room.said
    assert "Doe" not in room.said
    assert any(one.name == "clock" for one in found)


def test_kinds_of_file_systems() -> None:
    mounts = (
        "/dev/sda1 / ext4 rw 0 0\n"
        "server:/export /srv nfs4 rw 0 0\n"
        "tmpfs /srv/my\\040data tmpfs rw 0 0\n"
    )
    # What is not there is judged by the nearest folder above it, so these are all below "/".
    assert file_system_of(Path("/"), mounts) == "ext4"
    assert file_system_of(Path("/srv"), mounts) == ("nfs4" if Path("/srv").is_dir() else "ext4")
    assert file_system_of(Path("/"), "") == ""
