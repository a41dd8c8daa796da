"""From the regular expression of an opt rule to what a person types to satisfy it.

Rules are written as regular expressions, and most of them are plain lists: ``UPLOAD|FW-YES``. Those
are read here. Anything cleverer has no words, and the card shows the pattern as it is.
"""

from __future__ import annotations

import re

_LITERAL = re.compile(r"(?:[^\\.^$*+?{}\[\]()|]|\\[^\w\s])+")
_EDGE = re.compile(r"^(?:\^|\\A|\\b)|(?:\$|\\Z|\\b)$")
_WHOLE_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)")


def words_of(pattern: str) -> tuple[str, ...]:
    """The strings of a list of alternatives; none if it is anything else.

    Anchors and word boundaries at the ends of an alternative are left out: what is typed alone
    satisfies them.
    """
    pattern = pattern.strip().removeprefix("(?i)")
    pattern = _EDGE.sub("", pattern) if "|" not in pattern or _grouped(pattern) else pattern
    if (whole := _WHOLE_GROUP.fullmatch(pattern)) is not None:
        pattern = whole[1]
    found = []
    for alternative in pattern.split("|"):
        bare = _EDGE.sub("", alternative)
        if _LITERAL.fullmatch(bare) is None or not bare.strip():
            return ()
        found.append(re.sub(r"\\(.)", r"\1", bare).strip())
    return tuple(dict.fromkeys(found))


def _grouped(pattern: str) -> bool:
    """Whether anchors outside stand around one group that holds all alternatives."""
    return _WHOLE_GROUP.fullmatch(_EDGE.sub("", pattern)) is not None
