"""What `causeway deidentify` and `causeway preview` say, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.deidentify.proof import StudyReport
    from causeway.offline import RunReport


class LeftOutView(View):
    """A file that has not become one of the output."""

    place: str
    """Which it is: number of the input, number of the file in it, number of the member of a ZIP."""
    file: str | None
    """Its name; only with `--verbose`, since it may be a patient's."""
    fate: str
    """`held`, `in doubt`, `conflict`, `failed`, `not DICOM` or `DICOMDIR`."""
    code: str
    """One word for the reason."""
    reason: str
    """Why."""


class CleanedStudyView(View):
    """A study of the output."""

    study: str
    """Its new Study Instance UID."""
    subject: str
    """The patient's pseudonym."""
    cleaned: int
    """Objects that stand there."""
    held: int
    """Objects that wait for a rule or a person."""
    in_doubt: int
    """Objects of which it could not be said that they are clean."""


class DeidentifiedView(View):
    """`causeway deidentify`."""

    output: str
    """The folder."""
    profile: str
    """The profile's name."""
    digest: str
    """Of profile, key and rules together: one output folder has one."""
    conformant: bool
    """Whether the profile does what PS3.15 asks for."""
    key_id: str
    """Which key it was."""
    written: int
    """Objects written now."""
    there: int
    """Objects that stood there already, with the same bytes."""
    bytes: int
    """Written now."""
    held: int
    """Objects held: their pixels may have text in them."""
    in_doubt: int
    """Objects that could not be proven to be clean, or be read as DICOM."""
    conflicts: int
    """Objects whose name other bytes have."""
    failed: int
    """Files that could not be read from the disk."""
    not_dicom: int
    """Other files."""
    directories: int
    """DICOMDIRs, which are left out."""
    studies: list[CleanedStudyView]
    """All that are in the output, and those of which nothing is."""
    left: list[LeftOutView]
    """Files that are not in the output."""

    @classmethod
    def of(
        cls, output: Path, report: RunReport, studies: Sequence[StudyReport], *, named: bool
    ) -> DeidentifiedView:
        from causeway.offline import Fate

        fates, treatment = report.fates, report.treatment
        return cls(
            output=str(output),
            profile=treatment.plan.name,
            digest=treatment.digest,
            conformant=treatment.plan.is_conformant,
            key_id=treatment.key.id,
            written=fates[Fate.WRITTEN],
            there=fates[Fate.THERE],
            bytes=report.written_bytes,
            held=fates[Fate.HELD],
            in_doubt=fates[Fate.IN_DOUBT],
            conflicts=fates[Fate.CONFLICT],
            failed=fates[Fate.FAILED],
            not_dicom=fates[Fate.NOT_DICOM],
            directories=fates[Fate.DIRECTORY],
            studies=[
                CleanedStudyView(
                    study=study.study,
                    subject=study.subject,
                    cleaned=study.cleaned,
                    held=study.held.total(),
                    in_doubt=study.quarantined.total(),
                )
                for study in studies
            ],
            left=[
                LeftOutView(
                    place=str(each.item.place),
                    file=each.item.name if named else None,
                    fate=each.fate.value,
                    code=each.code,
                    reason=each.reason,
                )
                for each in report.in_order()
            ],
        )


class PreviewView(View):
    """`causeway preview`."""

    page: str
    """The page that was written. It shows patient data."""
    verdict: str
    """`leaves`, `held` or `in doubt`."""
    code: str
    """One word for the reason why it does not leave; empty if it does."""
    reason: str
    """What was decided of its pixels, or why it does not leave."""
    profile: str
    """The profile's name."""
    digest: str
    """SHA-256 over all that the profile does."""
    conformant: bool
    """Whether the profile does what PS3.15 asks for."""
    removed: int
    """Attributes that go."""
    changed: int
    """Attributes that are changed."""
    added: int
    """Attributes that are put in."""
    kept: int
    """Attributes that stay as they are."""
    frames: list[int]
    """Numbers of the frames that are shown, from 1."""
