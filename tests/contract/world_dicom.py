"""Nodes that are stored to: one that answers queries, one that does not, and pynetdicom's."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Final

from destination_worlds import Fault, World
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from causeway.destinations import Destination
from causeway.destinations.dicom import DicomDestination, DicomSettings
from causeway.destinations.dicom.asking import STUDY_ROOT_FIND
from causeway.dimse import (
    VERIFICATION,
    AssociateRequest,
    AssociateRequested,
    Association,
    CEchoRQ,
    CFindRQ,
    CFindRSP,
    CStoreRQ,
    Event,
    FragmentReceived,
    MessageReceived,
    Policy,
    ReleaseRequested,
    Role,
    is_storage_class,
    negotiate,
)
from causeway.net import ClientTls, Peer, Timeouts
from causeway.net.datasets import decode, encode, text_in
from causeway.testing.certificates import TestAuthority
from causeway.testing.delivering import MemoryOfDestination, Parcel
from causeway.testing.servers import ScriptedServer, next_event

PATIENCE_SECONDS: Final = 0.6
_SOP_INSTANCE, _SERIES = 0x00080018, 0x0020000E

_IMPOSSIBLE: Final = {
    Fault.ASKS_TO_WAIT: "DICOM has no word for how long to wait",
    Fault.TOKEN_EXPIRES: "nobody shows a token in an association",
    Fault.WRONG_CHECKSUM: "a node vouches for objects by their UIDs and says nothing of bytes",
}


class Node(ScriptedServer):
    """Keeps what it is sent, and finds it by C-FIND; goes wrong where it is told to."""

    def __init__(self, *, finds: bool) -> None:
        super().__init__()
        self.finds = finds
        self.kept: dict[str, bytes] = {}
        self.fault: Fault | None = None
        self.bad = ""
        """The instance that goes wrong, where it is one."""
        self.context: ssl.SSLContext | None = None

    def serve(self, connection: socket.socket) -> None:
        if self.context is not None:
            with self.context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)
            return
        self.talk(connection, Association(Role.ACCEPTOR))

    def talk(self, connection: socket.socket, association: Association) -> None:
        data = bytearray()
        command: CStoreRQ | CFindRQ | CEchoRQ | None = None
        while True:
            event: Event = next_event(connection, association)
            if isinstance(event, AssociateRequested):
                connection.sendall(self.answer(association, event.request))
                if self.fault is Fault.UNAVAILABLE:
                    return
            elif isinstance(event, MessageReceived):
                assert isinstance(event.command, CStoreRQ | CFindRQ | CEchoRQ)
                command = event.command
                data.clear()
                if isinstance(command, CEchoRQ):
                    connection.sendall(
                        association.encode_response(event.context_id, command.response())
                    )
            elif isinstance(event, FragmentReceived):
                data += event.data
                association.release_fragments()
                if event.last and isinstance(command, CStoreRQ):
                    if not self.store(
                        connection, association, event.context_id, command, bytes(data)
                    ):
                        return
                elif event.last and isinstance(command, CFindRQ):
                    for reply in self.find(association, event.context_id, command, bytes(data)):
                        connection.sendall(reply)
            elif isinstance(event, ReleaseRequested):
                connection.sendall(association.release_response())
            else:
                return

    def answer(self, association: Association, request: AssociateRequest) -> bytes:
        if self.fault is Fault.UNAVAILABLE:
            return association.reject(2, 3, 2)
        taken = Policy(
            abstract_syntax=lambda uid: (
                uid == VERIFICATION
                or is_storage_class(uid)
                or (self.finds and uid == STUDY_ROOT_FIND)
            )
        )
        return association.accept(negotiate(request, taken))

    def store(
        self,
        connection: socket.socket,
        association: Association,
        context_id: int,
        command: CStoreRQ,
        data: bytes,
    ) -> bool:
        """Whether the association goes on."""
        uid = command.affected_sop_instance_uid
        status = 0x0000
        match self.fault:
            case Fault.FULL:
                status = 0xA700
            case Fault.MIXED if uid == self.bad:
                status = 0xA900
            case Fault.UNAUTHORISED if uid == self.bad or self.bad in self.kept:
                status = 0x0124
        if status == 0 and self.fault is not Fault.NOTHING_STORED:
            self.kept[uid] = data
        if self.fault is Fault.RESET_AFTER_BODY:
            return False
        if self.fault is Fault.SLOW_ANSWER:
            self.over.wait(2 * PATIENCE_SECONDS)
        reply = association.encode_response(context_id, command.response(status))
        if self.fault is Fault.TRUNCATED_ANSWER:
            connection.sendall(reply[:20])
            return False
        connection.sendall(reply)
        return True

    def find(
        self, association: Association, context_id: int, command: CFindRQ, data: bytes
    ) -> Iterator[bytes]:
        syntax = association.contexts[context_id].transfer_syntax
        asked = text_in(decode(data, syntax), _SOP_INSTANCE)
        for uid in asked.split("\\") if asked else list(self.kept):
            if uid in self.kept:
                answer = encode([(_SOP_INSTANCE, "UI", uid.encode())], syntax)
                pending = CFindRSP(
                    message_id_being_responded_to=command.message_id,
                    status=0xFF00,
                    affected_sop_class_uid=command.affected_sop_class_uid,
                )
                for buffers in association.send_message(context_id, pending, answer):
                    yield b"".join(buffers)
        yield association.encode_response(context_id, command.response(0x0000))


class NodeWorld(World):
    """A node that is asked whether it has what it was sent."""

    finds: ClassVar[bool] = True
    tells_others_apart: ClassVar[bool] = False
    impossible: ClassVar[Mapping[Fault, str]] = _IMPOSSIBLE

    def __init__(self, tmp_path: Path) -> None:
        self.memory = MemoryOfDestination()
        self.now = time.time()
        self.folder = tmp_path
        self.fault: Fault | None = None
        self.made: list[DicomDestination] = []
        self.authority: TestAuthority | None = None
        self.node = Node(finds=self.finds)
        self.node.__enter__()

    @property
    def port(self) -> int:
        return self.node.port

    def destination(self) -> Destination:
        host, port, tls = "127.0.0.1", self.port, None
        if self.fault is Fault.DNS:
            host = "no-such-node.invalid"
        elif self.fault is Fault.AWAY:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                port = closed.getsockname()[1]
        elif self.fault is Fault.CERTIFICATE_EXPIRED:
            assert self.authority is not None
            tls = ClientTls(ca=self.authority.certificate)
        seconds = PATIENCE_SECONDS
        peer = Peer(
            host=host, port=port, called_ae="NODE", tls=tls,
            timeouts=Timeouts(
                connect_seconds=5, associate_seconds=5, response_seconds=seconds,
                progress_seconds=5, release_seconds=1,
            ),
        )  # fmt: skip
        made = DicomDestination(
            DicomSettings(name="node", peer=peer, associations=2, idle_seconds=0),
            memory=self.memory, clock=lambda: self.now,
        )  # fmt: skip
        self.made.append(made)
        return made

    def holds(self) -> Mapping[str, bytes]:
        return dict(self.node.kept)

    def inject(self, fault: Fault, parcel: Parcel) -> None:
        self.fault = self.node.fault = fault
        self.node.bad = parcel.instances[1].sop_instance_uid
        if fault is Fault.THERE_SAME:
            self.node.kept |= parcel.data_sets
        elif fault is Fault.THERE_OTHER:
            self.node.kept[parcel.instances[0].sop_instance_uid] = b"somebody else's"
        elif fault is Fault.CERTIFICATE_EXPIRED:
            self.authority = TestAuthority(self.folder)
            server = self.authority.issue("node", expired=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server.certificate, server.key)
            self.node.context = context

    def mend(self) -> None:
        self.fault = self.node.fault = self.node.context = None

    def settle(self) -> None:
        self.now += 20.0

    def close(self) -> None:
        for each in self.made:
            each.close()
        self.node.__exit__(None, None, None)


class BareWorld(NodeWorld):
    """A node that offers storage and nothing else, so that its own answer has to do."""

    finds: ClassVar[bool] = False
    impossible: ClassVar[Mapping[Fault, str]] = {
        **_IMPOSSIBLE,
        Fault.NOTHING_STORED: "there is nobody to ask, so its Success is believed",
    }


class PynetdicomWorld(BareWorld):
    """The same by another hand: what it can be made to do wrong is less."""

    impossible: ClassVar[Mapping[Fault, str]] = {
        **BareWorld.impossible,
        Fault.TRUNCATED_ANSWER: "pynetdicom sends its answers whole or not",
        Fault.UNAVAILABLE: "pynetdicom rejects by a count of its own",
    }

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self._lock = threading.Lock()
        ae = AE(ae_title="NODE")
        for each in AllStoragePresentationContexts:
            ae.add_supported_context(each.abstract_syntax or "")
        ae.add_supported_context(Verification)
        self._server = ae.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )

    @property
    def port(self) -> int:
        if self.fault is Fault.CERTIFICATE_EXPIRED:
            return self.node.port
        port: int = self._server.server_address[1]
        return port

    def _store(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        with self._lock:
            match self.fault:
                case Fault.FULL:
                    return 0xA700
                case Fault.MIXED if uid == self.node.bad:
                    return 0xA900
                case Fault.UNAUTHORISED if uid == self.node.bad or self.node.bad in self.node.kept:
                    return 0x0124
            self.node.kept[uid] = event.request.DataSet.getvalue()
        if self.fault is Fault.RESET_AFTER_BODY:
            event.assoc.abort()
        elif self.fault is Fault.SLOW_ANSWER:
            time.sleep(2 * PATIENCE_SECONDS)
        return 0x0000

    def close(self) -> None:
        super().close()
        self._server.shutdown()


WORLDS: dict[str, type[World]] = {
    "dicom": NodeWorld,
    "dicom, bare": BareWorld,
    "dicom, pynetdicom": PynetdicomWorld,
}
