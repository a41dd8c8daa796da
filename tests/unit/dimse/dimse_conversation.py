"""Conversations: what both sides of an association do, with the bytes of each step.

A step says who acts, which call makes the bytes, the bytes, and which events they make on the other
side; so one table tests writing and reading. In the bytes everything behind ``;`` is a comment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from causeway.dimse import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    AnsweredContext,
    AssociateAccepted,
    AssociateAnswer,
    AssociateRequest,
    AssociateRequested,
    Association,
    Buffer,
    Command,
    Event,
    FragmentReceived,
    Limits,
    MessageReceived,
    PresentationContext,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
    RoleSelection,
)

REQUESTOR, ACCEPTOR = Role.REQUESTOR, Role.ACCEPTOR
LIMITS = Limits(max_pdu_length=16_384)
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

Written = bytes | Iterable[list[Buffer]]


@dataclass(frozen=True)
class Step:
    """One side acts; the other notices."""

    by: Role
    write: Callable[[Association], Written]
    raw: bytes | None
    """None: not the point of this conversation; ``ECHO`` and ``FULL`` show such bytes."""
    events: tuple[Event, ...]

    def written(self, association: Association) -> bytes:
        """What the call gives, as one piece."""
        given = self.write(association)
        if isinstance(given, bytes):
            return given
        return b"".join(bytes(part) for buffers in given for part in buffers)


@dataclass(frozen=True)
class Conversation:
    name: str
    steps: tuple[Step, ...] = field(repr=False)


def annotated(text: str) -> bytes:
    """The bytes of a text in which everything behind a semicolon is a comment."""
    return bytes.fromhex("".join(line.partition(";")[0] for line in text.splitlines()))


def opening(
    contexts: tuple[PresentationContext, ...], roles: tuple[RoleSelection, ...] = ()
) -> tuple[AssociateRequest, AssociateAnswer]:
    """An offer, and an answer that takes the first transfer syntax of each context."""
    request = AssociateRequest(
        called_ae="CAUSEWAY",
        calling_ae="CT1",
        contexts=contexts,
        max_pdu_length=16_384,
        implementation_class_uid="1.2.3.4",
        implementation_version="EXAMPLE",
        roles=roles,
    )
    answer = AssociateAnswer(
        contexts=tuple(
            AnsweredContext(
                context_id=context.context_id,
                result=0,
                transfer_syntax=context.transfer_syntaxes[0],
            )
            for context in contexts
        ),
        max_pdu_length=16_384,
        implementation_class_uid="1.2.3.5",
        implementation_version="ANSWER",
        roles=roles,
    )
    return request, answer


def context(context_id: int, abstract_syntax: str, *transfer_syntaxes: str) -> PresentationContext:
    return PresentationContext(
        context_id=context_id,
        abstract_syntax=abstract_syntax,
        transfer_syntaxes=transfer_syntaxes or (IMPLICIT_VR_LITTLE_ENDIAN,),
    )


def message(
    by: Role, context_id: int, command: Command, raw: bytes, data: bytes | None = None
) -> Step:
    """A step that is a message, its data set in one fragment."""
    events: tuple[Event, ...] = (MessageReceived(context_id, command, data is not None),)
    if data is not None:
        events += (FragmentReceived(context_id, memoryview(data), True),)
    return Step(by, lambda side: side.send_message(context_id, command, data), raw, events)


def association(request: AssociateRequest, answer: AssociateAnswer) -> tuple[Step, Step]:
    """The first two steps, where their bytes are not the point."""
    return (
        Step(REQUESTOR, lambda side: side.associate(request), None, (AssociateRequested(request),)),
        Step(ACCEPTOR, lambda side: side.accept(answer), None, (AssociateAccepted(answer),)),
    )


RELEASE = (
    Step(
        REQUESTOR,
        lambda side: side.release(),
        annotated("""
        05 00 00 00 00 04  ; A-RELEASE-RQ, 4 bytes
          00 00 00 00  ; reserved
        """),
        (ReleaseRequested(),),
    ),
    Step(
        ACCEPTOR,
        lambda side: side.release_response(),
        annotated("""
        06 00 00 00 00 04  ; A-RELEASE-RP, 4 bytes
          00 00 00 00  ; reserved
        """),
        (ReleaseConfirmed(),),
    ),
)
