"""The conversations in both directions: whole, byte by byte, with a tail, through the buffer."""

from __future__ import annotations

import dimse_examples_associate
import dimse_examples_commitment
import dimse_examples_query
import dimse_examples_store
import pytest
from dimse_conversation import LIMITS, Conversation
from dimse_pair import Feed, feed_buffer, feed_bytes, feed_whole

from causeway.dimse import NEED_DATA, Association, Role

CONVERSATIONS = (
    *dimse_examples_associate.CONVERSATIONS,
    *dimse_examples_store.CONVERSATIONS,
    *dimse_examples_query.CONVERSATIONS,
    *dimse_examples_commitment.CONVERSATIONS,
)
OTHER = {Role.REQUESTOR: Role.ACCEPTOR, Role.ACCEPTOR: Role.REQUESTOR}


def sides() -> dict[Role, Association]:
    return {role: Association(role, limits=LIMITS) for role in Role}


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.name)
def test_writing_gives_the_bytes(conversation: Conversation) -> None:
    by = sides()
    for step in conversation.steps:
        written = step.written(by[step.by])
        if step.raw is not None:
            assert written.hex(" ") == step.raw.hex(" ")
        feed_whole(by[OTHER[step.by]], written)


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("feed", [feed_whole, feed_bytes, feed_buffer])
def test_the_bytes_give_the_events(conversation: Conversation, feed: Feed) -> None:
    by = sides()
    for step in conversation.steps:
        written = step.written(by[step.by])
        raw = written if step.raw is None else step.raw
        assert tuple(feed(by[OTHER[step.by]], raw)) == step.events


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("tail", [b"\x07", b"\x07\0\0\0\0", b"\x07\0\0\0\0\x04\0\0"])
def test_a_tail_waits_for_its_turn(conversation: Conversation, tail: bytes) -> None:
    """Behind each step stands the beginning of another PDU."""
    for length in range(1, len(conversation.steps) + 1):
        by = sides()
        for step in conversation.steps[: length - 1]:
            feed_whole(by[OTHER[step.by]], step.written(by[step.by]))
        step = conversation.steps[length - 1]
        reader = by[OTHER[step.by]]
        assert tuple(feed_whole(reader, step.written(by[step.by]) + tail)) == step.events
        assert reader.next_event() is NEED_DATA


@pytest.mark.parametrize("feed", [feed_whole, feed_bytes, feed_buffer])
def test_a_whole_side_at_once(feed: Feed) -> None:
    """All that a storing peer says comes in one piece; it does not wait for answers."""
    conversation = dimse_examples_store.STORE
    by = sides()
    said = b""
    expected = []
    for step in conversation.steps:
        written = step.written(by[step.by])
        feed_whole(by[OTHER[step.by]], written)
        if step.by is Role.REQUESTOR and step.raw is not None:
            said += written
            expected += step.events
    opening, answer = conversation.steps[:2]
    reader = Association(Role.ACCEPTOR, limits=LIMITS)
    feed_whole(reader, opening.written(Association(Role.REQUESTOR, limits=LIMITS)))
    answer.written(reader)
    assert feed(reader, said) == expected
