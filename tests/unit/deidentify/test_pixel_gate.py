"""Which pixels may leave: risky kinds are held, and neither a header's NO nor a name is trusted."""

from __future__ import annotations

import pytest
from pixel_objects import CAPTURE, CT, attributes, rectangle
from pydicom.uid import UID_dictionary

from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.gate import Hold, Pass, Redact, Release, Seen, gate
from causeway.deidentify.pixels.kinds import Kind, kind_of
from causeway.deidentify.pixels.regions import Rules, parse_rules

ROOT = "1.2.840.10008.5.1.4.1.1."
SLICE = {
    "SOPClassUID": CT,
    "Modality": "CT",
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "PhotometricInterpretation": "MONOCHROME2",
    "SamplesPerPixel": "1",
    "Rows": "512",
    "Columns": "512",
}
NO_RULES = Rules()


def verdict(rules: Rules = NO_RULES, released: Release | None = None, **values: str):
    told = {name: value for name, value in (SLICE | values).items() if value != "-"}
    return gate(attributes(**told), rules, released)


@pytest.mark.parametrize(
    ("number", "modality"), [("2", "CT"), ("4", "MR"), ("128", "PT"), ("20", "NM"), ("4.1", "MR")]
)
def test_original_images_of_scanners_pass(number: str, modality: str):
    assert isinstance(verdict(SOPClassUID=ROOT + number, Modality=modality), Pass)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"SOPClassUID": CAPTURE}, "secondary-capture"),
        ({"SOPClassUID": ROOT + "6.1", "Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": ROOT + "3.1", "Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": ROOT + "12.1", "Modality": "XA"}, "fluoroscopy"),
        ({"SOPClassUID": ROOT + "1", "Modality": "CR"}, "projection"),
        ({"SOPClassUID": ROOT + "1.1", "Modality": "DX"}, "projection"),
        ({"SOPClassUID": ROOT + "481.1", "Modality": "RTIMAGE"}, "projection"),
        ({"SOPClassUID": ROOT + "77.1.4", "Modality": "XC"}, "photograph"),
        ({"SOPClassUID": ROOT + "104.1", "Modality": "DOC"}, "document"),
        ({"SOPClassUID": ROOT + "104.9", "Modality": "DOC"}, "document"),
        ({"SOPClassUID": ROOT + "88.67", "Modality": "SR"}, "structured-report"),
        ({"SOPClassUID": ROOT + "9.4.1", "Modality": "AU"}, "sound"),
        ({"SOPClassUID": ROOT + "66"}, "unknown-class"),
        ({"SOPClassUID": "1.2.840.10008.9.9.9"}, "unknown-class"),
        ({"SOPClassUID": "1.3.12.2.1107.5.9.1"}, "private-class"),
        ({"SOPClassUID": "-"}, "unknown-class"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "image-type"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\SCREEN SAVE"}, "image-type"),
        ({"ImageType": "original\\primary\\exam_summary"}, "image-type"),
        ({"ImageType": "ORIGINAL\\PRIMARY\\DOSE_INFO"}, "image-type"),
        ({"ImageType": "-"}, "image-type"),
        ({"ImageType": "ORIGINAL"}, "image-type"),
        ({"ImageType": "DERIVED\\PRIMARY\\MPR"}, "derived"),
        ({"ImageType": "ORIGINAL\\SECONDARY\\AXIAL"}, "derived"),
        ({"BurnedInAnnotation": "YES"}, "burned-in"),
        ({"BurnedInAnnotation": "yes"}, "burned-in"),
        ({"ConversionType": "WSD"}, "secondary-capture"),
        ({"SeriesDescription": "Exam Summary"}, "description"),
        ({"SeriesDescription": "patient protocol"}, "description"),
        ({"Modality": "OT"}, "modality"),
        ({"Modality": "-"}, "modality"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": "3"}, "colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
    ],
)
def test_what_is_risky_is_held(values: dict[str, str], code: str):
    held = verdict(**values)
    assert isinstance(held, Hold)
    assert held.code == code


@pytest.mark.parametrize("said", ["NO", "-", ""])
def test_burned_in_annotation_no_opens_nothing(said: str):
    for values in (
        {"SOPClassUID": CAPTURE},
        {"SOPClassUID": ROOT + "6.1", "Modality": "US"},
        {"ImageType": "ORIGINAL\\PRIMARY\\LOCALIZER"},
        {"ImageType": "DERIVED\\SECONDARY"},
    ):
        assert isinstance(verdict(BurnedInAnnotation=said, **values), Hold)


def test_a_low_dose_scan_is_no_dose_report():
    assert isinstance(verdict(SeriesDescription="Thorax LOW DOSE 1.0"), Pass)


def test_no_class_of_the_standard_passes_by_being_new():
    """What this version does not list is held, whatever it is called."""
    passing = {Kind.SLICES, Kind.NO_PICTURE}
    for uid, (name, kind, *_) in UID_dictionary.items():
        if kind != "SOP Class" or not uid.startswith(ROOT):
            continue
        if any(word in name for word in ("Photograph", "X-Ray", "Ultrasound", "SR ", "Capture")):
            assert kind_of(uid) not in passing, name
    assert kind_of(ROOT + "999") is Kind.UNKNOWN


def test_the_reason_names_no_value_of_the_header():
    held = verdict(SeriesDescription="Doe Jane screen save", ImageType="ORIGINAL\\PRIMARY")
    assert "Jane" not in str(held)
    assert "JANE" not in str(verdict(ImageType="ORIGINAL\\PRIMARY\\JANE DOSE"))


# --- rules -------------------------------------------------------------------------------------

