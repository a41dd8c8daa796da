"""What an import job writes when it has ended, read.

``job-output-manifest.json`` counts; ``success.ndjson``, ``failure.ndjson`` and ``warning.ndjson``
beside it tell of each file. A job that is COMPLETED can still have failed for files, so all of them
are read. What is not understood is passed over: a file that no line tells of has no fate, and is
imported again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from causeway.import_jobs import Counts, FileFate, FileResult, ImageSet

MANIFEST: Final = "job-output-manifest.json"
SUCCESS: Final = "SUCCESS/success.ndjson"
FAILURE: Final = "FAILURE/failure.ndjson"
WARNING: Final = "WARNING/warning.ndjson"

_OF_THE_SERVICE: Final = ("InternalServer", "ServerError", "Throttling", "ServiceUnavailable",
                          "ServiceQuota", "Timeout")  # fmt: skip
"""Beginnings or parts of exception types that are not the file's fault."""

_TOLD: Final = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')|(?P<uid>\d+(?:\.\d+){3,})|(?P<run>\d{5,})"""
)


def folder_of(output_key: str, datastore_id: str, job_id: str) -> str:
    """The key that the results of a job begin with."""
    head = f"{output_key.rstrip('/')}/" if output_key else ""
    return f"{head}{datastore_id}-DicomImport-{job_id}/"


def summary(text: bytes) -> tuple[Counts, tuple[ImageSet, ...]]:
    """Raises ``ValueError`` for what is no manifest."""
    said = json.loads(text)
    told = said.get("jobSummary") if isinstance(said, dict) else None
    if not isinstance(told, dict):
        raise ValueError("no manifest of an import job")  # noqa: TRY004  callers look for it
    sets = tuple(
        ImageSet(
            id=str(one.get("imageSetId", "")),
            version=_number(one.get("imageSetVersion")),
            is_primary=one.get("isPrimary", True) is not False,
            instances=_number(one.get("numberOfMatchedSOPInstances")),
        )
        for one in told.get("imageSetsSummary") or ()
        if isinstance(one, dict)
    )
    counts = Counts(
        scanned=_number(told.get("numberOfScannedFiles")),
        imported=_number(told.get("numberOfImportedFiles")),
        customer_errors=_number(told.get("numberOfFilesWithCustomerError")),
        server_errors=_number(told.get("numberOfFilesWithServerError")),
        not_primary=sum(not one.is_primary for one in sets),
    )
    return counts, sets


def results(
    success: Iterable[bytes], failure: Iterable[bytes], warning: Iterable[bytes]
) -> Mapping[str, FileResult]:
    """What became of each file, by the end of its key that ``file_of`` gives."""
    found: dict[str, FileResult] = {}
    for entry in _entries(success):
        answer = entry.get("importResponse")
        answer = answer if isinstance(answer, dict) else {}
        found[file_of(entry)] = FileResult(
            fate=FileFate.IMPORTED,
            image_set=str(answer.get("imageSetId", "")),
            is_primary=answer.get("isPrimary", True) is not False,
        )
    for entry in _entries(failure):
        exception = entry.get("exception")
        exception = exception if isinstance(exception, dict) else {}
        found[file_of(entry)] = FileResult(
            fate=_fate(str(exception.get("exceptionType", ""))),
            message=str(exception.get("message", "")),
        )
    for entry in _entries(warning):
        name = file_of(entry)
        codes = tuple(
            str(one.get("warning_reason_code", one.get("warningReasonCode", "")))
            for one in entry.get("warnings") or ()
            if isinstance(one, dict)
        )
        if name in found:
            found[name] = replace(found[name], warnings=codes)
    found.pop("", None)
    return found


def file_of(entry: Mapping[str, Any]) -> str:
    """The last two parts of a file's key: the delivery's folder and the file's name.

    The service writes keys; whether with bucket or without is nowhere promised.
    """
    return "/".join(str(entry.get("inputFile", "")).split("/")[-2:])


def told(message: str) -> str:
    """The service's words without what can be a patient's: quotations, UIDs, long numbers."""

    def covered(found: re.Match[str]) -> str:
        return {"quoted": "“…”", "uid": "a UID", "run": "…"}[str(found.lastgroup)]

    return " ".join(_TOLD.sub(covered, message).split())[:200]


def _fate(exception: str) -> FileFate:
    is_ours = not any(word in exception for word in _OF_THE_SERVICE)
    return FileFate.CUSTOMER_ERROR if is_ours else FileFate.SERVER_ERROR


def _entries(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
