"""Every field that the program emits is declared; else it would be missing from the log."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import causeway
from causeway.observe import FIELDS

SOURCE = Path(causeway.__file__).parent


def emitted(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each keyword in a call of something named ``emit`` or ``bound``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.strip("_") in ("emit", "bound"):
            yield from ((node.lineno, word.arg) for word in node.keywords if word.arg)


def test_every_emitted_field_is_declared() -> None:
    undeclared = [
        f"{path.relative_to(SOURCE)}:{line}: {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line, name in emitted(ast.parse(path.read_text()))
        if name not in FIELDS and name != "level"
    ]
    assert not undeclared, "declare these in observe/fields.py, or leave them out"


def test_the_search_finds_them() -> None:
    tree = ast.parse("self._emit('a.b', level='info', patient=1)\nbound(emit, x=2)")
    assert list(emitted(tree)) == [(1, "level"), (1, "patient"), (2, "x")]
