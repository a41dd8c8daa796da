"""Editing in place: what does not fit, what never ends, what is not what was announced."""

from __future__ import annotations

import struct

import pytest
from deid_cases import CONTENT, ITEM_END, NAME, SYNTAXES, doubt, edited, items
from deid_parts import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    INSTANCE,
    SUBJECT,
    UNDEFINED,
    E,
    Object,
    Write,
    cleaned,
    plan,
    rule,
    source_of,
    types,
)

from causeway.deidentify.edit.clean import Source, clean
from causeway.deidentify.errors import Doubt


@pytest.mark.parametrize(
    "data",
    [
        E.element(NAME, "PN", "DOE", 200),
        E.element(0x00080060, "CS", "CT", 200),
        E.element(0x7FE00010, "OW", b"ab", 1 << 31),
        E.element(NAME, "PN", "DOE^JOHN")[:-3],
        E.element(NAME, "PN", "DOE^JOHN") + b"\0",
        E.element(NAME, "PN", "DOE^JOHN") + b"\0\0\0\0\0\0",
        E.sequence(CONTENT, E.item(E.element(NAME, "PN", "DOE", 200))),
        E.sequence(CONTENT, E.item(E.element(0x00080060, "CS", "CT", 200))),
        E.sequence(CONTENT, E.item(b"")[:-4] + b"\xff\0\0\0"),
        E.sequence(CONTENT, E.element(NAME, "PN", "DOE^JOHN")),
        E.sequence(CONTENT, E.item(E.element(NAME, "PN", "A"), undefined=True)[:-8]),
        E.sequence(CONTENT, E.item(b""), undefined=True)[:-8],
        E.sequence(CONTENT, E.item(b""), undefined=True)[:-4] + b"JOHN",
        E.sequence(CONTENT, E.item(undefined=True)[:-4] + b"JOHN"),
        E.element(0x00100000, "UL", bytes(4), 400),
        ITEM_END,
        struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
    ],
)
def test_bounds_that_do_not_fit_are_doubt(data: bytes) -> None:
    assert doubt(data) == "structure"


def nested(write: Write, depth: int, undefined: bool) -> bytes:
    data = write.element(NAME, "PN", "DOE^JOHN")
    for _ in range(depth):
        data = write.sequence(CONTENT, write.item(data, undefined=undefined), undefined=undefined)
    return data


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_sequences_nest_only_so_deep(syntax: str, undefined: bool) -> None:
    write = SYNTAXES[syntax]
    data = write.head() + nested(write, 60, undefined)
    assert b"DOE" not in cleaned(data, plan(), syntax)[0]
    for depth in (65, 2000):
        data = write.head() + nested(write, depth, undefined)
        assert doubt(data, syntax=syntax, head=False) == "depth"


def test_many_small_and_large_elements_over_blocks() -> None:
    """Elements end anywhere in a block, and sequences begin anywhere."""
    parts = []
    for n in range(150):
        parts += [
            E.element(0x00091000 + n, "OB", bytes(977 * (n % 7))),
            E.element(0x00111000 + n, "UT", b"x" * 1999),
        ]
    parts.sort(key=lambda part: struct.unpack("<HH", part[:4]))
    sequence = E.sequence(
        0x52009230,
        *(E.item(E.element(NAME, "PN", "DOE^JOHN"), undefined=n % 2 == 0) for n in range(9000)),
        undefined=True,
    )
    kept = E.element(0x00204000, "LT", b"c" * 60_000)
    made = edited(E, *parts, kept, sequence, E.element(0x7FE00010, "OW", bytes(70_000)))
    assert made[0x00204000].value == b"c" * 60_000
    assert len(made[0x7FE00010].value) == 70_000
    found = items(made[0x52009230])
    assert len(found) == 9000
    assert all(item[NAME].value == b"" for item in found)


class Counting:
    """A source that is never held, and says how much of it was read."""

    def __init__(self, start: bytes, size: int, end: bytes) -> None:
        self.start, self.end = start, end
        self.size = len(start) + size + len(end)
        self.read = 0

    def fetch(self, offset: int, size: int) -> bytes:
        size = min(size, self.size - offset)
        self.read += size
        tail = self.size - len(self.end)
        if offset + size <= len(self.start):
            return self.start[offset : offset + size]
        if offset >= tail:
            return self.end[offset - tail : offset - tail + size]
        head = self.start[offset : offset + size]
        return (head + bytes(size - len(head)))[:size]


def big(source: Counting) -> Source:
    return Source(
        fetch=source.fetch,
        size=source.size,
        sop_class_uid=CT,
        sop_instance_uid=INSTANCE,
        transfer_syntax_uid=EXPLICIT,
    )


