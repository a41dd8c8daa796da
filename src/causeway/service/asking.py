"""How a command asks the running service to read its configuration again: a file in ``run/``.

The service takes it away within a second, and answers in its status file by the word that the
request has. Whoever may write in the data folder may ask, which a signal would not allow.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

REQUEST = "reload.json"
"""In ``run/`` of the data folder: who asks, and by which word they know the answer."""
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody wants the file to be read again."""

    by: str
    word: str = ""
    """By which whoever asks knows the answer; empty for a signal, which waits for none."""


def ask(run_dir: Path, by: str) -> str:
    """Leave a request for the service; the word that its answer will have. Raises OSError."""
    word = secrets.token_hex(8)
    beside = run_dir / f".{REQUEST}.{word}"
    beside.write_text(json.dumps({"by": by, "word": word}), encoding="utf-8")
    beside.replace(run_dir / REQUEST)
    return word


def take_request(run_dir: Path) -> Request | None:
    """The request that waits, if one does; it is taken away."""
    path = run_dir / REQUEST
    try:
        said = json.loads(path.read_bytes())
        request = Request(by=str(said["by"])[:LONGEST_NAME], word=str(said["word"])[:LONGEST_NAME])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        request = None
    with contextlib.suppress(OSError):
        path.unlink()
    return request
