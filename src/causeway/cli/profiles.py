"""``profile …``: check, show and compare de-identification profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.show import Column, Table, note, paint, plural, print_json, say

if TYPE_CHECKING:
    from causeway.deidentify.plan import Plan
    from causeway.deidentify.profile import Listed, Profile, Weakness
    from causeway.problems import Problem

Reference = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE",
        help="A shipped profile (basic, research, direct-identifiers-only), or a file: TOML, or "
        "Flywheel's YAML.",
        show_default=False,
    ),
]
_WEAKNESSES_SHOWN = 20


def check(
    profile: Reference,
    conformant: Annotated[
        bool,
        typer.Option("--conformant", help="Fail unless it does what PS3.15 asks of its options."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a profile, report every problem in it, and say whether it conforms to PS3.15."""
    from causeway.errors import ConfigurationError
    from causeway.problems import InvalidConfiguration

    try:
        read, plan, weak = _loaded(profile)
    except InvalidConfiguration as error:
        if not as_json:
            raise
        print_json(_checked(profile, error.problems, None, None, ()))
        raise typer.Exit(error.exit_status) from None
    if as_json:
        print_json(_checked(profile, (), read, plan, weak))
    else:
        for warning in read.warnings:
            note(f"{paint('warning', fg='yellow', bold=True)}: {warning}")
        for each in read.notes:
            note(f"{paint('note', fg='cyan', bold=True)}: {each}")
        say(f"{profile}: {paint('ok', fg='green')}: {plural(_own(read), 'rule')} of its own")
        _head(plan)
        _weak(weak)
    if conformant and not plan.is_conformant:
        if as_json:
            raise typer.Exit(ConfigurationError.exit_status)
        raise ConfigurationError(
            f"{plan.name} does not conform to PS3.15",
            hint=f"{plural(len(weak), 'rule')} let more through than the profile's options allow",
        )


def show(
    profile: Reference,
    attributes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ATTRIBUTE]...",
            help="Only these: keywords, tags, or parts of names.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        bool, typer.Option("--source", help="Print a shipped profile as it is written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a profile does to each attribute, and who says so."""
    from causeway.deidentify.profile import listing

    if source:
        return _source(profile)
    read, plan, weak = _loaded(profile)
    found = _wanted(listing(plan), attributes or [])
    if as_json:
        from causeway.cli.views import ProfileShowView, ProfileView, RuleView

        shown = ProfileShowView(
            profile=ProfileView.of(read, plan, weak), rules=[RuleView.of(each) for each in found]
        )
        print_json(shown.plain())
        return None
    if not attributes:
        _head(plan)
        say()
    table = Table([Column("TAG"), Column("ATTRIBUTE"), Column("ACTION"), Column("FROM", least=16)])
    for each in found:
        table.add(each.tag, each.attribute, each.action, each.origin)
    table.print()
    return None


def diff(
    one: Reference,
    other: Annotated[
        str,
        typer.Argument(metavar="OTHER", help="The profile to compare with.", show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Show what two profiles do otherwise."""
    from causeway.deidentify.profile import differences

    first_profile, first, first_weak = _loaded(one)
    second_profile, second, second_weak = _loaded(other)
    found = differences(first, second)
    if as_json:
        from causeway.cli.views import ProfileDiffView, ProfileView, RuleDiffView

        shown = ProfileDiffView(
            one=ProfileView.of(first_profile, first, first_weak),
            other=ProfileView.of(second_profile, second, second_weak),
            same=first.digest == second.digest,
            rules=[RuleDiffView.of(each) for each in found],
        )
        print_json(shown.plain())
        return
    if first.digest == second.digest:
        say(f"{one} and {other} do the same: {first.digest[:12]}")
        return
    table = Table(
        [
            Column("TAG"),
            Column("ATTRIBUTE"),
            Column(first.name.upper(), least=12),
            Column(second.name.upper(), least=12),
        ]
    )
    for title, a, b in (
        ("conforms to PS3.15", _truth(first), _truth(second)),
        ("codes", _codes(first), _codes(second)),
        ("temporal information", first.temporal.value, second.temporal.value),
    ):
        if a != b:
            table.add("", title, a, b)
    for each in found:
        table.add(each.tag, each.attribute, each.one, each.other)
    table.print()


