"""A card as one HTML file: nothing is loaded from anywhere, and it prints on one page of A4 or
Letter.
"""

from __future__ import annotations

from html import escape

from causeway.cards import look
from causeway.cards.paper import Paper, scale
from causeway.cards.wording import Card, Opt, Part, Row

_STYLE = f"""
@page {{ margin: 11mm }}
* {{ box-sizing: border-box; margin: 0; -webkit-print-color-adjust: exact;
     print-color-adjust: exact }}
html {{ font-size: calc(11pt * var(--scale)) }}
body {{ color: {look.INK}; font-family: "Helvetica Neue", Arial, "Liberation Sans",
       "DejaVu Sans Condensed", "Noto Sans", sans-serif; line-height: 1.25;
       max-width: 184mm; margin: 0 auto }}
@media screen {{ html {{ background: #dde5e7 }}
  body {{ background: #fff; margin: 1.5rem auto; padding: 11mm; max-width: 206mm;
         box-shadow: 0 .2rem 1.2rem #0003 }} }}
header {{ background: {look.DEEP}; color: #fff; display: flex; align-items: center;
         justify-content: space-between; gap: 1rem; padding: .9rem 1rem }}
h1 {{ font-size: 1.9rem; line-height: 1.15 }}
header p {{ text-align: right; font-size: .9rem }}
header strong {{ display: block; font-size: 1.5rem; overflow-wrap: anywhere }}
h2 {{ display: flex; align-items: stretch; color: {look.DEEP}; font-size: 1.2rem;
     border-bottom: .1rem solid {look.DEEP}; margin: .85rem 0 .35rem }}
h2 b {{ background: {look.DEEP}; color: #fff; min-width: 2rem; text-align: center;
       padding: .15rem .4rem; margin-right: .7rem }}
h2 span {{ padding: .15rem 0 }}
h3 {{ color: {look.DEEP}; font-size: 1rem; margin: .6rem 0 .1rem }}
.field {{ border: .16rem solid {look.INK}; font-size: 2.2rem; font-weight: 700;
         padding: .35rem .8rem; margin: .35rem 0 }}
.quiet {{ color: {look.QUIET}; font-size: .88rem }}
.typed, code {{ font-family: "DejaVu Sans Mono", Consolas, Menlo, "Liberation Mono", monospace;
               font-weight: 700; overflow-wrap: anywhere }}
.pattern {{ background: {look.SOFT}; display: flex; flex-wrap: wrap; padding: .5rem .8rem;
           margin-bottom: .3rem }}
.pattern span {{ font-size: 1.9rem; line-height: 1.2; text-align: center }}
.pattern small {{ display: block; font: 700 .8rem/1.2 "Helvetica Neue", Arial, "Liberation Sans",
                 sans-serif }}
table {{ width: 100%; border-collapse: collapse }}
td {{ border-bottom: .06rem solid {look.LINE}; padding: .26rem .6rem; vertical-align: middle }}
td.typed {{ font-size: 1.08rem }}
td.why {{ font-weight: 700; width: 40% }}
td.group {{ color: {look.PART_COLOURS["group"]}; vertical-align: top; white-space: nowrap;
           width: 1% }}
td.projects {{ color: {look.PART_COLOURS["project"]} }}
.projects span {{ white-space: pre-wrap; display: inline-block }}
.projects span:not(:last-child)::after {{ content: "\\00a0·\\00a0"; color: #888 }}
.words code {{ font-size: 1.25rem; white-space: pre-wrap }}
.never {{ border: .12rem solid {look.ALARM}; background: {look.ALARM_SOFT}; color: {look.ALARM};
         font-size: 1.1rem; font-weight: 700; padding: .4rem .8rem; margin: .9rem 0 0 }}
.call {{ display: flex; border: .12rem solid {look.DEEP}; margin: .6rem 0 .35rem;
        min-height: 2.2rem }}
.call b {{ background: {look.DEEP}; color: #fff; padding: .45rem .9rem }}
.call span {{ font-size: 1.25rem; font-weight: 700; padding: .35rem .8rem }}
section {{ break-inside: avoid }}
"""


