"""Which kinds of object a node may send over our own association, where it has not said so.

With C-GET the presentation contexts for what comes have to be proposed before anything has come,
128 at most. Where the node lists images with their SOP classes, these are proposed, in every
transfer syntax; else, what a modality makes is guessed, and of that the usual syntaxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

Kind = tuple[str, str]

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
SYNTAXES: Final = (
    EXPLICIT,
    IMPLICIT,
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.5",  # RLE lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near lossless
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.4.100",  # MPEG-2
    "1.2.840.10008.1.2.4.102",  # MPEG-4 AVC
    "1.2.840.10008.1.2.2",  # explicit VR big endian
)
MOST_CONTEXTS: Final = 127
"""One of 128 is for C-GET itself."""

_BY_MODALITY: Final = {
    "CT": ("2", "2.1", "2.2"),
    "MR": ("4", "4.1", "4.2", "4.3"),
    "US": ("6.1", "3.1", "6.2"),
    "NM": ("20",),
    "PT": ("128", "130"),
    "CR": ("1", "1.1"),
    "DX": ("1.1", "1.1.1", "1"),
    "MG": ("1.2", "1.2.1", "13.1.3"),
    "XA": ("12.1", "12.1.1", "13.1.1"),
    "RF": ("12.2", "12.2.1"),
    "RTSTRUCT": ("481.3",),
    "RTDOSE": ("481.2",),
    "RTPLAN": ("481.5", "481.8"),
    "RTIMAGE": ("481.1",),
    "SEG": ("66.4",),
    "REG": ("66.1", "66.3"),
    "PR": ("11.1", "11.2"),
    "KO": ("88.59",),
    "SR": ("88.11", "88.22", "88.33", "88.34", "88.67"),
    "ES": ("77.1.1", "77.1.1.1"),
    "SM": ("77.1.6",),
    "OP": ("77.1.5.1", "77.1.5.2", "77.1.5.4"),
    "ECG": ("9.1.1", "9.1.2"),
    "DOC": ("104.1", "104.2"),
}
_ALWAYS: Final = ("7", "66")
"""Secondary capture and raw data, which any modality makes."""
_USUAL: Final = tuple(dict.fromkeys(each for made in _BY_MODALITY.values() for each in made))


def contexts_for(sop_class_uids: Iterable[str], modality: str) -> tuple[Kind, ...]:
    """Kinds to be proposed, the likeliest first."""
    known = tuple(dict.fromkeys(uid for uid in sop_class_uids if uid))
    if known:
        return _within(known, SYNTAXES)
    made = _BY_MODALITY.get(modality)
    if made is not None:
        return _within(tuple(_STORAGE + each for each in (*made, *_ALWAYS)), SYNTAXES)
    return _within(tuple(_STORAGE + each for each in (*_USUAL, *_ALWAYS)), SYNTAXES)


def _within(classes: Sequence[str], syntaxes: Sequence[str]) -> tuple[Kind, ...]:
    """Each class with as many syntaxes as there is room for; the first classes, if need be."""
    each = max(1, min(len(syntaxes), MOST_CONTEXTS // len(classes)))
    kinds = [(uid, syntax) for uid in classes for syntax in syntaxes[:each]]
    return tuple(kinds[:MOST_CONTEXTS])
