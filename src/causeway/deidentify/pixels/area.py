"""Which pixels are blanked: rectangles to blank, and rectangles outside of which all is blanked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """In pixels; ``x`` is the column and ``y`` the row of its first pixel, from the top left."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.x, self.y) < 0 or min(self.width, self.height) < 1:
            raise ValueError("a rectangle begins at 0 or behind it and has a width and a height")

    def slices(self) -> tuple[slice, slice]:
        """Rows and columns; what is outside of the image falls away."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}+{self.x}+{self.y}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A pixel is blanked if it is in one of ``blank``, or if one of ``keep`` does not have it."""

    blank: tuple[Rectangle, ...] = ()
    keep: tuple[tuple[Rectangle, ...], ...] = ()
    """Lists of rectangles. What is outside of all rectangles of a list is blanked, for each list:
    two rules that each keep something keep what both do."""
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.blank or self.keep or self.everything)

    def __or__(self, other: Area) -> Area:
        """Whatever either of them blanks."""
        return Area(
            blank=self.blank + tuple(each for each in other.blank if each not in self.blank),
            keep=self.keep + tuple(each for each in other.keep if each not in self.keep),
            everything=self.everything or other.everything,
        )

    def mask(self, rows: int, columns: int) -> NDArray[np.bool_]:
        """(rows, columns), true where a pixel is blanked."""
        import numpy as np

        blanked = np.full((rows, columns), self.everything)
        for rectangle in self.blank:
            blanked[rectangle.slices()] = True
        for kept in self.keep:
            outside = np.full((rows, columns), True)
            for rectangle in kept:
                outside[rectangle.slices()] = False
            blanked |= outside
        return blanked

    def to_document(self) -> dict[str, Any]:
        """For reports and the previews: the rectangles as [x, y, width, height]."""
        return {
            "blank": _written(self.blank),
            "keep": [_written(each) for each in self.keep],
            "everything": self.everything,
        }


NOTHING = Area()


def _written(rectangles: Iterable[Rectangle]) -> list[list[int]]:
    return [[each.x, each.y, each.width, each.height] for each in rectangles]
