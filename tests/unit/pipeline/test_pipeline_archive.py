"""The ZIP writer against readers that are not ours."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from causeway.pipeline.archive import ZipWriter, crc_of

NOON = dt.datetime(2026, 1, 2, 12, 30, 46)  # noqa: DTZ001


class Sink:
    def __init__(self) -> None:
        self.data = bytearray()
        self.largest = 0

    def __call__(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self.data += part
            self.largest = max(self.largest, len(part))


CONTENT = {
    "1.2.3.CT.dcm": (b"DICM" * 100, os.urandom(5000)),
    "empty.CT.dcm": (),
    "1.2.4.NA.dcm": (b"\0" * 70_000,),
}


def made(
    moment: dt.datetime | None = NOON, *, kinds: str = "sSdD", large_from: int = 0xFFFFFFFF
) -> bytes:
    sink = Sink()
    writer = ZipWriter(sink, moment, large_from=large_from)
    for name, parts in CONTENT.items():
        size = sum(map(len, parts))
        for kind in kinds:
            match kind:
                case "s":
                    writer.add_stored(f"s{name}", parts)
                case "S":
                    writer.stream_stored(f"S{name}", iter(parts), size=size, crc=crc_of(parts))
                case "d":
                    writer.add_deflated(f"d{name}", parts)
                case "D":
                    writer.stream_deflated(f"D{name}", iter(parts), size=size)
    assert writer.finish() == len(sink.data)
    return bytes(sink.data)


@pytest.mark.parametrize("large_from", [0xFFFFFFFF, 0, 1000, 60_000])
def test_the_standard_library_reads_every_kind_of_member(large_from: int) -> None:
    with zipfile.ZipFile(io.BytesIO(made(large_from=large_from))) as archive:
        assert archive.testzip() is None
        assert len(archive.infolist()) == 12
        for info in archive.infolist():
            assert archive.read(info) == b"".join(CONTENT[info.filename[1:]])
            assert info.date_time == (2026, 1, 2, 12, 30, 46)
            assert info.external_attr >> 16 == 0o100644
            stored = info.filename[0] in "sS"
            assert info.compress_type == (zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
            assert bool(info.flag_bits & 8) == (info.filename[0] == "D")


@pytest.mark.skipif(shutil.which("unzip") is None, reason="no unzip on this machine")
@pytest.mark.parametrize("large_from", [0xFFFFFFFF, 0, 1000, 60_000])
def test_unzip_reads_it(tmp_path: Path, large_from: int) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(made(large_from=large_from))
    said = subprocess.run(["unzip", "-tq", path], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


def test_the_same_input_gives_the_same_bytes() -> None:
    assert made() == made()
    assert hashlib.sha256(made(kinds="s")).digest() != hashlib.sha256(made(kinds="d")).digest()


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (None, (1980, 1, 1, 0, 0, 0)),
        (dt.datetime(1969, 7, 20, 20, 17), (1980, 1, 1, 0, 0, 0)),  # noqa: DTZ001
        (dt.datetime(2300, 1, 1), (2107, 12, 31, 23, 59, 58)),  # noqa: DTZ001
        (dt.datetime(2026, 1, 2, 3, 4, 5), (2026, 1, 2, 3, 4, 4)),  # noqa: DTZ001
    ],
)
def test_times_outside_of_what_a_zip_can_say(
    moment: dt.datetime | None, shown: tuple[int, ...]
) -> None:
    with zipfile.ZipFile(io.BytesIO(made(moment, kinds="s"))) as archive:
        assert {info.date_time for info in archive.infolist()} == {shown}


def test_a_member_that_is_not_as_long_as_promised_is_noticed() -> None:
    for method in ("stream_stored", "stream_deflated"):
        writer = ZipWriter(Sink(), NOON)
        extra = {"crc": 0} if method == "stream_stored" else {}
        with pytest.raises(ValueError, match="of 10 bytes had 9"):
            getattr(writer, method)("a", iter([bytes(9)]), size=10, **extra)


def test_more_members_than_sixteen_bits_count() -> None:
    sink = Sink()
    writer = ZipWriter(sink, NOON)
    for number in range(65_536):
        writer.add_stored(f"{number}", (b"x",))
    writer.finish()
    with zipfile.ZipFile(io.BytesIO(bytes(sink.data))) as archive:
        assert len(archive.infolist()) == 65_536
        assert archive.read("65535") == b"x"


def test_the_last_count_that_fits_needs_no_zip64() -> None:
    sink = Sink()
    writer = ZipWriter(sink, NOON)
    for number in range(65_534):
        writer.add_stored(f"{number}", (b"x",))
    writer.finish()
    assert b"PK\x06\x06" not in sink.data
    with zipfile.ZipFile(io.BytesIO(bytes(sink.data))) as archive:
        assert len(archive.infolist()) == 65_534


class SparseFile:
    """A file in which zeros take no room, so that gigabytes can be written to any disk."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb")
        self.offset = 0
        self.zeros = bytes(1 << 20)

    def __call__(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            if part is not PIECE:
                self.file.seek(self.offset)
                self.file.write(part)
            self.offset += len(part)

    def close(self) -> None:
        self.file.truncate(self.offset)
        self.file.close()


PIECE = bytes(1 << 20)


def zeros(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        yield PIECE


def crc_of_zeros(pieces: int) -> int:
    crc = 0
    for _ in range(pieces):
        crc = zlib.crc32(PIECE, crc)
    return crc


def test_members_and_offsets_beyond_four_gibibytes(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    sink = SparseFile(path)
    writer = ZipWriter(sink, NOON)
    pieces = 4097
    writer.stream_stored("large", zeros(pieces), size=pieces << 20, crc=crc_of_zeros(pieces))
    writer.add_stored("behind", (b"behind four gibibytes",))
    writer.finish()
    sink.close()
    with zipfile.ZipFile(path) as archive:
        large, behind = archive.infolist()
        assert large.file_size == pieces << 20
        assert behind.header_offset > 1 << 32
        assert archive.read("behind") == b"behind four gibibytes"
        with archive.open("large") as member:
            assert member.read(100) == bytes(100)
    if shutil.which("unzip"):
        said = subprocess.run(["unzip", "-p", path, "behind"], capture_output=True)
        assert said.stdout == b"behind four gibibytes"


def test_memory_stays_flat_while_a_member_streams() -> None:
    def many() -> Iterator[bytes]:
        for _ in range(64):
            yield os.urandom(1 << 16)

    largest = 0

    def write(parts: Sequence[bytes]) -> None:
        nonlocal largest
        largest = max(largest, sum(map(len, parts)))

    writer = ZipWriter(write, NOON)
    writer.stream_deflated("x", many(), size=64 << 16)
    writer.finish()
    assert largest < 1 << 18
