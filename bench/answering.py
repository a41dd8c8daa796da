"""A node that gives the same answers to each query, as fast as they are taken; in a process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator, Sequence

from causeway.dimse import (
    AssociateRequested,
    Association,
    CFindRQ,
    CFindRSP,
    FragmentReceived,
    MessageReceived,
    Policy,
    ReleaseRequested,
    Role,
    negotiate,
)
from causeway.testing.servers import next_event

_PENDING, _SUCCESS = 0xFF00, 0x0000
_AT_ONCE = 256 << 10


@contextlib.contextmanager
def answering(answers: Sequence[bytes], transfer_syntax: str) -> Iterator[int]:
    """Its port. ``answers`` are encoded in that transfer syntax, the only one that it takes."""
    listening = socket.create_server(("127.0.0.1", 0))
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            # Whoever is killed cannot end its children.
            listening.settimeout(1)
            while os.getppid() == parent:
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    connection.settimeout(60)
                    with connection:
                        _serve(connection, answers, transfer_syntax)
        finally:
            os._exit(1)
    port: int = listening.getsockname()[1]
    listening.close()
    try:
        yield port
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(connection: socket.socket, answers: Sequence[bytes], transfer_syntax: str) -> None:
    association = Association(Role.ACCEPTOR)
    policy = Policy(abstract_syntax=bool, transfer_syntax=transfer_syntax.__eq__)
    context_id, query = 0, CFindRQ(message_id=1, affected_sop_class_uid="")
    while True:
        match next_event(connection, association):
            case AssociateRequested(request=request):
                connection.sendall(association.accept(negotiate(request, policy)))
            case MessageReceived(context_id=context_id, command=CFindRQ() as query):
                pass
            case FragmentReceived(last=last):
                association.release_fragments()
                if last:
                    _answer(connection, association, context_id, query, answers)
            case ReleaseRequested():
                connection.sendall(association.release_response())
                return
            case _:
                return


def _answer(
    connection: socket.socket,
    association: Association,
    context_id: int,
    query: CFindRQ,
    answers: Sequence[bytes],
) -> None:
    def response(status: int) -> CFindRSP:
        return CFindRSP(
            message_id_being_responded_to=query.message_id,
            affected_sop_class_uid=query.affected_sop_class_uid,
            status=status,
        )

    waiting, pending = bytearray(), response(_PENDING)
    for answer in answers:
        for buffers in association.send_message(context_id, pending, answer):
            waiting += b"".join(buffers)
        if len(waiting) >= _AT_ONCE:
            connection.sendall(waiting)
            waiting.clear()
    connection.sendall(waiting + association.encode_response(context_id, response(_SUCCESS)))
