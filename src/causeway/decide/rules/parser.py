"""From tokens to a tree, with the type of each value checked on the way.

The grammar, from what binds least::

    rule      = and { "or" and }
    and       = not { "and" not }
    not       = "not" not | "(" rule ")" | presence | condition
    presence  = ("exists" | "missing" | "empty") "(" attribute ")"
    condition = attribute ("==" | "!=" | "<" | "<=" | ">" | ">=") value
              | attribute ["not"] "in" ( "[" value { "," value } [","] "]" | text )
              | attribute ["not"] ("like" | "matches" | "contains") text
    attribute = keyword | "(" gggg "," eeee ")" | field
    value     = text | number

Nothing recurses deeper than ``DEPTH``, so that no text can exhaust the stack.
"""

from __future__ import annotations

from typing import Final

from causeway.decide.bounded import PatternError
from causeway.decide.rules.errors import RuleError
from causeway.decide.rules.kinds import Key, Kind, folded
from causeway.decide.rules.lexer import Sort, Token, tokens
from causeway.decide.rules.operands import WORDS, Operand, operand_of
from causeway.decide.rules.predicates import (
    Compare,
    Contains,
    Like,
    Matches,
    OneOf,
    Predicate,
    Presence,
    Within,
)
from causeway.decide.rules.tree import And, Node, Not, Or, Test
from causeway.errors import ConfigurationError
from causeway.schedule import days_of, hours_of

DEPTH: Final = 40
"""Of parentheses and negations inside each other; rules of people have three or four."""

_ORDERS: Final = ("<", "<=", ">", ">=")
_EQUALS: Final = ("==", "!=")
_ASKS: Final = "==, !=, <, >, in, like, matches or contains"


