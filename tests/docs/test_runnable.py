"""Blocks marked ``console runnable`` are run as a reader would run them.

The runnable blocks of one page are one session: one shell in an empty folder. Lines after ``$ ``
are typed; other lines are what is printed, and must be there in that order, where ``…`` stands for
anything. Whatever the page starts in the background is ended with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import pytest
from docs_pages import ROOT, Block, blocks

RUNNABLE = [block for block in blocks() if "runnable" in block.marks]
BY_PAGE = {page: list(group) for page, group in groupby(RUNNABLE, key=lambda block: block.page)}


@pytest.mark.parametrize("page", BY_PAGE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_session_of_a_page(page: Path, tmp_path: Path) -> None:
    script, expected = session(BY_PAGE[page])
    output = run(script, tmp_path)
    assert_printed(output, expected)


def session(page: list[Block]) -> tuple[str, list[str]]:
    """What is typed, and what is printed."""
    typed, printed = ["set -e"], []
    for block in page:
        continued = False
        for line in block.body.splitlines():
            if line.startswith("$ ") or (continued and line.startswith("> ")):
                typed.append(line[2:])
                continued = line.endswith("\\")
            elif line.strip():
                printed.append(line.strip())
    return "\n".join(typed) + "\n", printed


def run(script: str, folder: Path) -> str:
    """Run in a process group of its own, which ends with it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}
    environment.pop("CAUSEWAY_CONFIG", None)
    output = folder.parent / f"{folder.name}.out"
    with output.open("w") as sink:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=100)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            if process.poll() is None:
                process.wait(timeout=10)
    text = output.read_text()
    assert status == 0, text
    return text


def assert_printed(output: str, expected: list[str]) -> None:
    at = 0
    for line in expected:
        pattern = ".*?".join(re.escape(part) for part in line.split("…"))
        match = re.compile(pattern).search(output, at)
        assert match is not None, f"not printed, or not in this order: {line}\n{output}"
        at = match.end()


def test_a_session_is_read_and_compared(tmp_path: Path) -> None:
    block = Block(
        ROOT / "README.md", 1, "console", ("runnable",), "$ echo a b\na …\n$ sleep 60 &\n"
    )
    script, expected = session([block])
    assert expected == ["a …"]
    assert_printed(run(script, tmp_path), expected)
    with pytest.raises(AssertionError, match="not printed"):
        assert_printed("a c", ["a b"])
    with pytest.raises(AssertionError):
        run("set -e\nfalse\n", tmp_path)
