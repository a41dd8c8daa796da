"""``causeway import``: into the real spool, and what is said of it."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from cli_world import World, empty, world

from causeway.ledger import Indexed
from causeway.spool import RealDisk, SpoolReader
from causeway.testing.phantom import make_instance
from causeway.values import Header, Identity

__all__ = ["empty", "world"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "images"
    place.mkdir()
    for name in ("a", "b"):
        instance = make_instance("MR", rows=16, columns=16, seed=name)
        instance.write(place / f"{name}.dcm")
    large = make_instance("CT", rows=800, columns=800, seed="large")
    with zipfile.ZipFile(place / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(large.write(tmp_path / "large.dcm"), "c.dcm")
    (place / "notes.txt").write_text("not an image")
    return place


def in_spool(world: World) -> list[tuple[str, str, bytes]]:
    reader = SpoolReader(world.folder / "data" / "spool", disk=RealDisk())
    try:
        return sorted(
            (record.receipt.caller.source, record.receipt.sop_instance_uid, reader.read(record))
            for container in reader.containers()
            for record in reader.scan(container.name)
        )
    finally:
        reader.close()


def expected(source: str) -> list[tuple[str, str, bytes]]:
    made = [make_instance("MR", rows=16, columns=16, seed=name) for name in ("a", "b")]
    made.append(make_instance("CT", rows=800, columns=800, seed="large"))
    return sorted((source, each.sop_instance_uid, each.data_set) for each in made)


def test_what_is_imported_stands_in_the_spool_byte_for_byte(empty: World, folder: Path):
    result = empty.call("import", str(folder))
    assert result.status == 0, result.err
    assert "3 objects imported" in result.out
    assert "1 skipped" in result.out
    assert in_spool(empty) == expected("import")


def test_it_can_be_as_if_a_source_had_sent_it(empty: World, folder: Path):
    result = empty.call("import", str(folder), "--source", "ct1", "--json", "--verbose")
    assert result.status == 0, result.err
    assert in_spool(empty) == expected("ct1")
    said = result.json
    assert (said["stored"], said["here_already"], said["skipped"]) == (3, 0, 1)
    assert {each["file"].rpartition("/")[2] for each in said["files"]} == {
        "a.dcm", "b.dcm", "more.zip!c.dcm", "notes.txt",
    }  # fmt: skip


def test_a_dry_run_stores_nothing(empty: World, folder: Path):
    result = empty.call("import", str(folder), "--dry-run")
    assert result.status == 0, result.err
    assert "3 objects would be imported" in result.out
    assert not (empty.folder / "data").exists()


def test_what_the_ledger_has_is_not_stored_again(world: World, folder: Path):
    assert world.call("import", str(folder / "a.dcm")).status == 0
    index(world)
    before = in_spool(world)
    result = world.call("import", str(folder / "a.dcm"), "--json")
    assert result.status == 0, result.err
    assert (result.json["stored"], result.json["here_already"]) == (0, 1)
    assert in_spool(world) == before
    # The same UID and size with other bytes is another object.
    content = bytearray((folder / "a.dcm").read_bytes())
    content[-1] ^= 1
    (folder / "a.dcm").write_bytes(content)
    result = world.call("import", str(folder / "a.dcm"), "--json")
    assert (result.json["stored"], result.json["here_already"]) == (1, 0)


def index(world: World) -> None:
    """Enter what was imported, as the pipeline would."""
    reader = SpoolReader(world.folder / "data" / "spool", disk=RealDisk())
    try:
        records = [
            record
            for container in reader.containers()
            for record in reader.scan(container.name)
            if record.receipt.caller.source == "import"
        ]
    finally:
        reader.close()
    with world.ledger() as ledger:
        for record in records:
            header = Header(
                sop_class_uid=record.receipt.sop_class_uid,
                sop_instance_uid=record.receipt.sop_instance_uid,
                study_instance_uid="1.2.3",
                series_instance_uid="1.2.3.4",
                identity=Identity(),
            )
            ledger.index([Indexed(record=record, header=header, due_at=2.0)], now=1.0)


def test_what_is_missing_fails_the_command(empty: World, folder: Path):
    (folder / "more.zip").write_bytes((folder / "more.zip").read_bytes()[:400])
    result = empty.call("import", str(folder))
    assert result.status == 8
    assert "failed" in result.out
    assert "a ZIP archive that cannot be read" in result.out
    assert "1 object was not imported" in result.err


def test_mistakes_are_said(empty: World, folder: Path, tmp_path: Path):
    result = empty.call("import", str(folder), "--source", "ct2")
    assert result.status == 2
    assert 'there is no source "ct2"' in result.err
    assert "ct1" in result.err
    assert empty.call("import", str(folder / "nowhere")).status == 2
    (tmp_path / "nothing").mkdir()
    assert empty.call("import", str(tmp_path / "nothing")).status == 7


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a folder away")
def test_nobody_writes_into_the_spool_of_another_user(world: World, folder: Path):
    """Not even the superuser: the service could not read it."""
    before = in_spool(world)
    os.chown(world.folder / "data" / "spool", 65534, -1)
    result = world.call("import", str(folder))
    assert result.status == 3
    assert "belongs to another user" in result.err
    assert "sudo -u '#65534'" in result.err
    assert in_spool(world) == before


def test_a_full_spool_stops_it_and_says_how_many_are_left(empty: World, folder: Path):
    text = empty.config.read_text()
    facts = os.statvfs(empty.folder)
    more = facts.f_bavail * facts.f_frsize // 2**30 + 2**10
    empty.config.write_text(
        f"{text}\n[spool]\nsoft_watermark_bytes = {(more + 1) << 30}\n"
        f"hard_watermark_bytes = {more << 30}\n"
    )
    result = empty.call("import", str(folder))
    assert result.status == 4, result.out + result.err
    assert "3 objects not imported yet" in result.err
    assert "goes on where it was" in result.err
