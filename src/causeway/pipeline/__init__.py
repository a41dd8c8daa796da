"""The stages: index, completion, policy, de-identification, package, deliver, retire.

``Parts`` builds all that turns, ``Pipeline`` runs it. Settings are small frozen values, so that the
configuration's file can change without this.
"""

from causeway.pipeline.completion import CompletionRules
from causeway.pipeline.deidentify import Treatment
from causeway.pipeline.deliver import LaneSettings
from causeway.pipeline.events import Emit
from causeway.pipeline.header import Structure, check, read_header
from causeway.pipeline.index import IndexRules, examined
from causeway.pipeline.policy import Route
from causeway.pipeline.retry import RetryRules
from causeway.pipeline.runner import DestinationPlan, Parts, Pipeline, PipelineSettings
from causeway.pipeline.shipment import Compression, write_archive

__all__ = [
    "CompletionRules",
    "Compression",
    "DestinationPlan",
    "Emit",
    "IndexRules",
    "LaneSettings",
    "Parts",
    "Pipeline",
    "PipelineSettings",
    "RetryRules",
    "Route",
    "Structure",
    "Treatment",
    "check",
    "examined",
    "read_header",
    "write_archive",
]
