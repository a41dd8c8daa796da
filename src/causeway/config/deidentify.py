"""What is done to identifying data: profiles, keys, and what becomes of what is held."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from causeway.config.kinds import (
    FutureFile,
    Name,
    PresentFile,
    SecretReference,
    Settings,
    wrong,
)

NONE: Final = "none"
"""Everything passes as it came."""
SHIPPED_PROFILES: Final = ("basic", "research", "direct-identifiers-only")
"""Those that come with the program, by name."""

Deidentify = Name
"""``none``, a shipped profile, or the name of a ``[[profile]]``; ``rules`` looks whether there is
one."""


def _project(value: str) -> str:
    parts = value.split("/")
    if len(parts) > 2 or not all(part.strip() for part in parts):
        raise wrong(
            f'"{value}" is no group and no project', 'a group, "neuro", or a project, "neuro/Sleep"'
        )
    return value


Project = Annotated[
    str, AfterValidator(_project), WithJsonSchema({"type": "string", "pattern": "^[^/]+(/[^/]+)?$"})
]


class CrosswalkSettings(Settings):
    """The way back from pseudonyms, for sites that need one. Nothing of the service needs it."""

    path: FutureFile
    """File of sealed rows. It is made if it is missing, and only ever added to."""
    key: SecretReference
    """Where the crosswalk's own key is: `env:NAME` or `file:PATH`. Not the key of a project: who
    makes pseudonyms need not be able to undo them."""


class DeidentifySettings(Settings):
    """What all de-identification on the way shares."""

    key: SecretReference | None = None
    """Where the key is from which each project's own is made: `env:NAME` or `file:PATH`, 64
    hexadecimal digits, as `openssl rand -hex 32` prints them. Without it, every project that is
    de-identified for needs a `[[project_key]]`."""
    shift_days: Annotated[int, Field(ge=1, le=36500)] = 3650
    """By how many days a patient's dates are moved into the past at most, where a profile moves
    dates. Ten years, so that nobody can tell the year."""
    shift_multiple_of_days: Annotated[int, Field(ge=1, le=36500)] = 7
    """Dates are moved by multiples of so many days. Seven, so that weekdays stay."""
    aliases: PresentFile | None = None
    """CSV file with subject labels that the site has given itself: columns `patient_id`, `subject`,
    and `issuer` if there are several. Whom it does not name gets a pseudonym."""
    pixels: PresentFile | None = None
    """File with rules for burned-in text, for all profiles that name none of their own."""
    ocr: Literal["rules", "off", "hold", "redact"] = "rules"
    """What is done with text that Tesseract finds in pixels that would leave: as the rules for
    pixels say, nothing, the object is held, or the text is blanked."""
    held: Literal["wait", "leave-out"] = "wait"
    """What becomes of a series of which an image is held or in doubt: it waits for a person, for
    all of its destinations, so that an incomplete series is never taken for a whole one; or the
    rest goes, and what is left out is said beside it."""
    processes: Annotated[int, Field(ge=0, le=64)] = 1
    """Processes that clean, beside that of the pipeline. 0: the pipeline does it itself."""
    crosswalk: CrosswalkSettings | None = None
    """Where it is written who is who; without it, nowhere."""

    @model_validator(mode="after")
    def _a_shift_fits(self) -> DeidentifySettings:
        if self.shift_multiple_of_days > self.shift_days:
            raise wrong(
                f"shift_multiple_of_days = {self.shift_multiple_of_days} is more than shift_days",
                "at least one multiple must fit into shift_days",
            )
        return self


class ProjectKeySettings(Settings):
    """A key of some projects' own, instead of one that is made from the usual key."""

    name: Name
    """What records call it; unique. A fingerprint of the key is added to it."""
    key: SecretReference
    """Where it is: `env:NAME` or `file:PATH`, 64 hexadecimal digits."""
    projects: tuple[Project, ...] = ()
    """Whose it is: `group/project`, or `group` for all of a group's. They share pseudonyms, so that
    their data can be linked. Without any, it is only used for what was cleaned with it before and
    is still on its way."""


class ProfileSettings(Settings):
    """A profile of the site's own, by a name that `deidentify` can say."""

    name: Name
    """Its name in destinations and routes; unique, and not that of a shipped one."""
    path: PresentFile | None = None
    """Its file: TOML, or Flywheel's YAML. `causeway profile check` looks into it."""
    shipped: Literal["basic", "research", "direct-identifiers-only"] | None = None
    """A shipped profile, instead of a file: to give it other rules for pixels."""
    pixels: PresentFile | None = None
    """File with its rules for burned-in text; without it, those of `[deidentify]`."""
    ocr: Literal["rules", "off", "hold", "redact"] | None = None
    """As in `[deidentify]`, which holds without it."""

    @model_validator(mode="after")
    def _is_one_profile(self) -> ProfileSettings:
        if (self.path is None) == (self.shipped is None):
            raise wrong(
                "must say which profile it is", 'path = "site.toml" or shipped = "research"'
            )
        return self
