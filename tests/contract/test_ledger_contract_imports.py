"""Batches for import jobs: what holds on every database."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from ledger_steps import advance

from causeway.errors import PermanentError
from causeway.import_jobs import (
    Batch,
    BatchRules,
    BatchState,
    Counts,
    FileFate,
    FileResult,
    ImageSet,
    Opening,
    Part,
    PartState,
)
from causeway.ledger import Ledger, SeriesState
from causeway.testing.feed import Feed

RULES = BatchRules(quiet_seconds=60, longest_seconds=900, files_limit=10, bytes_limit=1000)


@pytest.fixture
def ledger_with_deliveries(ledger: Ledger) -> Ledger:
    """Deliveries 1 to 3, to one destination."""
    feed = Feed()
    for series in (1, 2, 3):
        ledger.index([feed.indexed(1, series, number) for number in (1, 2)], now=1000)
        advance(ledger, SeriesState.PACKAGED, "imaging")
    return ledger


def opening(name: str) -> Opening:
    return Opening(
        name=name, datastore_id="d", role_arn="r", input_uri=f"s3://b/in/{name}/",
        output_uri="s3://b/out/", client_token=f"causeway-{name}",
    )  # fmt: skip


def join(
    ledger: Ledger, delivery: int = 1, *, instances: tuple[int, ...] = (1, 2), size: int = 10,
    at: float = 0.0, name: str = "one", rules: BatchRules = RULES,
) -> tuple[Batch, Part]:  # fmt: skip
    return ledger.join_batch(
        "imaging", delivery, instances=instances, size=size, new=opening(name), rules=rules, at=at
    )


def claimed(ledger: Ledger, now: float = 10_000.0) -> Batch:
    found = ledger.claim_batch("imaging", now=now, owner="importer", lease_seconds=60)
    assert found is not None
    return found


def test_the_first_part_opens_a_batch_and_others_join_it(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    first, part = join(ledger)
    assert (first.name, first.state, first.files, first.bytes) == ("one", BatchState.FILLING, 2, 10)
    assert (part.instances, part.state) == ((1, 2), PartState.UPLOADING)
    second, _ = join(ledger, 2, at=30.0, name="two", instances=(3,))
    assert (second.id, second.name, second.files, second.bytes) == (first.id, "one", 3, 20)
    assert second.due_at == 90.0
    assert [each.delivery_id for each in ledger.parts_of_batch(first.id)] == [1, 2]


@pytest.mark.parametrize(
    ("instances", "size", "at"),
    [(tuple(range(9)), 1, 0.0), ((3,), 991, 0.0), ((3,), 1, 900.0)],
    ids=["files", "bytes", "age"],
)
def test_what_does_not_fit_seals_it_and_opens_the_next(
    ledger_with_deliveries: Ledger, instances: tuple[int, ...], size: int, at: float
) -> None:
    ledger = ledger_with_deliveries
    join(ledger)
    second, _ = join(ledger, 2, instances=instances, size=size, at=at, name="two")
    assert second.name == "two"
    first = ledger.imports()[1].batch
    assert (first.name, first.state, first.is_full, first.files) == (
        "one", BatchState.SEALED, True, 2,
    )  # fmt: skip


def test_an_upload_that_is_begun_anew_takes_the_place_of_the_first(
    ledger_with_deliveries: Ledger,
) -> None:
    ledger = ledger_with_deliveries
    _, part = join(ledger)
    batch, again = join(ledger, instances=(2,), size=5)
    assert (batch.files, batch.bytes) == (1, 5)
    assert not ledger.part_uploaded(part.id)
    assert ledger.part_uploaded(again.id)
    states = [each.state for _, each in ledger.parts_of_delivery("imaging", 1)]
    assert states == [PartState.WITHDRAWN, PartState.UPLOADED]
    join(ledger, instances=(1,), size=5)
    assert [each.state for each in ledger.parts_of_batch(batch.id)] == [
        PartState.WITHDRAWN, PartState.UPLOADED, PartState.UPLOADING,
    ]  # fmt: skip


def test_one_at_a_time_works_on_a_batch(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    join(ledger)
    assert ledger.claim_batch("imaging", now=59.0, owner="x", lease_seconds=60) is None
    assert ledger.claim_batch("other", now=99.0, owner="x", lease_seconds=60) is None
    batch = claimed(ledger, now=60.0)
    assert ledger.claim_batch("imaging", now=61.0, owner="y", lease_seconds=60) is None
    late = claimed(ledger, now=121.0)
    assert late.epoch == batch.epoch + 1
    assert not ledger.settle_batch(replace(batch, state=BatchState.SEALED))
    assert ledger.settle_batch(replace(late, state=BatchState.SEALED), keep=True)
    assert ledger.settle_batch(replace(late, state=BatchState.SEALED, due_at=500.0))
    assert ledger.claim_batch("imaging", now=499.0, owner="y", lease_seconds=60) is None


def test_who_joins_makes_a_claim_void(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    join(ledger)
    batch = claimed(ledger)
    join(ledger, 2, instances=(3,))
    assert not ledger.settle_batch(replace(batch, state=BatchState.SEALED))
    assert ledger.imports()[0].batch.state is BatchState.FILLING


def test_a_job_and_what_came_of_it(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    _, part = join(ledger)
    ledger.part_uploaded(part.id)
    batch = claimed(ledger)
    running = replace(
        batch, state=BatchState.RUNNING, job_id="j1", job_status="SUBMITTED", asked_at=7.0,
        submitted_at=8.0,
    )  # fmt: skip
    assert ledger.settle_batch(running, keep=True)
    assert ledger.import_load("imaging", since=7.0).starts == (7.0,)
    assert ledger.import_load("imaging", since=7.5).starts == ()
    assert ledger.import_load("imaging", since=0.0).jobs == 1
    fates = {
        1: FileResult(fate=FileFate.IMPORTED, image_set="i", is_primary=False, warnings=("B110",)),
        2: FileResult(fate=FileFate.CUSTOMER_ERROR, message="no Rows"),
    }
    done = replace(
        running, state=BatchState.DONE, job_status="COMPLETED", ended_at=9.0,
        counts=Counts(scanned=2, imported=1, customer_errors=1, not_primary=1, warnings=1),
        image_sets=(ImageSet(id="i", version=1, is_primary=False, instances=1),),
    )  # fmt: skip
    assert ledger.settle_batch(done, results={part.id: fates})
    assert ledger.import_load("imaging", since=0.0).jobs == 0
    ((kept, found),) = ledger.parts_of_delivery("imaging", 1)
    assert dict(found.results) == fates
    assert (kept.counts, kept.image_sets, kept.ended_at) == (done.counts, done.image_sets, 9.0)
    assert "no Rows" not in repr(found)
    row = ledger.import_named("j1")
    assert row is not None
    assert row == ledger.import_named("one") == ledger.import_named(str(batch.id))
    (member,) = row.members
    assert (member.delivery_id, member.series_id, member.instances) == (1, 1, 2)
    assert (member.source, member.study_id) == ("ct1", 1)
    assert ledger.import_named("nothing") is None
    assert ledger.import_named("") is None
    assert ledger.imports(open_only=True) == ()
    assert ledger.imports(destination="other") == ()


def test_what_is_left_out_counts_no_more(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    _, part = join(ledger)
    batch = claimed(ledger)
    assert ledger.settle_batch(batch, withdraw=[part.id])
    left = ledger.imports()[0]
    assert (left.batch.files, left.batch.bytes, left.members) == (0, 0, ())


def test_the_database_refuses_what_cannot_be(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    join(ledger)
    batch = claimed(ledger)
    with pytest.raises(PermanentError):  # a job without an id
        ledger.settle_batch(replace(batch, state=BatchState.RUNNING))
    with pytest.raises(PermanentError):  # a part of nothing
        join(ledger, 2, instances=())


def test_many_at_once_share_batches_and_lose_none(ledger_with_deliveries: Ledger) -> None:
    ledger = ledger_with_deliveries
    rules = replace(RULES, files_limit=4)

    def joining(delivery: int) -> None:
        for number in range(5):
            _, part = join(
                ledger, delivery, instances=(number,), name=f"{delivery}-{number}", rules=rules
            )
            assert ledger.part_uploaded(part.id)

    threads = [threading.Thread(target=joining, args=(each,)) for each in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batches = [row.batch for row in ledger.imports()]
    assert sum(batch.files for batch in batches) == 15
    assert [batch.files for batch in batches] == [3, 4, 4, 4]
    assert [batch.state for batch in batches].count(BatchState.FILLING) == 1
    for delivery in (1, 2, 3):
        assert len(ledger.parts_of_delivery("imaging", delivery)) == 5
