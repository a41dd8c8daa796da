"""Signatures; the body follows."""
from __future__ import annotations

from typing import Any

from causeway.values import Record


class LargeIntake:
    """An object in a file of its own."""

    def write(self, data: Any) -> None:
        """Copied out on return."""
        raise NotImplementedError

    def commit(self) -> Record:
        raise NotImplementedError

    def abort(self) -> None:
        """Idempotent; a no-op after commit."""
        raise NotImplementedError
