"""The scanner against ``tomllib``: every value it knows has a line, and the line says it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeway.lines import scan

GNARLY = r'''
# a comment with [brackets] = and "quotes"
top = 1
"quoted key" = 2
'literal.key' = 3
dotted.one = 4
dotted . two = { inline.a = 5, b = [6, { c = 7 }], "x]}" = "y]}#" }
text = "# not a comment \" [still]"
literal = 'C:\temp\'
many = """
[not.a.table]
key = "not a key" \"""
""""
raw = \'\'\'
[nor.this]
\'\'\'
list = [
  "one", # comment with ] in it
  # another
  "two",
  [3, 4],
]
when = 2026-01-01T00:00:00Z

[table] # comment
a = 1
[table.inner]
b = 2
[[things]]
name = "first"
  [things.inside]
  c = 3
  [[things.deep]]
  d = 4
  [[things.deep]]
  d = 5
[[things]]
name = "second"
  [[things.deep]]
  d = 6
[ spaced . name ]
e = 7
'''.replace(r"\'\'\'", "'''")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_path_of_a_gnarly_document_has_a_line(newline: str) -> None:
    lines = scan(GNARLY.replace("\n", newline))
    assert set(leaves(tomllib.loads(GNARLY))) == lines.paths()


@pytest.mark.parametrize(
    ("path", "row"),
    [
        (("top",), "top = 1"),
        (("quoted key",), '"quoted key" = 2'),
        (("literal.key",), "'literal.key' = 3"),
        (("dotted", "one"), "dotted.one = 4"),
        (("dotted", "two", "b", 1, "c"), "dotted . two ="),
        (("list", 1), '"two",'),
        (("list", 2, 1), "[3, 4],"),
        (("raw",), "raw ="),
        (("when",), "when ="),
        (("table", "inner"), "[table.inner]"),
        (("things", 0), "[[things]]"),
        (("things", 0, "inside", "c"), "c = 3"),
        (("things", 0, "deep", 1, "d"), "d = 5"),
        (("things", 1, "name"), 'name = "second"'),
        (("things", 1, "deep", 0, "d"), "d = 6"),
        (("spaced", "name", "e"), "e = 7"),
    ],
)
def test_the_line_says_it(path: tuple[str | int, ...], row: str) -> None:
    assert GNARLY.splitlines()[scan(GNARLY).of(path) - 1].strip().startswith(row)


def test_what_is_missing_has_the_line_of_its_table() -> None:
    lines = scan("a = 1\n\n[table]\nb = 2\n")
    assert lines.of(("table", "missing", "deeper")) == 3
    assert lines.exact(("table", "missing")) is None
    assert lines.of(("nothing",)) == 1


KEYS = st.text("abcdefgh-_.é \"'\\", min_size=1, max_size=6)
SCALARS = st.one_of(
    st.integers(),
    st.booleans(),
    st.text(max_size=20).map(lambda text: text.replace("\r", "")),
)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=6,
)


def quoted(text: str) -> str:
    escaped = "".join(
        f"\\U{ord(char):08x}" if not char.isalnum() and char not in " []{}=,#." else char
        for char in text
    )
    return f'"{escaped}"'


def inline(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return quoted(value)
        case list():
            return "[" + ", ".join(map(inline, value)) + "]"
        case _:
            pairs = (f"{quoted(key)} = {inline(item)}" for key, item in value.items())
            return "{ " + ", ".join(pairs) + " }"


def document(tree: dict[str, Any], heading: str = "") -> Iterator[str]:
    """The tree with a table where it can be one, an array of tables where it can be one."""
    later: list[tuple[str, str, dict[str, Any]]] = []
    for key, value in tree.items():
        name = f"{heading}.{quoted(key)}" if heading else quoted(key)
        if isinstance(value, dict):
            later.append((f"[{name}]", name, value))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            later.extend((f"[[{name}]]", name, item) for item in value)
        else:
            yield f"{quoted(key)} = {inline(value)}"
    for header, name, table in later:
        yield header
        yield from document(table, name)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_any_document(tree: dict[str, Any]) -> None:
    rows = list(document(tree))
    text = "\n".join(rows)
    assert tomllib.loads(text) == tree
    lines = scan(text)
    assert set(leaves(tree)) == lines.paths()
    for path in leaves(tree):
        # Of an element of a list, the list's key stands there.
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        assert quoted(key) in rows[lines.of(path) - 1]
