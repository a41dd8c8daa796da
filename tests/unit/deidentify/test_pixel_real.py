"""Real images with text in them: what leaves shows none, and all else is as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from deid_parts import SUBJECT, plan, types
from pixel_objects import DICOM, data_of, dataset_of, decoded, load, real, snapshot

from causeway.deidentify.edit.clean import clean
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import (
    Frames,
    Held,
    Ocr,
    Pass,
    Prepared,
    Release,
    Rules,
    parse_rules,
    prepared,
    redact,
    tesseract,
)
from causeway.deidentify.pixels.area import Area, Rectangle
from causeway.deidentify.pixels.ocr import text_in
from causeway.deidentify.pixels.redact import has_pixels
from causeway.errors import BadDataSet
from causeway.part10 import NotSendable

pytestmark = real

SUMMARY = DICOM / "dcm_qa_ct/In/Philips/S21570/S4010"
ULTRASOUND = DICOM / "deid-data/deid_data/data/ultrasounds/GREYSCALE_IMAGE.dcm"
LOCALIZER = DICOM / "presidio/docs/samples/python/sample_data/2_ORIGINAL.dcm"
WITH_TEXT = {
    "patient": SUMMARY / "I40",
    "dose, BurnedInAnnotation=NO": SUMMARY / "I50",
    "results, BurnedInAnnotation=NO": SUMMARY / "I60",
    "ultrasound": ULTRASOUND,
    "CT localizer": LOCALIZER,
}
RULES = parse_rules(
    """
    [[rule]]
    name = "Exam Summary, patient"
    match = { manufacturer = "Philips*", image_type = "PATIENT_INFO", rows = 741, columns = 650 }
    blank = [[0, 0, 650, 690]]

    [[rule]]
    name = "Exam Summary, dose"
    match = { manufacturer = "Philips*", image_type = "DOSE_INFO", rows = 512, columns = 650 }
    blank = [[0, 0, 650, 120], [0, 258, 650, 132]]

    [[rule]]
    name = "Exam Summary, results"
    match = { manufacturer = "Philips*", image_type = "RESULTS", rows = 512, columns = 650 }
    blank = [[0, 0, 650, 150]]

    [[rule]]
    name = "EPIQ 5G"
    match = { model = "EPIQ 5G", modality = "US", rows = 768, columns = 1024 }
    keep = ["ultrasound-regions", [128, 90, 760, 600]]

    [[rule]]
    name = "Aquilion, localizer"
    match = { model = "Aquilion ONE", image_type = "LOCALIZER", rows = 552, columns = 394 }
    blank = [[0, 0, 260, 30]]
    """
)


@pytest.mark.parametrize("path", WITH_TEXT.values(), ids=WITH_TEXT)
def test_without_a_rule_it_is_held(path: Path):
    source = load(path)
    assert isinstance(prepared(source, snapshot(source), Rules()), Held)


def test_no_is_not_believed():
    for name in ("I50", "I60"):
        source = load(SUMMARY / name)
        assert dataset_of(source).BurnedInAnnotation == "NO"
        assert isinstance(prepared(source, snapshot(source), Rules()), Held)


@pytest.mark.parametrize("path", WITH_TEXT.values(), ids=WITH_TEXT)
def test_what_leaves_is_blank_there_and_the_same_elsewhere(path: Path):
    source = load(path)
    ready = prepared(source, snapshot(source), RULES)
    assert isinstance(ready, Prepared)
    assert ready.pixels_cleaned
    before, after = decoded(source), decoded(ready.source)
    mask = ready.area.mask(before.shape[1], before.shape[2])
    assert 0 < mask.sum() < mask.size
    assert before[:, mask].any()
    assert not after[:, mask].any()
    assert np.array_equal(before[:, ~mask], after[:, ~mask])


@pytest.mark.peer("tesseract")
@pytest.mark.parametrize("path", WITH_TEXT.values(), ids=WITH_TEXT)
def test_ocr_reads_it_before_and_not_after(path: Path):
    reader = tesseract()
    assert reader is not None
    source = load(path)
    ready = prepared(source, snapshot(source), replace(RULES, ocr=Ocr.HOLD, digest=""))
    assert isinstance(ready, Prepared)
    assert text_in(Frames(source), reader)
    assert not text_in(Frames(ready.source), reader)


@pytest.mark.peer("tesseract")
def test_ocr_finds_what_a_rule_has_missed():
    """The ultrasound regions of this device reach over its captions, as its rectangle does not."""
    missed = parse_rules(
        '[ocr]\nfound = "hold"\n[[rule]]\nname = "regions"\nmatch = { model = "EPIQ 5G" }\n'
        'keep = "ultrasound-regions"\n'
    )
    source = load(ULTRASOUND)
    held = prepared(source, snapshot(source), missed)
    assert isinstance(held, Held)
    assert held.code == "text-found"
    silent = prepared(source, snapshot(source), replace(missed, ocr=Ocr.OFF, digest=""))
    assert isinstance(silent, Prepared)
    assert not decoded(silent.source)[:, :38].any()


@pytest.mark.peer("tesseract")
def test_ocr_blanks_what_a_rule_has_missed_or_holds():
    """A rule blanks the name of this localizer, and not the birth date below of it."""
    rules = parse_rules(
        '[ocr]\nfound = "redact"\n[[rule]]\nname = "name"\n'
        'match = { model = "Aquilion*", rows = 552, columns = 394 }\nblank = [[0, 0, 394, 14]]\n'
    )
    source = load(LOCALIZER)
    ready = prepared(source, snapshot(source), rules)
    assert isinstance(ready, Prepared)
    assert ready.found_by_ocr
    before, after = decoded(source), decoded(ready.source)
    mask = ready.area.mask(552, 394)
    assert np.array_equal(before[:, ~mask], after[:, ~mask])
    assert mask.mean() < 0.1
    reader = tesseract()
    assert reader is not None
    assert not text_in(Frames(ready.source), reader)


def test_redaction_and_editing_compose():
    source = load(SUMMARY / "I50")
    ready = prepared(source, snapshot(source), RULES)
    assert isinstance(ready, Prepared)
    cleaned = clean(ready.source, plan=plan(), subject=SUBJECT, types=types,
                    pixels_cleaned=ready.pixels_cleaned)  # fmt: skip
    data = b"".join(cleaned.pieces())
    assert len(data) == cleaned.size
    found = dataset_of(replace(ready.source, fetch=lambda at, size: data[at : at + size],
                               size=len(data)))  # fmt: skip
    assert found.BurnedInAnnotation == "NO"
    assert found.PatientIdentityRemoved == "YES"
    assert found.PixelData == dataset_of(ready.source).PixelData


def test_a_release_leaves_the_pixels_alone():
    source = load(SUMMARY / "I10")
    person = Release(by="m.curie", why="a surview without text")
    ready = prepared(source, snapshot(source), Rules(), person)
    assert isinstance(ready, Prepared)
    assert isinstance(ready.verdict, Pass)
    assert not ready.pixels_cleaned
    assert data_of(ready.source) == data_of(source)
    assert ready.to_document()["released"] == {"by": "m.curie", "why": "a surview without text"}


def test_every_shared_object_is_blanked_or_doubted():
    """All vendors, all transfer syntaxes, and what was made to break readers."""
    done = 0
    syntaxes = set()
    alike = 0
    for path in sorted(path for path in DICOM.rglob("*") if path.is_file()):
        if {"dcm_qa_table", "dcm_qa_nih"} & set(path.parts):
            alike += 1
            if alike % 16:
                continue
        try:
            source = load(path)
            snapshot(source)
            if not has_pixels(source):
                continue
            frames = Frames(source)
            rows, columns = frames.image.rows, frames.image.columns
            area = Area(
                blank=(
                    Rectangle(
                        x=columns // 4, y=rows // 4, width=columns // 2 + 1, height=rows // 2 + 1
                    ),
                )
            )
            after = redact(source, area)
            again = Frames(after)
        except NotSendable:
            continue
        except (BadDataSet, Doubt):
            assert {"pydicom", "dicom-fuzzing-corpus"} & set(path.parts), path
            continue
        assert len(data_of(after)) == after.size
        assert len(again) == len(frames)
        mask = area.mask(rows, columns)
        for index in {0, len(frames) - 1}:
            (before, was), (cells, image) = frames.cells(index), again.cells(index)
            if image.shares_chroma:
                continue
            one, other = (
                np.moveaxis(each.reshape(form.samples, rows, columns), 0, -1)
                if form.samples > 1 and form.planar
                else each.reshape(rows, columns, form.samples)
                for each, form in ((before, was), (cells, image))
            )
            assert len(np.unique(other[mask], axis=0)) == 1, path
            assert one[~mask].tobytes() == other[~mask].tobytes(), path
        done += 1
        syntaxes.add(source.transfer_syntax_uid)
    assert done > 300
    assert len(syntaxes) >= 11
