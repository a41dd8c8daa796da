from __future__ import annotations

import itertools

from causeway.destinations.aws.parts import (
    MIB,
    PARTS_LIMIT,
    Listed,
    Remembered,
    is_done,
    is_worth_writing,
    part_bytes_for,
)


def test_parts_are_as_large_as_they_have_to_be():
    assert part_bytes_for(1, 16 * MIB) == 16 * MIB
    assert part_bytes_for(1, 1) == 5 * MIB
    for size in (100 * 10**9, 5 * 1024**4):
        part = part_bytes_for(size, 16 * MIB)
        assert part % MIB == 0
        assert -(-size // part) <= PARTS_LIMIT


def test_what_is_remembered_reads_back():
    known = Remembered(
        upload_id="upload-1", key="k", part_bytes=5, begun_at=1.5, parts={1: "a", 2: "b"}
    )
    assert Remembered.read(known.text()) == known
    assert "upload-1" not in repr(known)
    for text in (None, "", "{", "[]", "{}", '{"upload": 1}', '{"parts": 3}'):
        assert Remembered.read(text) is None


def test_a_part_is_done_only_if_its_bytes_are_known():
    listed = {1: Listed(size=5, etag="e"), 2: Listed(size=5, etag="e", digest="d2")}
    assert is_done(1, 5, "d1", listed, {1: "d1"})
    assert not is_done(1, 5, "d1", listed, {})
    assert not is_done(1, 5, "other", listed, {1: "d1"})
    assert not is_done(1, 4, "d1", listed, {1: "d1"})
    assert is_done(2, 5, "d2", listed, {})
    assert not is_done(2, 5, "d1", listed, {2: "d1"})
    assert not is_done(3, 5, "d1", listed, {3: "d1"})


def test_what_is_remembered_is_written_ever_more_seldom():
    written = [n for n in range(1, PARTS_LIMIT + 1) if is_worth_writing(n)]
    assert written[:16] == list(range(1, 17))
    assert len(written) < 1000
    gaps = [(b - a) / b for a, b in itertools.pairwise(written)]
    assert max(gaps[16:]) <= 1 / 16
