"""What a page says of an object: everything, where it belongs, and with the rule that did it."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from causeway.deidentify.edit.clean import Source
from causeway.deidentify.identity import project_key
from causeway.deidentify.pixels import Rules, parse_rules
from causeway.deidentify.profile import compile_profile, load_profile, parse_toml, weaknesses
from causeway.deidentify.treatment import Treatment, recipe_of
from causeway.preview import Preview, State, examine, page
from causeway.preview.rows import Done, Row
from causeway.preview.rows import Source as Who
from causeway.testing.phantom import Instance, make_instance

KEY = project_key("test", hashlib.sha256(b"preview").hexdigest())
EXPLICIT = "1.2.840.10008.1.2.1"
DATA = Path(pydicom.__file__).parent / "data" / "test_files"


def treatment(profile: object = "basic", rules: Rules | None = None) -> Treatment:
    read = load_profile(profile) if isinstance(profile, str) else profile
    plan = compile_profile(read)  # type: ignore[arg-type]
    recipe = replace(recipe_of("basic"), plan=plan, pixels=rules or Rules())
    return Treatment(recipe=recipe, key=KEY)


def source_of(instance: Instance) -> Source:
    data = instance.data_set
    return Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
    )


def looked(
    profile: object = "basic",
    modality: str = "CT",
    rules: Rules | None = None,
    frames: Sequence[int] | None = None,
    **elements: object,
) -> Preview:
    made = make_instance(modality, rows=16, columns=24, **elements)  # type: ignore[arg-type]
    return examine(source_of(made), treatment(profile, rules), frames=frames)


def row(preview: Preview, name: str) -> Row:
    (found,) = [each for each in preview.rows if each.name == name and each.depth == 0]
    return found


def page_of(preview: Preview, profile: object = "basic") -> str:
    read = load_profile(profile) if isinstance(profile, str) else profile
    return page(
        preview,
        file="a.dcm",
        meta=bytes(128) + b"DICM",
        new_meta=b"",
        profile=read,  # type: ignore[arg-type]
        weak=list(weaknesses(preview.treatment.recipe.plan, read)),  # type: ignore[arg-type]
        has_key=True,
        version="1",
        at=dt.datetime(2026, 12, 1, 9, 0, tzinfo=dt.UTC),
    )


def test_each_attribute_with_its_action_and_who_says_so() -> None:
    found = looked("research", StudyDescription="MR brain for Quacksalber")
    assert found.state is State.LEAVES
    name = row(found, "PatientName")
    assert (name.done, name.after, name.source) == (Done.CHANGED, "", Who.TABLE)
    assert name.before == "Phantom^Nobody"
    institution = row(found, "InstitutionName")
    assert (institution.done, institution.action) == (Done.REMOVED, "remove")
    assert institution.origin == "Basic Profile"
    described = row(found, "StudyDescription")
    assert (described.after, described.source) == ("MR brain for", Who.OPTION)
    assert "Clean Descriptors" in described.origin
    uid = row(found, "SOPInstanceUID")
    assert uid.done is Done.CHANGED
    assert uid.after.startswith("2.25.")
    rows = row(found, "Rows")
    assert (rows.done, rows.before, rows.after, rows.source) == (Done.KEPT, "16", "16", Who.ENGINE)
    marker = row(found, "PatientIdentityRemoved")
    assert (marker.done, marker.after) == (Done.ADDED, "YES")
    assert row(found, "PixelData").done is Done.KEPT
    shifted = row(found, "StudyDate")
    assert shifted.done is Done.CHANGED
    assert shifted.action == "shift"


def test_a_line_of_the_profile_is_named() -> None:
    profile = parse_toml(
        'name = "mine"\n\n[[override]]\nattributes = ["StationName"]\naction = "keep"\n',
        file="mine.toml",
    )
    found = row(looked(profile), "StationName")
    assert (found.done, found.source) == (Done.KEPT, Who.PROFILE)
    assert found.origin.startswith("mine.toml:")


def nested(private: bool = False) -> Dataset:
    item = Dataset()
    item.PatientName = "Other^Person"
    item.ReferencedSOPInstanceUID = "1.2.3.4.5"
    item.add_new(0x00091001 if private else 0x00180050, "LO" if private else "DS", "1.5")
    return item


def test_sequences_item_by_item_with_the_rule_of_the_one_that_goes() -> None:
    found = looked(RequestAttributesSequence=[nested()], AnatomicRegionSequence=[nested()])
    inside = [each for each in found.rows if each.name == "PatientName" and each.depth]
    gone, edited = sorted(inside, key=lambda each: each.done is Done.CHANGED)
    assert gone.done is Done.REMOVED
    assert gone.origin == row(found, "RequestAttributesSequence").origin
    assert (edited.done, edited.before, edited.after) == (Done.CHANGED, "Other^Person", "")
    # The third is that of the codes of de-identification.
    assert [each.item for each in found.rows if each.item] == ["item 1 of 1"] * 3


def test_many_items_alike_are_told_once_and_one_that_is_not_is_listed() -> None:
    items = [nested() for _ in range(40)]
    items[20].add_new(0x00101040, "LO", "Hauptweg 7")
    found = looked(AnatomicRegionSequence=items)
    headings = [each.item for each in found.rows if each.item]
    assert headings[:3] == ["item 1 of 40", "item 2 of 40", "item 3 of 40"]
    assert headings[3:-1] == [
        "item 21 of 40",
        "36 more items: the same attributes, treated the same way",
    ]
    assert found.counts[Done.CHANGED] > 80, "what is not listed is counted"


def test_private_attributes_and_their_creators() -> None:
    made = Dataset()
    made.add_new(0x00090010, "LO", "ACME")
    made.add_new(0x00091001, "LO", "secret")
    found = looked(AnatomicRegionSequence=[made])
    private = [each for each in found.rows if each.is_private]
    assert [each.name for each in private] == ["private creator", "private attribute"]
    assert {each.done for each in private} == {Done.REMOVED}
    assert {each.source for each in private} == {Who.TABLE}


def test_what_is_held_is_shown_as_it_would_be() -> None:
    found = looked(modality="OT")
    assert (found.state, found.code) == (State.HELD, "secondary-capture")
    assert row(found, "PatientName").done is Done.CHANGED
    (frame,) = found.shown.frames
    assert frame.before.startswith("data:image/png")
    assert frame.after == ""
    assert "This object is held" in page_of(found)


def test_what_the_proof_finds_is_marked() -> None:
    profile = parse_toml(
        'name = "mine"\n[[override]]\nattributes = ["ImageComments"]\naction = "keep"\n',
        file="mine.toml",
    )
    found = looked(profile, ImageComments="as Nobody said")
    assert (found.state, found.code) == (State.IN_DOUBT, "identifier_left")
    assert [each.name for each in found.rows if each.is_found] == ["ImageComments"]
    assert "found" in page_of(found, profile)


def test_what_cannot_be_edited_is_listed_with_what_was_asked_for() -> None:
    found = looked(PatientID="")
    assert (found.state, found.code) == (State.IN_DOUBT, "no_patient_id")
    name = row(found, "PatientName")
    assert (name.before, name.after, name.done) == ("Phantom^Nobody", "", Done.CHANGED)
    assert "Nothing came out" in found.tags_note
    text = page_of(found)
    assert "Without a Patient ID" in text


def test_what_is_no_data_set_has_a_page_all_the_same() -> None:
    data = b"\x08\x00\x05\x00ZZ" + bytes(40)
    source = Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
    )
    found = examine(source, treatment())
    assert found.state is State.IN_DOUBT
    assert "in doubt" in page_of(found)


def test_redacted_regions_are_drawn_and_gone() -> None:
    rules = parse_rules(
        '[[rule]]\nname = "corner"\nmatch = { modality = "OT", rows = 16, columns = 24 }\n'
        "blank = [[2, 1, 10, 5]]\n"
    )
    found = looked(modality="OT", rules=rules)
    assert found.state is State.LEAVES
    (frame,) = found.shown.frames
    assert frame.area
    assert not frame.is_same
    assert row(found, "PixelData").origin == "corner"
    assert row(found, "PixelData").source is Who.PIXELS
    assert row(found, "BurnedInAnnotation").after == "NO"
    before, after, over = map(pixels_of, (frame.before, frame.after, frame.area))
    assert before.size == after.size == over.size == (24, 16)
    blank = over.convert("RGBA")
    for x in range(24):
        for y in range(16):
            inside = 2 <= x < 12 and 1 <= y < 6
            assert bool(blank.getpixel((x, y))[3]) == inside
            if inside:
                assert after.getpixel((x, y)) == 0
            else:
                assert after.getpixel((x, y)) == before.getpixel((x, y))
    assert "10 \N{MULTIPLICATION SIGN} 5 at 2, 1" in page_of(found)


def pixels_of(uri: str):
    import base64

    from PIL import Image

    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_frames_are_chosen() -> None:
    def frames_of(wanted: Sequence[int] | None) -> list[int]:
        found = looked(
            modality="OT",
            NumberOfFrames=30,
            pixels=bytes(16 * 24 * 2 * 30),
            frames=wanted,
        )
        assert found.shown.count == 30
        return [each.number for each in found.shown.frames]

    assert frames_of(None) == [1, 8, 15, 23, 30] or len(frames_of(None)) == 5
    assert frames_of([3, 30, 31]) == [3, 30]


@pytest.mark.parametrize(
    "name",
    ["rtplan.dcm", "reportsi.dcm", "waveform_ecg.dcm", "image_dfl.dcm", "ExplVR_BigEnd.dcm"],
)
def test_objects_of_all_kinds(name: str) -> None:
    path = DATA / name
    data = path.read_bytes()
    head = pydicom.filereader.read_file_meta_info(path)
    offset = 144 + head.FileMetaInformationGroupLength
    source = Source(
        fetch=lambda at, size: data[offset + at : offset + at + size],
        size=len(data) - offset,
        sop_class_uid=str(head.MediaStorageSOPClassUID),
        sop_instance_uid=str(head.MediaStorageSOPInstanceUID),
        transfer_syntax_uid=str(head.TransferSyntaxUID),
    )
    found = examine(source, treatment("research"))
    text = page_of(found, "research")
    assert len(found.rows) > 20 or found.tags_note
    assert "<script" in text


def test_the_page_loads_nothing_and_quotes_what_it_shows() -> None:
    found = looked(PatientComments="<script>alert(1)</script>")
    text = page_of(found)
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert "http://" not in text.replace("http-equiv", "")
    assert "https://" not in text
    assert "url(" not in text
    assert found.treatment.recipe.plan.digest in text
    assert "conforms to PS3.15 Annex E" in text
