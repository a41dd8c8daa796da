"""Names, sex, age and weight as headers write them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.decide.people import (
    Name,
    age_at,
    age_of,
    full_name,
    name_of,
    sex_of,
    weight_of,
)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("DOE^JANE", "Jane", "Doe"),
        ("doe^jane", "Jane", "Doe"),
        ("Doe^Jane^Mary", "Jane Mary", "Doe"),
        ("Doe^Jane^Mary^Dr^MD", "Jane Mary", "Doe"),
        ("DOE^JANE^^DR", "Jane", "Doe"),
        ("McDonald^Ronald", "Ronald", "McDonald"),
        ("van Dyck^Anton", "Anton", "van Dyck"),
        ("MÜLLER^JÜRGEN", "Jürgen", "Müller"),
        ("O'BRIEN^ANNE-MARIE", "Anne-Marie", "O'Brien"),
        ("DOE^", "", "Doe"),
        ("^JANE", "Jane", ""),
        ("^^^^", "", ""),
        ("DOE", "", "Doe"),
        ("Jane Doe", "Jane", "Doe"),
        ("JANE MARY DOE", "Jane Mary", "Doe"),
        ("  Jane   Doe ", "Jane", "Doe"),
        ("Doe, Jane Mary", "Jane Mary", "Doe"),
        # Component groups: alphabetic, ideographic, phonetic (PS3.5 H.3).
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Tarou", "Yamada"),
        ("=山田^太郎=やまだ^たろう", "太郎", "山田"),
        ("==やまだ^たろう", "たろう", "やまだ"),
        ("^^=山田^太郎", "太郎", "山田"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Gildong", "Hong"),
        ("", "", ""),
        ("  ", "", ""),
    ],
)
def test_names(text: str, first: str, last: str) -> None:
    assert name_of(text) == Name(first=first, last=last)
    assert full_name(text) == f"{first} {last}".strip()


def test_a_name_hides_itself() -> None:
    assert "Doe" not in repr(name_of("Doe^Jane"))


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("M", "male"),
        ("f ", "female"),
        ("O", "other"),
        ("Female", "female"),
        ("unknown", "unknown"),
        ("malevolent", ""),  # another's rule takes what begins with "male"
        ("X", ""),
        ("", ""),
    ],
)
def test_sexes(text: str, sex: str) -> None:
    assert sex_of(text) == sex


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("034Y", 1_072_958_400),
        ("34", 1_072_958_400),
        ("006M", 15_552_000),
        ("002W", 1_209_600),
        ("010D", 864_000),
        ("010d", 864_000),
        ("000Y", 0),
        ("-34Y", None),
        ("6 months", None),
        ("0.5Y", None),
        ("Y", None),
        ("", None),
    ],
)
def test_ages(text: str, seconds: int | None) -> None:
    assert age_of(text) == seconds


def test_age_by_birth_date() -> None:
    assert age_at(dt.date(2026, 1, 1), dt.date(2026, 1, 11)) == 864_000
    assert age_at(dt.date(2026, 1, 11), dt.date(2026, 1, 11)) == 0
    assert age_at(dt.date(2026, 1, 12), dt.date(2026, 1, 11)) is None


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("70", 70.0),
        (" 70.5 ", 70.5),
        ("7e1", 70.0),
        ("0", 0.0),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("1_0", None),
        ("70 kg", None),
        ("", None),
    ],
)
def test_weights(text: str, weight: float | None) -> None:
    assert weight_of(text) == weight


@given(st.text(max_size=80) | st.text("^= ,Aa山", max_size=40))
def test_no_text_is_too_much(text: str) -> None:
    name = name_of(text)
    assert "^" not in full_name(text)
    assert name.first == name.first.strip()
    assert name.last == name.last.strip()
    sex_of(text)
    age_of(text)
    weight_of(text)
