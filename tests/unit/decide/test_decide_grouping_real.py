"""Groups of real series: scanners of five makers."""

from __future__ import annotations

from collections import Counter

from decide_real import attributes, facts, needs_real, series_under

from causeway.attributes import tag_of
from causeway.decide.grouping import MAIN, Group, groups
from causeway.decide.verdict import GroupingRules, Localizers, Related, Screenshots

pytestmark = needs_real

BY_NUMBER = GroupingRules(split_by=(tag_of("AcquisitionNumber"),))
BY_TYPE = GroupingRules(split_by=(tag_of("ImageType"),))
ALL = GroupingRules(
    split_by=BY_NUMBER.split_by,
    screenshots=Screenshots.ATTACH,
    localizers=Localizers.SPLIT,
    related=Related.ATTACH,
)


def grouped(folder: str, rules: GroupingRules) -> dict[str, tuple[Group, ...]]:
    """Groups by series."""
    return {
        uid: groups(
            attributes(members[-1]),
            [facts(each, number) for number, each in enumerate(members)],
            rules,
        )
        for uid, members in series_under(folder).items()
    }


def sizes(found: tuple[Group, ...]) -> list[int]:
    return [len(group.members) for group in found]


def test_siemens_xa60_is_eleven_series() -> None:
    found = grouped("dcm_qa_xa60", ALL)
    assert len(found) == 11
    assert all(len(each) == 1 and each[0].key == MAIN for each in found.values())
    assert Counter(map(len, map(sizes, found.values()))) == {1: 11}
    # Repetitions of fMRI and diffusion have an Acquisition Number each.
    assert sorted(sizes(each)[0] for each in found.values())[-4:] == [7, 7, 7, 13]


def test_ge_is_split_by_acquisition_number() -> None:
    found = grouped("pydicom/src/pydicom/data/test_files/dicomdirtests", BY_NUMBER)
    suffixes = sorted(
        tuple(group.acquisition_uid.removeprefix(uid) for group in each)
        for uid, each in found.items()
        if len(each) > 1
    )
    # A CT, two scouts of it, and another CT of which the first acquisitions are elsewhere.
    assert suffixes == [("", "_2"), ("", "_2"), ("_4", "_44", "_45")]


def test_ge_and_siemens_mr_by_the_same_rule() -> None:
    found = grouped("dcm_qa_nih", BY_NUMBER)
    assert sorted(sizes(each) for each in found.values()) == [[2], [2], [2], [2], [150]]


def test_the_ct_keeps_its_summary_apart() -> None:
    whole = grouped("dcm_qa_ct", GroupingRules())
    assert sorted(sizes(each) for each in whole.values()) == [[1], [6], [28]]
    by_type = grouped("dcm_qa_ct", BY_TYPE)
    assert sorted(sizes(each) for each in by_type.values()) == [[1], [1, 1, 3, 1], [28]]
    (summary,) = [each for each in by_type.values() if len(each) > 1]
    assert [group.label_suffix for group in summary] == [
        "",
        "_DERIVED-SECONDARY-PATIENT_INFO",
        "_DERIVED-SECONDARY-REF_SURVIEW",
        "_DERIVED-SECONDARY-RESULTS",
    ]


def test_magnitude_and_phase_of_philips() -> None:
    for found in grouped("dcm_qa_table", BY_TYPE).values():
        assert sizes(found) == [60, 60]
        assert [group.label_suffix for group in found] == ["", "_PHASE MAP-P-FFE"]
    for found in grouped("dcm_qa_table", ALL).values():
        assert sizes(found) == [120]


def test_stacks_and_projections_have_no_localizers() -> None:
    for folder in ("dcm_qa_stc", "dcm_qa_ts", "pydicom/src/pydicom/data/test_files/dicomdirtests"):
        rules = GroupingRules(localizers=Localizers.SPLIT)
        assert all(len(each) == 1 for each in grouped(folder, rules).values())


def test_every_file_is_in_one_group() -> None:
    for folder in ("pydicom", "highdicom", "dcmqi", "dicognito", "dicompyler-core"):
        members = series_under(folder)
        for uid, found in grouped(folder, ALL).items():
            assert sum(sizes(found)) == len(members[uid])


def test_radiotherapy_goes_with_its_images() -> None:
    series = series_under("dicompyler-core") | series_under("pydicom/src/pydicom/data/test_files")
    attached = {}
    for uid, members in series.items():
        for group in groups(
            attributes(members[-1]),
            [facts(each, number) for number, each in enumerate(members)],
            GroupingRules(related=Related.ATTACH),
        ):
            if group.attach_to:
                attached[uid] = (str(members[0].Modality), group.attach_to)
    assert {modality for modality, _ in attached.values()} == {"RTSTRUCT"}
    assert all(uid != target for uid, (_, target) in attached.items())
