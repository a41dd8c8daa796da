"""What the configuration asks for: which treatment a series gets on its way to each destination."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from causeway.decide.language.fields import GROUP, PROJECT
from causeway.decide.verdict import Routed
from causeway.deidentify.identity import Aliases, ShiftRules
from causeway.deidentify.treatment import (
    ProjectKeys,
    Recipe,
    Treatment,
    Written,
    place_of,
)
from causeway.errors import ConfigurationError, PermanentError
from causeway.ledger import NewTreatment, TreatmentRow

NONE: Final = "none"
"""Everything passes as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treating:
    """The configuration, as far as it concerns identifying data."""

    usual: Mapping[str, str] = field(default_factory=dict)
    """What each destination asks for: ``none``, or the name of a recipe."""
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    """Profiles with their rules for pixels, by the name that destinations and routes say."""
    keys: ProjectKeys = field(default_factory=ProjectKeys)
    shift: ShiftRules = field(default_factory=ShiftRules)
    aliases: Aliases | None = None
    leaves_out: bool = False
    """Whether what is held or in doubt is left out, and the rest of a series goes."""

    def asked(self, verdict: Routed) -> Mapping[str, str]:
        """What is asked for each destination of a series: its route goes before itself.

        Raises ``ConfigurationError`` if nobody has said it for one of them, or there is no such
        recipe any more.
        """
        found: dict[str, str] = {}
        for destination in verdict.destinations:
            name = verdict.deidentify.get(destination) or self.usual.get(destination, "")
            if not name:
                raise ConfigurationError(
                    f"nobody has said what is done to identifying data for {destination}",
                    hint='deidentify = "none" says that data may pass as they came',
                )
            if name != NONE and name not in self.recipes:
                raise ConfigurationError(
                    f'there is no profile "{name}" any more, by which a series goes to '
                    f"{destination}",
                    hint="put it back into the configuration, or reroute the series",
                )
            found[destination] = name
        return found

    def treatment(self, name: str, verdict: Routed) -> Treatment | None:
        """By a recipe, of what goes to a series' project; None without a key for that."""
        key = self.keys.of(*project_of(verdict))
        if key is None:
            return None
        return Treatment(recipe=self.recipes[name], key=key, shift=self.shift, aliases=self.aliases)

    def again(self, row: TreatmentRow) -> Treatment:
        """A treatment as it was entered, whatever the configuration says by now.

        Raises ``PermanentError`` if its key is gone, or its profile cannot be read any more.
        """
        for recipe in self.recipes.values():
            if (recipe.plan.digest, recipe.pixels.digest) == (
                row.profile_digest,
                row.pixels_digest,
            ):
                break
        else:
            try:
                recipe = Written.from_json(row.written).recipe()
            except (ValueError, ConfigurationError):
                raise PermanentError(
                    f"the profile {row.name}, by which it was cleaned, cannot be read any more",
                    hint="reroute the series, so that it is cleaned anew",
                ) from None
        key = self.keys.known(row.key_id, row.place)
        if key is None:
            raise PermanentError(
                f"the key {row.key_id}, by which it was cleaned, is not in the configuration",
                hint="put it back as a [[project_key]] without projects, or reroute the series, "
                "so that it is cleaned anew",
            )
        return Treatment(
            recipe=recipe,
            key=key,
            shift=ShiftRules(most_days=row.shift_days, multiple_of=row.shift_multiple_of),
            aliases=self.aliases,
        )


def project_of(verdict: Routed) -> tuple[str, str]:
    """Group and project that a series goes to."""

    def said(name: str) -> str:
        return str(verdict.fields[name].value) if name in verdict.fields else ""

    return said(GROUP), said(PROJECT)


def entered(treatment: Treatment, verdict: Routed) -> NewTreatment:
    """As the ledger keeps it."""
    plan, recipe = treatment.plan, treatment.recipe
    described = {
        "edition": plan.edition,
        "codes": [asdict(code) for code in plan.codes],
        "temporal": plan.temporal.value,
        "is_conformant": plan.is_conformant,
    }
    return NewTreatment(
        digest=treatment.digest,
        name=plan.name,
        profile_digest=plan.digest,
        pixels_digest=recipe.pixels.digest,
        key_id=treatment.key.id,
        place=place_of(*project_of(verdict)),
        shift_days=treatment.shift.most_days,
        shift_multiple_of=treatment.shift.multiple_of,
        described=json.dumps(described, ensure_ascii=False),
        written=recipe.written.to_json(),
    )
