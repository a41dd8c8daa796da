"""The receive buffer. (Skeleton.)"""

from __future__ import annotations


class BlockPool:
    """Receive blocks to use again, shared by the associations of a process or owned by one."""

    def __init__(self, *, retain_bytes: int = 4_194_304) -> None:
        raise NotImplementedError
