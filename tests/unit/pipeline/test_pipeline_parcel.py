"""Recipes: names, order, digest, and that they come back from the ledger as they were frozen."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline_rows import instance, series, study

from causeway.destinations import Seal
from causeway.errors import ConfigurationError, LedgerCorrupt, NotAllowed
from causeway.ledger import InstanceRow, ParcelRow, ParcelState, SeriesState
from causeway.pipeline.contents import AsReceived, Content
from causeway.pipeline.deidentify import CleanSeries, passthrough, restored
from causeway.pipeline.manifest import is_same_parcel, metadata, moment_text
from causeway.pipeline.names import SeriesNames
from causeway.pipeline.parcel import Completion, Parcel, from_ledger, members, package
from causeway.values import Identity, Record

COMPLETION = Completion(reason="no new image for 30 s", instances=3, expected=None)


def made(
    instances: list[InstanceRow] | None = None, earlier: tuple[ParcelRow, ...] = (), **values: Any
) -> Parcel:
    rows = instances or [instance(n) for n in (1, 2, 3)]
    return package(restored(study(), series(**values), rows), COMPLETION, earlier)


def row_of(parcel: Parcel, **values: Any) -> ParcelRow:
    return ParcelRow(
        **{
            "id": 5, "series_id": 34, "study_id": 7, "number": parcel.number, "generation": 2,
            "key": parcel.part.key, "kind": parcel.kind,
            "state": ParcelState.MADE, "name": parcel.name, "size": parcel.size,
            "digest": parcel.digest(), "manifest": parcel.manifest(),
            "instance_count": len(parcel.members), "created_at": 0.0, "settled_at": None,
            "retired_at": None, **values,
        }
    )  # fmt: skip


def test_names_of_members() -> None:
    parcel = made()
    assert [m.name for m in parcel.members] == [
        "1.2.3.1.CT.dcm",
        "1.2.3.2.CT.dcm",
        "1.2.3.3.CT.dcm",
    ]
    assert parcel.name == "T1.dicom.zip"
    assert parcel.size == 300


@pytest.mark.parametrize("modality", ["", "ct", "C/T", "..", "A B", "X" * 17, "Ü"])
def test_a_modality_that_cannot_be_in_a_name_is_na(modality: str) -> None:
    assert {m.name for m in made(modality=modality).members} == {
        f"1.2.3.{n}.NA.dcm" for n in (1, 2, 3)
    }


def test_what_was_let_through_as_it_is_is_told_apart() -> None:
    rows = [
        instance(1),
        instance(2, sop_instance_uid="1.2.3.1", approved=True),
        instance(3, sop_instance_uid="../../etc/passwd"),
        instance(4, sop_instance_uid=""),
        instance(5, sop_instance_uid="1" * 65),
    ]
    assert [m.name for m in members(rows, "CT")] == [
        "1.2.3.1.CT.dcm",
        "1.2.3.1_2.CT.dcm",
        "as-is_3.CT.dcm",
        "as-is_4.CT.dcm",
        "as-is_5.CT.dcm",
    ]


@given(st.lists(st.text(max_size=70), max_size=8), st.text(max_size=20))
def test_no_uid_and_no_modality_makes_an_unsafe_name(uids: list[str], modality: str) -> None:
    rows = [instance(n, sop_instance_uid=uid) for n, uid in enumerate(uids)]
    names = [m.name for m in members(rows, modality)]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[0-9a-z._-]+\.[A-Z0-9]{1,16}\.dcm", name)
        assert not name.startswith((".", "-"))
        assert ".." not in name


def test_order_is_by_instance_number_and_does_not_depend_on_arrival() -> None:
    numbers = ["10", "9", "", "x", "1", "00002", "²", "-1"]
    rows = [instance(n, instance_number=number) for n, number in enumerate(numbers)]
    expected = members(rows, "CT")
    assert [m.instance.instance_number for m in expected] == [
        "1", "00002", "9", "10", "", "x", "²", "-1",
    ]  # fmt: skip
    for seed in range(10):
        shuffled = random.Random(seed).sample(rows, len(rows))
        assert members(shuffled, "CT") == expected
        assert made(shuffled).digest() == made(rows).digest()


def test_the_digest_tells_any_change() -> None:
    rows = [instance(n) for n in (1, 2, 3)]
    variants = [
        rows,
        rows[:2],
        [rows[0], rows[1], replace(rows[2], digest=bytes(32))],
        [rows[0], rows[1], replace(rows[2], size=101)],
        [rows[0], rows[1], replace(rows[2], sop_instance_uid="1.2.3.9")],
    ]
    digests = [made(v).digest() for v in variants]
    digests.append(made(modality="MR").digest())
    assert len(set(digests)) == len(digests)


def test_a_recipe_comes_back_as_it_was_frozen() -> None:
    parcel = made(acquisition_date="20260102", acquisition_time="030405")
    rows = [m.instance for m in parcel.members]
    assert from_ledger(row_of(parcel), rows[::-1]) == parcel
    # The series' row goes on changing; the parcel does not.
    assert from_ledger(row_of(parcel), rows).labels.acquisition == "T1"


def test_a_recipe_whose_members_are_others_is_not_sent() -> None:
    parcel = made()
    rows = [m.instance for m in parcel.members]
    for wrong in (rows[:2], [*rows, instance(4)], [rows[0], rows[1], instance(9)]):
        with pytest.raises(LedgerCorrupt, match="members of parcel 5"):
            from_ledger(row_of(parcel), wrong)


@pytest.mark.parametrize(
    "manifest",
    ["", "{}", "[]", "null", '{"recipe": 1}', '{"recipe": 99}', '{"recipe": 1, "name": 3}'],
)
def test_a_manifest_that_cannot_be_read_is_not_guessed(manifest: str) -> None:
    parcel = made()
    with pytest.raises(LedgerCorrupt, match="parcel 5"):
        from_ledger(row_of(parcel, manifest=manifest), [m.instance for m in parcel.members])


def test_amendments_say_what_they_amend() -> None:
    first = made()
    second = made([instance(8)], (row_of(first),))
    third = made([instance(9)], (row_of(first), row_of(second)))
    assert second.name == "T1.amendment-1.dicom.zip"
    assert third.name == "T1.amendment-2.dicom.zip"
    assert [(e.number, e.name) for e in third.amends] == [
        (1, "T1.dicom.zip"),
        (2, "T1.amendment-1.dicom.zip"),
    ]
    described = json.loads(
        metadata(content(third), Seal(size=1, sha256="00"), "stored", created_at=0.0)
    )
    assert described["parcel"] == {
        "number": 3,
        "kind": "amendment",
        "amends": [
            {"number": 1, "archive": "T1.dicom.zip"},
            {"number": 2, "archive": "T1.amendment-1.dicom.zip"},
        ],
    }


@given(st.text(max_size=300))
def test_names_of_archives_fit_every_file_system(description: str) -> None:
    for earlier in ((), tuple(itertools.repeat(row_of(made()), 120))):
        name = f"{made(earlier=earlier, series_description=description).name}.json"
        assert len(name.encode()) <= 255
        assert "/" not in name
        assert not name.startswith(".")


def test_the_description_names_neither_patient_nor_birthday() -> None:
    text = metadata(content(made()), Seal(size=1, sha256="00"), "stored", created_at=0.0).decode()
    assert "Phantom" not in text
    described = json.loads(text)
    assert described["hierarchy"]["subject"] == "P1"
    assert described["deidentify"] == {"archive": "none"}
    assert described["completion"]["reason"] == "no new image for 30 s"
    assert [m["blake3"] for m in described["members"]] == [
        (bytes([n]) * 32).hex() for n in (1, 2, 3)
    ]


def test_moments_are_utc_to_the_millisecond() -> None:
    assert moment_text(1_795_204_800.25) == "2026-11-20T20:00:00.250Z"


def test_nothing_of_a_patient_is_in_a_repr() -> None:
    text = repr(made()) + repr(made().members)
    for secret in ("Phantom", "P1", "Brain", "T1", "1.2.3.1"):
        assert secret not in text


# --- what may be packaged ----------------------------------------------------------------------


def test_nobody_else_makes_a_clean_series() -> None:
    with pytest.raises(TypeError, match="deidentify only"):
        CleanSeries(
            seal=object(),  # type: ignore[arg-type]
            series_id=1,
            generation=1,
            names=SeriesNames(identity=Identity(), study_instance_uid="", series_instance_uid=""),
            modality="CT",
            instances=(),
            asked=(),
        )
    with pytest.raises(ValueError, match="seal"):
        replace(restored(study(), series(), [instance(1)]), modality="MR")


@pytest.mark.parametrize("state", [s for s in SeriesState if s is not SeriesState.CLEANED])
def test_only_a_cleaned_series_can_be_packaged(state: SeriesState) -> None:
    with pytest.raises(NotAllowed, match="not cleaned"):
        restored(study(), series(state=state), [instance(1)])


@pytest.mark.parametrize(
    "record", ["", "{}", "[]", '{"treatments": 3}', '{"treatments": {"a": "?"}}']
)
def test_a_series_without_a_record_of_cleaning_cannot_be_packaged(record: str) -> None:
    with pytest.raises(NotAllowed, match="no record"):
        restored(study(), series(cleaning=record), [instance(1)])


def test_passing_everything_must_be_said_for_each_destination() -> None:
    record = passthrough(("a", "b"), {"a": "none", "b": "none"})
    clean = restored(study(), series(cleaning=record), [instance(1)])
    assert [(each.destination, each.name, each.treatment_id) for each in clean.asked] == [
        ("a", "none", None),
        ("b", "none", None),
    ]
    with pytest.raises(ConfigurationError, match="destination b"):
        passthrough(("a", "b"), {"a": "none"})


def content(parcel: Parcel, destination: str = "archive") -> Content:
    class NoSource:
        """Nobody asks for bytes."""

        def read(self, where: Record) -> bytes:
            raise AssertionError

        def chunks(self, where: Record, size: int = 0) -> Iterator[bytes]:
            raise AssertionError

    return AsReceived(NoSource()).of(parcel, destination)


def test_nothing_leaves_for_a_destination_that_nobody_decided_about() -> None:
    parcel = made()
    assert content(parcel).parcel is parcel
    with pytest.raises(NotAllowed, match="elsewhere"):
        content(parcel, "elsewhere")
    with pytest.raises(NotAllowed, match="archive"):
        content(replace(parcel, treatments=(("archive", "clean"),)))


def test_when_it_was_told_does_not_make_another_parcel() -> None:
    seal = Seal(size=1, sha256="00")

    def told(parcel: Parcel, at: float = 0.0, seal: Seal = seal) -> bytes:
        return metadata(content(parcel), seal, "stored", created_at=at)

    parcel = made()
    reason = replace(parcel.completion, reason="for another reason")
    assert is_same_parcel(told(parcel), told(replace(parcel, completion=reason), at=9.0))
    assert not is_same_parcel(told(parcel), told(parcel, seal=Seal(size=1, sha256="01")))
    assert not is_same_parcel(told(parcel), told(replace(parcel, number=2)))
    assert not is_same_parcel(told(parcel), told(replace(parcel, members=())))
    for stranger in (b"", b"[]", b"null", b"{", b"\xff", b"{}", b"[" * 100_000):
        assert not is_same_parcel(told(parcel), stranger)
