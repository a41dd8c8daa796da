"""Which types of destination there are.

A type is a class of settings and what makes a destination of them. Adding one is a module beside
this one and an entry here.
"""

from __future__ import annotations

from causeway.destinations.contract import Destination, Memory
from causeway.destinations.core import CoreDestination, CoreSettings
from causeway.destinations.dicom import DicomDestination, DicomSettings
from causeway.destinations.files import Files
from causeway.destinations.folder import FolderDestination, FolderSettings
from causeway.destinations.stow import StowDestination, StowSettings

DestinationSettings = CoreSettings | DicomSettings | FolderSettings | StowSettings
"""Settings of any type."""


def build(
    settings: DestinationSettings, *, memory: Memory, files: Files | None = None
) -> Destination:
    """The destination that settings ask for. Does nothing yet: it may be away just now."""
    match settings:
        case DicomSettings():
            return DicomDestination(settings, memory=memory)
        case FolderSettings():
            return FolderDestination(settings, memory=memory, files=files)
        case StowSettings():
            return StowDestination(settings)
        case CoreSettings():
            return CoreDestination(settings, memory=memory)
