"""Every system call that touches the spool."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """What the spool asks of a file system (being written)."""

    def listdir(self, path: Path) -> list[str]: ...


class RealDisk:
    """The operating system's."""

    def listdir(self, path: Path) -> list[str]:
        raise NotImplementedError
