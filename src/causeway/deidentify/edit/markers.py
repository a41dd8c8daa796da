"""What says that an object was de-identified, and how (PS3.15 E.1.1, PS3.3 C.12.1.1.9).

What an earlier de-identification has left is built upon, not overwritten: its codes and its words
stay in front of ours, and dates that it moved are not called unmodified because we left them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from causeway.deidentify.edit.reading import Element, Level, read_items
from causeway.deidentify.edit.writing import Writer
from causeway.deidentify.plan import Code, Plan, Temporal
from causeway.deidentify.standard.options import CLEAN_PIXEL_DATA

PATIENT_IDENTITY_REMOVED: Final = 0x00120062
DEIDENTIFICATION_METHOD: Final = 0x00120063
DEIDENTIFICATION_METHOD_CODES: Final = 0x00120064
LONGITUDINAL_TEMPORAL_INFORMATION: Final = 0x00280303
BURNED_IN_ANNOTATION: Final = 0x00280301

VRS: Final[Mapping[int, str]] = {
    PATIENT_IDENTITY_REMOVED: "CS",
    DEIDENTIFICATION_METHOD: "LO",
    DEIDENTIFICATION_METHOD_CODES: "SQ",
    LONGITUDINAL_TEMPORAL_INFORMATION: "CS",
    BURNED_IN_ANNOTATION: "CS",
}

METHOD_LIMIT: Final = 64
"""Characters of an LO (PS3.5 table 6.2-1)."""

_CODE_VALUE: Final = 0x00080100
_CODING_SCHEME: Final = 0x00080102
_CODE_MEANING: Final = 0x00080104

# Which of two de-identifications, one after the other, says what became of the dates.
_RANK: Final = (Temporal.UNMODIFIED, Temporal.MODIFIED, Temporal.REMOVED)


def method_of(plan: Plan) -> str:
    """What De-identification Method says of us: the profile and which version of it."""
    words = f"Causeway {plan.name} {plan.digest[:12]}"
    return words.encode("ascii", "replace").decode("ascii").replace("\\", "/")[:METHOD_LIMIT]


Marker = Callable[[bytes], bytes]
"""The value that is there, edited, empty if there is none → the value that shall be there."""


@lru_cache(maxsize=256)
def _code_items(codes: tuple[Code, ...], writer: Writer) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (
            code.value,
            writer.item(
                writer.element(_CODE_VALUE, "SH", code.value.encode("ascii"))
                + writer.element(_CODING_SCHEME, "SH", b"DCM")
                + writer.element(_CODE_MEANING, "LO", code.meaning.encode("ascii"))
            ),
        )
        for code in codes
    )


def markers(plan: Plan, writer: Writer, *, pixels_cleaned: bool = False) -> Mapping[int, Marker]:
    """The values that are put in, by tag."""

    def method(old: bytes) -> bytes:
        ours = method_of(plan).encode("ascii")
        earlier = old.rstrip(b" \0")
        known = earlier.split(b"\\") if earlier else []
        return b"\\".join(known if ours in map(bytes.strip, known) else [*known, ours])

    # What a profile cannot promise is said of the object whose pixels were cleaned.
    of_pixels = (CLEAN_PIXEL_DATA,) if pixels_cleaned else ()

    def codes(old: bytes) -> bytes:
        said = _said(read_items(old, implicit=writer.implicit, little=writer.little))
        made = (
            item for value, item in _code_items(plan.codes + of_pixels, writer) if value not in said
        )
        return old + b"".join(made)

    def temporal(old: bytes) -> bytes:
        said = old.decode("ascii", "replace").strip("\0 ")
        earlier = Temporal(said) if said in set(Temporal) else plan.temporal
        return max(earlier, plan.temporal, key=_RANK.index).value.encode("ascii")

    found: dict[int, Marker] = {
        DEIDENTIFICATION_METHOD: method,
        LONGITUDINAL_TEMPORAL_INFORMATION: temporal,
    }
    if plan.removes_identity:
        found[PATIENT_IDENTITY_REMOVED] = lambda _: b"YES"
    if plan.codes:
        found[DEIDENTIFICATION_METHOD_CODES] = codes
    if pixels_cleaned:
        found[BURNED_IN_ANNOTATION] = lambda _: b"NO"
    return found


def _said(items: tuple[tuple[Element, ...], ...]) -> set[str]:
    """The codes of the DICOM scheme that a sequence has."""
    level = Level()
    said = set()
    for item in items:
        texts = {element.tag: element.text(level) for element in item}
        if texts.get(_CODING_SCHEME) == "DCM":
            said.add(texts.get(_CODE_VALUE, ""))
    return said
