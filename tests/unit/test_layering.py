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
    # What is on the wall is what the configuration says, by the functions that decide.
    "cards": {"attributes", "config", "decide", "dictionary", "errors"},
    # De-identification of plain files: the spool only for the head of a file, the pipeline only for
    # what a header says.
    "offline": NOUNS | {"attributes", "deidentify", "part10", "pipeline", "spool"},
    "preview": NOUNS | {"attributes", "deidentify", "dictionary", "pipeline", "text"},
    "explain": NOUNS | DECIDING | {"config", "ledger", "part10", "pipeline"},
    "part10": set(),
    "errors": set(),
    "values": {"errors"},
    "dimse": set(),
    "net": NOUNS | {"dimse"},
    "spool": NOUNS,
    "ledger": NOUNS | {"attributes", "import_jobs"},
    # Batches and what comes next for them: the ledger keeps them, a destination moves them on.
    "import_jobs": set(),
    # What a template of keys can be, for the configuration to check and destinations to use.
    "object_keys": {"errors"},
    "attributes": {"dictionary", "errors"},
    # What PS3.6 and PS3.3 list.
    "dictionary": set(),
    "charsets": set(),
    # Text of data sets, by their character sets.
    "text": {"charsets"},
    # Files that people write: which line says what, and what is wrong with it.
    "lines": set(),
    "problems": {"errors"},
    # Usable on plain files, without the service. Of decide only its regular expressions.
    "deidentify": {"attributes", "charsets", "decide", "dictionary", "errors", "lines", "problems"}
    | {"text"},
    "schedule": {"errors"},
    "decide": NOUNS | DECIDING | {"dictionary"},
    "config": {"dictionary", "errors", "lines", "object_keys", "problems"} | DECIDING,
    "observe": {"errors"},
    # Another transfer syntax, by the codecs that de-identification has.
    "transcoding": {"deidentify", "dictionary", "errors"},
    "destinations": NOUNS | {"dimse", "import_jobs", "net", "object_keys", "transcoding"},
    # Of spool and ledger what stands there, of net how it is told; nothing of the pipeline.
    "commitment": NOUNS | {"dimse", "ledger", "net", "spool"},
    # It is handed a policy, and has never heard of the configuration.
    "pipeline": NOUNS
    | DECIDING
    | {"spool", "ledger", "destinations", "text", "deidentify", "dictionary"},
    # The entrance by hand ends where the receivers' does.
    "importing": NOUNS | {"ledger", "part10", "spool"},
    # The second entrance: it asks and fetches, and what has come is the pipeline's.
    "pull": NOUNS | DECIDING | {"dictionary", "dimse", "ledger", "net", "text"},
    "service": COMPOSED
    | {"commitment", "deidentify", "import_jobs", "observe", "part10", "problems", "pull"},
    "doctor": COMPOSED | {"observe", "pull"},
    "cli": COMPOSED
    | {"cards", "commitment", "explain", "part10", "observe", "doctor", "service", "demo"}
    | {"deidentify", "import_jobs", "importing", "offline", "preview", "problems", "pull"},
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


IMPURE = {"time", "random", "secrets", "os", "io", "pathlib", "socket", "threading", "logging"}


@pytest.mark.parametrize("package", ["attributes", "decide", "schedule", "text"])
def test_who_decides_is_told_the_time_and_reads_nothing(package: str):
    for path in modules(package):
        assert not {name.partition(".")[0] for name in imported(path)} & IMPURE, path
        for node in ast.walk(ast.parse(path.read_bytes())):
            clock = isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow"}
            assert not (clock and ast.unparse(node).startswith(("dt.", "datetime."))), path


def test_the_decision_is_made_by_one_function():
    """So that what explains and what runs cannot come to different ends."""
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if "causeway.decide.decision.decide" in set(imported(path))
    }
    assert asking == {"explain/explained.py", "pipeline/decider.py"}


def test_the_demo_borrows_only_phantoms():
    used = {name for path in modules("demo") for name in imported(path) if "testing" in name}
    assert all(name.startswith("causeway.testing.phantom.") for name in used)


@pytest.mark.parametrize("peer", ["pynetdicom", "pytest", "hypothesis", "fw_meta"])
def test_what_tests_need_is_no_need_of_the_program(peer: str):
    for path in sorted(ROOT.rglob("*.py")):
        if "testing" not in path.relative_to(ROOT).parts:
            assert all(name.partition(".")[0] != peer for name in imported(path)), path
