"""What must not be found in the output, in every form in which it might stand there.

From each identifying value of the original follow *tokens*: the value, the components of a name,
a birth date as people write dates. What has less than four characters counts only as a whole
value, and so do short numbers: `1000` is a Patient ID somewhere, and a reconstruction diameter
everywhere. Words that name nobody (``words``) and what stands in the output's own pseudonyms are
no tokens; a word that describes images as well counts where it names.
"""

from __future__ import annotations

import enum
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from causeway.charsets import CODECS
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.proof.traces import Kind, Trace, Traces
from causeway.deidentify.proof.words import describes, is_common, is_nobody
from causeway.text import decode

TOKENS_LIMIT: Final = 8192
"""Most tokens of an object. One with more people in it than that is no image of a patient."""
SHORTEST: Final = 4
"""Characters from which on a token counts inside a longer text; an ideograph counts as two."""
UNBOUNDED: Final = 6
"""Characters from which on a token counts inside a longer word, too."""
_TYPED_WORDS: Final = 6
"""Words of a name of which any two may stand beside each other."""


class Edge(enum.Enum):
    """What may stand on both sides of a token, so that it counts."""

    ANY = "anything"
    NO_LETTER = "no letter"
    NO_WORD = "neither letter nor digit"
    NO_DIGIT = "no digit"
    NO_DIGIT_BEFORE = "no digit before it"
    WHOLE = "nothing: it is the whole value"
    OWN = "nothing, in an identifying attribute"
    NAMING = "no letter, and not as a description"


@dataclass(frozen=True, slots=True)
class Token:
    """One thing that must not be found."""

    kind: Kind
    edge: Edge
    text: str = field(repr=False)
    others: frozenset[str] = field(default=frozenset(), repr=False)
    """Other words of the name, of one that also describes."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """All that must not be found of one object, ready to be searched for.

    ``anywhere`` by folded bytes (see ``fold``); ``whole`` by text in lower case.
    """

    anywhere: Mapping[bytes, Token] = field(repr=False)
    whole: Mapping[str, Token] = field(repr=False)
    typed: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Folded: names of which a word also describes, as people type them into descriptions."""

    def __len__(self) -> int:
        return len({token.text for token in self.anywhere.values()}) + len(self.whole)


_LOWER: Final = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))


def fold(data: bytes) -> bytes:
    """ASCII in lower case and without NUL: of UTF-16, either way round, the same remains as of
    ASCII and Latin-1, so that one search finds all of them.
    """
    return data.translate(_LOWER, b"\0")


@lru_cache(maxsize=256)
def tokens_of(found: Traces, exempt: frozenset[str]) -> Tokens:
    """The tokens of what the original says.

    ``exempt`` are the output's own texts, pseudonyms above all; what they contain is no token.
    Raises ``Doubt`` for more than ``TOKENS_LIMIT``.
    """
    codecs = _codecs(found.charsets)
    charset = max(found.charsets, default=b"", key=len).decode("ascii", "replace")
    own = [fold(text.encode("utf-8")) for text in exempt if text]
    anywhere: dict[bytes, Token] = {}
    whole: dict[str, Token] = {}
    typed: set[bytes] = set()
    for trace in sorted(found.values, key=lambda each: (each.tag, each.raw)):
        for token in _of_trace(trace, charset):
            if token.edge in (Edge.WHOLE, Edge.OWN):
                if not any(token.text.encode() == each for each in own):
                    whole.setdefault(token.text, token)
                continue
            for form in _forms(token.text, codecs):
                if not any(form in each for each in own):
                    anywhere[form] = _stricter(anywhere.get(form), token)
        if trace.kind is Kind.NAME:
            typed |= _typed(decode(trace.raw, charset, name=True))
        raw = fold(trace.raw)
        if not trace.raw.isascii() and len(raw) >= SHORTEST:
            anywhere.setdefault(raw, Token(trace.kind, Edge.ANY, raw.decode("latin-1")))
    if len(anywhere) + len(whole) > TOKENS_LIMIT:
        raise Doubt("size", f"more than {TOKENS_LIMIT} identifiers to search for")
    is_asked = any(token.edge is Edge.NAMING for token in anywhere.values())
    return Tokens(anywhere, whole, frozenset(typed) if is_asked else frozenset())


