"""The whole pipeline over a real ledger and a disk that lies: one seed is one history.

Images arrive, a person holds, releases and reroutes, parts turn in any order, and at any call of
the disk or named point the process dies or the power goes; then everything starts again. The
ledger's database is real and survives, since SQLite's durability is not what is tested here. In the
end the disk behaves, time goes on, and:

- nothing acknowledged is lost: each image is in an archive, or in quarantine for a reason that the
  history gave it;
- nothing is delivered twice: no object is in two archives, but where it was asked for: a series
  that goes again when more of it comes, or that a person has sent elsewhere after delivery;
- what is delivered is, byte for byte, what was sent;
- custody holds: received = delivered + quarantined + duplicate, and nothing is on its way.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from causeway.attributes import tag_of
from causeway.decide.policy import GroupingRule, MetadataPolicy, Policy, Route, SourcePolicy
from causeway.decide.verdict import GroupingRules, Late, Unit
from causeway.errors import NotAllowed, StartupError, TemporaryError
from causeway.ledger import InstanceState
from causeway.pipeline import Compression, points
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.testing.site import Image, Site
from causeway.values import Disposition

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "30"))
STEPS = 120


@pytest.fixture(autouse=True)
def no_points() -> Iterator[None]:
    yield
    points.on_reach(None)


class History:
    """One, from one seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.disk = FaultyDisk(Random(seed), capacity=64 << 20)
        self.disk.spoil = self.random.random() < 0.5
        self.disk.short_writes = self.random.choice((0.0, 0.0, 0.2))
        self.site = Site(folder, seed=seed, disk=self.disk, start=False)
        self.names = ("archive", "second") if self.random.random() < 0.4 else ("archive",)
        compression = self.random.choice(tuple(Compression))
        choose = self.random.choice
        self.late = choose((Late.AMEND, Late.AMEND, Late.AGAIN, Late.HOLD))
        route = Route(
            name="all",
            destinations=self.names,
            late=self.late,
            unit=choose((Unit.SERIES, Unit.SERIES, Unit.STUDY)),
        )
        rules = choose((GroupingRules(), GroupingRules(split_by=(tag_of("AcquisitionNumber"),))))
        merges = MetadataPolicy(merges_same_label=choose((False, False, True)))
        self.site.configure(
            destinations=[self.site.plan(name, compression) for name in self.names],
            policy=Policy(
                routes=(route,),
                groupings=(GroupingRule(when=None, rules=rules),),
                usual=SourcePolicy(metadata=merges),
            ),
            acquisition_delay_seconds=choose((0.0, 0.0, 5.0)),
            study_quiet_seconds=40.0,
        )
        self.site.start()
        self.site.hints = self.random.random() < 0.8
        self.let_through: set[tuple[str, bytes]] = set()
        """UID and digest of what a person released although it conflicts or is broken."""
        self.sent_elsewhere: set[int] = set()
        """Studies that a person has rerouted."""
        self.thrown_away: set[tuple[str, bytes]] = set()
        self.sent: set[tuple[str, bytes]] = set()
        self.numbers = itertools.count(1)
        self.crashes = 0
        self.cut_at_point = ""

    # --- what happens -------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        points.on_reach(self.reached)
        for _ in range(steps):
            self.maybe_prepare_crash()
            try:
                self.step()
            except PowerCut:
                self.crash()
            except TemporaryError:
                self.site.now += 1.0
        self.calm_down()

    def step(self) -> None:
        move = self.random.random()
        if move < 0.35:
            self.receive()
        elif move < 0.40:
            self.site.associations_end(f"a{self.random.randrange(3)}")
        elif move < 0.50:
            self.site.now += self.random.choice((0.5, 5.0, 31.0, 90.0))
        elif move < 0.55:
            self.make_trouble()
        elif move < 0.60:
            self.operate()
        else:
            self.random.choice(self.site.turns())(self.site.now)

    def receive(self) -> None:
        kind = self.random.random()
        earlier = [image for image, _ in self.site.acknowledged]
        if kind < 0.15 and earlier:
            image = self.random.choice(earlier)  # the same again, or from an older association
        elif kind < 0.22 and earlier:
            old = self.random.choice(earlier)
            image = Image(
                study=old.study, series=old.series, number=old.number, variant=old.variant + 1
            )
        else:
            image = Image(
                study=self.random.randrange(3),
                series=self.random.randrange(2),
                number=next(self.numbers),
                size=self.random.choice((10, 600, 600, 5000, 150_000)),
                cut=self.random.choice((0,) * 12 + (1,)),
                expected=self.random.choice(("", "4")),
                acquisition=self.random.choice("112"),
            )
        self.sent.add((image.uid, image.data()))
        self.site.receive(image, association=f"a{self.random.randrange(3)}")

    def make_trouble(self) -> None:
        """For a while the disk is full, or fails to sync."""
        self.disk.full = self.random.choice((0.0, 0.0, 0.3))
        self.disk.sync_errors = self.random.choice((0.0, 0.0, 0.2))

    def operate(self) -> None:
        """A person holds, releases, retries, and looks after the quarantine."""
        act = {"who": "alice", "why": "to see what happens", "now": self.site.now}
        ledger = self.site.ledger
        studies = ledger.search()
        quarantined = ledger.quarantined()
        with contextlib.suppress(NotAllowed):
            if studies and self.random.random() < 0.15:
                study = self.random.choice(studies).id
                place = self.random.choice(("fw://g1/a", "fw://g1/b/S/V", "fw://g2/c"))
                ledger.reroute(f"study:{study}", routing=place, **act)
                self.sent_elsewhere.add(study)
            elif studies and self.random.random() < 0.6:
                verb = self.random.choice((ledger.hold, ledger.release, ledger.retry))
                verb(f"study:{self.random.choice(studies).id}", **act)
            elif quarantined:
                row = self.random.choice(quarantined)
                if self.random.random() < 0.5:
                    self.let_through.add((row.sop_instance_uid, row.digest))
                    ledger.quarantine_release(row.id, **act)
                else:
                    self.thrown_away.add((row.sop_instance_uid, row.digest))
                    ledger.quarantine_discard(row.id, **act)

    # --- crashes ------------------------------------------------------------------------------

    def maybe_prepare_crash(self) -> None:
        if self.random.random() > 0.15 or self.disk.cut_at_call or self.cut_at_point:
            return
        if self.random.random() < 0.5:
            self.disk.cut_at_call = self.disk.calls + self.random.randrange(1, 150)
        else:
            self.cut_at_point = self.random.choice(points.POINTS)

    def reached(self, point: str) -> None:
        if point == self.cut_at_point:
            self.cut_at_point = ""
            raise PowerCut

    def crash(self) -> None:
        self.crashes += 1
        while True:
            self.site.crash(power=self.random.random() < 0.6)
            self.site.now += self.random.choice((0.1, 20.0, 100.0))
            try:
                self.site.start()
                return
            except (PowerCut, StartupError):
                self.disk.full = self.disk.sync_errors = 0.0

    # --- the end ------------------------------------------------------------------------------

    def calm_down(self) -> None:
        points.on_reach(None)
        self.disk.cut_at_call = None
        self.disk.full = self.disk.sync_errors = self.disk.short_writes = 0.0
        for association in range(3):
            self.site.associations_end(f"a{association}")
        for _ in range(3):
            # What came while it was held is held once more where late images wait for a person.
            for study in self.site.ledger.search():
                for verb in (self.site.ledger.release, self.site.ledger.retry):
                    with contextlib.suppress(NotAllowed):
                        verb(f"study:{study.id}", who="alice", why="go on", now=self.site.now)
            self.site.work(300.0, step=5.0, retire=True)

    def check(self) -> None:
        site = self.site
        custody = site.ledger.custody()
        assert custody.holds, custody.violations
        assert custody.count(Disposition.ON_ITS_WAY) == 0
        assert custody.count(Disposition.HELD) == 0, site.events[-20:]
        assert custody.received >= len(site.acknowledged)

        quarantined = {
            (row.sop_instance_uid, row.digest)
            for row in site.ledger.quarantined(limit=10_000)
            if row.state is InstanceState.QUARANTINED
        }
        for name in self.names:
            delivered = site.delivered_data_sets(name)
            assert len(set(delivered)) == custody.count(Disposition.DELIVERED)
            assert set(delivered) <= self.sent, "delivered what nobody sent"
            self.check_destination(delivered, quarantined)
            assert not [n for n in site.delivered_files(name) if n.endswith(".part")]

    def check_destination(
        self, delivered: list[tuple[str, bytes]], quarantined: set[tuple[str, bytes]]
    ) -> None:
        twice = [pair[0] for pair, n in Counter(delivered).items() if n > 1]
        meant = {uid for uid in twice if self.late is Late.AGAIN or self.was_sent_elsewhere(uid)}
        assert set(twice) <= meant, f"delivered twice: {twice}"
        released = {uid for uid, _ in self.let_through}
        both = [uid for uid, n in Counter(uid for uid, _ in set(delivered)).items() if n > 1]
        assert set(both) <= released, "two of one UID, and nobody let the second through"
        whole = set(delivered)
        for image, record in self.site.acknowledged:
            known = (image.uid, record.digest)
            here = (image.uid, image.data()) in whole
            if known in self.thrown_away and not here:
                continue
            assert here or known in quarantined, f"acknowledged and lost: {image}"
            if known not in self.let_through | self.thrown_away:
                assert here != (known in quarantined)
                assert not (here and image.cut), "a truncated image was delivered"

    def was_sent_elsewhere(self, uid: str) -> bool:
        rows = self.site.ledger.instances_named(uid)
        return any(row.study_id in self.sent_elsewhere for row in rows)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_history_of_crashes(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)
    history.run(STEPS)
    history.check()
    history.site.stop()
