"""Snapshots of generated data sets: any encoding, any nesting, private blocks, UN, any damage."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.attributes import Attributes
from causeway.errors import BadDataSet
from causeway.pipeline.elements import IMPLICIT_LITTLE, Dialect, dialect_of
from causeway.pipeline.header import Structure, read
from causeway.pipeline.snapshot import TOTAL_LIMIT, attributes_of

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
SYNTAXES = st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED])
UNDEFINED = 0xFFFFFFFF
LONG = ("OB", "OW", "UN", "UT", "UC", "SQ")

SERIES, INSTANCE = 0x0020000E, 0x00081155

PUBLIC = {
    0x00080060: "CS", 0x00081030: "LO", 0x00080090: "PN", 0x00100020: "LO", 0x00104000: "LT",
    0x00180050: "DS", 0x00200011: "IS", 0x00324000: "LT", 0x00280010: "US", 0x00189087: "FD",
    0x0020000E: "UI", 0x00081155: "UI", 0x00282000: "OB", 0x00081140: "SQ", 0x00400275: "SQ",
    0x00081115: "SQ",
}  # fmt: skip
FORMS = {"US": "H", "FD": "d"}

plain = st.text("ABCxyz019 ^=.,-:/", max_size=20)
uids = st.lists(st.integers(0, 9), min_size=1, max_size=5).map(lambda n: ".".join(map(str, n)))
private_tags = st.builds(
    lambda group, element: (2 * group + 1) << 16 | element,
    st.integers(4, 0x28),
    st.integers(0x1000, 0x10FF),
)


@dataclass(frozen=True)
class Element:
    tag: int
    vr: str
    value: bytes | float | list[list[Element]] | tuple[str, ...]
    undefined: bool = False
    as_unknown: bool = False
    """Written as UN where the VR is written."""


def texts(vr: str) -> st.SearchStrategy[tuple[str, ...]]:
    if vr == "UI":
        return uids.map(lambda uid: (uid,))
    return st.lists(plain, max_size=1 if vr in ("LT", "UT") else 3).map(tuple)


def element(
    tag: int, vr: str, inner: st.SearchStrategy[Element] | None
) -> st.SearchStrategy[Element]:
    value: st.SearchStrategy[object]
    if vr == "SQ":
        items = (
            st.lists(inner, max_size=3, unique_by=lambda each: each.tag)
            if inner is not None
            else st.just([])
        )
        value = st.lists(items, max_size=3)
    elif vr == "US":
        value = st.integers(0, 65535)
    elif vr == "FD":
        value = st.floats(allow_nan=False, allow_infinity=False)
    elif vr in ("OB", "OW", "UN"):
        value = st.binary(max_size=30) | st.sampled_from([bytes(20_000), bytes(70_000)])
    else:
        value = texts(vr)
    return st.builds(Element, st.just(tag), st.just(vr), value, st.booleans(), st.booleans())


def elements(inner: st.SearchStrategy[Element] | None) -> st.SearchStrategy[Element]:
    public = st.sampled_from(sorted(PUBLIC)).flatmap(lambda tag: element(tag, PUBLIC[tag], inner))
    vrs = st.sampled_from(["LO", "DS", "UI", "UT", "OB", "UN", "US", "FD", "SQ"])
    private = st.tuples(private_tags, vrs).flatmap(lambda pair: element(*pair, inner))
    return public | private


nested = elements(elements(elements(None)))
data_sets = st.lists(nested, max_size=12, unique_by=lambda each: each.tag)


def raw_of(value: object, vr: str, little: bool) -> bytes:
    if isinstance(value, tuple):
        raw = "\\".join(value).encode()
        return raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)
    if isinstance(value, bytes):
        return value
    return struct.pack(("<" if little else ">") + FORMS[vr], value)


def encoded(data_set: list[Element], dialect: Dialect) -> bytes:
    return b"".join(written(each, dialect) for each in data_set)


def written(each: Element, dialect: Dialect) -> bytes:
    order = "<" if dialect.little else ">"
    vr = each.vr
    unknown = each.as_unknown and not dialect.implicit
    inner = IMPLICIT_LITTLE if unknown else dialect
    undefined = vr == "SQ" and each.undefined
    if vr == "SQ":
        assert isinstance(each.value, list)
        body = b"".join(item(one, inner, undefined=undefined) for one in each.value)
        if undefined:
            body += struct.pack(("<" if inner.little else ">") + "HHI", 0xFFFE, 0xE0DD, 0)
    else:
        body = raw_of(each.value, vr, inner.little)
    length = UNDEFINED if undefined else len(body)
    head = struct.pack(order + "HH", each.tag >> 16, each.tag & 0xFFFF)
    code = "UN" if unknown else vr
    if dialect.implicit:
        return head + struct.pack(order + "I", length) + body
    if code in LONG:
        return head + code.encode() + struct.pack(order + "HI", 0, length) + body
    return head + code.encode() + struct.pack(order + "H", length) + body


def item(data_set: list[Element], dialect: Dialect, *, undefined: bool) -> bytes:
    order = "<" if dialect.little else ">"
    body = encoded(data_set, dialect)
    if not undefined:
        return struct.pack(order + "HHI", 0xFFFE, 0xE000, len(body)) + body
    end = struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack(order + "HHI", 0xFFFE, 0xE000, UNDEFINED) + body + end


def wire(data_set: list[Element], syntax: str) -> bytes:
    data = encoded(data_set, dialect_of(syntax))
    if syntax == DEFLATED:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflater.compress(data) + deflater.flush()
    return data


def snapshot(data: bytes, syntax: str, structure: Structure = Structure.WHOLE) -> Attributes:
    return attributes_of(lambda at, size: data[at : at + size], len(data), syntax, structure)


def expected_of(each: Element, *, vr_written: bool) -> tuple[str, ...] | None:
    """Its values; None if it must not be in the snapshot."""
    if each.vr in ("SQ", "OB", "OW"):
        return None
    if isinstance(each.value, tuple):
        joined = "\\".join(each.value)
        if each.vr in ("LT", "UT"):
            found: tuple[str, ...] = (joined.strip(" "),)
        else:
            found = tuple(part.strip(" ") for part in joined.split("\\"))
        return () if found == ("",) else found
    if isinstance(each.value, bytes):
        return None
    return (repr(each.value).removesuffix(".0"),) if vr_written else None


def inside(data_set: list[Element], tag: int, *, depth: int = 0) -> Iterator[str]:
    for each in data_set:
        if isinstance(each.value, list):
            for one in each.value:
                yield from inside(one, tag, depth=depth + 1)
        elif each.tag == tag and depth and isinstance(each.value, tuple):
            yield "\\".join(each.value)


@given(data_sets, SYNTAXES)
@settings(max_examples=400)
def test_all_that_stands_at_the_top_is_found(data_set: list[Element], syntax: str) -> None:
    found = snapshot(wire(data_set, syntax), syntax)
    for each in data_set:
        private = each.tag >> 16 & 1
        vr_written = not private or not (syntax == IMPLICIT or each.as_unknown)
        expected = expected_of(each, vr_written=vr_written)
        got = found.values.get(each.tag)
        if private and (not vr_written or each.vr == "UN"):
            # What looks like text is taken for it; a backslash may then separate values.
            if isinstance(each.value, tuple) and expected and vr_written is False:
                joined = "\\".join(each.value).strip(" ")
                assert not joined or "\\".join(got or ()).replace(" ", "") == joined.replace(
                    " ", ""
                )
            continue
        assert got == expected, (each, got, expected)
    assert set(found.values) <= {each.tag for each in data_set}
    own = {"\\".join(e.value) for e in data_set if e.tag == SERIES and isinstance(e.value, tuple)}
    assert found.referenced_series == set(inside(data_set, SERIES)) - own
    assert found.referenced_instances == set(inside(data_set, INSTANCE))
    assert Attributes.from_json(found.to_json()) == found


@given(
    data_sets, SYNTAXES, st.binary(max_size=12), st.integers(0, 100_000), st.integers(0, 20),
    st.sampled_from(Structure),
)  # fmt: skip
@settings(max_examples=400)
def test_damage_gives_only_our_error(
    data_set: list[Element], syntax: str, patch: bytes, at: int, cut: int, structure: Structure
) -> None:
    data = bytearray(wire(data_set, syntax))
    position = at % (len(data) + 1)
    data[position : position + cut] = patch
    damaged = bytes(data)
    try:
        read(lambda o, n: damaged[o : o + n], len(damaged), syntax, structure)
    except BadDataSet:
        with contextlib.suppress(BadDataSet):
            snapshot(damaged, syntax, structure)
        return
    # What indexing files must not fail to have a snapshot.
    found = snapshot(damaged, syntax, structure)
    assert Attributes.from_json(found.to_json()) == found


@given(st.binary(max_size=400), SYNTAXES)
def test_garbage_gives_only_our_error(data: bytes, syntax: str) -> None:
    with contextlib.suppress(BadDataSet):
        assert len(snapshot(data, syntax).to_json()) < 4 * TOTAL_LIMIT


@given(st.binary(max_size=60), st.sampled_from(["ISO_IR 100", "ISO_IR 192", "GB18030", "GBK",
       "ISO 2022 IR 87", "ISO 2022 IR 149", "\\ISO 2022 IR 58", "nonsense", ""]),
       st.sampled_from([0x00100010, 0x00104000, 0x00081030]))  # fmt: skip
def test_any_bytes_become_text_that_a_ledger_takes(raw: bytes, charset: str, tag: int) -> None:
    data = encoded(
        [Element(0x00080005, "CS", (charset,)), Element(0x00020010, "UI", ("1.2",))],
        IMPLICIT_LITTLE,
    )
    data += struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(raw)) + raw
    for value in snapshot(data, IMPLICIT).values.get(tag, ()):
        value.encode()
        assert "\0" not in value
        assert len(value) <= 1024
