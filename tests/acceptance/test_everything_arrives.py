"""Every real object that can be sent arrives byte for byte; every damaged one ends somewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance_site import Site, peak_memory_mib, without_meta

from causeway.net import Outgoing, send
from causeway.spool import RealDisk, SpoolReader

DATA = Path(os.environ.get("CAUSEWAY_TEST_DATA", Path(__file__).parents[3] / "shared/data/dicom"))
FUZZ = "dicom-fuzzing-corpus"

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared objects are not here ({DATA.name})"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


def sendable(folder: Path) -> Iterator[tuple[Path, Outgoing]]:
    """Part 10 files whose meta information says what they are; nothing else of them is read."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        raw = path.read_bytes()
        if raw[128:132] != b"DICM" or raw[132:140] != b"\x02\0\0\0UL\x04\0":
            continue
        end = 144 + int.from_bytes(raw[140:144], "little")
        found = dict(meta_uids(raw[144:end]))
        if {0x0002, 0x0003, 0x0010} <= set(found) and found[0x0003] and end < len(raw):
            yield (
                path,
                Outgoing(
                    sop_class_uid=found[0x0002],
                    sop_instance_uid=found[0x0003],
                    transfer_syntax_uid=found[0x0010],
                    data=raw[end:],
                    key=path,
                ),
            )


def meta_uids(meta: bytes) -> Iterator[tuple[int, str]]:
    at = 0
    while at + 8 <= len(meta):
        element, vr = int.from_bytes(meta[at + 2 : at + 4], "little"), meta[at + 4 : at + 6]
        if vr in (b"OB", b"UN"):
            at += 12 + int.from_bytes(meta[at + 8 : at + 12], "little")
            continue
        length = int.from_bytes(meta[at + 6 : at + 8], "little")
        if vr == b"UI":
            value = meta[at + 8 : at + 8 + length]
            yield element, value.rstrip(b"\0 ").decode("ascii", "replace")
        at += 8 + length


def forced(path: Path, number: int) -> Outgoing:
    """A damaged file as a sender would offer it that trusts what can be read of its meta
    information, and takes the rest for the data set.
    """
    raw = path.read_bytes()
    at = 132 if raw[128:132] == b"DICM" else 0
    found: dict[int, str] = {}
    while raw[at : at + 2] == b"\x02\0" and at + 12 < len(raw):
        long = raw[at + 4 : at + 6] in (b"OB", b"UN")
        head = 12 if long else 8
        size = int.from_bytes(raw[at + 8 : at + 12] if long else raw[at + 6 : at + 8], "little")
        if at + head + size > len(raw):
            break
        if raw[at + 4 : at + 6] == b"UI":
            value = raw[at + head : at + head + size].rstrip(b"\0 ")
            found[int.from_bytes(raw[at + 2 : at + 4], "little")] = value.decode("latin-1")
        at += head + size
    return Outgoing(
        sop_class_uid=found.get(0x0002) or "1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=found.get(0x0003) or f"1.2.3.{number}",
        transfer_syntax_uid=found.get(0x0010) or "1.2.840.10008.1.2.1",
        data=raw[at:],
        key=path,
    )


def storage(item: Outgoing) -> bool:
    return item.sop_class_uid != "1.2.840.10008.1.3.10"  # DICOMDIR is never sent


BY_COMMAND = 8
"""How many of those in quarantine are exported by the command, a process of a second for each."""


def kept_in_spool(site: Site, instances: list[int]) -> set[bytes]:
    """Data sets, verified against their digests."""
    reader = SpoolReader(site.data / "spool", disk=RealDisk())
    with site.ledger() as ledger:
        rows = [ledger.instance(number) for number in instances]
    try:
        return {reader.read(row.address) for row in rows if row is not None and row.address}
    finally:
        reader.close()


def test_all_that_can_be_sent_arrives_byte_for_byte(site: Site):
    items = [item for path, item in sendable(DATA) if FUZZ not in path.parts and storage(item)]
    assert len(items) > 700
    site.start()
    results = list(send(site.peer(), items))
    failed = [(each.status, str(each.error)) for each in results if not each.stored]
    assert not failed, failed[:5]
    custody = site.settled(at_least=len(items), seconds=180)
    assert custody["dispositions"]["rejected"] == 0

    by_uid: dict[str, set[bytes]] = {}
    for item in items:
        assert isinstance(item.data, bytes)
        by_uid.setdefault(item.sop_instance_uid, set()).add(item.data)
    delivered = site.delivered()
    for uid, copies in delivered.items():
        assert len(copies) == 1, "delivered twice"
        assert copies[0] in by_uid[uid], "a data set changed on its way"
    # What was not delivered is kept in quarantine, and comes out of it as it was.
    held = site.ask("quarantine", "list")["quarantined"]
    assert len(held) == custody["dispositions"]["quarantined"]
    sent = {data for copies in by_uid.values() for data in copies}
    assert kept_in_spool(site, [row["id"] for row in held]) <= sent
    for row in held[:: max(1, len(held) // BY_COMMAND)]:
        out = site.folder / f"quarantined-{row['id']}"
        assert site.cli("export", f"instance:{row['id']}", str(out)).returncode == 0
        (file,) = [each for each in out.rglob("*") if each.is_file()]
        assert without_meta(file.read_bytes()) in sent
    accounted = len(delivered) + len(held) + custody["dispositions"]["duplicate"]
    assert accounted == len(items)


def test_every_damaged_object_ends_somewhere_soon(site: Site):
    files = sorted(each for each in (DATA / FUZZ).rglob("*") if each.is_file())
    items = [forced(path, number) for number, path in enumerate(files)]
    assert len(items) > 200
    site.start()
    before = site.children()
    slowest = 0.0
    outcomes = []
    for item in items:
        started = time.monotonic()
        (result,) = send(site.peer(), [item])
        slowest = max(slowest, time.monotonic() - started)
        outcomes.append(result)
    assert slowest < 2.0
    # A status, or no presentation context for what no standard knows; never a broken association.
    assert all(
        each.status is not None or type(each.error).__name__ == "NotNegotiated" for each in outcomes
    )
    stored = sum(1 for each in outcomes if each.stored)
    custody = site.settled(at_least=stored)
    assert custody["received"] - custody["dispositions"]["rejected"] == stored
    assert site.children() == before, "a process died of it"
    assert max(peak_memory_mib(pid) for pid in before.values()) < 400
