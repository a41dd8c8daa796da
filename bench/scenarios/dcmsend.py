"""The same with an independent sender, DCMTK's ``dcmsend``, start and association included."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.causeway_receiver import Causeway
from bench.generator import Target
from bench.receivers import PEER_ENVIRONMENT, Receiver, Storescp
from bench.session import Session, Table, median, number
from causeway.testing.phantom import make_instance

FILES = {"CT": 400, "MR": 2000}
SIZES = {"CT": 512, "MR": 128}
ASSOCIATIONS = (1, 4)


def measure(session: Session) -> Iterator[Table]:
    if shutil.which("dcmsend") is None:
        session.say("dcmsend is not installed")
        return
    rates: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    receivers: tuple[Receiver, ...] = (Storescp(), Causeway(ready_mib=1024))
    with session.folders.one() as files:
        for shape, count in FILES.items():
            for part in range(max(ASSOCIATIONS)):
                _write(files / shape / str(part), shape, part, count // max(ASSOCIATIONS))
        for _ in range(session.repetitions):
            for shape in FILES:
                for associations in ASSOCIATIONS:
                    for receiver in receivers:
                        with (
                            session.folders.one() as work,
                            receiver.running(work) as (target, _pid),
                        ):
                            rate = _send(files / shape, target, shape, associations)
                        rates[receiver.name, shape, associations].append(rate)
                        session.say(
                            f"dcmsend to {receiver.name}: {shape} at {associations}: {rate:,.0f}/s"
                        )
    yield Table(
        title="With dcmsend as the sender",
        note=(
            f"{FILES['CT']} CT or {FILES['MR']} MR files, objects a second over the whole life of "
            "the `dcmsend` processes, which read and parse every file and bound this figure."
        ),
        heads=("receiver", "CT 1 / 4", "MR 1 / 4"),
        rows=[
            [receiver.name]
            + [
                " / ".join(
                    number(median(rates[receiver.name, shape, count])) for count in ASSOCIATIONS
                )
                for shape in FILES
            ]
            for receiver in receivers
        ],
    )


def _write(folder: Path, shape: str, part: int, count: int) -> None:
    folder.mkdir(parents=True)
    for index in range(count):
        make_instance(
            shape,
            rows=SIZES[shape],
            columns=SIZES[shape],
            seed=f"dcmsend {shape} {part}",
            instance_number=index + 1,
        ).write(folder / f"{index}.dcm")


def _send(folder: Path, target: Target, shape: str, associations: int) -> float:
    parts = sorted(folder.iterdir())
    command = ["dcmsend", "--quiet", "-aec", target.called, "--scan-directories"]
    command += [target.host, str(target.port)]
    began = time.monotonic()
    senders = [
        subprocess.Popen(
            [*command, *map(str, parts[number::associations])],
            env=os.environ | PEER_ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(associations)
    ]
    statuses = [sender.wait(300) for sender in senders]
    seconds = time.monotonic() - began
    if any(statuses):
        raise RuntimeError(f"dcmsend ended with {statuses}")
    return FILES[shape] / seconds
