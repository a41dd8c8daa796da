"""From an object to the heads of its series: digest, snapshot, ledger; with all of them real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from test_pipeline_header import BIG, DEFLATED, EXPLICIT, IMPLICIT, encode, example, reader

from causeway.attributes import NOTHING, Attributes
from causeway.errors import BadDataSet
from causeway.ledger import SeriesRow
from causeway.pipeline import index
from causeway.pipeline.header import Structure, read
from causeway.pipeline.heads import Heads, weight
from causeway.pipeline.snapshot import TOTAL_LIMIT, attributes_of
from causeway.testing.site import Image, Site, data_set

COMMENTS = 0x00104000
IMAGE_COMMENTS = 0x00204000


def digest(ds: Dataset, syntax: str = EXPLICIT, **options: Any) -> bytes:
    data = encode(ds, syntax)
    return read(reader(data), len(data), syntax, **options).digest


def snapshot(ds: Dataset, syntax: str = EXPLICIT) -> Attributes:
    data = encode(ds, syntax)
    return attributes_of(reader(data), len(data), syntax)


def changed(keyword: str, value: object) -> Dataset:
    ds = example()
    setattr(ds, keyword, value)
    return ds


# --- digests --------------------------------------------------------------------------------------


@pytest.mark.parametrize("structure", Structure)
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientComments", "UPLOAD"),
        ("StudyComments", "fw://a/b"),
        ("RequestedProcedureComments", "x"),
        ("PatientName", "Other"),
        ("SeriesDescription", "T2"),
        ("SeriesInstanceUID", "1.2.3.9"),
        ("Manufacturer", "Other"),
        ("PatientWeight", "70"),
        ("PatientAge", ""),
    ],
)
def test_another_series_level_value_is_another_head(
    keyword: str, value: object, structure: Structure
) -> None:
    other = digest(changed(keyword, value), structure=structure)
    assert other != digest(example(), structure=structure)


@pytest.mark.parametrize("structure", Structure)
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SOPInstanceUID", "1.2.3.5"),
        ("InstanceNumber", "7"),
        ("AcquisitionNumber", "2"),
        ("ImageType", ["DERIVED"]),
        ("SeriesTime", "101113"),
        ("ContentTime", "101113"),
        ("ImagePositionPatient", [1, 2, 3]),
        ("ImageComments", "slice 7"),
    ],
)
def test_what_differs_from_image_to_image_is_the_same_head(
    keyword: str, value: object, structure: Structure
) -> None:
    other = digest(changed(keyword, value), structure=structure)
    assert other == digest(example(), structure=structure)


def test_the_configuration_can_give_a_say_to_more() -> None:
    also = (IMAGE_COMMENTS, 0x00291010, 0x7FE00010)
    assert digest(changed("ImageComments", "x"), also=also) != digest(example(), also=also)
    assert digest(example(), also=also) == digest(example())


def test_values_do_not_run_into_one_another() -> None:
    one, other = example(), example()
    one.PatientID, one.IssuerOfPatientID = "AB", "CD"
    other.PatientID, other.IssuerOfPatientID = "ABCD", ""
    assert digest(one) != digest(other)


def test_a_broken_tail_leaves_the_digest_of_what_is_before_it() -> None:
    data = encode(changed("StudyComments", "fw://a/b"))
    whole = read(reader(data), len(data), EXPLICIT, Structure.HEAD)
    cut = data[:-3]
    assert read(reader(cut), len(cut), EXPLICIT, Structure.HEAD) == whole
    with pytest.raises(BadDataSet):
        read(reader(cut), len(cut), EXPLICIT)


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("images", [1, 2_000])
def test_geometry_and_references(syntax: str, undefined: bool, images: int) -> None:
    ds = example()
    ds.ImagePositionPatient = ["-1.5", "2", "3"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.Columns = 300
    named = []
    for uid in ("1.2.3.7", "1.2.3.1", "1.2.3.8"):
        item = Dataset()
        item.SeriesInstanceUID = uid
        image = Dataset()
        image.ReferencedSOPInstanceUID = "1.2.3.4"
        item.ReferencedImageSequence = Sequence([image] * images)
        for sequence in (item["ReferencedImageSequence"],):
            sequence.is_undefined_length = undefined
        item.is_undefined_length_sequence_item = undefined
        named.append(item)
    ds.ReferencedSeriesSequence = Sequence(named[:1] if images > 1 else named)
    ds["ReferencedSeriesSequence"].is_undefined_length = undefined
    data = encode(ds, syntax)
    header = read(reader(data), len(data), syntax).header
    assert (header.rows, header.columns) == ("4", "300")
    assert header.image_position == r"-1.5\2\3"
    assert header.image_orientation == r"1\0\0\0\1\0"
    if images > 1:
        # Behind 40 KB of images, or 90 KB, of which not all is kept.
        assert header.referenced_series in ("1.2.3.7", "" if undefined else "1.2.3.7")
    else:
        assert header.referenced_series == r"1.2.3.7\1.2.3.8"
    found = attributes_of(reader(data), len(data), syntax)
    assert found.referenced_series == ({"1.2.3.7"} if images > 1 else {"1.2.3.7", "1.2.3.8"})
    assert found.referenced_instances == {"1.2.3.4"}


def test_references_and_numbers_of_a_header_are_short() -> None:
    ds = example()
    ds.ReferencedSeriesSequence = Sequence([])
    for number in range(100):
        item = Dataset()
        item.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}"
        ds.ReferencedSeriesSequence.append(item)
    ds.add_new(0x00200032, "UT", "\\".join(["1.123456789"] * 300))
    data = encode(ds)
    header = read(reader(data), len(data), EXPLICIT).header
    assert header.image_position == ""
    named = header.referenced_series.split("\\")
    assert 30 <= len(named) < 40
    assert named[0] == "1.2.826.0.1.3680043.8.498.0"
    assert len(snapshot(ds).referenced_series) == 100


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("US", b"\x00\x02", "512"),
        ("UL", b"\x00\x02\x00\x00", "512"),
        ("IS", b"512 ", "512"),
        ("IS", b"a b ", "543301729"),
        ("US", b"", ""),
        ("US", b"123", "123"),
        ("OB", b"\x00\x02\x01", ""),
    ],
)
def test_rows_as_senders_write_them(vr: str, value: bytes, text: str) -> None:
    data = data_set((0x00280010, vr, value)) if len(value) % 2 == 0 else b""
    if not data:
        data = b"\x28\x00\x10\x00US\x03\x00" + value
    assert read(reader(data), len(data), EXPLICIT).header.rows == text


# --- snapshots ------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
def test_absent_and_empty_are_two_cases(syntax: str) -> None:
    found = snapshot(changed("PatientComments", ""), syntax)
    assert found.text(COMMENTS) == ""
    assert found.text(0x00324000) is None
    assert found.first(0x00100010) == "Müller^Jörg"
    assert found.values[0x00080008] == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert found.first(0x00280010) == "4"
    assert 0x7FE00010 not in found.values


def test_numbers_are_written_as_people_do() -> None:
    ds = example()
    ds.RecommendedDisplayFrameRateInFloat = 0.1
    ds.add_new(0x00189087, "FD", 1000.0)
    ds.add_new(0x00189089, "FD", [0.1, -1e-9, 3.0])
    ds.add_new(0x00280009, "AT", 0x00181063)
    ds.add_new(0x00189181, "FL", [0.1, 3e38])
    ds.add_new(0x00280106, "SS", -5)
    found = snapshot(ds)
    assert found.values[0x00189087] == ("1000",)
    assert found.values[0x00189089] == ("0.1", "-1e-09", "3")
    assert found.values[0x00280009] == ("00181063",)
    assert found.values[0x00189181] == ("0.1", "3e+38")
    assert found.values[0x00280106] == ("-5",)


@pytest.mark.parametrize(("representation", "text"), [(0, "65531"), (1, "-5")])
def test_implicit_numbers_follow_the_pixel_representation(representation: int, text: str) -> None:
    ds = example()
    ds.PixelRepresentation = representation
    ds.add_new(0x00280106, "SS" if representation else "US", -5 if representation else 65531)
    assert snapshot(ds, IMPLICIT).values[0x00280106] == (text,)


@pytest.mark.parametrize("charset", ["GB18030", "ISO 2022 IR 87", "ISO_IR 192"])
def test_a_backslash_that_is_half_a_character_separates_nothing(charset: str) -> None:
    # 俓 in GB18030 ends in 5C, and so does 構 in the bytes of ISO-2022-JP.
    name = {"GB18030": "俓", "ISO 2022 IR 87": "構"}.get(charset, "俓構")
    ds = example()
    ds.SpecificCharacterSet = ["", charset] if "2022" in charset else charset
    ds.PatientComments = f"{name}\\x"
    ds.StudyDescription = f"{name}"
    found = snapshot(ds)
    assert found.values[0x00081030] == (name,)
    assert found.text(COMMENTS) == f"{name}\\x"


def test_what_cannot_be_decoded_is_one_value_nevertheless() -> None:
    data = data_set(
        (0x00080005, "CS", "ISO_IR 192"),
        (0x00100020, "LO", b"M\xfcller\\two"),
        (COMMENTS, "LT", ""),
    )
    found = attributes_of(reader(data), len(data), EXPLICIT)
    assert found.values[0x00100020] == (r"M\xfcller", "two")


def test_long_values_are_cut_and_large_headers_bounded() -> None:
    ds = example()
    ds.add_new(COMMENTS, "UT", "fw://a/b " + "x" * 20_000)
    ds.add_new(0x00090010, "LO", "SOMEBODY")
    for number in range(200):
        ds.add_new(0x00091000 + number, "UT", f"{number} " + "y" * 1000)
    ds.add_new(0x00181020, "LO", ["z" * 60] * 1000)
    found = snapshot(ds)
    assert found.first(COMMENTS).startswith("fw://a/b xxx")
    assert len(found.first(COMMENTS)) == 1024
    assert set(found.values[0x00181020]) == {"z" * 60}
    size = sum(len(each) for values in found.values.values() for each in values)
    assert TOTAL_LIMIT - 2000 < size <= TOTAL_LIMIT
    # Private blocks do not push out what a rule is likely to ask for.
    assert found.first(0x00280010) == "4"


def test_private_text_is_taken_and_private_bytes_are_not() -> None:
    ds = example()
    ds.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    ds.add_new(0x0019100C, "IS", "1000")
    ds.add_new(0x0019100D, "UN", b"DIRECTIONAL ")
    ds.add_new(0x0019100E, "UN", b"\x01\x02\x03\x04")
    ds.add_new(0x0019100F, "OB", b"text")
    for syntax, taken in ((EXPLICIT, None), (IMPLICIT, ("text",))):
        found = snapshot(ds, syntax)
        assert found.values[0x0019100C] == ("1000",)
        assert found.values[0x0019100D] == ("DIRECTIONAL",)
        assert 0x0019100E not in found.values
        assert found.values.get(0x0019100F) == taken


def test_what_comes_twice_with_two_values_is_left_out() -> None:
    data = data_set(
        (0x00100020, "LO", "A"), (COMMENTS, "LT", "UPLOAD"), (COMMENTS, "LT", "NOFW"),
        (0x00321060, "LO", "x "), (0x00321060, "LO", "x "),
    )  # fmt: skip
    found = attributes_of(reader(data), len(data), EXPLICIT)
    assert found.values == {0x00100020: ("A",), 0x00321060: ("x",)}


def test_an_error_names_tag_and_offset_and_nothing_else() -> None:
    data = encode(changed("PatientComments", "Planted^Name" * 10))
    data = data[: data.index(b"Planted") + 20]
    with pytest.raises(BadDataSet, match=r"\(0010,4000\) at offset \d+ runs 100 bytes") as raised:
        attributes_of(reader(data), len(data), EXPLICIT)
    assert "Planted" not in str(raised.value)


# --- heads met of late ----------------------------------------------------------------------------


def test_a_snapshot_is_taken_once_for_each_head() -> None:
    taken: list[bytes] = []

    def take(name: bytes) -> Attributes:
        taken.append(name)
        return NOTHING

    heads = Heads(limit=2)
    for name in (b"a", b"b", b"a", b"c", b"a", b"b"):
        assert heads.of(name, lambda name=name: take(name)).digest == name  # type: ignore[misc]
    assert taken == [b"a", b"b", b"c", b"b"], "the one met longest ago goes first"
    assert len(heads) == 2


def test_large_heads_do_not_fill_the_memory() -> None:
    large = Attributes(values={COMMENTS: ("x" * 50_000,)})
    heads = Heads(size_limit=3 * weight(large))
    for number in range(20):
        heads.of(number.to_bytes(16, "big"), lambda: large)
    assert len(heads) == 3
    alone = Heads(size_limit=1)
    alone.of(bytes(16), lambda: large)
    assert alone.of(bytes(16), pytest.fail).attributes is large


# --- through the pipeline -------------------------------------------------------------------------


def drain(site: Site) -> None:
    while site.parts.indexer.turn(site.now):
        pass


def heads(site: Site) -> list[list[tuple[str, int]]]:
    """Of each series: what its heads call it, and how many instances each has."""
    found: list[SeriesRow] = []
    for study in site.ledger.search():
        found += site.ledger.series_of(study.id)
    return [
        [(row.attributes.first(0x0008103E), row.count) for row in site.ledger.heads_of(series.id)]
        for series in sorted(found, key=lambda series: series.series_instance_uid)
    ]


def test_indexing_notes_heads_and_reads_each_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def counted(*args: Any) -> Attributes:
        taken.append(args)
        return attributes_of(*args)

    monkeypatch.setattr(index, "attributes_of", counted)
    for number in range(20):
        site.receive(Image(series=number % 2, number=number))
    site.now += 1
    site.receive(Image(series=1, number=30, series_description="T1 again"))
    drain(site)
    assert heads(site) == [[("T1", 10)], [("T1", 10), ("T1 again", 1)]]
    assert len(taken) == 3
    site.now += 1
    site.receive(Image(series=1, number=31))
    drain(site)
    assert heads(site)[1] == [("T1 again", 1), ("T1", 11)], "the newest comes last"
    assert len(taken) == 3


def test_a_lost_ledger_gets_its_heads_back_from_the_spool(site: Site) -> None:
    for number in range(6):
        site.now += 1
        site.receive(Image(number=number, series_description="T1" if number < 4 else "T2"))
    site.receive(Image(series=2, size=100_000))
    drain(site)
    before = heads(site)
    assert before == [[("T1", 4), ("T2", 2)], [("T1", 1)]]
    site.stop()
    for path in site._ledger_path.parent.glob("ledger.db*"):
        path.unlink()
    site.start()
    drain(site)
    assert heads(site) == before


def test_a_conflict_that_is_released_brings_its_head(site: Site) -> None:
    site.receive(Image(series_description="T1"))
    site.receive(Image(series_description="T9", variant=1))
    drain(site)
    assert heads(site) == [[("T1", 1)]]
    (kept,) = site.ledger.quarantined()
    site.ledger.quarantine_release(kept.id, who="anna", why="both", now=site.now)
    assert heads(site) == [[("T1", 1), ("T9", 1)]]


def test_what_holds_together_in_its_head_only_has_one_too(site: Site) -> None:
    site.stop()
    site.configure(structure=Structure.HEAD)
    site.start()
    site.receive(Image(cut=3))
    drain(site)
    assert heads(site) == [[("T1", 1)]]


def test_an_attribute_that_the_configuration_decides_by_makes_heads(site: Site) -> None:
    indexer = site.parts.indexer
    indexer._rules = replace(indexer._rules, decided_by=(0x00200013,))
    for number in range(3):
        site.receive(Image(number=number))
    drain(site)
    assert [len(each) for each in heads(site)] == [3]
