"""Bad configurations, and what their author reads: line, what is wrong, what would be right."""

from __future__ import annotations

import ipaddress
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from causeway.config import InvalidConfiguration, Problem, load, parse, read
from causeway.config.describe import keys_at
from causeway.errors import ConfigurationError

EXAMPLE = """\
data_dir = "data"                 # spool and ledger

[[listener]]
ae_title = "CAUSEWAY"             # several listeners: several AE titles and ports
host = "127.0.0.1"
port = 11112

[[source]]                        # who may send; everyone else is refused and counted
name = "ct1"
ae_title = "CT1"                  # "*" for any
addresses = ["127.0.0.0/8"]

[completion]
quiet_seconds = 30

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"               # must be said; there is no default

[[route]]                         # first that matches; without `when`, all
destinations = ["archive"]
"""
WHOLE = (
    EXAMPLE
    + """
[[destination]]
name = "pacs"
type = "dicom"
host = "192.168.10.7"
port = 104
ae_title = "PACS"
deidentify = "own"

[deidentify]
key = "env:KEY"

[[node]]
name = "archive-node"
host = "192.168.10.7"
port = 104
ae_title = "PACS"

[[schedule]]
name = "night"
timezone = "Europe/Berlin"
windows = ["mon-fri 18:00-06:00"]

[[trigger]]
name = "tell"
command = ["/usr/local/bin/tell"]

[[grouping]]
[[profile]]
name = "own"
path = "own.toml"

[[project_key]]
name = "lung"
key = "env:LUNG"
projects = ["research/lung"]
"""
)
MINIMAL = 'data_dir = "data"\n[[listener]]\nae_title = "A"\nport = 11112\n'


