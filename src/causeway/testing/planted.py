"""A patient who does not exist, with values that nothing else contains, and a search for them.

``Planted`` goes into data sets as any patient would; afterwards ``leaks`` looks for its values in
whatever the program wrote: log lines, metrics, errors, status texts, file names. It looks for parts
of names, for dates in the ways that people and libraries write them, and for UIDs, in text and in
bytes of several encodings, so that a value which was reformatted on its way is found as well.

::

    planted = Planted.of(seed=7)
    send(planted.data_set(modality="CT"))
    assert not planted.leaks(log_file.read_bytes())
"""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A planted value that was found."""

    what: str
    """Which value, such as ``patient_name``."""
    form: str
    """How it stood there."""
    around: str
    """Where: the text on both sides."""

    def __str__(self) -> str:
        return f"{self.what} as {self.form!r} in …{self.around!r}…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What identifies the patient and the visit. Every value occurs nowhere by chance."""

    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    patient_id: str = field(repr=False)
    birth_date: str = field(repr=False)
    """YYYYMMDD, as all dates here."""
    accession_number: str = field(repr=False)
    study_id: str = field(repr=False)
    study_date: str = field(repr=False)
    study_description: str = field(repr=False)
    series_description: str = field(repr=False)
    physician: str = field(repr=False)
    institution: str = field(repr=False)
    comment: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    uid_root: str = field(repr=False)
    """Root of every UID here, the SOP instances' too."""

    @classmethod
    def of(cls, seed: int) -> Planted:
        """The same seed gives the same patient."""
        rng = random.Random(seed)

        def word(syllables: int) -> str:
            return "".join(
                rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(syllables)
            ).capitalize()

        def date(first: int, last: int) -> str:
            # Days above 12, so that a day is never taken for a month.
            return f"{rng.randint(first, last)}{rng.randint(1, 12):02}{rng.randint(13, 28):02}"

        root = f"2.25.{rng.getrandbits(100) | 1 << 99}"
        return cls(
            family_name=word(5),
            given_name=word(4),
            patient_id=f"PID{rng.randrange(10**9, 10**10)}",
            birth_date=date(1930, 1960),
            accession_number=f"ACC{rng.randrange(10**9, 10**10)}",
            study_id=f"SID{rng.randrange(10**6, 10**7)}",
            study_date=date(1980, 1999),
            study_description=f"{word(4)} {word(4)}",
            series_description=f"{word(4)} {word(5)}",
            physician=word(6),
            institution=f"{word(4)} {word(5)}",
            comment=f"{word(5)} {word(6)}",
            study_instance_uid=f"{root}.1",
            series_instance_uid=f"{root}.1.1",
            uid_root=root,
        )

    @property
    def patient_name(self) -> str:
        return f"{self.family_name}^{self.given_name}"

    def data_set(self, *, modality: str = "CT", number: int = 1) -> Dataset:
        """A small data set of this patient, for one instance of the series, without pixels."""
        from pydicom.dataset import Dataset
        from pydicom.uid import CTImageStorage, MRImageStorage

        data_set = Dataset()
        data_set.SOPClassUID = MRImageStorage if modality == "MR" else CTImageStorage
        data_set.SOPInstanceUID = f"{self.series_instance_uid}.{number}"
        data_set.StudyInstanceUID = self.study_instance_uid
        data_set.SeriesInstanceUID = self.series_instance_uid
        data_set.Modality = modality
        data_set.InstanceNumber = number
        data_set.SeriesNumber = 1
        self.put_into(data_set)
        return data_set

    def encoded(self, *, modality: str = "CT", number: int = 1) -> bytes:
        """The same, as C-STORE sends it in explicit VR little endian."""
        from pydicom import dcmwrite

        buffer = io.BytesIO()
        dcmwrite(
            buffer,
            self.data_set(modality=modality, number=number),
            implicit_vr=False,
            little_endian=True,
            enforce_file_format=False,
        )
        return buffer.getvalue()

    def put_into(self, data_set: Dataset) -> None:
        """Plant into a data set that exists, leaving its UIDs and pixels alone."""
        data_set.SpecificCharacterSet = "ISO_IR 192"
        data_set.PatientName = self.patient_name
        data_set.PatientID = self.patient_id
        data_set.PatientBirthDate = self.birth_date
        data_set.AccessionNumber = self.accession_number
        data_set.StudyID = self.study_id
        data_set.StudyDate = self.study_date
        data_set.SeriesDate = self.study_date
        data_set.AcquisitionDate = self.study_date
        data_set.ContentDate = self.study_date
        data_set.StudyDescription = self.study_description
        data_set.SeriesDescription = self.series_description
        data_set.ReferringPhysicianName = self.physician
        data_set.InstitutionName = self.institution
        data_set.PatientComments = self.comment

    def forms(self) -> Iterator[tuple[str, str]]:
        """What is looked for: which value it is, and a way of writing it."""
        for what in ("family_name", "given_name", "physician"):
            yield what, getattr(self, what)
        for what in ("patient_id", "accession_number", "study_id"):
            value = getattr(self, what)
            yield what, value
            yield what, value[3:]  # the digits alone
        for what in ("study_description", "series_description", "institution", "comment"):
            for word in getattr(self, what).split():
                yield what, word
        for what in ("birth_date", "study_date"):
            value = getattr(self, what)
            year, month, day = value[:4], value[4:6], value[6:]
            yield what, value
            for sign in "-/.":
                yield what, sign.join((year, month, day))
                yield what, sign.join((day, month, year))
                yield what, sign.join((month, day, year))
        yield "uid", self.uid_root

    def leaks(self, output: str | bytes) -> list[Leak]:
        """Every planted value in an output, whatever its case and encoding."""
        content = output.encode("utf-8", "surrogateescape") if isinstance(output, str) else output
        lower = content.lower()
        found = []
        for what, form in self.forms():
            for encoded in _encodings(form):
                at = lower.find(encoded.lower())
                if at >= 0:
                    around = content[max(0, at - 60) : at + len(encoded) + 60]
                    found.append(
                        Leak(what=what, form=form, around=around.decode("utf-8", "replace"))
                    )
                    break
        return found


def _encodings(form: str) -> Iterator[bytes]:
    plain = form.encode()
    yield plain
    yield form.encode("utf-16-le")
    yield plain.hex().encode()
    # Base64 of a text that is part of a longer one, at each of the three alignments.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + plain)
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        if len(inner) >= 8:
            yield inner
