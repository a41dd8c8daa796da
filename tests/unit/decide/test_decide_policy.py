"""The policy as a whole: what it asks headers for."""

from __future__ import annotations

from causeway.attributes import tag_of
from causeway.decide.bounded import compile_bounded
from causeway.decide.language import compile_mappings
from causeway.decide.opting import Answer, OptCondition, OptRules
from causeway.decide.policy import (
    GroupingRule,
    MetadataPolicy,
    Policy,
    Route,
    RoutingPolicy,
    SourcePolicy,
)
from causeway.decide.rules import compile_rule
from causeway.decide.verdict import GroupingRules


def test_it_asks_for_nothing_without_rules():
    assert Policy(routes=(Route(name="all", destinations=("archive",)),)).asks_for == ()


def test_it_asks_for_whatever_has_a_say():
    condition = OptCondition(
        tag=tag_of("StudyDescription"),
        expression=compile_bounded("NOFW"),
        missing=Answer.TAKE,
        empty=Answer.TAKE,
    )
    policy = Policy(
        routes=(Route(name="a", when=compile_rule('exists(ImageComments) or group == "x"')),),
        groupings=(
            GroupingRule(when=compile_rule('Modality == "MR"'), rules=GroupingRules()),
            GroupingRule(when=None, rules=GroupingRules()),
        ),
        usual=SourcePolicy(routing=RoutingPolicy(tags=(tag_of("PatientComments"),))),
        by_source={
            "ct": SourcePolicy(
                opting=OptRules(opt_out=(condition,)),
                metadata=MetadataPolicy(mappings=compile_mappings(["{StudyID}=subject.label"])),
            )
        },
    )
    names = ("PatientComments", "StudyDescription", "StudyID", "ImageComments", "Modality")
    assert policy.asks_for == tuple(sorted(map(tag_of, names)))
