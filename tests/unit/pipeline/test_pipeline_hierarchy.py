"""Labels: the platform's rules, and what a file system must never be given."""

# ruff: noqa: DTZ001 (what a scanner's clock says has no zone)

from __future__ import annotations

import datetime as dt
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.pipeline.hierarchy import (
    ACQUISITION_CHARACTERS,
    LABEL_BYTES,
    LABEL_CHARACTERS,
    SeriesNames,
    dated_uid,
    labels,
    parsed,
    sanitised,
)
from causeway.values import Identity


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("T2* ax/3D", "T2star ax_3D"),  # the platform's own example
        ("a/:<>?\\|\t\nb", "a_b"),
        ("ends with dots...", "ends with dots"),
        ("..", ""),
        ("../../etc/passwd", "_.._etc_passwd"),
        (".hidden", "hidden"),
        ("-rf", "_rf"),
        ("--", "_"),
        (" padded ", "padded"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("Console", "Console"),
        ('say "hi"', 'say "hi"'),
        ("x" * 100, "x" * 64),
        ("", ""),
        ("\x00\x01", "_"),
        ("Mu\u0308ller", "Müller"),
        ("abc\u202egpj", "abcgpj"),
        ("می‌خواهم", "می‌خواهم"),
        ("日" * 64, "日" * 64),
    ],
)
def test_sanitising(text: str, label: str) -> None:
    assert sanitised(text) == label


def test_long_labels_are_cut_between_characters() -> None:
    assert sanitised("日" * 128, characters=128) == "日" * (LABEL_BYTES // 3)
    assert sanitised("a" * 63 + ".b") == "a" * 63, "a cut must not leave a dot at the end"


@given(st.text(max_size=300), st.sampled_from([LABEL_CHARACTERS, ACQUISITION_CHARACTERS]))
def test_every_label_is_one_safe_name(text: str, characters: int) -> None:
    label = sanitised(text, characters=characters)
    assert "/" not in label
    assert os.sep not in label
    assert label not in (".", "..")
    assert not label.startswith((".", "-", " "))
    assert not label.endswith((".", " "))
    assert all(unicodedata.category(c) != "Cc" for c in label)
    assert len(label.encode()) <= LABEL_BYTES + 1
    assert len(label) <= characters + 1
    assert sanitised(label, characters=characters) == label or len(label) > characters


def names(identity: Identity | None = None, **fields: str) -> SeriesNames:
    return SeriesNames(
        identity=identity or Identity(),
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        **fields,
    )


def test_everything_present() -> None:
    full = labels(
        names(
            Identity(patient_id="P1", study_id="77", study_description="Brain"),
            series_description="T2* ax/3D",
            protocol_name="T2",
        )
    )
    assert (full.group, full.project) == ("unknown", "Unsorted")
    assert (full.subject, full.session, full.acquisition) == ("P1", "Brain", "T2star ax_3D")
    assert "P1" not in repr(full)
    assert "Brain" not in repr(full)


@pytest.mark.parametrize(
    ("identity", "subject"),
    [
        (Identity(patient_id="P1", study_id="77"), "P1"),
        (Identity(study_id="77"), "ex77"),
        (Identity(patient_id="..", study_id="77"), "ex77"),
        (Identity(patient_id="...", study_id=" "), "1.2.3"),
        (Identity(), "1.2.3"),
    ],
)
def test_subject(identity: Identity, subject: str) -> None:
    assert labels(names(identity)).subject == subject


@pytest.mark.parametrize(
    ("identity", "fields", "session"),
    [
        (Identity(study_description="Brain", study_date="20260102"), {}, "Brain"),
        (Identity(study_date="20260102", study_time="030405.6"), {}, "2026-01-02T03-04-05"),
        (Identity(study_date="20260102"), {}, "2026-01-02T12-00-00"),
        (
            Identity(),
            {"series_date": "20260103", "series_time": "0304", "acquisition_date": "20260104"},
            "2026-01-03T03-04-00",
        ),
        (Identity(), {"acquisition_date": "20260104"}, "2026-01-04T12-00-00"),
        (Identity(), {}, "1.2.3"),
    ],
)
def test_session(identity: Identity, fields: dict[str, str], session: str) -> None:
    assert labels(names(identity, **fields)).session == session


@pytest.mark.parametrize(
    ("fields", "acquisition"),
    [
        ({"series_description": "T1", "protocol_name": "P"}, "T1"),
        ({"protocol_name": "P"}, "P"),
        ({"acquisition_date": "20260104", "series_date": "20260103"}, "2026-01-04T12-00-00"),
        ({"series_date": "20260103"}, "2026-01-03T12-00-00"),
        ({}, "1.2.3.4"),
    ],
)
def test_acquisition(fields: dict[str, str], acquisition: str) -> None:
    assert labels(names(**fields)).acquisition == acquisition


def test_what_has_no_uid_either_still_has_a_label() -> None:
    bare = SeriesNames(identity=Identity(), study_instance_uid="..", series_instance_uid="")
    assert labels(bare).subject == labels(bare).acquisition == "unnamed"


@pytest.mark.parametrize(
    ("date", "time", "moment"),
    [
        ("20260102", "030405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("20260102", "030405.123456", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("2026.01.02", "03:04:05", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("20260102", "03", dt.datetime(2026, 1, 2, 3, 0, 0)),
        ("20260102", "235960", dt.datetime(2026, 1, 2, 23, 59, 59)),
        ("20260102", "", dt.datetime(2026, 1, 2, 12, 0, 0)),
        ("20260102", "250000", dt.datetime(2026, 1, 2, 12, 0, 0)),
        ("20260102", "noon", dt.datetime(2026, 1, 2, 12, 0, 0)),
        ("20260230", "030405", None),
        ("00000000", "", None),
        ("", "030405", None),
        ("2026", "", None),
    ],
)
def test_dates_and_times(date: str, time: str, moment: dt.datetime | None) -> None:
    assert parsed(date, time) == moment


@pytest.mark.parametrize(
    ("uid", "moment"),
    [
        (
            "1.3.12.2.1107.5.2.43.66044.2018091812240012345.0.0.0",
            dt.datetime(2018, 9, 18, 12, 24, 0),
        ),
        ("1.2.20260102030405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("1.2.20269902030405.20260102030405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("1.2.2026010203040", None),
        ("1.2.18260102030405", None),
        ("1.2.3", None),
    ],
)
def test_dates_in_uids(uid: str, moment: dt.datetime | None) -> None:
    assert dated_uid(uid) == moment
