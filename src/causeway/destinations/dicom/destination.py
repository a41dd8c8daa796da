"""Another DICOM node, by C-STORE: what a delivery's attempt does there, and what verified means.

The node's own answer to a C-STORE says that it stored the object. What is made of that depends on
what more the node offers:

- *storage commitment*: it is asked to take responsibility, and only what its report names as safe
  is verified. The report may take minutes; the delivery waits meanwhile and spends no try;
- else a *query*: it is asked by C-FIND for each instance, and what it names is verified;
- else its answer is all there is, and counts.

To store an object twice changes nothing, as it is known by its UID. So whatever is in doubt and
cannot be asked for is sent again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from causeway.destinations.contract import Instance, Memory, Outcome, Shipment, Step, Takes
from causeway.destinations.dicom.asking import FIND_KINDS, STUDY_ROOT_FIND, found_there
from causeway.destinations.dicom.contexts import Repertoire
from causeway.destinations.dicom.lines import Associate, Lines
from causeway.destinations.dicom.probe import probe
from causeway.destinations.dicom.promises import UNMENTIONED, Promises, Transaction
from causeway.destinations.dicom.sending import Sending, explained
from causeway.destinations.dicom.settings import Commitment, DicomSettings
from causeway.destinations.dicom.statuses import judge_failure
from causeway.dimse import STORAGE_COMMITMENT_PUSH, Status, describe
from causeway.errors import (
    DestinationUnavailable,
    NotYet,
    PeerError,
    StartupError,
    TemporaryError,
)
from causeway.net import VERIFICATION_KINDS, ClientAssociation, Peer, associate
from causeway.net.commitment import CommitmentReport
from causeway.net.committing import COMMITMENT_KINDS, CommitmentUser
from causeway.net.outgoing import Kind
from causeway.net.tls import client_context
from causeway.values import Standing

BATCH_INSTANCES: Final = 500
BATCH_BYTES: Final = 256 * 1024 * 1024
"""Between two batches others may go first. At a hundred megabytes a second, some seconds."""

CAPABILITIES_SECONDS: Final = 600.0
"""How long what a node offers is believed; it is asked by an association of its own."""

LOOK_SECONDS: Final = 15.0
"""Between two looks for a report that comes over another association."""
APPEAR_SECONDS: Final = 60.0
"""How long an object may be missing from answers to C-FIND after it was stored: archives answer
first and enter it in their database afterwards."""
APPEAR_LOOK_SECONDS: Final = 5.0

_MISSING_SINCE: Final = "missing_since"


class DicomDestination:
    """See the module's text. Thread safe."""

    def __init__(
        self,
        settings: DicomSettings,
        *,
        memory: Memory,
        clock: Callable[[], float] = time.time,
        associate: Associate = associate,
    ) -> None:
        self.name = settings.name
        self.takes = Takes(instances=BATCH_INSTANCES, bytes=BATCH_BYTES)
        self.settings = settings
        self.promises = Promises(memory)
        self.clock = clock
        self._associate = associate
        self.lines = Lines(
            settings.peer,
            most=settings.associations,
            idle_seconds=settings.idle_seconds,
            repertoire=Repertoire(convert=settings.convert),
            associate=self._connect,
        )
        self._lock = threading.Lock()
        self._offers: frozenset[str] = frozenset()
        self._offers_at: float | None = None

    def check(self) -> None:
        if self.settings.peer.tls is not None:
            try:
                client_context(self.settings.peer.tls)
            except StartupError as error:
                raise self._unusable(error) from error

    def probe(self) -> Iterator[Step]:
        return probe(self.settings)

    def start(self, shipment: Shipment) -> DicomTransfer:
        return DicomTransfer(self, shipment)

    def close(self) -> None:
        self.lines.close()

    def reported(self, called_ae: str, report: CommitmentReport) -> bool:
        """A report on storage commitment came to a listener of ours, from a node of this AE title;
        True if it was asked for here, and is kept.
        """
        return called_ae == self.settings.peer.called_ae and self.promises.take(report)

    # --- what the node offers beside storage ------------------------------------------------------

    @property
    def wants(self) -> frozenset[str]:
        """SOP classes of what is made use of, if the node offers it."""
        wanted = set()
        if self.settings.commitment is not Commitment.OFF:
            wanted.add(STORAGE_COMMITMENT_PUSH)
        if self.settings.query:
            wanted.add(STUDY_ROOT_FIND)
        return frozenset(wanted)

    def offers(self) -> frozenset[str]:
        """Of these, what the node offers. Raises what an association that cannot be had means."""
        if not self.wants:
            return frozenset()
        with self._lock:
            now = self.clock()
            if self._offers_at is not None and 0 <= now - self._offers_at < CAPABILITIES_SECONDS:
                return self._offers
        with self.asking() as association:
            return self.learn(association)

    def learn(self, association: ClientAssociation) -> frozenset[str]:
        """What an association that asks has shown."""
        offered = frozenset(
            each.abstract_syntax for each in association.contexts.values() if each.scu_role
        )
        with self._lock:
            self._offers = offered & self.wants
            self._offers_at = self.clock()
            return self._offers

    def asking(self) -> ClientAssociation:
        """An association for questions, not for objects."""
        # C-ECHO too: some nodes reject an association of which they take nothing.
        kinds = [
            *VERIFICATION_KINDS,
            *(kind for kind in (*COMMITMENT_KINDS, *FIND_KINDS) if kind[0] in self.wants),
        ]
        try:
            return self._connect(self.settings.peer, kinds)
        except PeerError as error:
            raise self.explain(error, opening=True) from error

    def _connect(self, peer: Peer, kinds: Sequence[Kind]) -> ClientAssociation:
        try:
            return self._associate(peer, kinds)
        except StartupError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: StartupError) -> DestinationUnavailable:
        """Files of ours are missing or wrong: nothing goes there until somebody mends them."""
        return DestinationUnavailable(f"destination {self.name}: {error.message}", hint=error.hint)

    def explain(self, error: PeerError, *, opening: bool) -> Exception:
        calling = self.settings.peer.calling_ae
        return explained(error, self.name, calling, opening=opening)


