"""Folders and file names, claimed in memory: what the ledger would answer if it knew of no others.

So what is explained together avoids one another, as it would in the pipeline; what stands in the
ledger or at a destination already is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from causeway.decide.labels import Labels
from causeway.decide.verdict import Field
from causeway.explain.gathering import Series
from causeway.ledger import Placement
from causeway.pipeline.placement import SEPARATOR, Wanted, place_acquisition, place_stem


class Folders:
    """Who has which folder of the one destination that there is here."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._paths: dict[str, list[str]] = {}
        self._numbers: dict[tuple[str, ...], int] = {}

    # --- the ledger's part --------------------------------------------------------------------

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement:
        """Claim a path; the first one has it."""
        del at
        holder = self._owners.setdefault(path, owner)
        mine = self._paths.setdefault(owner, [])
        if holder == owner and path not in mine:
            mine.append(path)
        return Placement(destination=destination, path=path, owner=holder, won=holder == owner)

    def placed(self, destination: str, owner: str) -> tuple[str, ...]:
        """What an owner has claimed."""
        del destination
        return tuple(self._paths.get(owner, ()))

    # --- what is asked for --------------------------------------------------------------------

    def wanted(
        self,
        series: Series,
        key: str,
        labels: Labels,
        fields: Mapping[str, Field],
        *,
        merges: bool,
    ) -> Wanted:
        """The folder that a part of a series should have, as packaging asks for it."""
        uids = (series.study_instance_uid, series.series_instance_uid)
        return Wanted.of(
            fields,
            labels,
            study_id=self._number(uids[:1]),
            series_id=self._number(uids),
            key=key,
            merges=merges,
        )

    def folder(self, wanted: Wanted) -> tuple[str, ...]:
        return place_acquisition(self, "", wanted, at=0.0)

    def stem(
        self, stem: str, wanted: Wanted, folder: tuple[str, ...], taken: frozenset[str]
    ) -> str:
        """The beginning of its file names in a folder that it shares with others."""
        return place_stem(self, (("", folder),), stem, wanted.name_owner, taken=taken, at=0.0)

    def _number(self, name: tuple[str, ...]) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)


def path_of(folder: tuple[str, ...]) -> str:
    return SEPARATOR.join(folder)
