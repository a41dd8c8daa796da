"""Codecs in a process of their own.

They are C and C++ of other people, and what they are given comes over the network. Some end the
whole process for a broken image: GDCM does, whose JPEG codec throws what nobody catches. So none of
them runs where keys are and other objects wait. A codec that ends, or takes too long, is ``Doubt``
for the one object that it was given, and the next one gets a new process.

What goes back and forth is a line of JSON and the bytes that it announces; nothing in it is code,
and what comes back is measured before it is believed. The process starts with the first frame (a
third of a second), and ends with this one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from typing import IO, Any, Final

from causeway.deidentify.errors import Doubt

SECONDS: Final = 120
"""For one frame. A large mammogram takes two."""
_LINE_LIMIT: Final = 64 * 1024


class Apart:
    """One process with codecs, started when it is needed and again when it has ended."""

    def __init__(self, command: list[str], seconds: float = SECONDS) -> None:
        self._command = command
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, question: dict[str, Any], data: bytes, most: int) -> tuple[dict[str, Any], bytes]:
        """The answer, with at most so many bytes. Raises ``Doubt``."""
        with self._lock:
            try:
                return self._exchange(question, data, most)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._end()
                word = "takes too long" if isinstance(error, TimeoutError) else "has ended"
                raise Doubt("pixels", f"a frame cannot be decoded (the codec {word})") from None
            except BaseException:
                self._end()
                raise

    def close(self) -> None:
        with self._lock:
            self._end()

    def _exchange(
        self, question: dict[str, Any], data: bytes, most: int
    ) -> tuple[dict[str, Any], bytes]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        until = time.monotonic() + self._seconds
        process.stdin.write(json.dumps(question | {"size": len(data)}).encode() + b"\n")
        process.stdin.write(data)
        process.stdin.flush()
        out = process.stdout.fileno()
        line = b""
        while not line.endswith(b"\n"):
            line += _read(out, 1, until)
            if len(line) > _LINE_LIMIT:
                raise ValueError
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise TypeError
        size = int(answer.get("size", 0))
        if not 0 <= size <= most:
            raise ValueError
        return answer, _read(out, size, until)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            # After a fork the process belongs to the parent.
            self._process, self._owner = None, os.getpid()
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it would quote what it has read
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def _read(descriptor: int, size: int, until: float) -> bytes:
    """Raises ``TimeoutError``, and ``ConnectionError`` where the process has ended."""
    parts: list[bytes] = []
    while size:
        if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(descriptor, min(size, 1 << 20))
        if not part:
            raise ConnectionError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


CODECS: Final = Apart([sys.executable, "-m", "causeway.deidentify.pixels.apart"])
atexit.register(CODECS.close)


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """The other side: answer until nobody asks any more."""
    from causeway.deidentify.pixels.codecs import decode_here, encode_here

    while line := questions.readline():
        question = json.loads(line)
        data = questions.read(question["size"])
        try:
            if question["asks"] == "encode":
                pixels = encode_here(
                    data, question["syntax"], question["options"], question["dtype"]
                )
                answer: dict[str, Any] = {"size": len(pixels)}
            else:
                array, photometric = decode_here(data, question["syntax"], question["options"])
                pixels = array.tobytes()
                answer = {
                    "size": len(pixels),
                    "shape": list(array.shape),
                    "dtype": array.dtype.newbyteorder("=").str,
                    "photometric": photometric,
                }
        except Exception as error:  # noqa: BLE001 - a codec may say anything of what is broken
            answer, pixels = {"error": type(error).__name__}, b""
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(pixels)
        answers.flush()


if __name__ == "__main__":
    import resource

    # A core file would hold the image.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
