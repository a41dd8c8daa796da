"""A server of HTTP on a free port of loopback: what those have in common that answer themselves and
those that pass on.

Each connection has a thread, in which its handshake is done too, so that one that stalls holds up
nobody. With a context it speaks TLS.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class LoopbackHttp:
    """A context manager; ``url`` says where it listens."""

    def __init__(
        self, handler: type[LoopbackHandler], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.over = threading.Event()
        """Set at the end; whoever waits on purpose waits for this."""
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.tls = tls
        self.port: int = self._server.server_address[1]
        self.host = "localhost" if tls else "127.0.0.1"
        self.url = f"{'https' if tls else 'http'}://{self.host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

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


class LoopbackHandler(BaseHTTPRequestHandler):
    """Any method is for ``served``; whoever hangs up in the middle is no error."""

    protocol_version = "HTTP/1.1"

    def served(self) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        """Hang up, without what was not read yet."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.served()


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
