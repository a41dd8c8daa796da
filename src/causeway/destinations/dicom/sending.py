"""C-STORE of many objects over several associations at once.

Threads take objects from one queue, each with an association of its own, and put what came of them
into another, from which the caller's thread hands it on. What goes wrong with one object is its
outcome. An association that is lost leaves its object without one, since nobody knows; the others
go on, and the loss is raised at the end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from causeway.destinations.contract import Instance, Outcome
from causeway.destinations.dicom.contexts import NoWay
from causeway.destinations.dicom.lines import Line, Lines
from causeway.destinations.dicom.statuses import Judged, is_full, judge
from causeway.dimse import Buffer, Status
from causeway.errors import (
    BadDataSet,
    DestinationBusy,
    DestinationUnauthorised,
    DestinationUnavailable,
    PeerError,
    TemporaryError,
)
from causeway.net import AssociationLost, AssociationRejected, Outgoing, Unreachable
from causeway.net.outgoing import Kind
from causeway.transcoding import convert
from causeway.values import Standing


def kind_of(instance: Instance) -> Kind:
    return (instance.sop_class_uid, instance.transfer_syntax_uid)


@dataclass(slots=True)
class Counts:
    """What the statuses of one ``send`` say of the node as a whole."""

    stored: int = 0
    full: int = 0
    unauthorised: int = 0

    def note(self, status: int, judged: Judged) -> None:
        self.stored += judged.standing is Standing.SENT
        self.full += is_full(status)
        self.unauthorised += status == Status.REFUSED_NOT_AUTHORIZED

    def check(self, name: str) -> None:
        """Raises where nothing went in, for a reason that is no matter of the objects."""
        if self.stored:
            return
        if self.full:
            raise DestinationBusy(
                f"destination {name} has no room: it answered A7xx, out of resources",
                hint="make room there; the delivery goes on by itself",
            )
        if self.unauthorised:
            raise DestinationUnauthorised(
                f"destination {name} answered 0x0124, not authorised",
                hint="let the node take images from our AE title and address",
            )


class Sending:
    """One ``send``."""

    def __init__(
        self, lines: Lines, instances: Sequence[Instance], *, name: str, converts: bool,
        most: int, explain: Callable[[PeerError, bool], Exception],
    ) -> None:  # fmt: skip
        self._lines = lines
        self._name = name
        self._converts = converts
        self._most = most
        self._explain = explain
        self._left = iter(instances)
        self._kinds = tuple(dict.fromkeys(map(kind_of, instances)))
        self._lock = threading.Lock()
        self._outcomes: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        self._stopped = False
        self._error: BaseException | None = None
        self._counts = Counts()
        self._count = len(instances)

    def run(self) -> Iterator[Outcome]:
        """Outcomes as they become known. Raises at the end what has ended associations."""
        try:
            first = self._lines.lend(self._kinds)
        except PeerError as error:
            raise self._explain(error, True) from error
        assert first is not None, "it waits for one"
        threads = [threading.Thread(target=self._work, args=(first,), daemon=True)]
        threads += [
            threading.Thread(target=self._help, daemon=True)
            for _ in range(min(self._most, self._count) - 1)
        ]
        for thread in threads:
            thread.start()
        try:
            working = len(threads)
            while working:
                outcome = self._outcomes.get()
                if outcome is None:
                    working -= 1
                else:
                    yield outcome
        finally:
            self._stopped = True
            for thread in threads:
                thread.join()
        if self._error is not None:
            raise self._error
        self._counts.check(self._name)

    # --- threads ------------------------------------------------------------------------------

    def _help(self) -> None:
        """A further association, if there is one to be had: the first carries all of it alone."""
        try:
            line = self._lines.lend(self._kinds, wait=False)
        except PeerError:
            line = None
        if line is None:
            self._outcomes.put(None)
        else:
            self._work(line)

    def _work(self, line: Line) -> None:
        try:
            self._store_all(line)
        except PeerError as error:
            self._note(self._explain(error, False))
        except BaseException as error:  # noqa: BLE001 - told by the caller's thread
            self._note(error)
        finally:
            self._outcomes.put(None)

    def _note(self, error: BaseException) -> None:
        with self._lock:
            self._error = self._error or error

    def _next(self) -> Instance | None:
        with self._lock:
            return None if self._stopped else next(self._left, None)

    def _store_all(self, line: Line) -> None:
        while (instance := self._next()) is not None:
            kind = kind_of(instance)
            if kind not in line.proposed:
                line = self._lines.again(line, self._with_room_for(kind))
            try:
                outcome = self._store(line, instance)
            except AssociationLost:
                if not line.used:
                    self._lines.drop(line)
                    raise
                # It had been idle, and the peer ended it in this moment. To store the object twice
                # changes nothing.
                line = self._lines.again(line, self._with_room_for(kind), lost=True)
                try:
                    outcome = self._store(line, instance)
                except BaseException:
                    self._lines.drop(line)
                    raise
            except BaseException:
                self._lines.drop(line)
                raise
            line.used = False
            self._outcomes.put(outcome)
        self._lines.give_back(line)

    def _with_room_for(self, kind: Kind) -> tuple[Kind, ...]:
        """What an association shall propose; the last has precedence where there are too many."""
        return (*(each for each in self._kinds if each != kind), kind)

    def _store(self, line: Line, instance: Instance) -> Outcome:
        way = line.way_of(kind_of(instance), convert=self._converts)
        assert way is not None, "it was proposed"
        if isinstance(way, NoWay):
            return Outcome(
                instance=instance, standing=Standing.REFUSED, code=way.code,
                why=f"destination {self._name}: {way.why}",
            )  # fmt: skip
        data: Callable[[], Iterator[Buffer]] | Buffer = instance.open
        syntax = instance.transfer_syntax_uid
        if not way.as_it_is:
            syntax = way.context.transfer_syntax
            try:
                data = convert(b"".join(instance.open()), instance.transfer_syntax_uid, syntax)
            except BadDataSet as error:
                return Outcome(
                    instance=instance, standing=Standing.REFUSED, code="not_converted",
                    why=f"destination {self._name} does not take its transfer syntax, and it "
                    f"cannot be converted without loss: {error}",
                )  # fmt: skip
        result = line.association.store(
            Outgoing(
                sop_class_uid=instance.sop_class_uid,
                sop_instance_uid=instance.sop_instance_uid,
                transfer_syntax_uid=syntax,
                data=data,
            )
        )
        assert result.status is not None, "errors are raised"
        judged = judge(result.status)
        with self._lock:
            self._counts.note(result.status, judged)
        return Outcome(
            instance=instance,
            standing=judged.standing,
            code=judged.code,
            why=judged.why,
            transcoded_to="" if way.as_it_is else syntax,
        )


def explained(error: PeerError, name: str, calling_ae: str, *, opening: bool) -> Exception:
    """What trouble with the node means for deliveries to it; ``opening`` it, or later."""
    text = f"destination {name}: {error.message}"
    if isinstance(error, AssociationRejected):
        if error.temporary:
            return DestinationBusy(text, hint="it is at its limit; the delivery goes on by itself")
        return DestinationUnauthorised(
            text,
            hint=f"enter us there as {calling_ae} with this machine's address, and see that "
            "called_ae is what the node calls itself",
        )
    if isinstance(error, Unreachable):
        return DestinationUnavailable(text, hint=error.hint)
    if opening:
        return DestinationUnavailable(
            text,
            hint=error.hint
            or "does the node speak DICOM at that port, and, with TLS, take our certificate?",
        )
    return TemporaryError(text, hint=error.hint)
