"""Settings that say how to decide: what is refused, with line and remedy, and what is doubted."""

from __future__ import annotations

from pathlib import Path

import pytest

from causeway.config import InvalidConfiguration, Loaded, parse, read

HEAD = """\
data_dir = "data"
[[listener]]
ae_title = "A"
port = 11112
[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["127.0.0.0/8"]
[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"
"""
TAIL = '[[route]]\ndestinations = ["archive"]\n'
EVERYTHING = """\
data_dir = "data"

[[listener]]
ae_title = "A"
port = 11112

[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["127.0.0.0/8"]
quiet_seconds = 60
routing = { tags = ["(0032,4000)"], prefix = "required" }
opt = { in = [{ tag = "PatientComments", matches = "UPLOAD" }] }
metadata = { defaults = { "project.label" = "CT" } }

[routing]
tags = ["PatientComments", "StudyComments"]
prefix = "optional"
legacy = false
missing = "unsorted"
unparsed = "hold"
unknown = "accept"
known = ["neuro/Amnesia"]
phi_guard = true

[opt]
in  = [{ tag = "PatientComments", matches = "UPLOAD|FW-YES", missing = "skip", empty = "skip" }]
out = [{ tag = "PatientComments", matches = "NOFW", missing = "take", empty = "take" }]

[metadata]
mappings = [
    "{PatientID/_.*$//}=subject.label",
    "{SeriesNumber} - {SeriesDescription}=acquisition.label",
]
defaults = { "project.label" = "Incoming" }
overrides = { "subject.species" = "human" }
timezone = "Europe/Berlin"
series_number_prefix = false
same_label = "separate"

[[grouping]]
when = 'Modality == "MR" and Manufacturer like "GE*"'
split_by = ["AcquisitionNumber"]
screenshots = "attach"
localizers = "keep"
related = "separate"

[[schedule]]
name = "nights"
timezone = "Europe/Berlin"
windows = ["Mon-Fri 18:00-06:00", "Sat,Sun 00:00-24:00"]

[completion]
acquisition_delay_seconds = 0
study_quiet_seconds = 300

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "none"
schedule = "nights"

[routes]
match = "first"

[[route]]
name = "neuro"
when = 'group == "neuro" and Modality in ["MR", "CT"]'
action = "send"
destinations = ["archive"]
priority = "usual"
complete = "series"
late = "amend"

[health]
index_seconds = 600
delivery_seconds = 3600
"""


def test_all_of_it(tmp_path: Path) -> None:
    loaded = parse(EVERYTHING, file=tmp_path / "causeway.toml")
    assert [str(warning) for warning in loaded.warnings] == []
    configuration = loaded.configuration
    (source,) = configuration.sources
    assert configuration.routing.tags == ("PatientComments", "StudyComments")
    assert configuration.metadata.defaults == {"project.label": "Incoming"}
    # What a source says counts for it, key by key; the rest is as it is for all.
    routing = configuration.routing_of(source)
    assert routing.tags == ("StudyComments",)
    assert routing.prefix == "required"
    assert routing.known == ("neuro/Amnesia",)
    opt = configuration.opt_of(source)
    assert [condition.matches for condition in opt.opt_in] == ["UPLOAD"]
    assert [condition.matches for condition in opt.opt_out] == ["NOFW"]
    metadata = configuration.metadata_of(source)
    assert metadata.defaults == {"project.label": "CT"}
    assert metadata.timezone == "Europe/Berlin"
    assert configuration.routing == loaded.configuration.routing


def test_the_defaults_of_conditions() -> None:
    text = 'in = [{ tag = "StudyID", matches = "a" }]\nout = [{ tag = "StudyID", matches = "b" }]\n'
    opt = parse(f"{HEAD}[opt]\n{text}", look=False).configuration.opt
    assert (opt.opt_in[0].missing, opt.opt_in[0].empty) == ("skip", "skip")
    assert (opt.opt_out[0].missing, opt.opt_out[0].empty) == ("take", "take")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("patientcomments", "PatientComments"),
        ("(0010,4000)", "PatientComments"),
        ("00104000", "PatientComments"),
        ("(0019,100c)", "(0019,100C)"),
    ],
)
def test_attributes_are_kept_by_their_keyword(written: str, kept: str) -> None:
    text = f'{HEAD}[routing]\ntags = ["{written}"]\n'
    assert parse(text, look=False).configuration.routing.tags == (kept,)


