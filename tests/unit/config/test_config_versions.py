"""Versions of the configuration: kept whole, listed in order, read back as they were."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from causeway.config import Versions
from causeway.config.versions import MANIFEST, data_dir_in, digest_of, write_whole
from causeway.errors import ConfigurationError


def keep(versions: Versions, content: bytes, *, why: str = "reload") -> int:
    return versions.keep(content, at=1.5, by="jo", why=why).number


def test_they_are_numbered_and_kept_byte_for_byte(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    assert versions.history() == ()
    assert [keep(versions, b"a\r\n"), keep(versions, b"\xef\xbb\xbfb")] == [1, 2]
    assert versions.content(1) == b"a\r\n"
    assert versions.content(2) == b"\xef\xbb\xbfb"
    first, second = versions.history()
    assert (first.number, first.at, first.by, first.why) == (1, 1.5, "jo", "reload")
    assert second.digest == digest_of(b"\xef\xbb\xbfb")
    assert stat.S_IMODE(versions.folder.stat().st_mode) == 0o700
    for path in versions.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [path for path in versions.folder.iterdir() if path.name.endswith(".new")]


def test_the_newest_is_not_kept_twice_and_an_older_one_is(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    assert [keep(versions, text) for text in (b"a", b"a", b"b", b"a", b"a")] == [1, 1, 2, 3, 3]


def test_a_line_that_a_crash_cut_off(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    keep(versions, b"a")
    keep(versions, b"b")
    manifest = versions.folder / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:-20])
    # The second is there and not listed: its number is not given again.
    assert [version.number for version in versions.history()] == [1]
    assert keep(versions, b"c") == 3
    assert [version.number for version in versions.history()] == [1, 3]
    assert versions.content(3) == b"c"


@pytest.mark.parametrize("line", [b"[]", b"{}", b"\xff", b'{"number": "x"}', b"1", b""])
def test_lines_that_nobody_can_read_are_passed_over(line: bytes, tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    keep(versions, b"a")
    with (versions.folder / MANIFEST).open("ab") as file:
        file.write(line + b"\n")
    assert [version.number for version in versions.history()] == [1]
    assert keep(versions, b"b") == 2


def test_what_cannot_be_read_back_is_told(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    with pytest.raises(ConfigurationError, match="no version 1") as caught:
        versions.content(1)
    assert "none was kept" in caught.value.hint
    for text in (b"a", b"b", b"c"):
        keep(versions, text)
    with pytest.raises(ConfigurationError, match="no version 7") as caught:
        versions.content(7)
    assert "1 to 3" in caught.value.hint
    versions.path(1).write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="not what was kept"):
        versions.content(1)
    versions.path(2).unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        versions.content(2)


def test_several_processes_keep_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda n: keep(Versions(tmp_path), f"{n}".encode()), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    versions = Versions(tmp_path)
    assert [version.number for version in versions.history()] == list(range(1, 25))
    assert {versions.content(number) for number in numbers} == {b"%d" % n for n in range(24)}


def test_a_file_is_replaced_whole_also_behind_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old")
    link.symlink_to(real)
    write_whole(link, b"new", mode=0o640)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.toml", "real.toml"]


def test_a_file_that_is_mounted_by_itself_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "causeway.toml"
    path.write_text("something longer")
    inode = path.stat().st_ino

    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    write_whole(path, b"new", mode=0o640)
    assert path.read_bytes() == b"new"
    assert path.stat().st_ino == inode
    assert os.listdir(tmp_path) == ["causeway.toml"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('data_dir = "data"\n', "data"),
        ('data_dir = "data"\nbroken\n', "data"),
        ("# comment\n  data_dir='../d' # more\n[[[", "../d"),
        ('data_dir = "/var/lib/causeway"\nx = \n', "/var/lib/causeway"),
        ("broken", None),
        ("data_dir = 3", None),
        ("data_dir = ''", None),
        ('[spool]\nx =\ndata_dir = "no"\n', None),
        ('x =\n[spool]\ndata_dir = "no"\n', None),
    ],
)
def test_the_data_folder_of_a_broken_file(text: str, found: str | None, tmp_path: Path) -> None:
    path = tmp_path / "causeway.toml"
    path.write_text(text)
    expected = None if found is None else Path(os.path.normpath(tmp_path / found))
    assert data_dir_in(path) == expected
    assert data_dir_in(tmp_path / "missing.toml") is None
