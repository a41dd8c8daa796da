"""Subject labels that a site has given itself, from a CSV file.

The first line names the columns: ``patient_id`` and ``subject``, and ``issuer`` if the site has
several issuers of patient IDs. One patient may have several IDs, and so several lines of one
subject; one ID under two subjects is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from causeway.errors import ConfigurationError

_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """Subjects by (issuer, patient ID), both trimmed; issuer empty for any."""

    subjects: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def of(self, issuer: str, patient_id: str) -> str | None:
        found = self.subjects.get((issuer, patient_id))
        return found if found is not None else self.subjects.get(("", patient_id))


def read_aliases(path: Path) -> Aliases:
    """The aliases in a file. Raises ``ConfigurationError``; it names lines, not their content."""
    subjects: dict[tuple[str, str], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"patient_id", "subject"} - set(rows.fieldnames or ())
            if missing:
                raise ConfigurationError(
                    f"{path} has no column {' and '.join(sorted(missing))}",
                    hint="the first line names the columns: patient_id,subject[,issuer]",
                )
            for row in rows:
                _add(subjects, row, path, rows.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(
            f"the aliases in {path} cannot be read: {type(error).__name__}",
            hint="it is a CSV file in UTF-8 that the service's user may read",
        ) from None
    return Aliases(subjects=subjects)


def _add(
    subjects: dict[tuple[str, str], str], row: Mapping[str, str | None], path: Path, line: int
) -> None:
    patient_id, subject = (row["patient_id"] or "").strip(), (row["subject"] or "").strip()
    if not patient_id or not _SUBJECT.fullmatch(subject):
        raise ConfigurationError(
            f"line {line} of {path} has no patient ID, or a subject that is no label",
            hint="subjects are letters, digits, spaces, dots, hyphens and underscores, at most 64",
        )
    key = ((row.get("issuer") or "").strip(), patient_id)
    if subjects.setdefault(key, subject) != subject:
        raise ConfigurationError(
            f"line {line} of {path} gives another subject to a patient ID of an earlier line",
            hint="each patient ID has one subject",
        )
