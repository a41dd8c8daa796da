"""Rules, by tables: what holds, what is refused and where, what can never hold."""

from __future__ import annotations

import datetime as dt
import pickle

import pytest

from causeway.attributes import Attributes, tag_of
from causeway.decide.rules import RuleError, RuleFacts, compile_rule
from causeway.decide.rules.lexer import TEXT_CHARACTERS
from causeway.decide.rules.parser import DEPTH

WEDNESDAY_EVENING = dt.datetime(2026, 1, 7, 18, 30, 59, tzinfo=dt.UTC)


def header(**values: str | tuple[str, ...] | None) -> Attributes:
    """Attributes by keyword; a private one as ``x00191013``. ``()`` is empty."""
    return Attributes(
        values={
            int(name[1:], 16) if name.startswith("x0") else tag_of(name): (value,)
            if isinstance(value, str)
            else tuple(value or ())
            for name, value in values.items()
        }
    )


FACTS = RuleFacts(
    attributes=header(
        Modality="MR",
        Manufacturer="GE MEDICAL SYSTEMS ",
        ImageType=("ORIGINAL", "PRIMARY", "LOCALIZER"),
        SeriesNumber="12",
        PixelSpacing=("0.5", "0.75"),
        EchoTime="2.50",
        StudyDescription="",
        PatientComments=(),
        SeriesDescription="T1 MPRAGE\\sag",
        PatientAge="017Y",
        StudyDate="20260107",
        AcquisitionDateTime="20260107183059.123+0100",
        SeriesTime="183059.5",
        RepetitionTime="about 2",
        PatientID="AMN_012 ",
        Rows="512",
        x00191013=("7.0", "fast"),
    ),
    source="mr-hall",
    calling_ae="MR1",
    called_ae="CAUSEWAY",
    group="neuro",
    project="Amnesia",
    now=WEDNESDAY_EVENING,
)

