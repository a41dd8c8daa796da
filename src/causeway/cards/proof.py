"""Whether what a card says works: its strings are read here by the code that will read them.

A card that hangs on a wall is believed. So what an operator would find out with a patient on the
table, whoever makes the card is told before.
"""

from __future__ import annotations

from collections.abc import Iterator

from causeway.cards.facts import CardFacts, OptString
from causeway.cards.wording import example_place, string_for
from causeway.decide.bounded import compile_bounded
from causeway.decide.routing import Prefix, Routing, RoutingForm, parse


def doubts_of(facts: CardFacts) -> tuple[str, ...]:
    """What is wrong with the configuration that a card shows, in sentences for whoever makes it."""
    if not facts.fields:
        return ()
    return (*_unreadable(facts), *_opting(facts), *_overridden(facts))


def _unreadable(facts: CardFacts) -> Iterator[str]:
    """Strings of the card that do not lead where it says."""
    form = RoutingForm(
        prefix=Prefix.REQUIRED if facts.requires_prefix else Prefix.OPTIONAL,
        legacy=facts.understands_legacy,
    )
    for place in facts.places or (example_place(facts),):
        text = string_for(place, "sub-001", "visit-2")
        found = parse(text, form, where=facts.fields[0].name)
        if not isinstance(found, Routing):
            yield f"the string {text} cannot be read: {found.reason}"
        elif (found.group, found.project) != (place.group.lower(), place.project):
            yield f"the string {text} is read as {found.group}/{found.project}"


def _overridden(facts: CardFacts) -> Iterator[str]:
    """What somebody writes in vain."""
    if facts.overridden:
        yield (
            f"metadata.overrides sets {', '.join(facts.overridden)}, so that what the string says "
            "of it does not count"
        )


def _opting(facts: CardFacts) -> Iterator[str]:
    """Where opt words and routing strings share a field and spoil one another."""
    example = string_for(example_place(facts), "sub-001")
    strings = [string_for(place, "sub-001") for place in facts.places] or [example]
    shared = [string for string in facts.opt_in if string.field in facts.fields]
    # In a field of several lines, the word has a line of its own.
    alone = len(facts.fields) == 1 and len(shared) == len(facts.opt_in)
    alone = alone and not facts.fields[0].has_lines
    if shared and alone and not any(_matches(string, example) for string in shared):
        yield (
            f"the opt-in word and the routing string both belong into {facts.fields[0].name}, "
            "where one spoils the other; opt in by another attribute, or by fw:// with "
            'routing.prefix = "required"'
        )
    for string in facts.opt_out:
        if string.field not in facts.fields:
            continue
        skipped = [text for text in strings if _matches(string, text)]
        if skipped:
            yield (
                f"{skipped[0]} would be skipped: the opt-out pattern {string.pattern} is found in "
                "it; end it with \\b, or opt out by another attribute"
            )


def _matches(string: OptString, text: str) -> bool:
    return compile_bounded(string.pattern, ignore_case=True).search(text) is not None
