"""``type = "folder"``."""

from __future__ import annotations

from typing import Literal

from causeway.config.destinations.base import ArchiveDestinationSettings
from causeway.config.kinds import Folder


class FolderDestination(ArchiveDestinationSettings):
    """A folder tree, one ZIP for each series, each file verified after it was written."""

    type: Literal["folder"]
    """The type of the destination."""
    path: Folder
    """Folder that the tree stands in. It is made if it is missing, if the one above it is there."""
