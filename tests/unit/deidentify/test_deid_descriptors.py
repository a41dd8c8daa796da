"""Descriptions: what says something about the image stays, everything else goes."""

from __future__ import annotations

import pickle

import pytest

from causeway.deidentify.profile.descriptors import Descriptors, folded, vocabulary

STAYS = [
    "Axial EPI",
    "CT, HEAD/BRAIN WO CONTRAST",
    "t1_mprage_sag_p2_iso_1.0mm",
    "C2P__cmrr_mbep2d_diff__p3_mb2",
    "ep2d_diff_mddw_64_p2_b1000",
    "BRAIN SEQ  4.8  H31s",
    "Thorax^1HEAD_NECK_PETCT",
    "C2C7 Sag",
    "11 ml Omniscan",
    "Image 24x38x3",
    "CTDIvol=14 DLP=274.9",
    "Cervical OBLI 2",
    "Schädel nativ",
    "DIXON",
    "b=1000(0.445,0.000,-0.895)",
    "PTV",
    "LOCALIZER",
]

CHANGES = {
    "SMITH JOHN 1971-03-12 MR1234567 t1_mprage": "t1_mprage",
    "DOB 12 03 71 brain": "brain",
    "Dr. Müller Schädel nativ": "Schädel nativ",
    "T2 (SMITH) TSE": "T2 TSE",
    "Cheng test": "test",
    "LAVA Flex 20121130": "LAVA",
    "MR 1234 Smith": "MR",
    "555-1234 knee": "knee",
    "knee 12 MARCH 71 hip": "knee hip",
    "12 SMITH knee": "knee",
    "たろう": "",
    "김희중": "",
    "JOHN^SMITH": "",
    "1.2.826.0.1.3680043": "",
    "b=1000 Smith": "",
    "---": "",
}


@pytest.mark.parametrize("text", STAYS)
def test_what_stays_as_it_is(text: str) -> None:
    assert Descriptors()(text) == text


@pytest.mark.parametrize(("text", "left"), CHANGES.items())
def test_what_is_dropped(text: str, left: str) -> None:
    assert Descriptors()(text) == left


def test_a_profile_has_words_of_its_own_and_does_without_others() -> None:
    text = "Amnesia knee T1"
    assert Descriptors()(text) == "knee T1"
    assert Descriptors(words=frozenset({"amnesia"}))(text) == "Amnesia knee T1"
    assert Descriptors(without=frozenset({"knee", "t1"}))(text) == ""


def test_of_what_must_have_a_value_a_dummy_is_left() -> None:
    assert Descriptors(nothing_left="REMOVED")("SMITH") == "REMOVED"
    assert Descriptors(nothing_left="REMOVED")("knee") == "knee"


def test_it_is_a_value() -> None:
    one = Descriptors(words=frozenset({"b", "a"}))
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.identity() == Descriptors(words=frozenset({"a", "b"})).identity()
    assert one.identity() != Descriptors().identity()


def test_the_list_holds_single_folded_words_each_of_which_can_be_found() -> None:
    assert len(vocabulary()) > 1000
    for word in vocabulary():
        assert word == folded(word)
        assert word.isalnum(), word
        assert Descriptors()(word) == word


@pytest.mark.parametrize(
    "name",
    [
        "smith",
        "mueller",
        "muller",
        "garcia",
        "kim",
        "chen",
        "wang",
        "ivanov",
        "tanaka",
        "john",
        "mary",
        "anna",
        "peter",
        "max",
        "ray",
        "petra",
        "paul",
        "white",
        "gray",
        "black",
        "king",
        "hill",
        "wood",
        "baker",
        "cook",
        "norm",
        "mark",
        "grant",
        "may",
        "june",
        "april",
        "rose",
        "daisy",
    ],
)
def test_common_names_are_no_words_of_it(name: str) -> None:
    assert name not in vocabulary()
