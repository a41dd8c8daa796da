"""Another DICOM node, by C-STORE."""

from causeway.destinations.dicom.destination import DicomDestination
from causeway.destinations.dicom.settings import Commitment, DicomSettings

__all__ = ["Commitment", "DicomDestination", "DicomSettings"]
