"""An HTTP server that does as it should until it is told to misbehave.

What it answers is a function of the request; what goes wrong is a list of faults, each used up by
the requests that it fits. Listens on a free port of loopback, over TLS if it is given a context.
The servers of particular interfaces are built on it: ``dicomweb_peer``, ``platform_peer``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from causeway.testing.loopback_http import LoopbackHandler, LoopbackHttp


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


class HttpPeer(LoopbackHttp):
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
        self._lock = threading.Lock()
        super().__init__(_handler(self), tls=tls)

    def respond(self, request: Request) -> Reply:
        """What the right answer is."""
        assert self._respond is not None
        return self._respond(request)

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


def _handler(peer: HttpPeer) -> type[LoopbackHandler]:
    class Handler(LoopbackHandler):
        def served(self) -> None:
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
                    self.reset()
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
                self.reset()
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
                self.reset()
                return
            self.wfile.write(body)

        def _linger(self) -> None:
            """Take what is still coming for a moment, so that the answer is not lost to a reset."""
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(1)
                while self.connection.recv(1 << 16):
                    pass

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
