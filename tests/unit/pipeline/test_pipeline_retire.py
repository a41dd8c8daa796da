"""When bytes leave the spool, and that nothing else does."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest

from causeway.errors import OutOfSpace, SpoolCorrupt
from causeway.ledger import InstanceState
from causeway.pipeline.points import on_reach
from causeway.spool import Kind
from causeway.testing.disk import FaultyDisk
from causeway.testing.site import Image, Site
from causeway.values import Disposition

KEEP = 60.0


def kinds(site: Site) -> list[Kind]:
    return sorted(info.kind for info in site.reader.containers())


def retire(site: Site) -> None:
    while site.parts.retirement.turn(site.now):
        pass


def delivered(site: Site, *images: Image) -> None:
    for image in images:
        site.receive(image)
    site.work(35)
    site.writer.close()  # a segment that is being written to is not recycled


def test_bytes_go_only_after_delivery_and_the_time_to_keep_them(site: Site) -> None:
    delivered(site, Image(number=1), Image(number=2, size=200_000))
    verified_at = site.now
    retire(site)
    assert kinds(site) == [Kind.LARGE, Kind.SEGMENT]
    site.now = verified_at + KEEP - 10
    retire(site)
    assert kinds(site) == [Kind.LARGE, Kind.SEGMENT]
    site.now = verified_at + KEEP + 1
    retire(site)
    assert kinds(site) == []
    assert {i.state for i in site.ledger.instances_of(1)} == {InstanceState.RETIRED}
    assert site.ledger.custody().holds
    assert site.ledger.custody().count(Disposition.DELIVERED) == 2


def test_what_is_not_delivered_stays(site: Site) -> None:
    site.receive(Image())
    while site.parts.indexer.turn(site.now):
        pass
    site.writer.close()
    site.now += 1_000_000
    retire(site)
    assert kinds(site) == [Kind.SEGMENT]


def test_one_that_is_not_delivered_keeps_its_segment(site: Site) -> None:
    site.receive(Image(study=1))
    site.receive(Image(study=2))
    site.work(25)
    site.ledger.hold("study:2", who="alice", why="wait", now=site.now)
    site.work(40)
    site.writer.close()
    # A crash before it was copied out: the segment must still be there.
    site.now += 1_000
    site.parts.retirement._copy_out = lambda now: False  # type: ignore[method-assign]
    retire(site)
    assert kinds(site) == [Kind.SEGMENT]


def test_what_waits_for_a_person_is_copied_out_and_frees_its_segment(site: Site) -> None:
    site.receive(Image(number=1, cut=3))
    site.receive(Image(number=2))
    site.receive(Image(study=2))
    site.work(25)
    site.ledger.hold("study:2", who="alice", why="wait", now=site.now)
    site.work(40)
    site.writer.close()
    site.now += 1_000
    retire(site)
    retire(site)
    assert kinds(site) == [Kind.KEPT, Kind.KEPT]
    (bad,) = site.ledger.quarantined()
    assert site.reader.read(bad.address) == Image(number=1, cut=3).data()
    site.ledger.release("study:2", who="alice", why="go on", now=site.now)
    site.work(40)
    assert (Image(study=2).uid, Image(study=2).data()) in site.delivered_data_sets()
    site.now += 1_000
    retire(site)
    assert kinds(site) == [Kind.KEPT], "the quarantined one stays until a person decides"
    site.ledger.quarantine_discard(bad.id, who="alice", why="rubbish", now=site.now)
    site.now += 1_000
    retire(site)
    assert kinds(site) == []
    assert site.ledger.custody().holds


def test_duplicates_need_no_bytes(site: Site) -> None:
    delivered(site, Image(), Image())
    site.now += 1_000
    retire(site)
    assert kinds(site) == []


@pytest.mark.parametrize("point", ["retire.kept", "retire.moved"])
def test_a_crash_while_copying_out_leaves_one_copy(tmp_path: Path, point: str) -> None:
    site = Site(tmp_path, disk=FaultyDisk(Random(1)))

    class Died(BaseException):
        pass

    def die(reached: str) -> None:
        if reached == point:
            raise Died

    site.receive(Image(cut=3))
    site.work(1)
    on_reach(die)
    try:
        with pytest.raises(Died):
            site.parts.retirement.turn(site.now)
    finally:
        on_reach(None)
    site.crash(power=True)
    site.start()
    retire(site)
    assert kinds(site).count(Kind.KEPT) == 1
    (bad,) = site.ledger.quarantined()
    assert bad.address.container.startswith("kept-")
    assert site.reader.read(bad.address) == Image(cut=3).data()
    site.stop()


def test_a_copy_that_nobody_knows_of_is_removed_at_the_start(tmp_path: Path) -> None:
    site = Site(tmp_path, disk=FaultyDisk(Random(1)))

    def die(reached: str) -> None:
        if reached == "retire.kept":
            raise KeyboardInterrupt

    site.receive(Image(cut=3))
    site.work(1)
    (bad,) = site.ledger.quarantined()
    on_reach(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            site.parts.retirement.turn(site.now)
    finally:
        on_reach(None)
    site.ledger.quarantine_discard(bad.id, who="alice", why="rubbish", now=site.now)
    assert Kind.KEPT in kinds(site)
    site.crash(power=False)
    site.start()
    retire(site)
    assert Kind.KEPT not in kinds(site)
    assert len(site.said("retire.swept")) == 1
    site.stop()


def test_a_full_disk_does_not_keep_room_from_being_given_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.receive(Image(study=2, cut=3))
    delivered(site, Image(number=1), Image(number=2, size=200_000))

    def full(*args: object) -> None:
        raise OutOfSpace("the spool has reached its hard watermark")

    monkeypatch.setattr(site.parts.retirement._keeper, "keep", full)
    site.now += 1_000
    retire(site)
    assert Kind.LARGE not in kinds(site), "what was delivered has made room"
    assert site.said("retire.waits")


def test_one_that_cannot_be_copied_does_not_stop_the_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = site.parts.retirement._keeper
    original = keeper.keep

    def keep(record: object) -> object:
        if site.said("retire.failed"):
            return original(record)  # type: ignore[arg-type]
        raise SpoolCorrupt("the copy differs")

    monkeypatch.setattr(keeper, "keep", keep)
    site.receive(Image(number=1, cut=3))
    site.receive(Image(number=2, cut=3))
    site.work(1)
    retire(site)
    kept = [row.address.container.startswith("kept-") for row in site.ledger.quarantined()]
    assert sorted(kept) == [False, True]


def test_a_disk_that_fails_to_remove_is_asked_again(tmp_path: Path) -> None:
    disk = FaultyDisk(Random(1))
    site = Site(tmp_path, disk=disk)
    delivered(site, Image(size=200_000))
    site.now += 1_000
    disk.fail("unlink", errno.EIO)
    retire(site)
    assert site.said("retire.failed")
    assert kinds(site) == [Kind.LARGE]
    retire(site)
    assert kinds(site) == []
    site.stop()


def test_a_lost_ledger_is_built_again_from_the_spool_with_what_was_kept(site: Site) -> None:
    broken = Image(number=1, cut=3)
    site.receive(broken)
    site.receive(Image(number=2))
    site.receive(Image(study=2))
    site.work(25)
    site.ledger.hold("study:2", who="alice", why="wait", now=site.now)
    site.work(40)
    site.writer.close()
    site.now += 1_000
    retire(site)
    retire(site)
    assert kinds(site) == [Kind.KEPT, Kind.KEPT], "all that is left are copies"
    site.stop()
    for path in site.base.glob("ledger.db*"):
        path.unlink()
    site.start()
    site.work(1, retire=True)
    site.work(100)
    assert kinds(site) == [Kind.KEPT, Kind.KEPT]
    assert len(site.said("retire.adopted")) == 2
    custody = site.ledger.custody()
    assert custody.holds
    assert (custody.received, custody.count(Disposition.QUARANTINED)) == (2, 1)
    assert (Image(study=2).uid, Image(study=2).data()) in site.delivered_data_sets()
    (bad,) = site.ledger.quarantined()
    assert site.reader.read(bad.address) == broken.data()
    site.now += 1_000
    retire(site)
    assert kinds(site) == [Kind.KEPT], "what is delivered goes, from where it is"
    assert site.reader.read(bad.address) == broken.data()
