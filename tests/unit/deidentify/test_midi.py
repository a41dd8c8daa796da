"""The ten checks of MIDI-B's scoring, over synthetic studies, with the maps that we export.

After CBIIT/MIDI_validation_script, ``curation_validator.py``: each check asks one thing of one
attribute of one object, and over-removal costs as much as a leak. Values are compared as that
script does: a UID or Patient ID by the exported map, text by words, pixels by digest. One
difference: that a region shows no text is not read by OCR but compared with the region's values.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from deid_parts import KEY
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from causeway.deidentify.edit.clean import Source, clean
from causeway.deidentify.identity import PatientKey, identities
from causeway.deidentify.pixels import Held, Prepared, Rectangle, Release, Rules, prepared
from causeway.deidentify.profile import compile_profile, load_profile
from causeway.deidentify.proof import Maps, prove
from causeway.deidentify.standard import attribute_type
from causeway.pipeline.snapshot import attributes_of
from causeway.testing.phantom import (
    CT_PATIENT,
    MR_PATIENT,
    Instance,
    Patient,
    ct_study,
    make_instance,
    mr_study,
)

PLAN = compile_profile(load_profile("research"))
TEXT = Rectangle(x=4, y=4, width=24, height=8)
CAPTURE = "OT"
CHECKS = (
    "tag_retained",
    "text_notnull",
    "text_retained",
    "text_removed",
    "date_shifted",
    "uid_changed",
    "uid_consistent",
    "patid_consistent",
    "pixels_hidden",
    "pixels_retained",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is asked of an attribute."""

    check: str
    path: tuple[str | int, ...] = ()
    text: str = ""


def answers(before: Dataset) -> Iterator[Answer]:
    """The answer key of one object."""
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        for check in ("uid_changed", "uid_consistent", "tag_retained"):
            yield Answer(check, (keyword,))
    if "FrameOfReferenceUID" in before:
        yield Answer("uid_consistent", ("FrameOfReferenceUID",))
    if "ReferencedImageSequence" in before:
        path = ("ReferencedImageSequence", 0, "ReferencedSOPInstanceUID")
        yield Answer("uid_changed", path)
        yield Answer("uid_consistent", path)
    yield Answer("patid_consistent", ("PatientID",))
    yield Answer("text_notnull", ("PatientID",))
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        if before.get(keyword):
            yield Answer("date_shifted", (keyword,))
    for keyword in ("PatientName", "AccessionNumber", "PatientBirthDate", "PatientComments"):
        if before.get(keyword):
            yield Answer("text_removed", (keyword,), str(before[keyword].value))
    if before.get("InstitutionName"):
        yield Answer("text_removed", ("InstitutionName",), before.InstitutionName)
    yield Answer("text_removed", ("StudyDescription",), "Quacksalber")
    yield Answer("tag_retained", ("StudyDescription",))
    for keyword in ("PatientSex", "PatientAge", "Modality", "BodyPartExamined"):
        if before.get(keyword):
            yield Answer("text_retained", (keyword,), before[keyword].value)
    for keyword in ("SliceThickness", "KVP", "RepetitionTime", "PixelSpacing", "Rows"):
        if before.get(keyword):
            yield Answer("text_retained", (keyword,), str(before[keyword].value))
    for keyword in ("SOPClassUID", "InstanceNumber", "PhotometricInterpretation"):
        yield Answer("text_retained", (keyword,), str(before[keyword].value))
    yield Answer("pixels_hidden" if is_capture(before) else "pixels_retained")


def is_capture(data_set: Dataset) -> bool:
    return bool(data_set.Modality == CAPTURE)


def value(data_set: Dataset, path: tuple[str | int, ...]) -> object:
    """None for what is not there."""
    found: object = data_set
    for step in path:
        if isinstance(step, int):
            found = found[step]  # type: ignore[index]
        elif step not in found:  # type: ignore[operator]
            return None
        else:
            found = found[step].value  # type: ignore[index]
    return found


def passes(
    answer: Answer, before: Dataset, after: Dataset, uids: dict[str, str], patients: dict[str, str]
) -> bool:
    """As ``validate_…`` of the script decides, an attribute that is gone included."""
    old, new = (str(value(each, answer.path) or "") for each in (before, after))
    there = value(after, answer.path) is not None
    match answer.check:
        case "tag_retained":
            return there
        case "text_notnull":
            return bool(new)
        case "text_retained":
            return answer.text.lower() in new.lower()
        case "text_removed":
            return not any(word in new.lower() for word in answer.text.lower().split())
        case "date_shifted" | "uid_changed":
            return not there or old not in new
        case "uid_consistent":
            return not there or new == uids.get(old, "")
        case "patid_consistent":
            return not there or new == patients.get(old, "")
        case "pixels_retained":
            return digest(before) == digest(after)
        case "pixels_hidden":
            shown, hidden = image(before)[TEXT.slices()], image(after)[TEXT.slices()]
            return len(np.unique(shown)) > 1 and len(np.unique(hidden)) == 1
    raise AssertionError(answer.check)


def digest(data_set: Dataset) -> str:
    return hashlib.md5(data_set.PixelData).hexdigest()


