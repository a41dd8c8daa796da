"""C-FIND, C-MOVE and C-GET: asked over a ``ClientAssociation``, answered as a stream of typed
answers.

Identifiers go in and out as encoded data sets, in the transfer syntax of their context; reading
them is for whoever asked. Each function sends its request and gives an operation to iterate over;
it ends with the final answer. ``cancel`` asks the peer to stop, and the answers then end with
status 0xFE00. An association whose operation was left early is aborted when it is released, since
answers are still to come.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from causeway.dimse import (
    Category,
    CCancelRQ,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    Command,
    CStoreRQ,
    FragmentReceived,
    MessageReceived,
    Request,
    Response,
    RoleSelection,
    category,
)
from causeway.net.client import ClientAssociation
from causeway.net.intake import Intake
from causeway.net.outgoing import Kind
from causeway.net.pace import Marks, Phase
from causeway.net.peer import AssociationLost
from causeway.net.sink import Emit, Sink
from causeway.values import Caller

LONGEST_IDENTIFIER = 1_048_576
"""Bytes of the data set of one answer. Hundreds are usual, a worklist entry may have some ten
thousand, and a C-MOVE that fails lists the instances: 70 bytes each.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindAnswer:
    """One answer to C-FIND: a match while the status is pending, then the end."""

    status: int
    identifier: bytes = field(default=b"", repr=False)

    @property
    def pending(self) -> bool:
        return category(self.status) is Category.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrieveAnswer:
    """One answer to C-MOVE or C-GET. Counts that the peer leaves out are None."""

    status: int
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warned: int | None = None
    identifier: bytes = field(default=b"", repr=False)
    """Of the last answer: may list the instances that failed (0008,0058)."""

    @property
    def pending(self) -> bool:
        return category(self.status) is Category.PENDING


Answer = TypeVar("Answer", FindAnswer, RetrieveAnswer)


_ANSWERED_BY: dict[type[Request], type[Response]] = {
    CFindRQ: CFindRSP,
    CGetRQ: CGetRSP,
    CMoveRQ: CMoveRSP,
}
"""The core knows that an answer has the identifier of a question, and not of which kind."""


class Operation(Generic[Answer]):
    """A request under way; iterate for its answers. Raises AssociationLost when there are none."""

    def __init__(
        self,
        association: ClientAssociation,
        context_id: int,
        request: Request,
        identifier: bytes,
        *,
        during: str,
        intake: Intake | None = None,
    ) -> None:
        self._association = association
        self._context_id = context_id
        self._request = request
        self._kind = _ANSWERED_BY[type(request)]
        self._during = during
        self._intake = intake
        self._over = False
        association.wire.send_message(context_id, request, identifier, during)

    def cancel(self) -> None:
        """C-CANCEL: the peer may still give some answers before it hears it."""
        if not self._over:
            request = CCancelRQ(message_id_being_responded_to=self._request.message_id)
            self._association.wire.send_message(self._context_id, request, None, "C-CANCEL")

    def __iter__(self) -> Iterator[Answer]:
        while not self._over:
            response, identifier = self._response()
            answer = self._read(response, identifier)
            self._over = not answer.pending
            yield answer

    def _read(self, response: Response, identifier: bytes) -> Answer:
        raise NotImplementedError

    def _response(self) -> tuple[Response, bytes]:
        """The next answer and its data set; what is stored meanwhile goes to the intake."""
        while True:
            event = self._association.next_event(self._during)
            if not isinstance(event, MessageReceived):
                raise self._association.unexpected(self._during)
            command: Command = event.command
            if isinstance(command, CStoreRQ) and self._intake is not None:
                self._store(event, self._intake)
            elif isinstance(command, self._kind):
                return command, self._data_set() if event.has_data else b""
            else:
                raise self._association.unexpected(self._during)

    def _data_set(self) -> bytes:
        whole = bytearray()
        while True:
            event = self._association.next_event(self._during)
            assert isinstance(event, FragmentReceived), "the core gives a message whole"
            whole += event.data
            self._association.wire.association.release_fragments()
            if len(whole) > LONGEST_IDENTIFIER:
                self._association.abort()
                raise AssociationLost(
                    f"{self._association.peer}: an answer to {self._during} is longer than "
                    f"{LONGEST_IDENTIFIER} bytes"
                )
            if event.last:
                return bytes(whole)

    def _store(self, event: MessageReceived, intake: Intake) -> None:
        try:
            over = intake.message(event)
            while not over:
                fragment = self._association.next_event(self._during)
                assert isinstance(fragment, FragmentReceived), "the core gives a message whole"
                over = intake.fragment(fragment)
        except BaseException:
            intake.abandon()
            raise


