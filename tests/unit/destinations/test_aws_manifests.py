from __future__ import annotations

import json

import pytest

from causeway.destinations.aws.manifests import folder_of, results, summary, told
from causeway.import_jobs import FileFate

# As the service's documentation shows them.
MANIFEST = {
    "jobSummary": {
        "jobId": "09876543210987654321098765432109",
        "datastoreId": "12345678901234567890123456789012",
        "inputS3Uri": "s3://medical-imaging-dicom-input/dicom_input/",
        "outputS3Uri": "s3://medical-imaging-output/job_output/",
        "numberOfScannedFiles": 4,
        "numberOfImportedFiles": 2,
        "numberOfFilesWithCustomerError": 1,
        "numberOfFilesWithServerError": 1,
        "numberOfGeneratedImageSets": 2,
        "imageSetsSummary": [
            {"imageSetId": "a", "imageSetVersion": 1, "isPrimary": True,
             "numberOfMatchedSOPInstances": 1},
            {"imageSetId": "b", "imageSetVersion": 2, "isPrimary": False,
             "numberOfMatchedSOPInstances": 1},
        ],
    }
}  # fmt: skip


def test_counts_and_image_sets():
    counts, sets = summary(json.dumps(MANIFEST).encode())
    assert (counts.scanned, counts.imported, counts.customer_errors, counts.server_errors) == (
        4, 2, 1, 1,
    )  # fmt: skip
    assert counts.not_primary == 1
    assert [(one.id, one.version, one.is_primary) for one in sets] == [("a", 1, True),
                                                                      ("b", 2, False)]  # fmt: skip


def lines(*entries: object) -> list[bytes]:
    return [json.dumps(entry).encode() for entry in entries]


def failed(name: str, kind: str) -> dict[str, object]:
    message = "DICOM attribute TransferSyntaxUID does not exist"
    return {"inputFile": name, "exception": {"exceptionType": kind, "message": message}}


def test_what_became_of_each_file():
    found = results(
        lines(
            {"inputFile": "in/b/delivery-1/1.dcm", "importResponse": {"imageSetId": "a"}},
            {
                "inputFile": "s3://x/in/b/delivery-1/2.dcm",
                "importResponse": {"imageSetId": "b", "isPrimary": False},
            },
        ),
        lines(
            failed("in/b/delivery-1/3.dcm", "ValidationException"),
            failed("in/b/delivery-2/1.dcm", "InternalServerException"),
        ),
        [
            *lines(
                {
                    "inputFile": "in/b/delivery-1/1.dcm",
                    "warnings": [{"warning_reason_code": "B110", "type": "x", "message": "y"}],
                }
            ),
            b"not JSON",
            b'"no entry"',
        ],
    )
    assert {name: each.fate for name, each in found.items()} == {
        "delivery-1/1.dcm": FileFate.IMPORTED,
        "delivery-1/2.dcm": FileFate.IMPORTED,
        "delivery-1/3.dcm": FileFate.CUSTOMER_ERROR,
        "delivery-2/1.dcm": FileFate.SERVER_ERROR,
    }
    assert found["delivery-1/1.dcm"].warnings == ("B110",)
    assert not found["delivery-1/2.dcm"].is_primary


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"jobSummary":1}'])
def test_what_is_no_manifest(text: bytes):
    with pytest.raises(ValueError):
        summary(text)


def test_counts_that_are_none_count_nothing():
    counts, sets = summary(b'{"jobSummary":{"numberOfScannedFiles":true,"imageSetsSummary":[1]}}')
    assert counts.scanned == 0
    assert sets == ()


def test_where_results_are():
    assert folder_of("out/", "d", "j") == "out/d-DicomImport-j/"
    assert folder_of("", "d", "j") == "d-DicomImport-j/"


def test_the_services_words_name_no_patient():
    said = told("PatientName 'DOE^JANE' of 1.2.840.113619.2.1 is longer, id 12345678")
    assert said == "PatientName “…” of a UID is longer, id …"
    assert told("DICOM attribute TransferSyntaxUID does not exist") == (
        "DICOM attribute TransferSyntaxUID does not exist"
    )
