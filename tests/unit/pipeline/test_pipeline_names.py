"""Labels of a series by its names alone: each chain, link by link."""

from __future__ import annotations

import datetime as dt

import pytest

from causeway.pipeline.names import SeriesNames, labels, moment
from causeway.values import Identity


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
    ("fields", "expected"),
    [
        (
            {"acquisition_date": "20260104", "acquisition_time": "030405.9"},
            dt.datetime(2026, 1, 4, 3, 4, 5),  # noqa: DTZ001 (a scanner's clock)
        ),
        ({}, None),
    ],
)
def test_moment_is_of_the_scanners_clock(
    fields: dict[str, str], expected: dt.datetime | None
) -> None:
    assert moment(names(**fields)) == expected
