"""Parsing never raises, whatever stands in a header, and what is tolerated means one place."""

from __future__ import annotations

import datetime as dt
import string

from hypothesis import example, given
from hypothesis import strategies as st

from causeway.attributes import Attributes
from causeway.decide.bounded import PatternError, compile_bounded
from causeway.decide.language import (
    FIELDS,
    Filter,
    Mapping,
    Pattern,
    Template,
    compile_mappings,
    extract,
    value_of,
)
from causeway.decide.nearest import suggest
from causeway.decide.routing import (
    LEVELS,
    Prefix,
    Routing,
    RoutingForm,
    Unparsed,
    canonical,
    find,
    looks_like_one,
    parse,
)
from causeway.errors import ConfigurationError

FORMS = st.builds(RoutingForm, prefix=st.sampled_from(Prefix), legacy=st.booleans())
PIECES = [*"fw:/\\@^ .-_aZ9é\t\n\r\x00", "fw://", "FW:/", "neuro", "Amnesia", "s01", "//", "\ufeff"]
NEARLY = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
TEXTS = st.one_of(NEARLY, st.text(max_size=60), st.text(st.characters(), max_size=60))
GROUPS = st.from_regex(r"[0-9a-z][0-9a-z.@_-]{0,20}[0-9a-z]", fullmatch=True)
LABELS = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "._- äß漢"), min_size=1, max_size=20
).filter(lambda text: text == " ".join(text.split()) and any(map(str.isalnum, text)))


@given(text=TEXTS, form=FORMS, study_id=TEXTS)
@example(text="fw://aa/p^/", form=RoutingForm(), study_id="")
@example(text="fa/fw:/./f/fw:/f", form=RoutingForm(), study_id="")
@example(text="@ff", form=RoutingForm(legacy=True), study_id="\ufeff")
@example(text="a@b@cc/d/e", form=RoutingForm(legacy=True), study_id="")
def test_parsing_never_raises_and_is_idempotent(
    text: str, form: RoutingForm, study_id: str
) -> None:
    found = parse(text, form, where="PatientComments", study_id=study_id)
    if isinstance(found, Unparsed):
        assert found.reason
        meant = found.suggestion
        if meant:
            again = parse(meant, RoutingForm(prefix=Prefix.REQUIRED), where="PatientComments")
            assert isinstance(again, Routing)
            assert canonical(again) == meant
        return
    assert found.group
    assert looks_like_one(text, form)
    again = parse(canonical(found), form, where="PatientComments", study_id=study_id)
    assert again == found


@given(
    group=GROUPS,
    labels=st.lists(LABELS, max_size=4),
    prefix=st.sampled_from(["fw://", "FW://", "Fw:/", "fw:///", " fw ://", "fw:"]),
    slashes=st.lists(st.sampled_from(["/", "//", " / ", "/ /"]), min_size=4, max_size=4),
    end=st.sampled_from(["", "/", " ", "^^^", "\n", "\x00", " / "]),
)
def test_what_is_tolerated_means_the_same(
    group: str, labels: list[str], prefix: str, slashes: list[str], end: str
) -> None:
    if prefix == "fw:" and not labels:
        prefix = "fw:/"
    text = prefix + group.upper()
    for slash, label in zip(slashes, labels, strict=False):
        text += slash + label
    found = parse(text + end, RoutingForm(), where="PatientComments")
    assert isinstance(found, Routing), found
    parts = [getattr(found, level) for level in LEVELS]
    assert parts == [group, *labels, *[""] * (4 - len(labels))]
    assert canonical(found) == "/".join(["fw:/", group, *labels])


@given(
    candidates=st.lists(st.tuples(st.sampled_from(["A", "B"]), st.none() | TEXTS), max_size=5),
    form=FORMS,
)
def test_a_header_has_the_first_string_that_parses(
    candidates: list[tuple[str, str | None]], form: RoutingForm
) -> None:
    found = find(candidates, form, study_id="1")
    parsed = [
        parse(text, form, where=where, study_id="1")
        for where, text in candidates
        if text is not None and looks_like_one(text, form)
    ]
    good = [one for one in parsed if isinstance(one, Routing)]
    assert found == next(iter(good or parsed), None)
    if isinstance(found, Routing):
        suggest(found, {"neuro": ["Amnesia"], "cardio": []})


NOTATION = st.lists(
    st.sampled_from(
        [
            *r"{}[]()*+?.^$|\/!:=@%~<>",
            *"ab1 ",
            "PatientID",
            "{subject}",
            "{@x}",
            "{PatientID}",
            "{session:",
            "%Y",
            r"\d",
            r"\uid",
            "**/",
            "{3}",
            "!r",
            "!i",
            "(?",
            "é",
            "\ud800",
        ]
    ),
    max_size=12,
).map("".join)
VALUES = st.one_of(st.none(), st.text(st.characters(), max_size=40), st.just("20240102"))


@given(left=NOTATION, right=NOTATION, value=VALUES, other=VALUES)
def test_what_compiles_never_raises(
    left: str, right: str, value: str | None, other: str | None
) -> None:
    values = {0x00100020: value, 0x00200011: other}
    attributes = Attributes(values={tag: (text,) for tag, text in values.items() if text})
    for written in (f"{left}={right}", f"PatientID={right}", f"{{PatientID/{left}/{right}}}=@x"):
        try:
            mappings = compile_mappings([written, f"{{SeriesNumber:{left}}}=session"])
        except ConfigurationError:
            mappings = ()
            try:
                mappings = (Mapping.compile(written),)
            except PatternError as refused:
                at = refused.at
                assert 0 <= at <= len(written)
        for name, field in extract(mappings, attributes, timezone=dt.UTC).items():
            assert name in FIELDS or ".info." in name or ".classification." in name
            assert field.value != ""


@given(text=NOTATION, value=st.text(st.characters(), max_size=40))
def test_parts_alone_refuse_or_work(text: str, value: str) -> None:
    for compiled in (Pattern.compile, Template.compile, Filter.compile, compile_bounded):
        try:
            made = compiled(text)  # type: ignore[operator]
        except ConfigurationError:
            continue
        if isinstance(made, Pattern):
            assert all(taken for taken in made.match(value).values())
        elif isinstance(made, Template):
            made.made(lambda _: value, {"subject.label": value, "@x": value})
        elif isinstance(made, Filter):
            made.matches([value, ""])
        else:
            assert (made.fullmatch(value) is None) or made.search(value)


@given(
    field=st.sampled_from([name.replace("*", "x") for name in FIELDS]),
    text=st.one_of(
        st.text(st.characters(), max_size=60),
        st.text('0123456789-+:.TZ _eEnaiftrulsY[]{}"/', max_size=30),
    ),
    form=st.sampled_from(["", "%Y%m%d", "%H", "%z", "%Z %j"]),
)
def test_reading_a_value_never_raises(field: str, text: str, form: str) -> None:
    value = value_of(field, text, timezone=dt.timezone(dt.timedelta(hours=14)), form=form)
    assert value is None or isinstance(value, str | int | float)
    assert value != ""