def parse(text: str) -> Node:
    """Raises ``RuleError``."""
    return _Parser(text).rule()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    # --- tokens -----------------------------------------------------------------------------------

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _ended(self) -> bool:
        return self._here.sort is Sort.END

    def _take(self) -> Token:
        token = self._here
        if token.sort is not Sort.END:
            self._next += 1
        return token

    def _took(self, *words: str) -> bool:
        if self._here.says(*words):
            self._next += 1
            return True
        return False

    def _wrong(self, what: str, at: Token | None = None, *, hint: str = "") -> RuleError:
        return RuleError(what, self._text, (at or self._here).at, hint=hint)

    def _close(self, opened: Token, mark: str) -> None:
        if not self._took(mark):
            raise self._wrong(
                f'"{mark}" must come here, not {self._here.shown}',
                hint=f'it closes the "{opened.text}" at column {opened.at + 1}',
            )

    # --- what joins -------------------------------------------------------------------------------

    def rule(self) -> Node:
        if self._ended():
            raise self._wrong("the rule is empty", hint="leave it out to match everything")
        node = self._or()
        if not self._ended():
            if self._here.says(")", "]"):
                raise self._wrong(f'"{self._here.text}" was never opened', hint="leave it out")
            raise self._wrong(
                f"after a condition comes and, or, or the end, not {self._here.shown}",
                hint='for example: Modality == "MR" and group == "neuro"',
            )
        return node

    def _or(self) -> Node:
        parts = [self._and()]
        while self._took("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(parts=tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._took("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(parts=tuple(parts))

    def _not(self) -> Node:
        if self._depth == DEPTH:
            raise self._wrong(f"parts stand inside each other more than {DEPTH} deep")
        self._depth += 1
        try:
            first = self._here
            if self._took("not"):
                return Not(part=self._not())
            if self._took("("):
                node = self._or()
                self._close(first, ")")
                return node
            return self._condition()
        finally:
            self._depth -= 1

    # --- conditions -------------------------------------------------------------------------------

    def _condition(self) -> Node:
        first = self._take()
        if first.says("exists", "missing", "empty"):
            return self._presence(first)
        operand = self._operand(first)
        asked = self._here
        if self._took(*_EQUALS):
            test: Node = Test(operand=operand, asked=self._compare(operand, "==", asked))
            return Not(part=test) if asked.text == "!=" else test
        if self._took(*_ORDERS):
            return Test(operand=operand, asked=self._compare(operand, asked.text, asked))
        negated = self._took("not")
        word = self._take()
        asks: Predicate
        if word.says("in"):
            asks = self._in(operand)
        elif word.says("like", "matches", "contains"):
            asks = self._pattern(operand, word)
        elif word.says("is") and not negated:
            raise self._wrong('"is" means nothing here', word, hint=f"write {_ASKS}")
        elif negated:
            raise self._wrong(
                f"after not comes in, like, matches or contains, not {word.shown}", word
            )
        else:
            raise self._wrong(
                f"after {operand.name} comes {_ASKS}, not {word.shown}",
                word,
                hint=_bare(operand),
            )
        test = Test(operand=operand, asked=asks)
        return Not(part=test) if negated else test

    def _presence(self, word: Token) -> Node:
        opened = self._here
        if not self._took("("):
            raise self._wrong(
                f'after {word.text.lower()} comes "(", not {opened.shown}',
                hint=f"for example {word.text.lower()}(PatientComments)",
            )
        at = self._take()
        operand = self._operand(at)
        self._close(opened, ")")
        asked = Presence(word.text.lower())
        if operand.is_clock:
            raise self._wrong(f"{operand.name} is always there", at)
        if operand.tag is None and asked is Presence.EMPTY:
            raise self._wrong(
                f"{operand.name} is said or missing, and never empty",
                at,
                hint=f"write: missing({operand.name})",
            )
        return Test(operand=operand, asked=asked)

    def _operand(self, token: Token) -> Operand:
        if token.sort in (Sort.TEXT, Sort.NUMBER):
            raise self._wrong(
                f"a condition begins with an attribute, not with {token.shown}",
                token,
                hint='for example: Modality == "MR"',
            )
        if token.sort not in (Sort.NAME, Sort.TAG) or token.says(*WORDS):
            raise self._wrong(
                f"a condition must come here, not {token.shown}",
                token,
                hint='for example: Modality == "MR"',
            )
        return operand_of(token, self._text)

    # --- values -----------------------------------------------------------------------------------

    def _compare(self, operand: Operand, mark: str, asked: Token) -> Predicate:
        token = self._value(f"after {asked.text}", operand)
        kind = self._kind(operand, token)
        if mark != "==" and not kind.is_ordered:
            raise self._wrong(
                f"{operand.name} is {kind.value}, which has no order",
                asked,
                hint="use ==, != or in" if kind is Kind.WEEKDAY else "use ==, !=, in or like",
            )
        if kind is Kind.WEEKDAY:
            return OneOf(kind=kind, keys=self._days(token))
        return Compare(kind=kind, mark=mark, key=self._key(operand, kind, token))

    def _in(self, operand: Operand) -> Predicate:
        opened = self._here
        if opened.sort is Sort.TEXT and operand.kind in (Kind.CLOCK, Kind.WEEKDAY):
            token = self._take()
            if operand.kind is Kind.WEEKDAY:
                return OneOf(kind=Kind.WEEKDAY, keys=self._days(token))
            try:
                start, end = hours_of(token.text)
            except ConfigurationError as error:
                raise self._wrong(error.message, token, hint=error.hint) from None
            return Within(start=float(start), end=float(end))
        if operand.kind is Kind.CLOCK:
            raise self._wrong(
                f"after in comes a span of time, not {opened.shown}",
                hint=f'for example {operand.name} in "18:00-06:00"',
            )
        if not self._took("["):
            raise self._wrong(
                f'after in comes "[", not {opened.shown}',
                hint=f"for example {operand.name} in [{operand.kind.example}]",
            )
        keys: set[Key] = set()
        kinds: set[Kind] = set()
        while not self._here.says("]"):
            token = self._value("in the list", operand)
            kind = self._kind(operand, token)
            kinds.add(kind)
            if len(kinds) > 1:
                raise self._wrong("a list is of texts or of numbers, not of both", token)
            if kind is Kind.WEEKDAY:
                keys |= self._days(token)
            else:
                keys.add(self._key(operand, kind, token))
            if not self._took(","):
                if self._here.sort in (Sort.TEXT, Sort.NUMBER):
                    raise self._wrong(f"a comma must come before {self._here.shown}")
                break
        self._close(opened, "]")
        if not keys:
            raise self._wrong("the list is empty, so that nothing is in it", opened)
        return OneOf(kind=kinds.pop(), keys=frozenset(keys))

    def _pattern(self, operand: Operand, word: Token) -> Predicate:
        how = word.text.lower()
        if operand.kind is Kind.NUMBER or operand.is_clock:
            raise self._wrong(
                f"{operand.name} is {operand.kind.value}, and {how} is for texts",
                word,
                hint='use in with a span, such as time in "18:00-06:00"'
                if operand.kind is Kind.CLOCK
                else f"write {operand.name} == {operand.kind.example}, or use in",
            )
        token = self._value(f"after {how}", operand)
        if token.sort is not Sort.TEXT:
            raise self._wrong(
                f"after {how} comes a text, not {token.shown}", token, hint=f'"{token.text}"'
            )
        if not token.text.strip():
            raise self._wrong(
                "the text is empty, which every value has in it"
                if how != "like"
                else "the text is empty",
                token,
                hint=f"for what has no value: empty({operand.name})"
                if operand.tag is not None
                else f"for what is not said: missing({operand.name})",
            )
        try:
            match how:
                case "like":
                    return Like.compile(token.text)
                case "matches":
                    return Matches.compile(token.text)
                case _:
                    return Contains(part=folded(token.text))
        except PatternError as error:
            # Where it stands in the rule, unless quotes inside the text have moved it.
            plain = how == "matches" and self._text.startswith(token.text, token.at + 1)
            at = token.at + 1 + error.at if plain else token.at
            raise RuleError(error.what, self._text, at, hint=error.hint) from None

    def _value(self, where: str, operand: Operand) -> Token:
        token = self._take()
        if token.sort in (Sort.TEXT, Sort.NUMBER):
            return token
        raise self._wrong(
            f"a text or a number must come {where}, not {token.shown}",
            token,
            hint=f'texts stand in quotes: "{token.text}"'
            if token.sort is Sort.NAME
            else f"for example {operand.kind.example}",
        )

    def _kind(self, operand: Operand, token: Token) -> Kind:
        """What is compared; the value decides for an attribute of which nothing is known."""
        is_number = token.sort is Sort.NUMBER
        if operand.kind is Kind.OPEN:
            return Kind.NUMBER if is_number else Kind.TEXT
        if operand.kind is Kind.NUMBER and not is_number:
            said = Kind.NUMBER.written(token.text)
            raise self._wrong(
                f'{operand.name} is a number, and "{token.text}" a text',
                token,
                hint=f"without quotes: {token.text.strip()}"
                if said is not None
                else "for example 3",
            )
        if operand.kind is not Kind.NUMBER and is_number:
            right = f'"{token.text}"' if operand.kind is Kind.TEXT else operand.kind.example
            raise self._wrong(
                f"{operand.name} is {operand.kind.value}, and {token.text} a number",
                token,
                hint=f"in quotes: {right}" if operand.kind is Kind.TEXT else f"for example {right}",
            )
        return operand.kind

    def _key(self, operand: Operand, kind: Kind, token: Token) -> Key:
        key = kind.written(token.text)
        if key is None:
            raise self._wrong(
                f"{operand.name} is {kind.value}, and {token.shown} is none",
                token,
                hint=f"for example {kind.example}",
            )
        return key

    def _days(self, token: Token) -> frozenset[Key]:
        try:
            return frozenset(float(day) for day in days_of(token.text))
        except ConfigurationError as error:
            raise self._wrong(error.message, token, hint=error.hint) from None


def _bare(operand: Operand) -> str:
    if operand.is_clock:
        return f"for example {operand.name} == {operand.kind.example}"
    return f"for example {operand.name} == {operand.kind.example}, or exists({operand.name})"
