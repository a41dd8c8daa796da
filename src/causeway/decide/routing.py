"""Routing strings: where an operator says that a study goes.

``fw://group/project/subject/session/acquisition``, from the project on optional, typed at a console
into whatever attribute the site has chosen. People type them, so that what can only mean one thing
is taken for it: the prefix in any case or with a slash too few, spaces, slashes that are doubled or
at the end. What could mean two things is not parsed, says why, and says what was probably meant. A
string is taken whole or not at all: never a project without its group.

Nothing that is said about a string that does not parse repeats it, since it may be anything, a
patient's name too; only the suggestion does, and hides itself.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.decide.labels import group_id

PREFIX: Final = "fw://"
TEXT_CHARACTERS: Final = 1024
"""Of a value that is looked at; the longest that attributes are kept with."""

LEVELS: Final = ("group", "project", "subject", "session", "acquisition")


class Prefix(enum.StrEnum):
    """Whether a routing string has to begin with ``fw://``."""

    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingForm:
    """What counts as a routing string."""

    prefix: Prefix = Prefix.OPTIONAL
    legacy: bool = False
    """Whether ``subject@group/project`` is understood as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """A place; what was not said is empty. The group is in lower case, the rest as it was typed."""

    group: str
    project: str = ""
    subject: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    acquisition: str = field(default="", repr=False)
    where: str
    """Keyword of the attribute that it stood in, or ``operator``."""
    text: str = field(default="", repr=False, compare=False)
    """As it stood there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsed:
    """Text where a routing string should stand, that is none."""

    where: str
    text: str = field(repr=False)
    reason: str
    """Why, without any of the text."""
    suggestion: str = field(default="", repr=False)
    """The nearest string that parses; empty if none is near."""


def parse(text: str, form: RoutingForm, *, where: str, study_id: str = "") -> Routing | Unparsed:
    """The place that ``text`` says. Never raises.

    ``study_id`` names the subject of a legacy string that says none: ``ex1234``.
    """
    line = _line(text[:TEXT_CHARACTERS], form)
    if len(text) > TEXT_CHARACTERS:
        return _refused(where, text, f"it is longer than {TEXT_CHARACTERS} characters")
    if not line:
        return _refused(where, text, "it is empty")
    prefix = _PREFIX.match(line)
    rest = line[prefix.end() :] if prefix else line
    if prefix is None:
        if (near := _NEAR.match(line)) is not None:
            meant = _meant(f"{PREFIX}{line[near.end() :]}")
            return _refused(where, text, f"its prefix is not {PREFIX}", meant)
        if _OTHER.match(line):
            return _refused(where, text, f"it has another prefix than {PREFIX}")
        if form.prefix is Prefix.REQUIRED:
            return _refused(where, text, f"it does not begin with {PREFIX}", _meant(PREFIX + line))
    if "\\" in line:
        slashed = rest.replace("\\", "/")
        return _refused(
            where, text, "it has a backslash; its parts are divided by /", _meant(PREFIX + slashed)
        )
    if prefix is None and form.legacy and "@" in line.partition("/")[0]:
        return _legacy(line, text, where=where, study_id=study_id)
    return _modern(rest, text, form, where=where, prefix=prefix, study_id=study_id)


def find(
    candidates: Sequence[tuple[str, str | None]], form: RoutingForm, *, study_id: str
) -> Routing | Unparsed | None:
    """The routing string of a header: of (keyword, value) in order, the first that parses.

    If none does, the first that looks like one, with why it does not; None if none looks like one,
    as free text without a slash does not.
    """
    failed: Unparsed | None = None
    for where, text in candidates:
        if text is None or not looks_like_one(text, form):
            continue
        found = parse(text, form, where=where, study_id=study_id)
        if isinstance(found, Routing):
            return found
        failed = failed or found
    return failed


def looks_like_one(text: str, form: RoutingForm) -> bool:
    """Whether somebody may have meant a routing string, well written or not.

    With the prefix, or nearly so, always. Without, if the prefix is optional: with a slash (or an @
    in legacy forms) behind one or two words, since prose with a slash in it has more before it, and
    behind more than a letter, as of ``w/o`` and ``s/p``.
    """
    line = _line(text[:TEXT_CHARACTERS], form)
    if _PREFIX.match(line) or _NEAR.match(line):
        return True
    if form.prefix is Prefix.REQUIRED or _OTHER.match(line):
        return False
    before, divider, _ = line.partition("/")
    if form.legacy and "@" in line:
        return True
    return bool(divider) and len(before) != 1 and len(before.split()) <= 2


def canonical(routing: Routing) -> str:
    """The string that says this place, as it should be typed."""
    parts = [getattr(routing, level) for level in LEVELS]
    while parts and not parts[-1]:
        parts.pop()
    if all(parts) and not any("/" in part for part in parts):
        return PREFIX + "/".join(parts)
    # Only legacy strings say a subject without a project, or a project with a slash.
    project = f"/{routing.project}" if routing.project else ""
    return f"{routing.subject}@{routing.group}{project}"


# --- reading a line -------------------------------------------------------------------------------