def test_fields_are_kept_under_their_full_names() -> None:
    text = HEAD + "[metadata]\ndefaults = { project = 'A', subject.info.arm = 'B' }\n"
    assert parse(text, look=False).configuration.metadata.defaults == {
        "project.label": "A",
        "subject.info.arm": "B",
    }


# Each row: what stands after HEAD, the problem's line counted from there, part of what, of right.
WRONG = [
    (
        '[routing]\ntags = ["PatientComment"]',
        2,
        '"PatientComment" is no attribute',
        "PatientComments",
    ),
    ('[routing]\ntags = ["x"]', 2, '"x" is no attribute', "such as"),
    ('[routing]\ntags = [\n"StudyID",\n"Patients"\n]', 4, '"Patients" is no attribute', "did you"),
    ('[routing]\ntags = ["PixelData"]', 2, "holds no text", "text or numbers"),
    ('[routing]\ntags = ["ReferencedSeriesSequence"]', 2, "holds no text", "text"),
    ('[routing]\ntags = ["TransferSyntaxUID"]', 2, "not to the data set", "keyword"),
    ('[routing]\ntags = ["StudyID", "studyid"]', 2, "there already, as number 1", "once"),
    ("[routing]\ntags = 'StudyID'", 2, "must be a list", 'tags = ["StudyID"]'),
    ('[routing]\nprefix = "require"', 2, "must not be", 'mean "required"'),
    ('[routing]\nmissing = "accept"', 2, "must not be", '"unsorted", "hold", "deny"'),
    ('[routing]\nunparsed = "deny"', 2, "must not be", '"hold", "unsorted"'),
    ('[routing]\nknown = ["neuro"]', 2, "not a group and a project", "neuro/Amnesia"),
    ('[routing]\nknown = ["neuro/Amnesia/s01"]', 2, "not a group and a project", "group/project"),
    ('[routing]\nknown = ["/Amnesia"]', 2, "not a group and a project", "group/project"),
    ('[routing]\nknown = ["n/Amnesia"]', 2, '"n" cannot be a group', "2 to 64"),
    ('[routing]\nknown = ["neu ro/Amnesia"]', 2, "cannot be a group", "letters"),
    ('[routing]\nknown = ["a1/B", "A1/b"]', 2, "as number 1", "once"),
    ('[[grouping]]\nsplit_by = ["EchoTime"]', 2, "not kept of each image", "AcquisitionNumber"),
    ("[routing]\nphi = true", 2, 'unknown key "phi"', '"phi_guard"'),
    ("[[routing]]", 1, "written as repeatable", "[routing]"),
    ('[opt]\nin = [{ tag = "X", matches = "a" }]', 2, '"X" is no attribute', "keyword"),
    ('[opt]\nin = [{ tag = "StudyID" }]', 2, '"matches" is missing', "matches ="),
    ('[opt]\nin = { tag = "StudyID", matches = "a" }', 2, "is one table", "[[in]]"),
    ('[opt]\nout = [{ tag = "StudyID", matches = "" }]', 2, "every value", '"UPLOAD"'),
    (
        '[opt]\nout = [{ tag = "StudyID", matches = "a(" }]',
        2,
        "parenthesis is not closed",
        "backslash",
    ),
    (
        '[opt]\nout = [{ tag = "StudyID", matches = "(?=a)" }]',
        2,
        "look-around is not supported",
        "linear time",
    ),
    (
        "[opt]\nout = [{ tag = \"StudyID\", matches = '(a)\\1' }]",
        2,
        "back-reference is not supported",
        "write the alternatives",
    ),
    (
        "[opt]\nout = [{ tag = \"StudyID\", matches = '(a{1000}){1000}' }]",
        2,
        "over 1000 times",
        "more simply",
    ),
    ('[opt]\nout = [{ tag = "StudyID", matches = "a", empty = "keep" }]', 2, "must not", '"take"'),
    ('[opt]\nout = [{ tag = "StudyID", matches = "a", mising = "skip" }]', 2, "unknown", "missing"),
    ('[metadata]\nmappings = ["PatientID"]', 2, "an equals sign", "template=pattern"),
    (
        '[metadata]\nmappings = ["{PatientId2}=subject"]',
        2,
        "no attribute",
        "did you mean PatientID",
    ),
    ('[metadata]\nmappings = ["{PatientID}=subjet.labl"]', 2, "no field", "subject.label"),
    ('[metadata]\nmappings = ["{PatientID=subject"]', 2, "a { that is not closed", r"\{"),
    ('[metadata]\nmappings = ["subject"]', 2, "an equals sign", "template=pattern"),
    ('[metadata]\nmappings = ["{PatientID}={subject:(?=a)}"]', 2, "look-around", "linear time"),
    ('[metadata]\nmappings = ["{PatientID}=label"]', 2, "could be", "in full"),
    (
        '[metadata]\nmappings = [\n"{StudyID}=session",\n"{!subject}=session"\n]',
        2,
        "mapping 2",
        "first",
    ),
    ('[metadata]\nmappings = ["{StudyID}=session", "{StudyID}=session"]', 2, "number 1", "once"),
    ('[metadata]\ndefaults = { projekt = "A" }', 2, '"projekt" is no field', "project"),
    ('[metadata]\ndefaults = { label = "A" }', 2, "could be", "in full"),
    ('[metadata]\ndefaults = { project = "A", "project.label" = "B" }', 2, "there already", "once"),
    ("[metadata]\ndefaults = { project = 3 }", 2, "text in quotes, not the number 3", '= "3"'),
    ("[metadata]\ndefaults = { project = [] }", 2, "text in quotes, not a list", "text"),
    ("[metadata]\ndefaults = 'project'", 2, "must be a table", '"project.label"'),
    ('[metadata]\noverrides = { group = "neu ro" }', 2, "no value of group._id", "2 to 64"),
    ('[metadata]\noverrides = { "subject.sex" = "x" }', 2, "no value of subject.sex", '"male"'),
    ('[metadata]\ntimezone = "Berlin"', 2, "Berlin", "Europe/Berlin"),
    ('[metadata]\ntimezone = "../etc/passwd"', 2, "no time zone", "IANA"),
    ('[metadata]\ntimezone = ""', 2, "no time zone", "IANA"),
    ('[metadata]\nsame_label = "join"', 2, "must not be", '"separate", "merge"'),
    ('[[grouping]]\nsplit_by = ["AcquisitionNumer"]', 2, "no attribute", "AcquisitionNumber"),
    ('[[grouping]]\nscreenshots = "keep"', 2, "must not be", '"attach"'),
    (
        "[[grouping]]\nwhen = 'Modality = \"MR\"'",
        2,
        "means nothing here, at column 10",
        "write: ==",
    ),
    ("[[grouping]]\nwhen = 'Modalty == \"MR\"'", 2, "Modalty", "Modality"),
    ("[[grouping]]\nwhen = ''", 2, "the rule is empty", "leave it out"),
    ('[[schedule]]\nname = "n"\nwindows = []', 3, "empty list", "at least one"),
    ('[[schedule]]\nname = "n"', 1, '"windows" is missing', "windows"),
    (
        '[[schedule]]\nname = "n"\nwindows = ["Mon 18:00-18:00"]',
        3,
        "begins when it ends",
        "00:00-24:00",
    ),
    (
        '[[schedule]]\nname = "n"\nwindows = [\n"Mon 18:00-20:00",\n"Mo-Fr 25:00-06:00"]',
        5,
        "no day of the week",
        "Mon, Tue",
    ),
    ('[[schedule]]\nname = "n"\nwindows = ["nights"]', 3, "nights", "Mon, Tue"),
    ('[[schedule]]\nname = "n"\ntimezone = "Mars"\nwindows = ["Mon"]', 3, "no time zone", "IANA"),
    (
        '[[schedule]]\nname = "n"\nwindows = ["Mon"]\n[[schedule]]\nname = "N"\nwindows = ["Tue"]',
        5,
        "taken by schedule 1",
        "of its own",
    ),
    ('[routes]\nmatch = "any"', 2, "must not be", '"first", "all"'),
    ("[[route]]", 1, '"destinations" is missing', "at least one"),
    ('[[route]]\naction = "drop"\ndestinations = ["archive"]', 2, "must not be", '"deny"'),
    ('[[route]]\ndestinations = ["archive"]\npriority = "high"', 3, "must not be", '"urgent"'),
    (
        '[[route]]\ndestinations = ["archive"]\nwhen = "group = 1"',
        3,
        "means nothing here",
        "write: ==",
    ),
    (
        '[[route]]\ndestinations = ["archive"]\nwhen = "Modality matches \'(?=a)\'"',
        3,
        "look-around",
        "linear time",
    ),
    ("[health]\nindex_seconds = 0", 2, "out of range", "more than 0"),
    ("[completion]\nacquisition_delay_seconds = -1", 2, "out of range", "at least 0"),
]


