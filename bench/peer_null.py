"""A receiver that stores nothing: what it reaches is what generator and loopback allow.

It reads PDU heads to find the end of each message, answers Success and forgets. One process for
each association, so that it is nobody's bottleneck but the machine's.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys

CONTEXT_ACCEPTED = struct.pack(">BxHBxBx", 0x21, 4 + 4 + 19, 1, 0) + struct.pack(
    ">BxH19s", 0x40, 19, b"1.2.840.10008.1.2.1"
)
USER = struct.pack(">BxHBxHI", 0x50, 8, 0x51, 4, 131072)


def acceptance(request: bytes) -> bytes:
    application = struct.pack(">BxH21s", 0x10, 21, b"1.2.840.10008.3.1.1.1")
    body = request[:68] + application + CONTEXT_ACCEPTED + USER
    return struct.pack(">BxI", 2, len(body)) + body


def response() -> bytes:
    elements = (
        struct.pack("<HHIH", 0, 0x0100, 2, 0x8001)
        + struct.pack("<HHIH", 0, 0x0120, 2, 1)
        + struct.pack("<HHIH", 0, 0x0800, 2, 0x0101)
        + struct.pack("<HHIH", 0, 0x0900, 2, 0)
    )
    command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
    return struct.pack(">BxIIBB", 4, len(command) + 6, len(command) + 2, 1, 3) + command


def serve(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answer = response()
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    have = 0
    while True:
        count = sock.recv_into(view[have:])
        if not count:
            return
        have += count
        at = 0
        while have - at >= 6:
            kind, length = struct.unpack_from(">BxI", buffer, at)
            if have - at < 6 + length:
                break
            if kind == 4 and buffer[at + 11] == 2:
                sock.sendall(answer)
            elif kind == 1:
                sock.sendall(acceptance(bytes(view[at + 6 : at + 6 + length])))
            elif kind == 5:
                sock.sendall(struct.pack(">BxI4x", 6, 4))
            at += 6 + length
        view[: have - at] = view[at:have]
        have -= at


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
    while True:
        sock, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(sock)
            os._exit(0)
        sock.close()


if __name__ == "__main__":
    main()
