from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from causeway.import_jobs import (
    Batch,
    BatchRules,
    BatchState,
    Do,
    Load,
    Part,
    PartState,
    next_step,
    next_token,
    wait_after,
)

RULES = BatchRules(quiet_seconds=60, longest_seconds=900)
BATCH = Batch(
    id=1, destination="hi", name="b", state=BatchState.FILLING, opened_at=0.0, joined_at=0.0,
    due_at=0.0, files=3, bytes=3,
)  # fmt: skip


def part(state: PartState = PartState.UPLOADED, joined_at: float = 0.0) -> Part:
    return Part(id=1, batch_id=1, delivery_id=1, state=state, instances=(1,), bytes=1,
                joined_at=joined_at)  # fmt: skip


def step(batch: Batch, *parts: Part, now: float, load: Load | None = None) -> Any:
    return next_step(batch, parts, load or Load(), now=now, rules=RULES)


def test_a_batch_is_sealed_when_nothing_comes_any_more():
    assert step(BATCH, now=59).until == 60
    assert step(replace(BATCH, joined_at=30.0), now=60).until == 90
    assert step(BATCH, now=60).do is Do.SEAL


def test_a_batch_that_is_never_quiet_is_sealed_all_the_same():
    assert step(replace(BATCH, joined_at=899.0), now=899).until == 900
    assert step(replace(BATCH, joined_at=900.0), now=900).do is Do.SEAL


def test_a_full_batch_is_sealed_at_once():
    assert step(replace(BATCH, is_full=True), now=1).do is Do.SEAL


def test_the_limits_of_the_service():
    full = replace(BATCH, files=4999, bytes=10**10 - 1)
    assert RULES.fits(full, 1, 1)
    assert not RULES.fits(full, 2, 1)
    assert not RULES.fits(full, 1, 2)


SEALED = replace(BATCH, state=BatchState.SEALED)


def test_a_job_is_started_only_when_all_parts_are_there():
    there, on_its_way = part(), part(PartState.UPLOADING)
    assert step(SEALED, there, on_its_way, now=10).do is Do.WAIT
    assert step(SEALED, there, now=10).do is Do.START
    assert step(SEALED, there, part(PartState.WITHDRAWN), now=10).do is Do.START


def test_what_nobody_uploads_any_more_is_left_out():
    assert step(SEALED, part(PartState.UPLOADING), now=3599).do is Do.WAIT
    assert step(SEALED, part(PartState.UPLOADING), now=3600).do is Do.WITHDRAW


def test_an_empty_batch_needs_no_job():
    assert step(SEALED, part(PartState.WITHDRAWN), now=1).do is Do.DROP
    assert step(SEALED, now=1).do is Do.DROP


def test_no_more_jobs_at_a_time_than_are_allowed():
    waiting = step(SEALED, part(), now=1, load=Load(jobs=100))
    assert waiting.do is Do.WAIT
    assert "100 import jobs" in waiting.why
    assert step(SEALED, part(), now=1, load=Load(jobs=99)).do is Do.START


def test_starts_come_from_a_bucket_that_fills():
    assert next_token((), now=10, rules=RULES) == 10
    assert next_token((10.0,), now=10, rules=RULES) == 10
    assert next_token((10.0, 10.0), now=10, rules=RULES) == pytest.approx(11)
    assert next_token((10.0, 10.0, 11.0), now=11, rules=RULES) == pytest.approx(12)
    assert next_token((1.0, 2.0, 10.0), now=10, rules=RULES) == 10
    waiting = step(SEALED, part(), now=10, load=Load(starts=(10.0, 10.0)))
    assert (waiting.do, waiting.until) == (Do.WAIT, pytest.approx(11))


def test_a_start_that_was_not_answered_is_looked_for():
    assert step(replace(BATCH, state=BatchState.STARTING), now=1).do is Do.FIND_OR_START


def test_waits_grow_and_end():
    assert [wait_after(n) for n in range(6)] == [2, 4, 8, 16, 32, 60]
    assert wait_after(10_000) == 60
