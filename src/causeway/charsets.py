"""Character sets of (0008,0005) and what Python calls them: PS3.3 tables C.12-2 to C.12-5.

Beside the defined terms stand two that are written although the tables have others
(``ISO 2022 58``, ``ISO 2022 GBK``), as pydicom reads them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT: Final = "iso8859"
"""Of ISO-IR 6. What is not ASCII and declared as nothing is read as Latin-1 rather than not."""

CODECS: Final[Mapping[str, str]] = {
    "": DEFAULT,
    # C.12-2: single-byte, without code extensions.
    "ISO_IR 6": DEFAULT,
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso_ir_144",
    "ISO_IR 127": "iso_ir_127",
    "ISO_IR 126": "iso_ir_126",
    "ISO_IR 138": "iso_ir_138",
    "ISO_IR 148": "iso_ir_148",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "iso_ir_166",
    # C.12-3: single-byte, with code extensions.
    "ISO 2022 IR 6": DEFAULT,
    "ISO 2022 IR 100": "latin_1",
    "ISO 2022 IR 101": "iso8859_2",
    "ISO 2022 IR 109": "iso8859_3",
    "ISO 2022 IR 110": "iso8859_4",
    "ISO 2022 IR 144": "iso_ir_144",
    "ISO 2022 IR 127": "iso_ir_127",
    "ISO 2022 IR 126": "iso_ir_126",
    "ISO 2022 IR 138": "iso_ir_138",
    "ISO 2022 IR 148": "iso_ir_148",
    "ISO 2022 IR 13": "shift_jis",
    "ISO 2022 IR 166": "iso_ir_166",
    # C.12-4: multi-byte, with code extensions.
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 58": "iso_ir_58",
    # C.12-5: multi-byte, without code extensions.
    "ISO_IR 192": "UTF8",
    "GB18030": "GB18030",
    "GBK": "GBK",
    "ISO 2022 GBK": "GBK",
    "ISO 2022 58": "GB2312",
}
"""By term."""

ESCAPES: Final[Mapping[bytes, str]] = {
    b"\x1b(B": DEFAULT,
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-L": "iso_ir_144",
    b"\x1b-G": "iso_ir_127",
    b"\x1b-F": "iso_ir_126",
    b"\x1b-H": "iso_ir_138",
    b"\x1b-M": "iso_ir_148",
    b"\x1b-T": "iso_ir_166",
    b"\x1b(J": "shift_jis",  # ISO-IR 14, the other half of JIS X 0201
    b"\x1b)I": "shift_jis",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
    b"\x1b$)C": "euc_kr",
    b"\x1b$)A": "iso_ir_58",
}
"""Codecs by the escape sequence that brings the set into force: C.12-3 and C.12-4."""

ESCAPE_OF: Final[Mapping[str, bytes]] = {codec: escape for escape, codec in ESCAPES.items()}
"""The way back."""
