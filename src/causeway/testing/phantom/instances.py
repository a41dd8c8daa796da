"""Synthesised DICOM objects of any size, for tests, benchmarks and the studies of ``phantom``.

Nothing here was ever a person. An object carries the modules that its SOP class asks for (PS3.3
A.3 CT Image, A.4 MR Image, A.8 Secondary Capture), so that peers which look inside accept it.
Everything is a function of its arguments: the same arguments give the same bytes.
"""

from __future__ import annotations

import io
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

IMPLEMENTATION_CLASS_UID: Final = "2.25.302871203911834756483903126589014327761"
Elements = dict[str, Any]
"""Values by keyword of the DICOM dictionary, and the arguments of ``make_instance``."""
_NAMESPACE: Final = uuid.UUID("5a3c0d5e-6f5b-4d0e-9a51-0c6f3f5a7d10")
_FRAME_BYTES: Final = 512 * 512 * 2


def make_uid(*parts: object) -> str:
    """A UID under 2.25 (PS3.5 B.2, from a UUID) that is a function of ``parts``."""
    name = "/".join(str(part) for part in parts)
    return f"2.25.{uuid.uuid5(_NAMESPACE, name).int}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Somebody who does not exist."""

    name: str = "Phantom^Nobody"
    patient_id: str = "PHANTOM-0"
    birth_date: str = "19700101"
    sex: str = "O"
    age: str = "056Y"
    weight_kg: str = "70"
    charset: str | tuple[str, ...] = "ISO_IR 192"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One object as it goes over the wire: a data set without file meta information."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    series_description: str
    data_set: bytes = field(repr=False)

    def write(self, path: Path) -> Path:
        """Write a Part 10 file."""
        with path.open("wb") as file:
            file.write(file_head(self.sop_class_uid, self.sop_instance_uid))
            file.write(self.data_set)
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedInstance:
    """An object too large to hold: its size is known, its bytes are made while they are sent."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size: int
    head: bytes = field(repr=False)
    frames: int

    def chunks(self) -> Iterator[bytes]:
        """The data set: its head, then frame after frame, each beginning with its number."""
        yield self.head
        body = bytes(range(256)) * (_FRAME_BYTES // 256)
        for number in range(self.frames):
            yield struct.pack("<Q", number) + body[8:]

    def write(self, path: Path) -> Path:
        """Write a Part 10 file, a frame at a time."""
        with path.open("wb") as file:
            file.write(file_head(self.sop_class_uid, self.sop_instance_uid))
            file.writelines(self.chunks())
        return path


def file_head(sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Preamble, prefix and file meta information of an explicit VR little endian file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.FileMetaInformationVersion = b"\x00\x01"
    buffer = DicomBytesIO()
    buffer.write(bytes(128) + b"DICM")
    write_file_meta_info(buffer, meta, enforce_standard=True)
    return buffer.getvalue()


def encode(data_set: Dataset) -> bytes:
    """The data set in explicit VR little endian, as C-STORE sends it."""
    buffer = io.BytesIO()
    dcmwrite(buffer, data_set, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def base_data_set(
    *,
    patient: Patient,
    modality: str,
    sop_class_uid: str,
    sop_instance_uid: str,
    study_instance_uid: str,
    series_instance_uid: str,
    instance_number: int,
) -> Dataset:
    """The modules that all objects here share: patient, study, series, equipment, SOP common."""
    return data_set_of(
        SpecificCharacterSet=patient.charset
        if isinstance(patient.charset, str)
        else list(patient.charset),
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=sop_instance_uid,
        StudyInstanceUID=study_instance_uid,
        SeriesInstanceUID=series_instance_uid,
        Modality=modality,
        PatientName=patient.name,
        PatientID=patient.patient_id,
        PatientBirthDate=patient.birth_date,
        PatientSex=patient.sex,
        PatientAge=patient.age,
        PatientWeight=patient.weight_kg,
        StudyDate="20260312",
        StudyTime="101500",
        AccessionNumber="",
        ReferringPhysicianName="",
        StudyID="1",
        SeriesNumber=1,
        SeriesDate="20260312",
        SeriesTime="101730",
        Manufacturer="Causeway",
        ManufacturerModelName="Phantom",
        DeviceSerialNumber="0",
        SoftwareVersions="1",
        StationName="PHANTOM",
        InstitutionName="Nowhere General",
        InstanceNumber=instance_number,
        ContentDate="20260312",
        ContentTime="101730",
        AcquisitionDate="20260312",
        AcquisitionTime="101730",
        PatientOrientation="",
        ImageComments="Synthesised: nobody was ever imaged",
    )


def data_set_of(**elements: Any) -> Dataset:
    """A data set from keywords of the dictionary."""
    data_set = Dataset()
    for keyword, value in elements.items():
        setattr(data_set, keyword, value)
    return data_set


def monochrome(rows: int, columns: int, *, stored_bits: int = 16, signed: bool = False) -> Dataset:
    """The Image Pixel module (PS3.3 C.7.6.3) of a 16-bit monochrome image, without its pixels."""
    return data_set_of(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=rows,
        Columns=columns,
        BitsAllocated=16,
        BitsStored=stored_bits,
        HighBit=stored_bits - 1,
        PixelRepresentation=int(signed),
    )


def ct_image(*, slice_location: float = 0.0, spacing: float = 0.75) -> Dataset:
    """Image plane, frame of reference, CT image and VOI LUT modules (PS3.3 C.7.6.2, C.8.2.1)."""
    return data_set_of(
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        PatientPosition="HFS",
        PositionReferenceIndicator="",
        PixelSpacing=[spacing, spacing],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[-spacing * 256, -spacing * 256, slice_location],
        SliceThickness=3,
        SliceLocation=slice_location,
        KVP=120,
        AcquisitionNumber=1,
        RescaleIntercept=-1024,
        RescaleSlope=1,
        RescaleType="HU",
        WindowCenter=40,
        WindowWidth=400,
    )


def mr_image(*, slice_location: float = 0.0, spacing: float = 0.9) -> Dataset:
    """Image plane, frame of reference and MR image modules (PS3.3 C.7.6.2, C.8.3.1)."""
    return data_set_of(
        ImageType=["ORIGINAL", "PRIMARY", "M", "NONE"],
        PatientPosition="HFS",
        PositionReferenceIndicator="",
        PixelSpacing=[spacing, spacing],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[-spacing * 128, -spacing * 128, slice_location],
        SliceThickness=5,
        SliceLocation=slice_location,
        ScanningSequence="SE",
        SequenceVariant="SK",
        ScanOptions="",
        MRAcquisitionType="2D",
        RepetitionTime=500,
        EchoTime=12,
        EchoTrainLength=1,
        MagneticFieldStrength=1.5,
        AcquisitionNumber=1,
        WindowCenter=500,
        WindowWidth=1000,
    )


_SOP_CLASSES: Final = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "OT": SecondaryCaptureImageStorage,
}


def make_instance(
    modality: str = "CT",
    *,
    rows: int = 512,
    columns: int = 512,
    seed: object = 0,
    instance_number: int = 1,
    patient: Patient | None = None,
    study_instance_uid: str = "",
    series_instance_uid: str = "",
    sop_instance_uid: str = "",
    sop_class_uid: str = "",
    pixels: bytes | None = None,
    **elements: Any,
) -> Instance:
    """One classic single-frame object of a modality (CT, MR, or OT for secondary capture).

    UIDs that are not given follow from ``seed`` and the instance number: objects of one seed share
    a study and a series. ``elements`` sets or, with ``None``, removes further elements by keyword.
    """
    sop_class_uid = sop_class_uid or _SOP_CLASSES[modality]
    study_instance_uid = study_instance_uid or make_uid(seed, "study")
    series_instance_uid = series_instance_uid or make_uid(seed, "series", modality)
    sop_instance_uid = sop_instance_uid or make_uid(seed, modality, instance_number)
    data_set = base_data_set(
        patient=patient or Patient(),
        modality=modality,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        instance_number=instance_number,
    )
    if modality == "CT":
        data_set.update(ct_image(slice_location=-3.0 * instance_number))
    elif modality == "MR":
        data_set.update(mr_image(slice_location=5.0 * instance_number))
    else:
        data_set.update(data_set_of(ConversionType="SYN"))
    if modality in {"CT", "MR"}:
        data_set.FrameOfReferenceUID = make_uid(seed, "frame of reference", modality)
    data_set.update(monochrome(rows, columns))
    size = rows * columns * 2
    data_set.PixelData = pixels or (bytes(range(256)) * (size // 256 + 1))[:size]
    for keyword, value in elements.items():
        if value is None:
            del data_set[keyword]
        else:
            setattr(data_set, keyword, value)
    return Instance(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        modality=modality,
        series_description=str(data_set.get("SeriesDescription", "")),
        data_set=encode(data_set),
    )


def stream_instance(size: int, *, seed: object = 0) -> StreamedInstance:
    """A multi-frame object of about ``size`` bytes (rounded up to whole frames, below 4 GiB)."""
    frames = max(1, -(-size // _FRAME_BYTES))
    sop_class_uid = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    sop_instance_uid = make_uid(seed, "streamed", frames)
    data_set = base_data_set(
        patient=Patient(),
        modality="OT",
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        study_instance_uid=make_uid(seed, "study"),
        series_instance_uid=make_uid(seed, "series", "streamed"),
        instance_number=1,
    )
    data_set.update(
        data_set_of(
            ConversionType="SYN",
            NumberOfFrames=frames,
            PresentationLUTShape="IDENTITY",
            RescaleIntercept=0,
            RescaleSlope=1,
            RescaleType="US",
            BurnedInAnnotation="NO",
            FrameIncrementPointer=0x00181063,
            FrameTime=40,
        )
    )
    data_set.update(monochrome(512, 512))
    length = frames * _FRAME_BYTES
    head = encode(data_set) + struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", length)
    return StreamedInstance(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        size=len(head) + length,
        head=head,
        frames=frames,
    )
