"""What all measurements of one run of the bench share: folders, names, how long and how often."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.folders import WorkFolders
from bench.generator import Outcome, send
from bench.receivers import Receiver


@dataclass
class Session:
    """One run of the bench."""

    folders: WorkFolders
    repetitions: int
    seconds: float
    full: bool
    _runs: int = 0
    _began: float = field(default_factory=time.monotonic)

    def run_name(self) -> str:
        """Eight characters that name the objects of one measurement, and of no other."""
        self._runs += 1
        return f"{self._runs:04x}{int(time.time()) % 0xFFFF:04x}"

    def measure(
        self, receiver: Receiver, *, shape: str, associations: int, most: int = 0
    ) -> Outcome:
        """Start the receiver in a fresh folder, send to it, stop it."""
        with self.folders.one() as work, receiver.running(work) as (target, _):
            outcome = send(
                target,
                shape=shape,
                associations=associations,
                seconds=self.seconds,
                most=(most or MOST[shape]) // associations,
                run=self.run_name(),
            )
        if outcome.errors or outcome.refused:
            self.say(f"{receiver.name}: {outcome.refused} refused; {'; '.join(outcome.errors)}")
        return outcome

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", file=sys.stderr, flush=True)


MOST = {"CT": 12_000, "MR": 120_000, "tiny": 120_000}
"""Objects that are prepared for a run; more than any receiver takes in the time."""


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    title: str
    note: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", self.note, ""]
        lines.append("| " + " | ".join(self.heads) + " |")
        lines.append("|" + "---|" * len(self.heads))
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def number(value: float) -> str:
    if value != value:
        return "-"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def against(value: float, target: float, *, at_most: bool = False) -> str:
    """How a figure stands to its target."""
    good = value <= target if at_most else value >= target
    return "reached" if good else "**missed**"


def memory_of(pid: int, what: str = "VmRSS") -> float:
    """Megabytes: resident now (VmRSS), or at the highest (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1000
    raise LookupError(what)
