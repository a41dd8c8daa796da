"""Which folder of a destination belongs to whom.

Two studies of a patient often have the same description, and so the same label; they must not write
into one folder. So a study claims its session's folder and an acquisition its own, in the ledger,
once and for all: the first gets the label, the next ``<label>_dup-1``, and whoever has a folder
keeps it over retries, restarts and late images, even if its label would be another today.

What a person or a routing string says goes before that: another place is another folder, and so is
another session or acquisition that is named there.

Series whose acquisitions are merged by label, and groups that go with another series, share a
folder. Then the names of files are claimed as well, in the same way.

On file systems that ignore case (shares of Windows, macOS) ``Brain`` and ``brain`` are one folder.
So what is claimed first is the path with case folded; only who has won that claims the path as it
is written, which is what the ledger then knows it by.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from causeway.decide.labels import Labels
from causeway.decide.verdict import Field
from causeway.errors import TemporaryError
from causeway.ledger import Placement

SEPARATOR: Final = "/"
FOLDED_PREFIX: Final = "~"
"""Begins the claims that are not paths; no group's name does."""
NAMES_PREFIX: Final = f"{FOLDED_PREFIX}{FOLDED_PREFIX}"
"""Begins the claims of file names."""

SAID: Final = "routing"
"""Origin of the fields that a routing string or a person has said."""

DUPLICATES_LIMIT: Final = 10_000
"""Far beyond the visits of any patient; an endless loop would hide a fault."""


class Places(Protocol):
    """The ledger's part in it."""

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement: ...

    def placed(self, destination: str, owner: str) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The folder that an acquisition should have."""

    labels: Labels
    study_id: int
    series_id: int
    key: str = ""
    """Of its group; the main one has the name of its series."""
    identities: str = ""
    """Under which a study is another than as it came: its folders are not those of the other."""
    merges: bool = False
    """It shares a folder with others of its session that have its label."""
    session_is_said: bool = False
    """A person or a routing string has named the session: no other will do."""
    acquisition_is_said: bool = False

    @classmethod
    def of(
        cls,
        fields: Mapping[str, Field],
        labels: Labels,
        *,
        study_id: int,
        series_id: int,
        key: str,
        merges: bool,
        identities: str = "",
    ) -> Wanted:
        """What a hierarchy wants, with these labels."""

        def is_said(name: str) -> bool:
            return name in fields and fields[name].origin == SAID

        return cls(
            labels=labels,
            study_id=study_id,
            series_id=series_id,
            key=key,
            identities=identities,
            merges=merges,
            session_is_said=is_said("session.label"),
            acquisition_is_said=is_said("acquisition.label"),
        )

    @property
    def study(self) -> str:
        """Who claims the session's folder."""
        return f"study:{self.study_id}{self._of}"

    @property
    def owner(self) -> str:
        """Who claims the acquisition's folder."""
        if self.merges:
            return f"{self.study}/{self.labels.acquisition.casefold()}"
        return self.name_owner

    @property
    def _of(self) -> str:
        return f"@{self.identities}" if self.identities else ""

    @property
    def name_owner(self) -> str:
        """Who claims the name of a file."""
        return f"series:{self.series_id}{self._of}{SEPARATOR if self.key else ''}{self.key}"


def place_acquisition(
    places: Places, destination: str, wanted: Wanted, *, at: float
) -> tuple[str, ...]:
    """The folders, outermost first, in which the parcels of this acquisition go. Repeatable."""
    labels = wanted.labels
    session = _claim(
        places, destination, wanted.study, labels.session_path[:-1], labels.session,
        at, exact=wanted.session_is_said,
    )  # fmt: skip
    return _claim(
        places, destination, wanted.owner, session, labels.acquisition,
        at, exact=wanted.acquisition_is_said,
    )  # fmt: skip


def place_stem(
    places: Places,
    folders: Sequence[tuple[str, tuple[str, ...]]],
    stem: str,
    owner: str,
    *,
    taken: Collection[str] = (),
    at: float,
) -> str:
    """The beginning of this owner's file names in folders (destination, path) that it shares.

    ``taken`` are others' beginnings, case folded, that nobody has claimed. Repeatable.
    """
    for name in _numbered(stem):
        if name.casefold() in taken:
            continue
        claims = [
            places.place(
                destination,
                NAMES_PREFIX + SEPARATOR.join((*path, name)).casefold(),
                owner,
                at=at,
            )
            for destination, path in folders
        ]
        if all(claim.won for claim in claims):
            return name
    raise TemporaryError(f"more than {DUPLICATES_LIMIT} files of one name in a folder")


def _claim(
    places: Places,
    destination: str,
    owner: str,
    parent: tuple[str, ...],
    label: str,
    at: float,
    *,
    exact: bool,
) -> tuple[str, ...]:
    """A folder of this owner below ``parent``: the one that it has, or a new one.

    Of several that it has, the one of this label; with ``exact`` only that.
    """
    here = [path for path in _owned(places, destination, owner) if _same(path[:-1], parent)]
    labelled = [path for path in here if _is_named(path[-1], label)]
    if labelled or (here and not exact):
        return (labelled or here)[0]
    for name in _numbered(label):
        path = SEPARATOR.join((*parent, name))
        folded = places.place(destination, FOLDED_PREFIX + path.casefold(), owner, at=at)
        if folded.won:
            # A crash between the two leaves the folded claim, which is won again next time.
            places.place(destination, path, owner, at=at)
            return (*parent, name)
    raise TemporaryError(
        f"more than {DUPLICATES_LIMIT} folders of one label in destination {destination}"
    )


def _owned(places: Places, destination: str, owner: str) -> Iterator[tuple[str, ...]]:
    for path in places.placed(destination, owner):
        if not path.startswith(FOLDED_PREFIX):
            yield tuple(path.split(SEPARATOR))


def _numbered(label: str) -> Iterator[str]:
    yield label
    for number in range(1, DUPLICATES_LIMIT):
        yield f"{label}_dup-{number}"


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return [part.casefold() for part in one] == [part.casefold() for part in other]


def _is_named(name: str, label: str) -> bool:
    return (
        re.fullmatch(re.escape(label.casefold()) + r"(?:_dup-[0-9]+)?", name.casefold()) is not None
    )
