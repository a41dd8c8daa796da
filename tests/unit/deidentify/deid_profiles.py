"""Small data sets, de-identified by whole profiles."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from causeway.deidentify.edit.clean import Source, clean
from causeway.deidentify.identity import Identities, PatientKey, identities, project_key
from causeway.deidentify.plan import Plan
from causeway.deidentify.profile import Profile, compile_profile, parse_flywheel, parse_toml
from causeway.deidentify.standard import attribute_type

CT = "1.2.840.10008.5.1.4.1.1.2"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
UID = "1.2.826.0.1.3680043.8.498.7"
EXPLICIT = "1.2.840.10008.1.2.1"

KEY = project_key("test", hashlib.sha256(b"profiles").hexdigest())
SUBJECT: Identities = identities(KEY, PatientKey(patient_id="PHANTOM-7"))

# One value for each VR, which is found again if it stays.
PLANTED: dict[str, Any] = {
    "AE": "PLANTED",
    "AS": "044Y",
    "AT": 0x00100010,
    "CS": "PLANTED",
    "DA": "20170717",
    "DS": "17.1717",
    "DT": "20170717171717",
    "FD": 17.1717,
    "FL": 17.1717,
    "IS": "171717",
    "LO": "PLANTED",
    "LT": "PLANTED",
    "OB": b"PLANTED!",
    "OW": b"PLANTED!",
    "PN": "PLANTED^NAME",
    "SH": "PLANTED",
    "SL": 171717,
    "SS": 17171,
    "ST": "PLANTED",
    "TM": "171717",
    "UC": "PLANTED",
    "UI": UID + ".17",
    "UL": 171717,
    "UN": b"PLANTED!",
    "UR": "http://planted.example",
    "US": 17171,
    "UT": "PLANTED",
}


def toml(text: str, name: str = "test") -> Profile:
    return parse_toml(f'name = "{name}"\n{text}', file="test.toml")


def plan_of(text: str) -> Plan:
    return compile_profile(toml(text))


def flywheel(text: str) -> Profile:
    return parse_flywheel(text, file="test.yaml")


def data_set(sop_class: str = CT, **values: Any) -> Dataset:
    made = Dataset()
    made.SOPClassUID = sop_class
    made.SOPInstanceUID = UID
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def inside(sequence: str, **values: Any) -> Dataset:
    """A data set whose one sequence has one item."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return data_set(**{sequence: Sequence([item])})


def bytes_of(given: Dataset) -> bytes:
    output = DicomBytesIO()
    output.is_implicit_VR, output.is_little_endian = False, True
    write_dataset(output, given)
    return bytes(output.getvalue())


def cleaned_bytes(given: Dataset, plan: Plan) -> bytes:
    data = bytes_of(given)
    source = Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid=str(given.SOPClassUID),
        sop_instance_uid=str(given.SOPInstanceUID),
        transfer_syntax_uid=EXPLICIT,
    )
    return b"".join(clean(source, plan=plan, subject=SUBJECT, types=attribute_type).pieces())


def cleaned(given: Dataset, plan: Plan) -> Dataset:
    return read_dataset(BytesIO(cleaned_bytes(given, plan)), False, True)