_SCREEN_FONTS = 0.93
"""Browsers set the page in fonts of their own, some of which need more room than those on paper."""


def html(card: Card) -> str:
    """The page. It is scaled so that it fits on either sheet, whichever the printer has."""
    factor = min(scale(card, Paper.A4), scale(card, Paper.LETTER)) * _SCREEN_FONTS
    title = escape(f"{card.title}: {card.source}")
    body = "\n".join(part for part in _body(card) if part)
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en" style="--scale: {factor:.3f}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n"
        "</body>\n</html>\n"
    )


def _body(card: Card) -> list[str]:
    site = escape(card.site)
    steps = iter("123")
    head = f"<p><strong>{escape(card.source)}</strong>{site}</p>"
    return [
        f"<header><h1>{escape(card.title)}</h1>{head}</header>",
        _where(card, next(steps)) if card.field else f"<p><br>{escape(card.where_lead)}</p>",
        _what(card, next(steps)) if card.parts else "",
        _places(card) if card.groups else "",
        _whether(card, next(steps)) if card.opts else "",
        _otherwise(card) if card.troubles else "",
        f'<p class="never">{escape(card.never)}</p>' if card.never else "",
        f'<p class="call"><b>Call</b><span>{escape(card.contact)}</span></p>',
        f'<p class="quiet">{escape(card.foot)}</p>' if card.foot else "",
    ]


def _heading(number: str, text: str) -> str:
    return f"<h2><b>{number}</b><span>{escape(text)}</span></h2>"


def _where(card: Card, number: str) -> str:
    return (
        f"<section>{_heading(number, card.where_title)}<p>{escape(card.where_lead)}</p>"
        f'<p class="field">{escape(card.field)}</p>'
        f'<p class="quiet">{escape(card.where_note)}</p></section>'
    )


def _what(card: Card, number: str) -> str:
    parts = "".join(_part(part) for part in card.parts)
    rows = "".join(_row(row, "typed") for row in card.examples)
    return (
        f"<section>{_heading(number, card.what_title)}"
        f'<div class="pattern typed">{parts}</div>'
        f'<p class="quiet">{escape(" ".join(card.what_notes))}</p>'
        f"<h3>{escape(card.examples_title)}</h3><table>{rows}</table></section>"
    )


def _part(part: Part) -> str:
    colour = look.PART_COLOURS.get(part.text, look.INK)
    label = f"{part.label}, optional" if part.is_optional else part.label
    small = f"<small>{escape(label)}</small>" if label else ""
    return f'<span style="color: {colour}">{escape(part.text)}{small}</span>'


def _row(row: Row, left: str) -> str:
    return f'<tr><td class="{left}">{escape(row.left)}</td><td>{escape(row.right)}</td></tr>'


def _places(card: Card) -> str:
    rows = []
    for group, projects in card.groups:
        typed = "".join(f"<span>{escape(project)}</span>" for project in projects)
        rows.append(
            f'<tr><td class="typed group">{escape(group)}/</td>'
            f'<td class="typed projects">{typed}</td></tr>'
        )
    more = f'<p class="quiet">{escape(card.left_out)}</p>' if card.left_out else ""
    return (
        f"<section><h3>{escape(card.places_title)}</h3>"
        f"<table>{''.join(rows)}</table>{more}</section>"
    )


def _whether(card: Card, number: str) -> str:
    rows = "".join(_opt(opt) for opt in card.opts)
    return f"<section>{_heading(number, card.whether_title)}<table>{rows}</table></section>"


def _opt(opt: Opt) -> str:
    words = " or ".join(f"<code>{escape(word)}</code>" for word in opt.words)
    note = f'<br><span class="quiet">{escape(opt.note)}</span>' if opt.note else ""
    return (
        f"<tr><td><b>{escape(opt.heading)}</b></td><td>{escape(opt.lead)}</td>"
        f'<td class="words">{words}{note}</td></tr>'
    )


def _otherwise(card: Card) -> str:
    rows = "".join(_row(row, "why") for row in card.troubles)
    return f"<section>{_heading('!', card.otherwise_title)}<table>{rows}</table></section>"
