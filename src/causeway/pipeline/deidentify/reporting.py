"""The report of a study under a treatment, from what the ledger has kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from causeway.deidentify.plan import Code, Temporal
from causeway.deidentify.proof import Proof, StudyReport
from causeway.ledger import CleanedRow, CleanedState, TreatmentRow


class Accounts(Protocol):
    """What is asked of the ledger."""

    def accounts(self, ids: Sequence[int]) -> Mapping[int, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A profile, as far as a report tells of it."""

    name: str
    digest: str
    edition: str
    codes: tuple[Code, ...]
    temporal: Temporal
    is_conformant: bool


def described(row: TreatmentRow) -> Described:
    told = json.loads(row.described)
    return Described(
        name=row.name,
        digest=row.profile_digest,
        edition=told["edition"],
        codes=tuple(Code(**code) for code in told["codes"]),
        temporal=Temporal(told["temporal"]),
        is_conformant=told["is_conformant"],
    )


def report(treatment: TreatmentRow, rows: Sequence[CleanedRow], ledger: Accounts) -> StudyReport:
    """What was done to a study: ``rows`` are those of its instances under this treatment."""
    clean = [row for row in rows if row.state is CleanedState.CLEAN]
    made = StudyReport(
        plan=described(treatment),
        key_id=treatment.key_id,
        study=next((row.study_instance_uid for row in clean), ""),
        subject=next((row.subject for row in clean), ""),
    )
    ids = sorted({row.account_id for row in clean if row.account_id is not None})
    accounts = {key: json.loads(told) for key, told in ledger.accounts(ids).items()}
    for row in rows:
        match row.state:
            case CleanedState.CLEAN if row.account_id is not None:
                told = accounts[row.account_id]
                proof = Proof(
                    tokens=row.tokens,
                    uids=row.uids,
                    searched_bytes=row.searched_bytes,
                    pixel_bytes=row.pixel_bytes,
                )
                made.add_cleaned(told["rules"], proof, pixels=_pixels(told["pixels"]))
            case CleanedState.HELD:
                made.add_held(row.reason)
            case CleanedState.DOUBT:
                made.add_quarantined(row.code, row.reason)
            case CleanedState.LEFT_OUT:
                made.add_left_out(row.code)
            case _:
                made.add_held("released by a person, to be cleaned anew")
    return made


def _pixels(told: Mapping[str, Any]) -> str:
    """What was decided of a picture, in a few words."""
    released = ", released by a person" if told["released"] else ""
    return f"{'kept' if told['verdict'] == 'pass' else told['by']}{released}"
