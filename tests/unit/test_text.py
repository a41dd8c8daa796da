"""Character sets: the standard's own examples, pydicom as the oracle, senders who get it wrong."""

# ruff: noqa: E501, RUF001 (a line is an example; letters of other alphabets are what it is about)

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import charset as pydicom_charset

from causeway.text import decode, encode, is_known

# PS3.5 annexes H to K, and PS3.3 C.12.1.1.2.
STANDARD = [
    ("H.3.1", "\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
     "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("H.3.2", "ISO 2022 IR 13\\ISO 2022 IR 87",
     b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
     "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("I.2", "\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
     "Hong^Gildong=洪^吉洞=홍^길동"),
    ("J.1", "ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    ("J.2", "GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
    ("K", "\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
    ("Latin", "ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    ("Latin 2", "ISO_IR 101", "Wałęsa".encode("iso8859_2"), "Wałęsa"),
    ("Greek", "ISO_IR 126", "Διονυσιος".encode("iso8859_7"), "Διονυσιος"),
    ("Russian", "ISO_IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
    ("Arabic", "ISO_IR 127", "قباني^لنزار".encode("iso8859_6"), "قباني^لنزار"),
    ("Hebrew", "ISO_IR 138", "שרון^דבורה".encode("iso8859_8"), "שרון^דבורה"),
    ("Turkish", "ISO_IR 148", "Çavuşoğlu".encode("iso8859_9"), "Çavuşoğlu"),
    ("Thai", "ISO_IR 166", "นามสกุล".encode("tis-620"), "นามสกุล"),
    ("Latin with Greek", "ISO 2022 IR 100\\ISO 2022 IR 126", b"Dionysios is \x1b-F\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Dionysios is Διονυσιος"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("charset", "raw", "expected"), [s[1:] for s in STANDARD], ids=[s[0] for s in STANDARD]
)
def test_the_standards_examples(charset: str, raw: bytes, expected: str) -> None:
    assert decode(raw, charset, name=True) == expected


@pytest.mark.parametrize(
    ("charset", "raw", "expected", "why"),
    [
        ("", "Müller".encode(), "Müller", "UTF-8 that nobody declared"),
        ("", "Müller".encode("latin-1"), "Müller", "Latin-1 that nobody declared"),
        ("ISO_IR 6", "Müller".encode("latin-1"), "Müller", "ASCII declared, Latin-1 sent"),
        ("ISO_IR 192", "Müller".encode("latin-1"), "M\\xfcller", "UTF-8 declared, Latin-1 sent"),
        ("ISO_IR 192", "王小东".encode("gb18030"), "\\xcd\\xf5С\\xb6\\xab", "or GB18030: lossless"),
        ("GB18030", "王小东é".encode() + b"\xff", "鐜嬪皬涓溍\\xa9\\xff", "the other way round"),
        ("ISO 2022 IR 87", "Müller".encode(), "Müller", "Japanese declared, UTF-8 sent"),
        ("ISO-IR 100", b"J\xe9", "Jé", "misspelt"),
        ("iso_ir 100", b"J\xe9", "Jé", "misspelt"),
        ("ISO 2022-IR 100", b"J\xe9", "Jé", "misspelt"),
        ("UTF-8", "é".encode(), "é", "not a defined term"),
        ("ISO_IR 999", b"J\xe9", "Jé", "unknown counts as absent"),
        ("\\", b"J\xe9", "Jé", "empty values"),
        ("", b"a\x1b$)C\xb1\xe6", "a길", "an escape sequence that was not announced"),
        ("", b"a\x1b", "a\x1b", "an escape that begins nothing"),
        ("", b"a\x1b%G\xc3\xa9", "a\x1b%Gé", "an escape sequence that DICOM does not have"),
        ("ISO 2022 IR 6\\ISO 2022 IR 100", b"\x1b-A\xe9\\\x1b-Aa\xe9", "é\\aé", "several values"),
        ("", b"  padded \x00", "padded", "padding"),
        ("", b"a\x00b", "a\\x00b", "NUL inside"),
    ],
)  # fmt: skip
def test_what_senders_get_wrong(charset: str, raw: bytes, expected: str, why: str) -> None:
    assert decode(raw, charset) == expected, why


def test_delimiters_of_names_return_to_the_first_set() -> None:
    # After ^ the sender must escape again; what follows is in the first set.
    raw = b"\x1b-F\xc4\xe9^\xe9"
    assert decode(raw, "ISO 2022 IR 100\\ISO 2022 IR 126", name=True) == "Δι^é"
    assert decode(raw, "ISO 2022 IR 100\\ISO 2022 IR 126", name=False) == "Δι^ι"


TERMS = sorted(t for t in pydicom_charset.python_encoding if t)


@given(
    st.binary(max_size=80),
    st.lists(st.sampled_from([*TERMS, "", "nonsense"]), max_size=3).map("\\".join),
    st.booleans(),
)
def test_nothing_raises_and_nothing_is_replaced(raw: bytes, charset: str, name: bool) -> None:
    text = decode(raw, charset, name=name)
    assert "\x00" not in text
    assert "�" not in text or "�".encode() in raw or b"\x84\x31\xa4\x37" in raw
    text.encode()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_utf8_comes_back(text: str) -> None:
    assert decode(text.encode(), "ISO_IR 192") == text.strip(" ")


@pytest.mark.filterwarnings("ignore")
def test_names_of_pydicoms_charset_files() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "charset_files"
    compared = 0
    for path in sorted(folder.glob("*.dcm")):
        ds = pydicom.dcmread(path)
        element = ds.get_item("PatientName")
        declared = "\\".join(
            [ds.SpecificCharacterSet]
            if isinstance(ds.get("SpecificCharacterSet", ""), str)
            else list(ds.SpecificCharacterSet)
        )
        if element is None or not isinstance(raw := element.value, bytes):
            continue
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            theirs = str(pydicom.dcmread(path).PatientName)
        if said or "\x1b" in theirs:
            continue
        # An empty last group of components is kept here and dropped there.
        assert decode(raw, declared, name=True).rstrip("=") == theirs.strip(), path.name
        compared += 1
    assert compared >= 15


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Mueller^Hans", ""),
        ("Müller^Jürgen", "ISO_IR 100"),
        ("Müller^Jürgen", "ISO_IR 192"),
        ("Люкceмбypг", "ISO_IR 144"),
        ("王^小东", "GB18030"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "\\ISO 2022 IR 87"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "\\ISO 2022 IR 149"),
        ("Διονυσιος\\Люкceмбypг", "ISO 2022 IR 126\\ISO 2022 IR 144"),
    ],
)
def test_what_is_encoded_is_decoded_to_the_same(text: str, charset: str) -> None:
    made = encode(text, charset, name=True)
    assert made is not None
    assert decode(made, charset, name=True) == text


@pytest.mark.parametrize(
    ("text", "charset"), [("Müller", ""), ("山田", "ISO_IR 100"), ("山", "ISO_IR 13")]
)
def test_what_a_set_does_not_have_is_not_encoded(text: str, charset: str) -> None:
    assert encode(text, charset) is None


def test_terms_that_nobody_knows_are_told() -> None:
    assert is_known("")
    assert is_known("ISO_IR 100")
    assert is_known("\\iso 2022-ir 87")
    assert not is_known("ISO_IR 100\\DOE^JOHN")
