r"""Text of a data set decoded by its Specific Character Set (0008,0005); never raises, never loses.

What a person can search for must be readable, whatever the sender did. So a value is tried in this
order, and the first that fits without error is taken:

1. ASCII, which every defined term contains;
2. the declared character set, with code extensions if it has escape sequences (PS3.5 6.1.2.5);
3. UTF-8: a value that is not ASCII and is valid UTF-8 is practically never anything else. Senders
   that declare nothing, or one set and send another, are the usual reason to come here;
4. the declared set with what does not fit written as ``\xhh``; Latin-1 if nothing was declared.

pydicom's decoder is not used: it reports through the warnings module, which is neither thread-safe
nor free of values, and puts replacement characters where bytes do not fit. The bytes themselves
stay in the spool as they came.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from causeway.charsets import CODECS, ESCAPE_OF, ESCAPES

ESCAPE: Final = b"\x1b"

# Codecs of Python that know the escape sequences themselves and want them left in place.
_STATEFUL: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})

# ESC, intermediate bytes 2/0 to 2/15, one final byte (ISO/IEC 2022, 13.2).
_ESCAPE_SEQUENCE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
_FRAGMENT: Final = re.compile(rb"(?:^[^\x1b]+|\x1b[^\x1b]*)")

# What returns to the first character set: PS3.5 6.1.2.5.3. Ends of lines and pages, tab, the
# separator of values; in person names the delimiters of components and component groups as well.
# A backslash is no delimiter in prose (LT, ST and UT).
_RESETS_PROSE: Final = re.compile(rb"[\r\n\f\t]")
_RESETS_TEXT: Final = re.compile(rb"[\r\n\f\t\\]")
_RESETS_NAME: Final = re.compile(rb"[\r\n\f\t\\^=]")

# What is written there although it is no defined term, and what it can only mean.
_NOT_TERMS: Final = {
    "UTF 8": "utf-8",
    "UTF8": "utf-8",
    "ISO 8859 1": "latin_1",
    "ISO8859 1": "latin_1",
    "LATIN1": "latin_1",
    "GB2312": "gb2312",
    "ASCII": "",
}


@lru_cache(maxsize=256)
def _codec_of_term(term: str) -> str | None:
    """Python's codec for one term; empty for the default; None for a term that nobody knows.

    Misspelt terms (``ISO-IR 100``, ``iso_ir 100``, ``ISO 2022-IR 87``) are understood, since real
    scanners write them.
    """
    spelling = re.sub(r"[\s_-]+", " ", term.strip()).upper()
    for candidate in (spelling, spelling.replace("ISO IR", "ISO_IR")):
        if candidate in ("", "ISO_IR 6", "ISO 2022 IR 6"):
            return ""
        if candidate in CODECS:
            return CODECS[candidate]
    return _NOT_TERMS.get(spelling)


def codec_of(charset: str) -> str:
    """Python's codec for the first term of (0008,0005); empty where the default applies.

    The further terms only announce the escape sequences that may follow. A term that nobody knows
    counts as absent.
    """
    return _codec_of_term(charset.partition("\\")[0]) or ""


def is_known(charset: str) -> bool:
    """Whether all terms of (0008,0005) are understood."""
    return all(_codec_of_term(term) is not None for term in charset.split("\\"))


def has_backslash_in_characters(charset: str) -> bool:
    """The byte of the backslash can be half a character: text is decoded before it is split."""
    return codec_of(charset).lower() in ("gb18030", "gbk")


def decode(raw: bytes, charset: str = "", *, name: bool = False, prose: bool = False) -> str:
    """Text of a value without its padding.

    ``name`` is true for person names (VR PN), ``prose`` where a backslash is a character like
    others (LT, ST, UT).

    Components (``^``) and component groups (``=``) of a name stay as they are.
    """
    if raw.isascii() and ESCAPE not in raw:
        text = raw.rstrip(b"\x00 ").lstrip(b" ").decode("ascii")
    else:
        text = (
            _decode_other(raw, codec_of(charset), _resets(name=name, prose=prose))
            .rstrip("\x00 ")
            .lstrip(" ")
        )
    # PostgreSQL has no NUL in text, and nobody else wants to meet one.
    return text.replace("\x00", r"\x00") if "\x00" in text else text


def _resets(*, name: bool, prose: bool) -> re.Pattern[bytes]:
    return _RESETS_NAME if name else _RESETS_PROSE if prose else _RESETS_TEXT


def _decode_other(raw: bytes, first: str, resets: re.Pattern[bytes]) -> str:
    if ESCAPE in raw and (extended := _extended(raw, first, resets)) is not None:
        return extended
    for codec in (first, "utf-8"):
        if codec and (text := _strict(raw, codec)) is not None:
            return text
    return raw.decode(first, "backslashreplace") if first else raw.decode("latin-1")


def _strict(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except (UnicodeError, LookupError):
        return None


def _extended(raw: bytes, first: str, resets: re.Pattern[bytes]) -> str | None:
    """A value with code extensions, or None where it has an escape sequence that nobody knows.

    Each fragment starts with the escape sequence that tells its set. Sets that (0008,0005) does not
    list are accepted: the sequence is unambiguous, and the list is what senders get wrong.
    """
    parts: list[str] = []
    for fragment in _FRAGMENT.findall(raw):
        escape = _ESCAPE_SEQUENCE.match(fragment)
        if escape is None:
            if fragment.startswith(ESCAPE):
                return None
            parts.append(_lossless(fragment, first))
            continue
        codec = ESCAPES.get(escape.group())
        if codec is None:
            return None
        if codec in _STATEFUL:
            parts.append(_lossless(fragment, codec))
            continue
        rest = fragment[escape.end() :]
        reset = resets.search(rest)
        at = reset.start() if reset else len(rest)
        parts.append(_lossless(rest[:at], codec))
        parts.append(_lossless(rest[at:], first))
    return "".join(parts)


def _lossless(raw: bytes, codec: str) -> str:
    return raw.decode(codec or "latin-1", "backslashreplace")


# --- the way back ---------------------------------------------------------------------------------

# Where the first character set is in force again, whatever the VR.
_DELIMITERS: Final = re.compile(r"([\r\n\f\t\\^=])")


def encode(text: str, charset: str, *, name: bool = False, prose: bool = False) -> bytes | None:
    """The bytes of a text that ``decode`` reads as it, or None where the set does not have it."""
    if text.isascii():
        return text.encode("ascii")
    terms = charset.split("\\")
    codecs = [_codec_of_term(term) or "ascii" for term in terms]
    try:
        if len(terms) == 1:
            made = _in_codec(text, codecs[0])
        else:
            pieces = _DELIMITERS.split(text)
            made = b"".join(_encoded_piece(piece, codecs) for piece in pieces)
    except UnicodeError:
        return None
    return made if decode(made, charset, name=name, prose=prose) == text.strip(" ") else None


def _encoded_piece(piece: str, codecs: list[str]) -> bytes:
    """Text without delimiters, in the first set that has it all. Raises UnicodeError."""
    for number, codec in enumerate(codecs):
        try:
            made = _in_codec(piece, codec)
        except UnicodeError:
            continue
        if piece.isascii() or codec in _STATEFUL or number == 0:
            return made
        return ESCAPE_OF[codec] + made
    raise UnicodeError


def _in_codec(text: str, codec: str) -> bytes:
    made = text.encode(codec)
    if codec == "shift_jis" and len(made) != len(text):
        raise UnicodeError  # It stands for JIS X 0201, of whose characters each has one byte.
    return made