def problems(text: str, folder: Path) -> list[tuple[int, str, str]]:
    with pytest.raises(InvalidConfiguration) as caught:
        parse(text, file=folder / "causeway.toml")
    return [(each.line, each.what, each.right) for each in caught.value.problems]


@pytest.mark.parametrize(("added", "line", "what", "right"), WRONG)
def test_one_mistake(added: str, line: int, what: str, right: str, tmp_path: Path) -> None:
    ((at, said, remedy),) = problems(f"{HEAD}{added}\n", tmp_path)
    assert at == HEAD.count("\n") + line
    assert what in said
    assert right in remedy
    assert said.strip()
    assert remedy.strip()


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ('routing = { tags = ["X"] }', "no attribute"),
        ('routing = { pefix = "required" }', 'unknown key "pefix"'),
        ('opt = { out = [{ tag = "StudyID", matches = "(" }] }', ""),
        ('metadata = { timezone = "Mars" }', "Mars"),
        ("quiet_seconds = 0", "out of range"),
    ],
)
def test_a_source_says_it_wrong(key: str, what: str, tmp_path: Path) -> None:
    text = HEAD.replace("addresses", f"{key}\naddresses")
    ((line, said, remedy),) = problems(text, tmp_path)
    assert line == 8
    assert what in said
    assert remedy


