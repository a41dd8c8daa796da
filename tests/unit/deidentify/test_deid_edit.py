"""Editing in place: each rule, each way of writing, each place where something can hide."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from deid_parts import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    IMPLICITLY,
    INSTANCE,
    JPEG,
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
from causeway.deidentify.edit.reading import Element, read_items, read_level
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Plan, Rule, Temporal

NAME, ID, BIRTH = 0x00100010, 0x00100020, 0x00100030
COMMENT, SERIES, CONTENT = 0x00204000, 0x0008103E, 0x00081140
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)

SYNTAXES = {
    EXPLICIT: Write(),
    IMPLICIT: Write(implicit=True),
    BIG: Write(little=False),
    DEFLATED: Write(),
}


def edited(
    write: Write, *elements: bytes, by: Plan | None = None, syntax: str = EXPLICIT
) -> dict[int, Element]:
    """The data set that comes of ``elements`` behind a head."""
    data = write.head() + b"".join(elements)
    if syntax == DEFLATED:
        data = deflated(data)
    made = cleaned(data, by or plan(), syntax)[0]
    if syntax == DEFLATED:
        made = zlib.decompress(made, -zlib.MAX_WBITS)
    found = read_level(made, implicit=write.implicit, little=write.little)
    tags = [each.tag for each in found]
    assert tags == sorted(tags)
    return {each.tag: each for each in found}


def items(element: Element, write: Write = E) -> list[dict[int, Element]]:
    found = element.items
    if found is None:
        found = read_items(element.value, implicit=write.implicit, little=write.little)
    return [{each.tag: each for each in item} for item in found]


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)


def doubt(data: bytes, by: Plan | None = None, syntax: str = EXPLICIT, *, head: bool = True) -> str:
    """The code of the doubt that an object meets."""
    with pytest.raises(Doubt) as caught:
        cleaned(E.head() + data if head else data, by or plan(), syntax)
    assert caught.value.code != "unforeseen", caught.value
    return caught.value.code


# --- transfer syntaxes ----------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_rules_are_applied_at_every_depth_in_each_transfer_syntax(syntax: str) -> None:
    write = SYNTAXES[syntax]
    rules = {NAME: rule("Z"), COMMENT: rule("X"), SERIES: rule("D"), 0x00081155: rule("U")}
    inner = (
        write.element(0x00081155, "UI", "1.2.3.4"),
        write.element(NAME, "PN", "DOE^JOHN"),
        write.element(COMMENT, "LT", "a secret"),
    )
    deep = write.sequence(CONTENT, write.item(*inner), undefined=True)
    made = edited(
        write,
        write.element(SERIES, "LO", "Knee of DOE"),
        write.sequence(CONTENT, write.item(deep), write.item(*inner, undefined=True)),
        write.element(NAME, "PN", "DOE^JOHN"),
        write.element(COMMENT, "LT", "another"),
        by=plan(rules),
        syntax=syntax,
    )
    assert made[SERIES].value == b"REMOVED "
    assert made[NAME].value == b""
    assert COMMENT not in made
    first, second = items(made[CONTENT], write)
    (third,) = items(first[CONTENT], write)
    for item in (second, third):
        assert item[0x00081155].value.rstrip(b"\0").decode() == SUBJECT.uid("1.2.3.4")
        assert item[NAME].value == b""
        assert COMMENT not in item


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_no_rule_touches_stays_byte_for_byte(syntax: str) -> None:
    write = SYNTAXES[syntax]
    kept = (
        write.element(0x00080060, "CS", "CT"),
        write.element(0x00180050, "DS", " 1.50 "),
        write.element(0x00280010, "US", b"\1\2"),
        write.element(0x7FE00010, "OW", bytes(range(256)) * 4),
    )
    made = edited(write, *kept, syntax=syntax)
    for element in read_level(b"".join(kept), implicit=write.implicit, little=write.little):
        assert made[element.tag].value == element.value


def test_the_same_bytes_come_out_however_often() -> None:
    data = E.head() + E.element(NAME, "PN", "A") + E.element(ID, "LO", "7")
    by = plan()
    assert cleaned(data, by)[0] == cleaned(data, by)[0]


def test_deflated_data_that_cannot_be_inflated_are_doubt() -> None:
    assert doubt(b"\xff" * 8, syntax=DEFLATED, head=False) == "structure"
    cut = deflated(E.head() + E.element(NAME, "PN", "A"))[:-6]
    assert doubt(cut, syntax=DEFLATED, head=False) == "size"


def test_a_deflated_bomb_is_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway.deidentify.edit.clean.INFLATED_LIMIT", 10_000)
    bomb = deflated(E.head() + E.element(0x7FE00010, "OW", bytes(100_000)))
    assert doubt(bomb, syntax=DEFLATED, head=False) == "size"


def test_a_big_endian_object_that_does_not_fit_in_memory_is_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("causeway.deidentify.edit.clean.SIZE_LIMIT", 100)
    write = SYNTAXES[BIG]
    data = write.head() + write.element(0x7FE00010, "OW", bytes(1000))
    assert doubt(data, syntax=BIG, head=False) == "size"


# --- what is written in unusual ways --------------------------------------------------------------


def test_lengths_of_groups_and_what_belongs_to_files_go() -> None:
    made = edited(
        E,
        E.element(0x00100000, "UL", bytes(4)),
        E.element(NAME, "PN", "A"),
    )
    assert 0x00100000 not in made
    data = E.element(0x00020016, "AE", "SOURCE") + E.element(0x00080001, "UL", bytes(4)) + E.head()
    made_bytes = cleaned(data, plan())[0]
    assert b"SOURCE" not in made_bytes
    assert read_level(made_bytes, implicit=False)[0].tag == 0x00080005


def test_known_tags_under_vr_un_are_edited_by_what_they_are() -> None:
    rules = {COMMENT: rule("X"), BIRTH: rule("shift")}
    made = edited(
        E,
        E.element(NAME, "UN", "DOE^JOHN"),
        E.element(BIRTH, "UN", "19700101"),
        E.element(COMMENT, "UN", "a secret"),
        by=plan(rules),
    )
    assert made[NAME].value == b""
    assert made[BIRTH].value.decode() == SUBJECT.date("19700101")
    assert COMMENT not in made


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("inner", [IMPLICITLY, E])
def test_sequences_under_vr_un_are_entered(undefined: bool, inner: Write) -> None:
    item = inner.item(inner.element(NAME, "PN", "DOE^JOHN"), inner.element(0x00080060, "CS", "CT"))
    made = edited(E, E.sequence(CONTENT, item, undefined=undefined, vr="UN"))
    (first,) = (
        [{each.tag: each for each in found} for found in made[CONTENT].items]
        if made[CONTENT].items is not None
        else items(made[CONTENT], inner)
    )
    assert first[NAME].value == b""
    assert first[0x00080060].value == b"CT"


def test_a_sequence_under_un_that_can_be_read_both_ways_is_doubt() -> None:
    # Explicit: PN of 26 bytes. Implicit: one value, as long as "PN" and 26 make together.
    length = int.from_bytes(b"PN\x1a\0", "little")
    value = E.element(NAME, "PN", "A" * 26) + E.element(0x00204000, "UT", bytes(length - 26 - 12))
    assert doubt(E.sequence(CONTENT, E.item(value), vr="UN")) == "structure"


def test_unknown_sequences_that_stay_are_entered() -> None:
    inner = IMPLICITLY.item(IMPLICITLY.element(NAME, "PN", "DOE^JOHN"))
    by = plan(unknown=rule("K"), other_private=rule("K"))
    made, _ = cleaned(
        E.head()
        + E.element(0x00090010, "LO", "SOMEBODY")
        + E.element(0x00091001, "UN", inner)
        + E.element(0x0010FFF0, "UN", inner)
        + E.element(0x0010FFF2, "UN", b"\xfe\xff\x00\xe0 no items"),
        plan(unknown=rule("X"), other_private=rule("K")),
    )
    assert b"DOE" not in made
    assert b"SOMEBODY" in made
    made, _ = cleaned(E.head() + E.element(0x0010FFF0, "UN", inner), by)
    assert b"DOE" not in made
    assert doubt(E.element(0x0010FFF2, "UN", b"\xfe\xff\x00\xe0 no items "), by) == "structure"


def test_a_sequence_under_the_vr_of_a_value_is_doubt() -> None:
    hidden = E.item(E.element(NAME, "PN", "DOE^JOHN"))
    assert doubt(E.element(CONTENT, "OB", hidden)) == "vr"


def test_private_sequences_of_undefined_length_are_stepped_over() -> None:
    inner = IMPLICITLY.item(IMPLICITLY.element(NAME, "PN", "DOE^JOHN"), undefined=True)
    data = E.sequence(0x00091001, inner, undefined=True, vr="UN") + E.element(0x00100040, "CS", "O")
    made = edited(E, data)
    assert 0x00091001 not in made
    assert 0x00100040 in made


def test_implicit_elements_among_explicit_ones_are_edited() -> None:
    made = edited(E, IMPLICITLY.element(NAME, "PN", "DOE^JOHN"), E.element(0x00100040, "CS", "O"))
    assert made[NAME].value == b""
    assert made[0x00100040].value == b"O "


def test_elements_out_of_order_are_put_in_order() -> None:
    made = edited(E, E.element(0x00200010, "SH", "7"), E.element(NAME, "PN", "DOE^JOHN"))
    assert made[NAME].value == b""


@pytest.mark.parametrize("between", [b"", E.element(0x00100040, "CS", "O")])
def test_elements_that_come_twice_are_doubt(between: bytes) -> None:
    name = E.element(NAME, "PN", "DOE^JOHN")
    assert doubt(name + between + name) == "structure"


def test_a_vr_that_is_none_is_doubt() -> None:
    assert doubt(E.element(0x00100040, "ZZ", "O")) == "vr"


def test_repeating_groups_are_found_by_mask() -> None:
    masks = ((0xFF00FFFF, 0x60003000, rule("X")), (0xFF000000, 0x50000000, rule("X")))
    made = edited(
        E,
        E.element(0x50020010, "US", b"\1\0"),
        E.element(0x60020010, "US", b"\1\0"),
        E.element(0x60023000, "OW", b"burnt in"),
        E.element(0x60FE3000, "OW", b"burnt in"),
        by=plan(by_mask=masks),
    )
    assert set(made) & {0x50020010, 0x60020010, 0x60023000, 0x60FE3000} == {0x60020010}


def test_standard_attributes_that_nobody_knows_go() -> None:
    assert 0x0010FFF0 not in edited(E, E.element(0x0010FFF0, "LO", "a secret"))


# --- behind the pixels ----------------------------------------------------------------------------


def test_padding_and_whatever_is_behind_it_goes() -> None:
    pixels = E.element(0x7FE00010, "OW", bytes(100))
    padding = E.element(0xFFFCFFFC, "OB", b"DOE^JOHN") + b"JUNK OF DOE^JOHN"
    made, _ = cleaned(E.head() + pixels + padding, plan())
    assert b"DOE" not in made
    assert made.endswith(pixels)


def test_elements_behind_the_pixels_are_edited() -> None:
    made = edited(
        E,
        E.element(0x7FE00010, "OW", bytes(100_000)),
        E.element(0x7FE10010, "LO", "SOMEBODY"),
        E.sequence(0xFFFAFFFA, E.item(E.element(NAME, "PN", "DOE^JOHN"))),
    )
    assert 0x7FE10010 not in made
    assert items(made[0xFFFAFFFA])[0][NAME].value == b""


def encapsulated(*fragments: bytes) -> bytes:
    body = b"".join(E.item(each) for each in fragments)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return E.element(0x7FE00010, "OB", body + end, UNDEFINED)


@pytest.mark.parametrize("size", [10, 100_000])
def test_encapsulated_pixels_stay(size: int) -> None:
    pixels = encapsulated(b"", b"\1\2" * size, b"\3\4" * size)
    made, _ = cleaned(E.head() + pixels + E.element(0xFFFCFFFC, "OB", b"DOE"), plan(), JPEG)
    assert made.endswith(pixels)


@pytest.mark.parametrize("cut", [1, 8, 12, 30])
def test_encapsulated_pixels_that_are_cut_short_are_doubt(cut: int) -> None:
    assert doubt(encapsulated(b"", b"\1\2" * 20)[:-cut], syntax=JPEG) == "structure"


def test_an_icon_in_fragments_stays_or_goes() -> None:
    icon = E.sequence(0x00880200, E.item(E.element(0x00280010, "US", b"\1\0"), encapsulated(b"ab")))
    assert 0x00880200 in edited(E, icon)
    without = edited(E, icon, by=plan(by_path={(0x00880200, 0x7FE00010): rule("X")}))
    assert set(items(without[0x00880200])[0]) == {0x00280010}
    assert 0x00880200 not in edited(E, icon, by=plan({0x00880200: rule("X")}))
    assert doubt(icon, plan(by_path={(0x00880200, 0x7FE00010): rule("D")})) == "rule"


def test_values_without_length_that_are_no_pixels_are_doubt() -> None:
    body = E.item(b"DOE^JOHN") + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    for tag, vr in ((0x00420011, "OB"), (COMMENT, "UT"), (NAME, "UN")):
        assert doubt(E.element(tag, vr, body, UNDEFINED)) == "structure"


# --- bounds ---------------------------------------------------------------------------------------


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


# --- what was announced ---------------------------------------------------------------------------


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


# --- paths, insertions, what is told --------------------------------------------------------------


def test_the_rule_of_a_path_comes_first() -> None:
    by = plan(
        by_path={
            (CONTENT, NAME): rule("K"),
            (0, COMMENT): rule("X"),
            (NAME,): rule("replace", value="NOBODY"),
        }
    )
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"), E.element(COMMENT, "LT", "a"))
    made = edited(
        E,
        E.sequence(CONTENT, inner),
        E.element(NAME, "PN", "DOE^JOHN"),
        E.element(COMMENT, "LT", "kept"),
        by=by,
    )
    (first,) = items(made[CONTENT])
    assert first[NAME].value == b"DOE^JOHN"
    assert COMMENT not in first
    assert made[NAME].value == b"NOBODY"
    assert made[COMMENT].value == b"kept"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("is_there", [False, True])
def test_what_is_missing_is_put_in_where_it_belongs(syntax: str, is_there: bool) -> None:
    write = SYNTAXES[syntax]
    by = plan(
        {
            COMMENT: rule("replace", value="for trial 7", inserts=True),
            0x00280010: rule("replace", value="7", inserts=True),
        },
        by_path={(CONTENT, 0x00081150): rule("replace", value="1.2.3", inserts=True)},
    )
    inner = [write.item(write.element(0x00080060, "CS", "CT")), write.item()]
    made = edited(
        write,
        write.sequence(CONTENT, *inner),
        write.element(0x00200010, "SH", "7"),
        *([write.element(COMMENT, "LT", "theirs")] if is_there else []),
        write.element(0x00280100, "US", b"\1\0"),
        by=by,
        syntax=syntax,
    )
    assert made[COMMENT].value == b"for trial 7 "
    assert made[0x00280010].value == struct.pack("<H" if write.little else ">H", 7)
    for item in items(made[CONTENT], write):
        assert item[0x00081150].value == b"1.2.3\0"


def test_counts_and_changes_tell_what_was_done() -> None:
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"))
    data = (
        E.head()
        + E.element(0x00090010, "LO", "SOMEBODY")
        + E.element(NAME, "PN", "ROE^JANE")
        + E.sequence(CONTENT_LATER, inner, inner)
    )
    by = plan()
    _, quiet = cleaned(data, by)
    _, traced = cleaned(data, by, with_changes=True)
    assert quiet.counts == traced.counts == {"U test": 1, "X test": 1, "Z test": 3}
    assert quiet.changes == ()
    assert [(path, each.action.value) for path, each in traced.changes] == [
        ((0x00080018,), "U"),
        ((0x00090010,), "X"),
        ((NAME,), "Z"),
        ((CONTENT_LATER, 0, NAME), "Z"),
        ((CONTENT_LATER, 1, NAME), "Z"),
    ]
    assert quiet.taken == {"DOE^JOHN", "ROE^JANE"}


CONTENT_LATER = 0x00400275


def test_names_in_sequences_that_go_are_taken() -> None:
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"), E.element(ID, "LO", "4711"))
    _, found = cleaned(
        E.head() + E.sequence(0x00101002, inner, undefined=True), plan({0x00101002: rule("X")})
    )
    assert {"DOE^JOHN", "4711"} <= found.taken
    assert found.counts == {"U test": 1, "X test": 1}


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_rules_that_cannot_be_done_to_sequences_are_doubt(syntax: str) -> None:
    write = SYNTAXES[syntax]
    data = write.head() + write.sequence(CONTENT, write.item(write.element(NAME, "PN", "A")))
    for action in ("pseudonym", "shift", "age", "edit", "replace"):
        by = plan({CONTENT: rule(action, value="x")})
        assert doubt(data, by, syntax, head=False) == "rule"
    for action in ("C", "X"):
        assert b"\x08\0\x40\x11" not in cleaned(data, plan({CONTENT: rule(action)}), syntax)[0]


def test_a_profile_that_removes_the_uid_is_doubt() -> None:
    assert doubt(b"", plan({0x00080018: rule("Z")})) == "rule"


def test_a_function_of_a_profile_may_fail() -> None:
    def fails(text: str) -> str:
        raise RuntimeError(text)

    by = plan({COMMENT: rule("edit", edit=fails)})
    with pytest.raises(Doubt) as caught:
        cleaned(E.head() + E.element(COMMENT, "LT", "DOE^JOHN"), by)
    assert "DOE" not in str(caught.value)


def test_no_doubt_names_a_value() -> None:
    seen: set[str] = set()
    for data in (
        E.element(CONTENT, "OB", E.item(E.element(NAME, "PN", "DOE^JOHN"))),
        E.element(0x00080005, "CS", "DOE^JOHN"),
        E.element(NAME, "PN", "DOE^JOHN") * 2,
    ):
        with pytest.raises(Doubt) as caught:
            cleaned(E.element(0x00080016, "UI", CT) + data, plan())
        seen.add(str(caught.value))
    assert not any("DOE" in each for each in seen)


# --- dummies for sequences ------------------------------------------------------------------------


def code(value: str, meaning: str) -> bytes:
    return E.item(
        E.element(0x00080100, "SH", value),
        E.element(0x00080102, "SH", "99ACME"),
        E.element(0x00080104, "LO", meaning),
    )


def test_a_sequence_that_is_a_dummy_keeps_its_form_and_nothing_of_its_text() -> None:
    persons = E.sequence(0x00401101, code("4711", "Dr. Roe"))
    concept = E.sequence(0x0040A043, code("111", "Finding"))
    text = E.item(
        E.element(0x0040A040, "CS", "TEXT"),
        concept,
        E.element(0x0040A120, "DT", "20200101"),
        E.element(0x0040A123, "PN", "ROE^JANE"),
        E.element(0x0040A160, "UT", "John Doe has it"),
        persons,
        E.element(0x0040A30A, "DS", "1.5 "),
    )
    made = edited(E, E.sequence(0x0040A730, text), by=plan({0x0040A730: rule("D")}))
    (item,) = items(made[0x0040A730])
    assert item[0x0040A160].value == item[0x0040A123].value == b"REMOVED "
    assert item[0x0040A120].value == b"19000101000000"
    assert item[0x0040A30A].value == b"1.5 "
    assert item[0x0040A040].value == b"TEXT"
    assert items(item[0x0040A043])[0][0x00080104].value == b"Finding "
    (person,) = items(item[0x00401101])
    assert person[0x00080100].value == person[0x00080104].value == b"REMOVED "


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_code_sequence_of_persons_is_a_dummy(syntax: str) -> None:
    by = plan({0x00081072: rule("D")})
    write = SYNTAXES[syntax]
    code = write.item(
        write.element(0x00080100, "SH", "4711"), write.element(0x00080104, "LO", "Dr. Roe")
    )
    person = write.item(write.sequence(0x00401101, code))
    made, _ = cleaned(write.head() + write.sequence(0x00081072, person), by, syntax)
    assert b"Roe" not in made
    assert b"4711" not in made


# --- markers --------------------------------------------------------------------------------------


def marks(made: dict[int, Element], write: Write = E) -> tuple[bytes, bytes, list[bytes], bytes]:
    codes = [each[0x00080100].value.strip() for each in items(made[0x00120064], write)]
    return made[0x00120062].value, made[0x00120063].value, codes, made[0x00280303].value


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_markers_are_put_where_they_belong(syntax: str) -> None:
    write = SYNTAXES[syntax]
    made = edited(
        write,
        write.element(NAME, "PN", "A"),
        write.element(0x00280010, "US", b"\1\0"),
        syntax=syntax,
    )
    yes, method, codes, temporal = marks(made, write)
    assert (yes, codes, temporal) == (b"YES ", [b"113100"], b"REMOVED ")
    assert method.startswith(b"Causeway test ")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_an_earlier_de_identification_is_built_upon(syntax: str, undefined: bool) -> None:
    write = SYNTAXES[syntax]
    theirs = [
        write.item(
            write.element(0x00080100, "SH", value),
            write.element(0x00080102, "SH", "DCM"),
            write.element(0x00080104, "LO", "meaning"),
            undefined=undefined,
        )
        for value in ("113100", "113105")
    ]
    made = edited(
        write,
        write.element(0x00120062, "CS", "NO"),
        write.element(0x00120063, "LO", "Theirs\\More"),
        write.sequence(0x00120064, *theirs, undefined=undefined),
        write.element(0x00280303, "CS", "MODIFIED"),
        by=plan(temporal=Temporal.UNMODIFIED),
        syntax=syntax,
    )
    yes, method, codes, temporal = marks(made, write)
    assert (yes, codes, temporal) == (b"YES ", [b"113100", b"113105"], b"MODIFIED")
    assert method.startswith(b"Theirs\\More\\Causeway test ")


def test_doing_it_twice_marks_once() -> None:
    by = plan()
    once, _ = cleaned(E.head() + E.element(NAME, "PN", "A"), by)
    twice, _ = cleaned(once, by)
    keep = [each for each in read_level(twice, implicit=False) if each.tag >> 16 in (0x12, 0x28)]
    assert keep == [
        each for each in read_level(once, implicit=False) if each.tag >> 16 in (0x12, 0x28)
    ]


def test_a_marker_under_another_vr_is_written_anew() -> None:
    made = edited(E, E.element(0x00120062, "UN", "NO"), E.sequence(0x00120064, vr="UN"))
    assert marks(made)[2] == [b"113100"]


def test_cleaned_pixels_are_marked() -> None:
    data = E.head() + E.element(0x00280301, "CS", "YES")
    made, _ = cleaned(data, plan(), pixels_cleaned=True)
    found = {each.tag: each.value for each in read_level(made, implicit=False)}
    assert found[0x00280301] == b"NO"


def test_an_earlier_method_that_fills_its_vr_is_doubt() -> None:
    assert doubt(E.element(0x00120063, "LO", b"x" * 65_530)) == "length"


# --- private --------------------------------------------------------------------------------------


def private(*rules: tuple[str, int, Rule], **more: object) -> Plan:
    return plan(private={(0x0009, name, low): each for name, low, each in rules}, **more)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_private_elements_stay_by_creator_and_element(syntax: str) -> None:
    write = SYNTAXES[syntax]
    block = (
        write.element(0x00090010, "LO", "OTHER"),
        write.element(0x00090011, "LO", "Acme "),
        write.element(0x00091001, "LO", "a secret"),
        write.element(0x00091101, "LO", "kept"),
        write.element(0x00091102, "LO", "a secret"),
    )
    by = private(("acme", 0x01, rule("K")))
    made = edited(write, *block, write.sequence(CONTENT_LATER, write.item(*block)), by=by,
                  syntax=syntax)  # fmt: skip
    for found in (made, items(made[CONTENT_LATER], write)[0]):
        assert {tag for tag in found if tag >> 16 == 9} == {0x00090011, 0x00091101}


def test_private_blocks_are_reserved_anew_at_each_level() -> None:
    by = private(("acme", 0x01, rule("K")))
    inner = E.item(E.element(0x00091101, "LO", "a secret"))
    made = edited(
        E,
        E.element(0x00090011, "LO", "ACME"),
        E.element(0x00091101, "LO", "kept"),
        E.sequence(CONTENT_LATER, inner),
        by=by,
    )
    assert made[0x00091101].value == b"kept"
    assert items(made[CONTENT_LATER]) == [{}]


def test_one_block_of_two_creators_is_doubt() -> None:
    by = private(("acme", 0x01, rule("K")))
    twice = E.element(0x00090011, "LO", "ACME") + E.element(0x00090011, "LO", "OTHER")
    assert doubt(E.sequence(CONTENT_LATER, E.item(twice)), by) == "structure"


def test_a_long_private_value_stays_or_goes_by_its_own_rule() -> None:
    long = b"x" * 100_000
    block = (
        E.element(0x00090011, "LO", "ACME"),
        E.element(0x00091101, "OB", long),
        E.element(0x00091102, "OB", long),
        E.element(0x00091103, "UN", long),
    )
    keeps = private(("acme", 0x01, rule("K")), ("acme", 0x03, rule("K")))
    assert set(edited(E, *block, by=keeps)) >= {0x00091101, 0x00091103}
    assert 0x00091102 not in edited(E, *block, by=keeps)
    drops = private(("acme", 0x01, rule("X")), other_private=rule("K"))
    made = edited(E, *block, by=drops)
    assert 0x00091101 not in made
    assert made[0x00091102].value == long


def test_uids_in_private_elements_that_stay_are_mapped() -> None:
    by = private(("acme", 0x01, rule("K")))
    made = edited(
        E, E.element(0x00090011, "LO", "ACME"), E.element(0x00091101, "UI", "1.2.3"), by=by
    )
    assert made[0x00091101].value.rstrip(b"\0").decode() == SUBJECT.uid("1.2.3")


def declared(write: Write, status: str, *elements: int) -> bytes:
    order = "<" if write.little else ">"
    listed = struct.pack(f"{order}{len(elements)}H", *elements)
    return write.sequence(
        0x00080300,
        write.item(
            write.element(0x00080301, "US", struct.pack(f"{order}H", 9)),
            write.element(0x00080302, "LO", "ACME"),
            write.element(0x00080303, "CS", status),
            *([write.element(0x00080304, "US", listed)] if elements else []),
        ),
    )


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize(
    ("status", "elements", "stay"),
    [("SAFE", (), {1, 2}), ("MIXED", (0x02,), {2}), ("UNSAFE", (), set()), ("MIXED", (), set())],
)
def test_blocks_that_the_sender_declares_safe_may_stay(
    syntax: str, status: str, elements: tuple[int, ...], stay: set[int]
) -> None:
    write = SYNTAXES[syntax]
    block = (
        write.element(0x00090010, "LO", "ACME"),
        write.element(0x00091001, "LO", "one"),
        write.element(0x00091002, "LO", "two"),
    )
    given = (declared(write, status, *elements), *block,
             write.sequence(CONTENT_LATER, write.item(*block)))  # fmt: skip
    made = edited(write, *given, by=plan(keeps_safe_private=True), syntax=syntax)
    for found in (made, items(made[CONTENT_LATER], write)[0]):
        assert {tag & 0xFF for tag in found if tag >> 8 == 0x000910} == stay
    without = edited(write, *given, by=plan(), syntax=syntax)
    assert not any(tag >> 16 == 9 for tag in without)


# --- values and character sets --------------------------------------------------------------------


def value(
    action: str, vr: str, old: bytes | str, tag: int = COMMENT, charset: str = "ISO_IR 100",
    **more: object,
) -> bytes | None:  # fmt: skip
    data = E.head(charset) + E.element(tag, vr, old)
    made, _ = cleaned(data, plan({tag: rule(action, **more)}))
    found = {each.tag: each.value for each in read_level(made, implicit=False)}
    return found.get(tag)


def lower(text: str) -> str:
    return text.replace("DOE", "x")


@pytest.mark.parametrize(
    ("charset", "old", "new"),
    [
        ("ISO_IR 100", "DOE Müller".encode("latin-1"), "x Müller".encode("latin-1")),
        ("ISO_IR 192", "DOE Müller".encode(), "x Müller".encode()),
        ("", "DOE Müller".encode(), "x Müller".encode()),
        ("GB18030", "DOE 王小东乗".encode("gb18030"), "x 王小东乗".encode("gb18030")),
        (
            "\\ISO 2022 IR 87",
            b"DOE \x1b$B;3ED\x1b(B\\DOE",
            b"x \x1b$B;3ED\x1b(B\\x",
        ),
        (
            "\\ISO 2022 IR 149",
            b"DOE^\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf",
            b"x^\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf",
        ),
    ],
)
def test_text_is_edited_in_its_character_set(charset: str, old: bytes, new: bytes) -> None:
    made = value("edit", "LO", old, charset=charset, edit=lower)
    assert made is not None
    assert made.rstrip(b" ") == new


def test_each_level_has_its_character_set() -> None:
    inner = E.item(
        E.element(0x00080005, "CS", "ISO_IR 192"),
        E.element(COMMENT, "LO", "DOE Müller".encode()),
    )
    inherits = E.item(E.element(COMMENT, "LO", "DOE Müller".encode("latin-1")))
    by = plan({COMMENT: rule("edit", edit=lower)})
    made = edited(E, E.sequence(CONTENT, inner, inherits), by=by)
    first, second = items(made[CONTENT])
    assert first[COMMENT].value.rstrip() == "x Müller".encode()
    assert second[COMMENT].value.rstrip() == "x Müller".encode("latin-1")


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_a_character_set_that_nobody_knows_is_doubt(syntax: str) -> None:
    write = SYNTAXES[syntax]
    assert doubt(write.head("DOE^JOHN"), syntax=syntax, head=False) == "charset"


def test_character_sets_stay_whatever_the_plan_says() -> None:
    by = plan({0x00080005: rule("X"), COMMENT: rule("K")}, other=rule("X"))
    assert edited(E, E.element(COMMENT, "LO", "Müller".encode("latin-1")), by=by)[0x00080005]


def test_what_the_character_set_cannot_write_is_doubt() -> None:
    with pytest.raises(Doubt) as caught:
        value("replace", "LO", "x", value="王")
    assert caught.value.code == "charset"


@pytest.mark.parametrize(
    ("action", "vr", "old", "new"),
    [
        ("Z", "LO", "x", b""),
        ("D", "LO", "x", b"REMOVED "),
        ("D", "DA", "20200101", b"19000101"),
        ("D", "DS", "12.5", b"0 "),
        ("D", "US", b"\7\0", b"\0\0"),
        ("D", "FD", bytes(16), bytes(8)),
        ("D", "OB", b"abc", bytes(8)),
        ("X", "LO", "x", None),
        ("replace", "IS", "7", b"42"),
        ("replace", "US", b"\7\0", b"\x2a\0"),
        ("replace", "FL", bytes(4), struct.pack("<f", 42)),
        ("age", "AS", "091Y", b"090Y"),
        ("age", "AS", "089Y", b"089Y"),
        ("age", "AS", "old", b""),
        ("shift", "TM", "101500", b"101500"),
        ("shift", "DA", "yesterday", None),
        ("shift", "DA", "", b""),
        ("edit", "LO", "DOE\\ROE", b"x\\ROE "),
        ("edit", "LT", "a\\DOE", b"a\\x "),
        ("pseudonym", "LO", "", b""),
    ],
)
def test_values_by_action_and_vr(action: str, vr: str, old: bytes | str, new: bytes | None) -> None:
    assert value(action, vr, old, value="42", edit=lower) == new


def test_several_dates_are_moved_each_and_those_that_are_none_go() -> None:
    days = [SUBJECT.date("20200101"), SUBJECT.date("20200202")]
    assert (
        value("shift", "DA", "20200101\\never\\20200202")
        == "\\".join(map(str, days)).encode() + b" "
    )


@pytest.mark.parametrize(
    ("action", "vr"), [("pseudonym", "DA"), ("pseudonym", "IS"), ("edit", "OB"), ("shift", "US"),
                       ("age", "FD"), ("replace", "OB")],
)  # fmt: skip
def test_rules_that_make_no_sense_for_a_vr_are_doubt(action: str, vr: str) -> None:
    with pytest.raises(Doubt) as caught:
        value(action, vr, b"12345678", value="x", edit=lower)
    assert caught.value.code == "rule"


def test_several_uids_are_mapped_each_and_those_of_the_standard_stay() -> None:
    old = "1.2.3\\1.2.840.10008.1.2\\1.2.840.10008.999.4711\\"
    made = value("U", "UI", old, tag=0x00081155)
    assert made is not None
    first, second, third, last = made.decode().rstrip("\0").split("\\")
    assert first == SUBJECT.uid("1.2.3")
    assert second == "1.2.840.10008.1.2"
    assert third == SUBJECT.uid("1.2.840.10008.999.4711")
    assert last == ""


def test_a_uid_that_must_be_there_is_never_empty() -> None:
    made = value("D", "UI", "", tag=0x00081155)
    assert made is not None
    assert made.startswith(b"2.25.")


def test_the_ids_of_others_are_theirs() -> None:
    by = plan({ID: rule("pseudonym")})
    inner = [E.item(E.element(ID, "LO", each)) for each in ("PHANTOM-1", "DONOR-7")]
    made = edited(E, E.element(ID, "LO", "PHANTOM-1"), E.sequence(CONTENT_LATER, *inner), by=by)
    first, second = items(made[CONTENT_LATER])
    assert made[ID].value == first[ID].value == SUBJECT.patient_id().encode()
    assert second[ID].value not in (made[ID].value, b"DONOR-7 ")


def test_a_birth_date_goes_with_an_age_that_must_not_be_told() -> None:
    assert value("shift", "DA", "19300101", tag=BIRTH) == str(SUBJECT.date("19300101")).encode()


# --- combined codes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "by_type"),
    [
        ("Z", {"1": "D", "2": "Z", "3": "Z", "": "Z", "?": "Z"}),
        ("Z/D", {"1": "D", "2": "Z", "3": "Z", "": "Z", "?": "D"}),
        ("X/Z", {"1": "D", "2": "Z", "3": "X", "": "X", "?": "Z"}),
        ("X/D", {"1C": "D", "2": "Z", "3": "X", "": "X", "?": "D"}),
        ("X/Z/D", {"1": "D", "2C": "Z", "3": "X", "": "X", "?": "D"}),
    ],
)
def test_combined_codes_depend_on_the_type(action: str, by_type: dict[str, str]) -> None:
    for kind, expected in by_type.items():
        by = plan({COMMENT: rule(action)})
        data = E.head() + E.element(COMMENT, "LO", "x")
        made = clean(
            source_of(Object(None, data, CT, INSTANCE, EXPLICIT)),  # type: ignore[arg-type]
            plan=by,
            subject=SUBJECT,
            types=type_of(kind),
        )
        found = read_level(b"".join(made.pieces()), implicit=False)
        values = {each.tag: each.value for each in found}
        assert values.get(COMMENT) == {"D": b"REMOVED ", "Z": b"", "X": None}[expected]


def type_of(kind: str) -> Callable[[str, int], str]:
    return lambda sop_class, tag: kind


def test_a_sequence_of_references_stays_where_it_must() -> None:
    by = plan({CONTENT: rule("X/Z/U*"), 0x00081155: rule("U")})
    inner = E.item(E.element(0x00081155, "UI", "1.2.3"))
    data = E.head() + E.sequence(CONTENT, inner)
    expected = {"1": 1, "2": 0, "3": None}
    for kind, number in expected.items():
        again = plan(by.by_tag)
        made = clean(
            source_of(Object(None, data, CT, INSTANCE, EXPLICIT)),  # type: ignore[arg-type]
            plan=again,
            subject=SUBJECT,
            types=type_of(kind),
        )
        found = {each.tag: each for each in read_level(b"".join(made.pieces()), implicit=False)}
        assert (len(items(found[CONTENT])) if CONTENT in found else None) == number


def test_blocks_of_one_item_are_not_those_of_the_next() -> None:
    blocks = [E.item(E.element(0x00090010, "LO", each)) for each in ("ONE", "TWO", "ACME")]
    for by in (
        plan(other_private=rule("K")),
        private(("acme", 0x01, rule("K"))),
        plan(keeps_safe_private=True),
        plan(),
    ):
        edited(E, E.sequence(CONTENT_LATER, *blocks, *blocks), by=by)


@pytest.mark.parametrize("first", ["OTHER", "ACME"])
def test_a_block_that_changes_hands_is_doubt_however_often_it_was_seen(first: str) -> None:
    by = private(("acme", 0x01, rule("K")))
    second = "ACME" if first == "OTHER" else "OTHER"
    edited(E, E.sequence(CONTENT_LATER, E.item(E.element(0x00090010, "LO", "OTHER"))), by=by)
    twice = (
        E.element(0x00090010, "LO", first)
        + E.element(0x00091001, "LO", "a secret")
        + E.element(0x00090010, "LO", second)
        + E.element(0x00091001, "LO", "kept")
    )
    assert doubt(E.sequence(CONTENT_LATER, E.item(twice)), by) == "structure"


def test_identifiers_become_tokens_of_their_kind() -> None:
    made = value("pseudonym", "SH", "A123", tag=0x00080050)
    assert made == SUBJECT.token("00080050", "A123").encode()
    assert value("pseudonym", "SH", "A123", tag=0x00200010) not in (made, b"A123")


def test_what_nothing_can_clean_goes() -> None:
    assert value("C", "LO", "x") is None


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_names_in_private_attributes_that_go_are_taken(syntax: str) -> None:
    write = SYNTAXES[syntax]
    name = write.element(0x00091001, "PN", "DOE^JOHN")
    inner = write.element(0x00091001, "PN", "ROE^JANE")
    data = write.head() + name + write.sequence(CONTENT_LATER, write.item(inner))
    assert cleaned(data, plan(), syntax)[1].taken == {"DOE^JOHN", "ROE^JANE"}


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


STUDY_DATE = 0x00080020


@pytest.mark.parametrize(
    ("attribute_type", "expected"), [("1", "19000101"), ("2C", ""), ("3", None), ("", None)]
)
def test_a_date_that_cannot_be_read_leaves_what_its_type_asks_for(
    attribute_type: str, expected: str | None
) -> None:
    data = E.head() + E.element(STUDY_DATE, "DA", "***")
    made = clean(
        source_of(Object(Path(), data, CT, INSTANCE, EXPLICIT)),
        plan=plan({STUDY_DATE: rule("shift")}),
        subject=SUBJECT,
        types=lambda sop_class, tag: attribute_type,
    )
    found = read_level(b"".join(made.pieces()), implicit=False)
    values = [each.value.decode() for each in found if each.tag == STUDY_DATE]
    assert values == ([] if expected is None else [expected])


def test_a_reference_to_a_study_below_goes_rather_than_being_empty() -> None:
    study = E.sequence(0x00081110, E.item(E.element(0x00081155, "UI", "1.2.3.4")))
    data = E.head() + E.sequence(0x00400275, E.item(study))
    made, _ = cleaned(data, plan({0x00081110: rule("X/Z")}))
    assert b"\x08\x00\x10\x11" not in made


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_a_sequence_that_nothing_can_clean_goes_as_far_as_its_type_lets_it(syntax: str) -> None:
    write = SYNTAXES[syntax]
    inner = write.item(write.element(COMMENT, "LT", "a secret"))
    data = write.head() + write.sequence(CONTENT, inner)
    for kind, number in {"1": 1, "2": 0, "3": None}.items():
        made = clean(
            source_of(Object(Path(), data, CT, INSTANCE, syntax)),
            plan=plan({CONTENT: rule("C")}),
            subject=SUBJECT,
            types=type_of(kind),
        )
        result = b"".join(made.pieces())
        assert b"secret" not in result
        found = {e.tag: e for e in read_level(result, implicit=False, little=write.little)}
        assert (len(items(found[CONTENT], write)) if CONTENT in found else None) == number


# --- sequences that are known again ---------------------------------------------------------------


@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_a_sequence_is_known_again_only_by_all_of_its_bytes(undefined: bool) -> None:
    """Frames that begin alike, and of which one has a name behind what all say."""
    said = E.element(0x00181250, "SH", "A coil") + E.element(0x00200032, "DS", "1\\2\\3" * 12)

    def frame(*more: bytes) -> bytes:
        inner = E.item(said, *more, undefined=undefined)
        return E.item(E.sequence(0x00289110, inner, undefined=undefined), undefined=undefined)

    def frames(*each: bytes) -> bytes:
        return E.sequence(0x52009230, *each, undefined=undefined)

    named = E.element(0x00280009, "PN", "Quacksalber^Ottokar")
    last = frame(E.element(0x00280008, "IS", "2"))
    data = E.head() + frames(frame(), frame(), frame(named), frame(), last)
    by = plan(by_vr={"PN": rule("X")})
    for _ in range(2):  # the second time all are known
        result, found = cleaned(data, by)
        assert frames(frame(), frame(), frame(), frame(), last) in result
        assert found.taken == {"Quacksalber^Ottokar"}


def test_what_one_plan_steps_over_another_looks_into() -> None:
    inner = E.sequence(0x00289110, E.item(E.element(0x00181250, "SH", "A coil")))
    data = E.head() + E.sequence(0x52009230, E.item(inner), E.item(inner))
    assert cleaned(data, plan())[0].count(b"A coil") == 2
    assert cleaned(data, plan({0x00181250: rule("X")}))[0].count(b"A coil") == 0


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_cleaned_pixels_are_said_of_the_object_in_its_codes(syntax: str) -> None:
    """Clean Pixel Data Option (CID 7050): which no profile can promise."""
    write = Write(implicit=syntax == IMPLICIT, little=syntax != BIG)
    data = write.head() + write.element(0x00280301, "CS", "YES")
    for is_cleaned in (False, True):
        result, _ = cleaned(data, plan(), syntax, pixels_cleaned=is_cleaned)
        assert result.count(b"113101") == is_cleaned
        assert result.count(b"113100") == 1
        assert (b"NO" in result) == is_cleaned
