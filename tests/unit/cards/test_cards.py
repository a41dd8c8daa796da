"""Cards: what they say, that they fit on a page, and that what they tell to type stands on them."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from causeway.cards import (
    CardFacts,
    ConsoleField,
    NotPrintable,
    OptString,
    Otherwise,
    Paper,
    Place,
    card,
    html,
    pdf,
)
from causeway.cards.fonts import marked, unprintable
from causeway.cards.paper import scale
from causeway.cards.words import words_of

COMMENTS = ConsoleField(tag=0x00104000)
PLACES = (
    Place(group="neuro", project="Amnesia"),
    Place(group="neuro", project="Stroke 2026"),
    Place(group="cardio", project="TAVI"),
)
FACTS = CardFacts(
    site="Hospital",
    source="mr-hall",
    called_ae=("CAUSEWAY",),
    fields=(COMMENTS, ConsoleField(tag=0x00324000)),
    places=PLACES,
    opt_in=(OptString(field=COMMENTS, pattern="UPLOAD|YES", words=("UPLOAD", "YES")),),
    opt_out=(OptString(field=COMMENTS, pattern="NO.*", words=()),),
    contact="Research IT, 4711",
    made_on="2026-11-20",
)


class Text(HTMLParser):
    """The words of a page, one piece a line, and what it would load from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.loads: list[str] = []
        self._skip = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip = tag == "style"
        self.loads += [f"{name}={value}" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.pieces.append(data.strip())


# --- what it says -------------------------------------------------------------------------------


def test_the_field_the_string_and_whom_to_call():
    said = Text(html(card(FACTS))).pieces
    assert "Patient Comments" in said
    assert "fw://neuro/Amnesia/sub-001/visit-2" in said
    assert "Research IT, 4711" in said
    assert any("Study Comments will do" in piece for piece in said)


def test_every_project_of_the_site_stands_on_it():
    groups = dict(card(FACTS).groups)
    assert groups == {"neuro": ("Amnesia", "Stroke 2026"), "cardio": ("TAVI",)}


def test_examples_differ_in_the_group_where_the_site_has_two():
    assert card(FACTS).examples[-1].left == "fw://cardio/TAVI/sub-001"
    one = replace(FACTS, places=PLACES[:1])
    assert all(row.left.startswith("fw://neuro/Amnesia") for row in card(one).examples)


def test_a_site_that_lists_nothing_gets_words_to_replace():
    made = card(replace(FACTS, places=()))
    assert made.examples[0].left == "fw://group/project"
    assert "your own" in made.examples_title
    assert made.groups == ()
    assert not any("list" in row.left for row in made.troubles)


@pytest.mark.parametrize(
    ("otherwise", "says"),
    [
        (Otherwise.HOLD, "waits"),
        (Otherwise.UNSORTED, "unsorted"),
        (Otherwise.DENY, "not sent"),
    ],
)
def test_an_empty_field_does_what_the_configuration_says(otherwise: Otherwise, says: str):
    assert says in card(replace(FACTS, missing=otherwise)).troubles[0].right


def test_a_place_that_nobody_knows_is_taken_as_typed_by_default():
    rows = {row.left: row.right for row in card(FACTS).troubles}
    assert "under that name" in rows["The project is not on the list"]


def test_a_required_prefix_is_said():
    made = card(replace(FACTS, requires_prefix=True))
    assert any("Without fw://" in note for note in made.what_notes)
    assert "fw:// is missing" in made.troubles[0].left


def test_opt_words_are_shown_and_a_pattern_without_words_as_it_is():
    wanted, unwanted = card(FACTS).opts
    assert wanted.words == ("UPLOAD", "YES")
    assert unwanted.words == ("NO.*",)
    assert "ask" in unwanted.note


def test_an_opt_word_in_the_field_of_the_string_has_a_line_of_its_own():
    wanted, _ = card(FACTS).opts
    assert "on a line of its own" in wanted.note
    by_prefix = OptString(field=COMMENTS, pattern="^fw://", words=("fw://",))
    assert card(replace(FACTS, opt_in=(by_prefix,))).opts[0].note == ""
    elsewhere = replace(by_prefix, field=ConsoleField(tag=0x00081030))
    assert "line" not in card(replace(FACTS, opt_in=(elsewhere,))).opts[0].note


def test_the_guard_is_said_only_where_it_stands():
    assert "stopped" in card(FACTS).never
    assert "stopped" not in card(replace(FACTS, guards_patient_data=False)).never


def test_a_source_without_routing_tags_has_nothing_to_write():
    made = card(CardFacts(source="us1", contact="4711"))
    assert made.field == ""
    assert made.examples == made.parts == made.troubles == ()
    assert "Nothing has to be written" in "\n".join(Text(html(made)).pieces)
    assert pdf(made).startswith(b"%PDF")


def test_a_private_tag_is_named_by_its_number():
    made = card(replace(FACTS, fields=(ConsoleField(tag=0x00191001),)))
    assert made.field == "field (0019,1001)"


# --- pages --------------------------------------------------------------------------------------


def test_the_html_card_loads_nothing_and_quotes_what_it_shows():
    page = html(card(replace(FACTS, contact='<script src="x">&', site="A & B")))
    assert Text(page).loads == []
    assert "url(" not in page
    assert "@import" not in page
    assert '<script src="x">&' in unescape(page)
    assert "<script" not in page


@pytest.mark.parametrize("paper", list(Paper))
@pytest.mark.parametrize("places", [0, 1, 12, 48, 200])
def test_one_page_whatever_the_site_has(places: int, paper: Paper):
    many = tuple(
        Place(group=f"group{n // 9}", project=f"Study of something {n}") for n in range(places)
    )
    made = card(replace(FACTS, places=many))
    page = pdf(made, paper)
    assert len(re.findall(rb"/Type /Page\b", page)) == 1
    width, height = paper.size
    assert f"/MediaBox [ 0 0 {width:.7g} {height:.7g} ]".encode() in page
    assert bool(made.left_out) == (places > 48)


def test_long_names_wrap_and_still_fit():
    place = Place(group="g" * 64, project="P" * 64)
    made = card(replace(FACTS, places=(place,), source="s" * 64, contact="c" * 200))
    assert 0.5 < scale(made) <= 1
    assert pdf(made).startswith(b"%PDF")


def test_the_same_card_gives_the_same_bytes():
    assert pdf(card(FACTS)) == pdf(card(FACTS))


def test_names_beyond_latin_are_set_in_fonts_that_have_them():
    assert unprintable("Łódź Ελένη Привет 東京 서울 广州") == ""
    assert marked("東a", "DejaVuSansMono-Bold") == '<font name="HeiseiKakuGo-W5">東</font>a'
    assert pdf(card(replace(FACTS, contact="東京 Łukasz"))).startswith(b"%PDF")


def test_a_card_is_refused_rather_than_printed_with_holes():
    with pytest.raises(NotPrintable, match="ש"):
        pdf(card(replace(FACTS, contact="שלום")))
    assert "שלום" in html(card(replace(FACTS, contact="שלום")))


# --- words of a rule ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("UPLOAD|FW-YES", ("UPLOAD", "FW-YES")),
        ("NOFW", ("NOFW",)),
        (r"^NOFW$", ("NOFW",)),
        (r"\bNOFW\b|\bNO-UPLOAD\b", ("NOFW", "NO-UPLOAD")),
        ("^(?:YES|JA)$", ("YES", "JA")),
        ("(YES|JA)", ("YES", "JA")),
        (r"fw://", ("fw://",)),
        (r"a\.b", ("a.b",)),
        ("(?i)upload", ("upload",)),
        ("NO.*", ()),
        ("UP(LOAD)?", ()),
        (r"\d+", ()),
        ("", ()),
        ("A||B", ()),
        ("[Yy]es", ()),
    ],
)
def test_words_of_a_pattern(pattern: str, words: tuple[str, ...]):
    assert words_of(pattern) == words
    for word in words:
        assert re.search(pattern, word)
