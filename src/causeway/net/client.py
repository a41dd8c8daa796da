"""The client: associate, echo, store. Queries and retrievals are in ``query``.

Data sets are handed in as encoded bytes, or pieces of them, and sent as they are; nothing is
decoded, joined or converted. One operation at a time, each answered before the next, as the
asynchronous operations window is not negotiated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    AcceptedContext,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequest,
    CEchoRQ,
    CEchoRSP,
    CStoreRQ,
    CStoreRSP,
    Event,
    FragmentReceived,
    MessageReceived,
    ReleaseConfirmed,
    ReleaseRequested,
    Response,
    RoleSelection,
    offer,
)
from causeway.errors import PeerError
from causeway.net.outgoing import Kind, Outgoing, StoreResult, plan
from causeway.net.peer import AssociationLost, AssociationRejected, NotNegotiated, Peer
from causeway.net.wire import Wire

Answer = TypeVar("Answer", bound=Response)

VERIFICATION_KINDS: tuple[Kind, ...] = (
    (VERIFICATION, IMPLICIT_VR_LITTLE_ENDIAN),
    (VERIFICATION, EXPLICIT_VR_LITTLE_ENDIAN),
)


class ClientAssociation:
    """An association that this side asked for. Use it as a context manager: it is released at the
    end of the block, or aborted if the block raises.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.peer = wire.peer
        self._open = True
        self._seconds = wire.peer.timeouts.response_seconds
        self._again: Callable[[], bool] | None = None

    @property
    def contexts(self) -> dict[int, AcceptedContext]:
        """The presentation contexts that the peer accepted, by identifier."""
        return dict(self.wire.association.contexts)

    def context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> AcceptedContext:
        """The context for a service; raises NotNegotiated."""
        for context in self.wire.association.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in {
                None,
                context.transfer_syntax,
            }:
                return context
        raise NotNegotiated(
            f"{self.peer} does not take {abstract_syntax}"
            + (f" in transfer syntax {transfer_syntax}" if transfer_syntax else "")
        )

    def echo(self) -> int:
        """C-ECHO: the status, 0x0000 from a peer that is well."""
        context = self.context(VERIFICATION)
        message_id = self.wire.association.new_message_id()
        self.wire.send_message(
            context.context_id, CEchoRQ(message_id=message_id), None, during="C-ECHO"
        )
        return self.response(CEchoRSP, "C-ECHO").status

    def store(
        self, outgoing: Outgoing, *, originator: tuple[str, int] | None = None
    ) -> StoreResult:
        """C-STORE. Raises AssociationLost, and NotNegotiated where no context takes the object.

        ``originator`` is the AE title and message id of the C-MOVE that this object answers, if
        one.
        """
        context = self.context(outgoing.sop_class_uid, outgoing.transfer_syntax_uid)
        mover, mover_id = originator or ("", None)
        command = CStoreRQ(
            message_id=self.wire.association.new_message_id(),
            affected_sop_class_uid=outgoing.sop_class_uid,
            affected_sop_instance_uid=outgoing.sop_instance_uid,
            move_originator_ae_title=mover,
            move_originator_message_id=mover_id,
        )
        self.wire.send_message(context.context_id, command, outgoing.pieces(), during="C-STORE")
        response = self.response(CStoreRSP, "C-STORE")
        return StoreResult(
            outgoing=outgoing, status=response.status, comment=response.error_comment
        )

    def next_event(self, during: str) -> Event:
        """The next event, within the time that a response may take."""
        return self.wire.next_event(self._seconds, during, again=self._again)

    def wait_in_slices(self, seconds: float, again: Callable[[], bool]) -> None:
        """From now on, wait for responses in slices, as long as ``again`` says to wait on.

        For operations of which something else than their answers tells that they get on.
        """
        self._seconds, self._again = seconds, again

    def release(self) -> None:
        """A-RELEASE; a peer that does not answer is aborted, and so is one that still owes answers.

        Never raises AssociationLost: whoever releases has had the answers that it wanted.
        """
        if self.wire.association.operations != (0, 0):
            self.abort()
        if not self._open:
            return
        self._open = False
        try:
            self.wire.send(self.wire.association.release(), "release")
            while True:
                event = self.wire.next_event(self.peer.timeouts.release_seconds, "release")
                if isinstance(event, ReleaseConfirmed):
                    break
                if isinstance(event, ReleaseRequested):
                    # Both asked at once (PS3.8 7.2.2.7): the requestor answers first.
                    self.wire.send(self.wire.association.release_response(), "release")
        except AssociationLost:
            pass
        finally:
            self.wire.close()

    def let_go(self) -> None:
        """Answer a peer that asks to end the association, and close."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(AssociationLost):
            self.wire.send(self.wire.association.release_response(), "release")
        self.wire.close()

    def is_quiet(self) -> bool:
        """Whether nothing came from the peer while nothing was asked; for one that was left idle.

        A peer that asks to end the association is answered. Raises AssociationLost.
        """
        event = self.wire.peek("nothing")
        if isinstance(event, ReleaseRequested):
            self.let_go()
        return event is None

    def abort(self) -> None:
        """End at once."""
        if self._open:
            self._open = False
            self.wire.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def response(self, kind: type[Answer], during: str) -> Answer:
        """The answer to the one request under way; its data set, if it has one, is dropped."""
        event = self.next_event(during)
        # The core knows that an answer has the identifier of a question, and not of which kind.
        if not (isinstance(event, MessageReceived) and isinstance(event.command, kind)):
            raise self.unexpected(during)
        answer = event.command
        while event.has_data:
            fragment = self.next_event(during)
            assert isinstance(fragment, FragmentReceived)
            self.wire.association.release_fragments()
            if fragment.last:
                break
        return answer

    def unexpected(self, during: str) -> AssociationLost:
        """The peer did something that does not answer what it was asked: abort."""
        self.abort()
        return AssociationLost(f"{self.peer}: association lost during {during}: no answer to it")


def associate(
    peer: Peer, kinds: Sequence[Kind], *, roles: Sequence[RoleSelection] = ()
) -> ClientAssociation:
    """Connect and ask for an association, with a presentation context for each kind (128 at most).

    Raises Unreachable, AssociationRejected, AssociationLost; StartupError for our own TLS files.
    """
    wire = Wire(peer)
    try:
        request = AssociateRequest(
            called_ae=peer.called_ae,
            calling_ae=peer.calling_ae,
            contexts=offer((abstract, (transfer,)) for abstract, transfer in kinds),
            roles=tuple(roles),
        )
        wire.send(wire.association.associate(request), "association")
        event = wire.next_event(peer.timeouts.associate_seconds, "association")
        if isinstance(event, AssociateRejected):
            raise AssociationRejected(peer, event.result, event.source, event.reason)
        assert isinstance(event, AssociateAccepted)
    except BaseException:
        wire.close()
        raise
    return ClientAssociation(wire)


def echo(peer: Peer) -> int:
    """Associate, C-ECHO, release: the status."""
    with associate(peer, VERIFICATION_KINDS) as association:
        return association.echo()


def send(peer: Peer, instances: Sequence[Outgoing]) -> Iterator[StoreResult]:
    """Store all of them, over as many associations as their kinds need: one result for each.

    Trouble with the peer is part of the results and not raised: when an association cannot be had
    or is lost, everything that it was to carry and has no status comes out with that error. Whether
    an object that was under way then was stored is not known; storing it again is right.
    """
    for batch in plan(instances):
        left = list(reversed(batch.instances))
        try:
            with associate(peer, batch.kinds) as association:
                while left:
                    yield _store(association, left[-1])
                    left.pop()
        except PeerError as error:
            for outgoing in reversed(left):
                yield StoreResult(outgoing=outgoing, error=error)


def _store(association: ClientAssociation, outgoing: Outgoing) -> StoreResult:
    try:
        return association.store(outgoing)
    except NotNegotiated as error:
        return StoreResult(outgoing=outgoing, error=error)