class DicomTransfer:
    """One attempt."""

    def __init__(self, destination: DicomDestination, shipment: Shipment) -> None:
        self._to = destination
        self._shipment = shipment
        self._settings = destination.settings
        self._sent: dict[int, Instance] = {}
        """What still has to be committed to or looked for."""
        self._committed = False
        self._done_without = ""
        """Why nobody commits himself, where that was asked for."""

    @property
    def reference(self) -> str:
        return self._settings.peer.called_ae

    def send(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        asks = bool(self._to.offers())
        self._need_commitment()
        sending = Sending(
            self._to.lines,
            instances,
            name=self._to.name,
            converts=self._settings.convert,
            most=self._settings.associations,
            explain=lambda error, opening: self._to.explain(error, opening=opening),
        )
        for outcome in sending.run():
            if outcome.standing is not Standing.SENT:
                yield outcome
            elif asks:
                self._sent[outcome.instance.id] = outcome.instance
                yield outcome
            else:
                # Nothing more can be asked: the node's own answer says that it has it.
                yield replace(outcome, standing=Standing.VERIFIED)

    def commit(self) -> None:
        self._committed = True
        if STORAGE_COMMITMENT_PUSH not in self._to.offers() or not self._sent:
            return
        transaction = self._to.promises.of(self._shipment)
        if transaction is not None:
            if transaction.covers(self._sent.values()):
                return
            self._to.promises.forget(self._shipment, transaction)
        self._ask()

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        if not self._committed:
            return self._looked_at_before(instances)
        transaction = self._to.promises.of(self._shipment)
        if transaction is not None:
            told = self._to.promises.told(transaction)
            if told is None:
                self._wait_for_report(transaction)
            else:
                outcomes = [_of_report(each, told) for each in instances]
                self._to.promises.forget(self._shipment, transaction)
                return outcomes
        return self._looked_for(instances)

    def abort(self) -> None:
        """Objects that were stored stay; the transaction, if there is one, goes on."""

    # --- before it is sent ------------------------------------------------------------------------

    def _looked_at_before(self, instances: Sequence[Instance]) -> list[Outcome]:
        """What an earlier attempt may have brought."""
        offers = self._to.offers()
        transaction = self._to.promises.of(self._shipment)
        under_way = [
            each
            for each in instances
            if transaction is not None and each.id in transaction.instance_ids
        ]
        for each in under_way:
            self._sent[each.id] = each
        outcomes = [Outcome(instance=each, standing=Standing.SENT) for each in under_way]
        rest = [each for each in instances if each.id not in self._sent]
        if not rest:
            return outcomes
        there = self._found(rest) if STUDY_ROOT_FIND in offers else frozenset()
        for each in rest:
            if each.sop_instance_uid not in there:
                outcomes.append(Outcome(instance=each, standing=Standing.AGAIN, code="not_there"))
            elif STORAGE_COMMITMENT_PUSH in offers:
                self._sent[each.id] = each
                outcomes.append(Outcome(instance=each, standing=Standing.SENT, already_there=True))
            else:
                outcomes.append(
                    Outcome(instance=each, standing=Standing.VERIFIED, already_there=True)
                )
        return outcomes

    # --- storage commitment -----------------------------------------------------------------------

    def _need_commitment(self) -> None:
        if (
            self._settings.commitment is Commitment.REQUIRED
            and STORAGE_COMMITMENT_PUSH not in self._to.offers()
        ):
            raise DestinationUnavailable(
                f"destination {self._to.name} offers no storage commitment, and it is required",
                hint='let the node offer it to us, or set commitment = "auto"',
            )

    def _ask(self) -> None:
        """N-ACTION, and the report if it comes at once."""
        association = self._to.asking()
        try:
            user = CommitmentUser(association)
            transaction, request = self._to.promises.begin(
                self._shipment, self._sent.values(), self._to.clock()
            )
            status = user.ask(request)
            if status != Status.SUCCESS:
                self._to.promises.forget(self._shipment, transaction)
                self._refused(status)
            elif report := user.report(transaction.uid, self._settings.report_seconds):
                self._to.promises.take(report)
        except PeerError as error:
            # Whether it has heard of the transaction is not known; a report will tell, or silence.
            association.abort()
            raise self._to.explain(error, opening=False) from error
        except BaseException:
            association.abort()
            raise
        association.release()

    def _refused(self, status: int) -> None:
        text = f"destination {self._to.name} refused to commit itself: {describe(status)}"
        if self._settings.commitment is Commitment.REQUIRED:
            raise TemporaryError(text, hint="see what the node's log says of our N-ACTION")
        self._done_without = f"commitment_{status:04x}"

    def _wait_for_report(self, transaction: Transaction) -> None:
        """Raises ``NotYet`` while the node may still report; then does without, or asks anew."""
        silent = self._to.clock() - transaction.asked_at
        if 0 <= silent < self._settings.silence_seconds:
            raise NotYet(
                f"destination {self._to.name} has not reported yet on its storage commitment",
                again_in_seconds=min(LOOK_SECONDS, self._settings.silence_seconds),
                hint="it reports to a listener of ours: is it listed as a source, and does it know "
                "our AE title, address and port?",
            )
        self._to.promises.forget(self._shipment, transaction)
        if self._settings.commitment is Commitment.REQUIRED:
            self._ask()
            raise NotYet(
                f"destination {self._to.name} never reported, and was asked once more to commit "
                "itself",
                again_in_seconds=LOOK_SECONDS,
                hint="it reports to a listener of ours: is it listed as a source, and does it know "
                "our AE title, address and port?",
            )
        self._done_without = "commitment_silent"

    # --- a query ----------------------------------------------------------------------------------

    def _looked_for(self, instances: Sequence[Instance]) -> list[Outcome]:
        code = self._done_without
        if STUDY_ROOT_FIND not in self._to.offers():
            return [
                Outcome(instance=each, standing=Standing.VERIFIED, code=code) for each in instances
            ]
        there = self._found(instances)
        missing = [each for each in instances if each.sop_instance_uid not in there]
        if missing:
            self._wait_until_it_appears(len(missing))
        self._shipment.replace(_MISSING_SINCE, None)
        return [
            Outcome(instance=each, standing=Standing.VERIFIED, code=code)
            if each.sop_instance_uid in there
            else Outcome(
                instance=each, standing=Standing.AGAIN, code="not_found",
                why=f"destination {self._to.name} answered that it stored it, and does not find it",
            )
            for each in instances
        ]  # fmt: skip

    def _wait_until_it_appears(self, missing: int) -> None:
        now = self._to.clock()
        since = self._shipment.recall(_MISSING_SINCE)
        if since is None:
            self._shipment.replace(_MISSING_SINCE, repr(now))
        elif not 0 <= now - float(since) < APPEAR_SECONDS:
            return
        raise NotYet(
            f"destination {self._to.name} does not find {missing} of what it says that it stored",
            again_in_seconds=APPEAR_LOOK_SECONDS,
        )

    def _found(self, instances: Sequence[Instance]) -> frozenset[str]:
        try:
            with self._to.asking() as association:
                self._to.learn(association)
                if STUDY_ROOT_FIND not in self._to.offers():
                    return frozenset()
                return found_there(association, instances, self._to.name)
        except PeerError as error:
            raise self._to.explain(error, opening=False) from error


def _of_report(instance: Instance, told: dict[str, int]) -> Outcome:
    reason = told.get(instance.sop_instance_uid, UNMENTIONED)
    if reason == 0:
        return Outcome(instance=instance, standing=Standing.VERIFIED, code="commitment")
    if reason == UNMENTIONED:
        return Outcome(
            instance=instance, standing=Standing.AGAIN, code="commitment_unmentioned",
            why="the node's report does not mention it",
        )  # fmt: skip
    judged = judge_failure(reason)
    return Outcome(instance=instance, standing=judged.standing, code=judged.code, why=judged.why)
