"""Fields of the hierarchy, and the short names that people write for them.

``group`` is ``group._id``, ``ses.ts`` is ``session.timestamp``, ``weight`` can only be
``session.weight``. A name that could be several fields is an error that lists them.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Final

from causeway.errors import ConfigurationError

GROUP: Final = "group._id"
PROJECT: Final = "project.label"

FIELDS: Final = (
    "external_routing_id",
    GROUP,
    "group.label",
    "project._id",
    PROJECT,
    "project.info.*",
    "subject._id",
    "subject.routing_field",
    "subject.label",
    "subject.firstname",
    "subject.lastname",
    "subject.sex",
    "subject.type",
    "subject.species",
    "subject.strain",
    "subject.tags",
    "subject.info.*",
    "session._id",
    "session.uid",
    "session.routing_field",
    "session.label",
    "session.age",
    "session.weight",
    "session.operator",
    "session.timestamp",
    "session.timezone",
    "session.tags",
    "session.info.*",
    "acquisition._id",
    "acquisition.uid",
    "acquisition.routing_field",
    "acquisition.label",
    "acquisition.timestamp",
    "acquisition.timezone",
    "acquisition.tags",
    "acquisition.info.*",
    "file.name",
    "file.type",
    "file.modality",
    "file.tags",
    "file.info.*",
    "file.classification.*",
)
"""All that a pattern may fill; ``*`` stands for a name of the site's own."""

LABELS: Final = frozenset(
    {
        GROUP,
        "group.label",
        PROJECT,
        "subject.label",
        "session.label",
        "acquisition.label",
        "file.name",
    }
)
"""Names of places, in which no slash can stand."""

TIMESTAMPS: Final = frozenset({"session.timestamp", "acquisition.timestamp"})

# The level may be cut short: gr, grp; pr, pro, prj, proj; su, sub, subj; se, ses, sess; ac, acq.
_LEVELS: Final = {
    "gr": "group",
    "grp": "group",
    "pr": "project",
    "pro": "project",
    "prj": "project",
    "proj": "project",
    "su": "subject",
    "sub": "subject",
    "subj": "subject",
    "se": "session",
    "ses": "session",
    "sess": "session",
    "ac": "acquisition",
    "acq": "acquisition",
    "info": "file.info",
    "classification": "file.classification",
}
_WHOLE: Final = {
    "group": GROUP,
    "project": PROJECT,
    "subject": "subject.label",
    "session": "session.label",
    "acquisition": "acquisition.label",
    "file": "file.name",
    "timestamp": "acquisition.timestamp",
    "session.time": "session.timestamp",
    "session.ts": "session.timestamp",
    "acquisition.time": "acquisition.timestamp",
    "acquisition.ts": "acquisition.timestamp",
}
_OWN_NAME: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*")


@lru_cache(maxsize=1024)
def field_of(name: str) -> str:
    """The full name of a field, such as ``project.label`` for ``project`` or ``proj``.

    Raises ``ConfigurationError`` for a name that is none, or that could be several.
    """
    name = name.strip()
    known = _unabbreviated(name)
    if known in FIELDS and not known.endswith("*"):
        return known
    candidates = _candidates(known)
    if len(candidates) == 1:
        return _filled(candidates[0], known)
    if candidates:
        raise ConfigurationError(
            f'"{name}" could be {" or ".join(candidates)}', hint="write one of them in full"
        )
    names = [*_WHOLE, *(each for each in FIELDS if not each.endswith("*"))]
    near = difflib.get_close_matches(known, names, n=1)
    raise ConfigurationError(
        f'"{name}" is no field',
        hint=f"did you mean {near[0]}?" if near else "a field such as subject.label",
    )


def _unabbreviated(name: str) -> str:
    level, dot, rest = name.partition(".")
    name = f"{_LEVELS.get(level, level)}{dot}{rest}"
    if name.endswith(".id"):
        name = f"{name[:-3]}._id"
    return _WHOLE.get(name, name)


def _candidates(name: str) -> tuple[str, ...]:
    """Fields that a name may be short for; the first way of being short that fits any counts."""
    parts = name.split(".")
    found = [field for field in FIELDS if _each_begins(field.split("."), parts)]
    if not found and len(parts) == 1 and name:
        found = (
            [field for field in FIELDS if field.startswith(name)]
            or [field for field in FIELDS if field.rpartition(".")[2] == name]
            or [field for field in FIELDS if name in field]
        )
    return tuple(found)


def _each_begins(field: list[str], parts: list[str]) -> bool:
    """Whether each part of a name begins that part of the field; ``info.*`` has any end."""
    if field[-1] == "*" and len(parts) >= len(field):
        field = field[:-1]
    elif len(field) != len(parts):
        return False
    return all(full.startswith(part) and part for full, part in zip(field, parts, strict=False))


def _filled(field: str, name: str) -> str:
    if not field.endswith("*"):
        return field
    own = name.split(".", field.count("."))[-1]
    if not _OWN_NAME.fullmatch(own):
        raise ConfigurationError(
            f'"{own}" cannot be a name in {field[:-2]}', hint="letters, digits, - and _"
        )
    return field.replace("*", own)
