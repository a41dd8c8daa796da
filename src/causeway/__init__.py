"""Causeway: an open DICOM connector."""

__version__ = "0.1.0"
