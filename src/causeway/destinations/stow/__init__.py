"""Delivery to DICOMweb services: STOW-RS, looked at by QIDO-RS and WADO-RS."""

from causeway.destinations.stow.destination import StowDestination
from causeway.destinations.stow.presets import PRESETS, Preset
from causeway.destinations.stow.settings import StowSettings, Verify

__all__ = ["PRESETS", "Preset", "StowDestination", "StowSettings", "Verify"]
