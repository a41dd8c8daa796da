"""The load generator: a process for each association, everything encoded before the clock starts.

A process, not a thread: senders then share no interpreter lock, and what is measured is the
receiver. All associations are open and all objects prepared before the common start. Only statuses
of Success (0x0000) count; a run lasts a given time or until the objects run out.
"""

from __future__ import annotations

import gc
import multiprocessing
import socket
import ssl
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench import wire

PREPARE_SECONDS = 60
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Target:
    """Where to send, and how."""

    host: str
    port: int
    called: str = "ANY-SCP"
    calling: str = "BENCH"
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    stored: int
    refused: int
    seconds: float
    object_bytes: int
    ack_ms: tuple[float, ...] = field(repr=False, default=())
    errors: tuple[str, ...] = ()

    @property
    def per_second(self) -> float:
        return self.stored / self.seconds if self.seconds else 0.0

    @property
    def megabytes_per_second(self) -> float:
        return self.per_second * self.object_bytes / 1e6

    def ack_percentile(self, percent: int) -> float:
        if len(self.ack_ms) < 2:
            return 0.0
        return statistics.quantiles(self.ack_ms, n=100)[percent - 1]


@dataclass(frozen=True)
class _Share:
    """What one association is to send."""

    shape: str
    name: str
    seconds: float
    most: int
    objects_per_series: int


@dataclass(frozen=True)
class _Sent:
    stored: int
    refused: int
    started: float
    ended: float
    """By the monotonic clock, which all processes share."""
    object_bytes: int
    ack_ms: tuple[float, ...]
    error: str = ""


def send(
    target: Target,
    *,
    shape: str,
    associations: int,
    seconds: float,
    most: int,
    run: str,
    objects_per_series: int = 0,
) -> Outcome:
    """Send for ``seconds`` over so many associations, ``most`` objects on each at the most.

    ``run`` names the objects: eight characters that no run before had.
    """
    assert len(run) == 8
    pipes: list[Connection] = []
    children = []
    for number in range(associations):
        ours, theirs = _FORK.Pipe()
        child = _FORK.Process(
            target=_association,
            args=(
                theirs,
                target,
                _Share(shape, f"{run}{number:02d}", seconds, most, objects_per_series),
            ),
        )
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
    results: list[_Sent] = []
    try:
        for pipe in pipes:
            if not pipe.poll(PREPARE_SECONDS):
                raise TimeoutError("an association was not ready in time")
            ready = pipe.recv()
            if ready != "ready":
                raise RuntimeError(f"the generator could not start: {ready}")
        start = time.monotonic() + 0.02
        for pipe in pipes:
            pipe.send(start)
        for pipe in pipes:
            if not pipe.poll(seconds + 2 * wire.TIMEOUT_SECONDS):
                raise TimeoutError("an association did not end")
            results.append(pipe.recv())
    finally:
        for child in children:
            child.join(5)
            if child.is_alive():
                child.kill()
    return _add_up(results)


def _add_up(results: Sequence[_Sent]) -> Outcome:
    started = min(sent.started for sent in results)
    ended = max(sent.ended for sent in results)
    return Outcome(
        stored=sum(sent.stored for sent in results),
        refused=sum(sent.refused for sent in results),
        seconds=ended - started,
        object_bytes=results[0].object_bytes,
        ack_ms=tuple(value for sent in results for value in sent.ack_ms),
        errors=tuple(sent.error for sent in results if sent.error),
    )


def _association(pipe: Connection, target: Target, share: _Share) -> None:
    try:
        template = wire.make_template(share.shape, share.name)
        sock = wire.connect(target.host, target.port, target.tls)
        longest = wire.associate(
            sock, called=target.called, calling=target.calling, sop_class_uid=template.sop_class_uid
        )
        load = wire.Load(
            template,
            name=share.name,
            count=share.most,
            peer_max_pdu=longest,
            objects_per_series=share.objects_per_series,
        )
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
        return
    gc.freeze()
    gc.disable()
    pipe.send("ready")
    start: float = pipe.recv()
    time.sleep(max(0.0, start - time.monotonic()))
    pipe.send(_run(sock, load, share.seconds))
    try:
        wire.release(sock)
        sock.close()
    except OSError:
        return


def _run(sock: socket.socket | ssl.SSLSocket, load: wire.Load, seconds: float) -> _Sent:
    stored = refused = 0
    waits: list[float] = []
    error = ""
    clock = time.monotonic
    tail = load.tail
    started = before = clock()
    deadline = started + seconds
    try:
        for head in load.heads:
            if isinstance(sock, ssl.SSLSocket):
                sock.sendall(head)
                sock.sendall(tail)
            else:
                sent = sock.sendmsg((head, tail))
                while sent < len(head) + len(tail):
                    whole = memoryview(head + tail)
                    sent += sock.send(whole[sent:])
            status = wire.read_status(sock)
            after = clock()
            waits.append((after - before) * 1000)
            before = after
            if status == 0:
                stored += 1
            else:
                refused += 1
            if after >= deadline:
                break
    except (OSError, ConnectionError) as failure:
        error = f"{type(failure).__name__}: {failure}"
    # Ends with the last answer, not with the error that may have followed it.
    return _Sent(stored, refused, started, before, load.size, tuple(waits), error)
