"""The conformance statement says what the code does."""

import importlib.util
from pathlib import Path

from causeway.dimse import names
from causeway.spool import export

SCRIPT = Path(__file__).parents[2] / "docs" / "make_conformance.py"


def test_the_statement_is_not_stale():
    spec = importlib.util.spec_from_file_location("make_conformance", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "run `python docs/make_conformance.py`"
    )
    assert len(module.storage_classes()) > 150


def test_the_wire_and_the_files_name_one_implementation():
    """Two packages that know nothing of each other each carry the name; it is one name."""
    assert export.IMPLEMENTATION_CLASS_UID == names.IMPLEMENTATION_CLASS_UID
    assert export.IMPLEMENTATION_VERSION == names.IMPLEMENTATION_VERSION
