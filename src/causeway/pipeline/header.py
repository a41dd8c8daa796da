"""Identifiers from the head of a data set's bytes, and whether the whole of it holds together.

The hot path of indexing. Only the values are decoded that completion, search, naming, grouping and
packaging ask for; pydicom is the oracle in the tests and not in the loop (a twentieth of a
millisecond here, a few there). ``elements`` walks and ``text`` decodes; this module says which
tags, follows the walk from window to window, and judges the result.

What rules may ask for besides is in the snapshot (see there), taken once for each head that a
series has. Whether a head is new its ``digest`` tells: of the raw bytes of what should be the same
in a whole series. Times of the series are not among these, as scanners count them up.

**Should indexing walk the whole data set?** Yes, by default. Stepping over an element costs a third
of a microsecond, and a value is never fetched: for a CT or MR image the rest of the head is in the
window that was read anyway, and the pixels are one step by their length. An enhanced multi-frame
object of 20 MB costs some milliseconds, less than its bytes took to arrive. For that, a truncated
image is found while the scanner still has it, and stands in quarantine where a person sees it,
instead of being found by a reader months later. ``Structure.HEAD`` is for a site whose scanner
leaves garbage behind good images and cannot be mended.
"""

from __future__ import annotations

import contextlib
import enum
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from causeway import text
from causeway.errors import BadDataSet
from causeway.pipeline.elements import WINDOW_BYTES, Dialect, Need, Nested, Walk, dialect_of, named
from causeway.pipeline.references import series_in
from causeway.pipeline.tags import LAST_GROUP, REFERENCES, SERIES_LEVEL, Tag
from causeway.pipeline.windows import Fetch, Windows, windows_of
from causeway.values import Header, Identity, Receipt

TEXT_LIMIT: Final = 1024
"""Characters of one value; the standard's longest (PN, three groups of 64) is a fifth of it."""

NUMBERS_LIMIT: Final = 256
"""Characters of an orientation or a position, six or three times 16 at most if it is DS."""


class Structure(enum.StrEnum):
    """How much of a data set must hold together."""

    WHOLE = "whole"
    HEAD = "head"


_HEADER: Final = tuple(int(tag) for tag in Tag)

