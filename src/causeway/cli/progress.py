"""A progress bar on standard error, where there is a terminal to show it; nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Literal, Protocol

from causeway.cli.show import amount


class Progress(Protocol):
    def advance(self, count: int) -> None: ...

    def reach(self, count: int, total: int) -> None: ...


class _Nothing:
    def advance(self, count: int) -> None:
        pass

    def reach(self, count: int, total: int) -> None:
        pass


@contextlib.contextmanager
def bar(
    title: str,
    total: int | None,
    *,
    hidden: bool = False,
    unit: Literal["things", "bytes"] = "things",
) -> Iterator[Progress]:
    """A bar towards ``total``; without one, a count."""
    if hidden or not sys.stderr.isatty():
        yield _Nothing()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Rich
    from rich.text import Text

    class Speed(ProgressColumn):
        """In the units of the other columns and of what is said at the end."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{amount(speed)}/s" if speed else "")

    columns: list[ProgressColumn] = [TextColumn("{task.description}"), BarColumn()]
    if unit == "bytes":
        columns += [DownloadColumn(binary_units=True), Speed(), TimeRemainingColumn()]
    else:
        columns += [MofNCompleteColumn()]
    with Rich(*columns, console=Console(stderr=True), transient=True) as rich:
        task = rich.add_task(title, total=total)

        class Shown:
            def advance(self, count: int) -> None:
                rich.advance(task, count)

            def reach(self, count: int, total: int) -> None:
                rich.update(task, completed=count, total=total)

        yield Shown()
