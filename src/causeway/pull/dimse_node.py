"""A node that speaks DIMSE: C-FIND, and C-MOVE to our listener, or C-GET."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    Category,
    CStoreRQ,
    Status,
    category,
)
from causeway.errors import PeerError
from causeway.net import (
    VERIFICATION_KINDS,
    AssociationIds,
    AssociationLost,
    AssociationRejected,
    ClientAssociation,
    NotNegotiated,
    ObjectSink,
    Retrieve,
    RetrieveAnswer,
    Sink,
    Unreachable,
    associate,
    find,
    get,
    get_roles,
    move,
)
from causeway.pull.abilities import Abilities
from causeway.pull.asked import AskedFor, Asker
from causeway.pull.classes import contexts_for
from causeway.pull.contract import (
    Answer,
    Arrivals,
    Emit,
    Level,
    Query,
    QueryRefused,
    Report,
    TooManyAnswers,
    Wanted,
)
from causeway.pull.diagnosis import diagnosed, unreachable
from causeway.pull.identifiers import LEVEL, decode_identifier, encode_identifier
from causeway.pull.keys import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from causeway.pull.plan import DimsePlan, Root, Way
from causeway.values import Caller

_MODELS: Final = {
    # Find, move, get (PS3.4 annex C.6).
    Root.STUDY: tuple(f"1.2.840.10008.5.1.4.1.2.2.{each}" for each in (1, 2, 3)),
    Root.PATIENT: tuple(f"1.2.840.10008.5.1.4.1.2.1.{each}" for each in (1, 2, 3)),
}
_SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
SLICE_SECONDS: Final = 5.0
"""Between two looks at whether a retrieval still gets on."""

_message_ids = itertools.count(1)
_message_ids_lock = threading.Lock()


def _new_message_id() -> int:
    """Distinct among the retrievals of this process: a listener tells them apart by it."""
    with _message_ids_lock:
        return next(_message_ids) % 0xFFFF + 1


class DimseSession:
    """See ``contract.Session``."""

    def __init__(self, association: ClientAssociation, plan: DimsePlan) -> None:
        self._association = association
        self._plan = plan
        self._model = _MODELS[plan.root][0]
        self._syntax = association.context(self._model).transfer_syntax
        self._read = partial(decode_identifier, transfer_syntax_uid=self._syntax)

    def find(self, query: Query) -> Iterator[Answer]:
        plan = self._plan
        keys = dict(query.keys)
        if plan.root is Root.STUDY and query.level is not Level.STUDY:
            keys.pop(PATIENT_ID, None)
        identifier = encode_identifier(
            {LEVEL: query.level.value, **keys}, self._syntax, charset=plan.charset
        )
        operation = find(self._association, self._model, identifier, self._syntax)
        count = 0
        for answer in operation:
            if answer.pending:
                count += 1
                if count > plan.limits.answers:
                    operation.cancel()
                    self._drain(operation)
                    raise TooManyAnswers(f"more than {plan.limits.answers} answers to one query")
                yield Answer(answer.identifier, self._read)
            elif answer.status != Status.SUCCESS:
                raise QueryRefused(
                    f"{plan.peer} answered a query with status {answer.status:04X}",
                    status=answer.status,
                    hint=diagnosed(answer.status, plan).hint,
                )

    def _drain(self, answers: Iterable[object]) -> None:
        """After C-CANCEL some more answers may come; one that does not stop is left."""
        for number, _ in enumerate(answers):
            if number > self._plan.limits.answers:
                self._association.abort()
                return


class DimseNode:
    """See ``contract.Node``."""

    def __init__(
        self,
        plan: DimsePlan,
        *,
        sink: Sink | None,
        asker: Asker | None,
        emit: Emit,
        abilities: Abilities | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.abilities = abilities or Abilities()
        self._sink = sink
        self._asker = asker
        self._emit = emit
        self._clock = clock
        self._ids = AssociationIds()
        self._prefer_move = False

    # --- asking ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(self) -> Iterator[DimseSession]:
        model = _MODELS[self.plan.root][0]
        with associate(self.plan.peer, [(model, syntax) for syntax in _SYNTAXES]) as association:
            try:
                session = DimseSession(association, self.plan)
            except NotNegotiated:
                raise NotNegotiated(
                    f"{self.plan.peer} does not take queries in the {self.plan.root} root model",
                    hint="it may answer in the other model (`model`), or have no query service",
                ) from None
            yield session

    def echo(self) -> None:
        with associate(self.plan.peer, VERIFICATION_KINDS) as association:
            association.context(VERIFICATION)
            status = association.echo()
        if status != Status.SUCCESS:
            raise PeerError(f"{self.plan.peer} answered C-ECHO with status {status:04X}")

    # --- retrieving -----------------------------------------------------------------------------

    def retrieve(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        plan = self.plan
        ways = {
            Way.MOVE: (Way.MOVE,),
            Way.GET: (Way.GET,),
            Way.AUTO: (Way.GET, Way.MOVE) if not self._prefer_move else (Way.MOVE, Way.GET),
        }[plan.way]
        if not plan.move_destination or self._asker is None:
            ways = tuple(way for way in ways if way is not Way.MOVE) or (Way.GET,)
        report = Report(way=str(ways[0]))
        for way in ways:
            try:
                report = (
                    self._get(wanted, arrivals) if way is Way.GET else self._move(wanted, arrivals)
                )
            except PeerError as error:
                report = self._lost(way, error)
            if way is Way.GET:
                self.abilities.gets = report.code != "not_negotiated"
            if report.good or report.unavailable or arrivals.cancelled():
                break
        if plan.way is Way.AUTO and len(ways) == 2 and report.way == Way.MOVE and report.good:
            self._prefer_move = True
        return report

    def _lost(self, way: Way, error: PeerError) -> Report:
        if isinstance(error, Unreachable | AssociationRejected):
            found = unreachable(error, self.plan)
            return Report(
                way=str(way), code=found.code, text=str(error.message), hint=found.hint,
                unavailable=True,
            )  # fmt: skip
        if isinstance(error, NotNegotiated):
            other = "move" if way is Way.GET else "get"
            return Report(
                way=str(way), code="not_negotiated",
                text=f"{self.plan.peer} does not take C-{str(way).upper()}",
                hint=f'set retrieve = "{other}" for the node, or "auto"',
            )  # fmt: skip
        return Report(way=str(way), code="lost", text=str(error.message), hint=error.hint)

    def _identifier(self, wanted: Wanted, syntax: str) -> bytes:
        keys = {
            LEVEL: (Level.IMAGE if wanted.sop_instance_uids else Level.SERIES).value,
            STUDY_INSTANCE_UID: wanted.study_instance_uid,
            SERIES_INSTANCE_UID: wanted.series_instance_uid,
        }
        if self.plan.root is Root.PATIENT:
            keys[PATIENT_ID] = wanted.patient_id
        if wanted.sop_instance_uids:
            keys[SOP_INSTANCE_UID] = "\\".join(wanted.sop_instance_uids)
        return encode_identifier(keys, syntax, charset=self.plan.charset)

    def _move(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        plan = self.plan
        assert self._asker is not None
        model = _MODELS[plan.root][1]
        asked = AskedFor(
            node=plan.name,
            mover=plan.peer.calling_ae,
            message_id=_new_message_id(),
            series_instance_uid=wanted.series_instance_uid,
        )
        with associate(plan.peer, [(model, syntax) for syntax in _SYNTAXES]) as association:
            syntax = association.context(model).transfer_syntax
            with self._asker.asking(asked):
                operation = move(
                    association, model, self._identifier(wanted, syntax), syntax,
                    destination=plan.move_destination, message_id=asked.message_id,
                )  # fmt: skip
                return self._follow("move", association, operation, arrivals)

    def _get(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        plan = self.plan
        assert self._sink is not None
        model = _MODELS[plan.root][2]
        kinds = contexts_for(wanted.sop_class_uids, wanted.modality)
        with associate(
            plan.peer, [(model, IMPLICIT_VR_LITTLE_ENDIAN), *kinds], roles=get_roles(kinds)
        ) as association:
            syntax = association.context(model).transfer_syntax
            caller = Caller(
                source=plan.name,
                calling_ae=plan.peer.called_ae,
                called_ae=plan.peer.calling_ae,
                address=plan.peer.host,
                association=self._ids(),
            )
            sink = _Counting(self._sink, self._clock, plan.limits.total_seconds)
            outcome = "lost"
            try:
                operation = get(
                    association, model, self._identifier(wanted, syntax), syntax,
                    sink=sink, caller=caller, emit=self._emit,
                )  # fmt: skip
                report = self._follow("get", association, operation, arrivals)
                outcome = "released" if report.good else "aborted"
                return report
            finally:
                self._sink.association_ended(caller, outcome, sink.stored)

    def _follow(
        self, way: str, association: ClientAssociation, operation: Retrieve, arrivals: Arrivals
    ) -> Report:
        """Until the last answer, as long as it gets on."""
        limits = self.plan.limits
        until = self._clock() + limits.total_seconds
        moved_at = self._clock()
        gave_up = False
        arrivals.progressed()

        def keep_waiting() -> bool:
            nonlocal moved_at, gave_up
            now = self._clock()
            if arrivals.progressed():
                moved_at = now
            gave_up = now - moved_at >= limits.idle_seconds or now >= until or arrivals.cancelled()
            return not gave_up

        association.wait_in_slices(SLICE_SECONDS, keep_waiting)
        try:
            last = self._last_answer(operation, association, arrivals, until=until)
        except AssociationLost:
            if not gave_up:
                raise
            last = None
        if last is not None:
            return self._report(way, last.status, last)
        if self._clock() >= until:
            text = f"the retrieval took longer than {limits.total_seconds:g} s, and was given up"
        else:
            text = f"no image came for {limits.idle_seconds:g} s, and the node did not say why"
        return Report(
            way=way, code="timeout", text=text, hint="see what the node's own log says of it"
        )

    def _last_answer(
        self,
        operation: Retrieve,
        association: ClientAssociation,
        arrivals: Arrivals,
        *,
        until: float,
    ) -> RetrieveAnswer | None:
        """The answer that ends it; None if it was cancelled from here."""
        limits = self.plan.limits
        moved_at = self._clock()
        last_count: int | None = None
        cancelled_at: float | None = None
        for answer in operation:
            if not answer.pending:
                return None if cancelled_at is not None else answer
            now = self._clock()
            if answer.completed != last_count or arrivals.progressed():
                last_count, moved_at = answer.completed, now
            late = now >= until or now - moved_at >= limits.idle_seconds
            if cancelled_at is not None:
                if now - cancelled_at > 2 * SLICE_SECONDS:
                    association.abort()
                    return None
            elif late or arrivals.cancelled():
                # It may go on for a moment; what comes is kept.
                operation.cancel()
                cancelled_at = now
        return None

    def _report(self, way: str, status: int, answer: RetrieveAnswer) -> Report:
        counts = {
            name: getattr(answer, name) for name in ("completed", "failed", "warned", "remaining")
        }
        if status == Status.SUCCESS or category(status) is Category.WARNING:
            # B000 is one or more that failed; its counts say how many.
            return Report(way=way, status=status, **counts)
        found = diagnosed(status, self.plan)
        return Report(
            way=way, status=status, code=found.code, text=found.text, hint=found.hint, **counts
        )


class _Counting:
    """A sink that counts what it took, and takes nothing after the time of a retrieval."""

    def __init__(self, sink: Sink, clock: Callable[[], float], seconds: float) -> None:
        self._sink = sink
        self._clock = clock
        self._until = clock() + seconds
        self.stored = 0

    def begin(
        self, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> ObjectSink | int:
        if self._clock() > self._until:
            return Status.REFUSED_NOT_AUTHORIZED
        self.stored += 1
        return self._sink.begin(caller, request, transfer_syntax_uid)

    def association_ended(self, caller: Caller, outcome: str, stored: int) -> None:
        """Told when the retrieval is over."""
