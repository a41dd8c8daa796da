"""``init`` and ``config``: what they write and print."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cli_world import World, call, empty

from causeway.config import parse
from causeway.config.describe import effective
from causeway.testing.certificates import TestAuthority

__all__ = ["empty"]


def test_init_writes_a_file_that_passes_the_check(tmp_path: Path) -> None:
    path = tmp_path / "causeway.toml"
    result = call("init", str(path))
    assert result.status == 0
    assert result.out == f"wrote {path}\nnext: causeway --config {path} run\n"
    checked = call("--config", str(path), "config", "check")
    assert checked.status == 0
    assert checked.err == ""
    assert "ok: 1 listener, 1 source, 1 destination, 1 route" in checked.out


def test_init_in_a_folder_and_in_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("init", str(tmp_path)).status == 0
    assert (tmp_path / "causeway.toml").exists()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert call("init").out == "wrote causeway.toml\nnext: causeway run\n"


def test_init_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "causeway.toml"
    path.write_text("mine")
    result = call("init", str(path))
    assert result.status == 2
    assert "is there already" in result.err
    assert path.read_text() == "mine"


def test_init_where_there_is_no_folder(tmp_path: Path) -> None:
    result = call("init", str(tmp_path / "no" / "causeway.toml"))
    assert result.status == 2
    assert "mkdir -p" in result.err


def test_what_the_template_shows_as_defaults_are_the_defaults(tmp_path: Path) -> None:
    call("init", str(tmp_path))
    text = (tmp_path / "causeway.toml").read_text()
    commented = re.findall(r"(?m)^#([a-z_]+) = ", text)
    assert len(commented) > 10
    everything = re.sub(r"(?m)^#([a-z_]+ = )", r"\1", text)
    assert values(everything) == values(text)
    # Examples that are shown as prose must be right as well.
    shown = re.findall(r"(?m)^# \[\[\w+\]\]\n(?:# \w+ = .*\n)+", text)
    example = re.sub(r"(?m)^# ", "", "".join(shown))
    tomllib.loads(example)
    configuration = parse(f"{text}\n{example}", look=False).configuration
    assert len(configuration.sources) == 2
    assert len(configuration.groupings) == len(configuration.schedules) == 1
    assert [route.action for route in configuration.routes] == ["send", "send", "deny"]


def values(text: str) -> dict[str, Any]:
    loaded = parse(text, look=False)
    return {item.key: item.value for item in effective(loaded.configuration, loaded.lines)}


def test_check_tells_every_problem(empty: World) -> None:
    empty.config.write_text(empty.config.read_text().replace("port = 0", 'port = "x"\nprot = 1'))
    result = empty.call("config", "check")
    assert result.status == 2
    assert f"{empty.config}:5: listener 1, port: must be a whole number" in result.err
    assert f"{empty.config}:6: listener 1: unknown key" in result.err
    said = empty.call("config", "check", "--json")
    assert said.status == 2
    assert [problem["line"] for problem in said.json["problems"]] == [5, 6]
    assert said.json["ok"] is False


def test_check_tells_doubts(empty: World) -> None:
    text = empty.config.read_text() + '[spool]\ndurability = "relaxed"\n'
    empty.config.write_text(text)
    result = empty.call("config", "check")
    assert result.status == 0
    assert "warning: " in result.err
    assert "power cut" in result.err
    assert "1 warning" in result.out
    assert empty.call("config", "check", "--json").json["warnings"][0]["setting"] == (
        "spool.durability"
    )


def test_check_loads_certificates(empty: World) -> None:
    authority = TestAuthority(empty.folder)
    one, other = authority.issue("one"), authority.issue("other")
    tls = f'tls = {{{{ certificate = "{one.certificate}", key = "{{}}" }}}}\n'
    text = empty.config.read_text()
    empty.config.write_text(text.replace("port = 0\n", "port = 0\n" + tls.format(one.key)))
    assert empty.call("config", "check").status == 0
    empty.config.write_text(text.replace("port = 0\n", "port = 0\n" + tls.format(other.key)))
    result = empty.call("config", "check")
    assert result.status == 2
    assert f"{empty.config}:6: listener 1, tls: " in result.err
    assert empty.call("config", "check", "--json").json["problems"][0]["line"] == 6


def test_check_only_doubts_a_password_of_another_environment(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = TestAuthority(empty.folder).issue("one", password="hunter2")
    tls = (
        f'port = 0\ntls = {{ certificate = "{one.certificate}", key = "{one.key}", '
        'key_password = "env:KEY_PASSWORD" }'
    )
    empty.config.write_text(empty.config.read_text().replace("port = 0", tls))
    monkeypatch.delenv("KEY_PASSWORD", raising=False)
    result = empty.call("config", "check")
    assert result.status == 0
    assert "the environment has no KEY_PASSWORD" in result.err
    monkeypatch.setenv("KEY_PASSWORD", "hunter2")
    assert "KEY_PASSWORD" not in empty.call("config", "check").err
    monkeypatch.setenv("KEY_PASSWORD", "wrong")
    assert empty.call("config", "check").status == 2


def test_show_tells_where_each_value_comes_from(empty: World) -> None:
    result = empty.call("config", "show")
    assert re.search(r"listener\[0\]\.port +0 +line 5\n", result.out)
    assert re.search(r'spool\.durability +"synced" +default\n', result.out)
    assert re.search(r"listener\[0\]\.tls +\(not set\) +default\n", result.out)
    settings = {row["key"]: row for row in empty.call("config", "show", "--json").json["settings"]}
    assert settings["source[0].addresses"] == {
        "key": "source[0].addresses",
        "value": ["127.0.0.0/8"],
        "line": 10,
    }


def test_show_hides_secrets(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_PASSWORD", "hunter2")
    (empty.folder / "pem").touch()
    text = empty.config.read_text().replace(
        "port = 0",
        'port = 0\ntls = { certificate = "pem", key = "pem", key_password = "env:KEY_PASSWORD" }',
    )
    empty.config.write_text(text)
    for arguments in (("config", "show"), ("config", "show", "--json")):
        result = empty.call(*arguments)
        assert "env:KEY_PASSWORD" in result.out
        assert "hunter2" not in result.out + result.err


def test_schema_is_json_schema() -> None:
    schema = json.loads(call("config", "schema").out)
    assert schema["title"] == "causeway.toml"
    assert "listener" in schema["properties"]
