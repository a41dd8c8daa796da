"""What the ledger knows of a series, put to the policy."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from causeway.attributes import NOTHING
from causeway.decide.decision import Decision, SeriesFacts, decide
from causeway.decide.policy import Policy
from causeway.decide.routing import Routing, RoutingForm, parse
from causeway.ledger import HeadRow, RerouteRow, SeriesRow, StudyRow

OPERATOR = "operator"
"""Where a routing string stands that a person has said."""


class Said(Protocol):
    """What the decider asks the ledger."""

    def heads_of(self, series_id: int) -> tuple[HeadRow, ...]: ...

    def reroute_of(self, series_id: int) -> RerouteRow | None: ...


class Decider:
    """Decides on series by a policy."""

    def __init__(self, said: Said, policy: Policy) -> None:
        self._said = said
        self._policy = policy

    def __call__(self, study: StudyRow, series: SeriesRow, now: float) -> Decision:
        facts = self.facts(study, series)
        return decide(facts, self._policy, dt.datetime.fromtimestamp(now, dt.UTC))

    def facts(self, study: StudyRow, series: SeriesRow) -> SeriesFacts:
        """What is decided about; the newest header counts."""
        heads = self._said.heads_of(series.id)
        reroute = self._said.reroute_of(series.id)
        return SeriesFacts(
            study_instance_uid=study.study_instance_uid,
            series_instance_uid=series.series_instance_uid,
            attributes=heads[-1].attributes if heads else NOTHING,
            source=series.source,
            calling_ae=series.calling_ae,
            called_ae=series.called_ae,
            told=_told(reroute) if reroute else None,
            told_destinations=reroute.destinations if reroute else (),
            released=bool(series.released_by) or reroute is not None,
        )


def _told(reroute: RerouteRow) -> Routing | None:
    if not reroute.routing:
        return None
    found = parse(reroute.routing, RoutingForm(), where=OPERATOR)
    # It was parsed when it was said, so only a newer version could read it otherwise.
    return found if isinstance(found, Routing) else None
