"""The package stands alone: no input or output, no time, and nothing of ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import causeway.dimse

PACKAGE = Path(causeway.dimse.__file__).parent
ALLOWED = {
    "__future__",
    "causeway",
    "collections",
    "dataclasses",
    "enum",
    "re",
    "struct",
    "typing",
}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_imports(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.partition(".")[0] in ALLOWED
            if name.startswith("causeway"):
                assert name.startswith("causeway.dimse")


def test_nothing_else_is_loaded() -> None:
    """A fresh interpreter that imports the package has no socket, and no third party."""
    program = (
        "import sys; before = set(sys.modules); import causeway.dimse; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "causeway" in loaded
    assert not loaded & {"socket", "selectors", "threading", "logging", "asyncio", "ssl"}
    assert loaded <= sys.stdlib_module_names | {"causeway"}


def test_the_public_face_is_complete() -> None:
    names = causeway.dimse.__all__
    assert len(set(names)) == len(names)
    for name in names:
        assert hasattr(causeway.dimse, name)
    public = {
        name
        for name, value in vars(causeway.dimse).items()
        if not name.startswith("_") and not isinstance(value, type(ast))
    }
    assert public == set(names)
