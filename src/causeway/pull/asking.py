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
import fnmatch
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.opting import Answer, Case, OptRules
from causeway.ledger import SeriesSeen, StudySeen
from causeway.pull.contract import (
    AnswersIncomplete,
    Level,
    Query,
    QueryRefused,
    Session,
    TooManyAnswers,
)
from causeway.pull.plan import NodePlan
from causeway.pull.windows import Window

STUDY_DATE, STUDY_TIME = 0x00080020, 0x00080030
ACCESSION_NUMBER = 0x00080050
MODALITY, MODALITIES_IN_STUDY = 0x00080060, 0x00080061
SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
PATIENT_NAME, PATIENT_ID = 0x00100010, 0x00100020
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
STUDY_ID, SERIES_NUMBER, INSTANCE_NUMBER = 0x00200010, 0x00200011, 0x00200013
SERIES_IN_STUDY, IMAGES_IN_STUDY, IMAGES_IN_SERIES = 0x00201206, 0x00201208, 0x00201209

REQUIRED: Final = frozenset({STUDY_DATE, STUDY_TIME, ACCESSION_NUMBER, PATIENT_NAME, PATIENT_ID,
                             STUDY_ID, STUDY_INSTANCE_UID, MODALITY, SERIES_NUMBER})  # fmt: skip
"""Keys that every node matches (PS3.4 tables C.6-1 to C.6-4); others it may pass over."""
_OF_STUDIES: Final = frozenset(
    {STUDY_DATE, STUDY_TIME, ACCESSION_NUMBER, PATIENT_NAME, PATIENT_ID, STUDY_ID,
     STUDY_INSTANCE_UID, MODALITIES_IN_STUDY, 0x00081030, 0x00080090, 0x00100030, 0x00100040,
     0x00104000, 0x00324000, 0x001021B0, 0x00080080, 0x00101010}
)  # fmt: skip
"""Of studies and patients; other attributes are matched at the level of series."""
_SUSPICIOUS_FROM: Final = 100
_OUT_OF_RESOURCES: Final = 0xA700
"""A7xx, PS3.4 table C.4-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnswer:
    """A study as an answer at the study's level has it."""

    uid: str = field(repr=False)
    patient_id: str = field(repr=False)
    date: str = field(repr=False)
    attributes: Attributes = field(repr=False)
    digest: int
    counted: bool
    """Whether the node says how many images it has, so that a digest can tell of new ones."""


@dataclass(slots=True)
class Abilities:
    """What was learned of a node by asking it; kept between queries."""

    matches_optional: bool = True
    """It takes keys that the standard does not require."""
    lists_images: bool | None = None
    """It answers at the level of images."""
    counts_images: bool | None = None
    """It says how many images a series has."""
    gets: bool | None = None
    """It takes C-GET."""


