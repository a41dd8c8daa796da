"""The generated pages are what the code says, and the code says something of everything."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from docs_pages import ROOT

from causeway.cli.views import BY_COMMAND
from causeway.config.describe import settings_of, tables


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_not_stale(generate: ModuleType) -> None:
    assert generate.stale() == [], "run `python docs/generate.py`"


def test_every_setting_is_on_its_page(generate: ModuleType) -> None:
    page = generate.settings_page()
    for table in tables():
        for key, field in settings_of(table.model):
            assert f"| `{key}` |" in page
            assert field.description, f"{table.heading} {key} has no description"
            assert " ".join(field.description.split()) in page


def test_every_value_of_a_setting_is_described(generate: ModuleType) -> None:
    for line in generate.settings_page().splitlines():
        if line.startswith("| `"):
            assert "|  | **required**" not in line
            assert line.count(" | ") >= 3
            assert not line.startswith("| `") or line.split(" | ")[1].strip(), line


def test_every_command_and_option_has_a_help_text(generate: ModuleType) -> None:
    for name, command in generate.commands():
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name}"


def test_every_json_field_has_a_description(generate: ModuleType) -> None:
    for view in generate._views():
        assert view.__doc__
        for name, field in view.model_fields.items():
            assert field.description, f"{view.__name__}.{name}"


def test_every_command_that_takes_json_says_what_it_prints(generate: ModuleType) -> None:
    taking = {
        name
        for name, command in generate.commands()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert taking == set(BY_COMMAND)


def test_commands_that_print_take_json(generate: ModuleType) -> None:
    without = {name for name, _ in generate.commands()} - set(BY_COMMAND)
    assert without == {"init", "run", "config schema"}
