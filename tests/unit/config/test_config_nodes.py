"""``[[node]]``: what cannot be is refused, with its line and what would be right."""

from __future__ import annotations

import pytest

from causeway.config import InvalidConfiguration, parse
from causeway.service.nodes import movers, node_plan, source_rules

HEAD = """
data_dir = "data"
{deployment}
[[listener]]
ae_title = "CAUSEWAY"
port = 11112

[[source]]
name = "ct1"
ae_title = "CT1"
addresses = ["10.0.0.1"]

[[schedule]]
name = "night"
windows = ["20:00-06:00"]
"""
NODE = '[[node]]\nname = "pacs"\nae_title = "PACS"\nhost = "10.0.0.9"\nport = 104\n'


def read(node: str, deployment: str = "") -> object:
    text = HEAD.format(deployment=deployment) + node
    return parse(text, file="causeway.toml", look=False).configuration


@pytest.mark.parametrize(
    ("node", "what", "right"),
    [
        (NODE + 'filter = { Modalty = "MR" }', "no attribute", "Modality"),
        (NODE + 'filter = { PixelData = "x" }', "no text", ""),
        (NODE + 'filter = { StudyDate = "20261120" }', "StudyDate", "window_days"),
        (NODE + "filter = { Modality = [] }", "a text or a list", "for example"),
        (NODE + 'filter = { Modality = "MR\\\\CT" }', "backslash", "list"),
        (NODE + 'move_destination = "CAUSEWY"', "not the AE title of one", "CAUSEWAY"),
        (NODE + 'schedule = "nigth"', "no schedule", "night"),
        (NODE + "window_days = -1", "", ""),
        (NODE + "interval_seconds = 0", "", ""),
        (NODE + 'charset = "ISO_IR 999"', "no character set", "ISO_IR 192"),
        (NODE + 'retrieve = "mve"', "", ""),
        (NODE.replace("104", "0"), "", ""),
        (NODE.replace('"pacs"', '"ct1"'), "that of a source", "another name"),
        (NODE + NODE, "taken by node 1", ""),
        (NODE.replace("port = 104\n", ""), "lacks port", "web"),
        (NODE + '[node.web]\nurl = "https://x.example/dicom-web"', "as well", ""),
        (
            '[[node]]\nname = "w"\n[node.web]\nurl = "http://x.example/dicom-web"',
            "without TLS",
            "https",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(
    node: str, what: str, right: str
) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        read(node)
    (problem,) = raised.value.problems[:1]
    assert problem.line is not None
    assert problem.line > 10
    assert what in problem.what
    assert right in problem.right


def test_nodes_are_refused_in_a_cluster_with_the_reason() -> None:
    with pytest.raises(InvalidConfiguration, match="cannot be queried from a cluster"):
        read(NODE, 'deployment = "cluster"')
    read("", 'deployment = "cluster"')


def test_a_node_becomes_a_plan_and_may_send_what_it_is_asked_for() -> None:
    configuration = read(
        NODE + 'schedule = "night"\nfilter = { Modality = ["MR", "CT"] }\n'
        '[[node.opt.out]]\ntag = "PatientComments"\nmatches = "NOFW"\n'
    )
    plan = node_plan(configuration.nodes[0], configuration)  # type: ignore[attr-defined]
    assert plan.move_destination == plan.peer.calling_ae == "CAUSEWAY"  # type: ignore[attr-defined]
    assert plan.filters == {0x00080060: ("MR", "CT")}
    assert plan.decides_by == (0x00104000,)
    assert plan.limits.hours is not None
    (rule,) = source_rules(configuration)  # type: ignore[arg-type]
    assert (rule.name, rule.ae_title, [str(each) for each in rule.networks]) == (
        "pacs", "PACS", ["10.0.0.9/32"],
    )  # fmt: skip
    assert movers(configuration) == {"CAUSEWAY"}  # type: ignore[arg-type]
