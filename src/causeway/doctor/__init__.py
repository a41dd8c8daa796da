"""Named checks of one machine and one configuration, each with what to do about it.

A check looks and says; it changes nothing, but for a file that it writes and removes where writing
is the question. A check that cannot be made is skipped with the reason, and none stops the others:
what a check did not foresee is its own finding.
"""

from causeway.doctor.examination import Examination
from causeway.doctor.finding import Finding, Outcome
from causeway.doctor.nodes import node_findings
from causeway.doctor.running import RunningService, running_service

__all__ = [
    "Examination",
    "Finding",
    "Outcome",
    "RunningService",
    "node_findings",
    "running_service",
]
