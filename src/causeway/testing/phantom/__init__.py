"""Synthesised DICOM: studies that look like something, and plain objects of any size.

Nobody was ever imaged for it. The studies serve the demo and the tests; ``make_instance`` and
``stream_instance`` serve where only sizes and identifiers matter. Needs pydicom and no numpy.
"""

from causeway.testing.phantom.instances import (
    Instance,
    Patient,
    StreamedInstance,
    file_head,
    make_instance,
    make_uid,
    stream_instance,
)
from causeway.testing.phantom.studies import CT_PATIENT, MR_PATIENT, ct_study, mr_study

__all__ = [
    "CT_PATIENT",
    "MR_PATIENT",
    "Instance",
    "Patient",
    "StreamedInstance",
    "ct_study",
    "file_head",
    "make_instance",
    "make_uid",
    "mr_study",
    "stream_instance",
]
