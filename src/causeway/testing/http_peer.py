"""An HTTP server that does as it should until it is told to misbehave.

What it answers is a function of the request; what goes wrong is a list of faults, each used up by
the requests that it fits. Listens on a free port of loopback, over TLS if it is given a context.
The servers of particular interfaces are built on it: ``dicomweb_peer``, ``platform_peer``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import ssl
import struct
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """As it came. Names of headers are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(kw_only=True)
class Fault:
    """What goes wrong, how often, and for which requests."""

    method: str = ""
    path: str = ""
    """What its path begins with, or ends with if it begins with ``*``; empty for any."""
    times: int = 1
    after: int = 0
    """So many requests that it fits are served well first."""
    reply: Reply | None = None
    """Instead of the right one."""
    acts: bool = False
    """The request is acted on all the same, and only its answer goes wrong."""
    takes_bytes: int | None = None
    """Reads so much of the body and answers, or hangs up, without the rest."""
    resets: bool = False
    """Hangs up without an answer."""
    delay_seconds: float = 0.0
    """Before the answer."""
    cut_at: int | None = None
    """Hangs up after so many bytes of the answer's body."""
    drip_seconds: float = 0.0
    """Between any two bytes of the answer's body."""

    def fits(self, method: str, path: str) -> bool:
        if self.method and self.method != method:
            return False
        if self.path.startswith("*"):
            return path.endswith(self.path[1:])
        return path.startswith(self.path)


Respond = Callable[[Request], Reply]


class HttpPeer:
    """See the module's text. A context manager."""

    def __init__(
        self,
        respond: Respond | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        keep_bodies: bool = True,
    ) -> None:
        self._respond = respond
        self.keep_bodies = keep_bodies
        self.requests: list[Request] = []
        """All that were read whole, in the order of their ends."""
        self.faults: list[Fault] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self.host = "localhost" if tls else "127.0.0.1"
        if tls is not None:
            self._server.tls = tls
        self.url = f"{'https' if tls else 'http'}://{self.host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def respond(self, request: Request) -> Reply:
        """What the right answer is."""
        assert self._respond is not None
        return self._respond(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join(10)

    def asked(self, method: str, path: str = "") -> list[Request]:
        """The requests of one kind so far."""
        return [r for r in self.requests if r.method == method and r.path.startswith(path)]

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times and fault.fits(method, path):
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def note(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Here, in the connection's own thread, so that a handshake that stalls holds up nobody.
        with contextlib.suppress(OSError):
            if self.tls is not None:
                request = self.tls.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
            with contextlib.suppress(OSError):
                request.close()

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is none of ours to report."""

    def hang_up(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _handler(peer: HttpPeer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def _serve(self) -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._served()

        def _served(self) -> None:
            target = urllib.parse.urlsplit(self.path)
            path = urllib.parse.unquote(target.path)
            fault = peer.fault_for(self.command, path) or Fault(times=0)
            length = int(self.headers.get("content-length", 0))
            if fault.takes_bytes is not None:
                self.rfile.read(min(fault.takes_bytes, length))
                self.close_connection = True
                if fault.reply is not None:
                    self._reply(fault.reply, fault)
                    self._linger()
                else:
                    self._reset()
                return
            if "chunked" in self.headers.get("transfer-encoding", ""):
                body: bytes | None = self._chunks()
            else:
                body = self._read(length)
            if body is None:
                return
            request = Request(
                method=self.command,
                path=path,
                query=dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
            peer.note(request)
            reply = Reply()
            if fault.acts or (fault.reply is None and not fault.resets):
                reply = peer.respond(request)
            if fault.delay_seconds:
                peer.over.wait(fault.delay_seconds)
            if fault.resets:
                self.close_connection = True
                self._reset()
                return
            self._reply(fault.reply or reply, fault)

        def _read(self, length: int) -> bytes | None:
            found = bytearray()
            left = length
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                if not piece:
                    self.close_connection = True
                    return None
                left -= len(piece)
                if peer.keep_bodies:
                    found += piece
            return bytes(found)

        def _chunks(self) -> bytes:
            found = bytearray()
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return bytes(found)

        def _reply(self, reply: Reply, fault: Fault) -> None:
            body = reply.body
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status not in (204, 304):
                self.send_header("content-length", str(len(body)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            if self.command == "HEAD":
                return
            if fault.drip_seconds:
                for byte in body:
                    if peer.over.wait(fault.drip_seconds):
                        return
                    self.wfile.write(bytes((byte,)))
                return
            if fault.cut_at is not None:
                self.wfile.write(body[: fault.cut_at])
                self.close_connection = True
                self._reset()
                return
            self.wfile.write(body)

        def _linger(self) -> None:
            """Take what is still coming for a moment, so that the answer is not lost to a reset."""
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(1)
                while self.connection.recv(1 << 16):
                    pass

        def _reset(self) -> None:
            with contextlib.suppress(OSError):
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.connection.close()

    return Handler


def json_reply(value: object, *, status: int = 200, **headers: str) -> Reply:
    import json

    return Reply(
        status=status,
        headers={"content-type": "application/json", **headers},
        body=json.dumps(value).encode(),
    )


def replaced(reply: Reply, **changes: Any) -> Reply:
    return dataclasses.replace(reply, **changes)
