"""Composition: everything is built once, started and stopped in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causeway.config import Configuration

__all__ = ["run"]


def run(configuration: Configuration, *, receive_only: bool = False) -> int:
    """Run the connector until it is told to stop; an exit status. Raises CausewayError."""
    from causeway.service.supervisor import run as run_supervisor

    return run_supervisor(configuration, receive_only=receive_only)
