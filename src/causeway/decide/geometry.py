"""Images that lie otherwise than the stack that they are in: localizers that nothing else tells.

Images are of one class that have the same Rows and Columns and the same orientation. Where one
class has more than half of them, the small classes beside it are odd. A class of some size is
a stack of its own and stays, as does everything where no class has the majority (projections that
turn around an axis, localizers of three planes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

STACK_IMAGES: Final = 8
"""Fewer images are not judged, and so many of one class are a stack. The platform's number."""

TOLERANCE: Final = 0.05
"""Of direction cosines: some three degrees. Scanners write the same plane with other digits."""

IMAGES_LIMIT: Final = 20_000
CLASSES_LIMIT: Final = 32
"""Beyond these no image is odd: what varies so much has no stack that one could be odd in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """How one image lies."""

    rows: str
    columns: str
    orientation: tuple[float, ...]
    """Six direction cosines (0020,0037); none if it does not say."""

    def is_as(self, other: Plane) -> bool:
        return (
            (self.rows, self.columns) == (other.rows, other.columns)
            and len(self.orientation) == len(other.orientation)
            and all(
                abs(one - another) <= TOLERANCE
                for one, another in zip(self.orientation, other.orientation, strict=True)
            )
        )


def plane_of(rows: str, columns: str, orientation: str) -> Plane:
    """``orientation`` as it stands, values joined by backslashes; without six numbers, none."""
    try:
        cosines = tuple(float(text) for text in orientation.split("\\")) if orientation else ()
    except ValueError:
        cosines = ()
    return Plane(
        rows=rows.strip(),
        columns=columns.strip(),
        orientation=cosines if len(cosines) == 6 else (),
    )


def odd_ones(planes: Sequence[Plane]) -> frozenset[int]:
    """Positions in ``planes`` of the images that lie otherwise than the stack."""
    if not STACK_IMAGES <= len(planes) <= IMAGES_LIMIT:
        return frozenset()
    classes = _classes(enumerate(planes))
    largest = max(classes, key=lambda each: len(each[1]), default=None)
    # What most images do not say, none is odd for saying.
    if largest is None or len(largest[1]) * 2 <= len(planes) or not largest[0].orientation:
        return frozenset()
    return frozenset(
        position for _, members in classes if len(members) < STACK_IMAGES for position in members
    )


def _classes(planes: Iterable[tuple[int, Plane]]) -> list[tuple[Plane, list[int]]]:
    """Empty if there are too many."""
    found: list[tuple[Plane, list[int]]] = []
    for position, plane in planes:
        for first, members in found:
            if first.is_as(plane):
                members.append(position)
                break
        else:
            if len(found) == CLASSES_LIMIT:
                return []
            found.append((plane, [position]))
    return found
