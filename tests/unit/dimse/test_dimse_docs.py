"""The page of the package: its examples run, its generated parts are those of the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import causeway.dimse
from causeway.dimse import Association

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "dimse.md").read_text()


def test_the_examples_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(block, namespace)
    assert namespace["kept"] == [("1.2.3", 5), ("1.2.4", 2_621_440)]


def test_the_generated_parts_are_current() -> None:
    path = REFERENCE / "make_dimse.py"
    spec = importlib.util.spec_from_file_location("make_dimse", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.made(PAGE) == PAGE, "run python docs/reference/make_dimse.py"


@pytest.mark.parametrize(
    "name",
    [name for name in vars(Association) if not name.startswith("_")],
)
def test_every_call_is_described(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE)


def test_every_exception_is_described() -> None:
    for name in causeway.dimse.__all__:
        value = getattr(causeway.dimse, name)
        if isinstance(value, type) and issubclass(value, Exception) and name != "DimseError":
            assert name in PAGE