# --- parts ---------------------------------------------------------------------------------------


def _loaded(reference: str) -> tuple[Profile, Plan, list[Weakness]]:
    from causeway.deidentify.profile import compile_profile, load_profile, weaknesses

    profile = load_profile(reference)
    plan = compile_profile(profile)
    return profile, plan, list(weaknesses(plan, profile))


def _own(profile: Profile) -> int:
    return sum(len(override.selectors) for override in profile.overrides)


def _truth(plan: Plan) -> str:
    return "yes" if plan.is_conformant else "no"


def _codes(plan: Plan) -> str:
    return " ".join(code.value for code in plan.codes) or "none"


def _head(plan: Plan) -> None:
    said = paint("yes", fg="green") if plan.is_conformant else paint("no", fg="yellow", bold=True)
    rows = [("name", plan.name), ("digest", plan.digest), ("table", plan.edition)]
    rows += [("conforms", f"{said}, to PS3.15 Annex E with these options")]
    if not plan.is_conformant:
        rows[-1] = ("conforms", f"{said}: it must not be called de-identified by PS3.15")
    rows += [
        ("code" if index == 0 else "", f"{code.value} {code.meaning}")
        for index, code in enumerate(plan.codes)
    ]
    rows += [("dates", plan.temporal.value)]
    if not plan.removes_identity:
        rows += [("identity", "names or IDs of the patient stay; objects do not say otherwise")]
    for title, value in rows:
        say(f"  {title:<9} {value}")


def _weak(weak: Sequence[Weakness]) -> None:
    if not weak:
        return
    from causeway.deidentify.profile.listing import words

    say()
    table = Table(
        [Column("LETS THROUGH"), Column("DONE"), Column("ASKED FOR"), Column("FROM", least=16)]
    )
    for each in weak[:_WEAKNESSES_SHOWN]:
        table.add(each.attribute, words(each.done), words(each.asked), each.done.origin)
    table.print()
    if len(weak) > _WEAKNESSES_SHOWN:
        note(f"and {len(weak) - _WEAKNESSES_SHOWN} more; --json prints all")


def _wanted(listed: Sequence[Listed], attributes: Sequence[str]) -> list[Listed]:
    if not attributes:
        return list(listed)

    def fits(each: Listed, text: str) -> bool:
        plain = text.lower().strip("() ")
        return plain in each.attribute.lower() or (
            bool(each.tag)
            and plain.replace(",", "") == each.tag.lower().strip("()").replace(",", "")
        )

    return [each for each in listed if any(fits(each, text) for text in attributes)]


def _source(reference: str) -> None:
    from causeway.deidentify.profile import SHIPPED, shipped_text
    from causeway.errors import ConfigurationError

    if reference not in SHIPPED:
        raise ConfigurationError(
            f'"{reference}" is no shipped profile', hint=f"shipped are {', '.join(SHIPPED)}"
        )
    typer.echo(shipped_text(reference), nl=False)


def _checked(
    file: str,
    problems: Sequence[Problem],
    profile: Profile | None,
    plan: Plan | None,
    weak: Sequence[Weakness],
) -> dict[str, object]:
    from causeway.cli.views import ProblemView, ProfileCheckView, ProfileView

    def view(problem: Problem) -> ProblemView:
        return ProblemView(
            line=problem.line, setting=problem.setting, what=problem.what, right=problem.right
        )

    return ProfileCheckView(
        file=file,
        ok=not problems,
        problems=[view(problem) for problem in problems],
        warnings=[view(warning) for warning in (profile.warnings if profile else ())],
        notes=list(profile.notes) if profile else [],
        profile=ProfileView.of(profile, plan, weak) if profile and plan else None,
    ).plain()
