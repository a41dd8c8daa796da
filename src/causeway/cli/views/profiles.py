"""What `causeway profile …` says, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from causeway.cli.views.base import View
from causeway.cli.views.work import ProblemView

if TYPE_CHECKING:
    from causeway.deidentify.plan import Plan
    from causeway.deidentify.profile import Differing, Listed, Profile, Weakness


class CodeView(View):
    """A code of CID 7050 that objects will have."""

    value: str
    """Code Value, of the scheme DCM."""
    meaning: str
    """Code Meaning."""


class WeaknessView(View):
    """A rule that lets more through than PS3.15 allows."""

    attribute: str
    """What it is about."""
    done: str
    """What is done."""
    asked: str
    """What is asked for."""
    origin: str
    """Who says so: a line of the profile, or an option."""


class ProfileView(View):
    """A profile that can be used."""

    name: str
    """Its name."""
    description: str
    """What it says of itself."""
    digest: str
    """SHA-256 over all that it does."""
    edition: str
    """Edition of the confidentiality table."""
    conformant: bool
    """Whether it does at least what PS3.15 asks of its options."""
    codes: list[CodeView]
    """Codes that objects will have; none for a profile that is not conformant."""
    temporal: str
    """Longitudinal Temporal Information Modified: `REMOVED`, `MODIFIED` or `UNMODIFIED`."""
    removes_identity: bool
    """Whether Patient Identity Removed says `YES`: the patient's names and IDs go."""
    weaknesses: list[WeaknessView]
    """Where it is not conformant."""

    @classmethod
    def of(cls, profile: Profile, plan: Plan, weak: Sequence[Weakness]) -> ProfileView:
        from causeway.deidentify.profile.listing import words

        return cls(
            name=plan.name,
            description=profile.description,
            digest=plan.digest,
            edition=plan.edition,
            conformant=plan.is_conformant,
            codes=[CodeView(value=code.value, meaning=code.meaning) for code in plan.codes],
            temporal=plan.temporal.value,
            removes_identity=plan.removes_identity,
            weaknesses=[
                WeaknessView(
                    attribute=each.attribute,
                    done=words(each.done),
                    asked=words(each.asked),
                    origin=each.done.origin,
                )
                for each in weak
            ],
        )


class ProfileCheckView(View):
    """`causeway profile check`."""

    file: str
    """The profile."""
    ok: bool
    """Whether it can be used."""
    problems: list[ProblemView]
    """What is wrong with it."""
    warnings: list[ProblemView]
    """What works, but is probably not meant."""
    notes: list[str]
    """What is done otherwise than in the format that it was written for."""
    profile: ProfileView | None
    """What it does; null if it cannot be used."""


class RuleView(View):
    """What is done to an attribute, or to several."""

    tag: str
    """Its tag; empty for what is about several attributes, a path or a private attribute."""
    attribute: str
    """Its name."""
    action: str
    """What is done."""
    origin: str
    """Who says so."""

    @classmethod
    def of(cls, listed: Listed) -> RuleView:
        return cls(
            tag=listed.tag,
            attribute=listed.attribute,
            action=listed.action,
            origin=listed.origin,
        )


class ProfileShowView(View):
    """`causeway profile show`."""

    profile: ProfileView
    """The profile."""
    rules: list[RuleView]
    """Its rules: those that were asked for, or all."""


class RuleDiffView(View):
    """What two profiles do otherwise."""

    tag: str
    """Tag; empty for what is not one attribute."""
    attribute: str
    """Name."""
    one: str
    """What the first does."""
    other: str
    """What the second does."""

    @classmethod
    def of(cls, differing: Differing) -> RuleDiffView:
        return cls(
            tag=differing.tag,
            attribute=differing.attribute,
            one=differing.one,
            other=differing.other,
        )


class ProfileDiffView(View):
    """`causeway profile diff`."""

    one: ProfileView
    """The first profile."""
    other: ProfileView
    """The second."""
    same: bool
    """Whether they give the same bytes: their digests are one."""
    rules: list[RuleDiffView]
    """Where they differ."""
