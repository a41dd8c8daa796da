"""A child process of ``causeway run``.

``python -m causeway.service ROLE NAME CHANNEL HINTS ANSWERS``, where the last three are descriptors
that it inherits; of the last a receiver has one, and the pipeline one for each receiver.
"""

from __future__ import annotations

import gc
import pickle
import sys
from typing import Any


def main(arguments: list[str]) -> int:
    role, name, channel, hints, answers = arguments
    # What is imported lives as long as the process. Looking for cycles in it meanwhile is a tenth
    # of the time that a child takes to come back.
    gc.disable()
    match role:
        case "receiver":
            from causeway.service.receive import receive

            _imported()
            return receive(
                _settings(), channel_fd=int(channel), hints_fd=int(hints), answers_fd=int(answers),
                name=name,
            )  # fmt: skip
        case "pipeline":
            from causeway.service.work import work

            _imported()
            return work(
                _settings(), channel_fd=int(channel), hints_fd=int(hints),
                answer_fds=tuple(map(int, filter(None, answers.split(",")))),
            )  # fmt: skip
        case "pull":
            from causeway.service.pull import pull

            _imported()
            return pull(_settings(), channel_fd=int(channel), hints_fd=int(hints))
    raise SystemExit(f"no such role: {role}")


def _imported() -> None:
    gc.freeze()
    gc.enable()


def _settings() -> Any:
    # Our own parent wrote it; nobody else has the other end of this pipe.
    return pickle.load(sys.stdin.buffer)  # noqa: S301


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
