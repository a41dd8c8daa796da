"""The report of a study: what its page says is what it has, and nobody is in it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from deid_parts import CT, EXPLICIT, INSTANCE, KEY, SUBJECT, E, Object, source_of, types
from deid_plans import BASIC, WITH_OPTIONS

from causeway.deidentify.edit.clean import Cleaned, clean
from causeway.deidentify.proof import Maps, Proof, StudyReport, prove

PAGE = Path(__file__).parents[3] / "docs/reference/deidentification-report.md"
DATA = E.head() + b"".join(
    (
        E.element(0x00080050, "SH", "ACC4711"),
        E.element(0x00100010, "PN", "Quacksalber^Ottokar"),
        E.element(0x00100020, "LO", "PHANTOM-1"),
        E.element(0x0020000D, "UI", "1.2.3.4.5"),
    )
)


def one() -> tuple[Cleaned, Proof]:
    source = source_of(Object(Path(), DATA, CT, INSTANCE, EXPLICIT))
    made = clean(source, plan=WITH_OPTIONS, subject=SUBJECT, types=types)
    return made, prove(source, made, WITH_OPTIONS, pseudonyms=[SUBJECT.patient_id()])


def report(*, backwards: bool = False) -> StudyReport:
    made, proof = one()
    empty = StudyReport(
        plan=WITH_OPTIONS,
        key_id=KEY.id,
        study=SUBJECT.uid("1.2.3.4.5"),
        subject=SUBJECT.patient_id(),
        at="2026-01-02T03:04:05Z",
    )
    steps = [
        lambda: empty.add_cleaned(made.counts, proof, pixels="kept"),
        lambda: empty.add_cleaned(made.counts, proof, pixels="us-philips"),
        lambda: empty.add_held("secondary capture without a rule"),
        lambda: empty.add_quarantined("identifier_left", "person name in (0008,1030)"),
        lambda: empty.add_left_out("not wanted by the person who released the rest"),
    ]
    for step in reversed(steps) if backwards else steps:
        step()
    return empty


def test_the_order_of_instances_is_not_in_it() -> None:
    assert report().json() == report(backwards=True).json()
    assert report().text() == report(backwards=True).text()


def test_counts_add_up() -> None:
    fields = json.loads(report().json())
    by_rule, by_action = (fields["attributes"][name] for name in ("by_rule", "by_action"))
    assert sum(by_rule.values()) == sum(by_action.values()) > 4
    assert fields["instances"] == {"cleaned": 2, "held": 1, "quarantined": 1, "left_out": 1}
    assert fields["proof"]["tokens"] > 0
    assert fields["profile"]["codes"][0]["value"] == "113100"


def test_nobody_is_in_it() -> None:
    """Nor in the representations that may land in a log."""
    full = report()
    maps = Maps()
    maps.add(one()[0].uids, patient_id="PHANTOM-1", subject=SUBJECT.patient_id())
    for text in (full.json(), full.text(), repr(full), repr(maps), repr(one())):
        for word in ("Quacksalber", "Ottokar", "ACC4711", "PHANTOM-1", "1.2.3.4.5"):
            assert not re.search(rf"(?<![\d.]){re.escape(word)}(?![\d.])", text, re.IGNORECASE)


def test_the_text_says_what_the_json_says() -> None:
    text = report().text()
    assert WITH_OPTIONS.digest[:12] in text
    assert KEY.id in text
    for line in ("113100", "113107", "secondary capture", "identifier_left", "us-philips"):
        assert line in text
    assert "not conformant" not in text


def test_every_field_is_on_the_page_and_no_other() -> None:
    documented = set(re.findall(r"^\| `([a-z_.\[\]]+)`", PAGE.read_text(), re.MULTILINE))
    assert documented == set(paths(json.loads(report().json())))


def paths(value: object, prefix: str = "") -> set[str]:
    """``profile.codes[].value``; what is below counts by rule is not named."""
    if isinstance(value, dict) and prefix not in OPEN:
        return set().union(*(paths(v, f"{prefix}.{k}".lstrip(".")) for k, v in value.items()))
    if isinstance(value, list):
        return set().union(*(paths(each, f"{prefix}[]") for each in value))
    return {prefix}


OPEN = {"attributes.by_action", "attributes.by_rule", "pixels"}
"""Their keys are actions, rules and decisions."""


def test_maps_are_apart_and_as_midi_b_reads_them() -> None:
    made, _ = one()
    maps = Maps()
    maps.add(made.uids, patient_id="PHANTOM-1 ", subject=SUBJECT.patient_id())
    maps.add(made.uids, patient_id="PHANTOM-1", subject=SUBJECT.patient_id())
    uids = list(csv.DictReader(io.StringIO(maps.uid_map())))
    assert {row["id_old"]: row["id_new"] for row in uids} == dict(made.uids)
    assert maps.uid_map().splitlines()[0] == "id_old,id_new"
    assert maps.patient_map() == f"id_old,id_new\nPHANTOM-1,{SUBJECT.patient_id()}\n"


def test_a_plan_that_does_less_says_so() -> None:
    from dataclasses import replace

    plan = replace(BASIC, is_conformant=False)
    empty = StudyReport(plan=plan, key_id=KEY.id, study="2.25.1", subject="S")
    assert "not conformant" in empty.text()
    assert json.loads(empty.json())["profile"]["is_conformant"] is False
    assert "at" not in json.loads(empty.json())
