"""``config reload``, ``history`` and ``rollback`` while no service runs, and what they refuse."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest
from cli_world import World, empty

from causeway.cli.status import status_lines
from causeway.cli.versions import _answer
from causeway.config import Versions
from causeway.doctor.running import RunningService
from causeway.errors import ConfigurationError
from causeway.observe.health import Health

__all__ = ["empty"]


def kept(world: World, *texts: str) -> Versions:
    (world.folder / "data").mkdir()
    versions = Versions(world.folder / "data")
    for text in texts:
        versions.keep(text.encode(), at=1_700_000_000.0, by="jo", why="start")
    return versions


def running(world: World, **configuration: object) -> None:
    """A service that says so, and never answers."""
    run_dir = world.folder / "data" / "run"
    run_dir.mkdir(parents=True)
    said = {"pid": os.getpid(), "written_at": time.time(), "configuration": configuration}
    (run_dir / "status.json").write_text(json.dumps(said))


def test_nobody_is_there_to_reload(empty: World) -> None:
    result = empty.call("config", "reload")
    assert result.status == 3
    assert "does not run" in result.err


def test_no_history_yet(empty: World) -> None:
    result = empty.call("config", "history")
    assert (result.status, result.out) == (0, "")
    assert "none was kept yet" in result.err
    said = empty.call("config", "history", "--json").json
    assert (said["versions"], said["changed"]) == ([], True)


def test_history(empty: World) -> None:
    text = empty.config.read_text()
    kept(empty, "old", text)
    result = empty.call("config", "history")
    assert [line.split()[0] for line in result.out.splitlines()] == ["VERSION", "2", "1"]
    assert "jo" in result.out
    assert "was changed" not in result.err
    newest, oldest = empty.call("config", "history", "--json").json["versions"]
    assert (newest["number"], newest["runs"], oldest["at"]) == (
        2,
        False,
        "2023-11-14T22:13:20.000Z",
    )
    empty.config.write_text(text + "# more\n")
    assert "was changed since version 2" in empty.call("config", "history").err


def test_rollback_keeps_the_present_file_and_its_rights(empty: World) -> None:
    text = empty.config.read_text()
    versions = kept(empty, text, text + "# two\n")
    empty.config.write_text("data_dir = 'data'\nbroken\n")
    empty.config.chmod(0o604)
    result = empty.call("config", "rollback", "1")
    assert result.status == 0
    assert "version 4 now" in result.out
    assert "next start" in result.out
    assert empty.config.read_text() == text
    assert stat.S_IMODE(empty.config.stat().st_mode) == 0o604
    assert versions.content(3) == b"data_dir = 'data'\nbroken\n"
    assert [each.why for each in versions.history()][2:] == ["before rollback", "rollback to 1"]


def test_rollback_to_what_is_there_already(empty: World) -> None:
    versions = kept(empty, empty.config.read_text())
    assert empty.call("config", "rollback", "1", "--json").json == {
        "outcome": "stopped",
        "version": 1,
        "why": "",
    }
    assert len(versions.history()) == 1


def test_a_version_that_is_no_good_any_more_is_not_put_back(empty: World) -> None:
    text = empty.config.read_text()
    kept(empty, text.replace('path = "archive"', 'path = "gone/archive"'), text)
    result = empty.call("config", "rollback", "1")
    assert result.status == 2
    assert "gone is not there" in result.err
    assert empty.config.read_text() == text


def test_a_version_that_was_kept_although_nobody_could_read_it_is_not_put_back(
    empty: World,
) -> None:
    versions = kept(empty, empty.config.read_text())
    versions.keep(b'data_dir = "data"\n\xff', at=1_700_000_001.0, by="jo", why="before rollback")
    result = empty.call("config", "rollback", "2")
    assert result.status == 2
    assert "byte 0xff is not UTF-8" in result.err


@pytest.mark.parametrize("number", ["3", "99"])
def test_a_version_that_is_not_there(number: str, empty: World) -> None:
    kept(empty, "a", "b")
    result = empty.call("config", "rollback", number)
    assert result.status == 2
    assert f"no version {number}" in result.err
    assert "1 to 2" in result.err


def test_a_file_that_does_not_say_where_versions_are(empty: World) -> None:
    empty.config.write_text("broken")
    result = empty.call("config", "rollback", "1")
    assert result.status == 2
    assert "does not say where versions are kept" in result.err
    empty.config.unlink()
    assert "cannot be read" in empty.call("config", "history").err


def test_a_service_that_runs_with_another_file(empty: World) -> None:
    running(empty, file="/etc/causeway/other.toml", version=1)
    result = empty.call("config", "reload")
    assert result.status == 2
    assert "--config /etc/causeway/other.toml" in result.err


def test_a_service_that_does_not_answer(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway.cli.versions.ANSWER_SECONDS", 0.3)
    running(empty, file=str(empty.config), version=1)
    result = empty.call("config", "reload")
    assert result.status == 4
    assert "did not answer" in result.err


def test_commands_with_a_broken_file_use_the_version_that_runs(empty: World) -> None:
    kept(empty, empty.config.read_text())
    running(empty, file=str(empty.config), version=1)
    empty.config.write_text(empty.config.read_text() + "broken\n")
    result = empty.call("status")
    assert result.status == 0
    assert result.err.count("version 1, which runs, is used instead") == 1
    # Not without a service, and not where the file itself is asked for.
    assert empty.call("config", "check").status == 2
    (empty.folder / "data" / "run" / "status.json").unlink()
    assert empty.call("status").status == 2


def test_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    _answer({"version": 3, "changed": True, "refused": None}, as_json=False)
    _answer({"version": 3, "changed": False, "refused": None}, as_json=False)
    assert capsys.readouterr().out == "changed: version 3 runs\nunchanged: version 3 runs already\n"
    with pytest.raises(ConfigurationError, match="version 3 goes on"):
        _answer({"version": 3, "refused": {"why": "the reason"}}, as_json=False)


def test_status_shows_version_and_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    from causeway.cli.status import nothing, nothing_received

    monkeypatch.setenv("NO_COLOR", "1")
    said = {"version": 7, "since": 1000.0, "refused": {"at": 1900.0, "by": "jo", "why": "a\n  b"}}
    service = RunningService(pid=1, written_at=2000.0, said={"configuration": said})
    lines = list(
        status_lines(
            service, nothing(2000.0), nothing_received(), (), Health(findings=()), now=2000.0
        )
    )
    assert lines[2:6] == [
        "settings     version 7, taken 17 min ago",
        "             refused 2 min ago:",
        "             a",
        "               b",
    ]
