"""From the configuration's tree to what is done to identifying data.

Profiles, rules for pixels, keys and aliases are files and secrets of the site; whatever is wrong
with one of them is said with the line of the setting that names it, by ``config check`` as by the
service, which does not start with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from causeway.config import (
    NONE,
    SHIPPED_PROFILES,
    Configuration,
    InvalidConfiguration,
    Loaded,
    Problem,
    ProfileSettings,
    Secret,
)
from causeway.errors import CausewayError
from causeway.problems import location

if TYPE_CHECKING:
    from causeway.deidentify.identity import Aliases, ProjectKey
    from causeway.deidentify.treatment import Recipe
    from causeway.pipeline.deidentify.cleaning import Record
    from causeway.pipeline.deidentify.objects import Known
    from causeway.pipeline.deidentify.treating import Treating

Where = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Something that a setting names and that cannot be used."""

    path: Where
    what: str
    right: str
    is_elsewhere: bool = False
    """It may be right where the service runs: an environment variable that is not set here."""


class _Gathering:
    """Reads one thing after the other, and goes on where one cannot be read."""

    def __init__(self) -> None:
        self.misfits: list[Misfit] = []

    def read(self, path: Where, make: Callable[[], T], *, elsewhere: bool = False) -> T | None:
        try:
            return make()
        except InvalidConfiguration as error:
            for problem in error.problems:
                setting = f"{problem.setting}: " if problem.setting else ""
                self.misfits.append(
                    Misfit(
                        path=path,
                        what=f"{problem.file}:{problem.line}: {setting}{problem.what}",
                        right=problem.right,
                    )
                )
        except CausewayError as error:
            self.misfits.append(
                Misfit(path=path, what=error.message, right=error.hint, is_elsewhere=elsewhere)
            )
        return None


def treating(configuration: Configuration) -> Treating:
    """What is done for each destination and route.

    Raises ``InvalidConfiguration``, or what the first thing raises that cannot be read.
    """
    gathering = _Gathering()
    found = _treating(configuration, gathering)
    if gathering.misfits:
        problems = [
            Problem(
                file="the configuration",
                line=0,
                setting=location(each.path),
                what=each.what,
                right=each.right,
            )
            for each in gathering.misfits
        ]
        raise InvalidConfiguration("the configuration", problems)
    return found


def recorder(configuration: Configuration) -> Record | None:
    """What writes down who is who; None where the configuration wants nobody to."""
    settings = configuration.deidentify.crosswalk
    if settings is None:
        return None
    from causeway.deidentify.identity import Crosswalk, Entry, project_key

    key = project_key("crosswalk", settings.key.reveal())

    def record(key_id: str, known: Iterable[Known]) -> None:
        entries = [
            Entry(
                project_key_id=key_id,
                kind=each.kind,
                pseudonym=each.pseudonym,
                original=each.original,
                issuer=each.issuer,
            )
            for each in known
        ]
        if entries:
            # Opened anew each time: a connection is one thread's.
            with Crosswalk(settings.path, key) as crosswalk:
                crosswalk.record(entries)

    return record


def misfits(loaded: Loaded) -> tuple[list[Problem], list[Problem]]:
    """What is wrong with what ``[deidentify]`` and its like name; and what may be wrong here."""
    gathering = _Gathering()
    _treating(loaded.configuration, gathering)
    problems: list[Problem] = []
    doubts: list[Problem] = []
    for each in gathering.misfits:
        (doubts if each.is_elsewhere else problems).append(
            Problem(
                file=str(loaded.path),
                line=loaded.lines.of(each.path),
                setting=location(each.path),
                what=each.what,
                right=each.right,
            )
        )
    return problems, doubts


def check(loaded: Loaded) -> None:
    """Raise ``InvalidConfiguration``, with lines, for what the service cannot start with."""
    problems, here = misfits(loaded)
    if problems or here:
        raise InvalidConfiguration(str(loaded.path), [*problems, *here])


def _treating(configuration: Configuration, gathering: _Gathering) -> Treating:
    from causeway.deidentify.identity import ShiftRules
    from causeway.deidentify.treatment import ProjectKeys
    from causeway.pipeline.deidentify.treating import Treating

    settings = configuration.deidentify
    own: dict[str, ProjectKey] = {}
    retired: list[ProjectKey] = []
    for index, each in enumerate(configuration.project_keys):
        key = _key(("project_key", index, "key"), each.name, each.key, gathering)
        if key is not None:
            own |= dict.fromkeys((name.casefold() for name in each.projects), key)
            if not each.projects:
                retired.append(key)
    usual = None
    if settings.key is not None:
        usual = _key(("deidentify", "key"), "usual", settings.key, gathering)
    if settings.crosswalk is not None:
        _key(("deidentify", "crosswalk", "key"), "crosswalk", settings.crosswalk.key, gathering)
    return Treating(
        recipes=dict(_recipes(configuration, gathering)),
        keys=ProjectKeys(usual=usual, own=own, retired=tuple(retired)),
        shift=ShiftRules(
            most_days=settings.shift_days, multiple_of=settings.shift_multiple_of_days
        ),
        aliases=_aliases(settings.aliases, gathering),
        leaves_out=settings.held == "leave-out",
    )


def _recipes(configuration: Configuration, gathering: _Gathering) -> Iterator[tuple[str, Recipe]]:
    """All that have a name: profiles of the site, whether or not somebody asks for them, and those
    shipped ones that somebody does.
    """
    own = {profile.name: (index, profile) for index, profile in enumerate(configuration.profiles)}
    for name, (index, profile) in own.items():
        recipe = _recipe(("profile", index), profile, configuration, gathering)
        if recipe is not None:
            yield name, recipe
    asked = {each.deidentify for each in configuration.destinations}
    asked |= {each.deidentify for each in configuration.routes if each.deidentify is not None}
    for name in SHIPPED_PROFILES:
        if name in asked and name != NONE:
            profile = ProfileSettings.model_construct(
                name=name, path=None, shipped=name, pixels=None, ocr=None
            )
            recipe = _recipe(("deidentify",), profile, configuration, gathering)
            if recipe is not None:
                yield name, recipe


def _recipe(
    path: Where, profile: ProfileSettings, configuration: Configuration, gathering: _Gathering
) -> Recipe | None:
    from causeway.deidentify.treatment import recipe_of

    usual = configuration.deidentify
    pixels = profile.pixels or usual.pixels
    ocr = profile.ocr or usual.ocr
    key = "pixels" if profile.pixels else "path" if profile.path else "shipped"
    here = (*path, key) if path[0] == "profile" else (*path, "pixels") if pixels else path
    return gathering.read(
        here,
        lambda: recipe_of(
            profile.path or profile.shipped or "", pixels, "" if ocr == "rules" else ocr
        ),
    )


def _key(path: Where, name: str, secret: Secret, gathering: _Gathering) -> ProjectKey | None:
    from causeway.deidentify.identity import project_key

    text = gathering.read(path, secret.reveal, elsewhere=secret.kind == "env")
    return None if text is None else gathering.read(path, lambda: project_key(name, text))


def _aliases(path: Path | None, gathering: _Gathering) -> Aliases | None:
    from causeway.deidentify.identity import read_aliases

    if path is None:
        return None
    return gathering.read(("deidentify", "aliases"), lambda: read_aliases(path))
