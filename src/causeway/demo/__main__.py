"""``make demo``: start, send, watch, prove, and stay up."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from causeway.demo.connector import AE_TITLE, Running, connector
from causeway.demo.material import Scanner, scanners
from causeway.demo.proof import prove, tree
from causeway.demo.scenes import Stage
from causeway.demo.watch import Look, look
from causeway.errors import CausewayError
from causeway.ledger import open_ledger
from causeway.net import Peer, send

QUIET_SECONDS = 3
LOOK_SECONDS = 0.25


def main() -> int:
    arguments = _arguments()
    console = Console(highlight=False)
    try:
        with connector(
            arguments.folder.resolve(), port=arguments.port, quiet_seconds=QUIET_SECONDS
        ) as running:
            return _play(console, running, once=arguments.once, patience=arguments.seconds)
    except CausewayError as error:
        console.print(f"[bold red]error[/]: {error.message}")
        if error.hint:
            console.print(f"[bold cyan]hint[/]: {error.hint}", soft_wrap=True)
        return error.exit_status
    except KeyboardInterrupt:
        return 130


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="Watch studies cross.")
    parser.add_argument("--once", action="store_true", help="end when everything has arrived")
    parser.add_argument("--folder", type=Path, default=Path("demo-data"), help="where (demo-data)")
    parser.add_argument("--port", type=int, help="DICOM port (11112, or any if that is taken)")
    parser.add_argument("--seconds", type=float, default=180, help="how long it may take (180)")
    return parser.parse_args()


def _play(console: Console, running: Running, *, once: bool, patience: float) -> int:
    console.print(f"Causeway listens on 127.0.0.1:{running.port} as {AE_TITLE}.")
    console.print("Making the studies …")
    cast = list(scanners())
    sending = Sending(running.port, cast)
    last = _watch(console, running, sending, cast, patience)
    sent = {uid: digest for scanner in cast for uid, digest in scanner.digests().items()}
    proof = prove(running.archive, sent, running.folder / "scratch.dcm")
    console.print()
    # Rich cuts a tree at the width of its console; sizes at the ends of lines are worth a wrap.
    Console(highlight=False, width=max(console.width, 200)).print(tree(running.archive))
    console.print()
    console.print(f"Custody: {last.custody_line}", soft_wrap=True, markup=False)
    console.print(f"Proof:   {proof}", soft_wrap=True, markup=False)
    complete = sending.stored == len(sent) == last.settled == last.custody.received
    good = complete and last.custody.holds and proof.holds
    if not good:
        console.print("[bold red]Something is missing[/]; the connector's own words are in")
        console.print(f"  {running.log}", soft_wrap=True)
        for failure in sending.failures[:5]:
            console.print(f"  not sent: {failure}", soft_wrap=True, markup=False)
    if not once:
        _stay(console, running)
    return 0 if good else 1


class Sending:
    """The scanners at work, each over an association of its own."""

    def __init__(self, port: int, cast: list[Scanner]) -> None:
        self.stored = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._port = port
        self._threads = [threading.Thread(target=self._send, args=(one,)) for one in cast]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def _send(self, scanner: Scanner) -> None:
        peer = Peer(
            host="127.0.0.1",
            port=self._port,
            called_ae=AE_TITLE,
            calling_ae=scanner.ae_title,
        )
        for result in send(peer, scanner.objects):
            with self._lock:
                if result.stored:
                    self.stored += 1
                else:
                    self.failures.append(f"{scanner.ae_title}: {result}")


def _watch(
    console: Console, running: Running, sending: Sending, cast: list[Scanner], patience: float
) -> Look:
    """Show until everything that was sent is verified, nothing moves any more, or time is up."""
    expected = Counter(uid for scanner in cast for uid in scanner.series)
    total = expected.total()
    deadline = time.monotonic() + patience
    with open_ledger(running.ledger, create=False) as ledger, Stage(console) as stage:
        for scanner in cast:
            stage.tell(f"{scanner.ae_title} sends {scanner.describes}")
        sending.start()
        last = look(ledger)
        said_sent = False
        while True:
            stage.show(last, expected)
            if sending.over and not said_sent:
                said_sent = True
                stage.tell(f"{sending.stored} of {total} images sent, each with Success in return")
            if (sending.over and last.settled >= sending.stored) or time.monotonic() > deadline:
                return last
            if running.process.poll() is not None:
                stage.tell("the connector has ended by itself")
                return last
            time.sleep(LOOK_SECONDS)
            last = look(ledger, last.last_event)


def _stay(console: Console, running: Running) -> None:
    """Until Ctrl-C: the connector is there to be tried."""
    console.print()
    console.print("[bold]It stays up until Ctrl-C.[/] Try it from another terminal; any AE title")
    console.print("may send from this machine, and callers from elsewhere are not even heard.")
    tool = "storescu" if shutil.which("storescu") else "storescu  # from DCMTK: apt install dcmtk"
    console.print(f"  {tool} -aec {AE_TITLE} 127.0.0.1 {running.port} image.dcm", soft_wrap=True)
    causeway = _short(Path(sys.executable).with_name("causeway"))
    for command in ("status", "studies phantom", "custody"):
        line = f"  {causeway} {command} --config {_short(running.configuration)}"
        console.print(line, soft_wrap=True)
    try:
        while running.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping …")


def _short(path: Path) -> str:
    """The path as a person here would write it."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("../..") else str(path)


if __name__ == "__main__":
    sys.exit(main())
