"""Small data sets of the protocol: what is written is read, and garbage is only ever refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.dimse import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from causeway.errors import BadDataSet
from causeway.net.commitment import (
    CommitmentReport,
    CommitmentRequest,
    Reference,
    Refused,
    decode_report,
    decode_request,
    encode_report,
    encode_request,
)
from causeway.net.datasets import SYNTAXES, decode
from causeway.transcoding import convert

UIDS = st.from_regex(r"[12]\.(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,4}", fullmatch=True)
REFERENCES = st.lists(st.builds(Reference, UIDS, UIDS), min_size=1, max_size=20).map(tuple)
REASONS = st.integers(1, 0xFFFF)
FAILED = st.lists(st.tuples(st.builds(Reference, UIDS, UIDS), REASONS), max_size=20).map(tuple)


@given(uid=UIDS, references=REFERENCES, syntax=st.sampled_from(SYNTAXES))
def test_a_request_goes_there_and_back(uid: str, references: tuple[Reference, ...], syntax: str):
    request = CommitmentRequest(transaction_uid=uid, references=references)
    assert decode_request(encode_request(request, syntax), syntax) == request


@given(uid=UIDS, committed=REFERENCES, failed=FAILED, syntax=st.sampled_from(SYNTAXES))
def test_a_report_goes_there_and_back(
    uid: str,
    committed: tuple[Reference, ...],
    failed: tuple[tuple[Reference, int], ...],
    syntax: str,
):
    report = CommitmentReport(transaction_uid=uid, committed=committed, failed=failed)
    assert decode_report(encode_report(report, syntax), syntax) == report


@given(data=st.binary(max_size=300), syntax=st.sampled_from(SYNTAXES))
def test_garbage_is_refused_and_nothing_else(data: bytes, syntax: str):
    for read in (decode_request, decode_report):
        with contextlib.suppress(Refused):
            read(data, syntax)
    with contextlib.suppress(ValueError):
        decode(data, syntax, sequences={0x00081199})


@given(
    references=REFERENCES,
    syntax=st.sampled_from(SYNTAXES),
    at=st.integers(0, 400),
    byte=st.integers(0, 255),
)
def test_one_wrong_byte_is_read_as_another_request_or_refused(
    references: tuple[Reference, ...], syntax: str, at: int, byte: int
):
    whole = bytearray(
        encode_request(CommitmentRequest(transaction_uid="2.25.1", references=references), syntax)
    )
    whole[at % len(whole)] = byte
    with contextlib.suppress(Refused):
        decode_request(bytes(whole), syntax)


@given(data=st.binary(max_size=200))
def test_garbage_is_converted_or_refused(data: bytes):
    pairs = [
        (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN),
        (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN),
        ("1.2.840.10008.1.2.5", EXPLICIT_VR_LITTLE_ENDIAN),
        ("1.2.840.10008.1.2.1.99", EXPLICIT_VR_LITTLE_ENDIAN),
    ]
    for source, target in pairs:
        with contextlib.suppress(BadDataSet):
            convert(data, source, target)


def test_a_request_of_many_objects_is_bounded():
    many = tuple(Reference("1.2", f"2.25.{number}") for number in range(100_001))
    syntax = EXPLICIT_VR_LITTLE_ENDIAN
    encoded = encode_request(CommitmentRequest(transaction_uid="2.25.1", references=many), syntax)
    with pytest.raises(Refused) as refused:
        decode_request(encoded, syntax)
    assert refused.value.status == 0x0213
