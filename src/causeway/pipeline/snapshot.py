"""All that a header says at its top level, as text: what rules, routing and naming are decided by.

One pass up to the pixels. Of each element the VR says what becomes of it; where it is not written,
or is UN, PS3.6 does. Of private elements without a VR that tells something, what is printable is
text. What is not in it: values that are binary, attributes inside sequences (only which series and
instances these refer to), attributes that come twice with different values, and what is beyond the
limits below.

A structure that does not hold together is a ``BadDataSet`` that names tag and offset, as in
``elements``. With ``Structure.HEAD`` the snapshot is then what stands before it.
"""

from __future__ import annotations

from typing import Final

from causeway import text
from causeway.attributes import Attributes
from causeway.errors import BadDataSet
from causeway.pipeline.elements import (
    IMPLICIT_LITTLE,
    UNDEFINED,
    WINDOW_BYTES,
    Dialect,
    Need,
    dialect_of,
    named,
    odd_vr,
)
from causeway.pipeline.header import Structure
from causeway.pipeline.references import References, may_refer
from causeway.pipeline.representations import (
    ATTRIBUTE_BYTES,
    BINARY,
    Raw,
    codes_of,
    is_signed,
    values_of,
    vr_of,
)
from causeway.pipeline.tags import Tag
from causeway.pipeline.windows import Fetch, Windows, windows_of

TOTAL_LIMIT: Final = 64 * 1024
"""Bytes of all values together, in UTF-8. Public attributes go first, in the order of tags."""

ATTRIBUTE_LIMIT: Final = 4096
"""Attributes; real objects have some 400."""

PUBLIC_BYTES: Final = 512 * 1024
PRIVATE_BYTES: Final = 256 * 1024
"""Bytes of the values that are kept until they are decoded."""

SEQUENCE_BYTES: Final = 4 * 1024 * 1024
"""Of one sequence of defined length; what it refers to behind that is left out."""

WALK_BYTES: Final = 16 * 1024 * 1024
"""Bytes that one snapshot looks at, about a second of an adversary's empty elements; it ends there.
An enhanced object with 18,000 elements in its sequences has 0.6 MB of them."""

_PIXELS: Final = 0x7FE00000
_PIXEL_REPRESENTATION: Final = 0x00280103
_ALWAYS: Final = frozenset({int(Tag.SPECIFIC_CHARACTER_SET), _PIXEL_REPRESENTATION})


def attributes_of(
    fetch: Fetch,
    size: int,
    transfer_syntax_uid: str,
    structure: Structure = Structure.WHOLE,
    *,
    wanted: frozenset[int] | None = None,
) -> Attributes:
    """The attributes of the data set of ``size`` bytes that ``fetch`` gives.

    ``wanted``: only these, which is quicker. Raises ``BadDataSet`` where it does not hold together
    before its pixels.
    """
    survey = _Survey(
        dialect_of(transfer_syntax_uid), windows_of(fetch, size, transfer_syntax_uid), wanted
    )
    try:
        survey.run()
    except BadDataSet:
        if structure is Structure.WHOLE:
            raise
    return _attributes(survey)


