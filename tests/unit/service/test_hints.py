import contextlib
import os
from collections.abc import Iterator

import pytest

from causeway.service.hints import (
    AssociationOver,
    Committed,
    HintReader,
    HintWriter,
    Refused,
    SeriesWhole,
)


@pytest.fixture
def pipe() -> Iterator[tuple[HintWriter, HintReader, int]]:
    read, write = os.pipe()
    yield HintWriter(write), HintReader(read), write
    os.close(read)
    os.close(write)


def test_hints_arrive_and_commits_of_one_container_are_one(pipe):
    writer, reader, _ = pipe
    writer.committed("s1.1", 4096)
    writer.committed("s2.1", 512)
    writer.committed("s1.1", 8192)
    writer.association_over("A1", "released", 3)
    assert reader.read() == [
        Committed("s1.1", 8192),
        Committed("s2.1", 512),
        AssociationOver("A1", "released", 3),
    ]
    assert reader.read() == []


def test_a_full_pipe_never_blocks_and_its_hints_come_later(pipe):
    writer, reader, _ = pipe
    for n in range(20_000):
        writer.committed("s1.1", n)
    writer.association_over("A1", "released", 20_000)
    reader.read()
    writer.catch_up()
    late = reader.read()
    assert Committed("s1.1", 19_999) in late
    assert AssociationOver("A1", "released", 20_000) in late


def test_a_line_in_two_pieces_and_a_damaged_one(pipe):
    _, reader, raw = pipe
    os.write(raw, b"C s1.1 12")
    assert reader.read() == []
    os.write(raw, b"34\nnonsense\nC s1.1\nR ct1 what 1\nE A1 released 2\n")
    assert reader.read() == [Committed("s1.1", 1234), AssociationOver("A1", "released", 2)]


def test_refusals_are_added_up_while_nobody_reads(pipe):
    writer, reader, _ = pipe
    writer.refused("ct1", 0xA700)
    assert reader.read() == [Refused("ct1", 0xA700, 1)]
    for n in range(10_000):
        writer.committed("s1.1", n)
    for _ in range(5):
        writer.refused("ct1", 0xA700)
    reader.read()
    writer.catch_up()
    assert reader.read()[-1] == Refused("ct1", 0xA700, 5)


def test_the_end_of_a_retrieval_is_told_and_forgotten_where_there_is_no_room(pipe):
    writer, reader, fd = pipe
    writer.series_whole()
    assert reader.read() == [SeriesWhole()]
    for piece in (b"\n" * 4096, b"\n"):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(fd, piece)
    writer.series_whole()
    assert SeriesWhole() not in reader.read()
