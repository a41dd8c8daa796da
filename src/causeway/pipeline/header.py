"""Identifiers from the head of a data set's bytes, and whether the whole of it holds together.

The hot path of indexing. Only the values are decoded that completion, search, naming and packaging
ask for; pydicom is the oracle in the tests and not in the loop (a twentieth of a millisecond here,
a few there). ``elements`` walks and ``text`` decodes; this module says which tags, follows the walk
from window to window, inflates a deflated data set, and judges the result.

**Should indexing walk the whole data set?** Yes, by default. Stepping over an element costs a third
of a microsecond, and a value is never fetched: for a CT or MR image the rest of the head is in the
window that was read anyway, and the pixels are one step by their length. An enhanced multi-frame
object of 20 MB costs some milliseconds, less than its bytes took to arrive. For that, a truncated
image is found while the scanner still has it, and stands in quarantine where a person sees it,
instead of being found by a reader months later. ``Structure.HEAD`` is for a site whose scanner
leaves garbage behind good images and cannot be mended.
"""

from __future__ import annotations

import enum
import re
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from causeway.errors import BadDataSet, SpoolCorrupt
from causeway.pipeline import text
from causeway.pipeline.elements import (
    DEFLATED_SYNTAXES,
    WINDOW_BYTES,
    Need,
    Walk,
    dialect_of,
    named,
)
from causeway.values import Header, Identity, Receipt

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the data set, or fewer where it ends."""

INFLATED_LIMIT: Final = 256 * 1024 * 1024
"""Bytes that a deflated data set may become before the walk is content with what it saw, about one
second; deflate makes up to a thousand out of one, so a small object can be a bomb."""

TEXT_LIMIT: Final = 1024
"""Characters of one value; the standard's longest (PN, three groups of 64) is a fifth of it."""


class Structure(enum.StrEnum):
    """How much of a data set must hold together."""

    WHOLE = "whole"
    HEAD = "head"


class Tag(enum.IntEnum):
    """What is read, by the names of PS3.6."""

    SPECIFIC_CHARACTER_SET = 0x00080005
    IMAGE_TYPE = 0x00080008
    SOP_CLASS_UID = 0x00080016
    SOP_INSTANCE_UID = 0x00080018
    STUDY_DATE = 0x00080020
    SERIES_DATE = 0x00080021
    ACQUISITION_DATE = 0x00080022
    ACQUISITION_DATE_TIME = 0x0008002A
    STUDY_TIME = 0x00080030
    SERIES_TIME = 0x00080031
    ACQUISITION_TIME = 0x00080032
    ACCESSION_NUMBER = 0x00080050
    MODALITY = 0x00080060
    MANUFACTURER = 0x00080070
    STATION_NAME = 0x00081010
    STUDY_DESCRIPTION = 0x00081030
    SERIES_DESCRIPTION = 0x0008103E
    PATIENT_NAME = 0x00100010
    PATIENT_ID = 0x00100020
    PATIENT_BIRTH_DATE = 0x00100030
    PROTOCOL_NAME = 0x00181030
    STUDY_INSTANCE_UID = 0x0020000D
    SERIES_INSTANCE_UID = 0x0020000E
    STUDY_ID = 0x00200010
    SERIES_NUMBER = 0x00200011
    ACQUISITION_NUMBER = 0x00200012
    INSTANCE_NUMBER = 0x00200013
    IMAGES_IN_ACQUISITION = 0x00201002
    NUMBER_OF_FRAMES = 0x00280008


_WANTED: Final = tuple(int(tag) for tag in Tag)
LAST_GROUP: Final = 0x0028
"""The group of the last of them."""

UID_LENGTH: Final = 64
# PS3.5 9.1: digits and dots. A component with a leading zero breaks the rule as well, but every
# reader copes with it, and refusing an image for its style helps nobody.
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_WITHOUT_ZONE: Final = re.compile(r"[+-]")


class _Source(Protocol):
    def window(self, need: Need) -> tuple[bytes, int, bool] | None:
        """The bytes, the offset they start at, whether the data set ends with them."""


def read_header(
    fetch: Fetch, size: int, transfer_syntax_uid: str, structure: Structure = Structure.WHOLE
) -> Header:
    """Identifiers of the data set of ``size`` bytes that ``fetch`` gives.

    Raises ``BadDataSet`` with a reason that names tag and offset, never a value. Time is bounded by
    ``WALK_LIMIT_BYTES`` and ``INFLATED_LIMIT``, memory by the windows. A value that is absent is
    empty; whether that is allowed is for ``check`` to say.
    """
    last_group = {} if structure is Structure.WHOLE else {"last_group": LAST_GROUP}
    walk = Walk(dialect_of(transfer_syntax_uid), _WANTED, **last_group)
    deflated = transfer_syntax_uid in DEFLATED_SYNTAXES
    source: _Source = _Inflated(fetch, size) if deflated else _Plain(fetch, size)
    need: Need | None = Need(0, WINDOW_BYTES)
    while need is not None and (found := source.window(need)) is not None:
        window, offset, last = found
        if offset == 0 and window[128:132] == b"DICM":
            raise BadDataSet("a file was sent as a data set: preamble and DICM come first")
        need = walk.feed(window, offset, last=last)
    return _header(walk.found)


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


