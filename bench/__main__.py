"""``make bench``: measure, print markdown tables, keep them under ``bench/results``.

    python -m bench [--quick | --full] [--only receive,tls,…] [--publish]

``--publish`` also writes ``docs/reference/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from bench import machine, netns
from bench.folders import WorkFolders
from bench.scenarios import (
    dcmsend,
    deidentified,
    forward,
    lanes,
    memory,
    pull,
    receive,
    restart,
    s3,
    stow,
    sustained,
    tls,
    whole,
)
from bench.session import Session

_BOUNDS = """\
## What bounds them

**Receiving, synced.** One `fdatasync` after each object is what a durable Success costs, and the
machine of these figures does no more of them than the line above the tables says. In runs of a
second or two `storescp` writes into the page cache and waits for no disk; there the synced rates
are a sync behind, and the relaxed ones differ by the digest that is taken of each object and by
the receipt. With 4 and 8 associations both processors are busy, half of them with the senders,
which run on the same machine. Gigabytes without a pause need segments faster than they are
recycled; those that are made meanwhile are merely allocated, and each sync in them waits for the
file system's journal as well: `spool.ready_bytes` says how large a burst may be before that
happens.

**TLS.** Both ends encrypt on the same two processors.

**Forwarding and pulling** are measured against tools that write to the page cache or nowhere at
all, from the first byte to a delivery that is verified: each image is synced once, indexed,
decided about, packaged and delivered by rows of a ledger that is synced as well. The ledger's
commits and the folder's syncs share one disk with the spool. The archive that is pulled from runs
on the same processors: what it and Causeway spend together, by the number of processors, is the
least that a pull can take here.
"""

SCENARIOS = {
    "receive": receive.measure,
    "sustained": sustained.measure,
    "tls": tls.measure,
    "dcmsend": dcmsend.measure,
    "whole": whole.measure,
    "forward": forward.measure,
    "lanes": lanes.measure,
    "pull": pull.measure,
    "stow": stow.measure,
    "deidentified": deidentified.measure,
    "s3": s3.measure,
    "memory": memory.measure,
    "restart": restart.measure,
}
RESULTS = Path(__file__).resolve().parent / "results"
PAGE = Path(__file__).resolve().parent.parent / "docs/reference/benchmarks.md"
_INTRODUCTION = """\
# Benchmarks

This page is written by `make bench BENCH=full ARGS=--publish`. Run `make bench` for the figures of
your own machine; compare ratios rather than absolute values, which drift with the machine's mood.

The load generator prepares all bytes beforehand and costs next to nothing: a process for each
association, one `sendmsg` for each object, statuses of Success counted and nothing else. Receivers
take turns, each in a fresh folder. Peers run at their best: DCMTK and Orthanc get `TCP_NODELAY=1`
in their environment (without it `storescp` answers a sender like ours 23 times a second, as Nagle's
algorithm waits for a delayed acknowledgement). A run's files are emptied and not deleted before
the next, since ext4 slows the creation of files for minutes after a deletion. Causeway starts each
run with as many segments ready as the run may fill, as it does in daily use after a pause.
"""


def main() -> int:
    arguments = _arguments()
    alone = netns.enter()
    # Ended from outside, it still stops what it started and removes its folders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not alone:
        print("No network of its own here: DCMTK and Orthanc listen on all interfaces.")
    folders = WorkFolders(arguments.folder)
    session = Session(
        folders=folders,
        repetitions=arguments.repetitions or (5 if arguments.full else 3),
        seconds=arguments.seconds or (3.0 if arguments.full else 1.5),
        full=arguments.full,
    )
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    parts = [f"Measured {when}:\n", *(f"- {line}" for line in machine.describe(folders.base)), ""]
    print("\n".join(parts), flush=True)
    failed = False
    try:
        for name in arguments.only:
            try:
                for table in SCENARIOS[name](session):
                    parts.append(table.markdown())
                    print(parts[-1], flush=True)
            except Exception as error:
                failed = True
                print(f"{name} failed: {type(error).__name__}: {error}\n", flush=True)
                if arguments.debug:
                    raise
    finally:
        folders.remove()
    RESULTS.mkdir(exist_ok=True)
    text = "\n".join(parts)
    (RESULTS / time.strftime("%Y%m%d-%H%M%S.md", time.gmtime())).write_text(text)
    if arguments.publish and not failed:
        PAGE.write_text(page(text))
        print(f"Written: {PAGE}")
    return int(failed)


def page(figures: str) -> str:
    """The page of the manual."""
    return f"{_INTRODUCTION}\n## Figures\n\n{figures}\n{_BOUNDS}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure side by side.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="3 repetitions of 1.5 s (the default)")
    size.add_argument("--full", action="store_true", help="5 repetitions of 3 s")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(SCENARIOS),
        help=f"some of {','.join(SCENARIOS)}",
    )
    parser.add_argument("--repetitions", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where runs keep their files")
    parser.add_argument("--publish", action="store_true", help="write the page of the manual")
    parser.add_argument("--debug", action="store_true", help="stop at the first failure")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
