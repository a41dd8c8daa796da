"""The pseudonyms of one patient in one project."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import lru_cache

from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity.ages import capped_age
from causeway.deidentify.identity.aliases import Aliases
from causeway.deidentify.identity.dates import (
    ShiftRules,
    shift_days,
    shifted_date,
    shifted_date_time,
)
from causeway.deidentify.identity.keys import ProjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientKey:
    """Who a patient is to the sender: the ID, and who issued it. Spaces around do not count."""

    patient_id: str = field(repr=False)
    issuer: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        return f"{self.issuer.strip()}\0{self.patient_id.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """A ``Subject`` by a key. Pure."""

    key: ProjectKey
    patient: PatientKey
    shift_days: int = field(repr=False)
    alias: str | None = field(default=None, repr=False)
    is_over_89: bool = False
    """Then the birth date goes, which would tell the age that was capped."""

    def uid(self, uid: str) -> str:
        return keyed_uid(self.key, uid)

    def patient_id(self, text: str | None = None) -> str:
        """The patient's pseudonym; of another's ID what that patient has, if without an alias."""
        if text is None or text.strip() == self.patient.patient_id.strip():
            return self.alias or self.token("patient", self.patient.text)
        other = PatientKey(patient_id=text, issuer=self.patient.issuer)
        return self.token("patient", other.text)

    def token(self, domain: str, text: str) -> str:
        """16 characters of 80 bits: that any two of a billion values share one has a chance of less
        than one in a million.
        """
        digest = self.key.keyed(f"token {domain}", text)
        return base64.b32encode(digest[:10]).decode("ascii")

    def date(self, text: str) -> str | None:
        return shifted_date(text, self.shift_days)

    def date_time(self, text: str) -> str | None:
        return shifted_date_time(text, self.shift_days)

    def birth_date(self, text: str) -> str | None:
        return None if self.is_over_89 else self.date(text)

    def age(self, text: str) -> str:
        return capped_age(text)


@lru_cache(maxsize=4096)
def keyed_uid(key: ProjectKey, uid: str) -> str:
    """A UID from a UUID (PS3.5 B.2) of version 8 (RFC 9562), whose 122 bits are keyed."""
    number = int.from_bytes(key.keyed("uid", uid)[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return f"2.25.{number}"


def identities(
    key: ProjectKey,
    patient: PatientKey,
    *,
    aliases: Aliases | None = None,
    shift: ShiftRules | None = None,
    is_over_89: bool = False,
) -> Identities:
    """The pseudonyms of a patient.

    Raises ``Doubt`` without a patient ID: everybody without one would become one subject, with one
    shift of dates.
    """
    if not patient.patient_id.strip():
        raise Doubt("no_patient_id", "there is no Patient ID to make a pseudonym from")
    issuer, patient_id = patient.issuer.strip(), patient.patient_id.strip()
    alias = aliases.of(issuer, patient_id) if aliases else None
    # One subject has one shift, under however many IDs it came.
    moved_as = patient.text if alias is None else f"\0alias\0{alias}"
    return Identities(
        key=key,
        patient=patient,
        shift_days=shift_days(key, moved_as, shift or ShiftRules()),
        alias=alias,
        is_over_89=is_over_89,
    )