def test_pixels_of_two_gigabytes_are_never_read() -> None:
    size = (1 << 31) - 2
    head = E.head() + E.element(NAME, "PN", "DOE^JOHN") + E.element(0x7FE00010, "OW", b"", size)
    source = Counting(head, size, E.element(0xFFFCFFFC, "OB", b"DOE"))
    found = clean(big(source), plan=plan(), subject=SUBJECT, types=types)
    assert source.read < 200_000
    assert found.size > size
    first = next(iter(found.pieces()))
    assert b"DOE" not in first


def test_a_long_sequence_is_read_about_once() -> None:
    frame = E.item(*(E.element(0x00189074, "DT", "20200101120000.000000") for _ in range(3)))
    for undefined in (False, True):
        data = E.head() + E.sequence(0x52009230, *([frame] * 40_000), undefined=undefined)
        source = Counting(data, 0, b"")
        clean(big(source), plan=plan({0x00189074: rule("X")}), subject=SUBJECT, types=types)
        assert source.read < 2.2 * len(data)


def test_an_undefined_item_that_never_ends_is_not_read_over_and_over() -> None:
    element = E.element(0x00080060, "CS", "CT")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + element * 100_000
    data = E.head() + E.element(CONTENT, "SQ", item, UNDEFINED)
    source = Counting(data, 0, b"")
    with pytest.raises(Doubt):
        clean(big(source), plan=plan(), subject=SUBJECT, types=types)
    assert source.read < 5 * len(data)


def test_what_the_source_raises_is_raised() -> None:
    def fetch(offset: int, size: int) -> bytes:
        raise OSError("the disk is gone")

    broken = Source(
        fetch=fetch,
        size=1000,
        sop_class_uid=CT,
        sop_instance_uid=INSTANCE,
        transfer_syntax_uid=EXPLICIT,
    )
    with pytest.raises(OSError, match="the disk"):
        clean(broken, plan=plan(), subject=SUBJECT, types=types)


def test_a_source_that_is_shorter_than_it_says_is_doubt() -> None:
    data = E.head()
    made = Object(__file__, data, CT, INSTANCE, EXPLICIT)  # type: ignore[arg-type]
    longer = Source(
        fetch=source_of(made).fetch,
        size=len(data) + 100,
        sop_class_uid=CT,
        sop_instance_uid=INSTANCE,
        transfer_syntax_uid=EXPLICIT,
    )
    with pytest.raises(Doubt):
        clean(longer, plan=plan(), subject=SUBJECT, types=types)


def test_another_class_than_was_announced_is_doubt() -> None:
    other = E.element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7")
    data = other + E.element(0x00080018, "UI", INSTANCE)
    assert doubt(data, head=False) == "announced"
    assert doubt(E.element(0x00080016, "UI", CT), head=False) == "announced"


def test_the_uid_of_the_data_set_counts() -> None:
    data = E.element(0x00080016, "UI", CT) + E.element(0x00080018, "UI", "1.2.3")
    _, found = cleaned(data, plan())
    assert found.sop_instance_uid == SUBJECT.uid("1.2.3")
    assert found.uids == {"1.2.3": SUBJECT.uid("1.2.3")}


def test_a_directory_is_doubt() -> None:
    data = Source(
        fetch=lambda offset, size: b"",
        size=0,
        sop_class_uid="1.2.840.10008.1.3.10",
        sop_instance_uid="1.2",
        transfer_syntax_uid=EXPLICIT,
    )
    with pytest.raises(Doubt, match="directory"):
        clean(data, plan=plan(), subject=SUBJECT, types=types)


B = SYNTAXES[BIG]


@pytest.mark.parametrize(
    "data",
    [
        B.element(NAME, "PN", "DOE", 200),
        B.element(0x7FE00010, "OW", b"ab", 1 << 31),
        B.element(NAME, "PN", "DOE^JOHN")[:-3],
        B.element(NAME, "PN", "DOE^JOHN") + bytes(5),
        B.sequence(CONTENT, B.item(B.element(NAME, "PN", "DOE", 200))),
        B.sequence(CONTENT, B.item(B.element(NAME, "PN", "DOE") + b"\0\x10")),
        B.sequence(CONTENT, B.item(b"")[:-4] + b"\0\0\0\xff"),
        B.sequence(CONTENT, B.element(NAME, "PN", "DOE^JOHN")),
        B.sequence(CONTENT, B.item(B.element(NAME, "PN", "A"), undefined=True)[:-8]),
        B.sequence(CONTENT, B.item(b""), undefined=True)[:-8],
        B.sequence(CONTENT, B.item(b""), undefined=True)[:-4] + b"JOHN",
        B.sequence(CONTENT, B.item(undefined=True)[:-4] + b"JOHN"),
        B.sequence(CONTENT, B.item(b""), vr="UN"),
        B.element(0x7FE00010, "OB", B.item(b"ab"), UNDEFINED),
        struct.pack(">HHI", 0xFFFE, 0xE00D, 0),
    ],
)
def test_bounds_that_do_not_fit_are_doubt_in_big_endian(data: bytes) -> None:
    assert doubt(B.head() + data, syntax=BIG, head=False) == "structure"
