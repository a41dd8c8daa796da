"""The stages: index, completion, policy, de-identification, package, deliver, retire.

``Parts`` builds all that turns, ``Pipeline`` runs it. Settings are small frozen values, so that the
configuration's file can change without this.

Names are loaded when they are asked for: a receiver judges data sets by ``pipeline.header``, and
has no use for the ledger and its SQL in each of its processes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causeway.pipeline.bandwidth import Bandwidth, Window
    from causeway.pipeline.calling import Command, Way, Webhook
    from causeway.pipeline.completion import CompletionRules
    from causeway.pipeline.deidentify.treating import Treating
    from causeway.pipeline.deliver import LaneSettings
    from causeway.pipeline.events import Emit
    from causeway.pipeline.header import Structure, check, read_header
    from causeway.pipeline.hours import Hours
    from causeway.pipeline.index import IndexRules, examined
    from causeway.pipeline.retry import RetryRules
    from causeway.pipeline.runner import DestinationPlan, Parts, Pipeline, PipelineSettings
    from causeway.pipeline.shipment import Compression, write_archive
    from causeway.pipeline.triggers import TriggerPlan

__all__ = [
    "Bandwidth",
    "Command",
    "CompletionRules",
    "Compression",
    "DestinationPlan",
    "Emit",
    "Hours",
    "IndexRules",
    "LaneSettings",
    "Parts",
    "Pipeline",
    "PipelineSettings",
    "RetryRules",
    "Structure",
    "Treating",
    "Treatment",
    "TriggerPlan",
    "Way",
    "Webhook",
    "Window",
    "check",
    "examined",
    "read_header",
    "write_archive",
]

_HOMES = {
    "bandwidth": ("Bandwidth", "Window"),
    "calling": ("Command", "Way", "Webhook"),
    "completion": ("CompletionRules",),
    "deliver": ("LaneSettings",),
    "events": ("Emit",),
    "hours": ("Hours",),
    "header": ("Structure", "check", "read_header"),
    "index": ("IndexRules", "examined"),
    "retry": ("RetryRules",),
    "runner": ("DestinationPlan", "Parts", "Pipeline", "PipelineSettings"),
    "shipment": ("Compression", "write_archive"),
    "triggers": ("TriggerPlan",),
    "deidentify.treating": ("Treating",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
