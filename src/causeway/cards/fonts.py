"""Fonts for paper: what is typed from a card must look as it is typed.

Latin, Greek and Cyrillic come from fonts that ship with the program and are embedded in the page.
Chinese, Japanese and Korean are set in Adobe's standard fonts for them, which every reader of PDF
brings along or substitutes. Other characters cannot be set; a card that would need them is refused
rather than printed with holes, since somebody would type the holes.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Final
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

TEXT: Final = "DejaVuSansCondensed"
BOLD: Final = "DejaVuSansCondensed-Bold"
TYPED: Final = "DejaVuSansMono-Bold"
_EAST_ASIAN: Final = (
    ("HeiseiKakuGo-W5", "shift_jisx0213"),
    ("STSong-Light", "gb2312"),
    ("HYGothic-Medium", "euc_kr"),
    ("MSung-Light", "big5"),
)
"""Adobe's standard fonts, and the national character sets that they cover."""


@lru_cache(maxsize=1)
def register() -> None:
    """Make the fonts known to the library, once."""
    for name in (TEXT, BOLD, TYPED):
        with as_file(files("causeway.cards").joinpath(f"fonts/{name}.ttf")) as path:
            pdfmetrics.registerFont(TTFont(name, path))
    for name, _ in _EAST_ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(name))


def unprintable(text: str) -> str:
    """The characters of ``text`` that no font has, each once."""
    return "".join(dict.fromkeys(c for c in text if font_of(c, TEXT) is None))


def font_of(character: str, font: str) -> str | None:
    """The font that sets this character: ``font`` itself, a substitute, or none."""
    register()
    if character.isspace() or ord(character) in pdfmetrics.getFont(font).face.charToGlyph:
        return font
    if ord(character) < 0x1100:
        return None
    for name, encoding in _EAST_ASIAN:
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            continue
        return name
    return None


def marked(text: str, font: str) -> str:
    """The text as the library's markup, with other fonts where ``font`` lacks a character."""
    parts: list[str] = []
    current, run = font, ""
    for character in text:
        found = font_of(character, font) or font
        if found != current:
            parts.append(_run(run, current, font))
            current, run = found, ""
        run += character
    parts.append(_run(run, current, font))
    return "".join(parts)


def _run(text: str, font: str, usual: str) -> str:
    if not text:
        return ""
    return escape(text) if font == usual else f'<font name="{font}">{escape(text)}</font>'
