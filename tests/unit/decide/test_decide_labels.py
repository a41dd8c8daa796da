"""Labels: the platform's rules, and what a file system must never be given."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.decide.labels import (
    ACQUISITION_CHARACTERS,
    LABEL_BYTES,
    LABEL_CHARACTERS,
    first_label,
    group_id,
    sanitised,
)


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
        ("con" + " " * 70 + "x", "_con"),
        ("*\u0327", "sta\u0157"),
        ("half \ud83d a pair", "half _ a pair"),
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
    assert len(label.encode()) <= LABEL_BYTES
    assert len(label) <= characters


@given(st.text(max_size=300) | st.text("*-. \u0327\u0308conCON1/\\\u200e\ud800", max_size=300))
def test_a_label_stays_as_it_is(text: str) -> None:
    label = sanitised(text)
    assert sanitised(label) == label
    assert sanitised(label, characters=128) == label


def test_the_first_label_of_which_something_is_left() -> None:
    assert first_label("...", "a/b", "c") == "a_b"
    assert first_label("", "..") == "unnamed"


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("neuro", "neuro"),
        (" NEURO ", "neuro"),
        ("s01@neuro", "s01@neuro"),
        ("a.b-c_d", "a.b-c_d"),
        ("a", ""),
        ("neu ro", ""),
        ("-neuro", ""),
        ("neuro.", ""),
        ("x" * 64, "x" * 64),
        ("x" * 65, ""),
        ("", ""),
    ],
)
def test_group_ids(text: str, group: str) -> None:
    assert group_id(text) == group
