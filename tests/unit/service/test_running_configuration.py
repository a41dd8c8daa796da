"""Another configuration while the service runs: what is taken, what is refused, what is said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from causeway.config import Configuration, Versions, parse, read
from causeway.service.asking import REQUEST, Request, ask, take_request
from causeway.service.reload import RunningConfiguration, needs_restart

TEXT = """\
data_dir = "data"
[[listener]]
ae_title = "CAUSEWAY"
port = 0
[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["127.0.0.0/8"]
[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"
[[route]]
destinations = ["archive"]
"""
ASKED = Request(by="jo", word="w1")


class Running:
    """One that runs, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []
        (folder / "data").mkdir()
        self.file = folder / "causeway.toml"
        self.file.write_text(TEXT)
        self.it = RunningConfiguration(read(self.file), by="jo", say=self._say, receive_only=False)
        self.versions = Versions(folder / "data")

    def _say(self, event: str, /, *, level: object = None, **fields: object) -> None:
        self.told.append((event, fields))

    def wants(self, text: str) -> Configuration | None:
        self.file.write_text(text)
        return self.it.consider(ASKED)

    @property
    def refused(self) -> Any:
        return self.it.said()["refused"]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def test_the_first_one_is_kept(running: Running) -> None:
    (version,) = running.versions.history()
    assert (version.by, version.why) == ("jo", "start")
    said = running.it.said()
    assert (said["version"], said["digest"], said["refused"]) == (1, version.digest, None)
    assert said["file"] == str(running.file)


def test_another_one_is_taken_and_kept(running: Running) -> None:
    text = TEXT.replace('"CT1"', '"CT2"')
    wanted = running.wants(text)
    assert wanted is not None
    assert wanted.sources[0].ae_title == "CT2"
    assert running.it.configuration == wanted
    assert running.it.said()["version"] == 2
    assert running.it.said()["answered"] == "w1"
    assert running.versions.content(2) == text.encode()
    assert ("configuration.changed", {"revision": 2}) in running.told


def test_the_same_one_changes_nothing(running: Running) -> None:
    assert running.it.consider(ASKED) is None
    assert running.told == [("configuration.unchanged", {})]
    assert len(running.versions.history()) == 1


def test_a_wrong_one_is_refused_whole(running: Running) -> None:
    before = running.it.configuration
    wrong = TEXT.replace('"CT1"', '"CT2"') + "[log]\nlevl = 1\nformat = 3\n"
    assert running.wants(wrong) is None
    assert running.it.configuration is before
    assert "levl" in running.refused["why"]
    assert "must not be the number 3" in running.refused["why"]
    assert running.refused["by"] == "jo"
    ((event, fields),) = running.told
    assert event == "configuration.refused"
    assert (fields["line"], fields["count"]) == (17, 2)
    assert len(running.versions.history()) == 1
    # Put right again, there is nothing to complain of any more.
    assert running.wants(TEXT) is None
    assert running.refused is None


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("port = 0", "port = 11112", "listener"),
        ('ae_title = "CAUSEWAY"', 'ae_title = "OTHER"', "listener"),
        ('"data"', '"other"', "data_dir"),
        ("[[source]]", "[receive]\nprocesses = 3\n[[source]]", "receive.processes"),
        ("[[source]]", '[spool]\ndurability = "relaxed"\n[[source]]', "spool"),
    ],
)
def test_what_only_a_start_can_change(old: str, new: str, named: str, running: Running) -> None:
    text = TEXT.replace(old, new, 1)
    assert running.wants(text) is None
    assert f"changes {named}, which only a start" in running.refused["why"]
    assert named in needs_restart(
        parse(TEXT, look=False).configuration, parse(text, look=False).configuration
    )


def test_all_that_needs_a_start_is_named_at_once(running: Running) -> None:
    running.wants(TEXT.replace('"data"', '"other"').replace("port = 0", "port = 7"))
    assert "changes data_dir and listener, which" in running.refused["why"]


def test_the_same_said_in_other_words_needs_no_start(running: Running) -> None:
    wanted = running.wants(
        TEXT.replace('"data"', '"./data/"').replace("port = 0", 'port = 0\nhost = "127.0.0.1"')
        + '[spool]\nready_bytes = "512 MiB"\n'
    )
    assert wanted is not None


def test_a_file_that_is_gone_is_refused(running: Running) -> None:
    running.file.unlink()
    assert running.it.consider(ASKED) is None
    assert "there is no configuration" in running.refused["why"]


def test_a_file_that_cannot_be_kept_is_refused(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert running.wants(TEXT + "[retire]\nkeep_hours = 1\n") is None
    assert "No space left" in running.refused["why"]
    assert running.it.said()["version"] == 1


def test_a_start_that_cannot_be_kept_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    running = Running(tmp_path)
    assert running.it.said()["version"] is None
    assert [event for event, _ in running.told] == ["configuration.not_kept"]


def test_warnings_are_told(running: Running) -> None:
    assert (
        running.wants(
            TEXT.replace('name = "archive"', 'name = "a"').replace('["archive"]', '["a"]')
            + '[[route]]\ndestinations = ["a"]\n'
        )
        is not None
    )
    (doubt,) = [fields for event, fields in running.told if event == "configuration.doubt"]
    assert "never reached" in str(doubt["warning"])


def test_requests(tmp_path: Path) -> None:
    assert take_request(tmp_path) is None
    word = ask(tmp_path, "jo")
    assert take_request(tmp_path) == Request(by="jo", word=word)
    assert take_request(tmp_path) is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{}", "[]", "\xff", json.dumps({"by": "x"})])
def test_a_request_that_nobody_can_read_is_taken_away(content: str, tmp_path: Path) -> None:
    (tmp_path / REQUEST).write_text(content)
    assert take_request(tmp_path) is None
    assert os.listdir(tmp_path) == []
