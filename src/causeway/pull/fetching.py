"""One series from its node into the spool, counted where it arrives.

What is here is asked of the ledger, image by image, and never concluded from what the node reports:
so a crash, a second node with the same series or a push of it beforehand change nothing about how
it goes on. Where the node lists its images, only those that are missing are asked for.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, Protocol

from causeway.errors import CausewayError
from causeway.ledger import NodeSeriesRow, NodeSeriesState
from causeway.pull import deciding
from causeway.pull.abilities import Abilities
from causeway.pull.asking import Asking
from causeway.pull.contract import Emit, Node, Report, Wanted
from causeway.pull.plan import NodePlan

IMAGES_AT_ONCE: Final = 200
"""UIDs in one question; each takes up to 65 bytes of it."""
SETTLE_SECONDS: Final = 600.0
"""Longest wait until what has arrived is indexed."""
FIRST_LOOK_SECONDS: Final = 0.02
LONGEST_LOOK_SECONDS: Final = 1.0
_NO_DATE: Final = dt.date(1970, 1, 1)
"""Lists of images are not asked for by date."""


class Facts(Protocol):
    """What fetching asks the ledger, and tells it."""

    def here(self, series_instance_uid: str) -> frozenset[str]: ...

    def settle_retrieval(
        self,
        claimed: NodeSeriesRow,
        settle: Callable[[NodeSeriesRow], NodeSeriesRow],
        *,
        now: float,
    ) -> NodeSeriesRow | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What fetchers share."""

    facts: Facts
    emit: Emit
    clock: Callable[[], float]
    rng: Random
    cancelled: Callable[[], bool]
    all_indexed: Callable[[float], bool]
    """Whether everything that arrived until then is indexed."""
    sleep: Callable[[float], None] = time.sleep


def _nobody() -> None:
    """Nobody waits for the node."""


