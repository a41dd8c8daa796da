"""The walk over data sets: any encoding, any windows, any damage."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from causeway.errors import BadDataSet
from causeway.pipeline.elements import KEPT_BYTES, Dialect, Walk, dialect_of
from causeway.pipeline.header import Structure, Tag, check, read_header
from causeway.values import Caller, Receipt

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
SYNTAXES = st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED])

UNDEFINED = 0xFFFFFFFF
WANTED = tuple(int(tag) for tag in Tag)
SHORT = (b"LO", b"UI", b"US", b"DS", b"SH")
LONG = (b"OB", b"UT", b"UN", b"OW")

# A model of a data set: (tag, VR, value), where the value of SQ is a list of data sets.
Element = tuple[int, bytes, bytes | list["Element"], bool]

private = (
    st.integers(0x0009, 0x0031)
    .filter(lambda g: g % 2)
    .flatmap(lambda group: st.integers(0x1000, 0x10FF).map(lambda element: group << 16 | element))
)
tags = st.sampled_from(WANTED) | private | st.sampled_from([0x00080000, 0x00081140, 0x00280010])
leaves = st.tuples(tags, st.sampled_from(SHORT + LONG), st.binary(max_size=40), st.booleans())


def with_sequences(inner: st.SearchStrategy[Element]) -> st.SearchStrategy[Element]:
    return st.tuples(
        tags, st.just(b"SQ"), st.lists(st.lists(inner, max_size=3), max_size=3), st.booleans()
    )  # type: ignore[return-value]


elements = st.recursive(leaves, with_sequences, max_leaves=12)
data_sets = st.lists(elements, max_size=20, unique_by=lambda element: element[0])


def encode(data_set: list[Element], dialect: Dialect) -> bytes:
    order = "<" if dialect.little else ">"
    out = []
    for tag, vr, value, undefined in data_set:
        if vr == b"SQ":
            body = b"".join(encode_item(item, dialect, undefined) for item in value)
            if undefined:
                body += struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
        else:
            body = bytes(value)  # type: ignore[arg-type]
        length = UNDEFINED if vr == b"SQ" and undefined else len(body)
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if dialect.implicit:
            head += struct.pack(order + "I", length)
        elif vr in SHORT:
            head += vr + struct.pack(order + "H", length)
        else:
            head += vr + struct.pack(order + "HI", 0, length)
        out.append(head + body)
    return b"".join(out)


def encode_item(item: list[Element], dialect: Dialect, undefined: bool) -> bytes:
    order = "<" if dialect.little else ">"
    body = encode(item, dialect)
    if not undefined:
        return struct.pack(order + "HHI", 0xFFFE, 0xE000, len(body)) + body
    end = struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack(order + "HHI", 0xFFFE, 0xE000, UNDEFINED) + body + end


def wire(data_set: list[Element], syntax: str) -> bytes:
    data = encode(data_set, dialect_of(syntax))
    if syntax == DEFLATED:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflater.compress(data) + deflater.flush()
    return data


def top_level(data_set: list[Element]) -> dict[int, bytes]:
    """What must be found: the wanted tags that stand at the top, and are no sequences."""
    return {
        tag: bytes(value)  # type: ignore[arg-type]
        for tag, vr, value, _ in data_set
        if tag in WANTED and vr != b"SQ"
    }


def walked(data: bytes, dialect: Dialect, size_of_window: Callable[[], int]) -> Walk:
    walk = Walk(dialect, WANTED)
    offset, least = 0, 0
    while True:
        size = max(size_of_window(), least)
        window = data[offset : offset + size]
        need = walk.feed(window, offset, last=offset + len(window) == len(data))
        if need is None:
            return walk
        # A window too small for one element does not move it; the next must be larger.
        least = 2 * size if need.offset == offset else 0
        offset = min(need.offset, len(data))


@given(data_sets, st.sampled_from([IMPLICIT, EXPLICIT, BIG]), st.data())
def test_windows_do_not_matter(data_set: list[Element], syntax: str, some: st.DataObject) -> None:
    dialect = dialect_of(syntax)
    data = encode(data_set, dialect)
    if dialect.implicit and data[4:6] in (*SHORT, *LONG, b"SQ"):
        return  # a length that looks like a VR; refused on purpose
    walk = walked(data, dialect, lambda: some.draw(st.integers(1, 64)))
    assert walk.whole
    expected = {t: v for t, v in top_level(data_set).items() if not sequence_at(data_set, t)}
    assert {t: v for t, v in walk.found.items() if t in expected} == expected


def sequence_at(data_set: list[Element], tag: int) -> bool:
    return any(t == tag and vr == b"SQ" for t, vr, _, _ in data_set)


def refusal(data: bytes, syntax: str, structure: Structure = Structure.WHOLE) -> str:
    """Why it is refused; empty if it is not. Any other exception is a failure of the test."""
    try:
        header = read_header(lambda o, n: data[o : o + n], len(data), syntax, structure)
        check(header, RECEIPT)
    except BadDataSet as error:
        return "caused" if error.__cause__ else error.message
    return ""


@given(data_sets, SYNTAXES)
def test_every_encoding_is_walked_to_its_end(data_set: list[Element], syntax: str) -> None:
    why = refusal(wire(data_set, syntax), syntax)
    walked_to_its_end = re.search(r"missing|no UID|a UID at most|is not the SOP|^$", why)
    assert walked_to_its_end or "agreed on" in why, why


@given(
    data_sets, SYNTAXES, st.binary(max_size=12), st.integers(0, 10_000), st.integers(0, 20),
    st.sampled_from(Structure),
)  # fmt: skip
@example([], EXPLICIT, b"", 0, 0, Structure.WHOLE)
def test_damage_gives_only_our_error(
    data_set: list[Element], syntax: str, patch: bytes, at: int, cut: int, structure: Structure
) -> None:
    data = bytearray(wire(data_set, syntax))
    position = at % (len(data) + 1)
    data[position : position + cut] = patch
    why = refusal(bytes(data), syntax, structure)
    assert why != "caused"
    assert len(why) < 200


@given(st.binary(max_size=400), SYNTAXES)
def test_garbage_gives_only_our_error(data: bytes, syntax: str) -> None:
    assert refusal(data, syntax) != ""


@given(st.integers(0, 3 * KEPT_BYTES), st.sampled_from([EXPLICIT, BIG]))
def test_of_a_wanted_value_a_bounded_part_is_kept(size: int, syntax: str) -> None:
    dialect = dialect_of(syntax)
    value = bytes(n % 251 for n in range(size))
    data = encode([(int(Tag.PATIENT_NAME), b"UT", value, False)], dialect)
    walk = walked(data, dialect, lambda: 1000)
    assert walk.found == {Tag.PATIENT_NAME: value[:KEPT_BYTES]}


RECEIPT = Receipt(
    caller=Caller(source="s", calling_ae="A", called_ae="B", address="127.0.0.1", association="a"),
    sop_class_uid="1.2", sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT, received_at=0.0,
)  # fmt: skip