HOLDS = [
    # text: case and space around do not count
    'Modality == "MR"',
    'modality == "mr"',
    "Modality == 'mr'",
    'Modality == " MR "',
    '(0008,0060) == "MR"',
    '( 0008 , 0060 ) == "MR"',
    'Manufacturer == "ge medical systems"',
    'Modality != "CT"',
    'Modality in ["CT", "MR"]',
    'Modality in ["CT", "MR",]',
    'Modality not in ["CT", "PT"]',
    'Manufacturer like "GE*"',
    'Manufacturer like "*medical*"',
    'Manufacturer not like "GE"',
    'Modality like "M?"',
    'PatientID like "amn_???"',
    'PatientID matches "^AMN_[0-9]+$"',
    'PatientID matches "mn_"',
    r'PatientID matches "\d{3}$"',
    'PatientID not matches "(?-i)amn"',
    'SeriesDescription contains "mprage"',
    'SeriesDescription not contains "flair"',
    r'SeriesDescription == "t1 mprage\sag"',
    # several values: any; negated: none
    'ImageType == "LOCALIZER"',
    'ImageType == "PRIMARY" and ImageType == "ORIGINAL"',
    'ImageType contains "LOCAL"',
    'ImageType in ["MPR", "primary"]',
    'ImageType != "DERIVED"',
    'not ImageType != "ORIGINAL"',
    "PixelSpacing > 0.7",
    "PixelSpacing < 0.7",
    # numbers
    "SeriesNumber == 12",
    "SeriesNumber == 12.0",
    "SeriesNumber > 11 and SeriesNumber <= 12 and SeriesNumber >= 12",
    "SeriesNumber in [1, 12, 3]",
    "EchoTime == 2.5",
    "EchoTime < 25e-1 or EchoTime > -1",
    "Rows >= 512",
    "RepetitionTime != 2",
    # dates, times and ages
    'StudyDate == "2026-01-07"',
    'StudyDate == "20260107"',
    'StudyDate > "2025-12-31" and StudyDate <= "2026-01-07"',
    'StudyDate in ["2026-01-06", "2026-01-07"]',
    'AcquisitionDateTime == "2026-01-07"',
    'StudyDate like "2026*"',
    'SeriesTime > "18:30"',
    'SeriesTime < "183100"',
    'SeriesTime in "18:00-06:00"',
    'SeriesTime not in "06:00-18:30"',
    'PatientAge < "018Y"',
    'PatientAge >= "200M"',
    # what PS3.6 does not list: the value decides
    "(0019,1013) == 7",
    '(0019,1013) == "7.0"',
    "(0019,1013) > 6.5",
    '(0019,1013) == "FAST"',
    '(0019,1013) like "f*"',
    '(0019,1013) != "7"',
    "(0019,1013) in [1, 7]",
    "missing((0019,10ff))",
    # absent
    'SeriesInstanceUID != "1.2"',
    'SeriesInstanceUID not in ["1.2"]',
    'SeriesInstanceUID not matches "1"',
    "missing(SeriesInstanceUID)",
    "not exists(SeriesInstanceUID)",
    "not empty(SeriesInstanceUID)",
    # empty
    'PatientComments == ""',
    'PatientComments != "x"',
    'PatientComments like "*"',
    'PatientComments matches "^$"',
    "exists(PatientComments)",
    "empty(PatientComments)",
    "empty(StudyDescription)",
    "not missing(PatientComments)",
    "exists(Modality) and not empty(Modality)",
    # where it comes from, where it goes
    'source == "mr-hall"',
    'calling_ae in ["MR1", "MR2"]',
    'called_ae == "causeway"',
    'group == "neuro" and project == "amnesia"',
    "Group == 'NEURO'",
    "missing(subject) and missing(session) and missing(acquisition)",
    'subject != "s01"',
    "exists(group)",
    # when
    'weekday == "Wed"',
    'weekday == "wednesday"',
    'weekday in "Mon-Fri"',
    'weekday in ["Sat-Mon", "Wed"]',
    'weekday not in ["Sat", "Sun"]',
    'weekday != "Sun"',
    'time in "18:00-06:00"',
    'time in "18:30-18:31"',
    'time not in "18:31-18:30"',
    'time == "18:30"',
    'time >= "18:30" and time < "18:31"',
    # what joins
    'not Modality == "CT" and group == "neuro"',
    'Modality == "CT" and group == "x" or SeriesNumber == 12',
    'SeriesNumber == 12 or Modality == "CT" and group == "x"',
    'not (Modality == "CT" and group == "x")',
    'NOT Modality == "CT" AND (group == "neuro" OR 1 == 1)'.replace(" OR 1 == 1", ""),
    'not not Modality == "MR"',
    'Modality\n  == "MR"\n  and group == "neuro"',
    'PatientID matches "amn|\\"x\\""',
]

FAILS = [
    'Modality == "M"',
    'Modality == "CT"',
    'Modality contains "CT"',
    'Manufacturer like "MEDICAL"',
    'ImageType != "PRIMARY"',
    'ImageType not in ["PRIMARY"]',
    'ImageType == "ORIGINAL\\PRIMARY"',
    'SeriesDescription == "sag"',
    "SeriesNumber < 12",
    "PixelSpacing > 1",
    # a value that is no number compares with nothing
    "RepetitionTime == 2",
    "RepetitionTime > 0",
    "RepetitionTime <= 0",
    # absent: nothing holds but what is negated
    'SeriesInstanceUID == "1"',
    'SeriesInstanceUID == ""',
    'SeriesInstanceUID like "*"',
    'SeriesInstanceUID matches ".*"',
    "InstanceNumber < 5",
    "InstanceNumber >= 5",
    'subject == ""',
    'subject like "*"',
    # empty
    'PatientComments == "x"',
    'PatientComments like "?*"',
    "missing(PatientComments)",
    'SeriesTime in "18:31-18:30"',
    'time < "18:30"',
    'time in "06:00-18:30"',
    'weekday in "Thu-Tue"',
    'PatientAge >= "018Y"',
    "(0019,1013) == 8",
    'Modality == "MR" and group == "body"',
]