class Fetcher:
    """Retrieves series of one node."""

    def __init__(
        self, node: Node, plan: NodePlan, abilities: Abilities, around: Surroundings
    ) -> None:
        self._node = node
        self._plan = plan
        self._abilities = abilities
        self._around = around

    def fetch(
        self, claimed: NodeSeriesRow, left: Callable[[], None] = _nobody
    ) -> NodeSeriesRow | None:
        """Retrieve, count, and say what became of it; None if a person's move came between.

        ``left`` is called when nothing more is wanted of the node: what has come is then indexed
        and counted, which another retrieval need not wait for.
        """
        around = self._around
        began_at = around.clock()
        result = self._result(claimed, left)
        limits = self._plan.limits
        settled = around.facts.settle_retrieval(
            claimed,
            partial(
                self._settle, claimed, result,
                deciding.RetryLimits(
                    failures=limits.failures,
                    first_wait_seconds=limits.first_wait_seconds,
                    longest_wait_seconds=limits.longest_wait_seconds,
                ),
            ),
            now=around.clock(),
        )  # fmt: skip
        if settled is not None and not result.interrupted:
            self._tell(settled, result, around.clock() - began_at)
        return settled

    def _settle(
        self,
        claimed: NodeSeriesRow,
        result: deciding.Result,
        limits: deciding.RetryLimits,
        current: NodeSeriesRow,
    ) -> NodeSeriesRow:
        around = self._around
        return deciding.retrieved(claimed, current, result, limits, around.clock(), around.rng)

    # --- trying ---------------------------------------------------------------------------------

    def _result(self, claimed: NodeSeriesRow, left: Callable[[], None]) -> deciding.Result:
        facts = self._around.facts
        here = facts.here(claimed.series_instance_uid)
        try:
            listed = self._list(claimed, needed=bool(here))
        except CausewayError as error:
            return deciding.Result(here=len(here), missing=None, report=_lost(error))
        missing = None if listed is None else [uid for uid in listed if uid not in here]
        if not claimed.anew and self._is_here(claimed, here, missing):
            return deciding.Result(here=len(here), missing=0, report=None)
        report: Report | None = None
        for wanted in self._wanted(claimed, listed, missing):
            report = self._node.retrieve(wanted, _Progress(self._around, claimed))
            if report.code or self._around.cancelled():
                break
        left()
        here = self._settled(claimed, listed)
        return deciding.Result(
            here=len(here),
            missing=None if listed is None else sum(uid not in here for uid in listed),
            report=report,
            interrupted=self._around.cancelled() and not self._is_here(claimed, here, None),
        )

    def _is_here(
        self, claimed: NodeSeriesRow, here: frozenset[str], missing: list[str] | None
    ) -> bool:
        if missing is not None:
            return not missing and bool(here)
        return claimed.image_count is not None and 0 < claimed.image_count <= len(here)

    def _list(self, claimed: NodeSeriesRow, *, needed: bool) -> Mapping[str, str] | None:
        """SOP classes by SOP Instance UID; None where the node does not list images.

        Asked for when it saves something: a part is here, or C-GET has to propose what may come.
        """
        if self._abilities.lists_images is False:
            return None
        if not needed and not claimed.anew and self._abilities.gets is False:
            return None
        with self._node.session() as session:
            asking = Asking(session, self._plan, self._abilities, today=_NO_DATE)
            return asking.images(
                claimed.patient_id, claimed.study_instance_uid, claimed.series_instance_uid
            )

    def _wanted(
        self,
        claimed: NodeSeriesRow,
        listed: Mapping[str, str] | None,
        missing: list[str] | None,
    ) -> list[Wanted]:
        def of(uids: tuple[str, ...]) -> Wanted:
            classes = () if listed is None else tuple(dict.fromkeys(listed.values()))
            return Wanted(
                patient_id=claimed.patient_id,
                study_instance_uid=claimed.study_instance_uid,
                series_instance_uid=claimed.series_instance_uid,
                sop_instance_uids=uids,
                sop_class_uids=tuple(uid for uid in classes if uid),
                modality=claimed.modality,
                count=len(uids) or claimed.image_count,
            )

        if claimed.anew or not missing or listed is None or len(missing) == len(listed):
            return [of(())]
        return [
            of(tuple(missing[start : start + IMAGES_AT_ONCE]))
            for start in range(0, len(missing), IMAGES_AT_ONCE)
        ]

    def _settled(
        self,
        claimed: NodeSeriesRow,
        listed: Mapping[str, str] | None,
    ) -> frozenset[str]:
        """What is here when everything that came is indexed, or earlier if that is all."""
        around = self._around
        arrived_at = around.clock()
        pause = FIRST_LOOK_SECONDS
        while True:
            indexed = around.all_indexed(arrived_at)
            here = around.facts.here(claimed.series_instance_uid)
            missing = None if listed is None else [uid for uid in listed if uid not in here]
            if (
                indexed
                or self._is_here(claimed, here, missing)
                or around.clock() - arrived_at > SETTLE_SECONDS
                or around.cancelled()
            ):
                return here
            around.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)

    def _tell(self, row: NodeSeriesRow, result: deciding.Result, seconds: float) -> None:
        report = result.report
        fields: dict[str, object] = {
            "node": row.node,
            "state": row.state.value,
            "instances": result.here,
            "seconds": seconds,
        }
        if row.image_count is not None:
            fields["expected"] = row.image_count
        if report is not None:
            fields["mode"] = report.way
        if row.state is NodeSeriesState.RETRIEVED:
            self._around.emit("node.retrieved", **fields)
        else:
            level = "error" if row.state is NodeSeriesState.ABANDONED else "warning"
            if row.fail_code:
                fields["code"] = row.fail_code
            self._around.emit("node.not_retrieved", level=level, attempt=row.attempt, **fields)


class _Progress:
    """See ``contract.Arrivals``: looks at how many images of the series are here."""

    def __init__(self, around: Surroundings, claimed: NodeSeriesRow) -> None:
        self._around = around
        self._uid = claimed.series_instance_uid
        self._count = -1

    def progressed(self) -> bool:
        count = len(self._around.facts.here(self._uid))
        before, self._count = self._count, count
        return count != before

    def cancelled(self) -> bool:
        return self._around.cancelled()


def _lost(error: CausewayError) -> Report:
    return Report(
        way="find", code="unreachable", text=error.message, hint=error.hint, unavailable=True
    )