class Find(Operation[FindAnswer]):
    """C-FIND under way."""

    def _read(self, response: Response, identifier: bytes) -> FindAnswer:
        return FindAnswer(status=response.status, identifier=identifier)


class Retrieve(Operation[RetrieveAnswer]):
    """C-MOVE or C-GET under way."""

    def _read(self, response: Response, identifier: bytes) -> RetrieveAnswer:
        assert isinstance(response, CMoveRSP | CGetRSP)
        return RetrieveAnswer(
            status=response.status,
            remaining=response.number_of_remaining_suboperations,
            completed=response.number_of_completed_suboperations,
            failed=response.number_of_failed_suboperations,
            warned=response.number_of_warning_suboperations,
            identifier=identifier,
        )


def find(
    association: ClientAssociation, model: str, identifier: bytes, transfer_syntax: str
) -> Find:
    """C-FIND in an information model (its SOP class), with an encoded identifier."""
    request = CFindRQ(
        message_id=association.wire.association.new_message_id(), affected_sop_class_uid=model
    )
    context = association.context(model, transfer_syntax)
    return Find(association, context.context_id, request, identifier, during="C-FIND")


def move(
    association: ClientAssociation,
    model: str,
    identifier: bytes,
    transfer_syntax: str,
    *,
    destination: str,
    message_id: int | None = None,
) -> Retrieve:
    """C-MOVE to the AE title ``destination``, which the peer has to know.

    The peer passes ``message_id`` on to the destination with each object (PS3.7 9.1.1.1).
    """
    request = CMoveRQ(
        message_id=message_id or association.wire.association.new_message_id(),
        affected_sop_class_uid=model,
        move_destination=destination,
    )
    context = association.context(model, transfer_syntax)
    return Retrieve(association, context.context_id, request, identifier, during="C-MOVE")


def get(
    association: ClientAssociation,
    model: str,
    identifier: bytes,
    transfer_syntax: str,
    *,
    sink: Sink,
    caller: Caller,
    emit: Emit,
) -> Retrieve:
    """C-GET: objects arrive over this association and go to ``sink`` as from ``caller``.

    The association needs contexts for what is to arrive, and ``get_roles`` for them.
    """
    request = CGetRQ(
        message_id=association.wire.association.new_message_id(), affected_sop_class_uid=model
    )
    wire = association.wire
    intake = Intake(
        wire.association,
        sink,
        send=lambda data: wire.send(data, "C-GET"),
        marks=Marks(Phase.BETWEEN),
        emit=emit,
        clock=time.time,
    )
    intake.caller = caller
    context = association.context(model, transfer_syntax)
    return Retrieve(
        association, context.context_id, request, identifier, during="C-GET", intake=intake
    )


def get_roles(kinds: Sequence[Kind]) -> tuple[RoleSelection, ...]:
    """What ``associate`` has to propose, so that the peer may store over our own association."""
    return tuple(
        RoleSelection(sop_class_uid=sop_class, scu_role=False, scp_role=True)
        for sop_class in dict.fromkeys(sop_class for sop_class, _ in kinds)
    )
