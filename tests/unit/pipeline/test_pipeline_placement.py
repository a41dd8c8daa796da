"""Folders: first come, first served, for ever."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from causeway.decide.labels import Labels
from causeway.errors import DestinationUnavailable
from causeway.ledger import Placement
from causeway.pipeline.placement import Wanted, place_acquisition, place_stem
from causeway.testing.site import Image, Site


class Places:
    """The ledger's promise: the first owner of a path keeps it."""

    def __init__(self) -> None:
        self.owners: dict[tuple[str, str], str] = {}
        self.fail_after = -1

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement:
        if self.fail_after == 0:
            raise DestinationUnavailable("crash")
        self.fail_after -= 1
        holder = self.owners.setdefault((destination, path), owner)
        return Placement(destination=destination, path=path, owner=holder, won=holder == owner)

    def placed(self, destination: str, owner: str) -> tuple[str, ...]:
        return tuple(p for (d, p), o in self.owners.items() if d == destination and o == owner)


def label(session: str = "Brain", acquisition: str = "T1", subject: str = "P1") -> Labels:
    return Labels(
        group="unknown", project="Unsorted", subject=subject, session=session,
        acquisition=acquisition,
    )  # fmt: skip


def place(
    places: Places, labels: Labels, study: int, series: int, where: str = "a", **said: Any
) -> str:
    wanted = Wanted(labels=labels, study_id=study, series_id=series, **said)
    return "/".join(place_acquisition(places, where, wanted, at=0.0))


def test_the_first_gets_the_label_and_the_next_another() -> None:
    places = Places()
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    assert place(places, label(), 1, 2) == "unknown/Unsorted/P1/Brain/T1_dup-1"
    assert place(places, label(), 2, 3) == "unknown/Unsorted/P1/Brain_dup-1/T1"
    assert place(places, label(), 3, 4) == "unknown/Unsorted/P1/Brain_dup-2/T1"
    assert place(places, label(subject="P2"), 4, 5) == "unknown/Unsorted/P2/Brain/T1"


def test_who_has_a_folder_keeps_it_under_another_label_too() -> None:
    places = Places()
    first = place(places, label(), 1, 1)
    assert place(places, label("Other", "T9"), 1, 1) == first
    assert place(places, label("Other", "T9"), 1, 2) == "unknown/Unsorted/P1/Brain/T9"


def elsewhere(project: str, **values: str) -> Labels:
    return replace(label(**values), group="neuro", project=project)


