"""The search must be able to find, or finding nothing says nothing."""

from __future__ import annotations

import base64

import pytest

from causeway.testing.planted import Planted

PLANTED = Planted.of(seed=3)


@pytest.mark.parametrize(
    ("what", "output"),
    [
        ("family_name", PLANTED.patient_name),
        ("family_name", f"stored {PLANTED.family_name.upper()}"),
        ("given_name", f"/archive/{PLANTED.given_name}/1.zip"),
        ("patient_id", PLANTED.patient_id),
        ("patient_id", PLANTED.patient_id[3:]),
        ("birth_date", PLANTED.birth_date),
        ("study_description", PLANTED.study_description.split()[1]),
        ("uid", f"{PLANTED.series_instance_uid}.17"),
        ("family_name", PLANTED.patient_name.encode("utf-16-le")),
        ("family_name", PLANTED.patient_name.encode().hex()),
        ("family_name", base64.b64encode(b"x" + PLANTED.patient_name.encode() + b"yy")),
        ("family_name", b"\xff\xfe" + PLANTED.family_name.encode() + b"\xff"),
    ],
)
def test_found(what: str, output: str | bytes) -> None:
    assert what in {leak.what for leak in PLANTED.leaks(output)}


def test_dates_as_people_write_them() -> None:
    date = PLANTED.birth_date
    for form in (
        f"{date[:4]}-{date[4:6]}-{date[6:]}",
        f"{date[6:]}.{date[4:6]}.{date[:4]}",
        f"{date[4:6]}/{date[6:]}/{date[:4]}",
    ):
        assert [leak.what for leak in PLANTED.leaks(f"born {form}")] == ["birth_date"]


def test_nothing_found_in_what_is_clean() -> None:
    assert PLANTED.leaks("series 12 complete, 34 instances, 2026-11-20T19:00:00Z") == []
    assert Planted.of(seed=4).leaks(PLANTED.patient_name) == []
    assert PLANTED.patient_name not in repr(PLANTED)


def test_every_planted_value_is_in_the_data_set() -> None:
    found = {leak.what for leak in PLANTED.leaks(PLANTED.encoded())}
    assert found == {what for what, _ in PLANTED.forms()}
