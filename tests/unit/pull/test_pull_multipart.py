"""Parts of a multipart answer, cut anywhere; file meta information; what breaks off."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import BadDataSet
from causeway.pull.multipart import Begin, Data, End, boundary_of, file_meta, parts
from causeway.spool import file_meta as made_meta
from causeway.values import Caller, Receipt

CONTENTS = st.lists(
    st.binary(max_size=60) | st.sampled_from([b"\r\n--b", b"\r\n-", b"--bX", b"\r\n\r\n"]),
    min_size=1, max_size=4,
)  # fmt: skip


def answer(bodies: list[bytes], delimiter: bytes = b"--bXyz") -> bytes:
    text = b"preamble\r\n"
    for body in bodies:
        text += delimiter + b"\r\nContent-Type: application/dicom\r\n\r\n" + body + b"\r\n"
    return text + delimiter + b"--\r\nepilogue"


def read(pieces: list[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for event in parts(pieces, b"--bXyz"):
        match event:
            case Begin():
                found.append(b"")
            case Data(data=data):
                found[-1] += data
            case End():
                pass
    return found


@given(bodies=CONTENTS, cuts=st.lists(st.integers(0, 600), max_size=12))
def test_parts_are_whole_however_the_answer_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    text = answer(bodies)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    assert read(pieces) == bodies
    assert read([bytes([byte]) for byte in text]) == bodies


def test_what_breaks_off_is_an_error() -> None:
    text = answer([b"first", b"second"])
    for cut in range(text.index(b"--bXyz--") + 6):
        with pytest.raises(BadDataSet):
            list(parts([text[:cut]], b"--bXyz"))


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"--abc"),
        ('multipart/related;boundary="a=b c";type=x', b"--a=b c"),
        ("application/json", None),
        ("multipart/related", None),
    ],
)
def test_the_boundary_is_where_the_header_says(content_type: str, boundary: bytes | None) -> None:
    if boundary is None:
        with pytest.raises(BadDataSet):
            boundary_of(content_type)
    else:
        assert boundary_of(content_type) == boundary


def test_file_meta_information_says_what_follows() -> None:
    receipt = Receipt(
        caller=Caller(source="s", calling_ae="A", called_ae="B", address="::1", association="a"),
        sop_class_uid="1.2.3", sop_instance_uid="1.2.3.4",
        transfer_syntax_uid="1.2.840.10008.1.2.1", received_at=1.0,
    )  # fmt: skip
    head = made_meta(receipt)
    meta = file_meta(head + b"data set")
    assert meta is not None
    assert (meta.sop_class_uid, meta.sop_instance_uid) == ("1.2.3", "1.2.3.4")
    assert (meta.transfer_syntax_uid, meta.size) == ("1.2.840.10008.1.2.1", len(head))
    assert all(file_meta(head[:cut]) is None for cut in range(len(head)))
    with pytest.raises(BadDataSet):
        file_meta(bytes(200))
