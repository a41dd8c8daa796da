"""Archives: what goes in comes out, by a reader that is not ours, and depends on nothing else."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from causeway.pipeline.archive import ZipWriter, crc_of

names = st.text(st.sampled_from("0123456789.ABC"), min_size=1, max_size=60)
members = st.lists(
    st.tuples(names, st.lists(st.binary(max_size=300), max_size=4), st.sampled_from("sSdD")),
    max_size=8, unique_by=lambda member: member[0],
)  # fmt: skip
moments = st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001
limits = st.sampled_from([0xFFFFFFFF, 0, 200, 700])


def archived(
    content: Sequence[tuple[str, list[bytes], str]], moment: dt.datetime | None, large_from: int
) -> bytes:
    out = bytearray()
    writer = ZipWriter(lambda parts: out.extend(b"".join(parts)), moment, large_from=large_from)
    for name, parts, kind in content:
        size = sum(map(len, parts))
        match kind:
            case "s":
                writer.add_stored(name, parts)
            case "d":
                writer.add_deflated(name, parts)
            case "S":
                writer.stream_stored(name, iter(parts), size=size, crc=crc_of(parts))
            case _:
                writer.stream_deflated(name, iter(parts), size=size)
    assert writer.finish() == len(out)
    return bytes(out)


@given(members, moments, limits)
def test_what_goes_in_comes_out(
    content: list[tuple[str, list[bytes], str]], moment: dt.datetime | None, large_from: int
) -> None:
    data = archived(content, moment, large_from)
    assert data == archived(content, moment, large_from)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [name for name, _, _ in content]
        for name, parts, _ in content:
            assert archive.read(name) == b"".join(parts)
        for info in archive.infolist():
            assert 1980 <= info.date_time[0] <= 2107
