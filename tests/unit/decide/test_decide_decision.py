"""Step by step from a header to a verdict, and what each step leaves for a person to see."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.attributes import Attributes, tag_of
from causeway.decide.bounded import compile_bounded
from causeway.decide.decision import Decision, SeriesFacts, decide
from causeway.decide.opting import Answer, OptCondition, OptRules
from causeway.decide.policy import (
    Action,
    GroupingRule,
    Match,
    MetadataPolicy,
    Otherwise,
    Policy,
    Route,
    RoutingPolicy,
    SourcePolicy,
)
from causeway.decide.routing import Prefix, Routing, RoutingForm, Unparsed
from causeway.decide.rules import compile_rule
from causeway.decide.verdict import (
    PRIO_URGENT,
    Denied,
    GroupingRules,
    Held,
    Late,
    Routed,
    Unit,
    from_text,
    to_text,
)

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
COMMENTS = tag_of("PatientComments")
ALL = Route(name="all", destinations=("archive",))
ROUTING = RoutingPolicy(tags=(COMMENTS, tag_of("StudyComments")))


def facts(source: str = "ct1", **said: str) -> SeriesFacts:
    said = {"PatientID": "P-4711", "PatientName": "Roe^Jane", "Modality": "MR", **said}
    values = {tag_of(name): tuple(filter(None, [text])) for name, text in said.items()}
    return SeriesFacts(
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        attributes=Attributes(values=values),
        source=source,
        calling_ae="CT1",
        called_ae="CAUSEWAY",
    )


def policy(*routes: Route, routing: RoutingPolicy = ROUTING, **more: object) -> Policy:
    usual = SourcePolicy(routing=routing, **more)  # type: ignore[arg-type]
    return Policy(routes=routes or (ALL,), usual=usual)


def labels(decision: Decision) -> tuple[str, str, str]:
    return tuple(
        str(decision.fields[name].value) for name in ("group._id", "project.label", "subject.label")
    )


def test_a_routing_string_says_where_to():
    decision = decide(facts(PatientComments="fw://neuro/Amnesia/s1"), policy(), NOW)
    assert labels(decision) == ("neuro", "Amnesia", "s1")
    assert decision.fields["subject.label"].origin == "routing"
    assert decision.verdict == Routed(
        routes=("all",), destinations=("archive",), fields=decision.fields
    )


def test_the_first_that_parses_counts_and_is_never_mixed():
    said = facts(PatientComments="contrast given", StudyComments="fw://g2/p2")
    decision = decide(said, policy(), NOW)
    assert labels(decision)[:2] == ("g2", "p2")
    assert isinstance(decision.routing, Routing)
    assert decision.routing.where == "StudyComments"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (Otherwise.UNSORTED, Routed),
        (Otherwise.HOLD, Held),
        (Otherwise.DENY, Denied),
    ],
)
def test_without_a_routing_string(missing: Otherwise, expected: type):
    decision = decide(facts(), policy(routing=replace(ROUTING, missing=missing)), NOW)
    assert isinstance(decision.verdict, expected)
    assert labels(decision) == ("unknown", "Unsorted", "P-4711")
    if not isinstance(decision.verdict, Routed):
        assert decision.verdict.code == "no_routing"


def test_what_does_not_parse_is_held_with_a_suggestion_that_is_no_part_of_the_reason():
    decision = decide(facts(PatientComments="fw://neu ro/Amnesia"), policy(), NOW)
    assert isinstance(decision.routing, Unparsed)
    assert decision.routing.suggestion == "fw://neuro/Amnesia"
    assert isinstance(decision.verdict, Held)
    assert decision.verdict.code == "unparsed"
    assert "Amnesia" not in decision.verdict.reason


def test_a_required_prefix_is_an_opt_in():
    routing = replace(ROUTING, form=RoutingForm(prefix=Prefix.REQUIRED), missing=Otherwise.DENY)
    assert isinstance(
        decide(facts(PatientComments="neuro/Amnesia"), policy(routing=routing), NOW).verdict,
        Denied,
    )
    assert isinstance(
        decide(facts(PatientComments="fw://neuro/Amnesia"), policy(routing=routing), NOW).verdict,
        Routed,
    )


@pytest.mark.parametrize(
    ("text", "unknown", "where"),
    [
        ("fw://neuro/Amnesa", Otherwise.ACCEPT, ("neuro", "Amnesa")),
        ("fw://neuro/Amnesa", Otherwise.UNSORTED, ("neuro", "Unsorted")),
        ("fw://cardio/Amnesia", Otherwise.UNSORTED, ("unknown", "Unsorted")),
        ("fw://neuro/amnesia", Otherwise.HOLD, ("neuro", "amnesia")),
    ],
)
def test_a_place_that_the_site_does_not_have(text: str, unknown: Otherwise, where: tuple[str, str]):
    routing = replace(ROUTING, unknown=unknown, known={"neuro": ["Amnesia", "Sleep"]})
    decision = decide(facts(PatientComments=text), policy(routing=routing), NOW)
    assert labels(decision)[:2] == where
    assert isinstance(decision.verdict, Routed), decision.verdict


def test_an_unknown_place_can_be_held_and_says_what_was_probably_meant():
    routing = replace(ROUTING, unknown=Otherwise.HOLD, known={"neuro": ["Amnesia"]})
    decision = decide(facts(PatientComments="fw://neuro/Amnesa"), policy(routing=routing), NOW)
    assert isinstance(decision.verdict, Held)
    assert decision.verdict.code == "unknown_place"
    assert decision.suggestion is not None
    assert decision.suggestion.project == "Amnesia"


def test_a_string_that_names_the_patient_is_held_until_a_person_lets_it_through():
    said = facts(PatientComments="fw://neuro/Amnesia/jane-roe")
    decision = decide(said, policy(), NOW)
    assert isinstance(decision.verdict, Held)
    assert decision.verdict.code == "patient_data"
    assert "roe" not in decision.verdict.reason.lower().split()
    assert isinstance(decide(replace(said, released=True), policy(), NOW).verdict, Routed)
    careless = policy(routing=replace(ROUTING, guards_patient_data=False))
    assert isinstance(decide(said, careless, NOW).verdict, Routed)


def test_what_opts_out_is_skipped_whatever_else_holds_it():
    out = OptCondition(
        tag=COMMENTS,
        expression=compile_bounded("NOFW", ignore_case=True),
        missing=Answer.TAKE,
        empty=Answer.TAKE,
    )
    skipping = policy(opting=OptRules(opt_out=(out,)))
    decision = decide(facts(PatientComments="nofw please"), skipping, NOW)
    assert isinstance(decision.verdict, Denied)
    assert decision.verdict.code == "opt_out"
    released = decide(replace(facts(PatientComments="nofw please"), released=True), skipping, NOW)
    assert not isinstance(released.verdict, Denied)


def test_routes_are_asked_in_order():
    mr = Route(name="mr", when=compile_rule('Modality == "MR"'), destinations=("research",))
    deny = Route(name="no ct", when=compile_rule('Modality == "CT"'), action=Action.DENY)
    assert decide(facts(), policy(mr, deny, ALL), NOW).routes == ("mr",)
    assert decide(facts(Modality="CT"), policy(mr, deny, ALL), NOW).verdict == Denied(
        code="rule", reason="no ct denies it"
    )
    assert decide(facts(Modality="US"), policy(mr, deny), NOW).verdict == Held(
        code="no_route", reason="no route matches"
    )


def test_with_all_routes_denying_goes_before_holding_and_holding_before_sending():
    urgent = Route(
        name="urgent", destinations=("ward", "archive"), prio=PRIO_URGENT,
        unit=Unit.STUDY, late=Late.AGAIN,
    )  # fmt: skip
    hold = Route(name="look", when=compile_rule('Modality == "CT"'), action=Action.HOLD)
    deny = Route(name="never", when=compile_rule("exists(PatientComments)"), action=Action.DENY)
    every = replace(policy(urgent, ALL, hold, deny), match=Match.ALL)
    verdict = decide(facts(), every, NOW).verdict
    assert isinstance(verdict, Routed)
    assert verdict.destinations == ("ward", "archive")
    assert verdict.routes == ("urgent", "all")
    assert verdict.is_urgent
    assert (verdict.unit, verdict.late) == (Unit.STUDY, Late.AGAIN)
    assert isinstance(decide(facts(Modality="CT"), every, NOW).verdict, Held)
    said = facts(Modality="CT", PatientComments="fw://a1/b")
    assert isinstance(decide(said, every, NOW).verdict, Denied)


def test_a_released_series_goes_where_the_route_that_held_it_says():
    hold = Route(name="look", action=Action.HOLD, destinations=("archive",))
    assert isinstance(decide(facts(), policy(hold), NOW).verdict, Held)
    verdict = decide(replace(facts(), released=True), policy(hold), NOW).verdict
    assert isinstance(verdict, Routed)
    assert verdict.destinations == ("archive",)


def test_a_persons_word_goes_before_all_rules():
    told = Routing(group="neuro", project="Sleep", where="operator")
    said = replace(
        facts(PatientComments="fw://a1/b/jane roe"), told=told, told_destinations=("ward",)
    )
    decision = decide(said, policy(Route(name="no", action=Action.DENY)), NOW)
    assert isinstance(decision.verdict, Routed)
    assert decision.verdict.destinations == ("ward",)
    assert labels(decision)[:2] == ("neuro", "Sleep")


def test_rules_about_the_time_mean_the_clock_of_the_source():
    at_night = Route(name="night", when=compile_rule('time in "20:00-06:00"'), destinations=("x",))
    tokyo = dt.timezone(dt.timedelta(hours=9))
    there = policy(at_night, metadata=MetadataPolicy(timezone=tokyo))
    assert isinstance(decide(facts(), policy(at_night), NOW).verdict, Held)
    assert isinstance(decide(facts(), there, NOW).verdict, Routed)


def test_what_a_source_says_counts_for_it_alone():
    own = SourcePolicy(routing=replace(ROUTING, missing=Otherwise.DENY))
    both = replace(policy(), by_source={"ct1": own})
    assert isinstance(decide(facts("ct1"), both, NOW).verdict, Denied)
    assert isinstance(decide(facts("mr1"), both, NOW).verdict, Routed)


def test_the_first_grouping_that_holds_counts():
    split = GroupingRules(split_by=(tag_of("AcquisitionNumber"),))
    by_ge = GroupingRule(when=compile_rule('Manufacturer like "GE*"'), rules=split)
    grouped = replace(policy(), groupings=(by_ge,))
    assert decide(facts(Manufacturer="GE MEDICAL"), grouped, NOW).grouping == split
    assert decide(facts(Manufacturer="Siemens"), grouped, NOW).grouping == GroupingRules()


SAID = st.sampled_from(
    [
        "PatientComments",
        "StudyComments",
        "PatientID",
        "PatientName",
        "StudyDate",
        "SeriesDescription",
        "PatientAge",
    ]
)


@given(st.dictionaries(SAID, st.text(max_size=60)))
def test_whatever_a_header_says_there_is_a_verdict_and_a_routed_one_survives_its_row(
    said: dict[str, str],
):
    decision = decide(facts(**said), policy(), NOW)
    if isinstance(decision.verdict, Routed):
        assert from_text(to_text(decision.verdict)) == decision.verdict
