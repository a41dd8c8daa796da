"""Frames before and after, as pictures in a page, and where something was blanked."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final

from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.ocr import chosen
from causeway.deidentify.pixels.picture import limits, picture
from causeway.deidentify.pixels.redact import Frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES_SHOWN: Final = 5
"""Without a choice: the first, the last, and some evenly between them."""
FRAMES_LIMIT: Final = 64
"""Of one page."""
SIDE_LIMIT: Final = 1024
"""Pixels of the longer side; larger images are shown smaller, and said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, as data URIs of PNG files."""

    number: int
    """From 1."""
    before: str = field(repr=False)
    after: str = field(default="", repr=False)
    """Empty if nothing leaves."""
    area: str = field(default="", repr=False)
    """What was blanked, to lie over ``before``; empty if nothing was."""
    is_same: bool = False
    """Whether both pictures are the same in every pixel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The pictures of an object."""

    frames: tuple[Frame, ...] = ()
    count: int = 0
    """Frames that there are."""
    rows: int = 0
    columns: int = 0
    scale: int = 1
    """By which pictures are shown smaller."""
    note: str = ""
    """Why there is no picture."""


def shown(
    before: Source, after: Source | None, area: Area, wanted: Sequence[int] | None = None
) -> Shown:
    """Frames side by side; ``wanted`` are numbers from 1. Raises nothing."""
    try:
        frames = Frames(before)
    except Doubt as doubt:
        return Shown(note=f"no picture can be shown: {doubt.message}")
    count, image = len(frames), frames.image
    numbers = [index + 1 for index in chosen(count, FRAMES_SHOWN)]
    if wanted is not None:
        numbers = [each for each in wanted if each <= count][:FRAMES_LIMIT]
    scale = -(-max(image.rows, image.columns) // SIDE_LIMIT)
    overlay = ""
    if area:
        overlay = _overlay(area.mask(image.rows, image.columns)[::scale, ::scale])
    made: list[Frame] = []
    try:
        others = None if after is None else Frames(after)
        made.extend(_frame(number, frames, others, scale, overlay) for number in numbers)
    except Doubt as doubt:
        return Shown(
            frames=tuple(made),
            count=count,
            rows=image.rows,
            columns=image.columns,
            scale=scale,
            note=f"a frame cannot be shown: {doubt.message}",
        )
    return Shown(
        frames=tuple(made), count=count, rows=image.rows, columns=image.columns, scale=scale
    )


def _frame(number: int, frames: Frames, others: Frames | None, scale: int, overlay: str) -> Frame:
    # Both in the grey values of the original, or one would be brighter for what is blanked.
    white = limits(frames, number - 1)
    first = picture(frames, number - 1, between=white)
    if others is None:
        return Frame(number=number, before=_png(first[::scale, ::scale]), area=overlay)
    second = picture(others, number - 1, between=white)
    same = first.shape == second.shape and bool((first == second).all())
    shown_first = _png(first[::scale, ::scale])
    return Frame(
        number=number,
        before=shown_first,
        after=shown_first if same else _png(second[::scale, ::scale]),
        area=overlay,
        is_same=same,
    )


def _png(array: NDArray[np.uint8]) -> str:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(array).save(file, format="PNG", optimize=False, compress_level=6)
    return _uri(file.getvalue())


def _overlay(mask: NDArray[np.bool_]) -> str:
    """Red stripes where the mask is, in a palette of two colours and nothing."""
    import numpy as np
    from PIL import Image

    rows, columns = mask.shape
    stripes = (np.add.outer(np.arange(rows), np.arange(columns)) // 4) % 3 == 0
    indices = np.where(mask, np.where(stripes, 2, 1), 0).astype(np.uint8)
    image = Image.fromarray(indices, mode="P")
    image.putpalette([0, 0, 0, 214, 40, 40, 255, 255, 255])
    file = BytesIO()
    image.save(file, format="PNG", transparency=bytes([0, 110, 150]))
    return _uri(file.getvalue())


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