def test_a_schedule_that_is_not_there(tmp_path: Path) -> None:
    text = HEAD + 'schedule = "night"\n'
    ((line, said, remedy),) = problems(text, tmp_path)
    assert (line, said) == (14, 'there is no schedule "night"')
    assert remedy == 'add a [[schedule]] with name = "night"'
    text += '[[schedule]]\nname = "nights"\nwindows = ["Mon"]\n'
    ((line, said, remedy),) = problems(text, tmp_path)
    assert (line, remedy) == (14, 'did you mean "nights"?')


def test_a_source_that_waits_less_than_after_a_release(tmp_path: Path) -> None:
    text = HEAD.replace("addresses", "quiet_seconds = 5\naddresses")
    text += "[completion]\nafter_release_seconds = 10\n"
    ((line, said, remedy),) = problems(text, tmp_path)
    assert line == 8
    assert "below completion.after_release_seconds = 10" in said
    assert remedy


def doubts(text: str, folder: Path) -> Loaded:
    (folder / "data").mkdir()
    file = folder / "causeway.toml"
    file.write_text(text)
    return read(file)


ROUTE = "[[route]]\ndestinations = ['archive']\n"
CONDITION = '{ tag = "StudyID", matches = "a" }'
DOUBTED = [
    (f"{ROUTE}when = 'group == \"neuro\"'\n", 3, "asks for `group`, which nothing fills"),
    (f"{ROUTE}when = 'not exists(session)'\n", 3, "asks for `session`"),
    (f'{ROUTE}when = \'source in ["ct2", "mr"]\'\n', 3, "asks for a `source`"),
    (f"{TAIL}[[grouping]]\nwhen = 'source like \"MR*\"'\n", 4, "asks for a `source`"),
    (f"{ROUTE}{ROUTE}", 3, "never reached, because route 1"),
    (f"{ROUTE}when = 'Modality == \"MR\"'\n{ROUTE}{ROUTE}", 6, "because route 2"),
    (
        f"{ROUTE}when = 'source == \"ct1\"'\n{ROUTE}when = 'source  ==  \"ct1\"'\n",
        6,
        "the same rule",
    ),
    (f'{ROUTE}when = \'Modality == "MR" and Modality == "CT"\'\n', 3, "can never hold"),
    (f"{TAIL}[[grouping]]\n[[grouping]]\nwhen = 'Modality == \"MR\"'\n", 4, "grouping 1"),
    (
        f"{TAIL}[[grouping]]\nwhen = 'exists(StudyID) and missing(StudyID)'\n",
        4,
        "can never hold",
    ),
    (f"[[route]]\naction = 'hold'\nwhen = 'Modality == \"MR\"'\n{TAIL}", 1, "nowhere to go"),
    (f'{TAIL}[[schedule]]\nname = "n"\nwindows = ["Mon"]\n', 4, 'by "n"'),
    (f'{TAIL}[routing]\nmissing = "deny"\n', 4, "has no effect, because routing.tags"),
    (f'{TAIL}[routing]\nunknown = "hold"\n', 4, "has no effect, because routing.known"),
    (
        f'{TAIL}[routing]\ntags = ["StudyID"]\nprefix = "required"\nlegacy = true\n',
        6,
        "older forms have no prefix",
    ),
    (f"{TAIL}[opt]\nin = [{CONDITION}]\nout = [{CONDITION}]\n", 4, "nothing with it is taken"),
    (f'{TAIL}[opt]\nin = [{{ tag = "StudyID", matches = "a|" }}]\n', 4, "found in every value"),
    (f'{TAIL}[metadata]\ndefaults = {{ project = "" }}\n', 4, "is empty, and so is none"),
    (
        f'{TAIL}[metadata]\nmappings = ["{{StudyID}}=session"]\noverrides = {{ session = "A" }}\n',
        4,
        "is overridden",
    ),
]


