"""A forwarder in front of an HTTP server: passes everything on as it came, until it is told not to.

Unlike ``http_peer``, which answers itself, this one stands before a real server, whose signatures,
digests and conditions stay in force: path and headers go on byte for byte. What goes wrong is a
list of ``Trouble``, each used up by the requests that it fits. With a context it speaks TLS to its
callers, and plainly to the server.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from causeway.testing.loopback_http import LoopbackHandler, LoopbackHttp

ALWAYS: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """A request, as it came."""

    method: str
    target: str
    """Path and query."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What goes wrong, for which requests, how often."""

    fits: Callable[[Forwarded], bool] = lambda _request: True
    times: int = ALWAYS
    after: int = 0
    """So many that it fits go well first."""
    status: int = 0
    """Answered instead of the server's; 0: the server is asked."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    changes: Callable[[bytes], bytes] | None = None
    """What becomes of the body on its way."""
    delay_seconds: float = 0.0
    resets: bool = False
    """The server is asked, and its answer is kept."""
    cuts: bool = False
    """Hangs up in the middle of the answer."""


class Forwarder(LoopbackHttp):
    """See the module's text. A context manager; listens on a free port of loopback."""

    def __init__(self, upstream: str, *, tls: ssl.SSLContext | None = None) -> None:
        found = urlsplit(upstream)
        self._to = (found.hostname or "127.0.0.1", found.port or 80)
        self.troubles: list[Trouble] = []
        self.requests: list[Forwarded] = []
        self._lock = threading.Lock()
        super().__init__(_handler(self), tls=tls)

    def asked(self, method: str, part: str = "") -> list[Forwarded]:
        """Requests of one kind so far, with this in their target."""
        with self._lock:
            return [one for one in self.requests if one.method == method and part in one.target]

    def trouble_for(self, request: Forwarded) -> Trouble | None:
        with self._lock:
            self.requests.append(request)
            for trouble in self.troubles:
                if not trouble.times or not trouble.fits(request):
                    continue
                if trouble.after:
                    trouble.after -= 1
                    continue
                trouble.times -= 1
                return trouble
        return None

    def forward(self, request: Forwarded, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self._to, timeout=60)
        try:
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.items():
                if name.lower() not in ("expect", "connection"):
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


_OF_THE_CONNECTION: Final = frozenset({"connection", "transfer-encoding", "keep-alive"})


def _handler(forwarder: Forwarder) -> type[LoopbackHandler]:
    class Handler(LoopbackHandler):
        def served(self) -> None:
            body = self._body()
            request = Forwarded(
                method=self.command, target=self.path, headers=dict(self.headers.items()), body=body
            )
            trouble = forwarder.trouble_for(request) or Trouble(times=0)
            if trouble.delay_seconds:
                forwarder.over.wait(trouble.delay_seconds)
            if trouble.changes is not None:
                body = trouble.changes(body)
            if trouble.status:
                status = trouble.status
                headers = [*trouble.headers.items(), ("Content-Length", str(len(trouble.body)))]
                content = trouble.body
            else:
                status, headers, content = forwarder.forward(request, body)
            if trouble.resets:
                self.reset()
                return
            if trouble.cuts:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                self.reset()
                return
            self._answer(status, headers, content)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            raise http.client.NotConnected("bodies come with their length")

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            told = {name.lower() for name, _ in headers}
            for name, value in headers:
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            if "content-length" not in told and self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    return Handler
