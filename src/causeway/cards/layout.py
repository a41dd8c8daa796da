"""The blocks of a card on paper, from top to bottom, at one size."""

from __future__ import annotations

from typing import Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from causeway.cards import look
from causeway.cards.fonts import BOLD, TEXT, TYPED, marked
from causeway.cards.wording import Card, Opt, Row


class Story:
    """The blocks of a card at one size."""

    def __init__(self, card: Card, factor: float, width: float) -> None:
        self._card = card
        self._factor = factor
        self._width = width

    def flowables(self) -> list[Flowable]:
        card = self._card
        blocks: list[Flowable] = [self._head(), *self._where()]
        if card.parts:
            blocks += self._what()
            blocks += self._examples()
        if card.groups:
            blocks += self._places()
        if card.opts:
            blocks += self._whether()
        if card.troubles:
            blocks += self._otherwise()
        if card.never:
            blocks += self._never()
        blocks += self._foot()
        return blocks

    # --- pieces -----------------------------------------------------------------------------

    def _points(self, points: float) -> float:
        return points * self._factor

    def _text(
        self, text: str, size: float = 11, *, font: str = TEXT, colour: str = look.INK,
        align: int = 0, ready: bool = False,
    ) -> Paragraph:  # fmt: skip
        size = self._points(size)
        style = ParagraphStyle(
            "", fontName=font, fontSize=size, leading=size * 1.25, textColor=HexColor(colour),
            alignment=align,
        )  # fmt: skip
        return Paragraph(text if ready else marked(text, font), style)

    def _gap(self, points: float = 7) -> Spacer:
        return Spacer(1, self._points(points))

    def _title(self, number: str, text: str) -> Flowable:
        size = self._points(13)
        return self._table(
            [[self._text(number, 13, font=BOLD, colour="#ffffff", align=TA_CENTER),
              self._text(text, 13, font=BOLD, colour=look.DEEP)]],
            [size * 1.7, self._width - size * 1.7],
            [("BACKGROUND", (0, 0), (0, 0), HexColor(look.DEEP)),
             ("LEFTPADDING", (0, 0), (0, 0), 0), ("RIGHTPADDING", (0, 0), (0, 0), 0),
             ("LINEBELOW", (0, 0), (-1, -1), 1, HexColor(look.DEEP))],
        )  # fmt: skip

    def _table(
        self, rows: list[list[Any]], widths: list[float], style: list[tuple[Any, ...]],
        padding: float = 3,
    ) -> Table:  # fmt: skip
        padding = self._points(padding)
        return Table(
            rows, colWidths=widths, hAlign="LEFT",
            style=[
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), padding),
                ("BOTTOMPADDING", (0, 0), (-1, -1), padding * 1.2),
                ("LEFTPADDING", (0, 0), (-1, -1), self._points(7)),
                ("RIGHTPADDING", (0, 0), (-1, -1), self._points(5)),
                *style,
            ],
        )  # fmt: skip

    # --- blocks -----------------------------------------------------------------------------

    def _head(self) -> Flowable:
        card = self._card
        right = [self._text(card.source, 16, font=BOLD, colour="#ffffff", align=TA_RIGHT)]
        if card.site:
            right.append(self._text(card.site, 10, colour="#d5e5e8", align=TA_RIGHT))
        return self._table(
            [[self._text(card.title, 20, font=BOLD, colour="#ffffff"), right]],
            [self._width * 0.66, self._width * 0.34],
            [("BACKGROUND", (0, 0), (-1, -1), HexColor(look.DEEP))],
            padding=9,
        )

    def _where(self) -> list[Flowable]:
        card = self._card
        if not card.field:
            return [self._gap(), self._text(card.where_lead, 13)]
        return [
            self._gap(),
            self._title("1", card.where_title),
            self._gap(3),
            self._text(card.where_lead, 11),
            self._gap(3),
            self._table(
                [[self._text(card.field, 24, font=BOLD)]],
                [self._width],
                [("BOX", (0, 0), (-1, -1), 1.6, HexColor(look.INK)),
                 ("BACKGROUND", (0, 0), (-1, -1), white)],
                padding=5,
            ),
            self._gap(2),
            self._text(card.where_note, 9, colour=look.QUIET),
        ]  # fmt: skip

    def _what(self) -> list[Flowable]:
        texts, labels = [], []
        for part in self._card.parts:
            colour = look.PART_COLOURS.get(part.text, look.INK)
            texts.append(self._text(part.text, 21, font=TYPED, colour=colour, align=TA_CENTER))
            label = f"{part.label}, optional" if part.is_optional else part.label
            labels.append(self._text(label, 9, font=BOLD, colour=colour, align=TA_CENTER))
        # A character of this font is 0.602 of its size wide.
        widths = [len(part.text) * self._points(21) * 0.605 for part in self._card.parts]
        pattern = self._table(
            [texts, labels],
            widths,
            [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0),
             ("BOTTOMPADDING", (0, 0), (-1, 0), 1), ("TOPPADDING", (0, 1), (-1, 1), 0)],
        )  # fmt: skip
        return [
            self._gap(),
            self._title("2", self._card.what_title),
            self._gap(3),
            self._table(
                [[pattern]], [self._width], [("BACKGROUND", (0, 0), (-1, -1), HexColor(look.SOFT))]
            ),
            self._gap(2),
            self._text(" ".join(self._card.what_notes), 10, colour=look.QUIET),
        ]

    def _examples(self) -> list[Flowable]:
        rows = self._card.examples
        return [
            self._gap(4),
            self._text(self._card.examples_title, 11, font=BOLD, colour=look.DEEP),
            self._rows(rows, self._typed_share(rows), left_font=TYPED, left_size=12),
        ]

    def _typed_share(self, rows: tuple[Row, ...]) -> float:
        """How much of the width strings need, so that they break only if they must."""
        longest = max(len(row.left) for row in rows) * self._points(12) * 0.61 + self._points(14)
        return min(max(longest / self._width, 0.4), 0.72)

    def _rows(
        self, rows: tuple[Row, ...], share: float, *, left_font: str, left_size: float
    ) -> Flowable:
        return self._table(
            [[self._text(row.left, left_size, font=left_font), self._text(row.right, 10)]
             for row in rows],
            [self._width * share, self._width * (1 - share)],
            [("LINEBELOW", (0, 0), (-1, -1), 0.6, HexColor(look.LINE))],
        )  # fmt: skip

    def _places(self) -> list[Flowable]:
        rows = []
        for group, projects in self._card.groups:
            typed = ' <font color="#888888">·</font> '.join(
                marked(project, TYPED).replace(" ", "&nbsp;") for project in projects
            )
            rows.append([
                self._text(f"{group}/", 11, font=TYPED, colour=look.PART_COLOURS["group"]),
                self._text(typed, 11, font=TYPED, colour=look.PART_COLOURS["project"], ready=True),
            ])  # fmt: skip
        longest = max(len(group) for group, _ in self._card.groups) + 1
        left = min(self._points(11) * 0.61 * longest + self._points(14), self._width * 0.4)
        blocks: list[Flowable] = [
            self._gap(4),
            self._text(self._card.places_title, 11, font=BOLD, colour=look.DEEP),
            self._table(
                rows, [left, self._width - left],
                [("LINEBELOW", (0, 0), (-1, -1), 0.6, HexColor(look.LINE)),
                 ("VALIGN", (0, 0), (-1, -1), "TOP")],
            ),
        ]  # fmt: skip
        if self._card.left_out:
            blocks.append(self._text(self._card.left_out, 10, colour=look.QUIET))
        return blocks

    def _whether(self) -> list[Flowable]:
        rows = [
            [self._text(opt.heading, 11, font=BOLD), self._text(opt.lead, 10), self._words(opt)]
            for opt in self._card.opts
        ]
        return [
            self._gap(),
            self._title("3" if self._card.parts else "1", self._card.whether_title),
            self._table(
                rows, [self._width * 0.2, self._width * 0.38, self._width * 0.42],
                [("LINEBELOW", (0, 0), (-1, -1), 0.6, HexColor(look.LINE))],
            ),
        ]  # fmt: skip

    def _words(self, opt: Opt) -> list[Paragraph]:
        between = ' <font name="' + TEXT + '" size="' + f"{self._points(10):.1f}" + '">or</font> '
        text = between.join(marked(word, TYPED).replace(" ", "&nbsp;") for word in opt.words)
        words = self._text(text, 14, font=TYPED, ready=True)
        return [words, self._text(opt.note, 9, colour=look.QUIET)] if opt.note else [words]

    def _otherwise(self) -> list[Flowable]:
        return [
            self._gap(),
            self._title("!", self._card.otherwise_title),
            self._rows(self._card.troubles, 0.4, left_font=BOLD, left_size=10),
        ]

    def _never(self) -> list[Flowable]:
        return [
            self._gap(),
            self._table(
                [[self._text(self._card.never, 12, font=BOLD, colour=look.ALARM)]],
                [self._width],
                [("BOX", (0, 0), (-1, -1), 1.2, HexColor(look.ALARM)),
                 ("BACKGROUND", (0, 0), (-1, -1), HexColor(look.ALARM_SOFT))],
                padding=4,
            ),
        ]  # fmt: skip

    def _foot(self) -> list[Flowable]:
        # Without a contact there is a line to write one on.
        contact = self._text(self._card.contact or " ", 14, font=BOLD)
        blocks: list[Flowable] = [
            self._gap(5),
            self._table(
                [[self._text("Call", 12, font=BOLD, colour="#ffffff"), contact]],
                [self._points(52), self._width - self._points(52)],
                [("BACKGROUND", (0, 0), (0, 0), HexColor(look.DEEP)),
                 ("BOX", (0, 0), (-1, -1), 1.2, HexColor(look.DEEP))],
                padding=4 if self._card.contact else 10,
            ),
        ]  # fmt: skip
        if self._card.foot:
            blocks += [self._gap(3), self._text(self._card.foot, 8, colour=look.QUIET)]
        return blocks
