"""What is kept apart, as JSON, and what tells of de-identified studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import (
        InstanceRow,
        KeptBack,
    )


class QuarantinedView(View):
    """One object in quarantine."""

    id: int
    """Number in the ledger, which the other commands take."""
    kept: str
    """`quarantined`; `held` or `doubt`: it waits to be de-identified, and its series with it."""
    reason: str
    """Why, as a code."""
    why: str
    """The same in words, of what is held or in doubt."""
    profile: str
    """Of what is held or in doubt: the profile that it is to be de-identified by."""
    study: int | None
    """Number of its study, if it could be read."""
    series: int | None
    """Number of its series, if it could be read."""
    original: int | None
    """Of a conflicting object: the instance that was here first."""
    size: int
    """Bytes of the data set."""
    digest: str
    """BLAKE3 of those bytes, in hex."""
    sop_class_uid: str
    """SOP Class UID."""
    sop_instance_uid: str
    """SOP Instance UID, as the sender gave it."""
    transfer_syntax_uid: str
    """Transfer Syntax UID."""
    source: str
    """Source that sent it."""
    calling_ae: str
    """AE title that the sender gave."""
    address: str
    """Address that it came from."""
    association: str
    """Association that brought it."""
    received_at: str | None
    """When it arrived."""

    @classmethod
    def of(cls, row: InstanceRow) -> QuarantinedView:
        return cls(
            id=row.id,
            kept=row.state.value,
            reason=row.reason,
            why="",
            profile="",
            study=row.study_id,
            series=row.series_id,
            original=row.original_id,
            size=row.size,
            digest=row.digest.hex(),
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=row.sop_instance_uid,
            transfer_syntax_uid=row.transfer_syntax_uid,
            source=row.source,
            calling_ae=row.calling_ae,
            address=row.peer_address,
            association=row.association,
            received_at=iso(row.received_at),
        )

    @classmethod
    def of_kept_back(cls, kept: KeptBack) -> QuarantinedView:
        """An object that is held or in doubt."""
        said = kept.cleaned
        return cls.of(kept.instance).model_copy(
            update={
                "kept": said.state.value,
                "reason": said.code,
                "why": said.reason,
                "profile": kept.treatment.name,
            }
        )


class CrosswalkView(View):
    """`causeway crosswalk export`."""

    file: str
    """The CSV file that was written."""
    rows: int
    """How many entries are in it."""


class ReportsView(View):
    """`causeway report`."""

    reports: list[dict[str, Any]]
    """One for each treatment, as docs/reference/deidentification-report.md describes it."""


class QuarantineView(View):
    """`causeway quarantine list`."""

    quarantined: list[QuarantinedView]
    """Objects in quarantine, and behind them those that are held or in doubt, the latest first."""