@pytest.mark.parametrize("text", HOLDS)
def test_what_holds(text: str):
    rule = compile_rule(text)
    assert rule.holds(FACTS)
    assert rule.can_hold()
    assert not compile_rule(f"not ({text})").holds(FACTS)


@pytest.mark.parametrize("text", FAILS)
def test_what_does_not_hold(text: str):
    assert not compile_rule(text).holds(FACTS)
    assert compile_rule(f"not ({text})").holds(FACTS)


REFUSED = [
    ("", 1, "the rule is empty", "leave it out"),
    ("   ", 4, "the rule is empty", "leave it out"),
    ('Modalty == "MR"', 1, 'there is no "Modalty"', "did you mean Modality?"),
    ('grup == "x"', 1, 'there is no "grup"', "did you mean group?"),
    ('Modality == "MR" and qqq == 1', 22, 'there is no "qqq"', "texts stand in quotes"),
    ("Modality == MR", 13, "must come after ==", 'texts stand in quotes: "MR"'),
    ('Modality = "MR"', 10, '"=" means nothing', "write: =="),
    ('Modality == "MR" && group == "x"', 18, '"&&" means nothing', "write: and"),
    ('Modality == "MR" || group == "x"', 18, '"||" means nothing', "write: or"),
    ('!(Modality == "MR")', 1, '"!" means nothing', "not"),
    ('Modality <> "MR"', 10, '"<>" means nothing', "write: !="),
    ('Modality =~ "MR"', 10, '"=~" means nothing', "write: matches"),
    ("Modality == \u201cMR\u201d", 13, "means nothing", "straight"),
    ('Modality == "MR', 13, "has no end", 'close it: "'),
    ("Modality == 'MR\n'", 13, "has no end", "close it: '"),
    ("Modality", 9, "after Modality comes", "exists(Modality)"),
    ("Modality and exists(PatientID)", 10, "after Modality comes", "exists(Modality)"),
    ('Modality == "MR" group', 18, "and, or, or the end", "for example"),
    ('Modality == "MR" and', 21, "a condition must come here, not the end", ""),
    ('and Modality == "MR"', 1, "a condition must come here", ""),
    ('(Modality == "MR"', 18, '")" must come here', 'closes the "(" at column 1'),
    ('Modality == "MR")', 17, '")" was never opened', ""),
    ("not", 4, "a condition must come here", ""),
    ('"MR" == Modality', 1, "begins with an attribute", ""),
    ("1 < SeriesNumber", 1, "begins with an attribute", ""),
    ("Modality in []", 13, "the list is empty", ""),
    ('Modality in "MR"', 13, 'after in comes "["', 'Modality in ["MR"]'),
    ('Modality in ["MR" "CT"]', 19, "a comma must come before", ""),
    ('Modality in ["MR"', 18, '"]" must come here', ""),
    ("(0019,1013) in [1, 'x']", 20, "not of both", ""),
    ('Modality not "MR"', 14, "after not comes in, like", ""),
    ('Modality is "MR"', 10, '"is" means nothing', "=="),
    ("exists Modality", 8, 'after exists comes "("', "exists(PatientComments)"),
    ("exists(time)", 8, "always there", ""),
    ("empty(group)", 7, "never empty", "missing(group)"),
    # types
    ('SeriesNumber == "3"', 17, "SeriesNumber is a number", "without quotes: 3"),
    ('SeriesNumber == "x"', 17, "SeriesNumber is a number", "for example 3"),
    ("StudyID == 3", 12, "StudyID is text", 'in quotes: "3"'),
    ('Modality > "A"', 10, "has no order", "use =="),
    ('weekday >= "Mon"', 9, "has no order", "use =="),
    ("StudyDate >= 20260101", 14, "StudyDate is a date", '"2026-01-31"'),
    ('StudyDate >= "2026-02-30"', 14, "StudyDate is a date", '"2026-01-31"'),
    ('StudyDate >= "31.1.2026"', 14, "StudyDate is a date", '"2026-01-31"'),
    ('SeriesTime > "25:00"', 14, "SeriesTime is a time of day", '"18:00"'),
    ('PatientAge > "old"', 14, "PatientAge is an age", '"018Y"'),
    ("PatientAge > 18", 14, "PatientAge is an age", '"018Y"'),
    ('SeriesNumber like "1*"', 14, "like is for texts", "SeriesNumber == 3"),
    ('time matches "18"', 6, "matches is for texts", '"18:00-06:00"'),
    ("Modality like 3", 15, "after like comes a text", '"3"'),
    ('Modality contains ""', 19, "the text is empty", "empty(Modality)"),
    ('Modality matches " "', 18, "the text is empty", "empty(Modality)"),
    ('Modality matches "M("', 20, "a parenthesis is not closed", "backslash"),
    ('PatientID matches "ab(?=c)"', 22, "look-around is not supported", "linear time"),
    (r'PatientID matches "(a)\1"', 23, "a back-reference is not supported", "linear time"),
    ('time in "18-6"', 9, "no time of day", "23:59"),
    ('time in "18:00-18:00"', 9, "begins when it ends", "00:00-24:00"),
    ('time in ["18:00"]', 9, "a span of time", "18:00-06:00"),
    ('weekday == "Son"', 12, "no day of the week", "Mon, Tue"),
    ("PixelData == 'x'", 1, "holds no text", ""),
    ("ReferencedSeriesSequence == 'x'", 1, "holds no text (SQ)", ""),
    ("TransferSyntaxUID == '1.2'", 1, "files and messages", "calling_ae"),
    ("SeriesNumber == 1e999", 17, "is none", "for example 3"),
    ("SeriesNumber == 1.2.3", 17, "no number", ""),
    ("0019100C == 3", 1, "no number", "(0019,100C)"),
    ("PatientName.FamilyName == 'x'", 12, '"." means nothing', "top level"),
    ("(" * 60 + "Modality == 'MR'" + ")" * 60, DEPTH + 1, "inside each other", ""),
    ("x" * 5000, TEXT_CHARACTERS + 1, "longer than", "make several"),
]


