"""What a series is called where it goes de-identified, and that this names nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.clean_fields import clean_fields, said_of
from causeway.decide.policy import Policy
from causeway.decide.verdict import Field
from causeway.deidentify.plan import Plan
from causeway.deidentify.proof.texts import identifying
from causeway.ledger import SeriesRow
from causeway.pipeline.deidentify.clean import CleanFace

_OF_THE_SITE: Final = ("mapping", "default", "override")


class CleanNaming:
    """By the policy that routed it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(
        self, series: SeriesRow, before: Mapping[str, Field], face: CleanFace
    ) -> Mapping[str, Field]:
        """The hierarchy of a clean series; ``before`` is what was decided on it as it came."""
        return self.fields(
            series,
            before,
            face.original,
            face.attributes,
            study_instance_uid=face.names.study_instance_uid,
            series_instance_uid=face.names.series_instance_uid,
        )

    def fields(
        self,
        series: SeriesRow,
        before: Mapping[str, Field],
        original: Attributes,
        clean: Attributes,
        *,
        study_instance_uid: str,
        series_instance_uid: str,
    ) -> Mapping[str, Field]:
        return clean_fields(
            before,
            original,
            clean,
            self._policy.of(series.source),
            study_instance_uid=study_instance_uid,
            series_instance_uid=series_instance_uid,
        )


def telling(
    fields: Mapping[str, Field],
    before: Mapping[str, Field],
    original: Attributes,
    plan: Plan,
    *,
    subject: str,
) -> tuple[str, ...]:
    """Fields that would give away a name, an identifier or a date of the original.

    Looked at is what the site itself makes: mappings, defaults, overrides. What comes straight from
    an attribute of the clean header was proven with it, and what somebody has said in as many words
    is theirs.
    """
    said = said_of(before, original)
    return tuple(
        name
        for name, field in sorted(fields.items())
        if name not in said
        and field.origin.startswith(_OF_THE_SITE)
        and identifying([str(field.value), field.raw], original, plan, pseudonyms=[subject])
    )
