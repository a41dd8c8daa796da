r"""Labels: names for people that are folders too.

Two things are done to a text before it is a label:

- what the platform does: ``*`` becomes ``star``, each run of ``/ : < > ? \ |`` and of control
  characters one ``_``, dots at the end go, 64 characters (acquisitions 128, files 255) are kept;
- what a file system needs on top, since a label is a folder too: Unicode in composed form (NFC),
  no dots or spaces at either end, no dash in front, no name that Windows reserves, none of the
  invisible characters that turn the direction of text, and a length in *bytes*.

Who gets a label that two studies want is the ledger's business (``pipeline.placement``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

LABEL_CHARACTERS: Final = 64
ACQUISITION_CHARACTERS: Final = 128
FILE_CHARACTERS: Final = 255
LABEL_BYTES: Final = 200
"""File systems allow 255 bytes for a name; the rest is for what is added to a label: ``_dup-99``,
``.amendment-99``, ``.dicom.zip.json`` and what a temporary name needs."""

UNNAMED: Final = "unnamed"
"""Where nothing of any candidate is left."""

# Halves of surrogate pairs stand in no file name either.
_RUNS: Final = re.compile("[/:<>?\\\\|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
# Marks and overrides of direction, and the byte order mark: invisible, and they make one label look
# like another. Joiners stay, since Persian and Indic scripts are written with them.
_INVISIBLE: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_RESERVED: Final = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")

_GROUP: Final = re.compile(r"[0-9a-z][0-9a-z.@_-]{0,62}[0-9a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The way to an acquisition; each a safe name of a folder."""

    group: str
    project: str
    subject: str = field(repr=False)
    session: str = field(repr=False)
    acquisition: str = field(repr=False)

    @property
    def session_path(self) -> tuple[str, ...]:
        return (self.group, self.project, self.subject, self.session)


def sanitised(text: str, *, characters: int = LABEL_CHARACTERS) -> str:
    """A label that is a safe name on every file system; empty if nothing of it is left.

    A label stays as it is if it goes through again.
    """
    # Composed last, since "star" and a mark that followed the asterisk may compose.
    text = _INVISIBLE.sub("", text).replace("*", "star")
    label = _RUNS.sub("_", unicodedata.normalize("NFC", text)).strip(" .")
    label = _cut(re.sub(r"^-+", "_", label), characters)
    return _cut(f"_{label}", characters) if _RESERVED.match(label) else label


def _cut(label: str, characters: int) -> str:
    return label[:characters].encode()[:LABEL_BYTES].decode(errors="ignore").rstrip(" .")


def first_label(*candidates: str, characters: int = LABEL_CHARACTERS) -> str:
    """The first candidate of which something is left, sanitised."""
    for text in candidates:
        if label := sanitised(text, characters=characters):
            return label
    return UNNAMED


def group_id(text: str) -> str:
    """A group's id, in lower case; empty if it cannot be one.

    2 to 64 of ``a-z 0-9 . @ _ -``, a letter or digit at both ends.
    """
    lowered = text.strip().lower()
    return lowered if _GROUP.fullmatch(lowered) else ""


def suffixed(label: str, suffix: str, *, characters: int = ACQUISITION_CHARACTERS) -> str:
    """A label with something behind it that tells it apart, whatever that costs the label."""
    ending = _RUNS.sub("_", suffix)
    room = max(LABEL_BYTES - len(ending.encode(errors="replace")), 0)
    start = label[: max(characters - len(ending), 0)].encode(errors="replace")[:room]
    return sanitised(start.decode(errors="ignore").rstrip(" .") + ending, characters=characters)
