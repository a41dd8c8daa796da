"""File meta information and preamble: not edited but written anew (PS3.15 E.1.1, PS3.10 7.1)."""

from __future__ import annotations

from typing import Final

from causeway.attributes import name_of
from causeway.deidentify.edit.reading import Level, read_level
from causeway.deidentify.errors import Doubt
from causeway.preview.levels import Node
from causeway.preview.rows import Done, Row, Source, title_of
from causeway.preview.values import shown

PREAMBLE: Final = 128
_GROUP: Final = 132
_ORIGIN: Final = "always, PS3.15 E.1.1"


def meta_rows(before: bytes, after: bytes) -> list[Row]:
    """Rows for the bytes in front of both data sets; ``after`` may be empty."""
    old, new = _nodes(before), _nodes(after)
    rows = [_preamble(before, after)]
    for tag in sorted(old | new):
        left, right = old.get(tag, ""), new.get(tag, "")
        done = _done(tag in old, tag in new, left == right) if after else Done.REMOVED
        rows.append(
            Row(
                depth=0,
                tag=f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
                name=name_of(tag),
                title=title_of(tag),
                before=left,
                after=right,
                done=done,
                action="write anew",
                origin=_ORIGIN,
                source=Source.ENGINE,
            )
        )
    return rows


def _done(was: bool, is_: bool, same: bool) -> Done:
    if not was:
        return Done.ADDED
    if not is_:
        return Done.REMOVED
    return Done.KEPT if same else Done.CHANGED


def _preamble(before: bytes, after: bytes) -> Row:
    preamble = before[:PREAMBLE]
    text = "128 zeros"
    if preamble.strip(b"\0"):
        start = preamble.rstrip(b"\0")[:24]
        printable = all(32 <= each < 127 for each in start)
        text = start.decode("ascii") if printable else f"not empty: {start[:12].hex(' ')} …"
    done = Done.KEPT if text == "128 zeros" else Done.CHANGED
    return Row(
        depth=0,
        tag="",
        name="preamble",
        title="preamble",
        before=text,
        after="128 zeros" if after else "",
        done=done,
        action="write anew",
        origin=_ORIGIN,
        source=Source.ENGINE,
    )


def _nodes(meta: bytes) -> dict[int, str]:
    try:
        read = read_level(meta[_GROUP:], implicit=False)
    except (Doubt, Exception):  # noqa: BLE001 - it is written anew whatever it was
        return {}
    level = Level()
    return {
        each.tag: shown(
            Node(tag=each.tag, vr=each.vr, length=len(each.value), level=level, value=each.value)
        )
        for each in read
    }
