"""Each leftover gets its name and its outcome, and a second recovery finds nothing to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from spool_parts import SEGMENT, Parts, instances, on_faulty_disk, on_real_disk

from causeway.errors import StartupError, TemporaryError
from causeway.spool import Durability, Outcome, prepare, recover
from causeway.spool.format import BLOCK, Head, encode_head
from causeway.spool.layout import Layout
from causeway.spool.recovery import NAMES
from causeway.spool.segment import make_segment
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.values import Record

PAGE = Path(__file__).parents[3] / "docs/reference/spool-format.md"
LOG = Path("/data/spool/segments/0000000000000001.log")
READY = LOG.with_suffix(".ready")

Leftovers = list[tuple[str, Outcome]]


def put(spool: Parts, name: str, data: bytes = b"what is this") -> None:
    path = spool.root / name
    fd = spool.disk.open(path, 0o302)  # O_CREAT | O_EXCL | O_RDWR
    if data:
        spool.disk.pwritev(fd, [data], 0)
    spool.disk.fsync(fd)
    spool.disk.close(fd)
    spool.disk.fsync_dir(path.parent)


def three(spool: Parts) -> list[Record]:
    return [spool.store(n, b"%d" % n * 5000) for n in (1, 2, 3)]


def unsealed(spool: Parts) -> None:
    three(spool)


def torn(spool: Parts) -> None:
    last = three(spool)[-1]
    spool.disk.rot(LOG, last.end - 4000, b"\xff")


def torn_at_once(spool: Parts) -> None:
    last = spool.store(1, b"1" * 5000)
    spool.disk.rot(LOG, last.end - 4000, b"\xff")


def failed(spool: Parts) -> None:
    three(spool)
    failed_at_once(spool)


def failed_at_once(spool: Parts) -> None:
    """The sync failed, and yet the record is on the disk: nobody can know."""
    if not spool.writer.statistics().stored:
        spool.keeper.make_ahead()
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError):
        spool.store(4, b"4" * 5000)
    (name,) = (name for name in spool.segment_files() if name.endswith(".failed"))
    file = spool.disk._names[str(LOG.with_name(name))]
    file.stable[:] = file.cache
    file.doomed.clear()


def failed_and_lost(spool: Parts) -> None:
    three(spool)
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(TemporaryError):
        spool.store(4, b"4" * 5000)


def damaged(spool: Parts) -> None:
    spool.disk.rot(LOG, three(spool)[1].end - 4000, b"\xff")


def destroyed_header(spool: Parts) -> None:
    spool.disk.rot(LOG, three(spool)[1].address.offset, bytes(96))


def named_ready(spool: Parts) -> None:
    three(spool)
    spool.writer.close()
    spool.disk.rename(LOG, READY)


def named_making(spool: Parts) -> None:
    three(spool)
    spool.disk.rename(LOG, LOG.with_suffix(".making"))


def unused(spool: Parts) -> None:
    spool.disk.fail("pwritev", errno.EIO, after=2)  # the first is for the head
    with pytest.raises(TemporaryError):
        spool.store(1)
    spool.disk.rename(LOG.with_name(spool.segment_files()[0]), LOG)


def half_raised(spool: Parts) -> None:
    three(spool)
    spool.writer.close()
    spool.disk.rot(LOG, BLOCK, encode_head(Head(1, 9, SEGMENT)))


def second_copy_rotten(spool: Parts) -> None:
    three(spool)
    spool.writer.close()
    spool.disk.rot(LOG, BLOCK + 10, b"\xff")


def no_head(spool: Parts) -> None:
    three(spool)
    spool.writer.close()
    spool.disk.rot(LOG, 0, bytes(2 * BLOCK))


def truncated(spool: Parts) -> None:
    last = three(spool)[-1]
    fd = spool.disk.open(LOG, 2)
    spool.disk.truncate(fd, last.end - 4096)
    spool.disk.close(fd)


def strange(spool: Parts) -> None:
    put(spool, "segments/0000000000000001.log", b"no head, no records" * 1000)


def half_made(spool: Parts) -> None:
    spool.disk.cut_at_call = spool.disk.calls + 9
    with pytest.raises(PowerCut):
        spool.keeper.make_ahead()


def half_received(spool: Parts) -> None:
    spool.writer.stream(three(spool)[0].receipt).write(bytes(500_000))
    spool.writer.close()


def half_kept(spool: Parts) -> None:
    record = three(spool)[0]
    spool.writer.close()
    spool.disk.cut_at_point = "large-synced"
    with pytest.raises(PowerCut):
        spool.keeper.keep(record)


def incomplete(spool: Parts) -> None:
    record = spool.store(1, bytes(50_000))
    spool.disk.rot(spool.root / "large" / "0000000000000001.obj", 8, b"\xff")
    assert record


def cut_short(spool: Parts) -> None:
    record = spool.store(1, bytes(50_000))
    fd = spool.disk.open(spool.root / "large" / "0000000000000001.obj", 2)
    spool.disk.truncate(fd, record.end - 1)
    spool.disk.close(fd)


def empty(spool: Parts) -> None:
    for name in ("segments/0000000000000001.log", "large/0000000000000002.obj"):
        put(spool, name, b"")


def foreign(spool: Parts) -> None:
    for name in ("notes.txt", "segments/core", "large/x", "kept/0000000000000002.log"):
        put(spool, name)


def foreign_folder(spool: Parts) -> None:
    spool.disk.mkdir(spool.root / "lost+found")
    spool.disk.fsync_dir(spool.root)


def in_use(spool: Parts) -> None:
    spool.store(1)
    spool.disk.kill = lambda: None  # somebody else has it


KEPT, ASIDE, GONE = Outcome.KEPT, Outcome.SET_ASIDE, Outcome.DISCARDED
LEFT, MENDED = Outcome.LEFT, Outcome.REPAIRED

CASES: list[tuple[Callable[[Parts], None], Leftovers, list[str]]] = [
    (unsealed, [("unsealed segment", KEPT)], ["1", "2", "3"]),
    (torn, [("torn record", ASIDE), ("unsealed segment", KEPT)], ["1", "2"]),
    (torn_at_once, [("torn record", ASIDE), ("unused log", GONE)], []),
    (failed, [("failed record", ASIDE), ("unsealed segment", KEPT)], ["1", "2", "3"]),
    (failed_and_lost, [("unsealed segment", KEPT)], ["1", "2", "3"]),
    (failed_at_once, [("failed record", ASIDE), ("unused log", GONE)], []),
    (damaged, [("damaged record", LEFT), ("unsealed segment", KEPT)], ["1", "2", "3"]),
    (destroyed_header, [("destroyed header", LEFT), ("unsealed segment", KEPT)], ["1", "x", "3"]),
    (named_ready, [("log under an older name", KEPT)], ["1", "2", "3"]),
    (
        named_making,
        [("log under an older name", KEPT), ("unsealed segment", KEPT)],
        ["1", "2", "3"],
    ),
    (unused, [("unused log", GONE)], []),
    (half_raised, [("half-raised generation", MENDED)], ["1", "2", "3"]),
    (second_copy_rotten, [("half-raised generation", MENDED)], ["1", "2", "3"]),
    (no_head, [("destroyed head", MENDED)], ["1", "2", "3"]),
    (truncated, [("truncated segment", KEPT)], ["1", "2", "x"]),
    (strange, [("strange segment", ASIDE)], []),
    (half_made, [("half-made segment", GONE)], []),
    (half_received, [("half-received large object", GONE)], ["1", "2", "3"]),
    (half_kept, [("half-copied kept object", GONE)], ["1", "2", "3"]),
    (incomplete, [("incomplete object", ASIDE)], []),
    (cut_short, [("incomplete object", ASIDE)], []),
    (empty, [("empty file", GONE)] * 2, []),
    (foreign, [("foreign file", ASIDE)] * 4, []),
    (foreign_folder, [("foreign file", LEFT)], []),
    (in_use, [("segment in use", LEFT)], ["1"]),
]


@pytest.mark.parametrize(
    ("leave", "leftovers", "left"), CASES, ids=lambda c: getattr(c, "__name__", "")
)
def test_each_leftover_has_a_name_and_an_outcome(
    leave: Callable[[Parts], None], leftovers: Leftovers, left: list[str]
) -> None:
    spool = on_faulty_disk()
    leave(spool)
    spool.disk.kill()
    report = recover(spool.root, disk=spool.disk, positions={})
    assert [(found.name, found.outcome) for found in report.leftovers] == leftovers
    assert all(found.detail for found in report.leftovers), "each says what it is about"
    before = spool.disk.files()
    again = recover(spool.root, disk=spool.disk, positions={})
    assert spool.disk.files() == before
    assert {found.outcome for found in again.leftovers} <= {LEFT, KEPT}
    spool.again()
    found = [name.rpartition(".")[2] for name in instances(spool.scan())]
    assert found == ["damaged" if name == "x" else name for name in left]
    # What it says holds after a power cut, too.
    spool.disk.kill = FaultyDisk.kill.__get__(spool.disk)
    spool.disk.cut_power()
    assert spool.disk.files() == before


def test_every_leftover_is_tried_and_documented() -> None:
    tried = {name for _, leftovers, _ in CASES for name, _ in leftovers}
    assert tried == set(NAMES)
    table = PAGE.read_text().partition("## Leftovers")[2].partition("## Doubts")[0]
    documented = set(re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)) - {"leftover", "---"}
    assert documented - set(NAMES) == {"stale generation"}, "of which nothing is left to do"
    assert set(NAMES) - documented == set()


def test_set_aside_are_the_bytes_themselves() -> None:
    spool = on_faulty_disk()
    torn(spool)
    before = spool.disk.files()[str(LOG)]
    spool.disk.kill()
    recover(spool.root, disk=spool.disk, positions={})
    aside = {k: v for k, v in spool.disk.files().items() if "/strange/" in k}
    ((name, data),) = aside.items()
    assert name.endswith("seg-0000000000000001.1@24576.torn")
    assert data == before[24576 : 24576 + len(data)]
    assert len(data) == 8192


def test_names_set_aside_do_not_collide() -> None:
    spool = on_faulty_disk()
    for _ in range(3):
        put(spool, "segments/core")
        recover(spool.root, disk=spool.disk, positions={})
    assert sorted(spool.disk.listdir(spool.root / "strange")) == ["core", "core.2", "core.3"]


def test_only_what_the_ledger_does_not_know_is_verified() -> None:
    spool = on_faulty_disk()
    records = three(spool)
    spool.disk.rot(LOG, records[0].end - 4000, b"\xff")
    spool.disk.kill()
    positions = {records[0].address.container: records[1].end}
    report = recover(spool.root, disk=spool.disk, positions=positions)
    assert report.records == 1
    assert [found.name for found in report.leftovers] == ["unsealed segment"]


def test_a_seal_after_the_ledgers_position_does_not_hide_what_is_before() -> None:
    spool = on_faulty_disk()
    records = three(spool)
    spool.disk.kill()
    positions = {records[0].address.container: records[2].end}
    recover(spool.root, disk=spool.disk, positions=positions)
    spool.again()
    assert spool.scan(verify=True) == records
    assert spool.scan(records[0].address.container, start=records[1].end) == records[2:]


def test_a_disk_without_room_for_a_copy_does_not_keep_from_starting() -> None:
    spool = on_faulty_disk()
    torn(spool)
    spool.disk.kill()
    spool.disk.fail("pwritev", errno.ENOSPC)
    report = recover(spool.root, disk=spool.disk, positions={})
    assert [(found.name, found.outcome) for found in report.leftovers] == [("torn record", LEFT)]
    spool.again()
    assert instances(spool.scan()) == ["1.2.3.1", "1.2.3.2", "damaged"]
    report = recover(spool.root, disk=spool.disk, positions={})
    assert [(found.name, found.outcome) for found in report.leftovers] == [
        ("torn record", ASIDE),
        ("unsealed segment", KEPT),
    ]


def test_what_recovery_verified_it_has_synced_even_where_it_could_not_seal() -> None:
    for seed in range(10):
        spool = on_faulty_disk(seed)
        spool.durability = Durability.RELAXED
        spool.again()
        torn(spool)
        spool.disk.kill()
        spool.disk.fail("pwritev", errno.ENOSPC)
        recover(spool.root, disk=spool.disk, positions={})
        spool.disk.cut_power()
        spool.restart()
        assert instances(spool.scan()) == ["1.2.3.1", "1.2.3.2"]


def test_a_disk_that_fails_is_a_startup_error() -> None:
    spool = on_faulty_disk()
    three(spool)
    spool.disk.kill()
    spool.disk.fail("fdatasync", errno.EIO)
    with pytest.raises(StartupError):
        recover(spool.root, disk=spool.disk, positions={})


def test_a_sync_that_failed_before_the_kill_is_not_trusted() -> None:
    """Killed before it could mark the segment: the cache has the record, the disk does not."""
    spool = on_faulty_disk()
    records = three(spool)
    spool.disk.fail("fdatasync", errno.EIO)
    spool.disk.cut_at_call = spool.disk.calls + 4  # write, sync, statvfs …, rename
    rename = spool.disk.rename

    def never(source: Path, target: Path) -> None:
        raise PowerCut

    spool.disk.rename = never
    with pytest.raises(PowerCut):
        spool.store(4)
    spool.disk.rename = rename
    spool.disk.kill()
    recover(spool.root, disk=spool.disk, positions={})
    spool.again()
    assert spool.scan(verify=True) == records


def test_blank_segments_that_the_ledger_knows_get_a_new_generation() -> None:
    """Relaxed durability: the ledger knows of a record that the power took away."""
    spool = on_faulty_disk()
    make_segment(spool.disk, Layout(spool.root), 1, SEGMENT, written_over=False)
    recover(spool.root, disk=spool.disk, positions={"seg-0000000000000001.1": 12288})
    spool.again()
    assert spool.store(1).address.container == "seg-0000000000000001.2"


def test_the_folders_are_made_durably_and_privately(tmp_path: Path) -> None:
    prepare(tmp_path / "spool", disk=on_real_disk(tmp_path).disk)
    made = sorted(path.name for path in (tmp_path / "spool").iterdir())
    assert made == ["kept", "large", "segments", "strange"]
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    with pytest.raises(StartupError):
        prepare(tmp_path / "no" / "spool", disk=on_real_disk(tmp_path).disk)
    spool = on_faulty_disk()
    spool.disk.cut_power()
    assert sorted(spool.disk.listdir(spool.root)) == made


def test_relaxed_records_behind_a_lost_one_are_found() -> None:
    """The first may be lost and a later one be there: the segment must not pass for blank."""
    for seed in range(40):
        spool = on_faulty_disk(seed)
        spool.durability = Durability.RELAXED
        spool.again()
        three(spool)
        spool.disk.cut_power()
        assert spool.segment_files() == [LOG.name]
        spool.restart()
        found = instances(spool.scan())
        stored = spool.store(9)
        assert instances(spool.scan()) in ([*found, "1.2.3.9"], ["1.2.3.9", *found])
        assert spool.reader.read(stored) == b"9" * 100


def test_a_segment_that_ended_early_is_cut_behind_its_seal(tmp_path: Path) -> None:
    spool = on_real_disk(tmp_path)
    records = three(spool)
    log = spool.root / "segments/0000000000000001.log"
    assert log.stat().st_size == SEGMENT
    for segment in spool.writer._pool._idle:  # its writer is killed
        spool.disk.close(segment.fd)
    first = spool.restart()
    assert [found.name for found in first.leftovers] == ["unsealed segment"]
    assert log.stat().st_size == records[-1].end + BLOCK
    assert spool.restart().leftovers == (), "nothing is missing, so there is nothing to tell"
    assert spool.scan(verify=True) == records
    more = spool.store(4)
    spool.writer.close()  # sealed by its own writer
    assert spool.restart().leftovers == ()
    assert spool.scan(verify=True) == [*records, more]
    assert sum(path.stat().st_size for path in log.parent.iterdir()) < SEGMENT


def test_what_was_cut_is_not_offered_to_writers_again() -> None:
    """With relaxed durability the records of a segment may be lost when it was cut already."""
    for seed in range(40):
        spool = on_faulty_disk(seed)
        spool.durability = Durability.RELAXED
        spool.again()
        spool.keeper.make_ahead()
        last = three(spool)[-1]
        for segment in spool.writer._pool._idle:
            spool.disk.close(segment.fd)
        spool.writer = spool.new_writer()
        spool.keeper.make_ahead()
        spool.disk.cut_power()
        spool.restart()
        folder = spool.root / "segments"
        ready = [name for name in spool.segment_files() if name.endswith(".ready")]
        assert {spool.disk.file_size(folder / name) for name in ready} <= {SEGMENT}
        assert last.end + BLOCK < SEGMENT
        for n in range(4, 8):
            spool.store(n)
        spool.writer.close()
        assert all(found.outcome is Outcome.LEFT for found in spool.restart().leftovers)
