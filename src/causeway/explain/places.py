"""Folders of a destination, claimed in memory: what the ledger would answer if it knew nothing."""

from __future__ import annotations

from causeway.ledger import Placement


class Places:
    """The ledger's part in ``pipeline.placement``."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}
        self._paths: dict[tuple[str, str], list[str]] = {}

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement:
        """Claim a path; the first one has it."""
        del at
        holder = self._owners.setdefault((destination, path), owner)
        mine = self._paths.setdefault((destination, owner), [])
        if holder == owner and path not in mine:
            mine.append(path)
        return Placement(destination=destination, path=path, owner=holder, won=holder == owner)

    def placed(self, destination: str, owner: str) -> tuple[str, ...]:
        return tuple(self._paths.get((destination, owner), ()))
