"""Composition: everything is built once, started and stopped in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causeway.config import Loaded

__all__ = ["run"]


def run(loaded: Loaded, *, by: str = "", receive_only: bool = False) -> int:
    """Run the connector until it is told to stop; an exit status. Raises CausewayError."""
    from causeway.service.supervisor import run as run_supervisor

    return run_supervisor(loaded, by=by, receive_only=receive_only)
