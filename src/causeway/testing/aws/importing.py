"""An import job of the HealthImaging fake: files of a prefix in, image sets and manifests out.

The tree that is written is the service's own::

    <output>/<datastore>-DicomImport-<job>/job-output-manifest.json
                                           SUCCESS/success.ndjson
                                           FAILURE/failure.ndjson
                                           WARNING/warning.ndjson
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pydicom
from pydicom.errors import InvalidDicomError

_GROUPING: Final = ("PatientID", "AccessionNumber", "StudyDate", "StudyID")
"""What files of one series must agree on to stand in its primary image set."""

_REQUIRED: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFault:
    """What happens to a file: an error of the service or of the file, or a warning."""

    kind: str
    """``server``, ``customer``, ``warning``, ``non_primary``, or ``lost``: no line tells of it."""
    message: str = "Internal error occurred while processing the file"
    code: str = "B101"
    """Of a warning."""


@dataclass(slots=True, kw_only=True)
class ImageSet:
    image_set_id: str
    study: str
    series: str
    agreed: tuple[str, ...]
    is_primary: bool
    version: int = 0
    instances: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the file, in hex, by SOP Instance UID."""


@dataclass(slots=True)
class Archive:
    """What a data store holds."""

    image_sets: list[ImageSet] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """By SOP Instance UID."""

    def instances(self) -> dict[str, str]:
        """SHA-256 of each file, in hex, by SOP Instance UID."""
        return {uid: digest for one in self.image_sets for uid, digest in one.instances.items()}

    def place(self, dataset: Mapping[str, str], *, apart: bool) -> ImageSet:
        """The image set that a file belongs to; a new one if there is none."""
        study, series = dataset["StudyInstanceUID"], dataset["SeriesInstanceUID"]
        agreed = tuple(dataset.get(name, "") for name in _GROUPING)
        of_series = [one for one in self.image_sets if (one.study, one.series) == (study, series)]
        for one in of_series:
            if one.agreed == agreed and not (apart and one.is_primary):
                return one
        made = ImageSet(
            image_set_id=secrets.token_hex(16),
            study=study,
            series=series,
            agreed=agreed,
            is_primary=not apart and not any(one.is_primary for one in of_series),
        )
        self.image_sets.append(made)
        return made


def run_import(
    s3: Any,
    archive: Archive,
    *,
    job_id: str,
    datastore_id: str,
    input_uri: str,
    output_uri: str,
    file_fault: Callable[[str], FileFault | None],
    files_limit: int,
    bytes_limit: int,
    file_bytes_limit: int,
    publish: Callable[[Callable[[], None]], None],
) -> str:
    """Import all files of a prefix; why the job failed as a whole, or ``""``."""
    bucket, prefix = _parsed(input_uri)
    files = _listed(s3, bucket, prefix)
    if not files:
        return "No files found in the input location"
    if len(files) > files_limit:
        return f"The number of files exceeds the limit of {files_limit}"
    if sum(files.values()) > bytes_limit:
        return "The total size of the files exceeds the limit"
    lines: dict[str, list[dict[str, Any]]] = {"SUCCESS": [], "FAILURE": [], "WARNING": []}
    touched: dict[str, tuple[ImageSet, int]] = {}
    failures = {"server": 0, "customer": 0}
    for key, size in files.items():
        fault = file_fault(key)
        if fault is not None and fault.kind == "lost":
            continue
        try:
            if fault is not None and fault.kind in failures:
                raise _Failed(fault.kind, fault.message)
            if size > file_bytes_limit:
                raise _Failed("customer", "The file exceeds the maximum size of 4 GB")
            content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            dataset = _read(content)
        except _Failed as failed:
            failures[failed.kind] += 1
            lines["FAILURE"].append(
                {
                    "inputFile": key,
                    "exception": {"exceptionType": failed.type, "message": str(failed)},
                }
            )
            continue
        image_set = archive.place(dataset, apart=fault is not None and fault.kind == "non_primary")
        archive.files[dataset["SOPInstanceUID"]] = content
        image_set.instances[dataset["SOPInstanceUID"]] = hashlib.sha256(content).hexdigest()
        touched[image_set.image_set_id] = (
            image_set, touched.get(image_set.image_set_id, (image_set, 0))[1] + 1
        )  # fmt: skip
        answer = {"imageSetId": image_set.image_set_id, "isPrimary": image_set.is_primary}
        lines["SUCCESS"].append({"inputFile": key, "importResponse": answer})
        if fault is not None and fault.kind == "warning":
            warning = {"warning_reason_code": fault.code, "type": "WARNING",
                       "message": fault.message}  # fmt: skip
            lines["WARNING"].append({"inputFile": key, "warnings": [warning]})
    for image_set, _ in touched.values():
        image_set.version += 1
    summary = {
        "jobId": job_id,
        "datastoreId": datastore_id,
        "inputS3Uri": input_uri,
        "outputS3Uri": output_uri,
        "successOutputS3Uri": f"{_folder(output_uri, datastore_id, job_id)}SUCCESS/",
        "failureOutputS3Uri": f"{_folder(output_uri, datastore_id, job_id)}FAILURE/",
        "warningsOutputS3Uri": f"{_folder(output_uri, datastore_id, job_id)}WARNING/",
        "numberOfScannedFiles": len(files),
        "numberOfImportedFiles": len(lines["SUCCESS"]),
        "numberOfFilesWithCustomerError": failures["customer"],
        "numberOfFilesWithServerError": failures["server"],
        "numberOfGeneratedImageSets": len(touched),
        "imageSetsSummary": [
            {
                "imageSetId": image_set.image_set_id,
                "imageSetVersion": image_set.version,
                "isPrimary": image_set.is_primary,
                "numberOfMatchedSOPInstances": count,
            }
            for image_set, count in touched.values()
        ],
    }
    publish(lambda: _write(s3, output_uri, datastore_id, job_id, summary, lines))
    return ""


class _Failed(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.type = "ValidationException" if kind == "customer" else "InternalServerException"


def _read(content: bytes) -> dict[str, str]:
    try:
        dataset = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    except InvalidDicomError:
        raise _Failed("customer", "The file is not a valid DICOM P10 file") from None
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise _Failed("customer", "DICOM attribute TransferSyntaxUID does not exist")
    for name in _REQUIRED:
        if not dataset.get(name):
            raise _Failed("customer", f"DICOM attribute {name} does not exist")
    return {name: str(dataset.get(name, "")) for name in (*_REQUIRED, *_GROUPING)}


def _parsed(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix


def _folder(output_uri: str, datastore_id: str, job_id: str) -> str:
    return f"{output_uri.rstrip('/')}/{datastore_id}-DicomImport-{job_id}/"


def _listed(s3: Any, bucket: str, prefix: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        found.update({one["Key"]: one["Size"] for one in page.get("Contents", [])})
    return found


def _write(
    s3: Any,
    output_uri: str,
    datastore_id: str,
    job_id: str,
    summary: Mapping[str, Any],
    lines: Mapping[str, list[dict[str, Any]]],
) -> None:
    bucket, folder = _parsed(_folder(output_uri, datastore_id, job_id))
    for kind, entries in lines.items():
        if entries:
            body = "".join(json.dumps(entry) + "\n" for entry in entries)
            s3.put_object(
                Bucket=bucket, Key=f"{folder}{kind}/{kind.lower()}.ndjson", Body=body.encode()
            )
    # Last, so that whoever finds it finds all that it names.
    s3.put_object(
        Bucket=bucket,
        Key=f"{folder}job-output-manifest.json",
        Body=json.dumps({"jobSummary": summary}).encode(),
    )
