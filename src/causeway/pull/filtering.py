"""Whether a study or a series is wanted, as far as an answer to a query can tell.

An answer may leave out what the images have, or have it empty. So what is not said speaks against
nothing here, and opting that depends on it is left to the header.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.opting import Answer, Case, OptRules
from causeway.pull.keys import (
    ACCESSION_NUMBER,
    MODALITIES_IN_STUDY,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    STUDY_DATE,
    STUDY_ID,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)

OF_STUDIES: Final = frozenset(
    {STUDY_DATE, STUDY_TIME, ACCESSION_NUMBER, PATIENT_NAME, PATIENT_ID, STUDY_ID,
     STUDY_INSTANCE_UID, MODALITIES_IN_STUDY, 0x00081030, 0x00080090, 0x00100030, 0x00100040,
     0x00104000, 0x00324000, 0x001021B0, 0x00080080, 0x00101010}
)  # fmt: skip
"""Of studies and patients; other attributes are matched at the level of series."""


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
        if not values or (of_study and key not in OF_STUDIES):
            continue
        if not any(like(pattern, values) for pattern in wanted):
            return False
    return True


def like(pattern: str, values: Iterable[str]) -> bool:
    """Whether one of the values is as ``pattern`` says: ``*`` stands for any text, ``?`` for any
    character (PS3.4 C.2.2.2.4); case counts for nothing.
    """
    # Of what fnmatch knows, brackets are no wildcards here.
    literal = pattern.casefold().replace("[", "[[]")
    return any(fnmatch.fnmatchcase(value.strip().casefold(), literal) for value in values)
