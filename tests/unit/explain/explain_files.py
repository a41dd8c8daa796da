"""Files to explain, and a policy to explain them by."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from causeway.attributes import tag_of
from causeway.decide.bounded import compile_bounded
from causeway.decide.opting import Answer, OptCondition, OptRules
from causeway.decide.policy import (
    GroupingRule,
    Otherwise,
    Policy,
    Route,
    RoutingPolicy,
    SourcePolicy,
)
from causeway.decide.verdict import GroupingRules, Localizers
from causeway.explain import (
    Explained,
    Explainer,
    Gathering,
    Lane,
    Left,
    Plan,
    Reader,
    Sender,
)
from causeway.explain.plan import Waits
from causeway.part10 import files_below
from causeway.schedule import Schedule
from causeway.testing.phantom import make_instance

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
"""A Friday."""
NIGHTS = Schedule.parse(["Mon-Fri 18:00-06:00"], "UTC")


def write(folder: Path, name: str, *, modality: str = "MR", **elements: Any) -> Path:
    """A phantom's object as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    return make_instance(modality, rows=8, columns=8, **elements).write(folder / f"{name}.dcm")


def policy(**changes: Any) -> Policy:
    skips = OptCondition(
        tag=tag_of("PatientComments"),
        expression=compile_bounded("NOFW", ignore_case=True),
        missing=Answer.TAKE,
        empty=Answer.TAKE,
    )
    usual = SourcePolicy(
        routing=RoutingPolicy(
            tags=(tag_of("PatientComments"), tag_of("StudyComments")),
            known={"neuro": ("Amnesia",)},
            unknown=Otherwise.HOLD,
        ),
        opting=OptRules(opt_out=(skips,)),
    )
    told: dict[str, Any] = {
        "routes": (Route(name="all", destinations=("archive",)),),
        "usual": usual,
        "groupings": (
            GroupingRule(
                when=None,
                rules=GroupingRules(
                    split_by=(tag_of("AcquisitionNumber"),), localizers=Localizers.SPLIT
                ),
            ),
        ),
    }
    return Policy(**{**told, **changes})


def plan(decides: Policy | None = None, **changes: Any) -> Plan:
    told: dict[str, Any] = {
        "policy": decides or policy(),
        "lanes": {"archive": Lane(name="archive", type="folder", treatment="none")},
        "usual": Waits(quiet=30, delay=10, study_quiet=300),
    }
    return Plan(**{**told, **changes})


def explained(
    *paths: Path, by: Plan | None = None, sender: Sender | None = None, at: dt.datetime = NOON
) -> tuple[list[Explained], list[Left]]:
    """What would become of these, and what is left."""
    by = by or plan()
    reader, gathering = Reader(decided_by=by.policy.asks_for), Gathering(sender or Sender())
    for path in files_below(paths):
        gathering.add(reader.look_at(path))
    return list(Explainer(by, at).explain(gathering.series())), gathering.left