def digest_of(*values: object) -> int:
    """63 bits, which fit a column; a clash goes unnoticed once in 10^8 years of minutes."""
    text = "\x1f".join(map(str, values)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


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

    # --- studies --------------------------------------------------------------------------------

    def studies(
        self, window: Window, *, more: Mapping[int, str] | None = None
    ) -> Iterator[StudyAnswer]:
        """All studies of a window that pass the filter. One may come twice.

        Raises ``AnswersIncomplete`` or a ``PeerError``; what was given before that is not all.
        """
        for attributes in self._windowed(window, more or {}):
            answer = _study(attributes, self._plan.decides_by, self._asked_of_both)
            if answer.uid and passes(self._plan.filters, attributes, of_study=True):
                yield answer

    def _windowed(
        self, window: Window, more: Mapping[int, str]
    ) -> Generator[Attributes, None, int]:
        limits = self._plan.limits
        count, cut, heeded = 0, False, True
        try:
            for attributes in self._find(Level.STUDY, self._study_keys(window, more)):
                count += 1
                heeded = heeded and not window.excludes(
                    _date(attributes.first(STUDY_DATE)), attributes.first(STUDY_TIME)
                )
                yield attributes
            cut = bool(limits.answer_cap) and count >= limits.answer_cap
            if not cut and not (not limits.answer_cap and _is_suspicious(count)):
                return count
        except TooManyAnswers:
            cut = True
        # A node that gives what is outside of the window cannot be asked in parts.
        halves = window.halves(self._today) if heeded else None
        told = 0
        for half in halves or ():
            told += yield from self._windowed(half, more)
        # Where studies have no time, halves of a day have none of them: they tell nothing then.
        if cut and (halves is None or told < count):
            raise AnswersIncomplete(
                f"the node gives {count} studies at once, and cannot be asked for them in parts",
                hint="let it answer with more at once (its own limit), or raise maximum_results",
            )
        return max(count, told)

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
            if len(values) == 1 and key in _OF_STUDIES and not keys[key] and self._may_match(key):
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
        for attributes in list(self._find(Level.SERIES, keys)):
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
        count = _count(attributes, IMAGES_IN_SERIES)
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
            for attributes in list(self._find(Level.SERIES, keys)):
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
            for attributes in self._find(Level.IMAGE, keys):
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
        series = list(self._find(Level.SERIES, keys))
        return any(attributes.first(SERIES_INSTANCE_UID) for attributes in series)

    # --- asking ---------------------------------------------------------------------------------

    def _find(self, level: Level, keys: Mapping[int, str]) -> Iterator[Attributes]:
        """As often as it takes: a node that refuses a key is asked without those it may refuse."""
        begun = False
        try:
            for attributes in self._session.find(Query(level=level, keys=keys)):
                begun = True
                yield attributes
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


def _study(attributes: Attributes, decides_by: Sequence[int], kept: frozenset[int]) -> StudyAnswer:
    series, images = (
        _count(attributes, SERIES_IN_STUDY),
        _count(attributes, IMAGES_IN_STUDY),
    )
    return StudyAnswer(
        uid=attributes.first(STUDY_INSTANCE_UID),
        patient_id=attributes.first(PATIENT_ID),
        date=_date(attributes.first(STUDY_DATE)),
        attributes=Attributes(
            values={tag: found for tag, found in attributes.values.items() if tag in kept}
        ),
        digest=digest_of(series, images, *(attributes.text(tag) or "" for tag in decides_by)),
        counted=images is not None,
    )


def _date(text: str) -> str:
    """As eight digits, so that dates compare as text; PS3.5 of old had dots in them."""
    bare = text.replace(".", "")
    return bare if len(bare) == 8 and bare.isdigit() else ""


def _count(attributes: Attributes, tag: int) -> int | None:
    text = attributes.first(tag).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def merged(series: Attributes, study: Attributes) -> Attributes:
    """What is known of a series: its own values, and its study's where it has none."""
    values = {tag: found for tag, found in study.values.items() if found}
    values |= {tag: found for tag, found in series.values.items() if found}
    return Attributes(values=values)


def opted(attributes: Attributes, rules: OptRules) -> tuple[str, str]:
    """Why a series is not wanted, as far as a query can tell: code and words, or empty.

    What is not known here is left to the header; so is everything that depends on it.
    """
    for condition in rules.opt_out:
        case = condition.case(attributes)
        if case is Case.FOUND:
            return "opt_out", f"opted out: {condition.told(case)}"
    if not rules.opt_in:
        return "", ""
    told = []
    for condition in rules.opt_in:
        case = condition.case(attributes)
        unknown = case in (Case.MISSING, Case.EMPTY)
        if unknown or condition.answer(case, found=Answer.TAKE) is Answer.TAKE:
            return "", ""
        told.append(condition.told(case))
    return "opt_in", f"nothing opts it in: {', '.join(told)}"


def passes(filters: Mapping[int, Sequence[str]], attributes: Attributes, *, of_study: bool) -> bool:
    """Whether nothing that is known speaks against it. Case counts for nothing."""
    for tag, wanted in filters.items():
        key = MODALITIES_IN_STUDY if of_study and tag == MODALITY else tag
        values = attributes.values.get(key)
        if not values or (of_study and key not in _OF_STUDIES):
            continue
        if not any(
            fnmatch.fnmatchcase(value.casefold(), pattern.casefold())
            for value in _told(values)
            for pattern in wanted
        ):
            return False
    return True


def _told(values: Iterable[str]) -> list[str]:
    return [value.strip() for value in values]
