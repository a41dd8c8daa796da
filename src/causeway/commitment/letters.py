"""What letters say: requests and reports of storage commitment as JSON, and back.

``kind`` is ``request`` or ``report``; ``caller`` what is known of whoever sent it; ``at`` when;
``transaction`` the transaction's UID; ``of`` the objects, as pairs of class and instance;
``failed`` those of a report that are not safe, with a reason besides.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from causeway.errors import SpoolCorrupt
from causeway.net.commitment import CommitmentReport, CommitmentRequest, Reference
from causeway.values import Caller

_REQUEST = "request"
_REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message that a peer sent: a request or a report."""

    caller: Caller
    at: float
    said: CommitmentRequest | CommitmentReport

    def text(self) -> bytes:
        said: dict[str, Any] = {"caller": asdict(self.caller), "at": self.at}
        if isinstance(self.said, CommitmentReport):
            said |= {"kind": _REPORT, **report_fields(self.said)}
        else:
            said |= {
                "kind": _REQUEST,
                "transaction": self.said.transaction_uid,
                "of": _pairs(self.said.references),
            }
        return json.dumps(said).encode()

    @classmethod
    def parsed(cls, text: bytes) -> Letter:
        """Raises SpoolCorrupt for what is none."""
        try:
            said = json.loads(text)
            message: CommitmentRequest | CommitmentReport
            if said["kind"] == _REPORT:
                message = report_of(said)
            else:
                message = CommitmentRequest(
                    transaction_uid=said["transaction"],
                    references=tuple(Reference(*each) for each in said["of"]),
                )
            return cls(caller=Caller(**said["caller"]), at=float(said["at"]), said=message)
        except (ValueError, KeyError, TypeError) as error:
            raise SpoolCorrupt("a letter that cannot be read") from error


def report_fields(report: CommitmentReport) -> dict[str, Any]:
    return {
        "transaction": report.transaction_uid,
        "of": _pairs(report.committed),
        "failed": [
            [each.sop_class_uid, each.sop_instance_uid, reason] for each, reason in report.failed
        ],
    }


def report_of(said: dict[str, Any]) -> CommitmentReport:
    return CommitmentReport(
        transaction_uid=said["transaction"],
        committed=tuple(Reference(*each) for each in said["of"]),
        failed=tuple((Reference(one, two), int(reason)) for one, two, reason in said["failed"]),
    )


def _pairs(references: tuple[Reference, ...]) -> list[list[str]]:
    return [[each.sop_class_uid, each.sop_instance_uid] for each in references]
