"""A bounded run of the fuzz target, and Hypothesis on bytes of its own making."""

from __future__ import annotations

import contextlib

import fuzz_dimse
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.dimse import NEED_DATA, ProtocolError


@pytest.mark.parametrize("part", range(4))
def test_damaged_conversations(part: int) -> None:
    for seed in range(part * 750, part * 750 + 750):
        fuzz_dimse.one_round(seed)


@given(st.sampled_from(range(len(fuzz_dimse.SCENES))), st.binary(max_size=300))
def test_bytes_of_any_kind(scene: int, raw: bytes) -> None:
    association = fuzz_dimse.SCENES[scene][0]()
    association.receive_data(raw)
    failures = 0
    for _ in range(len(raw) + 2):
        try:
            if association.next_event() is NEED_DATA:
                break
        except ProtocolError:
            failures += 1
    else:
        pytest.fail("more events than bytes")
    assert failures <= 1


@given(st.sampled_from([1, 2, 4]), st.binary(min_size=70, max_size=300))
def test_a_body_of_any_kind(kind: int, body: bytes) -> None:
    """The header is right, so that the bytes are looked into."""
    make = {1: 0, 2: 1, 4: 2}[kind]
    association = fuzz_dimse.SCENES[make][0]()
    association.receive_data(bytes((kind, 0)) + len(body).to_bytes(4, "big") + body)
    with contextlib.suppress(ProtocolError):
        while association.next_event() is not NEED_DATA:
            pass