def _stricter(one: Token | None, other: Token) -> Token:
    """Of two tokens of one form the one that counts in more places."""
    if one is None or one.edge is Edge.NAMING:
        both = one is not None and other.edge is Edge.NAMING
        return replace(other, others=one.others | other.others) if one and both else other
    return one


def exempt_texts(plan: Plan, pseudonyms: Iterable[str]) -> frozenset[str]:
    """What the output says by itself: pseudonyms, what the profile puts in, the profile's name."""
    return frozenset(pseudonyms) | _texts_of(plan)


_TEXTS: dict[str, frozenset[str]] = {}


def _texts_of(plan: Plan) -> frozenset[str]:
    found = _TEXTS.get(plan.digest)
    if found is None:
        rules = itertools.chain(
            plan.by_tag.values(),
            plan.by_vr.values(),
            plan.by_path.values(),
            plan.private.values(),
            (rule for _, _, rule in plan.by_mask),
        )
        values = {rule.value for rule in rules if rule.action is Action.REPLACE}
        found = _TEXTS[plan.digest] = frozenset(values | {plan.name}) - {""}
    return found


# --- from values to tokens ------------------------------------------------------------------------


def _of_trace(trace: Trace, charset: str) -> Iterator[Token]:
    text = decode(trace.raw, charset, name=trace.kind is Kind.NAME)
    match trace.kind:
        case Kind.NAME:
            for value in re.split(r"[\\=]", text):
                yield from _of_name(value)
        case Kind.BIRTH_DATE:
            yield from _of_birth_date(text)
        case Kind.TELEPHONE:
            for value in text.split("\\"):
                yield from _of_identifier(value, Kind.TELEPHONE)
                yield from _of_identifier(re.sub(r"\D", "", value), Kind.TELEPHONE)
        case Kind.ADDRESS:
            yield from _of_address(text)
        case _:
            for value in text.split("\\"):
                yield from _of_identifier(value, trace.kind)


def _of_name(value: str) -> Iterator[Token]:
    """A name, or one of its component groups: by itself, by component, by word."""
    value = value.strip(" ^")
    components = [each for part in value.split("^") if (each := part.strip(" ,.;_-"))]
    if is_common(value) or is_nobody(value):
        if "^" in value:
            yield from _in_edges(value, Kind.NAME)
        return
    yield from _of_words(value, Kind.NAME)
    yield from _joined(components)
    words = frozenset(re.findall(r"[^\W\d_]+", value.lower()))
    for component in components:
        # With digits in it, it is a code, whose parts are of all kinds: PHANTOM-HEAD-01.
        signs = r"[\s,;]+" if re.search(r"\d", component) else r"[\s,;./_-]+"
        for text in {component, *re.split(signs, component)}:
            if is_common(text):
                continue
            if describes(text):
                yield from _naming(text.lower(), words)
            else:
                yield from _of_words(text, Kind.NAME)


def _naming(text: str, words: frozenset[str]) -> Iterator[Token]:
    """A word that also describes. What is too short to count within a text does not here either."""
    for token in _of_words(text, Kind.NAME):
        if token.edge is not Edge.WHOLE:
            token = replace(token, edge=Edge.NAMING, others=words - {text})
        yield token


def _joined(components: list[str]) -> Iterator[Token]:
    """Family and given name next to each other, as people write them. Where one of them is long
    enough to be found by itself this is spared.
    """
    if len(components) < 2 or any(
        len(each) >= UNBOUNDED and not describes(each) for each in components[:2]
    ):
        return
    for first, second in itertools.permutations(components[:2]):
        for sign in ("^", *_SIGNS):
            text = f"{first}{sign}{second}"
            if len(first + second) < SHORTEST:
                continue
            if describes(first) or describes(second):
                # Not the end of another word: Al Stone, and a renal stone.
                yield Token(Kind.NAME, Edge.NO_WORD, text.lower())
            else:
                yield from _of_words(text, Kind.NAME)


_SIGNS: Final = (" ", ", ", ",", "_", "-", ".", "")