@pytest.mark.parametrize(("added", "line", "what"), DOUBTED)
def test_what_works_and_is_not_meant(added: str, line: int, what: str, tmp_path: Path) -> None:
    warnings = doubts(HEAD + added, tmp_path).warnings
    (found,) = [each for each in warnings if "no route leads" not in each.what]
    assert found.line == HEAD.count("\n") + line
    assert what in found.what
    assert found.right


def test_a_schedule_that_is_always_open(tmp_path: Path) -> None:
    text = HEAD + 'schedule = "n"\n[[schedule]]\nname = "n"\nwindows = ["Mon-Sun 00:00-24:00"]\n'
    (found,) = doubts(text + TAIL, tmp_path).warnings
    assert (found.line, found.what) == (17, "is always open, and so holds nothing back")


def test_a_source_of_its_own_is_doubted_as_well(tmp_path: Path) -> None:
    text = HEAD.replace("addresses", 'routing = { unknown = "hold" }\naddresses') + TAIL
    (found,) = doubts(text, tmp_path).warnings
    assert (found.line, found.setting) == (8, "source 1, routing.unknown")


@pytest.mark.parametrize(
    "added",
    [
        f"[routes]\nmatch = 'all'\n{ROUTE}{ROUTE}",
        f"{ROUTE}when = 'Modality == \"MR\"'\n{ROUTE}",
        f"{ROUTE}when = 'source == \"CT1\"'\n",
        f"{ROUTE}when = 'project == \"A\"'\n[metadata]\ndefaults = {{ project = 'A' }}\n",
        f"{ROUTE}when = 'group == \"aa\"'\n[metadata]\nmappings = ['{{StudyID}}=group']\n",
        f"{ROUTE}when = 'session == \"a\"'\n[routing]\ntags = ['StudyID']\n",
        f"[[route]]\naction = 'deny'\nwhen = 'Modality == \"SR\"'\n{ROUTE}",
        f'{TAIL}[metadata]\ndefaults = {{ project = "A" }}\noverrides = {{ project = "" }}\n',
        f'{TAIL}[metadata]\nmappings = ["{{StudyID}}=@x", "{{@x}}=session"]\n',
    ],
)
def test_what_is_meant(added: str, tmp_path: Path) -> None:
    assert [str(each) for each in doubts(HEAD + added, tmp_path).warnings] == []
