"""Delivery to research platforms with Flywheel's upload interface."""

from causeway.destinations.core.destination import CoreDestination
from causeway.destinations.core.settings import (
    CoreSettings,
    Device,
    Look,
    Upload,
    api_key,
)

__all__ = ["CoreDestination", "CoreSettings", "Device", "Look", "Upload", "api_key"]
