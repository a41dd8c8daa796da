"""A treatment: the whole way of an object, and what makes two of them the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from deid_parts import KEY

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity import Aliases, ProjectKey, ShiftRules, project_key
from causeway.deidentify.pixels import Held, Rectangle, Release
from causeway.deidentify.treatment import (
    Clean,
    ProjectKeys,
    Treatment,
    Written,
    fingerprint_of,
    recipe_of,
)
from causeway.pipeline.snapshot import attributes_of
from causeway.testing.phantom import CT_PATIENT, Instance, Patient, make_instance

RESEARCH = Treatment(recipe=recipe_of("research"), key=KEY)


def a_key(name: str) -> ProjectKey:
    return project_key(name, hashlib.sha256(name.encode()).hexdigest())


def read(instance: Instance) -> tuple[Source, Attributes]:
    data = instance.data_set

    def fetch(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    source = Source(
        fetch=fetch,
        size=len(data),
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
    )
    return source, attributes_of(fetch, len(data), instance.transfer_syntax_uid)


def original(**changes: object) -> tuple[Source, Attributes]:
    said = {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "rows": 16, "columns": 16}
    return read(make_instance("CT", patient=CT_PATIENT, **(said | changes)))


def capture() -> tuple[Source, Attributes]:
    return read(make_instance("OT", patient=CT_PATIENT, rows=16, columns=16))


def test_an_image_goes_all_the_way():
    source, attributes = original()
    done = RESEARCH.clean(source, attributes)
    assert isinstance(done, Clean)
    assert done.proof is not None
    assert done.proof.tokens
    text = b"".join(done.cleaned.pieces())
    assert CT_PATIENT.patient_id.encode() not in text
    assert done.subject.patient_id().encode() in text
    study = attributes.first(0x0020000D)
    assert done.uid(study).encode() in text
    assert done.uid(study) != study
    assert study.encode() not in text


def test_what_is_risky_waits_for_a_person_who_may_blank_parts_of_it():
    source, attributes = capture()
    held = RESEARCH.clean(source, attributes)
    assert isinstance(held, Held)
    assert held.code == "secondary-capture"
    released = Release(by="ada", why="looked", regions=(Rectangle(x=0, y=0, width=4, height=4),))
    done = RESEARCH.clean(source, attributes, released=released)
    assert isinstance(done, Clean)
    assert done.prepared.area


def test_what_the_proof_finds_is_a_doubt_until_somebody_says_that_it_names_nobody():
    # A profile that lets a description stay, and a patient with a word of it for a name.
    recipe = recipe_of("direct-identifiers-only")
    treatment = Treatment(recipe=recipe, key=KEY)
    patient = Patient(name="Hauptmann^Klara", patient_id="P-4711")
    source, attributes = read(
        make_instance(
            "CT", patient=patient, rows=16, columns=16, ImageType=["ORIGINAL", "PRIMARY"],
            ProtocolName="Thorax nach Hauptmann",
        )
    )  # fmt: skip
    with pytest.raises(Doubt) as found:
        treatment.clean(source, attributes)
    assert found.value.code == "identifier_left"
    done = treatment.clean(source, attributes, excused=True)
    assert isinstance(done, Clean)
    assert done.proof is None


def test_nothing_but_that_find_is_excused():
    source, attributes = read(
        make_instance("CT", patient=Patient(patient_id=""), rows=16, columns=16)
    )
    with pytest.raises(Doubt) as found:
        RESEARCH.clean(source, attributes, excused=True)
    assert found.value.code == "no_patient_id"


def test_an_alias_is_an_input_beside_the_object():
    aliases = Aliases(subjects={("", CT_PATIENT.patient_id): "sub-01"})
    with_list = Treatment(recipe=RESEARCH.recipe, key=KEY, aliases=aliases)
    source, attributes = original()
    assert with_list.digest == RESEARCH.digest
    done = with_list.clean(source, attributes)
    assert isinstance(done, Clean)
    assert b"sub-01" in b"".join(done.cleaned.pieces())
    # As it was done before the list knew the patient, and the other way round.
    before = with_list.clean(source, attributes, alias="", proving=False)
    after = RESEARCH.clean(source, attributes, alias="sub-01", proving=False)
    plain = RESEARCH.clean(source, attributes)
    assert isinstance(before, Clean)
    assert isinstance(after, Clean)
    assert isinstance(plain, Clean)
    assert list(before.cleaned.pieces()) == list(plain.cleaned.pieces())
    assert list(after.cleaned.pieces()) == list(done.cleaned.pieces())


def test_whatever_changes_a_byte_changes_the_digest(tmp_path: Path):
    rules = tmp_path / "pixels.toml"
    rules.write_text('[[rule]]\nname = "r"\nmatch = { modality = "OT" }\npass = true\n')
    recipe = RESEARCH.recipe
    digests = [
        RESEARCH.digest,
        Treatment(recipe=recipe_of("basic"), key=KEY).digest,
        Treatment(recipe=recipe_of("research", rules), key=KEY).digest,
        Treatment(recipe=recipe_of("research", None, "hold"), key=KEY).digest,
        Treatment(recipe=recipe, key=a_key("other")).digest,
        Treatment(recipe=recipe, key=KEY, shift=ShiftRules(most_days=700)).digest,
    ]
    assert len(set(digests)) == len(digests)
    renamed = ProjectKey(id=f"another-name-{fingerprint_of(KEY.id)}", secret=KEY.secret)
    assert Treatment(recipe=recipe, key=renamed).digest == RESEARCH.digest


def test_a_recipe_is_made_again_from_what_was_written(tmp_path: Path):
    rules = tmp_path / "pixels.toml"
    rules.write_text('[[rule]]\nname = "r"\nmatch = { modality = "OT" }\npass = true\n')
    profile = tmp_path / "site.toml"
    profile.write_text('name = "site"\nbase = "basic"\n')
    made = recipe_of(profile, rules, "hold")
    kept = made.written.to_json()
    profile.unlink()
    rules.unlink()
    again = Written.from_json(kept).recipe()
    assert again.plan.digest == made.plan.digest
    assert again.pixels.digest == made.pixels.digest
    for text in ("", "{}", "[]", '{"profile": {"x": 1}, "pixels": "", "ocr": ""}'):
        with pytest.raises(ValueError, match="no recipe"):
            Written.from_json(text)


def test_a_profile_that_cleans_content_lets_reports_pass(tmp_path: Path):
    profile = tmp_path / "site.toml"
    profile.write_text('name = "site"\nbase = "basic"\noptions = ["clean_structured_content"]\n')
    assert recipe_of(profile).pixels.structured_content
    assert not RESEARCH.recipe.pixels.structured_content


def test_each_project_has_a_key_of_its_own():
    usual = a_key("usual")
    keys = ProjectKeys(usual=usual, own={"neuro/sleep": a_key("sleep"), "cardio": a_key("cardio")})
    sleep, cardio = keys.of("neuro", "Sleep"), keys.of("cardio", "Anything")
    assert sleep is not None
    assert sleep.id.startswith("sleep-")
    assert cardio is not None
    assert cardio.id.startswith("cardio-")
    one, other = keys.of("neuro", "Amnesia"), keys.of("neuro", "Ataxia")
    assert one is not None
    assert other is not None
    assert one.secret != other.secret != usual.secret
    assert keys.of("Neuro", "AMNESIA") == one
    assert ProjectKeys().of("neuro", "Sleep") is None


def test_a_key_is_found_again_by_its_id_whatever_it_is_called_by_then():
    old, new = a_key("usual"), project_key("usual", hashlib.sha256(b"new").hexdigest())
    used = ProjectKeys(usual=old).of("neuro", "Amnesia")
    assert used is not None
    renamed = ProjectKey(id=f"usual-2025-{fingerprint_of(old.id)}", secret=old.secret)
    rotated = ProjectKeys(usual=new, retired=(renamed,))
    found = rotated.known(used.id, "neuro/amnesia")
    assert found is not None
    assert found.secret == used.secret
    assert ProjectKeys(usual=new).known(used.id, "neuro/amnesia") is None
    whole = rotated.known(old.id, "neuro/amnesia")
    assert whole is not None
    assert whole.secret == old.secret


def test_nothing_of_a_secret_or_a_patient_is_shown():
    source, attributes = original()
    done = RESEARCH.clean(source, attributes)
    shown = repr(RESEARCH) + repr(done)
    for hidden in (CT_PATIENT.patient_id, CT_PATIENT.name, KEY.secret.hex()):
        assert hidden not in shown
