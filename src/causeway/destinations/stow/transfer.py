"""One attempt over STOW-RS (PS3.18, 10.5).

An instance counts as taken when the answer names it among those that were stored, whatever the
status of the whole. What an answer leaves open is settled by sending less at once: a batch that is
too large, or refused as a whole, is sent again in halves, until the instance that is at fault
stands alone. "Already there" is settled by reading back. Nothing is sent twice for any other reason
here; that is the schedule's to decide.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from causeway.destinations.contract import Instance, Outcome, Shipment, Takes
from causeway.destinations.http import Answer, HttpClient, Part, Pieces, multipart, new_boundary
from causeway.destinations.stow.answers import Failure, Stored, stored
from causeway.destinations.stow.batches import batches, side_by_side
from causeway.destinations.stow.looking import FEW, JSON, Found, Looking, digest_of
from causeway.destinations.stow.reasons import Meaning, meaning_of, words_for
from causeway.destinations.stow.settings import Verify
from causeway.errors import BadDataSet, NotYet, TemporaryError
from causeway.transcoding.streamed import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    explicit,
    explicit_meta,
    explicit_size,
)
from causeway.values import Standing

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
ASK_AGAIN_SECONDS: Final = 5.0
"""Between two looks for what was taken and is not listed yet."""

_STORED_AT: Final = "stored_at"
_ABOUT_INSTANCES: Final = frozenset({400, 409, 415, 422})
"""Statuses that can be the fault of what was sent, and of some of it only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """An instance as it goes over the wire."""

    instance: Instance
    size: int
    pieces: Pieces
    transcoded_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one server is dealt with."""

    url: str
    verify: Verify
    explicit_vr_only: bool
    largest_bytes: int
    visible_seconds: float
    search_costs_bytes: int
    requests_at_once: int


class StowTransfer:
    """See the module's text."""

    def __init__(
        self,
        shipment: Shipment,
        rules: Rules,
        *,
        client: HttpClient,
        clock: Callable[[], float],
        most: Callable[[], Takes],
        too_large: Callable[[int], None],
    ) -> None:
        self._shipment = shipment
        self._rules = rules
        self._client = client
        self._looking = Looking(client, rules.url, at_once=rules.requests_at_once)
        self._clock = clock
        self._most = most
        self._too_large = too_large
        self._sent: set[int] = set()
        self._named: set[int] = set()
        """Ids of instances that an answer of this attempt named as stored."""

    @property
    def reference(self) -> str:
        return self._rules.url

    def send(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        at_once = self._rules.requests_at_once
        cut = list(batches(instances, most=self._most(), at_once=at_once))
        yield from side_by_side(self._bring, cut, at_once=at_once)
        self._shipment.replace(_STORED_AT, repr(self._clock()))

    def commit(self) -> None:
        """Each answer stands for itself."""

    def abort(self) -> None:
        """What was stored was whole; what was not is sent again."""

    def verify(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        match self._rules.verify:
            case Verify.ANSWER:
                for each in instances:
                    named = each.id in self._named
                    yield Outcome(
                        instance=each,
                        standing=Standing.VERIFIED if named else Standing.AGAIN,
                        code="" if named else "answer_lost",
                        why="" if named else "no answer named it as stored",
                    )
            case Verify.READ_BACK:
                at_once = self._rules.requests_at_once
                compared = side_by_side(
                    lambda each: (self._compared(each),), instances, at_once=at_once
                )
                yield from self._awaited(compared)
            case Verify.LISTED:
                yield from self._awaited(self._listed(instances))

    # --- sending ------------------------------------------------------------------------------

    def _bring(self, batch: Sequence[Instance]) -> Iterator[Outcome]:
        files: list[_File] = []
        for instance in batch:
            prepared = self._prepared(instance)
            if isinstance(prepared, Outcome):
                yield prepared
            else:
                files.append(prepared)
        self._sent.update(file.instance.id for file in files)
        yield from self._store(files)

    def _prepared(self, instance: Instance, *, rewrite: bool = False) -> _File | Outcome:
        if not rewrite and not (
            self._rules.explicit_vr_only
            and instance.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
        ):
            file = _File(instance=instance, size=instance.size, pieces=instance.file)
        else:
            try:
                meta = explicit_meta(instance.meta)
                size = len(meta) + explicit_size(instance.open())
            except BadDataSet as error:
                return Outcome(
                    instance=instance,
                    standing=Standing.REFUSED,
                    code="not_rewritable",
                    why="it is in implicit VR, which is not taken there, and cannot be written in "
                    f"explicit VR: {error.message}",
                )
            file = _File(
                instance=instance,
                size=size,
                pieces=lambda: itertools.chain((meta,), explicit(instance.open())),
                transcoded_to=EXPLICIT_VR_LITTLE_ENDIAN,
            )
        if self._rules.largest_bytes and file.size > self._rules.largest_bytes:
            return _too_large(instance)
        return file

    def _store(self, files: Sequence[_File]) -> Iterator[Outcome]:
        if not files:
            return
        answer = self._client.ask(
            "POST",
            f"{self._rules.url}/studies",
            headers={"accept": JSON},
            body=multipart(
                [
                    Part(
                        headers=(("Content-Type", "application/dicom"),),
                        size=file.size,
                        pieces=file.pieces,
                    )
                    for file in files
                ],
                content_type='multipart/related; type="application/dicom"',
                boundary=new_boundary(),
            ),
        )
        if answer.status == 413:
            self._too_large(sum(file.size for file in files))
            if len(files) == 1:
                yield _too_large(files[0].instance)
            else:
                yield from self._halved(files)
            return
        if not answer.is_success and answer.status not in _ABOUT_INSTANCES:
            raise self._client.failure(answer)
        said = stored(answer.body, answer.media_type)
        open_ends: list[_File] = []
        for file in files:
            outcome = self._judged(file, answer, said, alone=len(files) == 1)
            if outcome is None:
                open_ends.append(file)
            else:
                yield outcome
        if len(open_ends) == 1 and len(files) == 1:
            yield from self._alone(open_ends[0], answer, said)
        elif open_ends:
            yield from self._halved(open_ends)

    def _halved(self, files: Sequence[_File]) -> Iterator[Outcome]:
        middle = (len(files) + 1) // 2
        yield from self._store(files[:middle])
        yield from self._store(files[middle:])

    def _judged(self, file: _File, answer: Answer, said: Stored, *, alone: bool) -> Outcome | None:
        """What an answer says of one of several; None if it says nothing."""
        uid = file.instance.sop_instance_uid
        if uid in said.accepted:
            self._named.add(file.instance.id)
            warning = said.accepted[uid]
            return Outcome(
                instance=file.instance,
                standing=Standing.SENT,
                code=f"warning_{warning:04x}" if warning else "",
                transcoded_to=file.transcoded_to,
            )
        if (failure := said.failed.get(uid)) is not None:
            return self._failed(file, failure)
        if answer.is_success and (alone or not (said.accepted or said.failed)):
            # It does not say, so it is looked for.
            return Outcome(
                instance=file.instance,
                standing=Standing.SENT,
                code="unlisted",
                transcoded_to=file.transcoded_to,
            )
        return None

    def _alone(self, file: _File, answer: Answer, said: Stored) -> Iterator[Outcome]:
        """One instance that was refused without a word of its own."""
        if answer.status == 409:
            yield self._settled(file, Failure(reason=None, other_bytes=False))
        elif answer.status == 415 and self._can_rewrite(file):
            yield from self._rewritten(file)
        else:
            why = "it cannot be read there" if said.unreadable else "it is refused there"
            yield Outcome(
                instance=file.instance,
                standing=Standing.REFUSED,
                code=f"status_{answer.status}",
                why=f"{why} ({answer.status})",
            )

    def _failed(self, file: _File, failure: Failure) -> Outcome | None:
        match meaning_of(failure.reason):
            case Meaning.EXISTS:
                return self._settled(file, failure)
            case Meaning.SYNTAX if self._can_rewrite(file):
                return next(iter(self._rewritten(file)), None)
            case Meaning.PASSES:
                standing = Standing.AGAIN
            case _:
                standing = Standing.REFUSED
        return Outcome(
            instance=file.instance,
            standing=standing,
            code=_code(failure.reason),
            why=words_for(failure.reason),
        )

    def _can_rewrite(self, file: _File) -> bool:
        return (
            not file.transcoded_to
            and file.instance.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
        )

    def _rewritten(self, file: _File) -> Iterator[Outcome]:
        prepared = self._prepared(file.instance, rewrite=True)
        if isinstance(prepared, Outcome):
            yield prepared
        else:
            yield from self._store((prepared,))

    def _settled(self, file: _File, failure: Failure) -> Outcome:
        """It was not stored, perhaps because it is there: look."""
        instance = file.instance
        match self._compared_as_sent(instance):
            case Found.SAME:
                return Outcome(instance=instance, standing=Standing.VERIFIED, already_there=True)
            case Found.OTHER:
                return _other_bytes(instance)
            case Found.UNKNOWN:
                return Outcome(
                    instance=instance,
                    standing=Standing.REFUSED,
                    code="already_there",
                    why="something is there under its UID, and cannot be compared with it",
                )
            case Found.ABSENT:
                return Outcome(
                    instance=instance,
                    standing=Standing.AGAIN,
                    code=_code(failure.reason),
                    why=words_for(failure.reason),
                )

    # --- looking ------------------------------------------------------------------------------

    def _listed(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        by_series: dict[tuple[str, str], list[Instance]] = {}
        for each in instances:
            place = (each.study_instance_uid, each.series_instance_uid)
            by_series.setdefault(place, []).append(each)
        for (study, series), members in by_series.items():
            found = self._read_whole(study, series, members)
            wanted = {each.sop_instance_uid for each in members} - found
            if wanted:
                found |= self._looking.listed(study, series, wanted)
            for each in members:
                yield _seen(each) if each.sop_instance_uid in found else _not_seen(each)

    def _read_whole(self, study: str, series: str, members: Sequence[Instance]) -> set[str]:
        """Those that come back as they are, where reading asks less of the server than a search."""
        size = sum(each.size for each in members)
        if len(members) <= FEW or size > len(members) * self._rules.search_costs_bytes:
            return set()
        wanted = {(each.dataset_size, each.digest): each.sop_instance_uid for each in members}
        return self._looking.read_whole(study, series, wanted)

    def _compared(self, instance: Instance) -> Outcome:
        match self._compared_as_sent(instance):
            case Found.SAME:
                there = instance.id not in self._sent
                return Outcome(instance=instance, standing=Standing.VERIFIED, already_there=there)
            case Found.ABSENT:
                return _not_seen(instance)
            case Found.OTHER if instance.id in self._sent:
                return Outcome(
                    instance=instance,
                    standing=Standing.AGAIN,
                    code="stored_otherwise",
                    why="what was stored is not what was sent",
                )
            case Found.OTHER:
                return _other_bytes(instance)
            case Found.UNKNOWN:
                raise TemporaryError(
                    f"{self._client.who} does not give back what it stored",
                    hint='set `verify = "listed"` for it',
                )

    def _compared_as_sent(self, instance: Instance) -> Found:
        """Whether it is there as it was sent, or as it is sent where implicit VR is not taken."""
        digests = [(instance.dataset_size, instance.digest)]
        if instance.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
            with contextlib.suppress(BadDataSet):
                digests.append(digest_of(explicit(instance.open())))
        return self._looking.compared(instance, digests)

    def _awaited(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """A search may lag behind a store: what is missing then is given a little time."""
        missing: list[Outcome] = []
        for outcome in outcomes:
            if outcome.standing is Standing.AGAIN:
                missing.append(outcome)
            else:
                yield outcome
        if not missing:
            return
        stored_at = float(self._shipment.recall(_STORED_AT) or "-inf")
        waited = self._clock() - stored_at
        if waited < self._rules.visible_seconds:
            raise NotYet(
                f"{self._client.who} does not list all that it took yet",
                again_in_seconds=min(ASK_AGAIN_SECONDS, self._rules.visible_seconds - waited),
            )
        yield from missing


def _seen(instance: Instance) -> Outcome:
    return Outcome(instance=instance, standing=Standing.VERIFIED)


def _not_seen(instance: Instance) -> Outcome:
    return Outcome(
        instance=instance,
        standing=Standing.AGAIN,
        code="not_there",
        why="it is not there, whatever the answer to its store was",
    )


def _other_bytes(instance: Instance) -> Outcome:
    return Outcome(
        instance=instance,
        standing=Standing.REFUSED,
        code="other_bytes",
        why="something else is there under its UID; remove it there, then retry",
    )


def _too_large(instance: Instance) -> Outcome:
    return Outcome(
        instance=instance,
        standing=Standing.REFUSED,
        code="too_large",
        why="it is larger than what is taken there in one request",
    )


def _code(reason: int | None) -> str:
    return "not_stored" if reason is None else f"reason_{reason:04x}"
