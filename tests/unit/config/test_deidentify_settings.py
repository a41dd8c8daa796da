"""``deidentify`` of destinations and routes, keys, profiles: what is refused, what is doubted."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from causeway.config import SHIPPED_PROFILES, InvalidConfiguration, Problem, parse
from causeway.deidentify.profile import SHIPPED
from causeway.service.treating import check, misfits, treating

BASE = """\
data_dir = "data"

[[listener]]
ae_title = "CAUSEWAY"
port = 11112

[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["127.0.0.0/8"]

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "{asked}"

[[route]]
destinations = ["archive"]
{route}
"""
KEY = '[deidentify]\nkey = "file:key"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(secrets.token_hex(32))
    return tmp_path


def problems(text: str) -> list[Problem]:
    with pytest.raises(InvalidConfiguration) as found:
        check(parse(text, file="causeway.toml"))
    return list(found.value.problems)


def only(text: str) -> Problem:
    (found,) = problems(text)
    return found


def written(asked: str = "research", route: str = "", more: str = KEY) -> str:
    return BASE.format(asked=asked, route=route) + more


def test_the_names_of_shipped_profiles_are_those_that_there_are() -> None:
    assert SHIPPED_PROFILES == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_can_be_asked_for(name: str) -> None:
    loaded = parse(written(name), file="causeway.toml")
    check(loaded)
    made = treating(loaded.configuration)
    assert set(made.recipes) == {name}
    assert made.keys.of("neuro", "Sleep") is not None


def test_a_profile_that_is_not_there_is_refused_with_what_was_meant() -> None:
    found = only(written("reserch"))
    assert (found.line, found.setting) == (16, "destination 1, deidentify")
    assert 'did you mean "research"?' in found.right
    assert "none" in only(written("xyz")).right


def test_without_a_key_it_is_refused() -> None:
    found = only(written(more=""))
    assert found.line == 16
    assert "needs a key" in found.what
    assert "openssl rand -hex 32" in found.right


@pytest.mark.parametrize(
    ("content", "says"),
    [("not hex", "hexadecimal"), ("a" * 64, "not random"), (secrets.token_hex(16), "hexadecimal")],
    ids=["no digits", "one digit", "too short"],
)
def test_a_key_that_is_none_is_refused_and_not_shown(folder: Path, content: str, says: str) -> None:
    (folder / "key").write_text(content)
    found = only(written())
    assert says in found.what
    assert found.setting == "deidentify.key"
    assert content not in str(found)


def test_a_key_in_the_environment_may_be_there_where_the_service_runs() -> None:
    loaded = parse(written(more='[deidentify]\nkey = "env:NOT_SET_HERE"\n'), file="causeway.toml")
    wrong, unsure = misfits(loaded)
    assert wrong == []
    assert "NOT_SET_HERE" in unsure[0].what
    with pytest.raises(InvalidConfiguration):
        check(loaded)


def test_mistakes_in_a_profile_are_said_with_its_lines_and_ours(folder: Path) -> None:
    (folder / "site.toml").write_text('name = "site"\nbase = "basic"\noptions = ["retain_all"]\n')
    found = only(written("site", more=KEY + '[[profile]]\nname = "site"\npath = "site.toml"\n'))
    assert found.setting == "profile 1, path"
    assert "site.toml:3" in found.what
    assert found.line > 20


def test_mistakes_in_rules_for_pixels_are_said(folder: Path) -> None:
    (folder / "pixels.toml").write_text("[[rule]]\n")
    found = only(written(more=KEY + 'pixels = "pixels.toml"\n'))
    assert "pixels.toml" in found.what


def test_mistakes_in_a_list_of_subjects_are_said(folder: Path) -> None:
    (folder / "subjects.csv").write_text("id,subject\n")
    found = only(written(more=KEY + 'aliases = "subjects.csv"\n'))
    assert found.setting == "deidentify.aliases"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[[profile]]\nname = "site"\n', "which profile"),
        ('[[profile]]\nname = "research"\nshipped = "basic"\n', "the program has given"),
        ('[[profile]]\nname = "none"\nshipped = "basic"\n', "the program has given"),
        ("shift_days = 3\n", "shift_multiple_of_days"),
        (
            (
                '[[project_key]]\nname = "a"\nprojects = ["neuro/Sleep"]\nkey = "file:key"\n'
                '[[project_key]]\nname = "b"\nprojects = ["NEURO/sleep"]\nkey = "file:key"\n'
            ),
            "has a key already",
        ),
        ('[[project_key]]\nname = "a"\nprojects = ["a/b/c"]\nkey = "file:key"\n', "no group"),
        ('[[project_key]]\nname = "a"\nprojects = ["x"]\nkey = "0123"\n', "refer to a secret"),
    ],
)
def test_what_contradicts_itself_is_refused(more: str, says: str) -> None:
    assert any(says in each.what for each in problems(written(more=KEY + more)))


def test_a_route_that_is_weaker_than_its_destination_is_doubted() -> None:
    loaded = parse(written(route='deidentify = "none"'), file="causeway.toml")
    (doubt,) = [each for each in loaded.warnings if each.setting == "route 1, deidentify"]
    assert "all that identifies a patient" in doubt.what
    stronger = parse(written("none", route='deidentify = "research"'), file="causeway.toml")
    assert not [each for each in stronger.warnings if "deidentify" in each.setting]


def test_a_profile_that_nobody_asks_for_is_doubted(folder: Path) -> None:
    more = KEY + '[[profile]]\nname = "site"\nshipped = "basic"\n'
    loaded = parse(written(more=more), file="causeway.toml")
    assert [each.setting for each in loaded.warnings] == ["profile 1, name"]


def test_projects_have_the_keys_that_are_said(folder: Path) -> None:
    more = (
        KEY + '[[project_key]]\nname = "sleep"\nprojects = ["neuro/Sleep"]\nkey = "file:key"\n'
        '[[project_key]]\nname = "old"\nkey = "file:key"\n'
    )
    made = treating(parse(written(more=more), file="causeway.toml").configuration)
    sleep, other = made.keys.of("neuro", "sleep"), made.keys.of("neuro", "Amnesia")
    assert sleep is not None
    assert other is not None
    assert sleep.id.startswith("sleep-")
    assert other.id.startswith("usual-")
    assert [key.id[:4] for key in made.keys.retired] == ["old-"]


def test_pixel_rules_and_ocr_of_a_profile_go_before_the_general_ones(folder: Path) -> None:
    rule = '[[rule]]\nname = "{}"\nmatch = {{ modality = "OT" }}\npass = true\n'
    for name in ("general", "own"):
        (folder / f"{name}.toml").write_text(rule.format(name))
    more = (
        KEY + 'pixels = "general.toml"\nocr = "hold"\n'
        '[[profile]]\nname = "site"\nshipped = "research"\npixels = "own.toml"\nocr = "off"\n'
    )
    text = written("site", route='deidentify = "basic"', more=more)
    made = treating(parse(text, file="causeway.toml").configuration)
    site, basic = made.recipes["site"].pixels, made.recipes["basic"].pixels
    assert [rule.name for rule in site.rules] == ["own"]
    assert [rule.name for rule in basic.rules] == ["general"]
    assert (site.ocr, basic.ocr) == ("off", "hold")