class _Survey:
    """One pass over the top level; keeps raw values by tag."""

    def __init__(
        self, dialect: Dialect, windows: Windows, wanted: frozenset[int] | None = None
    ) -> None:
        self._wanted = None if wanted is None else wanted | _ALWAYS
        self.raw: dict[int, Raw] = {}
        self.references = References()
        self._dialect = dialect
        self._windows = windows
        self._window = b""
        self._offset = 0
        self._last = False
        self._looked_at = 0
        self._room = [PUBLIC_BYTES, PRIVATE_BYTES]
        self._twice: set[int] = set()

    def run(self) -> None:
        """Raises ``BadDataSet``; what was found before stays."""
        try:
            at, wanted = 0, WINDOW_BYTES
            while at >= 0 and (not wanted or self._load(at, wanted)):
                if at == 0 and self._window[128:132] == b"DICM":
                    raise BadDataSet("a file was sent as a data set: preamble and DICM come first")
                at, wanted = self._elements(at)
        finally:
            for tag in self._twice:
                self.raw.pop(tag, None)

    def _load(self, at: int, size: int) -> bool:
        """The window from ``at`` on; False behind the end of the data set and beyond the limit."""
        if self._last or self._looked_at > WALK_BYTES:
            return False
        found = self._windows.window(Need(at, size))
        if found is None:
            return False
        self._window, self._offset, self._last = found
        self._looked_at += min(size, len(self._window))
        return True

    def _elements(self, at: int) -> tuple[int, int]:
        """As many as the window holds.

        Answers where to go on (less than 0: nowhere) and with how many bytes (0: in this window).
        """
        dialect = self._dialect
        offset, have = self._offset, len(self._window)
        data = self._window + bytes(4) if self._last else self._window
        limit = len(data) - 12
        unpack, unpack_tail = dialect.header.unpack_from, dialect.tail.unpack_from
        implicit, little = dialect.implicit, dialect.little
        short, codes = dialect.short, codes_of(dialect)
        wanted = self._wanted
        position = at - offset
        code, vr = "", 0
        while position <= limit:
            if implicit:
                raw, length = unpack(data, position)
                value = position + 8
            else:
                raw, vr, length = unpack(data, position)
                code = codes.get(vr, "")
                if vr in short:
                    value = position + 8
                elif code:
                    (length,) = unpack_tail(data, position + 8)
                    value = position + 12
                else:
                    value, length = odd_vr(data, position, offset, dialect)
            tag = (raw & 0xFFFF) << 16 | raw >> 16 if little else raw
            if tag >= _PIXELS:
                if tag >> 16 == 0xFFFE:
                    raise BadDataSet(
                        f"{named(tag)} at offset {offset + position}, outside a sequence"
                    )
                return -1, 0
            inner = IMPLICIT_LITTLE if code == "UN" else dialect
            if length == UNDEFINED:
                return self._sequence(inner, offset + value, UNDEFINED)
            stop = value + length
            if stop > have and self._last:
                raise BadDataSet(
                    f"the value of {named(tag)} at offset {offset + value} runs {stop - have} "
                    "bytes past the end of the data set"
                )
            if not code or code == "UN":
                code = vr_of(tag)
                if not code and length >= 8:
                    if value + 4 > have:
                        break
                    if data[value : value + 4] == inner.item_bytes:
                        code = "SQ"
            if code == "SQ":
                if stop <= have:
                    if may_refer(data, value, stop, inner):
                        return self._sequence(inner, offset + value, length)
                elif length <= SEQUENCE_BYTES:
                    return offset + position, length + 12
                else:
                    return self._sequence(inner, offset + value, length)
            elif code not in BINARY and tag & 0xFFFF and (wanted is None or tag in wanted):
                kept = min(length, ATTRIBUTE_BYTES)
                if value + kept > have:
                    break
                self._keep(tag, Raw(code, inner.little, data[value : value + kept]))
            position = stop
            code = ""
        if self._last and position < have:
            raise BadDataSet(
                f"{have - position} bytes at offset {offset + position} that are no element"
            )
        return offset + position, WINDOW_BYTES if position > have else 4 * WINDOW_BYTES

    def _keep(self, tag: int, raw: Raw) -> None:
        if tag in self.raw:
            if raw != self.raw[tag]:
                self._twice.add(tag)
            return
        private = tag >> 16 & 1
        if len(self.raw) < ATTRIBUTE_LIMIT and self._room[private] >= len(raw.value):
            self._room[private] -= len(raw.value)
            self.raw[tag] = raw

    def _sequence(self, dialect: Dialect, at: int, length: int) -> tuple[int, int]:
        """What a sequence refers to; answers as ``_elements``."""
        references = self.references
        references.enter(dialect, at, length)
        while True:
            reached = references.feed(self._window, self._offset, last=self._last)
            if not references.open:
                return reached, 0
            if length != UNDEFINED and reached - at > SEQUENCE_BYTES:
                return at + length, WINDOW_BYTES
            if not self._load(reached, 4 * WINDOW_BYTES):
                return -1, 0


def _attributes(survey: _Survey) -> Attributes:
    """Public attributes first, so that no private block leaves them without room."""
    charset = ""
    if (named_set := survey.raw.get(Tag.SPECIFIC_CHARACTER_SET)) is not None:
        charset = text.decode(named_set.value)
    signed = is_signed(survey.raw.get(_PIXEL_REPRESENTATION))
    values: dict[int, tuple[str, ...]] = {}
    room = TOTAL_LIMIT
    for tag in sorted(survey.raw, key=lambda tag: (tag >> 16 & 1, tag)):
        raw = survey.raw[tag]
        found = values_of(raw, charset, signed=signed) if raw.value else ()
        if found is None:
            continue
        size = sum(len(each) if each.isascii() else len(each.encode()) for each in found)
        if size <= room:
            room -= size
            values[tag] = found
    own = values.get(Tag.SERIES_INSTANCE_UID, ())
    return Attributes(
        values=values,
        referenced_series=frozenset(survey.references.series).difference(own),
        referenced_instances=frozenset(survey.references.instances),
    )
