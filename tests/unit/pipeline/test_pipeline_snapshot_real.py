"""Snapshots of real objects against pydicom, attribute by attribute, and of hostile ones."""

from __future__ import annotations

import contextlib
import io
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from test_pipeline_header import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG, reader
from test_pipeline_header_real import KNOWN_DAMAGE, SHARED, objects

from causeway.attributes import Attributes
from causeway.errors import BadDataSet
from causeway.pipeline.header import read_header
from causeway.pipeline.snapshot import attributes_of

TEXTS = set("AE AS CS DA DS DT IS LO PN SH TM UC UI UR LT ST UT".split())  # noqa: SIM905
PROSE = {"LT", "ST", "UT"}
NUMBERS = set("US SS UL SL UV SV FL FD".split())  # noqa: SIM905


MANY = (MultiValue, list)


def disagreements(ours: Attributes, oracle: Dataset) -> list[str]:
    """Tags whose values differ. Where pydicom cannot decode, there is nothing to compare with."""
    wrong = []
    for tag in list(oracle.keys()):
        if tag >= 0x7FE00000 or tag.element == 0:
            continue
        written = oracle.get_item(tag)
        try:
            element = oracle[tag]
        except Exception:
            continue
        got = ours.values.get(int(tag))
        if element.VR == "SQ" or element.VR.startswith("O"):
            if got is not None and written.VR != "UN":
                wrong.append(f"{tag} {element.VR} is in it")
        elif element.VR in TEXTS:
            expected = theirs(element.value, prose=element.VR in PROSE)
            if got is None and tag.is_private:
                continue
            if got is None or not same(got, expected):
                wrong.append(f"{tag} {element.VR} {got!r} != {expected!r}")
        elif element.VR in NUMBERS and got is not None and not tag.is_private:
            values = element.value if isinstance(element.value, MANY) else [element.value]
            if element.value in (None, ""):
                values = []
            if [float(each) for each in got] != pytest.approx(values, rel=1e-6, nan_ok=True):
                wrong.append(f"{tag} {element.VR} {got!r} != {values!r}")
        elif (
            got is None
            and element.VR in NUMBERS
            and not tag.is_private
            and not (isinstance(element.value, MANY) and len(element.value) > 32)
        ):
            wrong.append(f"{tag} {element.VR} is missing")
    return wrong


def theirs(value: object, *, prose: bool) -> list[str]:
    if value is None:
        return []
    parts = list(value) if isinstance(value, MANY) else [value]
    written = (getattr(part, "original_string", None) for part in parts)
    found = [
        (each if isinstance(each, str) else str(part)).strip(" \0")
        for each, part in zip(written, parts, strict=True)
    ]
    if prose:
        found = ["\\".join(found)]
    return [] if found == [""] else found


def same(ours: tuple[str, ...], expected: list[str]) -> bool:
    joined = "\\".join(expected)
    if "�" in joined or "\x1b" in joined:
        # What it had to replace, or left escapes in, is what the decoder here does better.
        return True
    if len(joined) > 4000:
        return joined.startswith("\\".join(ours)[:1024])
    # pydicom leaves out the empty groups at the end of a name.
    if [each.rstrip("=") for each in ours] == [each[:1024].rstrip("=") for each in expected]:
        return True
    text = "\\".join(ours)
    return text.encode("latin-1", "replace").decode("utf-8", "replace") == joined or (
        joined.encode("latin-1", "replace").decode("utf-8", "replace") == text
    )


def references(oracle: Dataset) -> tuple[set[str], set[str]]:
    """Series and instances that are named at any depth."""
    series: set[str] = set()
    instances: set[str] = set()

    def look(items: object) -> None:
        for item in items:  # type: ignore[attr-defined]
            for element in item:
                if element.VR == "SQ":
                    look(element.value)
                elif element.tag == 0x0020000E and element.value:
                    series.add(str(element.value))
                elif element.tag == 0x00081155 and element.value:
                    instances.add(str(element.value))

    for tag in list(oracle.keys()):
        if tag < 0x7FE00000 and oracle[tag].VR == "SQ":
            look(oracle[tag].value)
    return series - {str(oracle.get("SeriesInstanceUID", ""))}, instances


def compare(paths: list[Path], *, at_least: int) -> None:
    compared = 0
    for path, syntax, data in objects(paths):
        try:
            ours = attributes_of(reader(data), len(data), syntax)
        except BadDataSet as error:
            if path.name not in KNOWN_DAMAGE:
                pytest.fail(f"{path}: {error}")
            continue
        oracle = pydicom.dcmread(io.BytesIO(path.read_bytes()), force=True)
        wrong = disagreements(ours, oracle)
        assert not wrong, f"{path}: {wrong}"
        series, instances = references(oracle)
        assert ours.referenced_series == series, path
        assert ours.referenced_instances <= instances, path
        assert len(ours.referenced_instances) == min(len(instances), 1024), path
        assert Attributes.from_json(ours.to_json()) == ours
        compared += 1
    assert compared >= at_least


@pytest.mark.filterwarnings("ignore")
def test_real_objects_against_pydicom() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    paths = [p for p in sorted(SHARED.rglob("*")) if p.is_file() and "fuzzing" not in str(p)]
    compare(paths, at_least=600)


@pytest.mark.filterwarnings("ignore")
def test_pydicoms_own_objects_against_pydicom() -> None:
    folder = Path(pydicom.__file__).parent / "data"
    compare(sorted(folder.rglob("*.dcm")), at_least=50)


KNOWN_PRIVATE = {"UN_sequence.dcm", "GDCMJ2K_TextGBR.dcm"}


def test_a_header_names_the_series_that_a_snapshot_does() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    named, missed = 0, set[str]()
    paths = [p for p in sorted(SHARED.rglob("*")) if p.is_file() and "fuzzing" not in str(p)]
    for path, syntax, data in objects(paths):
        try:
            header = read_header(reader(data), len(data), syntax)
        except BadDataSet:
            continue
        found = set(filter(None, header.referenced_series.split("\\")))
        attributes = attributes_of(reader(data), len(data), syntax)
        assert found <= attributes.referenced_series, path
        if found != attributes.referenced_series:
            missed.add(path.name)
        named += bool(found)
        for name, tag in (
            ("rows", 0x00280010),
            ("columns", 0x00280011),
            ("image_position", 0x00200032),
            ("image_orientation", 0x00200037),
        ):
            assert getattr(header, name) == (attributes.text(tag) or ""), path
    assert named >= 60
    # A header does not look into the directories of file sets and private sequences.
    assert all(name.startswith(("DICOMDIR", "DIRFILE")) or name in KNOWN_PRIVATE for name in missed)


def test_malformed_objects_cost_little_and_raise_only_bad_data_set() -> None:
    corpus = SHARED / "dicom-fuzzing-corpus"
    if not corpus.is_dir():
        pytest.skip(f"no fuzzing corpus at {corpus}")
    tried = 0
    for path in sorted(corpus.rglob("*.dcm")):
        whole = path.read_bytes()
        for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG, ""):
            for data in (whole, whole[132:], whole[332:]):
                started = time.thread_time()
                with contextlib.suppress(BadDataSet):
                    found = attributes_of(reader(data), len(data), syntax)
                    assert len(found.to_json()) < 1 << 20
                assert time.thread_time() - started < 2, path
                tried += 1
    assert tried > 4000