_PREFIX: Final = re.compile(r"fw\s*:[\s/]*", re.IGNORECASE)
# Slips of the finger: f://, wf://, fww://, fw;//, fw//, fw:\\
_NEAR: Final = re.compile(r"[fw]{1,3}\s*(?:[:;.,]\s*[/\\]|[/\\]{2})[\s/\\]*", re.IGNORECASE)
_OTHER: Final = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_INVISIBLE: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOTHING: Final = frozenset("._-*?<>:|^")


def _line(text: str, form: RoutingForm) -> str:
    """The line that counts: the first with the prefix, else the first that has anything.

    Consoles pad with spaces, carets and NUL.
    """
    lines = [line for each in _INVISIBLE.sub("", text).splitlines() if (line := _clean(each))]
    prefixed = (line for line in lines if _PREFIX.match(line))
    slashed = (line for line in lines if "/" in line or (form.legacy and "@" in line))
    return next(prefixed, "") or next(slashed, "") or (lines[0] if lines else "")


def _clean(text: str) -> str:
    """With single spaces, and no padding at its ends."""
    return " ".join(_CONTROLS.sub(" ", text).split()).strip(" ^")


def _modern(
    rest: str,
    text: str,
    form: RoutingForm,
    *,
    where: str,
    prefix: re.Match[str] | None,
    study_id: str,
) -> Routing | Unparsed:
    parts = [part for each in rest.split("/") if (part := _clean(each))]
    if not parts:
        return _refused(where, text, f"nothing stands behind {PREFIX}")
    if len(parts) == 1 and "/" not in (prefix[0] if prefix else ""):
        what = "its prefix has no slash" if prefix else f"a group alone needs {PREFIX} before it"
        return _refused(where, text, what, _meant(f"{PREFIX}{parts[0]}"))
    group = parts[0].lower()
    if what := _wrong_group(group):
        meant = _meant("/".join([PREFIX + _group_near(group), *parts[1:]]))
        return _refused(where, text, what, meant if _group_near(group) else "")
    if len(parts) > len(LEVELS):
        meant = _meant(PREFIX + "/".join(parts[: len(LEVELS)]))
        return _refused(
            where, text, f"it has {len(parts)} parts, and {len(LEVELS)} are the most", meant
        )
    for level, part in zip(LEVELS, parts, strict=False):
        if set(part) <= _NOTHING:
            return _refused(where, text, f"nothing of the {level} can be a name")
    parts += [""] * (len(LEVELS) - len(parts))
    if form.legacy and prefix is None and not parts[2]:
        parts[2] = _example(study_id)
    return Routing(
        group=group,
        project=parts[1],
        subject=parts[2],
        session=parts[3],
        acquisition=parts[4],
        where=where,
        text=text,
    )


def _legacy(line: str, text: str, *, where: str, study_id: str) -> Routing | Unparsed:
    """``subject@group/project``, with ``:`` or ``^`` for the slash if there is none."""
    subject, _, place = line.rpartition("@") if "/" not in line else _at_last(line)
    divider = next((each for each in "/:^" if each in place), "/")
    group, _, project = place.partition(divider)
    group = _clean(group).lower()
    project = "/".join(part for each in project.split("/") if (part := _clean(each)))
    if what := _wrong_group(group):
        return _refused(where, text, what)
    if project and set(project) <= _NOTHING | {"/"}:
        return _refused(where, text, "nothing of the project can be a name")
    return Routing(
        group=group,
        project=project,
        subject=_clean(subject) or _example(study_id),
        where=where,
        text=text,
    )


def _at_last(line: str) -> tuple[str, str, str]:
    """Divided at the last @ before the first slash."""
    before, slash, after = line.partition("/")
    subject, at, group = before.rpartition("@")
    return subject, at, f"{group}{slash}{after}"


def _example(study_id: str) -> str:
    """The subject of a study without one: ``ex`` and the Study ID."""
    number = _clean(re.sub(r"[/\\]+", "_", _INVISIBLE.sub("", study_id)))
    return f"ex{number}" if number else ""


# --- what is wrong, and what was meant ------------------------------------------------------------


def _wrong_group(group: str) -> str:
    if group and group_id(group) == group:
        return ""
    if not 2 <= len(group) <= 64:
        return "its group is not 2 to 64 characters long"
    if " " in group:
        return "there is a space in its group"
    if not re.fullmatch(r"[0-9a-z.@_-]+", group):
        return "its group has a character other than letters, digits and . @ _ -"
    return "its group does not begin and end with a letter or digit"


def _group_near(group: str) -> str:
    """The group without what cannot be in it; empty if nothing of it can."""
    plain = unicodedata.normalize("NFKD", group).encode("ascii", "ignore").decode()
    near = re.sub(r"[^0-9a-z.@_-]+", "", plain)[:64].strip(".@_-")
    return group_id(near)


def _meant(text: str) -> str:
    found = parse(text, RoutingForm(), where="")
    return canonical(found) if isinstance(found, Routing) else found.suggestion


def _refused(where: str, text: str, reason: str, suggestion: str = "") -> Unparsed:
    return Unparsed(where=where, text=text, reason=reason, suggestion=suggestion)