def test_another_place_is_another_folder() -> None:
    places = Places()
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    assert place(places, elsewhere("A"), 1, 1) == "neuro/A/P1/Brain/T1"
    assert place(places, elsewhere("A"), 1, 2) == "neuro/A/P1/Brain/T1_dup-1"
    assert place(places, elsewhere("B"), 1, 2) == "neuro/B/P1/Brain/T1"
    # Back, or spelt otherwise: where it was.
    assert place(places, label(acquisition="T9"), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    assert place(places, elsewhere("a"), 1, 2) == "neuro/A/P1/Brain/T1_dup-1"


def test_a_session_that_is_said_is_another_folder() -> None:
    places = Places()
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    said = {"session_is_said": True}
    assert place(places, label("Visit 2"), 1, 1, **said) == "unknown/Unsorted/P1/Visit 2/T1"
    assert place(places, label("Visit 2"), 1, 2, **said) == "unknown/Unsorted/P1/Visit 2/T1_dup-1"
    assert place(places, label("Visit 2"), 2, 3, **said) == "unknown/Unsorted/P1/Visit 2_dup-1/T1"
    assert place(places, label("visit 2"), 2, 4, **said) == (
        "unknown/Unsorted/P1/Visit 2_dup-1/T1_dup-1"
    )
    # What nobody said goes where its label stands, or else to the first.
    assert place(places, label("Visit 2"), 1, 1) == "unknown/Unsorted/P1/Visit 2/T1"
    assert place(places, label("Other"), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    named = {"acquisition_is_said": True}
    assert place(places, label(acquisition="T2"), 1, 1, **named) == "unknown/Unsorted/P1/Brain/T2"


def test_groups_of_a_series_have_a_folder_each() -> None:
    places = Places()
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    assert place(places, label(acquisition="T1_2"), 1, 1, key="2") == (
        "unknown/Unsorted/P1/Brain/T1_2"
    )
    assert place(places, label(), 1, 1, key="3") == "unknown/Unsorted/P1/Brain/T1_dup-1"
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"


def test_merged_acquisitions_share_a_folder_but_no_name() -> None:
    places = Places()
    merged = {"merges": True}
    assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    first = place(places, label(), 1, 2, **merged)
    assert first == "unknown/Unsorted/P1/Brain/T1_dup-1", "that one is not shared"
    assert place(places, label(acquisition="t1"), 1, 3, **merged) == first
    assert place(places, label(acquisition="T2"), 1, 3, **merged) != first
    assert place(places, label(), 2, 4, **merged) == "unknown/Unsorted/P1/Brain_dup-1/T1"
    folders = [("a", tuple(first.split("/")))]

    def stem(owner: str, text: str = "T1", taken: tuple[str, ...] = ()) -> str:
        return place_stem(places, folders, text, owner, taken=taken, at=0.0)

    assert [stem("series:2"), stem("series:3"), stem("series:2")] == ["T1", "T1_dup-1", "T1"]
    assert stem("series:4", "t1") == "t1_dup-2"
    assert stem("series:5", "T3", ("t3",)) == "T3_dup-1"
    # A name must be free in each of the folders.
    both = [*folders, ("b", ("x",))]
    assert place_stem(places, [("b", ("x",))], "T4", "series:6", at=0.0) == "T4"
    assert place_stem(places, both, "T4", "series:7", at=0.0) == "T4_dup-1"


def test_names_that_differ_in_case_only_are_told_apart() -> None:
    places = Places()
    assert place(places, label("Brain"), 1, 1) == "unknown/Unsorted/P1/Brain/T1"
    assert place(places, label("BRAIN"), 2, 2) == "unknown/Unsorted/P1/BRAIN_dup-1/T1"
    assert place(places, label("Straße"), 3, 3) == "unknown/Unsorted/P1/Straße/T1"
    assert place(places, label("STRASSE"), 4, 4) == "unknown/Unsorted/P1/STRASSE_dup-1/T1"


def test_destinations_have_nothing_to_do_with_each_other() -> None:
    places = Places()
    assert place(places, label(), 1, 1, "a") == place(places, label(), 2, 2, "b")


def test_a_crash_between_two_claims_does_no_harm() -> None:
    for after in range(5):
        places = Places()
        places.fail_after = after
        try:
            place(places, label(), 1, 1)
        except DestinationUnavailable:
            places.fail_after = -1
        assert place(places, label(), 1, 1) == "unknown/Unsorted/P1/Brain/T1"


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9), st.sampled_from(["A", "a", "B"]))))
def test_no_two_series_share_a_folder(wanted: list[tuple[int, int, str]]) -> None:
    places = Places()
    found: dict[int, str] = {}
    study_of = {series: study for study, series, _ in reversed(wanted)}
    for _, series, text in wanted:
        where = place(places, label(text, text), study_of[series], series)
        assert found.setdefault(series, where) == where
    folded = [path.casefold() for path in found.values()]
    assert len(set(folded)) == len(folded)


def test_studies_of_one_description_stand_side_by_side(site: Site) -> None:
    for study, series in itertools.product((1, 2), (1, 2)):
        image = Image(study=study, series=series)
        site.receive(image)
    site.work(40)
    # Each study has its own patient here; both series of a study have the same description.
    assert sorted(a.reference for a in site.archives()) == [
        "unknown/Unsorted/P1/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P1/Brain/T1_dup-1/T1.dicom.zip",
        "unknown/Unsorted/P2/Brain/T1/T1.dicom.zip",
        "unknown/Unsorted/P2/Brain/T1_dup-1/T1.dicom.zip",
    ]
