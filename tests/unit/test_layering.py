"""Who may import whom, as the design has it: read from the source, imports inside functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import causeway

ROOT = Path(causeway.__file__).parent
NOUNS = {"values", "errors"}
DECIDING = {"attributes", "decide", "schedule"}
COMPOSED = (
    NOUNS | DECIDING | {"dimse", "net", "spool", "ledger", "pipeline", "destinations", "config"}
)
MAY_KNOW = {
    "cards": {"attributes", "config", "decide", "errors"},
    "explain": NOUNS
    | {"attributes", "config", "decide", "ledger", "part10", "pipeline", "schedule"},
    "part10": set(),
    "errors": set(),
    "values": {"errors"},
    "dimse": set(),
    "net": NOUNS | {"dimse"},
    "spool": NOUNS,
    "ledger": NOUNS | {"attributes"},
    "attributes": {"errors"},
    # Text of data sets, by their character sets.
    "text": set(),
    # Usable on plain files, without the service.
    "deidentify": {"attributes", "errors", "text"},
    "schedule": {"errors"},
    "decide": NOUNS | {"attributes", "schedule"},
    "config": {"errors", "attributes", "decide", "schedule"},
    "observe": {"errors"},
    "destinations": NOUNS | {"net"},
    "pipeline": NOUNS | {"spool", "ledger", "destinations", "attributes", "decide", "text"},
    "service": COMPOSED | {"observe"},
    "doctor": COMPOSED | {"observe"},
    "cli": COMPOSED | {"cards", "explain", "part10", "observe", "doctor", "service", "demo"},
    # Its patients are phantoms, and nothing else of testing.
    "demo": COMPOSED | {"part10", "cli", "testing"},
    "__main__": {"cli"},
    "testing": COMPOSED | {"service"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            # ``from causeway import net`` names the package last.
            yield from (f"{node.module}.{each.name}" for each in node.names)


def modules(package: str) -> list[Path]:
    alone = ROOT / f"{package}.py"
    return [alone] if alone.exists() else sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(MAY_KNOW))
def test_a_package_knows_only_those_below_it(package: str):
    allowed = MAY_KNOW[package] | {package, "__version__"}
    assert modules(package)
    for path in modules(package):
        for name in imported(path):
            top, _, rest = name.partition(".")
            if top == "causeway":
                assert rest.partition(".")[0] in allowed, f"{path.relative_to(ROOT)}: {name}"


def test_every_package_is_placed():
    found = {path.stem for path in ROOT.glob("*.py")} | {
        path.parent.name for path in ROOT.glob("*/__init__.py")
    }
    assert found - {"__init__"} <= set(MAY_KNOW)


def test_the_demo_borrows_only_phantoms():
    used = {name for path in modules("demo") for name in imported(path) if "testing" in name}
    assert all(name.startswith("causeway.testing.phantom.") for name in used)


@pytest.mark.parametrize("peer", ["pynetdicom", "pytest", "hypothesis", "fw_meta"])
def test_what_tests_need_is_no_need_of_the_program(peer: str):
    for path in sorted(ROOT.rglob("*.py")):
        if "testing" not in path.relative_to(ROOT).parts:
            assert all(name.partition(".")[0] != peer for name in imported(path)), path
