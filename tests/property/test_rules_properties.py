"""Rules over generated texts and headers: they compile or say why, and then never fail."""

from __future__ import annotations

import datetime as dt

from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from rule_strategies import NAMES, about, conditions, everything, facts, rules

from causeway.attributes import Attributes
from causeway.decide.guard import exposed_in
from causeway.decide.rules import RuleError, RuleFacts, compile_rule

_WORDS = (
    "and or not in like matches contains exists missing empty Modality ImageType SeriesNumber "
    "StudyDate SeriesTime PatientAge (0019,1010) group time weekday ( ) [ ] , == != < <= > >= "
    "'x' '18:00-06:00' 'Mon' '2026-01-01' 3 -1.5 1e400 \" ( = ! (?= * \\ \n"
)


@given(st.one_of(st.text(), st.lists(st.sampled_from(_WORDS.split(" "))).map(" ".join)), facts)
@example("(" * 4000, RuleFacts(attributes=Attributes(values={}), now=dt.datetime.now(dt.UTC)))
@example("not " * 1000, RuleFacts(attributes=Attributes(values={}), now=dt.datetime.now(dt.UTC)))
def test_any_text_compiles_or_says_why(text: str, asked: RuleFacts):
    refused = None
    try:
        rule = compile_rule(text)
    except RuleError as error:
        refused = error
    if refused is None:
        assert rule.holds(asked) in (True, False)
        assert rule.can_hold() in (True, False)
    else:
        assert 0 <= refused.at <= len(text)
        assert refused.column >= 1
        assert refused.message


@given(rules, facts)
def test_not_is_negation(text: str, asked: RuleFacts):
    assert compile_rule(f"not ({text})").holds(asked) is not compile_rule(text).holds(asked)


@given(conditions, conditions, facts)
def test_and_and_or_are_what_they_say(one: str, other: str, asked: RuleFacts):
    first, second = compile_rule(one).holds(asked), compile_rule(other).holds(asked)
    assert compile_rule(f"{one} and {other}").holds(asked) is (first and second)
    assert compile_rule(f"{one} or {other}").holds(asked) is (first or second)


@settings(max_examples=200)
@given(rules, st.lists(facts, min_size=5, max_size=20))
def test_what_can_never_hold_holds_of_nothing(text: str, many: list[RuleFacts]):
    rule = compile_rule(text)
    if not rule.can_hold():
        assert not any(rule.holds(each) for each in many)


@settings(max_examples=300)
@given(rules, facts)
def test_a_rule_and_its_negation_cannot_both_be_impossible(text: str, asked: RuleFacts):
    assert compile_rule(text).can_hold() or compile_rule(f"not ({text})").can_hold()


@settings(max_examples=600)
@given(st.data())
def test_nor_of_anything_that_the_world_has(data: st.DataObject):
    """Conditions on one name contradict each other often; all that it could be is tried."""
    name = data.draw(st.sampled_from(NAMES))
    parts = data.draw(st.lists(about(name), min_size=2, max_size=4))
    rule = compile_rule(" and ".join(parts))
    holds = [each for each in everything(name) if rule.holds(each)]
    event(f"holds: {bool(holds)}, can hold: {rule.can_hold()}")
    assert rule.can_hold() or not holds


_values = st.dictionaries(st.integers(0, 0xFFFFFFFF), st.lists(st.text()).map(tuple))


@given(rules, _values)
def test_no_header_makes_a_rule_fail(text: str, values: dict[int, tuple[str, ...]]):
    asked = RuleFacts(attributes=Attributes(values=values), now=dt.datetime.now(dt.UTC))
    assert compile_rule(text).holds(asked) in (True, False)


@given(
    st.text(),
    st.dictionaries(
        st.sampled_from([0x00100010, 0x00101001, 0x00100020, 0x00101000, 0x00100030]),
        st.lists(st.text()).map(tuple),
    ),
)
def test_the_guard_never_fails(text: str, values: dict[int, tuple[str, ...]]):
    exposed_in(text, Attributes(values=values), where="PatientComments")


@given(
    st.text(alphabet="abcdefghij", min_size=4, max_size=12),
    st.text(max_size=8),
    st.text(max_size=8),
)
def test_the_guard_finds_a_long_name_anywhere(name: str, before: str, after: str):
    header = Attributes(values={0x00100010: (f"{name}^X",)})
    leak = exposed_in(f"g/p/{before}/{name.upper()}/{after}", header, where="PatientComments")
    assert leak is not None
    assert name not in leak.reason