RULES = parse_rules(
    """
    [[rule]]
    name = "workstation"
    match = { sop_class = "1.2.840.10008.5.1.4.1.1.7", manufacturer = "ACME*" }
    pass = true

    [[rule]]
    name = "top line"
    match = { model = "Echo 5", rows = 100, columns = 200 }
    blank = [[0, 0, 200, 20]]

    [[rule]]
    name = "left column"
    match = { model = "Echo 5", rows = 100, columns = 200, software = "2.*" }
    blank = [[0, 0, 30, 100]]

    [[rule]]
    name = "broken scanner"
    match = { station = "CT9" }
    hold = true

    [[rule]]
    name = "regions"
    match = { model = "Echo 7" }
    keep = "ultrasound-regions"
    """
)
ECHO = {"SOPClassUID": ROOT + "6.1", "Modality": "US", "ManufacturerModelName": "ECHO 5",
        "Rows": "100", "Columns": "200", "BurnedInAnnotation": "YES"}  # fmt: skip


def test_a_rule_opens_what_it_is_for_and_nothing_else():
    assert isinstance(verdict(RULES, SOPClassUID=CAPTURE, Manufacturer="Acme Inc."), Pass)
    assert isinstance(verdict(RULES, SOPClassUID=CAPTURE, Manufacturer="Other"), Hold)
    assert isinstance(verdict(RULES, SOPClassUID=CAPTURE), Hold)


def test_a_rule_that_passes_does_not_outweigh_a_header_that_admits_to_text():
    held = verdict(RULES, SOPClassUID=CAPTURE, Manufacturer="ACME", BurnedInAnnotation="YES")
    assert isinstance(held, Hold)
    assert held.code == "burned-in"


def test_regions_of_all_rules_go():
    one = verdict(RULES, **ECHO)
    assert one == Redact(regions=Area(blank=(rectangle(0, 0, 200, 20),)), rule="top line")
    both = verdict(RULES, **ECHO, SoftwareVersions="2.1")
    assert isinstance(both, Redact)
    assert len(both.regions.blank) == 2
    assert both.rule == "top line, left column"


def test_rectangles_are_for_one_size():
    assert isinstance(verdict(RULES, **(ECHO | {"Rows": "101"})), Hold)


def test_a_rule_that_holds_has_the_last_word():
    assert isinstance(verdict(RULES, StationName="CT9"), Hold)
    assert isinstance(verdict(RULES, **ECHO, StationName="CT9"), Hold)


def test_ultrasound_regions_are_kept_or_it_is_held():
    echo = attributes(**(SLICE | ECHO | {"ManufacturerModelName": "Echo 7"}))
    assert isinstance(gate(echo, RULES), Hold)
    assert isinstance(gate(echo, RULES, seen=Seen(ultrasound_regions=())), Hold)
    there = Seen(ultrasound_regions=(rectangle(5, 5, 20, 20),))
    kept = gate(echo, RULES, seen=there)
    assert isinstance(kept, Redact)
    assert kept.regions.keep == ((rectangle(5, 5, 20, 20),),)


def test_rectangles_open_no_document():
    rules = parse_rules(
        '[[rule]]\nname = "all"\nmatch = { modality = "*" }\nblank = "everything"\n'
        '[[rule]]\nname = "pass"\nmatch = { modality = "*" }\npass = true\n'
    )
    for number in ("104.1", "88.11", "9.4.1", "66"):
        assert isinstance(verdict(rules, SOPClassUID=ROOT + number), Hold)
    assert isinstance(verdict(rules, SOPClassUID="1.3.12.2.1107.5.9.1"), Hold)
    named = parse_rules(
        f'[[rule]]\nname = "pdf"\nmatch = {{ sop_class = "{ROOT}104.1" }}\npass = true\n'
    )
    assert isinstance(verdict(named, SOPClassUID=ROOT + "104.1"), Pass)


def test_reports_pass_where_their_content_is_cleaned():
    assert isinstance(verdict(Rules(structured_content=True), SOPClassUID=ROOT + "88.67"), Pass)


# --- a person ----------------------------------------------------------------------------------


def test_a_release_passes_and_is_recorded():
    person = Release(by="m.curie", why="looked at it")
    for values in ({"SOPClassUID": CAPTURE}, {"BurnedInAnnotation": "YES"}, {"StationName": "CT9"}):
        passed = verdict(RULES, person, **values)
        assert isinstance(passed, Pass)
        assert passed.release == person


def test_a_release_does_not_bring_back_what_a_rule_blanks():
    redacted = verdict(RULES, Release(by="m.curie"), **ECHO)
    assert isinstance(redacted, Redact)
    assert redacted.regions.blank == (rectangle(0, 0, 200, 20),)
    assert redacted.release is not None


def test_a_person_may_draw_what_goes():
    person = Release(by="m.curie", regions=(rectangle(1, 2, 3, 4),))
    redacted = verdict(released=person, SOPClassUID=CAPTURE)
    assert isinstance(redacted, Redact)
    assert redacted.regions == Area(blank=(rectangle(1, 2, 3, 4),))


# --- overlays in the pixels --------------------------------------------------------------------


def test_overlays_in_unused_bits_go_although_the_image_may_leave():
    for name, value in (("60000100", "16"), ("60020102", "12")):
        values = SLICE | {f"({name[:4]},{name[4:]})": value}
        found = gate(attributes(**values), NO_RULES)
        assert isinstance(found, Redact)
        assert not found.regions
    for value in ("1", "0"):
        assert isinstance(gate(attributes(**SLICE, **{"(6000,0100)": value}), NO_RULES), Pass)
