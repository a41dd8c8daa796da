"""Groups: one for the whole series, and each rule that makes more of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.attributes import Attributes, tag_of
from causeway.decide.grouping import (
    MAIN,
    Disagreement,
    Group,
    InstanceFacts,
    disagreements,
    groups,
)
from causeway.decide.verdict import GroupingRules, Localizers, Related, Screenshots

SERIES = "1.2.840.9.30"
PARENT = "1.2.840.9.29"

BY_NUMBER = GroupingRules(split_by=(tag_of("AcquisitionNumber"),))
BY_TYPE = GroupingRules(split_by=(tag_of("ImageType"),))
AXIAL = "ORIGINAL\\PRIMARY\\AXIAL"
SAVED = "DERIVED\\SECONDARY\\SCREEN SAVE"
ACROSS = "1\\0\\0\\0\\1\\0"
ALONG = "0\\1\\0\\0\\0\\-1"
MR = "1.2.840.10008.5.1.4.1.1.4"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"


def head(*, referenced: Sequence[str] = (), **values: str) -> Attributes:
    told = {"SeriesInstanceUID": SERIES, "Manufacturer": "GE MEDICAL SYSTEMS", **values}
    return Attributes(
        values={tag_of(name): (text,) for name, text in told.items()},
        referenced_series=frozenset(referenced),
    )


def one(number: int, **told: object) -> InstanceFacts:
    return InstanceFacts(
        **{"id": number, "sop_class_uid": MR, "sop_instance_uid": f"1.2.{number}", **told}  # type: ignore[arg-type]
    )


def by_key(found: Sequence[Group]) -> dict[str, tuple[int | str, ...]]:
    keys = {group.key: group.members for group in found}
    assert len(keys) == len(found)
    return keys


def test_a_series_is_one_acquisition() -> None:
    (only,) = groups(head(), [one(1, acquisition_number="1"), one(2)], GroupingRules())
    assert only == Group(
        key=MAIN,
        label_suffix="",
        acquisition_uid=SERIES,
        attach_to="",
        members=(1, 2),
        reason="the whole series",
    )
    assert SERIES not in repr(only)


def test_nothing_is_no_group() -> None:
    assert groups(head(), [], BY_NUMBER) == ()


# --- acquisition numbers --------------------------------------------------------------------------


def numbered(*numbers: str, **told: object) -> list[InstanceFacts]:
    return [
        one(position, acquisition_number=number, **told)
        for position, number in enumerate(numbers, 1)
    ]


def test_ge_is_split_by_acquisition_number() -> None:
    found = groups(head(), numbered("2", "1", "2", "10", "01", ""), BY_NUMBER)
    assert [(each.label_suffix, each.acquisition_uid, each.members) for each in found] == [
        ("", SERIES, (2, 5, 6)),
        ("_2", f"{SERIES}_2", (1, 3)),
        ("_10", f"{SERIES}_10", (4,)),
    ]
    assert [each.reason for each in found] == [
        "AcquisitionNumber 1 or none",
        "AcquisitionNumber 2",
        "AcquisitionNumber 10",
    ]


@pytest.mark.parametrize(
    "maker", ["SIEMENS", "Siemens Healthineers", "siemens", "Bruker BioSpin MRI GmbH", " SIEMENS "]
)
def test_siemens_and_bruker_are_never_split_by_it(maker: str) -> None:
    (only,) = groups(head(Manufacturer=maker), numbered("1", "2", "3"), BY_NUMBER)
    assert (only.key, only.acquisition_uid, only.members) == (MAIN, SERIES, (1, 2, 3))
    assert "counts repetitions" in only.reason


@pytest.mark.parametrize(
    ("number", "uid"),
    [("1", SERIES), ("0", SERIES), ("-1", SERIES), ("", SERIES), ("2", f"{SERIES}_2")],
)
def test_only_a_number_beyond_the_first_is_in_the_uid(number: str, uid: str) -> None:
    (only,) = groups(head(), numbered(number, number), BY_NUMBER)
    assert (only.key, only.label_suffix, only.acquisition_uid) == (MAIN, "", uid)


def test_what_is_no_number_still_splits() -> None:
    found = groups(head(), numbered("1", "A/1"), BY_NUMBER)
    assert [each.members for each in found] == [(1,), (2,)]
    assert found[1].label_suffix.startswith("_A_1-"), "told apart from A:1"


@pytest.mark.parametrize(
    "told",
    [{"number_of_frames": "60"}, {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4.1"}],
)
def test_multi_frame_objects_stay_whole(told: dict[str, str]) -> None:
    (only,) = groups(head(), numbered("1", "2", **told), BY_NUMBER)
    assert only.members == (1, 2)
    assert "multi-frame" in only.reason


# --- image types and other attributes -------------------------------------------------------------


def typed(*types: str, **told: object) -> list[InstanceFacts]:
    return [one(position, image_type=each, **told) for position, each in enumerate(types, 1)]


def test_ct_by_image_type() -> None:
    localizer = "ORIGINAL\\PRIMARY\\LOCALIZER"
    summary = "DERIVED\\SECONDARY\\DOSE_INFO"
    found = groups(head(Modality="CT"), typed(summary, localizer, AXIAL, AXIAL), BY_TYPE)
    assert [(each.label_suffix, each.members) for each in found] == [
        ("", (3, 4)),
        ("_DERIVED-SECONDARY-DOSE_INFO", (1,)),
        ("_localizer", (2,)),
    ]
    assert len({each.acquisition_uid for each in found}) == 3
    assert found[0].acquisition_uid == SERIES


def test_one_image_type_changes_nothing() -> None:
    (only,) = groups(head(), typed(AXIAL, AXIAL), BY_TYPE)
    assert (only.key, only.label_suffix, only.acquisition_uid) == (MAIN, "", SERIES)


def test_what_reads_the_same_in_a_name_is_still_two() -> None:
    found = groups(head(), typed(AXIAL, "DERIVED\\A:B", "DERIVED\\A/B", "D" * 90), BY_TYPE)
    assert len({each.label_suffix for each in found}) == 4
    assert len({each.acquisition_uid for each in found}) == 4


def test_any_attribute_splits_and_is_not_told() -> None:
    echo = tag_of("EchoTime")
    rules = GroupingRules(split_by=(echo,))
    images = [one(1, values={echo: "12"}), one(2, values={echo: "5"}), one(3)]
    found = groups(head(), images, rules)
    assert [(each.label_suffix, each.members) for each in found] == [
        ("", (3,)),
        ("_5", (2,)),
        ("_12", (1,)),
    ]
    assert {each.reason for each in found} == {"one value of EchoTime"}


def test_several_attributes_split() -> None:
    rules = GroupingRules(split_by=(*BY_NUMBER.split_by, *BY_TYPE.split_by))
    images = [
        one(1, acquisition_number="1", image_type=AXIAL),
        one(2, acquisition_number="2", image_type=AXIAL),
        one(3, acquisition_number="2", image_type=SAVED),
    ]
    found = groups(head(), images, rules)
    assert [(each.label_suffix, each.members) for each in found] == [
        ("", (1,)),
        ("_2_AXIAL", (2,)),
        ("_2_DERIVED-SECONDARY-SCREEN SAVE", (3,)),
    ]


# --- screen captures ------------------------------------------------------------------------------

ATTACH = GroupingRules(screenshots=Screenshots.ATTACH)
ARITHMETIC = GroupingRules(screenshots=Screenshots.ARITHMETIC)


@pytest.mark.parametrize("kind", [SAVED, "DERIVED\\SECONDARY\\VXTL STATE"])
def test_a_screen_capture_goes_with_what_it_refers_to(kind: str) -> None:
    (only,) = groups(head(), typed(kind, kind, referenced_series=(PARENT,)), ATTACH)
    assert (only.key, only.attach_to, only.acquisition_uid) == (MAIN, PARENT, PARENT)
    assert only.label_suffix == ""
    assert PARENT not in only.reason


def test_its_series_may_say_it() -> None:
    (only,) = groups(head(referenced=[PARENT]), typed(SAVED), ATTACH)
    assert only.attach_to == PARENT


@pytest.mark.parametrize("referenced", [(), (SERIES,), (PARENT, "1.2.3")])
def test_one_that_names_no_one_series_stays(referenced: tuple[str, ...]) -> None:
    (only,) = groups(head(), typed(SAVED, referenced_series=referenced), ATTACH)
    assert (only.attach_to, only.acquisition_uid) == ("", SERIES)
    assert only.reason == "they name no one series to go with"


def test_unless_asked_it_stays() -> None:
    images = typed(SAVED, AXIAL, referenced_series=(PARENT,))
    (only,) = groups(head(), images, GroupingRules())
    assert (only.attach_to, only.members) == ("", (1, 2))


@pytest.mark.parametrize(
    "kind", ["DERIVED\\SECONDARY\\SCREEN SAVE\\MORE", "DERIVED\\SECONDARY", ""]
)
def test_only_these_image_types_are_captures(kind: str) -> None:
    (only,) = groups(head(), typed(kind, referenced_series=(PARENT,)), ATTACH)
    assert only.attach_to == ""


def test_captures_inside_a_series_of_images() -> None:
    images = [
        one(1, image_type=SAVED, referenced_series=(PARENT,)),
        one(2, image_type=AXIAL, referenced_series=(PARENT,)),
        one(3, image_type=SAVED, referenced_series=("1.2.3",)),
    ]
    found = groups(head(), images, ATTACH)
    assert [(each.attach_to, each.members) for each in found[:1]] == [("", (2,))]
    assert {(each.attach_to, each.members) for each in found[1:]} == {
        (PARENT, (1,)),
        ("1.2.3", (3,)),
    }
    assert {each.label_suffix for each in found[1:]} == {"_screenshots"}
    assert all(PARENT not in each.key for each in found)


@pytest.mark.parametrize(
    ("maker", "uid", "parent"),
    [
        ("GE MEDICAL SYSTEMS", "1.2.840.9.30", "1.2.840.9.29"),
        ("G.E. Medical Systems", "1.2.840.9.1000", "1.2.840.9.999"),
        ("GE", "1.2.840.9.1", "1.2.840.9.0"),
        ("GE", "1.2.840.9.0", ""),
        ("SIEMENS", "1.2.840.9.30", ""),
        ("Gendex", "1.2.840.9.30", ""),
        ("", "1.2.840.9.30", ""),
        ("GE", "junk", ""),
        ("GE", "30", ""),
        ("GE", "", ""),
    ],
)
def test_arithmetic_is_for_ge_alone(maker: str, uid: str, parent: str) -> None:
    series = head(Manufacturer=maker, SeriesInstanceUID=uid)
    (only,) = groups(series, typed(SAVED, referenced_series=("1.9",)), ARITHMETIC)
    assert only.attach_to == parent


# --- localizers -----------------------------------------------------------------------------------

SPLIT = GroupingRules(localizers=Localizers.SPLIT)


def stack(
    count: int, *, first: int = 1, orientation: str = ACROSS, **told: object
) -> list[InstanceFacts]:
    usual: dict[str, object] = {"rows": "512", "columns": "512", "image_type": AXIAL}
    return [
        one(number, orientation=orientation, **{**usual, **told})
        for number in range(first, first + count)
    ]


def test_a_localizer_by_its_image_type() -> None:
    images = [*stack(2), *stack(1, first=3, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")]
    found = groups(head(), images, SPLIT)
    assert by_key(found) == {MAIN: (1, 2), "localizer": (3,)}
    assert found[1].label_suffix == "_localizer"
    assert found[1].acquisition_uid == f"{SERIES}_localizer"
    assert len(groups(head(), images, GroupingRules())) == 1


def test_a_series_of_localizers_is_one() -> None:
    images = stack(9, image_type="ORIGINAL\\PRIMARY\\LOCALIZER")
    assert by_key(groups(head(), images, SPLIT)) == {MAIN: tuple(range(1, 10))}


@pytest.mark.parametrize(
    "odd", [{"orientation": ALONG}, {"rows": "256"}, {"orientation": ""}, {"columns": "888"}]
)
def test_a_localizer_by_how_it_lies(odd: dict[str, str]) -> None:
    found = groups(head(), [*stack(1, first=20, **odd), *stack(8)], SPLIT)  # type: ignore[arg-type]
    assert by_key(found) == {MAIN: tuple(range(1, 9)), "localizer": (20,)}


def test_few_images_are_not_judged() -> None:
    found = groups(head(), [*stack(6), *stack(1, first=20, orientation=ALONG)], SPLIT)
    assert len(found) == 1


def test_a_second_stack_stays() -> None:
    found = groups(head(), [*stack(30), *stack(8, first=50, orientation=ALONG)], SPLIT)
    assert len(found) == 1


def test_without_a_majority_nothing_is_odd() -> None:
    planes = [f"1\\0\\0\\0\\{1 - step / 10:.1f}\\{step / 10:.1f}" for step in range(10)]
    images = [one(n, rows="9", columns="9", orientation=each) for n, each in enumerate(planes)]
    assert len(groups(head(), images, SPLIT)) == 1
    even = [*stack(7), *stack(7, first=20, orientation=ALONG)]
    assert len(groups(head(), even, SPLIT)) == 1


def test_the_same_plane_in_other_digits() -> None:
    images = [*stack(8), *stack(2, first=20, orientation="0.9998\\0.0174\\-0\\0\\1.000\\0")]
    assert len(groups(head(), images, SPLIT)) == 1


def test_reports_and_multi_frames_are_not_judged() -> None:
    report = one(50, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11")
    whole = one(51, rows="64", columns="64", number_of_frames="30")
    assert len(groups(head(), [*stack(8), report, whole], SPLIT)) == 1


def test_stacks_are_judged_by_acquisition() -> None:
    rules = GroupingRules(split_by=BY_NUMBER.split_by, localizers=Localizers.SPLIT)
    images = [
        *stack(20, acquisition_number="1"),
        *stack(10, first=30, orientation=ALONG, acquisition_number="2"),
        *stack(1, first=60, acquisition_number="2"),
    ]
    found = by_key(groups(head(), images, rules))
    assert found["localizer"] == (60,)
    assert found[MAIN] == tuple(range(1, 21))


# --- radiotherapy ---------------------------------------------------------------------------------

RELATED = GroupingRules(related=Related.ATTACH)


def test_structures_go_with_their_images() -> None:
    structures = one(1, sop_class_uid=STRUCTURES, referenced_series=(PARENT,))
    (only,) = groups(head(Modality="RTSTRUCT"), [structures], RELATED)
    assert (only.attach_to, only.acquisition_uid) == (PARENT, PARENT)
    (alone,) = groups(head(Modality="RTSTRUCT"), [structures], GroupingRules())
    assert alone.attach_to == ""


def test_a_plan_of_several_series_stays() -> None:
    plan = one(1, referenced_series=(PARENT, "1.2.3"))
    (only,) = groups(head(Modality="RTPLAN"), [plan], RELATED)
    assert only.attach_to == ""
    assert only.reason == "they name no one series to go with"


def test_other_objects_with_references_stay() -> None:
    (only,) = groups(head(Modality="MR"), [one(1, referenced_series=(PARENT,))], RELATED)
    assert only.attach_to == ""


def test_a_private_sop_class_stays_with_its_series() -> None:
    private = one(9, sop_class_uid="1.3.12.2.1107.5.9.1")
    rules = GroupingRules(
        split_by=BY_NUMBER.split_by,
        screenshots=Screenshots.ATTACH,
        localizers=Localizers.SPLIT,
        related=Related.ATTACH,
    )
    (only,) = groups(head(), [*stack(8), private], rules)
    assert only.members == (*range(1, 9), 9)


# --- what arrives late ----------------------------------------------------------------------------


def test_keys_do_not_depend_on_what_came_first() -> None:
    images = [*numbered("2", "1", "3"), *stack(9, first=10, image_type=SAVED)]
    forward = {each.key: set(each.members) for each in groups(head(), images, BY_NUMBER)}
    backward = {each.key: set(each.members) for each in groups(head(), images[::-1], BY_NUMBER)}
    assert forward == backward


def test_who_went_out_under_a_key_keeps_it() -> None:
    first = numbered("2")
    (only,) = groups(head(), first, BY_NUMBER)
    assert only.key == MAIN
    late = [one(1, acquisition_number="2", packaged_as=MAIN), *numbered("2", "2", "1")[1:]]
    found = groups(head(), late, BY_NUMBER)
    assert by_key(found) == {MAIN: (1, 2), "AcquisitionNumber=1": (3,)}
    assert [each.acquisition_uid for each in found] == [f"{SERIES}_2", SERIES]


def test_images_after_their_captures() -> None:
    captures = [one(1, image_type=SAVED, referenced_series=(PARENT,), packaged_as=MAIN)]
    found = groups(head(), [*captures, *stack(2, first=2)], ATTACH)
    assert by_key(found) == {MAIN: (1,), "images": (2, 3)}
    assert found[1].acquisition_uid == SERIES


def test_a_key_of_other_rules_is_not_used_twice() -> None:
    images = [
        one(1, acquisition_number="1", packaged_as="AcquisitionNumber=2"),
        one(2, acquisition_number="2", packaged_as="AcquisitionNumber=2"),
        one(3, acquisition_number="3", packaged_as=MAIN),
    ]
    assert by_key(groups(head(), images, BY_NUMBER)) == {
        "AcquisitionNumber=2": (1,),
        "AcquisitionNumber=2+": (2,),
        MAIN: (3,),
    }


TEXT = st.text(max_size=20) | st.sampled_from(
    ["", "1", "2", AXIAL, SAVED, ACROSS, ALONG, "ORIGINAL\\PRIMARY\\LOCALIZER", "nan\\" * 5 + "1"]
)
FACTS = st.builds(
    InstanceFacts,
    id=st.integers(),
    sop_class_uid=st.sampled_from([MR, STRUCTURES, "", "1.2.840.10008.5.1.4.1.1.4.1"]),
    sop_instance_uid=st.text(max_size=8),
    **dict.fromkeys(
        (
            "acquisition_number",
            "image_type",
            "instance_number",
            "number_of_frames",
            "rows",
            "columns",
            "orientation",
        ),
        TEXT,
    ),
    referenced_series=st.lists(st.sampled_from([PARENT, SERIES, "1.2.3", ""]), max_size=2).map(
        tuple
    ),
    packaged_as=st.none() | st.sampled_from(["", "localizer", "AcquisitionNumber=2", "x"]),
)
RULES = st.builds(
    GroupingRules,
    split_by=st.lists(
        st.sampled_from([tag_of(name) for name in ("AcquisitionNumber", "ImageType", "EchoTime")]),
        max_size=3,
    ).map(tuple),
    screenshots=st.sampled_from(Screenshots),
    localizers=st.sampled_from(Localizers),
    related=st.sampled_from(Related),
)
MAKERS = st.sampled_from(["GE", "SIEMENS", "", "Bruker"]) | st.text(max_size=8)


@given(st.lists(FACTS, max_size=30), RULES, MAKERS, st.text(max_size=12))
def test_every_instance_is_in_one_group(
    facts: list[InstanceFacts], rules: GroupingRules, maker: str, uid: str
) -> None:
    found = groups(head(Manufacturer=maker, SeriesInstanceUID=uid), facts, rules)
    assert sorted(member for group in found for member in group.members) == sorted(
        each.id for each in facts
    )
    assert len({group.key for group in found}) == len(found)
    assert sum(group.key == MAIN for group in found) <= 1
    if all(each.packaged_as is None for each in facts) and facts:
        assert found[0].key == MAIN
    assert all(group.reason and group.members for group in found)


@given(st.lists(FACTS, min_size=1, max_size=12), st.data(), RULES)
def test_a_group_that_went_out_stays_one(
    facts: list[InstanceFacts], data: st.DataObject, rules: GroupingRules
) -> None:
    """Of images that one at a time decides about; what lies oddly depends on the others."""
    rules = GroupingRules(
        split_by=rules.split_by, screenshots=rules.screenshots, related=rules.related
    )
    fresh = [
        InstanceFacts(
            **{
                name: getattr(each, name)
                for name in each.__slots__
                if name not in ("id", "packaged_as")
            },
            id=number,
        )
        for number, each in enumerate(facts)
    ]
    count = data.draw(st.integers(1, len(fresh)))
    went = {
        member: group.key
        for group in groups(head(), fresh[:count], rules)
        for member in group.members
    }
    later = [
        InstanceFacts(
            **{name: getattr(each, name) for name in each.__slots__ if name != "packaged_as"},
            packaged_as=went.get(each.id),
        )
        for each in fresh
    ]
    for group in groups(head(), later, rules):
        assert {went[member] for member in group.members if member in went} <= {group.key}


# --- disagreements --------------------------------------------------------------------------------


def heads(*told: dict[str, str]) -> list[Attributes]:
    return [
        Attributes(values={tag_of(name): (text,) for name, text in each.items()}) for each in told
    ]


def test_headers_that_agree() -> None:
    same = {"PatientID": "P1", "StudyDate": "20260102", "StudyTime": "0900"}
    assert disagreements(heads(same, {**same, "InstanceNumber": "2"})) == ()
    assert disagreements([]) == ()


def test_headers_that_do_not() -> None:
    found = disagreements(
        heads(
            {"PatientID": "P1", "SeriesDescription": "a", "PatientName": "Doe^Jane"},
            {"PatientID": "P2", "SeriesDescription": "b", "PatientName": "Doe^Jane"},
            {"SeriesDescription": "c", "PatientName": "Doe^Jane "},
        )
    )
    assert found == (
        Disagreement(tag=tag_of("SeriesDescription"), distinct=3),
        Disagreement(tag=tag_of("PatientID"), distinct=3),
    )
    assert [each.name for each in found] == ["SeriesDescription", "PatientID"]


def test_absent_and_empty_agree() -> None:
    assert disagreements([*heads({}), Attributes(values={tag_of("PatientSex"): ()})]) == ()


@pytest.mark.parametrize(("time", "count"), [("1359", 0), ("1401", 2)])
def test_moments_may_be_five_hours_apart(time: str, count: int) -> None:
    day = {"StudyDate": "20260102"}
    found = disagreements(heads({**day, "StudyTime": "0900"}, {**day, "StudyTime": time}))
    assert len(found) == count


def test_the_ends_of_the_calendar() -> None:
    found = disagreements(
        heads(
            {"StudyDate": "00010101", "TimezoneOffsetFromUTC": "+1400"},
            {"StudyDate": "99991231", "TimezoneOffsetFromUTC": "-1200"},
        )
    )
    assert len(found) == 2
