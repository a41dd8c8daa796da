"""How others are called: by a webhook, or as a program.

What is told is a JSON document of ids and counts; UIDs, labels and the patient only where the
trigger asks for them. The same document goes by POST or to the program's standard input. Whoever is
called can know a repetition by its key, and a webhook's receiver can know us by a signature over
time and document, so that neither can be changed and an old one cannot be played again.

Nothing that comes back is kept: what a receiver or a program writes may quote what it was told.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import json
import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from causeway import __version__
from causeway.destinations.http import HttpClient, HttpOptions, Reveal, in_memory, revealed
from causeway.errors import TemporaryError
from causeway.ledger import CallClaim, CallScope

UIDS, LABELS, PATIENT = "uids", "labels", "patient"

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMES_BACK: Final = 75
"""Exit status that asks for another try (EX_TEMPFAIL of sysexits.h)."""


class CallFailed(TemporaryError):
    """Whoever is called did not take it this time."""


class Calling(Protocol):
    """One way to call. Raises what went wrong."""

    def call(self, claim: CallClaim, document: bytes, *, now: float) -> None: ...

    def close(self) -> None: ...


def document(claim: CallClaim, include: Collection[str]) -> bytes:
    """What is told."""
    call, facts = claim.call, claim.facts
    told: dict[str, Any] = {
        "event": f"{call.scope.value}.delivered",
        "key": call.key,
        "trigger": call.trigger,
        "delivered_at": _iso(facts.delivered_at),
        "study": {"id": call.study_id},
        "instances": facts.instances,
        "bytes": facts.bytes,
        "destinations": list(facts.destinations),
    }
    if call.scope is CallScope.SERIES:
        told["series"] = {"id": call.series_id, "modality": facts.modality}
        told["parcel"] = {"id": call.parcel_id}
        told["source"] = facts.source
    else:
        told["series_count"] = facts.series
    if UIDS in include:
        told["study"]["study_instance_uid"] = facts.study_instance_uid
        if "series" in told:
            told["series"]["series_instance_uid"] = facts.series_instance_uid
    if LABELS in include:
        told["study"]["study_description"] = facts.study_description
        if "series" in told:
            told["series"]["series_description"] = facts.series_description
        told["references"] = [
            {"destination": name, "reference": reference} for name, reference in facts.references
        ]
    if PATIENT in include:
        told["study"]["patient_id"] = facts.patient_id
        told["study"]["accession_number"] = facts.accession_number
    return json.dumps(told, ensure_ascii=False).encode()


def signature(secret: str, body: bytes, now: float) -> str:
    """Of a webhook: when it was made, and HMAC-SHA256 over that and the document, in hex."""
    at = int(now)
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A POST to an address."""

    url: str = field(repr=False)
    secret: Reveal = field(repr=False)
    http: HttpOptions


class WebhookCaller:
    def __init__(self, webhook: Webhook, *, clock: Callable[[], float]) -> None:
        self._webhook = webhook
        self._client = HttpClient(webhook.http, clock=clock)

    def call(self, claim: CallClaim, document: bytes, *, now: float) -> None:
        self._client.demand(
            "POST",
            self._webhook.url,
            headers={
                "idempotency-key": claim.call.key,
                "causeway-event": f"{claim.call.scope.value}.delivered",
                "causeway-attempt": str(claim.call.attempt),
                "causeway-signature": signature(revealed(self._webhook.secret), document, now),
            },
            body=in_memory(document, "application/json"),
        )

    def close(self) -> None:
        self._client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program, started with its arguments as they are: no shell reads them."""

    arguments: tuple[str, ...]
    timeout_seconds: float
    folder: Path
    """Where it is started."""


class CommandCaller:
    def __init__(self, command: Command) -> None:
        self._command = command

    def call(self, claim: CallClaim, document: bytes, *, now: float) -> None:
        del now
        command = self._command
        try:
            # A group of its own, so that what it has started ends with it.
            process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=command.folder,
                env=environment(claim, json.loads(document)),
                start_new_session=True,
            )
        except OSError as error:
            raise CallFailed(
                f"the command cannot be started: {os.strerror(error.errno or 0)}",
                hint="see the path of `command`, and whether this user may run it",
            ) from None
        try:
            process.communicate(document, timeout=command.timeout_seconds)
        except subprocess.TimeoutExpired:
            raise CallFailed(
                f"the command did not end within {command.timeout_seconds:g} seconds",
                hint="let it hand long work on, or raise `timeout_seconds`",
            ) from None
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.returncode == 0:
            return
        if process.returncode < 0:
            raise CallFailed(f"the command was ended by signal {-process.returncode}")
        hint = "" if process.returncode == _COMES_BACK else "run it by hand to see what it says"
        raise CallFailed(f"the command ended with status {process.returncode}", hint=hint)

    def close(self) -> None:
        """Nothing is open between calls."""


def environment(claim: CallClaim, told: Mapping[str, Any]) -> dict[str, str]:
    """Ids for the program, and none of what our own environment holds."""
    call = claim.call
    found = {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "CAUSEWAY_VERSION": __version__,
        "CAUSEWAY_EVENT": told["event"],
        "CAUSEWAY_KEY": call.key,
        "CAUSEWAY_TRIGGER": call.trigger,
        "CAUSEWAY_ATTEMPT": str(call.attempt),
        "CAUSEWAY_STUDY": str(call.study_id),
        "CAUSEWAY_DESTINATIONS": " ".join(told["destinations"]),
        "CAUSEWAY_INSTANCES": str(told["instances"]),
    }
    if call.series_id is not None:
        found["CAUSEWAY_SERIES"] = str(call.series_id)
    for level, name in (("study", "study_instance_uid"), ("series", "series_instance_uid")):
        if value := told.get(level, {}).get(name):
            found[f"CAUSEWAY_{name.upper()}"] = value
    return found


Way = Webhook | Command


def caller(way: Way, *, clock: Callable[[], float]) -> Calling:
    match way:
        case Webhook():
            return WebhookCaller(way, clock=clock)
        case Command():
            return CommandCaller(way)


def _iso(at: float) -> str:
    return (
        dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