def image(data_set: Dataset) -> np.ndarray:  # type: ignore[type-arg]
    return np.frombuffer(data_set.PixelData, "<u2").reshape(data_set.Rows, data_set.Columns)


# --- the studies ----------------------------------------------------------------------------------

SAID = {
    "StudyDescription": "MR brain for Dr Quacksalber",
    "InstitutionName": "Charlatan General",
    "PatientComments": "Hauptweg 7",
    "ReferringPhysicianName": "Quacksalber^Ottokar",
    "StudyDate": "20240311",
    "SeriesDate": "20240311",
    "AcquisitionDate": "20240311",
    "ContentDate": "20240312",
}


def studies() -> Iterator[tuple[Patient, Instance]]:
    """Two that look like something, and one with text in a picture and references."""
    yield from ((CT_PATIENT, each) for each in ct_study(slices=3, matrix=64))
    yield from ((MR_PATIENT, each) for each in mr_study(slices=3, matrix=64))
    for patient in (CT_PATIENT, MR_PATIENT):
        for number in (1, 2):
            reference = Dataset()
            reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
            reference.ReferencedSOPInstanceUID = f"1.2.826.0.1.3680043.8.498.77.{3 - number}"
            yield (
                patient,
                make_instance(
                    "MR",
                    rows=32,
                    columns=64,
                    patient=patient,
                    instance_number=number,
                    sop_instance_uid=f"1.2.826.0.1.3680043.8.498.77.{number}",
                    study_instance_uid=f"1.2.826.0.1.3680043.8.498.78.{patient.patient_id[-1]}",
                    ReferencedImageSequence=[reference],
                    **SAID,
                ),
            )
        yield (
            patient,
            make_instance("OT", rows=32, columns=64, patient=patient, pixels=lettering(), **SAID),
        )


def lettering() -> bytes:
    """A picture with something in its corner."""
    pixels = np.full((32, 64), 100, "<u2")
    pixels[TEXT.slices()][::2, ::3] = 4000
    return pixels.tobytes()


@dataclass(frozen=True, slots=True)
class Scored:
    objects: tuple[tuple[Dataset, Dataset], ...]
    uids: dict[str, str]
    patients: dict[str, str]


@cache
def scored() -> Scored:
    """Every object through pixels, editor and proof; the maps read back from their CSV."""
    maps = Maps()
    objects = []
    for patient, instance in studies():
        data = instance.data_set
        source = Source(
            fetch=lambda offset, size, data=data: data[offset : offset + size],  # type: ignore[misc]
            size=len(data),
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
        )
        ready = prepared(source, attributes_of(source.fetch, source.size, EXPLICIT), Rules())
        if isinstance(ready, Held):
            look = Release(by="a person", regions=(TEXT,) if instance.modality == CAPTURE else ())
            seen = attributes_of(source.fetch, source.size, EXPLICIT)
            ready = prepared(source, seen, Rules(), look)
        assert isinstance(ready, Prepared)
        subject = identities(KEY, PatientKey(patient_id=patient.patient_id))
        made = clean(
            ready.source,
            plan=PLAN,
            subject=subject,
            types=attribute_type,
            pixels_cleaned=ready.pixels_cleaned,
        )
        prove(ready.source, made, PLAN, pseudonyms=[subject.patient_id()])
        maps.add(made.uids, patient_id=patient.patient_id, subject=subject.patient_id())
        after = read_dataset(io.BytesIO(b"".join(made.pieces())), False, True)
        objects.append((read_dataset(io.BytesIO(data), False, True), after))
    uids, patients = (
        {row["id_old"]: row["id_new"] for row in csv.DictReader(io.StringIO(text))}
        for text in (maps.uid_map(), maps.patient_map())
    )
    return Scored(tuple(objects), uids, patients)


EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("check", CHECKS)
def test_every_required_action_is_done(check: str) -> None:
    found = scored()
    asked, wrong = 0, []
    for before, after in found.objects:
        for answer in answers(before):
            if answer.check != check:
                continue
            asked += 1
            if not passes(answer, before, after, found.uids, found.patients):
                wrong.append((before.Modality, answer.path))
    assert asked
    assert not Counter(wrong)


def test_the_checks_fail_for_what_was_not_cleaned() -> None:
    """Each of them, so that none passes because it asks nothing."""
    found = scored()
    failed = set()
    for before, _ in found.objects:
        for answer in answers(before):
            if not passes(answer, before, before, found.uids, found.patients):
                failed.add(answer.check)
    kept = {"tag_retained", "text_notnull", "text_retained", "pixels_retained"}
    assert failed == set(CHECKS) - kept
    empty = Dataset()
    for before, _ in found.objects:
        for answer in answers(before):
            if answer.check in kept - {"pixels_retained"}:
                assert not passes(answer, before, empty, found.uids, found.patients)


def test_each_object_says_that_it_was_deidentified() -> None:
    for _, after in scored().objects:
        assert after.PatientIdentityRemoved == "YES"
        assert after.LongitudinalTemporalInformationModified == "MODIFIED"
        assert Tag(0x00120064) in after
        assert (after.get("BurnedInAnnotation") == "NO") == is_capture(after)
