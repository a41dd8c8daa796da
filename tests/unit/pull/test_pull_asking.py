"""Questions to a node in memory: caps, keys, counts, filters, opting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from causeway.attributes import Attributes
from causeway.decide.bounded import compile_bounded
from causeway.decide.opting import Answer as Say
from causeway.decide.opting import OptCondition, OptRules
from causeway.pull.abilities import Abilities
from causeway.pull.asking import Asking
from causeway.pull.contract import (
    Answer,
    AnswersIncomplete,
    Level,
    Query,
    QueryRefused,
    TooManyAnswers,
)
from causeway.pull.filtering import opted, passes
from causeway.pull.identifiers import decode_identifier, encode_identifier
from causeway.pull.keys import (
    IMAGES_IN_SERIES,
    IMAGES_IN_STUDY,
    MODALITIES_IN_STUDY,
    MODALITY,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)
from causeway.pull.known import Known
from causeway.pull.plan import Limits, NodePlan
from causeway.pull.studies import Reader, Remembered, Told
from causeway.pull.windows import Window, since

TODAY = dt.date(2026, 11, 20)
DESCRIPTION, COMMENTS = 0x00081030, 0x00104000


@dataclass
class Answering:
    """A node with studies by date and time, which stops after ``cap`` answers."""

    studies: list[tuple[str, str, str]]
    cap: int = 0
    bound: int = 0
    refuses: Sequence[int] = ()
    asked: list[Query] = field(default_factory=list)
    series: dict[str, dict[int, str]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    lists: bool = True
    refusal: int = 0xC000
    """Of what it does not list."""
    breaks: bool = False
    """It refuses whatever is asked."""

    def find(self, query: Query) -> Iterator[Answer]:
        self.asked.append(query)
        if self.breaks:
            raise QueryRefused("it is ill", status=0xC001)
        if any(query.keys.get(tag) for tag in self.refuses):
            raise QueryRefused("no such key", status=0xA900)
        if query.level is Level.SERIES:
            for uid, values in self.series.items():
                yield answer({SERIES_INSTANCE_UID: uid} | values)
            return
        if query.level is Level.IMAGE:
            if not self.lists:
                raise QueryRefused("no such level", status=self.refusal)
            for number, uid in enumerate(self.images.get(query.keys[SERIES_INSTANCE_UID], ())):
                if self.bound and number == self.bound:
                    raise TooManyAnswers("too many")
                yield answer({SOP_INSTANCE_UID: uid, SOP_CLASS_UID: "1.2"})
            return
        count = 0
        for uid, date, time in self.studies:
            if not within(date, query.keys[STUDY_DATE]) or not within(time, query.keys[STUDY_TIME]):
                continue
            if self.cap and count == self.cap:
                return
            if self.bound and count == self.bound:
                raise TooManyAnswers("too many")
            count += 1
            yield answer(
                {STUDY_INSTANCE_UID: uid, STUDY_DATE: date, STUDY_TIME: time, IMAGES_IN_STUDY: "1"}
            )


IMPLICIT = "1.2.840.10008.1.2"


def answer(values: dict[int, str]) -> Answer:
    return Answer(encode_identifier(values, IMPLICIT), read)


def read(encoded: bytes) -> Attributes:
    return decode_identifier(encoded, IMPLICIT)


def made(values: dict[int, str]) -> Attributes:
    return Attributes(values={tag: (value,) if value else () for tag, value in values.items()})


def within(said: str, asked: str) -> bool:
    if not asked:
        return True
    first, dash, last = asked.partition("-")
    if not dash:
        return said == first
    return bool(said) and said >= first and (not last or said <= last)


def asking(node: Answering, *, abilities: Abilities | None = None, **values: object) -> Asking:
    plan = NodePlan(name="pacs", **values)  # type: ignore[arg-type]
    return Asking(node, plan, abilities or Abilities(), today=TODAY)


def a_day(count: int, date: str = "20261118") -> list[tuple[str, str, str]]:
    return [
        (f"1.{date}.{n}", date, f"{n // 3600 % 24:02d}{n // 60 % 60:02d}{n % 60:02d}")
        for n in range(0, 37 * count, 37)
    ]


@pytest.mark.parametrize("cap", [7, 100])
def test_a_node_that_stops_at_a_number_is_asked_in_parts(cap: int) -> None:
    node = Answering(a_day(300) + a_day(250, "20261119"), cap=cap)
    limits = Limits(answer_cap=cap)
    found = {each.uid for each in asking(node, limits=limits).studies(since("20261101"))}
    assert len(found) == 550


def test_a_suspiciously_round_number_is_looked_into() -> None:
    node = Answering(a_day(300), cap=100)
    assert len({each.uid for each in asking(node).studies(since("20261101"))}) == 300
    node = Answering(a_day(100))
    assert len({each.uid for each in asking(node).studies(since("20261101"))}) == 100


def test_a_node_that_heeds_no_dates_is_not_asked_for_ever() -> None:
    class Heedless(Answering):
        def find(self, query: Query) -> Iterator[Answer]:
            keys = dict(query.keys) | {STUDY_DATE: "", STUDY_TIME: ""}
            yield from super().find(Query(level=query.level, keys=keys))

    node = Heedless(a_day(100))
    assert len({each.uid for each in asking(node).studies(since("20261101"))}) == 100
    assert len(node.asked) <= 20
    with pytest.raises(AnswersIncomplete):
        list(asking(Heedless(a_day(200), cap=100), limits=Limits(answer_cap=100)).studies(Window()))


def test_our_own_bound_asks_in_parts_too() -> None:
    node = Answering(a_day(300), bound=40)
    assert len({each.uid for each in asking(node).studies(Window())}) == 300


def test_what_cannot_be_asked_in_parts_is_no_answer() -> None:
    crowd = [(f"1.{n}", "20261118", "101112") for n in range(30)]
    node = Answering(crowd, cap=10)
    with pytest.raises(AnswersIncomplete):
        list(asking(node, limits=Limits(answer_cap=10)).studies(since("20261101")))
    timeless = [(f"1.{n}", "20261118", "") for n in range(30)]
    with pytest.raises(AnswersIncomplete):
        list(
            asking(Answering(timeless, cap=10), limits=Limits(answer_cap=10)).studies(
                since("20261101")
            )
        )


def test_keys_that_a_node_refuses_are_left_out_and_matched_here() -> None:
    node = Answering(a_day(3), refuses=(DESCRIPTION,))
    one = asking(node, filters={DESCRIPTION: ("RESEARCH*",)})
    # It does not say, so nothing speaks against it.
    assert len(list(one.studies(since("20261101")))) == 3
    assert [bool(query.keys[DESCRIPTION]) for query in node.asked] == [True, False]
    list(one.studies(since("20261101")))
    assert not node.asked[-1].keys[DESCRIPTION]


def test_lists_are_matched_here_and_single_values_there() -> None:
    node = Answering(a_day(1))
    list(asking(node, filters={MODALITY: ("MR", "CT")}).studies(since("20261101")))
    assert node.asked[-1].keys[MODALITIES_IN_STUDY] == ""
    list(asking(node, filters={MODALITY: ("MR",)}).studies(since("20261101")))
    assert node.asked[-1].keys[MODALITIES_IN_STUDY] == "MR"


def test_counts_that_are_missing_are_counted_image_by_image() -> None:
    node = Answering(
        a_day(1), series={"1.1": {IMAGES_IN_SERIES: "5"}, "1.2": {}}, images={"1.2": ["a", "b"]}
    )
    one = asking(node)
    (study,) = one.studies(since("20261101"))
    seen = {each.series_instance_uid: each.image_count for each in one.look_into(study).series}
    assert seen == {"1.1": 5, "1.2": 2}
    node.lists = False
    with pytest.raises(QueryRefused):
        one.look_into(study)  # it has listed images: perhaps it is ill
    seen = {each.series_instance_uid: each.image_count for each in one.look_into(study).series}
    assert seen == {"1.1": 5, "1.2": None}


def test_an_ill_node_is_not_taken_for_one_that_lists_no_images() -> None:
    ill = Answering(a_day(1), series={"1.1": {}}, images={"1.1": ["a"]}, breaks=True)
    abilities = Abilities()
    for _ in range(3):
        with pytest.raises(QueryRefused):
            asking(ill, abilities=abilities).images("", "1.20261118.0", "1.1")
    assert abilities.lists_images is None
    ill.breaks = False
    assert asking(ill, abilities=abilities).images("", "1.20261118.0", "1.1") == {"a": "1.2"}


def test_a_refusal_for_want_of_resources_says_nothing_of_the_level() -> None:
    busy = Answering(a_day(1), series={"1.1": {}}, lists=False, refusal=0xA700)
    abilities = Abilities()
    for _ in range(3):
        with pytest.raises(QueryRefused):
            asking(busy, abilities=abilities).images("", "1.20261118.0", "1.1")
    assert abilities.lists_images is None


def test_a_series_of_more_images_than_are_heard_is_fetched_without_a_list() -> None:
    node = Answering(a_day(1), series={"1.1": {}}, images={"1.1": list("abcdefgh")}, bound=5)
    abilities = Abilities()
    assert asking(node, abilities=abilities).images("", "1.20261118.0", "1.1") is None
    assert abilities.lists_images is None


def test_a_value_at_the_series_counts_else_one_at_the_study_else_nothing_is_known() -> None:
    rules = OptRules(opt_in=(condition(DESCRIPTION, "upload"),))
    node = Answering(a_day(1), series={"1.1": {DESCRIPTION: ""}, "1.2": {DESCRIPTION: "no"}})
    one = asking(node, opting=rules, decides_by=(DESCRIPTION,))
    (study,) = one.studies(since("20261101"))
    seen = {each.series_instance_uid: each.skip_code for each in one.look_into(study).series}
    assert seen == {"1.1": "", "1.2": "opt_in"}


def condition(tag: int, text: str) -> OptCondition:
    return OptCondition(
        tag=tag, expression=compile_bounded(text, ignore_case=True), missing=Say.SKIP,
        empty=Say.SKIP,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, ""),
        ({COMMENTS: ""}, ""),
        ({COMMENTS: "please UPLOAD"}, ""),
        ({COMMENTS: "other"}, "opt_in"),
        ({COMMENTS: "upload", DESCRIPTION: "nofw"}, "opt_out"),
        ({DESCRIPTION: "NOFW"}, "opt_out"),
        ({DESCRIPTION: "x"}, ""),
    ],
)
def test_a_query_decides_only_what_it_knows(values: dict[int, str], code: str) -> None:
    rules = OptRules(
        opt_in=(condition(COMMENTS, "upload"),), opt_out=(condition(DESCRIPTION, "nofw"),)
    )
    assert opted(made(values), rules)[0] == code


@pytest.mark.parametrize(
    ("values", "of_study", "good"),
    [
        ({MODALITY: "MR"}, False, True),
        ({MODALITY: "US"}, False, False),
        ({}, False, True),
        ({MODALITIES_IN_STUDY: "US"}, True, False),
        ({MODALITY: "US"}, True, True),  # an answer at the study's level has no business with it
    ],
)
def test_what_is_not_said_does_not_speak_against_it(
    values: dict[int, str], of_study: bool, good: bool
) -> None:
    assert passes({MODALITY: ("MR", "C?")}, made(values), of_study=of_study) is good


def test_brackets_of_a_filter_mean_themselves() -> None:
    wanted = {DESCRIPTION: ("Brain [A]*",)}
    assert passes(wanted, made({DESCRIPTION: "brain [a] with contrast"}), of_study=True)
    assert not passes(wanted, made({DESCRIPTION: "Brain A"}), of_study=True)


def known_studies(*rows: tuple[int, str, int, int]) -> Known:
    known = Known()
    for row in rows:
        known.take([row])
    return known.seal()


def test_known_studies_are_told_from_new_and_gone_ones() -> None:
    said = {"1.1": "10", "1.2": "20", "1.3": "30", "1.4": "40"}
    reader = Reader(NodePlan(name="pacs"), Remembered())

    def tell(answers: dict[str, str]) -> Told:
        return reader.read(
            [answer({STUDY_INSTANCE_UID: uid, IMAGES_IN_STUDY: n}) for uid, n in answers.items()],
            Window(),
        )

    before = tell(said).digests.tolist()
    known = known_studies(
        *((n, f"1.{n}", digest, int(n == 3)) for n, digest in enumerate(before, start=1))
    )
    told = tell({"1.1": "10", "1.2": "21", "1.3": "30", "1.5": "5"})
    assert known.unchanged(told).tolist() == [True, False, False, False]
    assert known.unseen() == [4]
    assert known_studies().unchanged(told).tolist() == [False] * 4
    # Without a count, the digest tells nothing of new images.
    (digest,) = tell({"1.1": ""}).digests.tolist()
    assert known_studies((1, "1.1", digest, 0)).unchanged(tell({"1.1": ""})).tolist() == [False]
