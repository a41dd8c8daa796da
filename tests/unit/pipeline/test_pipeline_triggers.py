"""What follows a delivery: webhooks that can be believed, programs that are told ids."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from causeway.destinations.http import HttpOptions
from causeway.ledger import CallClaim, Called, CallFacts, CallRow, CallScope, CallState, Dead, Retry
from causeway.pipeline import Command, RetryRules, TriggerPlan, Webhook
from causeway.pipeline.calling import document, signature
from causeway.pipeline.triggers import Trigger
from causeway.testing.http_peer import Fault, HttpPeer, Reply

FACTS = CallFacts(
    study_instance_uid="1.2.3", patient_id="P1", accession_number="A1", study_description="Brain",
    series_instance_uid="1.2.3.4", modality="MR", series_description="T1", source="mr1", series=1,
    instances=3, bytes=900, destinations=("archive", "cloud"),
    references=(("archive", "neuro/Amnesia/P1"), ("cloud", "https://x")), delivered_at=0.0,
)  # fmt: skip
SECRETS = ("1.2.3", "P1", "A1", "Brain", "T1", "neuro")


def claim(scope: CallScope = CallScope.SERIES, attempt: int = 1) -> CallClaim:
    row = CallRow(
        id=5, trigger="hook", scope=scope, study_id=7,
        series_id=8 if scope is CallScope.SERIES else None, parcel_id=9, state=CallState.CALLING,
        due_at=0.0, attempt=attempt, epoch=1, owner="me", lease_until=60.0, fail_code="",
        fail_text="", created_at=0.0, state_at=0.0,
    )  # fmt: skip
    return CallClaim(call=row, facts=FACTS)


class Ledger:
    """Calls that wait, and what they came to."""

    def __init__(self, *waiting: CallClaim) -> None:
        self.waiting = list(waiting)
        self.settled: list[Any] = []
        self.entered = 0

    def enter_calls(self, *_: object, **__: object) -> int:
        self.entered += 1
        return 0

    def claim_call(self, *_: object, **__: object) -> CallClaim | None:
        return self.waiting.pop(0) if self.waiting else None

    def settle_call(self, claim: CallClaim, outcome: Any, *, now: float) -> bool:
        self.settled.append(outcome)
        return True


def trigger(way: Webhook | Command, ledger: Ledger, **plan: Any) -> tuple[Trigger, list[Any]]:
    said: list[Any] = []

    def emit(event: str, /, **fields: object) -> None:
        said.append((event, fields))

    made = Trigger(
        TriggerPlan(name="hook", scope=CallScope.SERIES, way=way, **plan),
        ledger=ledger, owner="me", clock=lambda: 1_000_000.0, rng=Random(1), emit=emit,
    )  # fmt: skip
    return made, said


def once(way: Webhook | Command, *, attempt: int = 1, **plan: Any) -> Any:
    """What one call comes to."""
    ledger = Ledger(claim(attempt=attempt))
    made, said = trigger(way, ledger, **plan)
    assert made.turn(1_000_000.0)
    assert not made.turn(1_000_000.0)
    made.close()
    for secret in SECRETS:
        assert secret not in repr(ledger.settled)
        assert secret not in repr([(e, f) for e, f in said if "error" not in f])
    return ledger.settled[0]


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    with HttpPeer(lambda _: Reply(status=204)) as made:
        yield made


def webhook(peer: HttpPeer, **changes: Any) -> Webhook:
    http = HttpOptions(who="trigger hook", answer_seconds=2.0, connect_seconds=2.0)
    return Webhook(**{"url": f"{peer.url}/x", "secret": lambda: "s3cret", "http": http, **changes})


# --- what is told -------------------------------------------------------------------------------


def test_ids_and_counts_and_nothing_of_a_patients() -> None:
    text = document(claim(), ())
    assert json.loads(text) == {
        "event": "series.delivered", "key": "hook-series-8-9", "trigger": "hook",
        "delivered_at": "1970-01-01T00:00:00Z", "study": {"id": 7},
        "series": {"id": 8, "modality": "MR"}, "parcel": {"id": 9}, "source": "mr1",
        "instances": 3, "bytes": 900, "destinations": ["archive", "cloud"],
    }  # fmt: skip
    study = json.loads(document(claim(CallScope.STUDY), ()))
    assert study["event"] == "study.delivered"
    assert study["series_count"] == 1
    assert "series" not in study


@pytest.mark.parametrize(
    ("include", "there"),
    [
        ("uids", ("1.2.3", "1.2.3.4")),
        ("labels", ("Brain", "T1", "neuro")),
        ("patient", ("P1", "A1")),
    ],
)
def test_more_is_told_where_it_is_asked_for(include: str, there: tuple[str, ...]) -> None:
    text = document(claim(), (include,)).decode()
    for each in there:
        assert f'"{each}' in text
    others = [s for s in SECRETS if not any(s in each or each in s for each in there)]
    if include == "labels":
        others = ["A1", '"1.2.3"']
    for each in others:
        assert each not in text


# --- webhooks -----------------------------------------------------------------------------------


def test_a_webhook_is_signed_over_time_and_document(peer: HttpPeer) -> None:
    assert once(webhook(peer)) == Called()
    (request,) = peer.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "hook-series-8-9"
    assert request.headers["causeway-event"] == "series.delivered"
    assert request.headers["causeway-attempt"] == "1"
    at, _, signed = request.headers["causeway-signature"].partition(",")
    expected = hmac.new(
        b"s3cret", at.removeprefix("t=").encode() + b"." + request.body, hashlib.sha256
    ).hexdigest()
    assert (at, signed) == ("t=1000000", f"v1={expected}")
    assert signature("s3cret", request.body + b"x", 1e6) != request.headers["causeway-signature"]


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault(reply=Reply(status=500)), Retry, "temporary_error"),
        (Fault(reply=Reply(status=503)), Retry, "destination_unavailable"),
        (Fault(reply=Reply(status=401)), Retry, "destination_unauthorised"),
        (Fault(reply=Reply(status=400)), Dead, "destination_refused"),
        (Fault(resets=True), Retry, "temporary_error"),
    ],
)
def test_an_answer_that_is_none_is_tried_again(
    peer: HttpPeer, fault: Fault, outcome: type, code: str
) -> None:
    peer.faults.append(fault)
    found = once(webhook(peer))
    assert isinstance(found, outcome)
    assert found.code == code
    assert len(peer.requests) == 1


def test_a_webhook_waits_as_long_as_it_is_asked_to(peer: HttpPeer) -> None:
    peer.faults.append(Fault(reply=Reply(status=429, headers={"retry-after": "3600"})))
    found = once(webhook(peer))
    assert found.at >= 1_000_000.0 + 3600


def test_tries_are_bounded(peer: HttpPeer) -> None:
    peer.faults.append(Fault(reply=Reply(status=500), times=9))
    rules = RetryRules(maximum_attempts=3)
    assert isinstance(once(webhook(peer), attempt=2, retry=rules), Retry)
    assert isinstance(once(webhook(peer), attempt=3, retry=rules), Dead)
    count = len(peer.requests)
    assert isinstance(once(webhook(peer), attempt=4, retry=rules), Dead)
    assert len(peer.requests) == count, "called although its tries are used up"


def test_a_ledger_that_says_nothing_new_is_not_asked_at_every_turn(peer: HttpPeer) -> None:
    ledger = Ledger()
    made, _ = trigger(webhook(peer), ledger)
    for now in (1000.0, 1000.5, 1001.9, 1002.1):
        assert not made.turn(now)
    assert ledger.entered == 2
    made.close()


# --- commands -----------------------------------------------------------------------------------


def program(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def command(path: Path, *arguments: str, seconds: float = 10) -> Command:
    return Command(arguments=(str(path), *arguments), timeout_seconds=seconds, folder=path.parent)


def test_a_program_gets_its_arguments_the_document_and_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_TOKEN", "a secret of ours")
    path = program(tmp_path, 'cat > document; env > environment; printf "%s\\n" "$@" > arguments')
    found = once(command(path, "two words", "$(id)", "; rm -rf x", "*"), include=("uids",))
    assert found == Called()
    told = json.loads((tmp_path / "document").read_text())
    assert told["study"]["study_instance_uid"] == "1.2.3"
    lines = (tmp_path / "arguments").read_text().splitlines()
    assert lines == ["two words", "$(id)", "; rm -rf x", "*"]
    environment = dict(
        line.partition("=")[::2] for line in (tmp_path / "environment").read_text().splitlines()
    )
    assert environment["CAUSEWAY_STUDY"] == "7"
    assert environment["CAUSEWAY_SERIES"] == "8"
    assert environment["CAUSEWAY_KEY"] == "hook-series-8-9"
    assert environment["CAUSEWAY_EVENT"] == "series.delivered"
    assert environment["CAUSEWAY_DESTINATIONS"] == "archive cloud"
    assert environment["CAUSEWAY_STUDY_INSTANCE_UID"] == "1.2.3"
    assert "CAUSEWAY_TOKEN" not in environment
    assert "HOME" not in environment


@pytest.mark.parametrize(
    ("text", "words"),
    [("exit 3", "status 3"), ("exit 75", "status 75"), ("kill -9 $$", "signal 9")],
)
def test_a_program_that_fails_is_tried_again(tmp_path: Path, text: str, words: str) -> None:
    found = once(command(program(tmp_path, f"cat >/dev/null; {text}")))
    assert isinstance(found, Retry)
    assert words in found.text


def test_a_program_that_reads_nothing_is_fine(tmp_path: Path) -> None:
    assert once(command(program(tmp_path, "exit 0"))) == Called()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    found = once(command(tmp_path / "missing"))
    assert isinstance(found, Retry)
    assert "cannot be started" in found.text


def test_a_program_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    path = program(tmp_path, "sleep 60 & echo $! > child; sleep 60")
    began = time.monotonic()
    found = once(command(path, seconds=0.5))
    assert time.monotonic() - began < 10
    assert isinstance(found, Retry)
    assert "did not end" in found.text
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("what it had started is still there")
