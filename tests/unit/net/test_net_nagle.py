"""Peers that leave Nagle's algorithm on and write in pieces: nobody waits for a delayed
acknowledgement.

A kernel delays an acknowledgement by 40 ms or more, so twenty exchanges that wait for one take 0.8
s.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from causeway.dimse import AssociateRequest, Association, CStoreRQ
from causeway.net import Outgoing, Peer, associate
from causeway.testing.listening import Listening
from causeway.testing.peers import CT_IMAGE_STORAGE, ScriptedClient
from causeway.testing.servers import ScriptedServer

EXPLICIT = "1.2.840.10008.1.2.1"
EXCHANGES = 20
DELAYED_SECONDS = EXCHANGES * 0.04
ROUNDS = 5
"""The shortest counts: what else runs on the machine can only make one longer."""
DATA = bytes(1000)


def shortest(exchange: Callable[[], object]) -> float:
    """Seconds for so many exchanges."""

    def one_round() -> float:
        began = time.monotonic()
        for _ in range(EXCHANGES):
            exchange()
        return time.monotonic() - began

    return min(one_round() for _ in range(ROUNDS))


def test_a_sender_with_nagle_is_acknowledged_at_once():
    with Listening() as listening, ScriptedClient(listening.port) as sender:
        sender.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        sender.associate()

        def exchange() -> None:
            whole = sender.store_bytes(DATA)
            sender.connection.sendall(whole[: -len(DATA)])
            sender.connection.sendall(whole[-len(DATA) :])
            sender.next_event()

        assert shortest(exchange) < DELAYED_SECONDS / 2


class WritesInPieces(ScriptedServer):
    """Leaves Nagle's algorithm on, and sends an answer's header by itself, as ``storescp`` does."""

    def serve(self, connection: socket.socket) -> None:
        self._connection = connection
        super().serve(connection)

    def answer(self, association: Association, request: AssociateRequest) -> bytes:
        return self._in_pieces(super().answer(association, request))

    def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
        return self._in_pieces(super().stored(association, context_id, command))

    def _in_pieces(self, reply: bytes) -> bytes:
        self._connection.sendall(reply[:12])
        return reply[12:]


def test_a_receiver_with_nagle_is_acknowledged_at_once():
    one = Outgoing(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        data=DATA,
    )
    with WritesInPieces() as server:
        peer = Peer(host="127.0.0.1", port=server.port, called_ae="PACS")
        with associate(peer, [one.kind]) as to:
            assert shortest(lambda: to.store(one)) < DELAYED_SECONDS / 2