def _typed(name: str) -> set[bytes]:
    """How a name is typed where it does not belong, folded; not as person names are written."""
    found: set[bytes] = set()
    for value in re.split(r"[\\=]", name):
        components = [each for part in value.split("^") if (each := part.strip(" ,.;_-"))]
        words = [word for each in components for word in re.split(r"[\s,;./_-]+", each) if word]
        for first, second in itertools.permutations(dict.fromkeys(words[:_TYPED_WORDS]), 2):
            if describes(first) or describes(second):
                found |= {fold(f"{first}{sign}{second}".encode()) for sign in _SIGNS}
    return {each for each in found if len(each) >= SHORTEST}


def _of_words(text: str, kind: Kind) -> Iterator[Token]:
    if any(each.isalpha() for each in text):
        yield from _in_edges(text.strip(), kind)


def _in_edges(text: str, kind: Kind) -> Iterator[Token]:
    text = text.lower()
    weight = sum(2 if character > "\u2e7f" else 1 for character in text)
    if len(text) >= UNBOUNDED or (weight >= SHORTEST and not text.isascii()):
        yield Token(kind, Edge.ANY, text)
    elif weight >= SHORTEST:
        yield Token(kind, Edge.NO_LETTER if text.isalpha() else Edge.NO_WORD, text)
    elif len(text) >= 2 or not text.isascii():
        yield Token(kind, Edge.WHOLE, text)


def _of_identifier(value: str, kind: Kind) -> Iterator[Token]:
    value = value.strip().lower()
    if not value or is_common(value) or len(set(value)) == 1:
        return
    if not value.isdecimal():
        yield from _in_edges(value, kind)
    elif len(value) >= UNBOUNDED:
        yield Token(kind, Edge.NO_DIGIT, value)
    else:
        yield Token(kind, Edge.WHOLE if len(value) >= SHORTEST else Edge.OWN, value)


def _of_address(text: str) -> Iterator[Token]:
    """The whole, and parts that say where: two words, or a word with a number."""
    yield from _of_identifier(text, Kind.ADDRESS)
    for part in re.split(r"[\\^,;\r\n]+", text):
        part = part.strip()
        if len(part) >= UNBOUNDED and re.search(r"[\s\d]", part) and re.search(r"[^\W\d]", part):
            yield from _of_identifier(part, Kind.ADDRESS)


_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_DUMMY_YEARS: Final = ("0000", "0001", "1900")
"""Years from which nobody with an image comes; what de-identified objects have."""


def _of_birth_date(text: str) -> Iterator[Token]:
    found = re.fullmatch(r"([0-9]{4})[.-]?([0-9]{2})[.-]?([0-9]{2})", text)
    if found is None:
        if len(text) >= UNBOUNDED:
            yield from _of_identifier(text, Kind.BIRTH_DATE)
        return
    year, month, day = found.groups()
    if year in _DUMMY_YEARS or not 1 <= int(month) <= 12:
        return
    forms = {year + month + day}
    for sign in ".-/":
        forms |= {sign.join(each) for each in ((year, month, day), (day, month, year))}
        forms.add(sign.join((month, day, year)))
    name = _MONTHS[int(month) - 1]
    forms |= {sign.join((day, name, year)) for sign in (" ", "-", "")}
    for form in sorted(forms):
        yield Token(Kind.BIRTH_DATE, Edge.NO_DIGIT_BEFORE, form)


# --- from tokens to bytes -------------------------------------------------------------------------


ESCAPES: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
"""Of code extensions (PS3.5 6.1.2.5)."""


def _forms(text: str, codecs: frozenset[str]) -> set[bytes]:
    """Folded bytes of a text in each encoding and case."""
    if text.isascii():
        return {fold(text.encode("ascii"))}
    found: set[bytes] = set()
    for normal in ("NFC", "NFD"):
        spelt = unicodedata.normalize(normal, text)
        for case in {spelt, spelt.lower(), spelt.upper(), spelt.title()}:
            for codec in codecs:
                try:
                    encoded = case.encode(codec)
                except (UnicodeError, LookupError):
                    continue
                found.add(fold(ESCAPES.sub(b"", encoded)))
    return {form for form in found if len(form) >= SHORTEST}


def _codecs(charsets: frozenset[bytes]) -> frozenset[str]:
    terms = {
        term.strip() for raw in charsets for term in raw.decode("ascii", "replace").split("\\")
    }
    declared = {CODECS[term] for term in terms if term in CODECS}
    return frozenset(declared | {"utf-8", "latin-1", "utf-16-le", "utf-16-be"})
