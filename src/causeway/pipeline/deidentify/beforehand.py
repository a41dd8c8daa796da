"""What a series will be called once it is de-identified, from one of its objects, before it is.

For ``causeway explain``: the object is cleaned and proven as the stage would, and nothing is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.decide.clean_fields import clean_fields
from causeway.decide.hierarchy import labels_of
from causeway.decide.labels import Labels
from causeway.decide.policy import SourcePolicy
from causeway.decide.verdict import Routed
from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import Held
from causeway.errors import BadDataSet
from causeway.pipeline.deidentify.naming import telling
from causeway.pipeline.deidentify.objects import SERIES, STUDY, clean_attributes
from causeway.pipeline.deidentify.treating import Treating
from causeway.pipeline.snapshot import attributes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Beforehand:
    """What becomes of a series, as far as one object tells."""

    labels: Labels | None = field(default=None, repr=False)
    """What its folders are called; None if it does not leave by itself."""
    waits: str = ""
    """Why it waits for a person."""


def beforehand(
    source: Source, verdict: Routed, name: str, treating: Treating, policy: SourcePolicy
) -> Beforehand:
    """``name`` is what is asked for, ``policy`` that of its source."""
    if name not in treating.recipes:
        return Beforehand(waits=f'there is no profile "{name}"')
    treatment = treating.treatment(name, verdict)
    if treatment is None:
        return Beforehand(waits="there is no key for the project that it goes to")
    try:
        original = attributes_of(source.fetch, source.size, source.transfer_syntax_uid)
        done = treatment.clean(source, original)
        if isinstance(done, Held):
            return Beforehand(waits=f"held: {done.reason}")
        clean = clean_attributes(done)
    except Doubt as doubt:
        return Beforehand(waits=f"in doubt: {doubt.code}: {doubt.message}")
    except BadDataSet as error:
        return Beforehand(waits=f"in doubt: {error.message}")
    fields = clean_fields(
        verdict.fields,
        original,
        clean,
        policy,
        study_instance_uid=done.uid(original.first(STUDY)),
        series_instance_uid=done.uid(original.first(SERIES)),
    )
    subject = done.subject.patient_id()
    if names := telling(fields, verdict.fields, original, treatment.plan, subject=subject):
        return Beforehand(waits=f"{', '.join(names)} would still name the patient")
    return Beforehand(labels=labels_of(fields))
