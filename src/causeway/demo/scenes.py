"""How the demo looks: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from causeway.demo.watch import STAGES, Line, Look

_NEWS_LINES = 6


class Stage:
    """Shows looks as they come; a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._news: list[str] = []
        self._live = (
            Live(console=console, refresh_per_second=8, transient=False)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def tell(self, sentence: str) -> None:
        """Something that the demo itself did."""
        since = f"{time.monotonic() - self._started:5.1f} s  "
        if self._live:
            self._news.append(since + sentence)
        else:
            self._console.print(since + sentence, markup=False, highlight=False, soft_wrap=True)

    def show(self, look: Look, expected: Mapping[str, int]) -> None:
        """A look at the ledger; ``expected`` images by Series Instance UID, as far as known."""
        for sentence in look.news:
            self.tell(sentence)
        if self._live:
            news = Text("\n".join(self._news[-_NEWS_LINES:]), style="dim")
            self._live.update(Group(_table(look.lines, expected), Text(look.custody_line), news))


def _table(lines: tuple[Line, ...], expected: Mapping[str, int]) -> Table:
    table = Table(expand=False, pad_edge=False, box=None, header_style="bold")
    for heading in ("patient", "series", "images", *STAGES[1:]):
        table.add_column(heading, justify="right" if heading == "images" else "left")
    before = ""
    for line in lines:
        total = expected.get(line.series_instance_uid)
        count = f"{line.images}/{total}" if total else str(line.images)
        table.add_row(
            line.patient if line.patient != before else "",
            Text(f"{line.modality} {line.series}"),
            Text(count, style="green" if line.images == total else "yellow"),
            *_marks(line),
        )
        before = line.patient
    return table


def _marks(line: Line) -> list[Text]:
    if line.stage not in STAGES:
        return [Text(line.stage, style="bold red"), Text(line.trouble), Text(""), Text("")]
    reached = STAGES.index(line.stage)
    marks = []
    for index, stage in enumerate(STAGES[1:], start=1):
        if index <= reached:
            marks.append(Text("●", style="green"))
        elif index == reached + 1 and line.trouble:
            marks.append(Text(line.trouble, style="yellow"))
        else:
            marks.append(Text("·", style="dim"))
        if stage == "complete" and index <= reached and line.why_complete:
            marks[-1] = Text(f"● {line.why_complete}", style="green")
    return marks
