"""The fixture of this folder."""

from interop_peers import start

__all__ = ["start"]
