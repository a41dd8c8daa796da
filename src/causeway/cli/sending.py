"""``causeway send``: which files, over how many associations, and what became of each.

Finding and reading heads comes first, since an association has to name the kinds of object that
it will carry. Then each of several threads sends its share over associations of its own, and the
caller gets one ``Sent`` for each file as it is known.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from causeway.dimse import Category, category
from causeway.net import Outgoing, Peer, StoreResult
from causeway.net import send as send_all
from causeway.part10 import NotSendable, Part10, read_part10

SentAs = Literal["stored", "warning", "refused", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one file."""

    path: Path
    outcome: SentAs
    size: int = 0
    status: int | None = None
    detail: str = ""


def look_at(files: Iterable[Path]) -> Iterator[Part10 | Sent]:
    """The head of each file, or why it is not sent."""
    for path in files:
        try:
            yield read_part10(path)
        except NotSendable as error:
            yield Sent(path=path, outcome="skipped", detail=str(error))
        except OSError as error:
            yield Sent(path=path, outcome="failed", detail=error.strerror or "cannot be read")


def send_files(peer: Peer, files: Sequence[Part10], *, associations: int) -> Iterator[Sent]:
    """Send all, over so many associations at once. Closing the iterator aborts them."""
    results: queue.SimpleQueue[Sent | Exception | None] = queue.SimpleQueue()
    stop = threading.Event()
    shares = [list(files[start::associations]) for start in range(associations)]
    threads = [
        threading.Thread(target=_send_share, args=(peer, share, results, stop), daemon=True)
        for share in shares
        if share
    ]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            result = results.get()
            if result is None:
                running -= 1
            elif isinstance(result, Exception):
                raise result
            else:
                yield result
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)


def _send_share(
    peer: Peer,
    files: Sequence[Part10],
    results: queue.SimpleQueue[Sent | Exception | None],
    stop: threading.Event,
) -> None:
    outgoing = [
        Outgoing(
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
            transfer_syntax_uid=file.transfer_syntax_uid,
            data=file.pieces,
            key=file,
        )
        for file in files
    ]
    try:
        sending = send_all(peer, outgoing)
        for result in sending:
            results.put(sent_as(result))
            if stop.is_set():
                break
    except Exception as error:  # noqa: BLE001  (the caller's thread raises it)
        results.put(error)
    finally:
        results.put(None)


def sent_as(result: StoreResult) -> Sent:
    file = result.outgoing.key
    assert isinstance(file, Part10)
    if result.error is not None:
        outcome: SentAs = "failed"
    elif result.stored:
        assert result.status is not None
        outcome = "warning" if category(result.status) is Category.WARNING else "stored"
    else:
        outcome = "refused"
    detail = "" if outcome == "stored" else str(result)
    if result.comment and outcome != "stored":
        detail = f"{detail} ({result.comment})"
    return Sent(
        path=file.path, outcome=outcome, size=file.size, status=result.status, detail=detail
    )
