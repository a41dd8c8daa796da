"""Dates, times, zones, and the dates that stand in UIDs."""

# ruff: noqa: DTZ001 (what a scanner's clock says has no zone)

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.decide.moments import (
    dated_uid,
    divided,
    in_zone,
    is_time,
    moment_label,
    moment_text,
    offset,
    parsed,
    parsed_date_time,
    zone_name,
)

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("date", "time", "moment"),
    [
        ("20260102", "030405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("20260102", "030405.123456", dt.datetime(2026, 1, 2, 3, 4, 5, 123456)),
        ("20260102", "030405.1", dt.datetime(2026, 1, 2, 3, 4, 5, 100000)),
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
        ("1.2.20250102030405.20260102030405", dt.datetime(2026, 1, 2, 3, 4, 5)),  # the last
        ("1.2.20260102030405.20260102990405", dt.datetime(2026, 1, 2, 3, 4, 5)),
        ("1.2.20260102990405", None),
        ("20260102030405.1.2", None),
        ("1.2.2026010203040", None),
        ("1.2.18260102030405", None),
        ("1.2.3", None),
    ],
)
def test_dates_in_uids(uid: str, moment: dt.datetime | None) -> None:
    assert dated_uid(uid) == moment


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("20260102030405", ("20260102", "030405", "")),
        ("20260102030405.25+0100 ", ("20260102", "030405.25", "+0100")),
        ("2026010203-0330", ("20260102", "03", "-0330")),
        ("20260102", ("20260102", "", "")),
        ("20260102+0100", ("20260102", "", "+0100")),
        ("", ("", "", "")),
        ("2026", ("", "", "")),
        ("202601", ("", "", "")),
        ("today", ("", "", "")),
        ("2026-01-02T03:04", ("", "", "")),
    ],
)
def test_date_times(text: str, parts: tuple[str, str, str]) -> None:
    assert divided(text) == parts


def test_a_date_time_is_a_moment_and_a_zone() -> None:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 250000)
    assert parsed_date_time("20260102030405.25") == (at, None)
    assert parsed_date_time("20260102030405.25+0100") == (at, dt.timezone(dt.timedelta(hours=1)))
    assert parsed_date_time("20261302") is None
    assert parsed_date_time("2026") is None


@pytest.mark.parametrize(
    ("text", "known"), [("03", True), ("030405.1", True), ("", False), ("24", False), ("x", False)]
)
def test_times_that_can_be_read(text: str, known: bool) -> None:
    assert is_time(text) is known


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+0100", 60), ("-0500", -300), ("0530", 330), (" +1400 ", 840), ("-0000", 0)],
)
def test_offsets(text: str, minutes: int) -> None:
    found = offset(text)
    assert found is not None
    assert found.utcoffset(None) == dt.timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "+1", "+1500", "+0160", "Europe/Berlin", "+01:00"])
def test_no_offsets(text: str) -> None:
    assert offset(text) is None


@pytest.mark.parametrize(
    ("moment", "said", "told"),
    [
        (dt.datetime(2026, 1, 2, 3, 4, 5, 6789), None, "2026-01-02T03:04:05.006+01:00"),
        (dt.datetime(2026, 7, 2, 3, 4, 5), None, "2026-07-02T03:04:05.000+02:00"),
        (dt.datetime(2026, 1, 2, 3, 4, 5), "-0500", "2026-01-02T09:04:05.000+01:00"),
        # The hour that comes twice is the first; one that never is keeps what the clock said.
        (dt.datetime(2026, 10, 25, 2, 30), None, "2026-10-25T02:30:00.000+02:00"),
        (dt.datetime(2026, 3, 29, 2, 30), None, "2026-03-29T02:30:00.000+01:00"),
        (dt.datetime(1, 1, 1), "+1400", "0001-01-01T00:00:00.000+14:00"),
    ],
)
def test_moments_are_told_in_the_sites_zone(
    moment: dt.datetime, said: str | None, told: str
) -> None:
    assert moment_text(in_zone(moment, offset(said or ""), BERLIN)) == told


def test_labels_of_moments() -> None:
    assert moment_label(dt.datetime(2026, 1, 2, 3, 4, 5, 6789, BERLIN)) == "2026-01-02T03-04-05"
    assert moment_label(dt.datetime(19, 1, 2)) == "0019-01-02T00-00-00"
    assert moment_label(None) == ""


def test_names_of_zones() -> None:
    assert zone_name(BERLIN) == "Europe/Berlin"
    assert zone_name(dt.UTC) == "UTC"


@given(st.text(max_size=40) | st.text("0123456789.+-: ", max_size=40), st.text(max_size=20))
def test_no_text_is_too_much(text: str, other: str) -> None:
    for moment in (parsed(text, other), parsed(other, text), dated_uid(text)):
        assert moment is None or moment.tzinfo is None
        assert moment is None or in_zone(moment, offset(other), BERLIN).tzinfo is not None
    date, time, said = divided(text)
    assert parsed(date, time) is None or date
    assert offset(said) is None or said
    offset(text)


@given(st.datetimes(timezones=st.none()), st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_the_same_in_every_zone(moment: dt.datetime, minutes: int) -> None:
    said = dt.timezone(dt.timedelta(minutes=minutes))
    sign = "-" if minutes < 0 else "+"
    written = f"{moment:%m%d%H%M%S}.{moment.microsecond:06d}"
    text = f"{moment.year:04d}{written}{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    date, time, offset_text = divided(text)
    at = parsed(date, time)
    assert at is not None
    assert in_zone(at, offset(offset_text), BERLIN) == moment.replace(tzinfo=said)
