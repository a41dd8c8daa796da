"""The crosswalk: sealed, only ever added to, told only to somebody for a reason, kill-safe."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deid_parts import KEY

from causeway.deidentify.identity import Crosswalk, Entry, Export, project_key
from causeway.errors import ConfigurationError, PermanentError

OTHER = project_key("other", "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210")


def entry(number: int, kind: str = "patient") -> Entry:
    return Entry(
        project_key_id="p-1",
        kind=kind,
        pseudonym=f"S{number}",
        original=f"DOE-{number}-Ü",
        issuer="HOSPITAL",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crosswalk.db"


def raw(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(statement, values).fetchall()
    connection.close()
    return rows


def test_what_was_recorded_is_told(path: Path) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        assert crosswalk.record([entry(1), entry(2), entry(3, "uid")]) == 3
    with Crosswalk(path, KEY) as crosswalk:
        told = crosswalk.export(who="Roe", why="consent withdrawn", at="2026-11-21T01:00:00Z")
        assert told == [entry(1), entry(2), entry(3, "uid")]
        assert crosswalk.export(who="Roe", why="again", at="later", kind="uid") == [entry(3, "uid")]


def test_an_entry_is_there_once(path: Path) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        assert crosswalk.record([entry(1), entry(1)]) == 1
        assert crosswalk.record([entry(1), entry(2)]) == 1
        several = Entry(project_key_id="p-1", kind="patient", pseudonym="S1", original="other ID")
        assert crosswalk.record([several]) == 1
        assert len(crosswalk.export(who="a", why="b", at="c")) == 3


def test_each_export_is_written_down(path: Path) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        crosswalk.record([entry(1)])
        for who, why, at in (("", "why", "at"), ("who", " ", "at"), ("who", "why", "")):
            with pytest.raises(ConfigurationError):
                crosswalk.export(who=who, why=why, at=at)
        assert crosswalk.exports() == []
        crosswalk.export(who=" Roe ", why="audit", at="2026-11-21")
        assert crosswalk.exports() == [
            Export(at="2026-11-21", who="Roe", why="audit", kind="", rows=1)
        ]


def test_an_export_that_cannot_be_written_down_tells_nothing(path: Path) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        crosswalk.record([entry(1)])
        raw(path, "CREATE TRIGGER no BEFORE INSERT ON export BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(PermanentError):
            crosswalk.export(who="Roe", why="audit", at="now")


@pytest.mark.parametrize("table", ["entry", "export", "seal"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET rowid = rowid + 1"])
def test_nothing_is_ever_changed(path: Path, table: str, verb: str) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        crosswalk.record([entry(1)])
        crosswalk.export(who="a", why="b", at="c")
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        raw(path, verb.format(table))


def test_the_file_tells_nothing_without_the_key(path: Path) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        crosswalk.record([entry(number) for number in range(50)])
        crosswalk.export(who="Roe", why="audit", at="now")
        content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    for secret in (b"DOE-", b"HOSPITAL", KEY.secret, KEY.subkey("crosswalk")):
        assert secret not in content
    nonces = raw(path, "SELECT DISTINCT nonce FROM entry")
    assert len(nonces) == 50
    assert all(len(str(nonce)) > 12 for (nonce,) in nonces)


def test_it_is_for_its_owner_alone(path: Path) -> None:
    mask = os.umask(0)
    try:
        Crosswalk(path, KEY).close()
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_key_is_refused(path: Path) -> None:
    Crosswalk(path, KEY).close()
    with pytest.raises(ConfigurationError, match=KEY.id):
        Crosswalk(path, OTHER)


def test_a_file_that_is_none_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(PermanentError):
        Crosswalk(path, KEY)


@pytest.mark.parametrize("column", ["pseudonym", "kind", "project_key_id"])
def test_a_row_that_was_moved_to_another_does_not_open(path: Path, column: str) -> None:
    with Crosswalk(path, KEY) as crosswalk:
        crosswalk.record([entry(1)])
    raw(path, "DROP TRIGGER entry_UPDATE")
    raw(path, f"UPDATE entry SET {column} = 'another'")
    with Crosswalk(path, KEY) as crosswalk, pytest.raises(PermanentError) as caught:
        crosswalk.export(who="a", why="b", at="c")
    assert "DOE" not in str(caught.value)


def test_several_record_at_once(path: Path) -> None:
    Crosswalk(path, KEY).close()

    def one(number: int) -> int:
        with Crosswalk(path, KEY) as crosswalk:
            return sum(crosswalk.record([entry(n)]) for n in range(number, number + 20))

    with ThreadPoolExecutor(4) as pool:
        added = sum(pool.map(one, [0, 10, 20, 0]))
    assert added == 40


PROGRAM = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from test_deid_crosswalk import KEY, Crosswalk, entry
crosswalk = Crosswalk(Path({file!r}), KEY)
for number in range({start}, 1 << 20):
    crosswalk.record([entry(number), entry(-number)])
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(path: Path) -> None:
    start, last = 1, 0
    for _ in range(3):
        program = PROGRAM.format(path=sys.path, file=str(path), start=start)
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(30):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            last = max([last, *map(int, process.stdout.read().split()[-1:])])
        start = last + 10
    with Crosswalk(path, KEY) as crosswalk:
        told = {each.pseudonym for each in crosswalk.export(who="a", why="b", at="c")}
    assert {f"S{last}", f"S-{last}"} <= told
    assert len(told) % 2 == 0
