"""Questions to a node, and answers that are full or none.

A node has no pages. So a window of study dates is asked whole, and where the answer is as long as
anybody wants to hear, as long as the node can say, or suspiciously round, it is asked again in
halves, down to minutes of one day. What stays too long then is no answer: nothing may be concluded
from it.

Studies are asked first, with their counts; series only of those of which something is new. Tags
that opting, routing and filters look into are asked for at both levels: a value at the series'
level counts, else one at the study's; an empty one may be a node that does not know the key, and so
it decides nothing here. The header does, when the images have come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Final

from causeway.attributes import Attributes
from causeway.ledger import SeriesSeen, StudySeen
from causeway.pull.abilities import Abilities
from causeway.pull.contract import (
    Answer,
    AnswersIncomplete,
    Level,
    Query,
    QueryRefused,
    Session,
    TooManyAnswers,
)
from causeway.pull.filtering import OF_STUDIES, merged, opted, passes
from causeway.pull.keys import (
    IMAGES_IN_SERIES,
    IMAGES_IN_STUDY,
    INSTANCE_NUMBER,
    MODALITIES_IN_STUDY,
    MODALITY,
    PATIENT_ID,
    REQUIRED,
    SERIES_IN_STUDY,
    SERIES_INSTANCE_UID,
    SERIES_NUMBER,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)
from causeway.pull.plan import NodePlan
from causeway.pull.studies import Reader, Remembered, StudyAnswer, Told, count_of, digest_of
from causeway.pull.windows import Window

BATCH: Final = 500
"""Studies that are compared at once."""
_SUSPICIOUS_FROM: Final = 100
_OUT_OF_RESOURCES: Final = 0xA700
"""A7xx, PS3.4 table C.4-1."""


class Asking:
    """What one look at a node asks, over one session."""

    def __init__(
        self, session: Session, plan: NodePlan, abilities: Abilities, *, today: dt.date
    ) -> None:
        self._session = session
        self._plan = plan
        self._abilities = abilities
        self._today = today
        self._asked_of_both = frozenset(plan.decides_by) | frozenset(plan.filters)
        self._reader = Reader(plan, Remembered())

    # --- studies --------------------------------------------------------------------------------

    def studies(
        self, window: Window, *, more: Mapping[int, str] | None = None
    ) -> Iterator[StudyAnswer]:
        """All studies of a window that pass the filter. One may come twice.

        Raises ``AnswersIncomplete`` or a ``PeerError``; what was given before that is not all.
        """
        for told in self._windowed(window, more or {}, Reader(self._plan, Remembered())):
            yield from told.read.values()

    def told(self, window: Window, remembered: Remembered) -> Iterator[Told]:
        """The same, batch by batch, and only those are read that are not remembered."""
        yield from self._windowed(window, {}, Reader(self._plan, remembered))

    def study(self, told: Told, place: int) -> StudyAnswer:
        """What one of these answers says."""
        read = told.read.get(place)
        return read or self._reader.study(told.answers[place].attributes)

    def _windowed(
        self, window: Window, more: Mapping[int, str], reader: Reader
    ) -> Generator[Told, None, int]:
        limits = self._plan.limits
        count, cut, heeded = 0, False, True
        try:
            for answers in _batches(self._find(Level.STUDY, self._study_keys(window, more))):
                count += len(answers)
                told = reader.read(answers, window)
                heeded = heeded and not told.outside
                yield told
            cut = bool(limits.answer_cap) and count >= limits.answer_cap
            if not cut and not (not limits.answer_cap and _is_suspicious(count)):
                return count
        except TooManyAnswers:
            cut = True
        # A node that gives what is outside of the window cannot be asked in parts.
        halves = window.halves(self._today) if heeded else None
        inside = 0
        for half in halves or ():
            inside += yield from self._windowed(half, more, reader)
        # Where studies have no time, halves of a day have none of them: they tell nothing then.
        if cut and (halves is None or inside < count):
            raise AnswersIncomplete(
                f"the node gives {count} studies at once, and cannot be asked for them in parts",
                hint="let it answer with more at once (its own limit), or raise maximum_results",
            )
        return max(count, inside)

    def _study_keys(self, window: Window, more: Mapping[int, str]) -> dict[int, str]:
        keys = {
            STUDY_INSTANCE_UID: "",
            STUDY_DATE: window.dates,
            STUDY_TIME: window.times,
            PATIENT_ID: "",
            SERIES_IN_STUDY: "",
            IMAGES_IN_STUDY: "",
        }
        keys |= dict.fromkeys(self._asked_of_both, "")
        for tag, values in self._plan.filters.items():
            key = MODALITIES_IN_STUDY if tag == MODALITY else tag
            keys.setdefault(key, "")
            # A list is no matching that the standard knows, but for UIDs: then it is for us alone.
            if len(values) == 1 and key in OF_STUDIES and not keys[key] and self._may_match(key):
                keys[key] = values[0]
        return keys | dict(more)

    def _may_match(self, tag: int) -> bool:
        return tag in REQUIRED or self._abilities.matches_optional

    # --- series and images ----------------------------------------------------------------------

    def look_into(self, study: StudyAnswer) -> StudySeen:
        """A study with all of its series that pass the filter."""
        keys = {
            PATIENT_ID: study.patient_id,
            STUDY_INSTANCE_UID: study.uid,
            SERIES_INSTANCE_UID: "",
            MODALITY: "",
            SERIES_NUMBER: "",
            IMAGES_IN_SERIES: "",
        }
        keys |= {tag: "" for tag in self._asked_of_both if tag not in keys}
        series: dict[str, SeriesSeen] = {}
        # All of them first: one question at a time, and counting may take more questions.
        for attributes in self._all(Level.SERIES, keys):
            uid = attributes.first(SERIES_INSTANCE_UID)
            said_study = attributes.first(STUDY_INSTANCE_UID)
            if not uid or (said_study and said_study != study.uid):
                continue  # it has answered another question
            both = merged(attributes, study.attributes)
            if passes(self._plan.filters, both, of_study=False):
                series[uid] = self._series(study, attributes, both)
        return StudySeen(
            study_instance_uid=study.uid,
            patient_id=study.patient_id,
            study_date=study.date,
            digest=study.digest,
            series=tuple(series.values()),
        )

    def _series(self, study: StudyAnswer, attributes: Attributes, both: Attributes) -> SeriesSeen:
        uid = attributes.first(SERIES_INSTANCE_UID)
        count = count_of(attributes, IMAGES_IN_SERIES)
        if count is None:
            self._abilities.counts_images = False
            images = self.images(study.patient_id, study.uid, uid)
            count = None if images is None else len(images)
        code, why = opted(both, self._plan.opting)
        return SeriesSeen(
            series_instance_uid=uid,
            modality=attributes.first(MODALITY),
            series_number=attributes.first(SERIES_NUMBER),
            image_count=count,
            marks=digest_of(*(both.text(tag) or "" for tag in self._plan.decides_by)),
            skip_code=code,
            skip_why=why,
        )

    def study_of(self, series_uid: str) -> str | None:
        """The study of a series, of a node that answers relational queries."""
        keys = {SERIES_INSTANCE_UID: series_uid, STUDY_INSTANCE_UID: ""}
        try:
            for attributes in self._all(Level.SERIES, keys):
                if attributes.first(SERIES_INSTANCE_UID) == series_uid:
                    return attributes.first(STUDY_INSTANCE_UID) or None
        except QueryRefused:
            pass
        return None

    def images(self, patient_id: str, study_uid: str, series_uid: str) -> dict[str, str] | None:
        """SOP classes by SOP Instance UID; None of a node that does not list images, or so many.

        Raises ``PeerError`` or ``AnswersIncomplete`` of one that is ill: what it has is not known.
        """
        if self._abilities.lists_images is False:
            return None
        keys = {
            PATIENT_ID: patient_id,
            STUDY_INSTANCE_UID: study_uid,
            SERIES_INSTANCE_UID: series_uid,
            SOP_INSTANCE_UID: "",
            SOP_CLASS_UID: "",
            INSTANCE_NUMBER: "",
        }
        found: dict[str, str] = {}
        try:
            for answer in self._find(Level.IMAGE, keys):
                attributes = answer.attributes
                uid = attributes.first(SOP_INSTANCE_UID)
                of_series = attributes.first(SERIES_INSTANCE_UID)
                if uid and of_series in ("", series_uid):
                    found[uid] = attributes.first(SOP_CLASS_UID)
        except TooManyAnswers:
            return None
        except QueryRefused as error:
            if found or not self._lacks_images(error, patient_id, study_uid):
                raise
            self._abilities.lists_images = False
            return None
        if found:
            self._abilities.lists_images = True
        # Nothing at all may be a node without that level as well as an empty series.
        return found or ({} if self._abilities.lists_images else None)

    def _lacks_images(self, refusal: QueryRefused, patient_id: str, study_uid: str) -> bool:
        """Whether a refusal means that the node does not answer at that level, ever.

        Nodes say so with any status, and ill ones use the same. One that lacks the level answers at
        the one above in the same breath; an ill one does not, and is asked again later. One that
        has listed images before is believed at the second refusal.
        """
        if refusal.status & 0xFF00 == _OUT_OF_RESOURCES:
            return False
        if self._abilities.lists_images:
            self._abilities.lists_images = None
            return False
        keys = {PATIENT_ID: patient_id, STUDY_INSTANCE_UID: study_uid, SERIES_INSTANCE_UID: ""}
        series = self._all(Level.SERIES, keys)
        return any(attributes.first(SERIES_INSTANCE_UID) for attributes in series)

    # --- asking ---------------------------------------------------------------------------------

    def _all(self, level: Level, keys: Mapping[int, str]) -> list[Attributes]:
        """All answers, so that the next question may be asked."""
        return [answer.attributes for answer in self._find(level, keys)]

    def _find(self, level: Level, keys: Mapping[int, str]) -> Iterator[Answer]:
        """As often as it takes: a node that refuses a key is asked without those it may refuse."""
        begun = False
        try:
            for answer in self._session.find(Query(level=level, keys=keys)):
                begun = True
                yield answer
            return
        except QueryRefused as error:
            optional = [
                tag
                for tag, value in keys.items()
                if value
                and tag not in REQUIRED
                and tag not in (SERIES_INSTANCE_UID, SOP_INSTANCE_UID)
            ]
            if begun or not optional or error.status & 0xF000 not in (0xA000, 0xC000):
                raise
            self._abilities.matches_optional = False
            without = {tag: "" if tag in optional else value for tag, value in keys.items()}
        yield from self._session.find(Query(level=level, keys=without))


def _is_suspicious(count: int) -> bool:
    """A number at which nodes like to stop of themselves."""
    return count >= _SUSPICIOUS_FROM and (count % 100 == 0 or count & (count - 1) == 0)


def _batches(answers: Iterable[Answer]) -> Iterator[list[Answer]]:
    batch: list[Answer] = []
    try:
        for answer in answers:
            batch.append(answer)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except TooManyAnswers:
        # What came before it counts.
        if batch:
            yield batch
        raise
    if batch:
        yield batch
