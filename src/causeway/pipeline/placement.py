"""Which folder of a destination belongs to whom.

Two studies of a patient often have the same description, and so the same label; they must not write
into one folder. So a study claims its session's folder and a series its acquisition's, in the
ledger, once and for all: the first gets the label, the next ``<label>_dup-1``, and whoever has
a folder keeps it over retries, restarts and late images, even if its label would be another today.

On file systems that ignore case (shares of Windows, macOS) ``Brain`` and ``brain`` are one folder.
So what is claimed first is the path with case folded; only who has won that claims the path as it
is written, which is what the ledger then knows it by.
"""

from __future__ import annotations

from typing import Final, Protocol

from causeway.decide.labels import Labels
from causeway.errors import TemporaryError
from causeway.ledger import Placement

SEPARATOR: Final = "/"
FOLDED_PREFIX: Final = "~"
"""Begins the claims that are not paths; no group's name does."""

DUPLICATES_LIMIT: Final = 10_000
"""Far beyond the visits of any patient; an endless loop would hide a fault."""


class Places(Protocol):
    """The ledger's part in it."""

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement: ...

    def placed(self, destination: str, owner: str) -> tuple[str, ...]: ...


def place_series(
    places: Places, destination: str, labels: Labels, *, study_id: int, series_id: int, at: float
) -> tuple[str, ...]:
    """The folders, outermost first, in which the parcels of this series go. Repeatable."""
    session = _claim(
        places, destination, f"study:{study_id}", labels.session_path[:-1], labels.session, at
    )
    return _claim(places, destination, f"series:{series_id}", session, labels.acquisition, at)


def _claim(
    places: Places, destination: str, owner: str, parent: tuple[str, ...], label: str, at: float
) -> tuple[str, ...]:
    for path in places.placed(destination, owner):
        if not path.startswith(FOLDED_PREFIX):
            return tuple(path.split(SEPARATOR))
    for number in range(DUPLICATES_LIMIT):
        name = f"{label}_dup-{number}" if number else label
        path = SEPARATOR.join((*parent, name))
        folded = places.place(destination, FOLDED_PREFIX + path.casefold(), owner, at=at)
        if folded.won:
            # A crash between the two leaves the folded claim, which is won again next time.
            places.place(destination, path, owner, at=at)
            return (*parent, name)
    raise TemporaryError(
        f"more than {DUPLICATES_LIMIT} folders of one label in destination {destination}"
    )
