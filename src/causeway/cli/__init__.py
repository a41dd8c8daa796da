"""The command line: ``causeway …``.

A command reads the configuration, opens what it needs, prints, and leaves; only ``run`` stays. So
all of them work while the service runs and while it is stopped. What a command needs is imported
when it is called, so that ``causeway --help`` is quick.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The entry point of the ``causeway`` command; ends the process with its exit status."""
    from causeway.cli.app import main as run

    run()
