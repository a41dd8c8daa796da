"""A child process of ``causeway run``: ``python -m causeway.service ROLE NAME CHANNEL HINTS``."""

from __future__ import annotations

import pickle
import sys

from causeway.config import Configuration


def main(arguments: list[str]) -> int:
    role, name, channel, hints = arguments
    # Our own parent wrote it; nobody else has the other end of this pipe.
    configuration = pickle.load(sys.stdin.buffer)  # noqa: S301
    assert isinstance(configuration, Configuration)
    match role:
        case "receiver":
            from causeway.service.receive import receive

            return receive(configuration, channel_fd=int(channel), hints_fd=int(hints), name=name)
        case "pipeline":
            from causeway.service.work import work

            return work(configuration, channel_fd=int(channel), hints_fd=int(hints))
    raise SystemExit(f"no such role: {role}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
