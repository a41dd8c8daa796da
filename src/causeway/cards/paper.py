"""A card as PDF, on one page of A4 or Letter.

Set by ReportLab: maintained for more than twenty years, pure Python, under the BSD licence, and
able to embed fonts, so that a name is printed as it is spelled. Looked at beside it: fpdf2 (LGPL,
and three dependencies instead of two), WeasyPrint (needs Pango on the machine), a browser (no part
of a connector), and PyDyf (no text setting of its own).

The page is set at the largest size that fits. ``scale`` gives that size to the HTML card as well,
which then fits on a page too.
"""

from __future__ import annotations

import enum
import io
from typing import Final

from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, Spacer

from causeway.cards.fonts import register, unprintable
from causeway.cards.layout import Story
from causeway.cards.wording import Card
from causeway.errors import PermanentError

_MARGIN: Final = 13 * mm
_SCALES: Final = (1.0, 0.96, 0.92, 0.88, 0.84, 0.8, 0.76, 0.72, 0.68, 0.64, 0.6, 0.56, 0.52)
"""Below half of its size, nobody reads a card from the chair."""


class Paper(enum.StrEnum):
    """The sheet."""

    A4 = "a4"
    LETTER = "letter"

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        width, height = A4 if self is Paper.A4 else LETTER
        return float(width), float(height)


class NotPrintable(PermanentError):
    """The card has characters that none of the fonts for paper has."""


def pdf(card: Card, paper: Paper = Paper.A4) -> bytes:
    """The page. The same card gives the same bytes.

    Raises ``NotPrintable``.
    """
    if missing := unprintable(_all_text(card)):
        raise NotPrintable(
            f"there is no font for {', '.join(missing[:8])} in the PDF of {card.source}'s card",
            hint="print the HTML card from a browser, which has fonts for it",
        )
    buffer = io.BytesIO()
    width, height = paper.size
    canvas = Canvas(buffer, pagesize=paper.size, invariant=1)
    canvas.setTitle(f"{card.title}: {card.source}")
    canvas.setAuthor("Causeway")
    canvas.setSubject("Card for scanner operators")
    inner = width - 2 * _MARGIN
    story = Story(card, scale(card, paper), inner).flowables()
    # What is left of the page goes between the blocks, up to a point.
    room = height - 2 * _MARGIN - _height(story, inner)
    gaps = [item for item in story if isinstance(item, Spacer)]
    for gap in gaps:
        gap.height += min(max(room, 0) / max(len(gaps), 1), 20) * 0.9
    frame = Frame(
        _MARGIN, _MARGIN, inner, height - 2 * _MARGIN,
        leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
    )  # fmt: skip
    frame.addFromList(story, canvas)
    assert not story, "a card that was measured to fit does not"
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def scale(card: Card, paper: Paper = Paper.A4) -> float:
    """The largest size, as a part of the usual one, at which the card fits on a page."""
    register()
    width, height = paper.size
    inner = width - 2 * _MARGIN
    for factor in _SCALES:
        if _height(Story(card, factor, inner).flowables(), inner) <= height - 2 * _MARGIN - 1:
            return factor
    raise PermanentError(
        f"the card of {card.source} does not fit on a page",
        hint="shorten the contact line, or list fewer places in routing.known",
    )


def _height(story: list[Flowable], width: float) -> float:
    return float(sum(item.wrap(width, 10_000)[1] for item in story))


def _all_text(value: object) -> str:
    """Every text of a card, for one look at its characters."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "".join(map(_all_text, value))
    if hasattr(value, "__dataclass_fields__"):
        return "".join(_all_text(getattr(value, name)) for name in value.__dataclass_fields__)
    return ""
