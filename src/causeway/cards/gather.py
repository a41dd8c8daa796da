"""What a card is about, from the configuration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from causeway.attributes import tag_of
from causeway.cards.facts import CardFacts, ConsoleField, OptString, Otherwise, Place
from causeway.cards.words import words_of
from causeway.config import Configuration, OptCondition, OptInCondition, SourceSettings
from causeway.decide.language import compile_mappings

_SAID = ("group._id", "project.label", "subject.label", "session.label", "acquisition.label")
"""What a routing string can say."""


def facts_of(
    configuration: Configuration, source: SourceSettings, *, today: dt.date, contact: str = ""
) -> CardFacts:
    """The facts for the card of one source. ``contact`` takes the place of the site's."""
    routing = configuration.routing_of(source)
    opt = configuration.opt_of(source)
    metadata = configuration.metadata_of(source)
    mapped = {
        name for mapping in compile_mappings(metadata.mappings) for name in mapping.pattern.fields
    }
    return CardFacts(
        site=configuration.site.name,
        source=source.name,
        called_ae=tuple(dict.fromkeys(each.ae_title for each in configuration.listeners)),
        fields=tuple(ConsoleField(tag=tag_of(name)) for name in routing.tags),
        requires_prefix=routing.prefix == "required",
        understands_legacy=routing.legacy,
        places=tuple(_place(text) for text in routing.known),
        names_subject_otherwise="subject.label" in {*mapped, *metadata.overrides},
        overridden=tuple(name for name in metadata.overrides if name in _SAID),
        missing=Otherwise(routing.missing),
        unparsed=Otherwise(routing.unparsed),
        unknown=Otherwise(routing.unknown),
        guards_patient_data=routing.phi_guard,
        opt_in=_opt(opt.opt_in),
        opt_out=_opt(opt.opt_out),
        contact=contact or configuration.site.contact,
        made_on=today.isoformat(),
    )


def _place(text: str) -> Place:
    group, _, project = text.partition("/")
    return Place(group=group, project=project)


def _opt(conditions: Sequence[OptCondition]) -> tuple[OptString, ...]:
    return tuple(
        OptString(
            field=ConsoleField(tag=tag_of(condition.tag)),
            pattern=condition.matches,
            words=words_of(condition.matches),
            empty_counts=_empty_counts(condition),
        )
        for condition in conditions
    )


def _empty_counts(condition: OptCondition) -> bool:
    """Whether a field without text does what the words do, however the scanner writes it."""
    wanted = "take" if isinstance(condition, OptInCondition) else "skip"
    missing, empty = getattr(condition, "missing", ""), getattr(condition, "empty", "")
    return bool(missing == wanted and empty == wanted)
