"""Whose object it is: what a value that names the patient, a visit or an object becomes."""

from __future__ import annotations

from typing import Protocol


class Subject(Protocol):
    """The pseudonyms of one patient in one project; ``identity`` makes them. Pure: the same answer
    for the same question, in every process.
    """

    def uid(self, uid: str) -> str:
        """Another UID, of at most 44 characters."""

    def patient_id(self, text: str | None = None) -> str:
        """The patient's pseudonym; that of another patient if ``text`` is another's ID."""

    def token(self, domain: str, text: str) -> str:
        """A pseudonym for a value; ``domain`` keeps equal texts of different kinds apart."""

    def date(self, text: str) -> str | None:
        """A DA moved by the patient's days; None if it cannot be read."""

    def date_time(self, text: str) -> str | None:
        """A DT moved by the patient's days; None if it cannot be read."""

    def birth_date(self, text: str) -> str | None:
        """As ``date``, but None for a patient whose age must not be told."""

    def age(self, text: str) -> str:
        """An AS, or ``090Y`` for all above 89 years."""
