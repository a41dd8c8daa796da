"""Ports of loopback for servers that are told where to listen before they start."""

from __future__ import annotations

import itertools
import os
import socket
from typing import Final

FIRST: Final = 10_000
SLOTS: Final = 40
SLOT_PORTS: Final = 500
"""All of them below 32,768, from where Linux takes the ports of outgoing connections: one that is
free now is not some client's when its server starts a second later."""

_taken = itertools.count()


def free_port() -> int:
    """One that nobody has, and that this process names once in so many calls.

    Processes side by side, as of a test run, look in different slots.
    """
    first = FIRST + os.getpid() % SLOTS * SLOT_PORTS
    for _ in range(SLOT_PORTS):
        port = first + next(_taken) % SLOT_PORTS
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {first} to {first + SLOT_PORTS - 1} is free")