@pytest.mark.parametrize(("text", "column", "what", "hint"), REFUSED)
def test_what_is_refused_says_where_and_what_would_be_right(
    text: str, column: int, what: str, hint: str
):
    with pytest.raises(RuleError) as caught:
        compile_rule(text)
    assert caught.value.column == column
    assert f"column {column}" in caught.value.message
    assert what in caught.value.message
    assert hint in caught.value.hint


def test_a_column_is_of_its_line():
    with pytest.raises(RuleError, match="at line 3, column 5") as caught:
        compile_rule('Modality == "MR"\n  and\n    Foo == 1')
    assert caught.value.column == 5


IMPOSSIBLE = [
    'Modality == "MR" and Modality == "CT"',
    'Modality == "MR" and Modality != "mr"',
    'Modality == "MR" and (0008,0060) == "CT"',
    'Modality == "MR" and Modality not in ["MR", "CT"]',
    'Modality == "MR" and (Modality == "CT" or Modality in ["PT", "US"])',
    'Modality in ["MR", "CT"] and Modality in ["US"]',
    'Modality == "MR" and Modality like "C*"',
    'Modality == "MR" and Modality contains "T"',
    'Modality == "MR" and Modality matches "CT|PT"',
    'not (Modality != "MR" or Modality == "MR")',
    'ImageType == "LOCALIZER" and ImageType != "LOCALIZER"',
    'ImageType in ["A", "B"] and not ImageType contains "a" and ImageType != "b"',
    "exists(Modality) and missing(Modality)",
    'missing(Modality) and Modality == "MR"',
    'empty(Modality) and Modality == "MR"',
    "empty(Modality) and missing(Modality)",
    "empty(Modality) and not exists(Modality)",
    'missing(group) and group == "neuro"',
    'group == ""',
    'group == "neuro" and group == "body"',
    "SeriesNumber > 3 and SeriesNumber < 3",
    "SeriesNumber > 3 and SeriesNumber <= 3",
    "SeriesNumber == 5 and SeriesNumber > 7",
    "SeriesNumber in [1, 2] and SeriesNumber >= 3",
    "PixelSpacing == 1 and not PixelSpacing < 2",
    'StudyDate > "2026-01-01" and StudyDate < "2025-01-01"',
    'PatientAge < "001Y" and PatientAge > "024M"',
    'SeriesTime in "08:00-12:00" and SeriesTime > "13:00"',
    'weekday in "Sat,Sun" and weekday == "Mon"',
    'weekday not in "Mon-Sun"',
    'time in "08:00-12:00" and time in "13:00-14:00"',
    'time < "00:00"',
    'time > "23:59"',
    'not time in "00:00-24:00"',
    '(0019,1013) == "a" and not (0019,1013) == "A"',
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_what_can_never_hold(text: str):
    assert not compile_rule(text).can_hold()
    assert not compile_rule(text).holds(FACTS)
    assert not compile_rule(f"({text}) and group == 'neuro'").can_hold()
    assert compile_rule(f"({text}) or group == 'neuro'").can_hold()


POSSIBLE = [
    'ImageType == "ORIGINAL" and ImageType == "PRIMARY"',
    "PixelSpacing < 1 and PixelSpacing > 2",
    "(0019,1013) == 1 and (0019,1013) == 2",
    'Modality != "MR" and Modality != "CT"',
    'Modality like "M*" and Modality like "*R"',
    'Modality == "MR" and Modality matches "^m.$"',
    "not exists(Modality)",
    'not Modality == "MR" and missing(Modality)',
    "SeriesNumber > 3 and SeriesNumber < 4",
    "SeriesNumber > 1e308",
    'time in "22:00-06:00" and time in "05:00-23:00"',
    'group != "neuro" and missing(group)',
    # too many alternatives to look at all
    " and ".join(f"(SeriesNumber == {n} or Rows == {n})" for n in range(12)),
]


@pytest.mark.parametrize("text", POSSIBLE)
def test_what_can_hold(text: str):
    assert compile_rule(text).can_hold()


def test_a_rule_says_which_attributes_it_needs():
    rule = compile_rule(
        'Modality == "MR" and not ((0019,100C) > 3 or exists(patientname)) and group == "x"'
    )
    assert rule.needs == {0x00080060, 0x0019100C, 0x00100010}
    assert compile_rule('time in "18:00-06:00"').needs == frozenset()


def test_a_rule_is_a_value():
    rule = compile_rule('Modality == "MR" and PatientID matches "^x" and Manufacturer like "GE*"')
    assert rule == compile_rule(rule.text)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(rule) == hash(compile_rule(rule.text))


def test_a_hostile_expression_takes_no_time():
    facts = RuleFacts(attributes=header(PatientID="a" * 1000 + "!"), now=WEDNESDAY_EVENING)
    assert not compile_rule('PatientID matches "^(a+)+$"').holds(facts)
    assert not compile_rule('PatientID like "' + "*a" * 300 + '*b"').holds(facts)


def test_facts_do_not_show_patients():
    facts = RuleFacts(
        attributes=header(PatientName="Doe^Jane"), subject="Jane Doe", now=WEDNESDAY_EVENING
    )
    assert "Doe" not in repr(facts)