class _Plain:
    """A data set as it stands."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size

    def window(self, need: Need) -> tuple[bytes, int, bool]:
        offset = min(need.offset, self._size)
        wanted = min(need.size, self._size - offset)
        data = self._fetch(offset, wanted) if wanted else b""
        if len(data) != wanted:
            raise SpoolCorrupt(f"{len(data)} bytes where the record has {wanted}")
        return data, offset, offset + wanted == self._size


class _Inflated:
    """A deflated data set (PS3.5 A.5): inflated from its start, as far as the walk asks."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._plain = _Plain(fetch, size)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._read_to = 0
        self._window = b""
        self._start = 0

    def window(self, need: Need) -> tuple[bytes, int, bool] | None:
        parts = [self._window[max(0, need.offset - self._start) :]]
        end = self._start + len(self._window)
        have = len(parts[0])
        while have < need.size and not self._inflater.eof:
            if end > INFLATED_LIMIT:
                return None
            part = self._more()
            keep = part[max(0, need.offset - end) :]
            end += len(part)
            parts.append(keep)
            have += len(keep)
        self._window = b"".join(parts)
        self._start = end - len(self._window)
        return self._window, self._start, self._inflater.eof

    def _more(self) -> bytes:
        feed = self._inflater.unconsumed_tail
        if not feed:
            feed, offset, _ = self._plain.window(Need(self._read_to, 4 * WINDOW_BYTES))
            self._read_to = offset + len(feed)
        try:
            part = self._inflater.decompress(feed, 16 * WINDOW_BYTES)
        except zlib.error:
            raise BadDataSet(
                f"the deflated data set cannot be inflated, before offset {self._read_to}"
            ) from None
        if not part and not feed:
            raise BadDataSet("the deflated data set breaks off")
        return part


def _header(found: dict[int, bytes]) -> Header:
    charset = text.decode(found.get(Tag.SPECIFIC_CHARACTER_SET, b""))
    texts = {
        tag: text.decode(raw, charset, name=tag == Tag.PATIENT_NAME)[:TEXT_LIMIT]
        for tag, raw in found.items()
    }
    get = texts.get
    # Enhanced objects have one DT in place of date and time (PS3.3 C.7.6.16.2.2).
    moment = get(Tag.ACQUISITION_DATE_TIME, "")
    return Header(
        sop_class_uid=get(Tag.SOP_CLASS_UID, ""),
        sop_instance_uid=get(Tag.SOP_INSTANCE_UID, ""),
        study_instance_uid=get(Tag.STUDY_INSTANCE_UID, ""),
        series_instance_uid=get(Tag.SERIES_INSTANCE_UID, ""),
        identity=Identity(
            patient_id=get(Tag.PATIENT_ID, ""),
            patient_name=get(Tag.PATIENT_NAME, ""),
            patient_birth_date=get(Tag.PATIENT_BIRTH_DATE, ""),
            accession_number=get(Tag.ACCESSION_NUMBER, ""),
            study_id=get(Tag.STUDY_ID, ""),
            study_date=get(Tag.STUDY_DATE, ""),
            study_time=get(Tag.STUDY_TIME, ""),
            study_description=get(Tag.STUDY_DESCRIPTION, ""),
        ),
        modality=get(Tag.MODALITY, ""),
        series_number=get(Tag.SERIES_NUMBER, ""),
        series_description=get(Tag.SERIES_DESCRIPTION, ""),
        protocol_name=get(Tag.PROTOCOL_NAME, ""),
        series_date=get(Tag.SERIES_DATE, ""),
        series_time=get(Tag.SERIES_TIME, ""),
        acquisition_date=get(Tag.ACQUISITION_DATE, "") or moment[:8],
        acquisition_time=get(Tag.ACQUISITION_TIME, "") or _WITHOUT_ZONE.split(moment[8:])[0],
        manufacturer=get(Tag.MANUFACTURER, ""),
        station_name=get(Tag.STATION_NAME, ""),
        acquisition_number=get(Tag.ACQUISITION_NUMBER, ""),
        instance_number=get(Tag.INSTANCE_NUMBER, ""),
        images_in_acquisition=get(Tag.IMAGES_IN_ACQUISITION, ""),
        number_of_frames=get(Tag.NUMBER_OF_FRAMES, ""),
        image_type=get(Tag.IMAGE_TYPE, ""),
        charset=charset,
    )
