"""Pseudonyms: stable for all time, the same everywhere, and telling nothing without the key."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity import (
    Aliases,
    Identities,
    PatientKey,
    ProjectKey,
    ShiftRules,
    identities,
    project_key,
    read_aliases,
)
from causeway.deidentify.identity.ages import capped_age, is_over
from causeway.deidentify.identity.dates import shift_days, shifted_date, shifted_date_time
from causeway.errors import ConfigurationError

SECRET = "8f3c1d5e7a9b20416283a5c7e9fb0d1f2a4c6e8091b3d5f70a1c2e3b4d5f6a78"
KEY = project_key("study-1", SECRET)
OTHER = project_key("study-2", SECRET[::-1])
PATIENT = PatientKey(patient_id="4711", issuer="HOSPITAL")
SUBJECT = identities(KEY, PATIENT)

texts = st.text(max_size=64)


# --- what must never change -----------------------------------------------------------------------


def test_pseudonyms_are_those_of_the_first_release() -> None:
    """A change here separates what was sent from what will be: it needs a new kind of key."""
    assert KEY.id == "study-1-8b55c84a"
    assert SUBJECT.uid("1.2.840.113619.2.1") == "2.25.329688019461563406335787390551424663187"
    assert SUBJECT.patient_id() == "CLCLPTMQWN26QLOH"
    assert SUBJECT.token("00080050", "A123") == "2BWXR24422LCDIHG"
    assert SUBJECT.shift_days == -3612
    assert SUBJECT.date("20200229") == "20100410"
    assert SUBJECT.uid("Größe") == "2.25.111145315513313902170243202855944152990"


def test_another_process_makes_the_same() -> None:
    program = (
        "from causeway.deidentify.identity import *\n"
        f"key = project_key('study-1', '{SECRET}')\n"
        "it = identities(key, PatientKey(patient_id=' 4711 ', issuer='HOSPITAL '))\n"
        "print(it.uid('1.2.3'), it.patient_id(), it.token('a', 'b'), it.date('20200229'))\n"
    )
    for seed in ("1", "2"):
        told = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout.split()
        assert told == [
            SUBJECT.uid("1.2.3"),
            SUBJECT.patient_id(),
            SUBJECT.token("a", "b"),
            SUBJECT.date("20200229"),
        ]


# --- UIDs -----------------------------------------------------------------------------------------


@given(texts)
def test_uids_are_uuids_of_version_8(uid: str) -> None:
    made = SUBJECT.uid(uid)
    assert made.startswith("2.25.")
    assert len(made) <= 44
    assert not made.startswith("2.25.0")
    number = uuid.UUID(int=int(made.removeprefix("2.25.")))
    assert number.version == 8
    assert number.variant == uuid.RFC_4122


@given(texts, texts)
def test_uids_and_tokens_differ_as_their_originals_do(first: str, second: str) -> None:
    assert (SUBJECT.uid(first) == SUBJECT.uid(second)) == (first == second)
    assert (SUBJECT.token("a", first) == SUBJECT.token("a", second)) == (first == second)
    assert SUBJECT.token("a", first) != SUBJECT.token("b", first)


def test_uids_are_those_of_the_project_and_not_of_the_patient() -> None:
    other = identities(KEY, PatientKey(patient_id="other"))
    assert other.uid("1.2.3") == SUBJECT.uid("1.2.3")
    assert identities(OTHER, PATIENT).uid("1.2.3") != SUBJECT.uid("1.2.3")


# --- patients -------------------------------------------------------------------------------------


def test_a_patient_is_an_id_and_who_issued_it() -> None:
    same = identities(KEY, PatientKey(patient_id=" 4711", issuer="HOSPITAL  "))
    elsewhere = identities(KEY, PatientKey(patient_id="4711", issuer="CLINIC"))
    assert same.patient_id() == SUBJECT.patient_id()
    assert elsewhere.patient_id() != SUBJECT.patient_id()
    assert identities(OTHER, PATIENT).patient_id() != SUBJECT.patient_id()


def test_another_patient_whom_an_object_names_is_as_in_their_own() -> None:
    donor = identities(KEY, PatientKey(patient_id="4712", issuer="HOSPITAL"))
    assert SUBJECT.patient_id("4712 ") == donor.patient_id()
    assert SUBJECT.patient_id(" 4711 ") == SUBJECT.patient_id() == SUBJECT.patient_id(None)


@pytest.mark.parametrize("patient_id", ["", "   "])
def test_nobody_has_no_pseudonym(patient_id: str) -> None:
    with pytest.raises(Doubt) as caught:
        identities(KEY, PatientKey(patient_id=patient_id))
    assert caught.value.code == "no_patient_id"


def test_nothing_shows_whom_it_is_about() -> None:
    shown = repr(SUBJECT) + repr(identities(KEY, PATIENT, aliases=ALIASES)) + repr(ALIASES)
    for secret in ("4711", "HOSPITAL", SECRET, "Subject 7", str(SUBJECT.shift_days)):
        assert secret not in shown
    assert str(KEY.secret) not in shown


# --- aliases --------------------------------------------------------------------------------------

ALIASES = Aliases(
    subjects={("HOSPITAL", "4711"): "Subject 7", ("", "4712"): "Subject 7", ("", "1"): "One"}
)


def test_an_alias_is_the_patient_id_and_moves_dates_alike() -> None:
    first = identities(KEY, PATIENT, aliases=ALIASES)
    second = identities(KEY, PatientKey(patient_id="4712", issuer="CLINIC"), aliases=ALIASES)
    unknown = identities(KEY, PatientKey(patient_id="9"), aliases=ALIASES)
    assert first.patient_id() == second.patient_id() == "Subject 7"
    assert first.shift_days == second.shift_days
    assert unknown.patient_id() == identities(KEY, PatientKey(patient_id="9")).patient_id()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "aliases.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_aliases_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, "\ufeffsubject,patient_id,issuer\nS-1, 4711 ,HOSPITAL\n\nS-1,0815,\nS-2,Ü1,X\n"
    )
    found = read_aliases(path)
    assert found.of("HOSPITAL", "4711") == "S-1"
    assert found.of("CLINIC", "4711") is None
    assert found.of("CLINIC", "0815") == "S-1"
    assert found.of("X", "Ü1") == "S-2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "patient,subject\n1,2\n",
        "patient_id,subject\n4711,\n",
        "patient_id,subject\n,S-1\n",
        "patient_id,subject\n4711,a/b\n",
        "patient_id,subject\n4711\n",
        "patient_id,subject\n4711,S-1\n4711,S-2\n",
        'patient_id,subject\n"4711,S-1\n' + "x" * 200_000,
    ],
)
def test_files_that_hold_no_aliases_are_refused_without_quoting_them(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_aliases(written(tmp_path, text))
    assert "4711" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "aliases.csv"
    with pytest.raises(ConfigurationError):
        read_aliases(path)
    path.write_bytes("patient_id,subject\nM\xfcller,S-1\n".encode("latin-1"))
    with pytest.raises(ConfigurationError):
        read_aliases(path)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        SECRET[:-1],
        SECRET + "00",
        "0" * 64,
        "0123456789abcdef" * 4,
        b"correct horse battery staple tru".hex(),
        "g" * 64,
        bytes(range(0x41, 0x41 + 16)).hex() * 2,
    ],
)
def test_keys_that_are_none_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        project_key("study", text)
    if text:
        assert text not in str(caught.value)


@pytest.mark.parametrize("id_", ["", "a b", "../x", "x" * 65, "-a"])
def test_ids_of_keys_are_labels(id_: str) -> None:
    with pytest.raises(ConfigurationError):
        project_key(id_, SECRET)


def test_a_key_may_be_written_in_lines_and_in_capitals() -> None:
    assert project_key("study-1", f" {SECRET[:32].upper()}\n{SECRET[32:]}\n") == KEY


def test_a_key_that_was_replaced_under_its_name_has_another_id() -> None:
    assert project_key("study-1", SECRET[::-1]).id != KEY.id


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == f"ProjectKey(id='{KEY.id}')"


@given(texts, texts)
def test_uses_of_a_key_are_apart(first: str, second: str) -> None:
    uses = ("uid", "date", "token a", "token b", "subkey")
    assert len({KEY.keyed(use, first) for use in uses}) == len(uses)
    assert KEY.subkey("crosswalk") != KEY.secret
    assert (KEY.keyed("uid", first) == KEY.keyed("uid", second)) == (first == second)


# --- dates ----------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=20), st.integers(1, 5000), st.integers(1, 40))
def test_shifts_are_whole_steps_into_the_past(patient: str, most: int, step: int) -> None:
    rules = ShiftRules(most_days=max(most, step), multiple_of=step)
    days = shift_days(KEY, patient, rules)
    assert days % step == 0
    assert -rules.most_days <= days <= -step


def test_shifts_are_spread_over_what_is_allowed() -> None:
    days = {shift_days(KEY, str(n), ShiftRules()) for n in range(2000)}
    assert len(days) > 500
    assert min(days) < -3500
    assert max(days) == -7


@pytest.mark.parametrize(("most", "step"), [(0, 1), (6, 7), (5, 0)])
def test_shifts_of_nothing_are_refused(most: int, step: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        ShiftRules(most_days=most, multiple_of=step)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("20200229", "20200222"),
        ("2020.02.29", "2020.02.22"),
        (" 20200101 ", "20191225"),
        ("20200101-20200108", "20191225-20200101"),
        ("20200101-", "20191225-"),
        ("-20200108", "-20200101"),
        ("", None),
        ("-", None),
        ("20200230", None),
        ("20201301", None),
        ("2020", None),
        ("202001", None),
        ("2020-01-01", None),
        ("2020.0101", None),
        ("00010101", None),
        ("20200101 120000", None),
        ("٢٠٢٠٠١٠١", None),
        ("20200101\\20200102", None),
        ("yesterday", None),
    ],
)
def test_dates(text: str, moved: str | None) -> None:
    assert shifted_date(text, -7) == moved


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("20200101", "20191225"),
        ("20200101120000", "20191225120000"),
        ("20200101120000.123456", "20191225120000.123456"),
        ("20200101120000.1+0100", "20191225120000.1+0100"),
        ("20200101-0500", "20191225-0500"),
        ("2020", "2019"),
        ("202003", "202002"),
        ("2020010112", "2019122512"),
        ("202001011230-1130", "201912251230-1130"),
        ("20200101120060", "20191225120060"),
        ("20200108-20200115", "20200101-20200108"),
        ("20200108120000+0100-20200115", "20200101120000+0100-20200108"),
        ("20200108-", "20200101-"),
        ("-2021", "-2020"),
        ("2020010124", None),
        ("20200101126000", None),
        ("20200101120000.1234567", None),
        ("20200101120000.", None),
        ("202001011", None),
        ("20200101+2500", None),
        ("20200101 12", None),
        ("2020010112000012345678", None),
        ("", None),
        ("-", None),
    ],
)
def test_date_times(text: str, moved: str | None) -> None:
    assert shifted_date_time(text, -7) == moved


@given(st.dates(min_value=dt.date(1850, 1, 1)), st.integers(-5000, -1))
def test_intervals_stay(date: dt.date, days: int) -> None:
    moved = shifted_date(date.strftime("%Y%m%d").zfill(8), days)
    assert moved is not None
    assert dt.date.fromisoformat(moved) - date == dt.timedelta(days=days)
    time = shifted_date_time(f"{date:%Y%m%d}235959.999999", days)
    assert time == f"{moved}235959.999999"


@given(st.text(max_size=30), st.integers(-5000, -1))
def test_no_text_is_too_much_for_dates(text: str, days: int) -> None:
    for moved in (shifted_date(text, days), shifted_date_time(text, days)):
        assert moved is None or set(moved) <= set("0123456789.+-")


# --- ages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "capped"),
    [
        ("089Y", "089Y"),
        ("090Y", "090Y"),
        ("120Y", "090Y"),
        ("7Y", "007Y"),
        ("045y", "045Y"),
        ("999M", "999M"),
        ("999D", "999D"),
        ("", ""),
        ("Y", ""),
        ("1000Y", ""),
        ("91", ""),
        ("ninety", ""),
    ],
)
def test_ages(text: str, capped: str) -> None:
    assert capped_age(text) == capped


@pytest.mark.parametrize(
    ("age", "born", "at", "over"),
    [
        ("091Y", "", "", True),
        ("089Y", "", "", False),
        ("", "19300101", "20191231", False),
        ("", "19300101", "20200101", True),
        ("", "1930.01.01", "2020.01.01", True),
        ("080Y", "19300101", "20210101", True),
        ("", "nonsense", "20200101", False),
        ("", "19300101", "", False),
    ],
)
def test_who_is_over_89(age: str, born: str, at: str, over: bool) -> None:
    assert is_over(age, born, at) is over


def test_the_birth_date_goes_with_an_age_over_89() -> None:
    old = identities(KEY, PATIENT, is_over_89=True)
    assert old.birth_date("19200101") is None
    assert old.date("20200101") is not None
    assert SUBJECT.birth_date("19700101") == SUBJECT.date("19700101")


def test_the_types_are_what_the_editor_asks_for() -> None:
    from causeway.deidentify.subject import Subject

    subject: Subject = SUBJECT
    assert isinstance(subject, Identities)
    assert isinstance(KEY, ProjectKey)