UID_LENGTH: Final = 64
# PS3.5 9.1: digits and dots. A component with a leading zero breaks the rule as well, but every
# reader copes with it, and refusing an image for its style helps nobody.
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_WITHOUT_ZONE: Final = re.compile(r"[+-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What indexing reads of an object."""

    header: Header
    digest: bytes
    """16 bytes: the same for all objects of a series whose series-level attributes are."""


def read_header(
    fetch: Fetch, size: int, transfer_syntax_uid: str, structure: Structure = Structure.WHOLE
) -> Header:
    """Identifiers of the data set of ``size`` bytes that ``fetch`` gives.

    Raises ``BadDataSet`` with a reason that names tag and offset, never a value. Time is bounded by
    ``WALK_LIMIT_BYTES`` and ``INFLATED_LIMIT``, memory by the windows. A value that is absent is
    empty; whether that is allowed is for ``check`` to say.
    """
    dialect = dialect_of(transfer_syntax_uid)
    walk = Walk(dialect, _HEADER, sequences=REFERENCES, last_group=_last_group(structure))
    _follow(walk, windows_of(fetch, size, transfer_syntax_uid), Need(0, WINDOW_BYTES))
    return _header(walk.found, walk.nested, dialect)


def read(
    fetch: Fetch,
    size: int,
    transfer_syntax_uid: str,
    structure: Structure = Structure.WHOLE,
    also: tuple[int, ...] = (),
) -> Reading:
    """As ``read_header``, and the digest of its head.

    ``also`` are tags to which the configuration gives a say beside ``SERIES_LEVEL``. With
    ``Structure.HEAD`` those behind ``LAST_GROUP`` count as far as the data set can be read.
    """
    wanted, hashed = _wanted(also)
    dialect = dialect_of(transfer_syntax_uid)
    windows = windows_of(fetch, size, transfer_syntax_uid)
    if structure is Structure.WHOLE:
        walk = Walk(dialect, wanted, sequences=REFERENCES)
        _follow(walk, windows, Need(0, WINDOW_BYTES))
    else:
        head, tail = _split(wanted)
        walk = Walk(dialect, head, sequences=REFERENCES, last_group=LAST_GROUP)
        _follow(walk, windows, Need(0, WINDOW_BYTES))
        if tail and not walk.whole:
            # That far it does not have to hold together here.
            with contextlib.suppress(BadDataSet):
                _follow(walk, windows, walk.go_on(tail, last_group=tail[-1] >> 16))
    return Reading(
        header=_header(walk.found, walk.nested, dialect), digest=_digest(walk.found, hashed)
    )


def _last_group(structure: Structure) -> int:
    return 0xFFFD if structure is Structure.WHOLE else LAST_GROUP


@lru_cache(maxsize=8)
def _wanted(also: tuple[int, ...]) -> tuple[tuple[int, ...], frozenset[int]]:
    """What to read, and what of that goes into the digest."""
    hashed = frozenset(SERIES_LEVEL) | {tag for tag in also if tag < 0x7FE00000}
    return tuple(sorted({*_HEADER, *hashed})), hashed


@lru_cache(maxsize=8)
def _split(wanted: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    head = tuple(tag for tag in wanted if tag >> 16 <= LAST_GROUP)
    return head, wanted[len(head) :]


def _follow(walk: Walk, windows: Windows, need: Need | None) -> None:
    while need is not None and (found := windows.window(need)) is not None:
        window, offset, last = found
        if offset == 0 and window[128:132] == b"DICM":
            raise BadDataSet("a file was sent as a data set: preamble and DICM come first")
        need = walk.feed(window, offset, last=last)


def _digest(found: Mapping[int, bytes], hashed: frozenset[int]) -> bytes:
    tags = [tag for tag in found if tag in hashed]
    values = [found[tag] for tag in tags]
    # Tags and lengths keep the end of one value from being the beginning of the next.
    values.append(struct.pack(f"<{2 * len(tags)}I", *tags, *map(len, values)))
    return blake2b(b"".join(values), digest_size=16).digest()


def check(header: Header, receipt: Receipt) -> None:
    """What every object must have to be filed; raises ``BadDataSet`` that says what is wrong.

    A study or a file is named by these UIDs, so nothing but digits and dots passes: no UID can name
    a parent folder, a device or another patient's path.
    """
    for tag, uid in (
        (Tag.SOP_CLASS_UID, header.sop_class_uid),
        (Tag.SOP_INSTANCE_UID, header.sop_instance_uid),
        (Tag.STUDY_INSTANCE_UID, header.study_instance_uid),
        (Tag.SERIES_INSTANCE_UID, header.series_instance_uid),
    ):
        if not uid:
            raise BadDataSet(f"{named(tag)} is missing or empty")
        if len(uid) > UID_LENGTH:
            raise BadDataSet(f"{named(tag)} has {len(uid)} characters, a UID at most {UID_LENGTH}")
        if not _UID.fullmatch(uid):
            raise BadDataSet(f"{named(tag)} is no UID: other characters than digits and dots")
    # PS3.4 B.2.3: A900, the data set does not match its SOP class. PS3.7 9.1.1.1 for the instance.
    if header.sop_class_uid != receipt.sop_class_uid:
        raise BadDataSet(f"{named(Tag.SOP_CLASS_UID)} is not the SOP class of the C-STORE request")
    if header.sop_instance_uid != receipt.sop_instance_uid:
        raise BadDataSet(
            f"{named(Tag.SOP_INSTANCE_UID)} is not the SOP instance of the C-STORE request"
        )


def _header(found: Mapping[int, bytes], nested: Mapping[int, Nested], dialect: Dialect) -> Header:
    charset = text.decode(found.get(_CHARSET, b""))
    identity = _texts(found, _IDENTITY, charset)
    fields = _texts(found, _FIELDS, charset)
    # Enhanced objects have one DT in place of date and time (PS3.3 C.7.6.16.2.2).
    if moment := fields.pop("moment", ""):
        fields["acquisition_date"] = fields.get("acquisition_date") or moment[:8]
        fields["acquisition_time"] = (
            fields.get("acquisition_time") or _WITHOUT_ZONE.split(moment[8:])[0]
        )
    for name in _NUMBERS:
        # Half a number would be another one.
        if len(fields.get(name, "")) > NUMBERS_LIMIT:
            fields[name] = ""
    for name in _REQUIRED:
        fields.setdefault(name, "")
    if nested:
        fields["referenced_series"] = _joined(
            uid
            for sequence in nested.values()
            for uid in series_in(sequence, dialect)
            if uid != fields["series_instance_uid"]
        )
    return Header(
        identity=Identity(**identity),
        rows=_number(found.get(_ROWS, b""), dialect),
        columns=_number(found.get(_COLUMNS, b""), dialect),
        charset=charset,
        **fields,
    )


def _texts(
    found: Mapping[int, bytes], fields: Iterable[tuple[str, int]], charset: str
) -> dict[str, str]:
    """What is there of these fields, decoded."""
    texts = {}
    for name, tag in fields:
        if raw := found.get(tag):
            texts[name] = text.decode(raw, charset, name=tag == _NAME)[:TEXT_LIMIT]
    return texts


def _number(raw: bytes, dialect: Dialect) -> str:
    """Of rows and columns: US as PS3.6 has it, or what senders make of it, UL or text."""
    if len(raw) == 2:
        return str(int.from_bytes(raw, "little" if dialect.little else "big"))
    if (written := raw.strip(b" \0")).isdigit() and len(written) <= 9:
        return written.decode("ascii")
    if len(raw) == 4:
        return str(int.from_bytes(raw, "little" if dialect.little else "big"))
    return ""


def _joined(uids: Iterable[str]) -> str:
    """As many of them, each once, as a short text holds."""
    joined = ""
    for uid in dict.fromkeys(uids):
        longer = f"{joined}\\{uid}" if joined else uid
        if len(longer) > TEXT_LIMIT:
            break
        joined = longer
    return joined


_CHARSET: Final = int(Tag.SPECIFIC_CHARACTER_SET)
_NAME: Final = int(Tag.PATIENT_NAME)
_ROWS: Final = int(Tag.ROWS)
_COLUMNS: Final = int(Tag.COLUMNS)
_IDENTITY: Final = (
    ("patient_id", int(Tag.PATIENT_ID)),
    ("patient_name", int(Tag.PATIENT_NAME)),
    ("patient_birth_date", int(Tag.PATIENT_BIRTH_DATE)),
    ("accession_number", int(Tag.ACCESSION_NUMBER)),
    ("study_id", int(Tag.STUDY_ID)),
    ("study_date", int(Tag.STUDY_DATE)),
    ("study_time", int(Tag.STUDY_TIME)),
    ("study_description", int(Tag.STUDY_DESCRIPTION)),
)
_FIELDS: Final = (
    ("sop_class_uid", int(Tag.SOP_CLASS_UID)),
    ("sop_instance_uid", int(Tag.SOP_INSTANCE_UID)),
    ("study_instance_uid", int(Tag.STUDY_INSTANCE_UID)),
    ("series_instance_uid", int(Tag.SERIES_INSTANCE_UID)),
    ("modality", int(Tag.MODALITY)),
    ("series_number", int(Tag.SERIES_NUMBER)),
    ("series_description", int(Tag.SERIES_DESCRIPTION)),
    ("protocol_name", int(Tag.PROTOCOL_NAME)),
    ("series_date", int(Tag.SERIES_DATE)),
    ("series_time", int(Tag.SERIES_TIME)),
    ("acquisition_date", int(Tag.ACQUISITION_DATE)),
    ("acquisition_time", int(Tag.ACQUISITION_TIME)),
    ("moment", int(Tag.ACQUISITION_DATE_TIME)),
    ("manufacturer", int(Tag.MANUFACTURER)),
    ("station_name", int(Tag.STATION_NAME)),
    ("acquisition_number", int(Tag.ACQUISITION_NUMBER)),
    ("instance_number", int(Tag.INSTANCE_NUMBER)),
    ("images_in_acquisition", int(Tag.IMAGES_IN_ACQUISITION)),
    ("number_of_frames", int(Tag.NUMBER_OF_FRAMES)),
    ("image_type", int(Tag.IMAGE_TYPE)),
    ("image_orientation", int(Tag.IMAGE_ORIENTATION)),
    ("image_position", int(Tag.IMAGE_POSITION)),
)
_REQUIRED: Final = (
    "sop_class_uid", "sop_instance_uid", "study_instance_uid", "series_instance_uid",
)  # fmt: skip
_NUMBERS: Final = ("image_orientation", "image_position")
