"""Google Cloud Storage, made from its documentation: what it refuses, what obstore does to it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from causeway.destinations.blob.bucket import Progress, Upload
from causeway.destinations.blob.checksums import digests_of
from causeway.destinations.blob.destination import Content
from causeway.destinations.blob.stored import PIECE_BYTES, StoredBucket
from causeway.destinations.gcs import GcsDestination, GcsSettings
from causeway.errors import DestinationUnauthorised, DestinationUnavailable
from causeway.object_keys import LAYOUTS
from causeway.testing.google.accounts import NotAuthorised, ServiceAccount
from causeway.testing.google.objects import LEAST_PART_BYTES
from causeway.testing.google.storage import GoogleStorage
from causeway.testing.http_peer import Fault, Reply

ACCOUNT = ServiceAccount()
LARGE = bytes(range(251)) * (2 * PIECE_BYTES // 251 + 1000)
"""Three pieces."""


@pytest.fixture
def service() -> Iterator[GoogleStorage]:
    with GoogleStorage("images", account=ACCOUNT) as made:
        yield made


@pytest.fixture
def open_service() -> Iterator[GoogleStorage]:
    with GoogleStorage("images") as made:
        yield made


def bucket(service: GoogleStorage, name: str = "images", key: str = "") -> StoredBucket:
    settings = GcsSettings(
        name="research",
        bucket=name,
        content=Content(key=LAYOUTS["series"]),
        service_account=lambda: key or ACCOUNT.key_file(),
        endpoint=service.url,
    )
    made = GcsDestination(settings).bucket
    assert isinstance(made, StoredBucket)
    return made


def upload(key: str = "a/b.dcm", size: int = 5) -> Upload:
    nowhere = Progress(recall=lambda: None, replace=lambda _value: None)
    return Upload(
        key=key, about_bytes=size, content_type="application/dicom",
        notes={"causeway-blake3": "00"}, progress=nowhere,
    )  # fmt: skip


def written(to: StoredBucket, content: bytes) -> Any:
    sink = to.begin(upload(size=len(content)))
    for start in range(0, len(content), 1 << 20):
        sink.write((content[start : start + (1 << 20)],))
    return sink


# --- what obstore does ------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["one request", "in pieces"])
def test_an_object_comes_whole_with_what_is_noted_of_it(
    service: GoogleStorage, content: bytes
) -> None:
    to = bucket(service)
    assert written(to, content).finish() == digests_of((content,))
    stored = service.buckets["images"]["a/b.dcm"]
    assert stored.content == content
    assert stored.in_parts is (content is LARGE)
    assert stored.content_type == "application/dicom"
    assert stored.metadata == {"causeway_blake3": "00"}
    seen = to.look("a/b.dcm")
    assert seen is not None
    assert seen.size == len(content)
    assert digests_of(to.read("a/b.dcm")) == digests_of((content,))
    to.remove("a/b.dcm")
    assert to.look("a/b.dcm") is None
    assert not service.uploads
    assert not service.complaints


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["one request", "in pieces"])
def test_what_stands_there_stays(service: GoogleStorage, content: bytes) -> None:
    service.keep("images", "a/b.dcm", b"somebody else's")
    assert written(bucket(service), content).finish() is None
    assert service.buckets["images"]["a/b.dcm"].content == b"somebody else's"


def test_an_upload_in_pieces_that_is_given_up_makes_no_object(service: GoogleStorage) -> None:
    written(bucket(service), LARGE).cancel()
    assert not service.buckets["images"]


def test_a_piece_that_fails_makes_no_object(service: GoogleStorage) -> None:
    service.faults.append(Fault(method="PUT", times=99, reply=Reply(status=503)))
    with pytest.raises(DestinationUnavailable):
        written(bucket(service), LARGE).finish()
    assert not service.buckets["images"]


def test_another_key_is_not_taken(service: GoogleStorage) -> None:
    with pytest.raises(DestinationUnauthorised) as raised:
        written(bucket(service, key=ServiceAccount().key_file()), b"small").finish()
    assert raised.value.hint
    assert not service.buckets["images"]


def test_what_is_no_key_is_told_before_anything_is_sent(service: GoogleStorage) -> None:
    with pytest.raises(DestinationUnauthorised, match="make no client"):
        bucket(service, key="{}").check()


def test_a_bucket_that_is_not_there_is_named(service: GoogleStorage) -> None:
    with pytest.raises(DestinationUnavailable, match="bucket elsewhere") as raised:
        written(bucket(service, "elsewhere"), b"small").finish()
    assert raised.value.hint


# --- what the service refuses -----------------------------------------------------------------


def asked(
    service: GoogleStorage, method: str, target: str, body: bytes = b"", **headers: str
) -> tuple[int, str, Mapping[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body or None, named)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, dict(answer.getheaders())


def test_nobody_comes_in_without_a_token_of_the_account(service: GoogleStorage) -> None:
    status, text, _ = asked(service, "GET", "/images/a")
    assert (status, "AuthenticationRequired" in text) == (401, True)
    status, _, _ = asked(service, "GET", "/images/a", Authorization="Bearer nobody")
    assert status == 401


def test_a_token_is_good_for_its_account_and_time_alone(service: GoogleStorage) -> None:
    written(bucket(service), b"small").finish()
    token = service.requests[0].headers["authorization"].removeprefix("Bearer ")
    ACCOUNT.check(token)
    for wrong in (token[:-4] + "AAAA", "x.y.z", "", token.replace(".", "")):
        with pytest.raises(NotAuthorised):
            ACCOUNT.check(wrong)
    with pytest.raises(NotAuthorised, match="valid"):
        ACCOUNT.check(token, now=lambda: time.time() + 3700)
    with pytest.raises(NotAuthorised, match="valid"):
        ACCOUNT.check(token, now=lambda: time.time() - 3700)


def test_digests_and_generations_are_conditions(open_service: GoogleStorage) -> None:
    wrong = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    status, text, _ = asked(open_service, "PUT", "/images/a", b"this", Content_MD5=wrong)
    assert (status, "BadDigest" in text) == (400, True)
    status, _, _ = asked(open_service, "PUT", "/images/a", b"this", x_goog_hash="crc32c=AAAAAA==")
    assert status == 400
    assert not open_service.buckets["images"]
    absent = {"x_goog_if_generation_match": "0"}
    status, _, headers = asked(open_service, "PUT", "/images/a", b"this", **absent)
    assert status == 200
    assert headers["x-goog-hash"].startswith("crc32c=")
    status, text, _ = asked(open_service, "PUT", "/images/a", b"other", **absent)
    assert (status, "PreconditionFailed" in text) == (412, True)
    exactly = {"x_goog_if_generation_match": headers["x-goog-generation"]}
    assert asked(open_service, "PUT", "/images/a", b"other", **exactly)[0] == 200


def parts_listed(*parts: tuple[int, str]) -> bytes:
    rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()


def test_parts_are_completed_as_they_are_or_not_at_all(open_service: GoogleStorage) -> None:
    assert asked(open_service, "POST", "/images/a?uploads=")[0] == 200
    (upload_id,) = open_service.uploads
    whole, small = bytes(LEAST_PART_BYTES), b"small"
    etags: list[str] = []
    for number, content in enumerate((whole, small, whole), 1):
        target = f"/images/a?partNumber={number}&uploadId={upload_id}"
        status, _, headers = asked(open_service, "PUT", target, content)
        assert status == 200
        etags.append(headers["ETag"])
    complete = f"/images/a?uploadId={upload_id}"
    for listed, code in (
        (parts_listed(), "MalformedXML"),
        (b"{}", "MalformedXML"),
        (parts_listed((2, etags[1]), (1, etags[0])), "InvalidPartOrder"),
        (parts_listed((1, etags[1])), "InvalidPart"),
        (parts_listed((1, etags[0]), (4, etags[0])), "InvalidPart"),
        (parts_listed(*enumerate(etags, 1)), "EntityTooSmall"),
    ):
        status, text, _ = asked(open_service, "POST", complete, listed)
        assert (status, code in text) == (400, True), text
        assert not open_service.buckets["images"]
    good = parts_listed((1, etags[0]), (2, etags[1]))
    assert asked(open_service, "POST", complete, good)[0] == 200
    assert open_service.buckets["images"]["a"].content == whole + small
    assert asked(open_service, "POST", complete, good)[0] == 404
    assert asked(open_service, "PUT", "/images/a?partNumber=0&uploadId=x", b"x")[0] == 404


def test_lists_come_in_pages(open_service: GoogleStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore
    from obstore.store import GCSStore

    from causeway.destinations.gcs import _anonymous

    monkeypatch.setattr("causeway.testing.google.storage.PAGE", 2)
    for name in ("in/<a>", "in/b", "in/c", "out/d"):
        open_service.keep("images", name, b"x")
    store = GCSStore(
        "images", client_options={"allow_http": True}, base_url=open_service.url,
        service_account_key=_anonymous(open_service.url),
    )  # fmt: skip
    found = [one["path"] for page in obstore.list(store, prefix="in") for one in page]
    assert found == ["in/<a>", "in/b", "in/c"]


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/images"), ("POST", "/images/a"), ("GET", "/images/a?acl="), ("PATCH", "/images/a")],
)
def test_what_it_does_not_know_it_refuses(
    open_service: GoogleStorage, method: str, target: str
) -> None:
    assert asked(open_service, method, target)[0] == 501
    assert open_service.complaints
