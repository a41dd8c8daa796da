"""Regular expressions in linear time: what they find, what is refused, and what it says."""

from __future__ import annotations

import pickle
import time

import pytest

from causeway.decide.bounded import PATTERN_CHARACTERS, PatternError, compile_bounded
from causeway.errors import ConfigurationError

LONG = "a" * 100_000


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(x+x+)+y", "(.*)*=(.*)*="])
@pytest.mark.parametrize("text", [f"{LONG}!", "xa" * 50_000])
def test_a_hostile_expression_takes_milliseconds(pattern: str, text: str) -> None:
    expression = compile_bounded(pattern)
    begun = time.process_time()
    expression.search(text)
    expression.match(text)
    expression.fullmatch(text)
    assert time.process_time() - begun < 0.1


def test_the_largest_expression_is_bounded_on_the_largest_value() -> None:
    expression = compile_bounded("((.{0,500})x)$")
    begun = time.process_time()
    for _ in range(10):
        expression.search("x" * 1024)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("pattern", "at", "says"),
    [
        ("ab(?=c)", 2, "look-around is not supported ((?=)"),
        ("(?!c)", 0, "look-around is not supported ((?!)"),
        ("x(?<=c)", 1, "look-around is not supported ((?<=)"),
        ("x(?<!c)", 1, "look-around is not supported ((?<!)"),
        (r"(a)\1", 3, r"a back-reference is not supported (\1)"),
        ("(?P<a>x)(?P=a)", 8, "a back-reference is not supported"),
        ("(?>a)", 0, "an atomic or possessive group"),
        ("xa++", 2, "an atomic or possessive group"),
        ("(a)(?(1)b)", 3, "a condition on a group"),
        ("a(?#b)", 1, "a comment"),
        (r"a\Z", 1, r"\Z is not known"),
        ("a(b", 2, "a parenthesis is not closed"),
        ("a)", 0, "a parenthesis was never opened"),
        ("[ab", 2, "a bracket is not closed"),
        ("*a", 0, "there is nothing to repeat"),
        ("[z-a]", 1, "a range runs backwards"),
        ("a{2000}", 1, "a repetition is over 1000 times"),
        ("a\\", 1, "a backslash at the end"),
        ("(((a{30}){30}){30})", 0, ""),
        ("a" * (PATTERN_CHARACTERS + 1), PATTERN_CHARACTERS, "longer than"),
        ("a\ud800", 1, "half of a surrogate pair"),
    ],
)
def test_what_is_refused_says_what_it_is(pattern: str, at: int, says: str) -> None:
    with pytest.raises(PatternError) as refused:
        compile_bounded(pattern)
    assert says in refused.value.message
    if says:
        assert refused.value.at == at
    assert isinstance(refused.value, ConfigurationError)


def test_refusing_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PatternError):
        compile_bounded("(")
    assert capfd.readouterr() == ("", "")


def test_case() -> None:
    assert compile_bounded("upload|fw-yes", ignore_case=True).search("please UPLOAD")
    assert not compile_bounded("upload").search("please UPLOAD")
    assert compile_bounded("ä", ignore_case=True).search("Ä")


def test_groups_and_places() -> None:
    found = compile_bounded(r"(?P<letter>é)(\d+)(x)?").search("aé12")
    assert found is not None
    assert (found.group("letter"), found.group(2), found.group(3)) == ("é", "12", None)
    assert (found.start(), found.end()) == (1, 4)


def test_half_a_surrogate_pair_is_a_character_like_others() -> None:
    found = compile_bounded("a.b").search("a\ud800b")
    assert found is not None
    assert found.end() == 3


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "made"),
    [
        ("_.*$", "", "1001_V2", "1001"),
        ("a*", "x", "baac", "xbxxcx"),
        ("(é)(b)?", r"<\1\2\g<1>>ü", "aéa", "a<éé>üa"),
        ("(?P<n>a)", r"\g<n>\\1", "a", r"a\1"),
        ("z", "x", "abc", "abc"),
    ],
)
def test_replacing_is_as_in_re(pattern: str, replacement: str, text: str, made: str) -> None:
    assert compile_bounded(pattern).sub(replacement, text) == made


def test_a_group_that_is_not_there() -> None:
    with pytest.raises(PatternError, match="there is no group 2"):
        compile_bounded("(a)").replacement(r"\2")


def test_replacing_is_bounded() -> None:
    # Each replacement of this one looks at the rest of the text.
    begun = time.process_time()
    made = compile_bounded("b.*z|b").sub("", "b" * 200_000)
    assert time.process_time() - begun < 1
    assert made
    assert compile_bounded("b.*z|b").sub("", "b" * 1024) == ""


def test_it_is_a_value() -> None:
    one = compile_bounded("a+", ignore_case=True)
    assert one == compile_bounded("a+", ignore_case=True)
    assert one != compile_bounded("a+")
    assert len({one, pickle.loads(pickle.dumps(one))}) == 1
    assert repr(one) == "Bounded(pattern='a+', ignore_case=True)"
