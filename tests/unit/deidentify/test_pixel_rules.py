"""Rules of a site: what they match, and how mistakes in them are said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pixel_objects import attributes, rectangle

from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.regions import (
    Effect,
    Ocr,
    Rules,
    fits,
    load_rules,
    parse_rules,
)
from causeway.errors import ConfigurationError

GOOD = """
structured_content = true

[ocr]
found = "redact"
frames = 3
languages = "eng+deu"

[[rule]]
name = "a"
match.manufacturer = ["Philips*", "PMS"]
match.image_type = ["DERIVED", "*INFO*"]
match.rows = 20
match.columns = 30
blank = [[0, 0, 30, 5]]
keep = [[0, 5, 30, 10], "ultrasound-regions"]
"""


def test_all_that_can_be_said():
    rules = parse_rules(GOOD)
    assert (rules.structured_content, rules.ocr, rules.ocr_frames) == (True, Ocr.REDACT, 3)
    (rule,) = rules.rules
    assert rule.effect is Effect.REGIONS
    assert rule.area == Area(blank=(rectangle(0, 0, 30, 5),), keep=((rectangle(0, 5, 30, 10),),))
    assert rule.keeps_ultrasound_regions
    told = {"Manufacturer": "philips medical", "ImageType": "DERIVED\\X\\DOSE_INFO",
            "Rows": "20", "Columns": "30"}  # fmt: skip
    assert rules.matching(attributes(**told)) == [rule]
    for name, value in (("Manufacturer", "GE"), ("ImageType", "DERIVED"), ("Rows", "21")):
        assert not rules.matching(attributes(**(told | {name: value})))
        assert not rules.matching(attributes(**{k: v for k, v in told.items() if k != name}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = 1", 'has no "rules" (did you mean rule?)'),
        ("structured_content = 1", "true or false"),
        ('[ocr]\nfound = "maybe"', 'found is "off", "hold" or "redact"'),
        ('[ocr]\nlanguages = "eng; rm"', "languages"),
        ("[ocr]\nframes = -1", "frames"),
        ("[rule]\nname = 1", "[[rule]]"),
        ("[[rule]]\nhold = true", "a rule has a name"),
        ('\n\n[[rule]]\nname = "x"\nhold = true', "line 3"),
        ('[[rule]]\nname = "x"\nmatch = { model = "M" }', "says nothing"),
        ('[[rule]]\nname = "x"\nmatch = { modell = "M" }\nhold = true', "did you mean model?"),
        ('[[rule]]\nname = "x"\nmatch = { model = 5 }\nhold = true', "model is a text"),
        ('[[rule]]\nname = "x"\nmatch = { rows = "5" }\nhold = true', "rows is a number"),
        ('[[rule]]\nname = "x"\nmatch = { model = "M" }\nhold = false', "hold is true"),
        ('[[rule]]\nname = "x"\nmatch = { model = "M" }\nhold = true\npass = true', "cannot both"),
        ('[[rule]]\nname = "x"\nmatch = { model = "M" }\nblank = []', "no rectangle"),
        ('[[rule]]\nname = "x"\nmatch = { model = "M" }\nblank = [[0,0,1,1]]', "which size"),
        (
            '[[rule]]\nname = "x"\nmatch = { rows = 9, columns = 9 }\nblank = [[0,0,10,1]]',
            "[0, 0, 10, 1] reaches out of 9 columns and 9 rows",
        ),
        (
            '[[rule]]\nname = "x"\nmatch = { rows = 9, columns = 9 }\nblank = [[0,0,0,1]]',
            "is no rectangle",
        ),
        (
            '[[rule]]\nname = "x"\nmatch = { rows = 9, columns = 9 }\nblank = [[0,0,1]]',
            "four whole numbers",
        ),
        (
            '[[rule]]\nname = "x"\nmatch = { model = "*" }\nhold = true\n' * 2,
            'another rule "x"',
        ),
        ("[[rule\n\n", "line 1"),
    ],
)
def test_mistakes_are_said(text: str, said: str):
    with pytest.raises(ConfigurationError) as caught:
        parse_rules(text, origin="pixels.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("pixels.toml")


def test_a_file(tmp_path: Path):
    path = tmp_path / "pixels.toml"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_rules(path)
    path.write_text(GOOD, encoding="utf-8")
    assert load_rules(path) == parse_rules(GOOD)


def test_the_digest_is_of_what_rules_do():
    assert parse_rules(GOOD).digest == parse_rules(GOOD + "\n# a remark").digest
    assert parse_rules(GOOD).digest != parse_rules(GOOD.replace("30, 5]", "30, 6]")).digest
    assert parse_rules(GOOD).digest != parse_rules(GOOD.replace("redact", "hold")).digest
    assert Rules().digest == parse_rules("").digest


@pytest.mark.parametrize(
    ("pattern", "text", "whether"),
    [
        ("EPIQ*", "epiq 5G", True),
        ("*5?", "EPIQ 5G", True),
        ("*5?", "EPIQ 5", False),
        ("[a]", "a", False),
        ("[a]", "[A]", True),
        ("", "", True),
        ("*", "", True),
        ("?", "", False),
        ("a*b*c", "aXbYbZc", True),
        ("a*b*c", "aXbYbZ", False),
    ],
)
def test_patterns(pattern: str, text: str, whether: bool):
    assert fits(pattern, text) is whether


def test_no_pattern_takes_long():
    begin = time.monotonic()
    assert not fits("*a" * 30 + "b", "a" * 4000)
    assert time.monotonic() - begin < 5
