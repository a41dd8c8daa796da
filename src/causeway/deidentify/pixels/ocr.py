"""Reading text in pixels, by Tesseract where it is installed.

It can only make the gate stricter: what it finds is held or blanked as well, and that it has found
nothing releases nothing. It misses small, faint and handwritten text, and sees letters where there
are none; both are said in docs/howto/burned-in-text.md.

Pictures go to Tesseract through a pipe; nothing is written to the disk, and what was read is
forgotten: only where it stands is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final, Protocol

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Rectangle
from causeway.deidentify.pixels.picture import picture
from causeway.deidentify.pixels.redact import Frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROGRAM: Final = "tesseract"
SECONDS: Final = 60
"""For one picture; 512 x 512 takes half a second."""
SCALE: Final = 2
"""Letters of scanners are some 10 pixels high, and Tesseract wants 20."""
SCALED_SIDE_LIMIT: Final = 4096
MARGIN: Final = 3
"""Pixels around what was found: boxes cut off accents and descenders."""
WHITE: Final = 99.5
"""Percent of pixels below white, when a monochrome frame is looked at a second time: text is not
always what is brightest."""
SURE: Final = 60.0
"""Of 100; what is read with less is mostly anatomy."""


class Reader(Protocol):
    """Finds text in a picture."""

    def find(self, shown: NDArray[np.uint8]) -> tuple[Rectangle, ...]:
        """Where there is text. Raises ``Doubt`` if it cannot be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tesseract:
    """The program of Debian's package tesseract-ocr."""

    program: str
    languages: str = "eng"

    def find(self, shown: NDArray[np.uint8]) -> tuple[Rectangle, ...]:
        """Words that it is sure of, in the picture and in its brightest parts."""
        import numpy as np
        from PIL import Image

        grey = shown if shown.ndim == 2 else shown.max(axis=2)
        rows, columns = grey.shape
        scale = max(1, min(SCALE, SCALED_SIDE_LIMIT // max(rows, columns)))
        # Dark on white, as in books. The second has only what is brightest, as text mostly is:
        # without the image that it stands on.
        bright = np.where(grey >= 0.85 * max(int(grey.max()), 1), 0, 255).astype(np.uint8)
        found: list[Rectangle] = []
        if int(grey.max()) == int(grey.min()):
            return ()
        for page in (255 - grey, bright):
            scaled = Image.fromarray(page).resize(
                (columns * scale, rows * scale), Image.Resampling.BICUBIC
            )
            file = BytesIO()
            scaled.save(file, format="PNG", compress_level=1)
            found += _words(self._run(file.getvalue()), scale, rows, columns)
        return tuple(dict.fromkeys(found))

    def _run(self, png: bytes) -> str:
        command = [self.program, "stdin", "stdout", "-l", self.languages, "--psm", "11", "tsv"]
        try:
            done = subprocess.run(
                command,
                input=png,
                capture_output=True,
                timeout=SECONDS,
                check=True,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Doubt("ocr", f"Tesseract has not read it ({type(error).__name__})") from None
        return done.stdout.decode("utf-8", "replace")


def _words(tsv: str, scale: int, rows: int, columns: int) -> list[Rectangle]:
    found: list[Rectangle] = []
    for line in tsv.splitlines()[1:]:
        fields = line.split("\t")
        if len(fields) != 12 or not _is_word(fields[11], fields[10]):
            continue
        left, top, width, height = (int(each) for each in fields[6:10])
        x, y = max(0, left // scale - MARGIN), max(0, top // scale - MARGIN)
        right = min(columns, -(-(left + width) // scale) + MARGIN)
        bottom = min(rows, -(-(top + height) // scale) + MARGIN)
        if right > x and bottom > y:
            found.append(Rectangle(x=x, y=y, width=right - x, height=bottom - y))
    return found


def _is_word(text: str, confidence: str) -> bool:
    letters = sum(map(str.isalnum, text))
    try:
        sure = float(confidence)
    except ValueError:
        return True
    return letters >= 3 and sure >= SURE


def tesseract(languages: str = "eng") -> Tesseract | None:
    """None where it is not installed."""
    program = shutil.which(PROGRAM)
    return Tesseract(program=program, languages=languages) if program else None


def text_in(frames: Frames, reader: Reader, most: int = 0) -> tuple[Rectangle, ...]:
    """Where there is text in any frame, or in at most so many of them. Raises ``Doubt``."""
    found: dict[Rectangle, None] = {}
    for index in chosen(len(frames), most):
        for white in (100.0, WHITE) if frames.image.samples == 1 else (100.0,):
            found.update(dict.fromkeys(reader.find(picture(frames, index, white=white))))
    return tuple(found)


def chosen(count: int, most: int) -> Sequence[int]:
    """The frames that are read: all, or the first, the last, and some evenly between them."""
    if not most or count <= most:
        return range(count)
    if most == 1:
        return (0,)
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]
