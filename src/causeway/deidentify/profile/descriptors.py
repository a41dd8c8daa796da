"""Cleaning of descriptions (PS3.15 E.3.5) by vocabulary: known words stay, all else is dropped.

That is the safe way round for a tool that sees nothing but one text: a name that nobody thought of
is not recognised as a name, it is simply not known. What stays beside words are numbers that say
something about an image: with a unit (``5mm``), joined to a word (``T1``, ``b1000``, ``dir64``), as
a size (``24x38x3``), or short and beside a word that stays. Numbers side by side, which may be
a date or a telephone number in pieces, and longer ones are dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

# One word, number or mixture; a decimal point belongs to a number.
_TOKEN: Final = re.compile(r"[0-9]+\.[0-9]+(?:[^\W_]*)|[^\W_]+")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SHORT_NUMBER: Final = re.compile(r"[0-9]{1,2}|[0-9]{1,3}\.[0-9]{1,3}")
_SIZE: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?(?:x[0-9]{1,4}(?:\.[0-9]{1,3})?){1,3}")
_NUMBER_AND_WORD: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)([a-z]+)")
_WORD_AND_NUMBER: Final = re.compile(r"([a-z]+)([0-9]{1,4})([a-z]?)")
_PARTS: Final = re.compile(r"[a-z]+|[0-9]+")
# Reconstruction kernels: B30f, H31s, I26f, Br40d, Hr38.
_KERNEL: Final = re.compile(r"[bhiuqs][rvflcs]?[1-9][0-9][fshmd]?")
# The spine's segments, alone or from one to another: C5, L4, T12, C2C7.
_VERTEBRA: Final = re.compile(r"(?:[ctls](?:1[0-2]|[1-9])){1,2}|th(?:1[0-2]|[1-9])")
# How Canon (Toshiba) writes the b-value and gradient of a diffusion image, in Image Comments.
_GRADIENT: Final = re.compile(
    r"b=[0-9]{1,5}(?:\.[0-9]{1,3})?"
    r"(?:\(\s*-?[01]\.[0-9]{1,6}\s*,\s*-?[01]\.[0-9]{1,6}\s*,\s*-?[01]\.[0-9]{1,6}\s*\))?"
)
_MEASURES: Final = "mm cm ml mg g kg s sec ms min hz khz mhz deg t kv kvp kev ma mas hu mgy mbq mci"
_UNITS: Final = frozenset([*_MEASURES.split(), "x", "st", "nd", "rd", "th", "sl", "ch", "d"])
# Letters before a number of four digits; with any other word a number has at most three, since
# an examination's or a patient's number often begins with the modality.
_LONG_NUMBERS: Final = frozenset({"b", "bval", "bvalue", "te", "tr", "ti", "venc"})
_PREFIXES: Final = frozenset(
    {"b", "p", "r", "s", "n", "v", "e", "te", "tr", "ti", "mb", "sms", "iso", "bw", "ph", "ref"}
)
_SEPARATORS: Final = frozenset(" _-+./:=^>")


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """The reviewed words, folded."""
    path = files("causeway.deidentify.profile").joinpath("vocabulary.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def folded(text: str) -> str:
    """Small letters without accents, for comparison."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptors:
    """Cleans one text. Can be pickled, and compared."""

    words: frozenset[str] = frozenset()
    """Words of the profile's own, folded."""
    without: frozenset[str] = frozenset()
    """Words of the vocabulary that this profile does not keep, folded."""
    nothing_left: str = ""
    """What a text becomes of which nothing stays."""

    def __call__(self, text: str) -> str:
        found = _GRADIENT.fullmatch(text.strip())
        if found is not None:
            return found[0]
        matches = list(_TOKEN.finditer(text))
        kept = self._kept(matches)
        if all(kept):
            return text if matches else self.nothing_left
        made, end = "", 0
        for match, stays in zip(matches, kept, strict=True):
            if stays:
                made += (_gap(text[end : match.start()]) if made else "") + match[0]
            end = match.end()
        return made or self.nothing_left

    def identity(self) -> str:
        """What is in a digest for it: all that its result depends on."""
        told = {
            "vocabulary": _digest(),
            "words": sorted(self.words),
            "without": sorted(self.without),
            "nothing_left": self.nothing_left,
        }
        return f"descriptors {json.dumps(told, sort_keys=True)}"

    def _kept(self, tokens: Sequence[re.Match[str]]) -> list[bool]:
        """Of each token whether it stays: words first, then the numbers beside them."""
        texts = [token[0] for token in tokens]
        numbers = [_NUMBER.fullmatch(text) is not None for text in texts]
        words = [
            not number and self._knows(folded(text))
            for text, number in zip(texts, numbers, strict=True)
        ]
        kept = [
            word or (number and self._stays(texts, words, position))
            for position, (word, number) in enumerate(zip(words, numbers, strict=True))
        ]
        # What stood between two numbers may have been dropped: 12 MARCH 71.
        last = None
        for position in [at for at, stays in enumerate(kept) if stays]:
            if last is not None and numbers[last] and numbers[position]:
                kept[last] = kept[position] = False
            last = position
        return kept

    def _stays(self, texts: Sequence[str], words: Sequence[bool], position: int) -> bool:
        """Whether a number measures or counts something that is said beside it."""
        text = texts[position]
        beside = [at for at in (position - 1, position + 1) if 0 <= at < len(texts)]
        if not any(words[at] for at in beside):
            return False
        if any(_NUMBER.fullmatch(texts[at]) for at in beside):
            return False
        # A unit behind it makes a longer number one that measures.
        after = position + 1
        measures = after < len(texts) and words[after] and texts[after].lower() in _UNITS
        return _SHORT_NUMBER.fullmatch(text) is not None or (measures and len(text) <= 4)

    def _knows(self, word: str) -> bool:
        if word in self.without:
            return False
        known = self._is_word(word)
        if known or _SIZE.fullmatch(word) or _KERNEL.fullmatch(word) or _VERTEBRA.fullmatch(word):
            return True
        if (found := _NUMBER_AND_WORD.fullmatch(word)) is not None:
            return found[2] in _UNITS or (len(found[1]) <= 3 and self._is_word(found[2]))
        if (found := _WORD_AND_NUMBER.fullmatch(word)) is not None:
            longest = 4 if found[1] in _LONG_NUMBERS else 3
            before = self._is_word(found[1]) or found[1] in _PREFIXES
            return before and len(found[2]) <= longest
        return False

    def _is_word(self, word: str) -> bool:
        if word in self.without:
            return False
        return word in vocabulary() or word in self.words


def _gap(between: str) -> str:
    """One sign between two words that stay; it does not tell how much was dropped."""
    return between[:1] if between[:1] in _SEPARATORS else " "


@lru_cache(maxsize=1)
def _digest() -> str:
    return hashlib.sha256(" ".join(sorted(vocabulary())).encode()).hexdigest()
