"""How the command ends, whatever happens: a sentence, a hint, a status, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_world import World, call, empty, world

from causeway.cli import look
from causeway.cli.app import general_options_first
from causeway.cli.exits import EXIT_STATUSES
from causeway.cli.show import Column, Table, ago, amount, iso, paint, when
from causeway.cli.views import BY_COMMAND
from causeway.errors import CausewayError

__all__ = ["empty", "world"]
COMMAND = Path(sys.executable).parent / "causeway"


def test_help_names_every_command() -> None:
    done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
    for name in {command.split()[0] for command in BY_COMMAND} | {"init", "run"}:
        assert re.search(rf"\b{name}\b", done.stdout), name


def test_help_imports_nothing_heavy() -> None:
    """So that it is there at once, on a machine that does other things as well."""
    code = (
        "import sys\nimport causeway.cli.app\n"
        "heavy = {'pydantic', 'sqlalchemy', 'pydicom', 'structlog', 'cryptography', 'causeway.net'}"
        "\nprint(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version() -> None:
    result = call("--version")
    assert result.status == 0
    assert re.fullmatch(r"causeway \d+\.\d+\.\d+\n", result.out)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["status", "--nonsense"], ["studies", "--limit", "x"], ["send"]]
)
def test_a_wrong_command_line(arguments: list[str]) -> None:
    result = call(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert "Traceback" not in result.err


def test_general_options_may_stand_behind_the_command() -> None:
    assert general_options_first(["run", "-c", "x", "--debug"]) == ["-c", "x", "--debug", "run"]
    assert general_options_first(["run", "--config=x"]) == ["--config=x", "run"]
    assert general_options_first(["studies", "--", "-c", "x"]) == ["studies", "--", "-c", "x"]
    assert general_options_first(["run", "-c"]) == ["run", "-c"]


def test_the_environment_can_name_the_configuration(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSEWAY_CONFIG", str(empty.config))
    assert call("config", "check").status == 0


def test_a_missing_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("status")
    assert result.status == 2
    assert result.err == (
        "error: there is no configuration at causeway.toml\n"
        "hint: write one with `causeway init causeway.toml`, or name yours with --config\n"
    )


def test_a_defect_is_told_without_its_text(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("cannot parse Doe^Jane")

    monkeypatch.setattr("causeway.config.read", broken)
    result = empty.call("status")
    assert result.status == 70
    assert "a defect of Causeway: ValueError at cli/" in result.err
    assert "Doe" not in result.err
    assert "Traceback" not in result.err
    debugged = empty.call("status", "--debug")
    assert debugged.status == 70
    assert "Traceback" in debugged.err
    assert "ValueError: cannot parse Doe^Jane" in debugged.err


def test_ctrl_c(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("causeway.config.read", interrupted)
    assert empty.call("status").status == 130


def test_a_reader_that_leaves(world: World) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{COMMAND} --config {world.config} config schema | head -1"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_output_in_a_pipe_is_neither_coloured_nor_cut(world: World) -> None:
    environment = {**os.environ, "COLUMNS": "40", "TERM": "xterm-256color"}
    done = subprocess.run(
        [COMMAND, "--config", world.config, "studies"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout


def test_a_terminal_that_lacks_characters(world: World) -> None:
    (world.folder / "bad.toml").write_text("prot = 1")
    done = subprocess.run(
        [COMMAND, "--config", world.folder / "bad.toml", "config", "check"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 2
    assert "    ? " in done.stderr


def test_colours_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert paint("held", fg="yellow") != "held"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("held", fg="yellow") == "held"


def test_every_error_has_a_documented_status() -> None:
    documented = {one.status for one in EXIT_STATUSES}

    def below(kind: type[CausewayError]) -> set[int]:
        return {kind.exit_status}.union(*(below(one) for one in kind.__subclasses__()))

    import causeway.net  # noqa: F401  (its errors count as well)

    assert below(CausewayError) <= documented
    assert len(documented) == len(EXIT_STATUSES)


def test_json_fields_are_stable() -> None:
    """Scripts read these. A field may be added here; taking one away breaks somebody."""
    text = (Path(__file__).parent / "json_fields.txt").read_text()
    known = {line for line in text.splitlines() if line}
    from typing import get_args

    from pydantic import BaseModel

    now: set[str] = set()

    def walk(view: type[BaseModel]) -> None:
        for name, field in view.model_fields.items():
            now.add(f"{view.__name__}.{name}")
            for inner in (field.annotation, *get_args(field.annotation)):
                if isinstance(inner, type) and issubclass(inner, BaseModel):
                    walk(inner)

    for view in BY_COMMAND.values():
        walk(view)
    assert known - now == set(), "fields went away"
    assert now - known == set(), "note the new fields in json_fields.txt"


# --- how things look ---------------------------------------------------------------------------


def test_tables_fit_by_shortening_what_can_be_shortened() -> None:
    table = Table([Column("KEY"), Column("TEXT", least=5), Column("N", right=True)])
    table.add("1.2.840.113619.2.55.3", "a long description of something", 7)
    table.add("1.2", "short", 1234)
    wide = table.lines()
    assert wide[1] == "1.2.840.113619.2.55.3  a long description of something     7"
    narrow = table.lines(40)
    assert all(len(re.sub(r"\x1b\[\d+m", "", line)) <= 40 for line in narrow)
    assert "1.2.840.113619.2.55.3" in narrow[1]
    assert "…" in narrow[1]
    tight = table.lines(10)
    assert "1.2.840.113619.2.55.3" in tight[1]


def test_tables_count_columns_of_the_terminal() -> None:
    table = Table([Column("NAME", least=4), Column("N")])
    table.add("山田太郎", 1)
    table.add("Yamada", 2)
    first, second = table.lines()[1:]
    assert first == "山田太郎  1"
    assert second == "Yamada    2"
    assert table.lines(8)[1] == "山田…  1"


def test_text_of_a_data_set_cannot_steer_the_terminal() -> None:
    table = Table([Column("NAME")])
    table.add("Doe\x1b[2J\r\nroot")
    assert table.lines()[1] == "Doe\ufffd[2J\ufffd\ufffdroot"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s ago"), (89, "89 s ago"), (90, "2 min ago"), (5400, "2 h ago"), (-5, "in the future"),
     (86400 * 9, "9 days ago")],
)  # fmt: skip
def test_ago(seconds: float, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**20 * 500, "500 MiB"), (2**41, "2.0 TiB")],
)
def test_amount(count: int, text: str) -> None:
    assert amount(count) == text


def test_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert when(1763668992.5) == "2025-11-20 21:03:12 CET"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert iso(1763668992.5) == "2025-11-20T20:03:12.500Z"
    assert when(None) == "never"
    assert iso(None) is None
    assert look.__doc__


def test_views_name_the_states_that_there_are() -> None:
    from causeway.cli.views import CustodyView, DeliveryView, SeriesView, StudyView
    from causeway.ledger import DeliveryState, SeriesState, StudyState
    from causeway.values import Disposition

    for view, field, states in (
        (StudyView, "state", StudyState),
        (SeriesView, "state", SeriesState),
        (DeliveryView, "state", DeliveryState),
        (CustodyView, "dispositions", Disposition),
    ):
        described = view.model_fields[field].description or ""
        assert set(re.findall(r"`([a-z ]+)`", described.replace("\n", " "))) == set(states)
