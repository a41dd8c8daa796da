"""The dictionaries against pydicom, which has the same tables, and what they must not cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pydicom.charset
import pytest
from pydicom import datadict
from pydicom._private_dict import private_dictionaries
from pydicom._uid_dict import UID_dictionary

from causeway import charsets, dictionary

REPEATERS = [0x50000010, 0x501E3000, 0x60003000, 0x60FE0010, 0x002031AA, 0x00280410, 0x1000FFF0,
             0x1000FFF5, 0x7F000010, 0x60013000, 0x70003000, 0x00091001, 0x0010FFFF]  # fmt: skip


def test_every_tag_is_told_as_pydicom_tells_it() -> None:
    assert dict(dictionary.DICTIONARY) == datadict.DicomDictionary  # type: ignore[attr-defined]
    for tag in [*dictionary.DICTIONARY, *REPEATERS]:
        assert dictionary.keyword_of(tag) == datadict.keyword_for_tag(tag)
        try:
            theirs = datadict.get_entry(tag)
        except KeyError:
            with pytest.raises(KeyError):
                dictionary.entry_of(tag)
            continue
        assert dictionary.entry_of(tag) == theirs
        assert dictionary.tag_of_keyword(theirs[4]) == datadict.tag_for_keyword(theirs[4])
    assert dictionary.tag_of_keyword("NoSuchKeyword") is None


def _or_nothing(look_up: Callable[[int, str], str], tag: int, creator: str) -> str | None:
    try:
        return look_up(tag, creator)
    except KeyError:
        return None


def test_private_elements_too() -> None:
    for creator, known in private_dictionaries.items():
        for key in known:
            tag = int(key.replace("xxxx", "0010").replace("xx", "10"), 16)
            theirs = _or_nothing(datadict.private_dictionary_VR, tag, creator)
            assert _or_nothing(dictionary.private_vr, tag, creator) == theirs
    with pytest.raises(KeyError):
        dictionary.private_vr(0x00091001, "NOBODY")
    with pytest.raises(KeyError):
        dictionary.private_vr(0x001110FF, "SIEMENS MR HEADER")


def test_uids() -> None:
    assert dict(dictionary.uids()) == UID_dictionary


def test_character_sets() -> None:
    assert dict(charsets.CODECS) == pydicom.charset.python_encoding
    assert dict(charsets.ESCAPES) == pydicom.charset.CODES_TO_ENCODINGS
    assert dict(charsets.ESCAPE_OF) == pydicom.charset.ENCODINGS_TO_CODES


@pytest.mark.parametrize(
    "module", ["cli.look", "cli.operate", "service.supervisor", "service.work", "service.receive"]
)
def test_what_looks_at_no_pixel_brings_no_decoders_along(module: str) -> None:
    code = (
        f"import sys, causeway.{module}\n"
        "print(sorted({'pydicom', 'numpy', 'gdcm', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
