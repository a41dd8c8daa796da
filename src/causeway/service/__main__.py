"""A child process of ``causeway run``: ``python -m causeway.service ROLE NAME CHANNEL HINTS``."""

from __future__ import annotations

import pickle
import sys
from typing import Any


def main(arguments: list[str]) -> int:
    role, name, channel, hints = arguments
    match role:
        case "receiver":
            from causeway.service.receive import receive

            return receive(_settings(), channel_fd=int(channel), hints_fd=int(hints), name=name)
        case "pipeline":
            from causeway.service.work import work

            return work(_settings(), channel_fd=int(channel), hints_fd=int(hints))
    raise SystemExit(f"no such role: {role}")


def _settings() -> Any:
    # Our own parent wrote it; nobody else has the other end of this pipe.
    return pickle.load(sys.stdin.buffer)  # noqa: S301


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
