"""Rules and the facts that they are asked of, from one small world, so that they meet often."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import product

from hypothesis import strategies as st

from causeway.attributes import Attributes, tag_of
from causeway.decide.rules import RuleFacts

TEXTS = ["MR", "mr", "CT", "M", "R", "SS", "\u00df", "", "MR\u212a", "mrk", "1", "LOC"]
NUMBERS = ["1", "1.0", "2", "-1", "2.5", "x", "", "1e3"]
DAYS = ["20260101", "20260102", "2026", "20251231", ""]
CLOCKS = ["120000", "1200", "235959.9", "235960.5", "000000", "noon"]
AGES = ["018Y", "216M", "1D", "old", ""]
VALUES = {
    "Modality": TEXTS,
    "ImageType": TEXTS,
    "(0019,1010)": [*TEXTS, *NUMBERS],
    "SeriesNumber": NUMBERS,
    "PixelSpacing": NUMBERS,
    "StudyDate": DAYS,
    "SeriesTime": CLOCKS,
    "PatientAge": AGES,
}
TEXTUAL = ("Modality", "ImageType", "(0019,1010)", "group", "source")
NUMERIC = ("SeriesNumber", "PixelSpacing", "(0019,1010)")
WRITTEN_DAYS = ["2026-01-01", "2026-01-02", "20251231"]
WRITTEN_CLOCKS = ["00:00", "12:00", "23:59", "18:30"]
SPANS = ["00:00-24:00", "12:00-13:00", "18:30-06:00", "00:00-00:01", "23:59-24:00", "13:00-12:00"]
GLOBS = ["M*", "*r", "?", "*", "??", "S*S"]
EXPRESSIONS = ["MR|CT", "^M", "^.$", "R$", "(?-i)MR", "s", "^$", "k"]

_orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_in = st.sampled_from(["in", "not in"])


def _quoted(text: str) -> str:
    return f'"{text}"'


def _list(values: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(
        lambda chosen: f"[{', '.join(chosen)}]"
    )


def _one(values: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([_quoted(value) for value in values])


def _join(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join)


_texts = [_quoted(text) for text in TEXTS]
_numbers = ["1", "2", "-1", "2.5", "1000"]
_nots = st.sampled_from(["", "not "])


def about(name: str) -> st.SearchStrategy[str]:
    """Conditions on one attribute or field."""
    it = st.just(name)
    kinds: list[st.SearchStrategy[str]] = []
    if name in TEXTUAL:
        kinds += [
            _join(it, st.sampled_from(["==", "!="]), st.sampled_from(_texts)),
            _join(it, _in, _list(_texts)),
            _join(it, _nots.map(lambda word: word + "like"), _one(GLOBS)),
            _join(it, _nots.map(lambda word: word + "matches"), _one(EXPRESSIONS)),
            _join(it, _nots.map(lambda word: word + "contains"), _one([*filter(None, TEXTS)])),
        ]
    if name in NUMERIC:
        kinds += [
            _join(it, _orders, st.sampled_from(_numbers)),
            _join(it, _in, _list(_numbers)),
        ]
    if name == "StudyDate":
        kinds += [
            _join(it, _orders, _one(WRITTEN_DAYS)),
            _join(it, _in, _list([_quoted(day) for day in WRITTEN_DAYS])),
        ]
    if name == "PatientAge":
        kinds.append(_join(it, _orders, _one(["018Y", "217M", "1D"])))
    if name in ("SeriesTime", "time"):
        kinds += [_join(it, _orders, _one(WRITTEN_CLOCKS)), _join(it, _in, _one(SPANS))]
    if name == "weekday":
        days = st.sampled_from(['"Mon-Fri"', '["Sat", "Sun"]', '"Mon-Sun"', '"Wed"'])
        kinds.append(_join(it, _in, days))
    if name in (*VALUES, "group", "source"):
        asks = ["exists", "missing", "empty"] if name in VALUES else ["exists", "missing"]
        kinds.append(st.sampled_from(asks).map(lambda word: f"{word}({name})"))
    return st.one_of(kinds)


NAMES = (*VALUES, "group", "source", "time", "weekday")
conditions = st.one_of([about(name) for name in NAMES])
rules = st.recursive(
    conditions,
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
    ),
    max_leaves=6,
)
"""Rules that compile."""

_headers = st.fixed_dictionaries(
    {},
    optional={
        tag_of(name): st.lists(st.sampled_from(values), max_size=3).map(tuple)
        for name, values in VALUES.items()
    },
)
FIELDS = ["", " ", "MR", "mr", "CT", "ss", "\u00df", "loc"]
NEW_YEAR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
facts = st.builds(
    RuleFacts,
    attributes=_headers.map(lambda values: Attributes(values=values)),
    source=st.sampled_from(FIELDS),
    group=st.sampled_from(FIELDS),
    now=st.integers(0, 14 * 1440).map(lambda minutes: NEW_YEAR + dt.timedelta(minutes=minutes)),
)


def everything(name: str) -> list[RuleFacts]:
    """All facts of the world about one name: absent, empty, one value, two."""
    nothing = RuleFacts(attributes=Attributes(values={}), now=NEW_YEAR)
    if name in VALUES:
        some = VALUES[name]
        values = [(), *((one,) for one in some), *product(some, repeat=2)]
        headers = [Attributes(values={tag_of(name): each}) for each in values]
        return [nothing, *(replace(nothing, attributes=header) for header in headers)]
    if name in ("group", "source"):
        return [replace(nothing, **{name: each}) for each in FIELDS]
    moments = [dt.timedelta(days=day, minutes=at) for day in range(7) for at in range(0, 1440, 30)]
    moments += [dt.timedelta(minutes=at) for at in (1, 719, 721, 779, 1109, 1111, 1439)]
    return [replace(nothing, now=NEW_YEAR + moment) for moment in moments]
