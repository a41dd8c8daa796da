"""Lanes: what is tried again, what waits, what is given up; over a real ledger and spool."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from causeway.decide.policy import Route
from causeway.destinations import (
    FolderSettings,
    Instance,
    Outcome,
    Seal,
    Shipment,
    Step,
    Takes,
)
from causeway.errors import (
    DestinationConflict,
    DestinationRefused,
    DestinationUnavailable,
    SpoolCorrupt,
    SpoolGone,
    TemporaryError,
)
from causeway.ledger import DeliveryRow, DeliveryState, SeriesState
from causeway.pipeline import (
    Compression,
    DestinationPlan,
    LaneSettings,
    RetryRules,
)
from causeway.pipeline.leases import LeaseLost, Leases
from causeway.pipeline.remembering import LedgerMemory
from causeway.testing.site import Image, Site
from causeway.values import Standing


class Scripted:
    """A destination that does what the script says, one line a try, and then works."""

    name = "archive"
    takes = Takes()

    def __init__(self, *script: BaseException | Callable[[Shipment], None]) -> None:
        self.script = list(script)
        self.tries: list[Shipment] = []
        self.received: list[bytes] = []

    def check(self) -> None: ...

    def close(self) -> None: ...

    def probe(self) -> Iterator[Step]:
        yield from ()

    def start(self, shipment: Shipment) -> Scripting:
        self.tries.append(shipment)
        return Scripting(self, shipment)


class Scripting:
    """Follows the script when the archive is to be sent."""

    reference = "somewhere"

    def __init__(self, destination: Scripted, shipment: Shipment) -> None:
        self.script, self.received = destination.script, destination.received
        self.shipment = shipment

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        shipment = self.shipment
        if self.script:
            match self.script.pop(0):
                case BaseException() as error:
                    raise error
                case action:
                    action(shipment)
        parts: list[bytes] = []
        shipment.archive(parts.extend)
        self.received.append(b"".join(parts))
        assert shipment.metadata(Seal(size=1, sha256="00"))
        return [Outcome(instance=each, standing=Standing.SENT) for each in instances]

    def commit(self) -> None: ...

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        there = Standing.VERIFIED if self.received else Standing.AGAIN
        return [Outcome(instance=each, standing=there) for each in instances]

    def abort(self) -> None: ...


def with_script(site: Site, *script: BaseException | Callable[[Shipment], None]) -> Scripted:
    """A packaged parcel, and a lane to a destination that follows the script."""
    destination = Scripted(*script)
    site.parts.lanes[0]._destination = destination
    site.receive(Image())
    while site.parts.indexer.turn(site.now):
        pass
    site.now += 31
    site.parts.indexer.turn(site.now)
    while site.parts.stages.turn(site.now):
        pass
    return destination


def delivery(site: Site) -> DeliveryRow:
    (row,) = site.ledger.deliveries_of(series_id=1)
    return row


def turn(site: Site) -> bool:
    return site.parts.lanes[0].turn(site.now)


def test_a_parcel_is_brought_and_verified(site: Site) -> None:
    destination = with_script(site)
    assert turn(site)
    row = delivery(site)
    assert (row.state, row.reference, row.attempt) == (DeliveryState.VERIFIED, "somewhere", 1)
    assert destination.tries[0].folders == ("unknown", "Unsorted", "P1", "Brain", "T1")
    assert destination.tries[0].name == "T1.dicom.zip"
    assert destination.tries[0].key == "delivery-1"
    assert not turn(site)
    (said,) = site.said("delivery.verified")
    assert said["bytes"] == destination.tries[0].instances[0].size


@pytest.mark.parametrize(
    "error", [TemporaryError("later"), RuntimeError("Planted^Name"), OSError(5, "Planted^Name")]
)
def test_temporary_and_unknown_errors_are_tried_again_later(site: Site, error: Exception) -> None:
    with_script(site, error)
    assert turn(site)
    row = delivery(site)
    assert row.state is DeliveryState.DUE
    assert 0.0 <= row.due_at - site.now <= 1.0
    assert row.fail_text
    assert "Planted" not in row.fail_text
    assert not turn(site), "not before its time"
    site.now = row.due_at
    assert turn(site)
    assert delivery(site).state is DeliveryState.VERIFIED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DestinationRefused("no"), "destination_refused"),
        (DestinationConflict("another"), "destination_conflict"),
        (SpoolCorrupt("rot"), "spool_corrupt"),
    ],
)
def test_permanent_errors_wait_for_a_person(site: Site, error: Exception, code: str) -> None:
    destination = with_script(site, error)
    assert turn(site)
    assert (delivery(site).state, delivery(site).fail_code) == (DeliveryState.DEAD, code)
    series = site.ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.DEAD
    site.now += 10_000
    assert not turn(site)
    site.ledger.retry("series:1", who="alice", why="mended", now=site.now)
    assert turn(site)
    assert delivery(site).state is DeliveryState.VERIFIED
    assert len(destination.tries) == 2


def test_bytes_that_were_moved_meanwhile_are_asked_for_again(site: Site) -> None:
    with_script(site, SpoolGone("seg-1 was recycled"))
    assert turn(site)
    assert delivery(site).state is DeliveryState.DUE


def test_tries_are_bounded(site: Site) -> None:
    destination = with_script(site, *[TemporaryError("later")] * 100)
    rules = site.parts.lanes[0].settings.retry
    for _ in range(rules.maximum_attempts + 5):
        turn(site)
        site.now += 20
    row = delivery(site)
    assert row.state is DeliveryState.DEAD
    assert row.fail_text == f"gave up after {rules.maximum_attempts} tries: later"
    assert len(destination.tries) == rules.maximum_attempts


def test_one_that_kills_its_worker_is_bounded_too(site: Site) -> None:
    rules = site.parts.lanes[0].settings.retry
    destination = with_script(site, *[KeyboardInterrupt()] * 100)
    for _ in range(rules.maximum_attempts + 1):
        try:
            turn(site)
        except KeyboardInterrupt:
            site.ledger.release_all_leases(owner=None, now=site.now)
    assert delivery(site).state is DeliveryState.DEAD
    assert delivery(site).fail_code == "never_ended"
    assert len(destination.tries) == rules.maximum_attempts


def test_a_destination_that_is_away_closes_its_lane_and_costs_no_try(site: Site) -> None:
    away = DestinationUnavailable("archive does not answer")
    destination = with_script(site, *[away] * 200)
    for series in range(2, 6):
        site.receive(Image(series=series))
    site.work(31)
    while site.parts.stages.turn(site.now):
        pass
    tries: list[float] = []
    start = site.now
    for _ in range(1200):
        if turn(site):
            tries.append(site.now)
        site.now += 1.0
    pauses = [b - a for a, b in itertools.pairwise(tries)]
    assert max(pauses) <= 121
    assert pauses[-1] >= 96
    assert len(destination.tries) < 40, "it is asked, not hammered"
    rows = site.ledger.deliveries_of(study_id=1)
    assert {row.state for row in rows} == {DeliveryState.DUE}
    assert all(row.attempt == 0 for row in rows), "waiting is not failing"
    assert any(row.waits_for == "archive does not answer" for row in rows)
    assert site.now - start == 1200
    destination.script.clear()
    site.work(200)
    assert {r.state for r in site.ledger.deliveries_of(study_id=1)} == {DeliveryState.VERIFIED}


def test_a_dead_destination_stalls_nobody_else(site: Site) -> None:
    site.stop()
    plans = [
        DestinationPlan(
            settings=FolderSettings(name=name, path=site.base / name), deidentify="none"
        )
        for name in ("dead", "alive")
    ]
    site.configure(destinations=plans, routes=(Route(name="all", destinations=("dead", "alive")),))
    site.start()
    dead = Scripted(*[DestinationUnavailable("away")] * 1000)
    dead.name = "dead"
    site.parts.lanes[0]._destination = dead
    for series in range(10):
        site.receive(Image(series=series))
    site.work(40)
    states = {(r.destination, r.state) for r in site.ledger.deliveries_of(study_id=1)}
    assert states == {("dead", DeliveryState.DUE), ("alive", DeliveryState.VERIFIED)}


def test_work_that_was_taken_away_is_dropped(site: Site) -> None:
    def lose(shipment: Shipment) -> None:
        # The machine slept past the lease, and another worker took over.
        taken = site.ledger.claim_deliveries(
            "archive", limit=1, now=site.now + 1000, owner="another", lease_seconds=60
        )
        assert len(taken) == 1
        assert site.parts.leases.renew(site.now + 1000) == 1

    destination = with_script(site, lose)
    assert turn(site)
    assert not destination.received, "not a byte went out after the lease was known to be lost"
    assert delivery(site).owner == "another"
    assert site.said("delivery.dropped")
    assert not site.said("delivery.verified")


def test_a_result_that_comes_too_late_is_not_taken(site: Site) -> None:
    def slow(shipment: Shipment) -> None:
        site.ledger.claim_deliveries(
            "archive", limit=1, now=site.now + 1000, owner="another", lease_seconds=60
        )

    with_script(site, slow)
    assert turn(site)
    assert delivery(site).state is DeliveryState.SENDING
    assert delivery(site).owner == "another"
    assert not site.said("delivery.verified")


def test_a_held_study_is_not_sent(site: Site) -> None:
    destination = with_script(site)
    site.ledger.hold("study:1", who="alice", why="wait", now=site.now)
    assert not turn(site)
    site.ledger.release("study:1", who="alice", why="go on", now=site.now)
    assert turn(site)
    assert len(destination.received) == 1


def test_rot_in_the_spool_is_not_delivered(site: Site) -> None:
    destination = with_script(site)
    (row,) = site.ledger.instances_of(1)
    path = next((site.base / "spool" / "segments").glob("*.log"))
    data = bytearray(path.read_bytes())
    at = data.find(Image().data()[-100:])
    data[at + 50] ^= 1
    path.write_bytes(bytes(data))
    site.reader.close()
    assert turn(site)
    assert delivery(site).state is DeliveryState.DEAD
    assert delivery(site).fail_code == "spool_corrupt"
    assert not destination.received
    assert row.sop_instance_uid not in delivery(site).fail_text


@pytest.mark.parametrize("compression", Compression)
def test_archives_have_the_same_bytes_each_time(site: Site, compression: Compression) -> None:
    site.stop()
    plan = site.settings.destinations[0]
    site.configure(
        destinations=(
            DestinationPlan(
                settings=plan.settings, deidentify=plan.deidentify,
                lane=LaneSettings(compression=compression, retry=RetryRules(first_seconds=1)),
            ),
        )
    )  # fmt: skip
    site.start()
    site.receive(Image(number=7, size=200_000))
    given: list[bytes] = []

    def take_and_fail(shipment: Shipment) -> None:
        parts: list[bytes] = []
        shipment.archive(parts.extend)
        given.append(b"".join(parts))
        raise TemporaryError("once more")

    destination = with_script(site, take_and_fail)
    assert turn(site)
    site.now += 2
    site.stop()
    site.start()
    site.parts.lanes[0]._destination = destination
    assert turn(site)
    assert destination.received == given


def test_what_is_remembered_outlives_the_process(site: Site) -> None:
    def remember(shipment: Shipment) -> None:
        assert shipment.recall("digest") is None
        assert shipment.remember("digest", "first") == "first"
        assert shipment.remember("digest", "second") == "first"
        raise TemporaryError("later")

    destination = with_script(site, remember)
    assert turn(site)
    site.stop()
    site.start()
    site.parts.lanes[0]._destination = destination
    site.now += 2
    assert turn(site)
    assert destination.tries[1].recall("digest") == "first"
    assert destination.tries[1].attempt > destination.tries[0].attempt


def test_the_identity_of_a_destination_is_kept(site: Site) -> None:
    memory = LedgerMemory(site.ledger, "archive", lambda: site.now)
    assert memory.identity() is None
    assert memory.identify("one") == "one"
    assert memory.identify("two") == "one"
    assert LedgerMemory(site.ledger, "archive", lambda: site.now).identity() == "one"
    assert LedgerMemory(site.ledger, "other", lambda: site.now).identity() is None


def test_leases_are_renewed_while_work_goes_on(site: Site) -> None:
    renewed: list[float] = []

    def long(shipment: Shipment) -> None:
        for step in range(1, 10):
            at = site.now + 20 * step
            assert site.parts.leases.renew(at) == 0
            renewed.append(at)
            claimed = site.ledger.claim_deliveries(
                "archive", limit=1, now=at, owner="another", lease_seconds=60
            )
            assert claimed == ()

    with_script(site, long)
    assert turn(site)
    assert delivery(site).state is DeliveryState.VERIFIED
    assert len(renewed) == 9


def test_abandoned_work_stops_at_the_next_byte(site: Site) -> None:
    def end(shipment: Shipment) -> None:
        site.parts.leases.abandon()
        with pytest.raises(LeaseLost):
            shipment.archive(lambda parts: None)
        raise LeaseLost

    with_script(site, end)
    assert turn(site)
    assert delivery(site).state is DeliveryState.SENDING, (
        "its lease ends, or the next start frees it"
    )


def test_there_is_nothing_to_renew_where_nothing_is_held() -> None:
    class Ledger:
        def renew(self, *args: object, **kwargs: object) -> tuple[bool, ...]:
            raise AssertionError("asked for nothing")

    assert Leases(Ledger(), owner="me").renew(0.0) == 0


class Source:
    """Reads in pieces, and knows how much was held at once."""

    def __init__(self, site: Site) -> None:
        self.reader = site.reader
        self.largest = 0

    def read(self, where: object) -> bytes:
        data = self.reader.read(where)  # type: ignore[arg-type]
        self.largest = max(self.largest, len(data))
        return data

    def chunks(self, where: object, size: int = 0) -> Iterator[bytes]:
        for piece in self.reader.chunks(where, size):  # type: ignore[arg-type]
            self.largest = max(self.largest, len(piece))
            yield piece


@pytest.mark.parametrize("compression", Compression)
def test_a_large_object_is_packed_in_pieces(site: Site, compression: Compression) -> None:
    from causeway.pipeline.contents import AsReceived
    from causeway.pipeline.parcel import from_ledger
    from causeway.pipeline.shipment import write_archive

    site.receive(Image(size=9 << 20))
    site.work(31)
    while site.parts.stages.turn(site.now):
        pass
    (row,) = site.ledger.parcels_of(1)
    parcel = from_ledger(row, site.ledger.members_of(row.id))
    source, written = Source(site), 0

    def write(parts: Sequence[bytes]) -> None:
        nonlocal written
        written += sum(map(len, parts))

    content = AsReceived(source).of(parcel, "archive")
    assert write_archive(content, write, compression) == written
    assert source.largest <= 1 << 20


def test_a_parcel_of_many_images_takes_little_memory(site: Site) -> None:
    for number in range(300):
        site.receive(Image(number=number, size=60_000))
    while site.parts.indexer.turn(site.now):
        pass
    site.now += 31
    site.parts.indexer.turn(site.now)
    while site.parts.stages.turn(site.now):
        pass
    tracemalloc.start()
    try:
        assert turn(site)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20, "18 MB went through"
    finally:
        tracemalloc.stop()
    assert delivery(site).state is DeliveryState.VERIFIED
