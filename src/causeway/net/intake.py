"""Messages of one association: C-STORE into the sink, C-ECHO answered, all else declined in order.

Separate from the session, because this lasts an object where that lasts a connection. A message
whose data set is not wanted (refused, unknown operation, failed sink) is read to its end and
dropped, and then answered: a sender that is cut off in mid-object learns nothing of why.
"""

from __future__ import annotations

from collections.abc import Callable

from causeway.dimse import (
    VERIFICATION,
    Association,
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    Command,
    CStoreRQ,
    FragmentReceived,
    MessageReceived,
    NActionRQ,
    NEventReportRQ,
    Status,
    StoreStatus,
    UnrecognizedRQ,
    is_storage_class,
)
from causeway.errors import OutOfSpace
from causeway.net.clerk import Clerk
from causeway.net.pace import Marks, Phase
from causeway.net.sink import Emit, ObjectSink, Sink
from causeway.values import Caller


class Intake:
    """Serves the messages of an association that was accepted.

    ``message`` and ``fragment`` return whether a message is over, its answer sent.
    """

    def __init__(
        self,
        association: Association,
        sink: Sink,
        *,
        send: Callable[[bytes], None],
        marks: Marks,
        emit: Emit,
        clock: Callable[[], float],
        takes: Callable[[str], bool] = is_storage_class,
    ) -> None:
        """``takes`` says of a SOP class whether objects of it are wanted: a command may name
        another than its context does.
        """
        self.caller: Caller | None = None
        self.clerk: Clerk | None = None
        """Who serves storage commitment here, if it was agreed."""
        self.stored = 0
        """Objects that were answered with success or a warning."""
        self.refused = 0
        """Objects that were answered with a failure."""
        self.bytes = 0
        """Of data sets, stored or not."""
        self.last_object_at = 0.0
        self._association = association
        self._sink = sink
        self._send = send
        self._marks = marks
        self._emit = emit
        self._clock = clock
        self._takes = takes
        self._object: ObjectSink | None = None
        self._command: Command | None = None
        self._status: int = Status.SUCCESS
        self._at_clerk = False

    def message(self, event: MessageReceived) -> bool:
        """A command came; its data set follows if it has one."""
        self._command = command = event.command
        self._at_clerk = False
        if type(command) is CStoreRQ:
            self._begin(event.context_id, command, has_data=event.has_data)
        elif isinstance(command, CEchoRQ | CCancelRQ):
            self._status = Status.SUCCESS
        elif self.clerk is not None and self.clerk.takes(command):
            self._at_clerk = True
            self.clerk.begin(event.context_id, command)
        else:
            self._status = Status.UNRECOGNIZED_OPERATION
        if event.has_data:
            self._marks.phase = Phase.OBJECT
            return False
        self._answer(event.context_id)
        return True

    def fragment(self, event: FragmentReceived) -> bool:
        """A piece of a data set came."""
        data = event.data
        self.bytes += len(data)
        sink = self._object
        if sink is None:
            if self._at_clerk and self.clerk is not None:
                self.clerk.fragment(data)
            self._association.release_fragments()
        else:
            try:
                holds = sink.write(data)
                if event.last:
                    self._object = None
                    self._status = sink.finish()
                    self._association.release_fragments()
                elif not holds:
                    self._association.release_fragments()
            except Exception as error:  # noqa: BLE001  one object must not end the others
                self._fail(sink, "finish" if event.last else "write", error)
        if not event.last:
            return False
        self._answer(event.context_id)
        return True

    def abandon(self) -> None:
        """The association is over; an object in hand will not become whole."""
        sink, self._object = self._object, None
        if sink is not None:
            self._abort(sink)
        if self.clerk is not None:
            self.clerk.close()

    def _begin(self, context_id: int, command: CStoreRQ, *, has_data: bool) -> None:
        context = self._association.contexts[context_id]
        # A command that names none is for the sink, which says what is missing.
        classes = {context.abstract_syntax, command.affected_sop_class_uid} - {""}
        if VERIFICATION in classes or not all(map(self._takes, classes)):
            self._status = StoreStatus.REFUSED_SOP_CLASS_NOT_SUPPORTED
            return
        if not has_data:
            self._status = StoreStatus.CANNOT_UNDERSTAND
            return
        assert self.caller is not None
        try:
            answer = self._sink.begin(self.caller, command, context.transfer_syntax)
        except Exception as error:  # noqa: BLE001  as above
            self._fail(None, "begin", error)
            return
        if isinstance(answer, int):
            self._status = answer
        else:
            self._object = answer

    def _fail(self, sink: ObjectSink | None, during: str, error: Exception) -> None:
        """The sink raised: the object is lost to it, and the sender is told to keep its own."""
        self._object = None
        if isinstance(error, OutOfSpace):
            self._status = StoreStatus.OUT_OF_RESOURCES
        else:
            self._status = Status.PROCESSING_FAILURE
            self._report(during, error)
        if sink is not None:
            self._abort(sink)

    def _abort(self, sink: ObjectSink) -> None:
        try:
            sink.abort()
        except Exception as error:  # noqa: BLE001  nothing is left to be done about it here
            self._report("abort", error)
        self._association.release_fragments()

    def _report(self, during: str, error: Exception) -> None:
        self._emit(
            "sink.failed",
            association=self.caller.association if self.caller is not None else "",
            during=during,
            error=error,
        )

    def _answer(self, context_id: int) -> None:
        command, status = self._command, self._status
        if self._at_clerk and self.clerk is not None:
            answered = self.clerk.end()
            if answered:
                self._send(answered)
            return
        match command:
            case CStoreRQ():
                # 0x0000 and warnings (PS3.4 table B.2-1) mean that the object was stored.
                if status == Status.SUCCESS or status >> 12 == 0xB:
                    self.stored += 1
                    self.last_object_at = self._clock()
                else:
                    self.refused += 1
                answer: Command = command.response(status)
            case CEchoRQ():
                answer = command.response(status)
            case CFindRQ() | NActionRQ() | NEventReportRQ() | UnrecognizedRQ():
                answer = command.response(status)
            case CGetRQ():
                answer = CGetRSP(
                    message_id_being_responded_to=command.message_id,
                    status=status,
                    affected_sop_class_uid=command.affected_sop_class_uid,
                )
            case CMoveRQ():
                answer = CMoveRSP(
                    message_id_being_responded_to=command.message_id,
                    status=status,
                    affected_sop_class_uid=command.affected_sop_class_uid,
                )
            case _:
                return  # C-CANCEL has no answer
        self._send(self._association.encode_response(context_id, answer))
