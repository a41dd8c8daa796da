"""Forwarding by C-STORE over mutual TLS: from the first byte sent to the last one acknowledged.

Causeway and Orthanc receive the same objects over one association and forward them to the same kind
of node, in turns; ``dcmsend`` sends the same objects as files directly, in clear, since it knows no
TLS, to a node in clear. The node's last file tells the end, for all of them alike.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.forwarders import CausewayForwarder, Node, OrthancForwarder, node
from bench.generator import send
from bench.receivers import PEER_ENVIRONMENT, Receiver, Unavailable
from bench.session import Session, Table, against, median, number
from causeway.testing.phantom import make_instance

OBJECTS = {"CT": 600, "MR": 1500}
SIZES = {"CT": 512, "MR": 128}
FIRST = 20
"""Objects that go before the clock starts, through each forwarder: what is done once is done in
daily use."""
PATIENCE_SECONDS = 180
TARGETS = {"Orthanc": 3.0, "dcmsend": 0.7}

Forwarder = Callable[[Node], Receiver]
FORWARDERS: dict[str, Forwarder] = {
    "Causeway": lambda to: CausewayForwarder(node=to),
    "Orthanc": lambda to: OrthancForwarder(node=to),
}


def measure(session: Session) -> Iterator[Table]:
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    latencies: list[float] = []
    with session.folders.one() as files:
        for shape, count in OBJECTS.items():
            _write(files / shape, shape, count)
        for _ in range(session.repetitions):
            for shape in OBJECTS:
                for name, forwarder in FORWARDERS.items():
                    try:
                        rate = _forwarded(session, shape, forwarder)
                    except Unavailable as missing:
                        session.say(str(missing))
                        continue
                    rates[name, shape].append(rate)
                    session.say(f"{name}: {shape} forwarded at {rate:,.0f}/s")
                rate = _sent(session, shape, files / shape)
                rates["dcmsend", shape].append(rate)
                session.say(f"dcmsend: {shape} sent at {rate:,.0f}/s")
            latencies.append(_latency(session))
            session.say(f"one image: acknowledged after {latencies[-1] * 1000:.0f} ms")
    yield Table(
        title="Forwarding over mutual TLS",
        note=(
            f"{OBJECTS['CT']} CT of 0.53 MB or {OBJECTS['MR']} MR of 34 kB over one association, "
            "objects a second from the first byte sent to the last file of the node, after "
            f"{FIRST} that do not count, medians of {session.repetitions}. Forwarders, node and "
            "sender share two cores. **Causeway**: "
            f"{CausewayForwarder().describes}. **Orthanc**: {OrthancForwarder().describes}. "
            "**dcmsend** sends files directly and in clear."
        ),
        heads=("", *OBJECTS),
        rows=[
            [name, *(number(median(rates[name, shape])) for shape in OBJECTS)]
            for name in (*FORWARDERS, "dcmsend")
        ],
    )
    yield Table(
        title="Forwarding, ratios",
        note="Median of the ratios within each repetition.",
        heads=("Causeway against", "objects", "ratio", "target", ""),
        rows=[*_ratios(rates), _told(latencies)],
    )


def _ratios(rates: dict[tuple[str, str], list[float]]) -> Iterator[list[str]]:
    for peer, target in TARGETS.items():
        for shape in OBJECTS:
            pairs = zip(rates["Causeway", shape], rates[peer, shape], strict=False)
            ratio = median([mine / theirs for mine, theirs in pairs])
            yield [peer, shape, f"{ratio:.2f}", f"≥ {target:g}", against(ratio, target)]


def _told(latencies: list[float]) -> list[str]:
    worst = max(latencies, default=float("nan"))
    return ["one image, until it is acknowledged", "CT", f"{worst * 1000:.0f} ms", "", ""]


def _forwarded(session: Session, shape: str, forwarder: Forwarder) -> float:
    count = OBJECTS[shape]
    with session.folders.one() as keys, node(keys, tls=True) as to, session.folders.one() as work:
        with forwarder(to).running(work) as (target, _):
            first = send(
                target, shape=shape, associations=1, seconds=PATIENCE_SECONDS, most=FIRST,
                run=session.run_name(),
            )  # fmt: skip
            _wait_for(to, first.stored)
            began = time.time()
            outcome = send(
                target, shape=shape, associations=1, seconds=PATIENCE_SECONDS, most=count,
                run=session.run_name(), objects_per_series=200,
            )  # fmt: skip
            began = max(began, time.time() - outcome.seconds)
            _wait_for(to, first.stored + outcome.stored)
        return outcome.stored / (to.last_written() - began)


def _latency(session: Session) -> float:
    """One image through a connector that has nothing else to do, its association open already."""
    with session.folders.one() as keys, node(keys, tls=True) as to, session.folders.one() as work:
        with CausewayForwarder(node=to).running(work) as (target, _):
            for expected in (1, 2):
                send(
                    target, shape="CT", associations=1, seconds=PATIENCE_SECONDS, most=1,
                    run=session.run_name(),
                )  # fmt: skip
                sent = time.time()
                _wait_for(to, expected)
                late = to.last_written() - sent
                time.sleep(0.5)
        return late


def _sent(session: Session, shape: str, files: Path) -> float:
    program = shutil.which("dcmsend")
    if program is None:
        raise Unavailable("dcmsend is not installed")
    with session.folders.one() as keys, node(keys, tls=False) as to:
        command = [program, "--quiet", "-aec", "NODE", "--max-send-pdu", "131072"]
        began = time.time()
        subprocess.run(
            [*command, "--scan-directories", "127.0.0.1", str(to.port), str(files)],
            env=os.environ | PEER_ENVIRONMENT, check=True, timeout=PATIENCE_SECONDS,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_for(to, OBJECTS[shape])
        return OBJECTS[shape] / (to.last_written() - began)


def _wait_for(to: Node, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while to.count() < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {to.count()} of {count} objects were forwarded")
        time.sleep(0.02)


def _write(folder: Path, shape: str, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        make_instance(
            shape,
            rows=SIZES[shape],
            columns=SIZES[shape],
            seed=f"forward {shape}",
            instance_number=index + 1,
        ).write(folder / f"{index}.dcm")