def problems_of(text: str, folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        parse(text, file=folder / "causeway.toml")
    return caught.value.problems


def test_the_example(tmp_path: Path) -> None:
    loaded = parse(EXAMPLE, file=tmp_path / "causeway.toml")
    configuration = loaded.configuration
    assert configuration.data_dir == tmp_path / "data"
    assert configuration.listeners[0].port == 11112
    assert configuration.sources[0].addresses == (ipaddress.ip_network("127.0.0.0/8"),)
    assert configuration.destination("archive").path == tmp_path / "archive"
    assert configuration.routes[0].destinations == ("archive",)
    assert configuration.listeners[0].maximum_pdu_bytes == 131072
    assert loaded.warnings == ()


def test_it_is_frozen(tmp_path: Path) -> None:
    configuration = parse(EXAMPLE, file=tmp_path / "causeway.toml").configuration
    with pytest.raises(ValidationError):
        configuration.data_dir = tmp_path  # type: ignore[misc]


def test_sizes_have_units() -> None:
    text = MINIMAL + '[spool]\nquota_bytes = "1.5 TiB"\nready_bytes = "1 GB"\nreserve_bytes = 7\n'
    spool = parse(text, look=False).configuration.spool
    assert spool.quota_bytes == 3 * 2**39
    assert spool.ready_bytes == 10**9
    assert spool.reserve_bytes == 7


PACS = (
    '[[destination]]\nname = "d"\ntype = "dicom"\nae_title = "P"\nport = 104\ndeidentify = "none"\n'
)
# Each row: what is added to MINIMAL, the line the problem is on, part of what, part of right.
WRONG = [
    ("[spool]\nquota = 1", 6, 'unknown key "quota"', 'did you mean "quota_bytes"'),
    ("[retire]\nquiet_seconds = 1", 6, 'unknown key "quiet_seconds"', "[completion]"),
    ("[retire]\nbananas = 1", 6, 'unknown key "bananas"', "known here: keep_hours"),
    ("[spol]", 5, 'unknown key "spol"', 'did you mean "spool"'),
    ('[receive]\nprocesses = "2"', 6, "a whole number, not the text", "write: processes = 2"),
    ("[receive]\nprocesses = 2.5", 6, "a whole number, not the number 2.5", "write: processes"),
    ("[receive]\nprocesses = true", 6, "a whole number, not `true`", "write: processes"),
    ("[receive]\nprocesses = 0", 6, "0 is out of range", "at least 1"),
    ("[receive]\nprocesses = []", 6, "a whole number, not a list", "write: processes"),
    ("[receive]\nprocesses = 2020-01-01", 6, "not a date", "write: processes"),
    ('[retire]\nkeep_hours = "a"', 6, "must be a number", "keep_hours = 30"),
    ('[completion]\nuse_expected_counts = "true"', 6, "true or false", "counts = true"),
    ('[log]\nlevel = "WARN"', 6, "must not be", 'did you mean "warning"'),
    ("[log]\nlevel = 3", 6, "must not be the number 3", 'one of "debug"'),
    ("[[log]]", 5, "written as repeatable", "[log] with one bracket"),
    ("log = 1\n", 5, "unknown key", "stands in"),
    ('[spool]\nquota_bytes = "many"', 6, '"many" is none', '"512 MiB"'),
    ('[spool]\nquota_bytes = "1 Gb"', 6, 'unit "Gb"', "units are B"),
    ("[spool]\nquota_bytes = -1", 6, "not negative", "bytes"),
    ("[spool]\nquota_bytes = 1.5", 6, "not the number 1.5", "bytes"),
    ('[spool]\nhard_watermark_bytes = "5 GiB"', 5, "soft_watermark_bytes = 4 GiB", "first"),
    ('[spool]\nquota_bytes = "2 GiB"', 5, "quota_bytes = 2 GiB", "larger than both"),
    ("[completion]\nquiet_seconds = 5\nafter_release_seconds = 9", 5, "above", "smaller"),
    ("[[listener]]\nport = 1", 5, '"ae_title" is missing', "ae_title ="),
    ('[[listener]]\nae_title = "B"\nport = 11112', 7, "taken by listener 1", "of its own"),
    (
        '[[listener]]\nae_title = "B"\nhost = "0.0.0.0"\nport = 11112',
        8,
        "127.0.0.1 and 0.0.0.0 overlap",
        "of its own",
    ),
    ('[[listener]]\nae_title = "B"\nhost = "::"\nport = 11112', 8, "overlap", "of its own"),
    ('[[listener]]\nae_title = "B"\nhost = "localhost"\nport = 11112', 8, "taken", "of its own"),
    ('[[listener]]\nae_title = "B"\nport = 65536', 7, "65536 is out of range", "at most 65535"),
    ('[[listener]]\nae_title = "B"\nhost = "pacs"\nport = 1', 7, '"pacs" is not', '"0.0.0.0"'),
    (f'[[listener]]\nae_title = "{"B" * 17}"\nport = 1', 6, "17 characters", "B" * 16),
    ("[[listener]]\nae_title = 'A\\B'\nport = 1", 6, "cannot have", "without the backslash"),
    ('[[listener]]\nae_title = "  "\nport = 1', 6, "must not be empty", "1 to 16"),
    (
        '[[source]]\nname = "x"\nae_title = "X"\naddresses = ["10.1.1.1/8"]',
        8,
        "not a network",
        '"10.0.0.0/8"',
    ),
    ('[[source]]\nname = "x"\nae_title = "X"\naddresses = ["lan"]', 8, '"lan" is neither', "/24"),
    ('[[source]]\nname = "x"\nae_title = "X"\naddresses = [7]', 8, "not the number 7", "/24"),
    ('[[source]]\nname = "x"\nae_title = "X"\naddresses = []', 8, "empty list", "at least one"),
    (
        '[[source]]\nname = "x"\nae_title = "X"\naddresses = "10.0.0.0/8"',
        8,
        "must be a list",
        'addresses = ["10.0.0.0/8"]',
    ),
    (
        '[[source]]\nname = "a b"\nae_title = "X"\naddresses = ["::1"]',
        6,
        '"a b" is not a name',
        "letters",
    ),
    (
        '[[source]]\nname = "x"\nae_title = "X"\naddresses = ["::1"]\ncertificate = "ab"',
        9,
        "fingerprint",
        "openssl",
    ),
    (
        '[[source]]\nname="x"\nae_title="X"\naddresses=["::1"]\n[[source]]\nname="X"\nae_title="Y"\naddresses=["::1"]',
        10,
        'the name "X" is taken by source 1',
        "of its own",
    ),
    ('[source]\nname = "x"', 5, "one table, but can be repeated", "[[source]]"),
    ('[receive]\nsop_classes = "some"', 6, '"any" or a list', '["1.2'),
    ('[receive]\nsop_classes = ["1.2", "CT"]', 6, "'CT' in the list", '"any", or a list'),
    ("[receive]\nsop_classes = []", 6, "nothing would be accepted", '"any"'),
    ('[receive]\non_bad_object = "quarentine"', 6, "must not be", 'did you mean "quarantine"'),
    (
        '[[destination]]\nname = "d"\ntype = "folder"\npath = "d"',
        5,
        '"deidentify" is missing',
        'deidentify = "none"',
    ),
    ('[[destination]]\nname = "d"', 5, '"type" is missing', 'type = "folder"'),
    ('[[destination]]\nname = "d"\ntype = "foldr"', 5, 'no type "foldr"', 'mean "folder"'),
    (
        '[[destination]]\nname="d"\ntype="folder"\npath="d"\ndeidentify="none"\nretry={first=1}',
        10,
        'unknown key "first"',
        'did you mean "first_seconds"',
    ),
    (
        '[[destination]]\nname = "d"\ntype = "folder"\npath = "no/such"\ndeidentify = "none"',
        8,
        "is not there",
        "mkdir -p",
    ),
    (
        '[[destination]]\nname = "d"\ntype = "folder"\npath = ""\ndeidentify = "none"',
        8,
        "must be a path",
        "in quotes",
    ),
    ("[retire]\nkeep_hours = inf", 6, "no finite number", "keep_hours = 30"),
    ('[log]\nlevel = """a\nb"""', 6, 'the text "a\ufffdb"', "one of"),
    (f'[site]\nname = "{"x" * 81}"', 6, "has 81 characters", "at most 80"),
    (f"{PACS}host = ''", 11, '"" is neither', "an address such as"),
    (f'{PACS}host = "pacs:104"', 11, '"pacs:104" is neither', 'host = "pacs" and port = 104'),
    (f'{PACS}host = "dicom://10.0.0.7:104"', 11, "is neither", 'host = "10.0.0.7" and port = 104'),
    (f'{PACS}host = "10.0.0.0/24"', 11, "is neither", "or a host name"),
    (
        '[[source]]\nname = "x"\nae_title = "X"\naddresses = ["::1"]\ncommitment = { port = 104 }',
        9,
        '"when" is missing',
        'when = one of "spool", "delivered"',
    ),
    (
        (
            '[[destination]]\nname = "s"\ntype = "s3"\nbucket = "some"\ndeidentify = "none"\n'
            'expected_bucket_owner = "42"'
        ),
        10,
        'cannot be "42"',
        "12 digits",
    ),
    ('[[route]]\ndestinations = ["x"]', 6, 'no destination "x"', "add a [[destination]]"),
    ("[[route]]\ndestinations = []", 6, "empty list", "at least one"),
]


@pytest.mark.parametrize(("added", "line", "what", "right"), WRONG)
def test_one_mistake(added: str, line: int, what: str, right: str, tmp_path: Path) -> None:
    found = problems_of(MINIMAL + added, tmp_path)
    assert len(found) == 1, [str(problem) for problem in found]
    assert found[0].line == line
    assert what in found[0].what
    assert right in found[0].right


@pytest.mark.parametrize(
    ("text", "line", "what", "right"),
    [
        ('data_dir = "a"\nport: 3', 2, "not TOML", "port = 3"),
        ("data_dir: data", 1, "not TOML", 'data_dir = "data"'),
        ("data_dir = data", 1, "not TOML", 'data_dir = "data"'),
        ("data_dir = /var/lib", 1, "not TOML", 'data_dir = "/var/lib"'),
        ('data_dir = "data', 1, "not TOML", "ends with the quote"),
        ("x = True", 1, "not TOML", "x = true"),
        ("x = yes", 1, "not TOML", "x = true"),
        ("a = 1\na = 2", 2, "not TOML", "said once"),
        ("[spool]\n[spool]", 2, "not TOML", "[[source]]"),
        ("a = 1\n[spool\n", 2, "not TOML", "[name]"),
        ('a = "C:\\data"', 1, "not TOML", "single quotes"),
        ("a =", 1, "not TOML", "follows the `=`"),
        ("just words", 1, "not TOML", "key = value"),
    ],
)
def test_grammar(text: str, line: int, what: str, right: str, tmp_path: Path) -> None:
    (problem,) = problems_of(text, tmp_path)
    assert problem.line == line
    assert what in problem.what
    assert right in problem.right


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = EXAMPLE.replace("11112", '"11112"').replace('["archive"]', '["archve"]')
    text = text.replace("quiet_seconds = 30", "quiet = 30").replace('deidentify = "none"', "")
    found = [
        (problem.line, problem.setting, problem.what) for problem in problems_of(text, tmp_path)
    ]
    assert found == [
        (6, "listener 1, port", 'must be a whole number, not the text "11112"'),
        (14, "completion", 'unknown key "quiet"'),
        (16, "destination 1", '"deidentify" is missing'),
        (23, "route 1, destinations[1]", 'there is no destination "archve"'),
    ]


def test_the_message_names_file_line_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "causeway.toml"
    file.write_text(MINIMAL.replace("port =", "prot ="))
    with pytest.raises(InvalidConfiguration) as caught:
        load(file)
    assert str(caught.value) == (
        f"{file} has a problem:\n"
        f'{file}:4: listener 1: unknown key "prot"\n    → did you mean "port"?'
    )
    assert caught.value.exit_status == 2


MISTAKEN = ("[]", "[[1]]", "{ x = [1] }", "-1", "nan", "true", '"["', "08:00:00")


def test_whatever_a_setting_is_the_answer_is_a_problem_with_a_remedy() -> None:
    """Each key of each table of a whole file, given what it is not."""
    whole = tomllib.loads(WHOLE)
    repeated = {table: len(listed) for table, listed in whole.items() if isinstance(listed, list)}
    for path in [(), *((table, at) for table, count in repeated.items() for at in range(count))]:
        table: Any = whole
        for part in path:
            table = table[part]
        for key in keys_at(path, whole):
            kept = table.get(key)
            for mistaken in (
                "[]",
                "[[1]]",
                "{ x = [1] }",
                "-1",
                "nan",
                "true",
                '"\\n["',
                "08:00:00",
            ):
                table[key] = tomllib.loads(f"x = {mistaken}")["x"]
                try:
                    parse(_as_toml(whole), look=False)
                except InvalidConfiguration as invalid:
                    for problem in invalid.problems:
                        assert problem.right, problem
            table[key] = kept
            if kept is None:
                del table[key]


def _as_toml(value: Any) -> str:
    """A document; tables below the top stand in braces."""
    return "".join(f"{key} = {_inline(inner)}\n" for key, inner in value.items())


def _inline(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case str() | bool():
            return json.dumps(value)
        case _:
            return str(value)


def test_a_mistyped_required_key_is_one_problem(tmp_path: Path) -> None:
    assert len(problems_of(MINIMAL.replace("port =", "prot ="), tmp_path)) == 1


def test_an_empty_file(tmp_path: Path) -> None:
    found = {problem.what for problem in problems_of("", tmp_path)}
    assert found == {
        '"data_dir" is missing',
        "there is no listener, so nothing can be received",
    }


def test_missing_certificates(tmp_path: Path) -> None:
    text = MINIMAL + '[listener.tls]\ncertificate = "c"\n\nkey = "k"\n'
    certificate, key = problems_of(text, tmp_path)
    assert (certificate.line, key.line) == (6, 8)
    assert "c is not there" in certificate.what
    assert "put the file there" in key.right


def test_a_written_secret_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for name in ("c", "k"):
        (tmp_path / name).touch()
    text = MINIMAL + 'tls = { certificate = "c", key = "k", key_password = "hunter2" }'
    (problem,) = problems_of(text, tmp_path)
    assert problem.line == 5
    assert "hunter2" not in str(problem)
    assert '"env:NAME"' in problem.right


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("c", "k", "secret"):
        (tmp_path / name).write_text("hunter2\n")
    text = MINIMAL + 'tls = {{ certificate = "c", key = "k", key_password = "{}" }}'
    tls = parse(text.format("file:secret"), file=tmp_path / "x.toml").configuration.listeners[0].tls
    assert tls is not None
    assert tls.key_password is not None
    assert tls.key_password.reveal() == "hunter2"
    assert "hunter2" not in repr(tls)
    tls = parse(text.format("env:PASS"), file=tmp_path / "x.toml").configuration.listeners[0].tls
    assert tls is not None
    assert tls.key_password is not None
    monkeypatch.setenv("PASS", "hunter2")
    assert tls.key_password.reveal() == "hunter2"
    monkeypatch.delenv("PASS")
    with pytest.raises(ConfigurationError, match="PASS"):
        tls.key_password.reveal()


def test_a_crl_needs_authorities(tmp_path: Path) -> None:
    for name in ("c", "k", "crl"):
        (tmp_path / name).touch()
    text = MINIMAL + 'tls = { certificate = "c", key = "k", crl = "crl" }'
    (problem,) = problems_of(text, tmp_path)
    assert "client_ca" in problem.right


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    (problem,) = problems_of(MINIMAL, tmp_path)
    assert "is not a folder" in problem.what


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="causeway init"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigurationError, match="is a folder"):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'a = 1\nb = "\xe4"\n')
    with pytest.raises(InvalidConfiguration) as caught:
        load(latin)
    assert caught.value.problems[0].line == 2
    marked = tmp_path / "marked.toml"
    marked.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load(marked).data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (MINIMAL.replace("port =", 'host = "0.0.0.0"\nport ='), 4, "without TLS"),
        (EXAMPLE.replace("ct1", "ct1", 1) + '[spool]\ndurability = "relaxed"', 25, "power cut"),
        (EXAMPLE.replace("[[route]]", "#").replace("destinations =", "#"), 17, "no route leads"),
        (MINIMAL, 1, "there is no source"),
        (MINIMAL, 1, "there is no destination"),
        (
            EXAMPLE.replace('"127.0.0.1"', '"0.0.0.0"').replace("127.0.0.0/8", "0.0.0.0/0"),
            11,
            "from any address",
        ),
        (EXAMPLE.replace("addresses", f'certificate = "{"ab" * 32}"\naddresses'), 11, "never be"),
        (
            EXAMPLE + '[[source]]\nname = "b"\nae_title = "CT1"\naddresses = ["127.0.0.1"]',
            24,
            "source 1 comes first",
        ),
        (EXAMPLE + '[[route]]\ndestinations = ["archive"]', 24, "never reached"),
        (EXAMPLE.replace('path = "archive"', 'path = "data/archive"'), 19, "inside data_dir"),
    ],
)
def test_doubts(text: str, line: int, what: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "causeway.toml"
    file.write_text(text)
    matching = [warning for warning in read(file).warnings if what in warning.what]
    assert [warning.line for warning in matching] == [line]
    assert matching[0].right


def test_it_travels_to_child_processes() -> None:
    """The supervisor hands it to receivers and pipeline."""
    text = EXAMPLE.replace("port = 11112", 'port = 11112\ntls = { certificate = "c", key = "k" }')
    configuration = parse(text, look=False).configuration
    assert pickle.loads(pickle.dumps(configuration)) == configuration
