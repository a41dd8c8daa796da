"""S3 destinations against independent servers: what objects get, who is let in, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causeway.destinations import Step, build
from causeway.destinations.aws.bucket import BucketSettings
from causeway.destinations.aws.client import Access, Role, S3Ways
from causeway.destinations.aws.parts import Remembered
from causeway.destinations.blob.destination import Content
from causeway.destinations.http import Proxy
from causeway.destinations.s3 import S3Destination, S3Settings
from causeway.errors import DestinationUnauthorised, DestinationUnavailable
from causeway.object_keys import LAYOUTS
from causeway.testing import buckets
from causeway.testing.buckets import BucketServer
from causeway.testing.certificates import TestAuthority
from causeway.testing.delivering import MemoryOfDestination, Parcel, bring
from causeway.testing.forwarding import Forwarder
from causeway.testing.ports import free_port
from causeway.testing.site import Image

BUCKET = "images"


@pytest.fixture(scope="module")
def moto() -> Iterator[BucketServer]:
    with buckets.moto() as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with buckets.swift(tmp_path_factory.mktemp("swift") / "swift") as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server


def access_to(server: BucketServer, **changes: Any) -> Access:
    return replace(
        Access(
            region=server.region,
            endpoint=server.url,
            access_key=lambda: server.access_key,
            secret_key=lambda: server.secret_key,
            ca=server.ca,
            connect_seconds=3,
            read_seconds=10,
        ),
        **changes,
    )


def made(
    access: Access,
    *,
    memory: MemoryOfDestination | None = None,
    now: Any = None,
    key: str = LAYOUTS["series"],
    **changes: Any,
) -> S3Destination:
    bucket = BucketSettings(destination="cloud", bucket=BUCKET, access=access, is_trusted=False)
    settings = S3Settings(
        name="cloud", bucket=replace(bucket, **changes), content=Content(key=key, parallel=2)
    )
    memory = memory or MemoryOfDestination()
    if now is not None:
        return S3Destination(settings, memory=memory, now=now)
    destination = build(settings, memory=memory)
    assert isinstance(destination, S3Destination)
    return destination


def head(server: BucketServer, key: str) -> Any:
    return server.client().head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")


def failed(steps: Iterator[Step]) -> Step:
    *before, last = steps
    assert all(step.ok for step in before)
    assert not last.ok
    assert last.text
    assert last.hint
    return last


@pytest.mark.peer("moto_server")
def test_what_objects_get(moto: BucketServer) -> None:
    parcel = Parcel([Image(series=3, number=1)])
    destination = made(
        access_to(moto),
        key="gets/{SOPInstanceUID}.dcm",
        storage_class="STANDARD_IA",
        encryption="aws:kms",
        kms_key="1234abcd-12ab-34cd-56ef-1234567890ab",
        tags={"origin": "radiology", "what": "a b+c"},
    )
    assert bring(destination, parcel).refused is None
    (each,) = parcel.instances
    key = f"gets/{each.sop_instance_uid}.dcm"
    said = head(moto, key)
    assert said["StorageClass"] == "STANDARD_IA"
    assert said["ServerSideEncryption"] == "aws:kms"
    assert said["ContentType"] == "application/dicom"
    assert said["Metadata"]["causeway-blake3"] == each.digest.hex()
    assert len(said["Metadata"]["causeway-sha256"]) == 64
    tagging = moto.client().get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tagging} == {
        "origin": "radiology", "what": "a b+c",
    }  # fmt: skip
    acl = moto.client().get_object_acl(Bucket=BUCKET, Key=key)["Grants"]
    assert all("URI" not in grant["Grantee"] for grant in acl), "nothing is public"


@pytest.mark.peer("moto_server")
@pytest.mark.parametrize("checksum", ["crc64nvme", "sha256"])
def test_a_server_that_can_be_trusted_is_asked_for_its_digest_and_not_read(
    moto: BucketServer, checksum: str
) -> None:
    with Forwarder(moto.url) as way:
        access = access_to(moto, endpoint=way.url)
        destination = made(
            access, is_trusted=True, checksum=checksum, key=f"{checksum}/{{SOPInstanceUID}}.dcm"
        )
        bring(destination, Parcel([Image(series=4, number=n) for n in (1, 2)]))
        assert len(way.asked("PUT")) == 2
        heads = len(way.asked("HEAD"))
        assert heads == 2, "one look each, after the upload"
        assert not way.asked("GET")
        destination.close()


@pytest.mark.peer("moto_server")
def test_a_role_is_assumed_and_its_credentials_are_used(moto: BucketServer) -> None:
    role = Role(
        arn="arn:aws:iam::123456789012:role/uploads", external_id="partner", endpoint=moto.url
    )
    with Forwarder(moto.url) as way:
        access = access_to(moto, role=role, endpoint=way.url)
        bring(made(access, key="role/{SOPInstanceUID}"), Parcel([Image(series=5, number=1)]))
        (put,) = way.asked("PUT")
        headers = {name.lower(): value for name, value in put.headers.items()}
        assert "x-amz-security-token" in headers
        assert moto.access_key not in headers["authorization"]


@pytest.mark.peer("moto_server")
def test_uploads_that_nobody_goes_on_with_are_aborted_after_a_week(moto: BucketServer) -> None:
    memory = MemoryOfDestination()
    day = 24 * 3600.0
    clock = [1_000_000.0]
    destination = made(access_to(moto), memory=memory, now=lambda: clock[0])
    upload = moto.client().create_multipart_upload(Bucket=BUCKET, Key="stale")["UploadId"]
    known = Remembered(upload_id=upload, key="stale", part_bytes=5 << 20, begun_at=clock[0])
    memory.replace("upload/delivery-9/upload/1", known.text())
    shipment = Parcel()
    destination.start(shipment)
    assert _uploads(moto) == {upload}
    clock[0] += 8 * day
    destination.start(shipment)
    assert _uploads(moto) == set()
    assert memory.remembered("upload/") == {}


def _uploads(server: BucketServer) -> set[str]:
    found = server.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
    return {one["UploadId"] for one in found}


# --- who is let in ------------------------------------------------------------------------------


@pytest.mark.peer("swift-proxy-server")
def test_wrong_credentials_are_told_in_a_trial_and_in_a_delivery(swift: BucketServer) -> None:
    destination = made(access_to(swift, secret_key=lambda: "wrong"))
    step = failed(destination.probe())
    assert step.name == "bucket"
    assert "wrong" not in step.text + step.hint
    with pytest.raises(DestinationUnauthorised) as caught:
        bring(destination, Parcel())
    assert caught.value.hint


@pytest.mark.peer("swift-proxy-server")
def test_a_secret_that_was_corrected_is_taken_up_without_a_restart(swift: BucketServer) -> None:
    secret = ["wrong"]
    destination = made(access_to(swift, secret_key=lambda: secret[0]))
    parcel = Parcel([Image(series=7, number=1)])
    with pytest.raises(DestinationUnauthorised):
        bring(destination, parcel)
    secret[0] = swift.secret_key
    assert bring(destination, parcel.again()).missing is None


@pytest.mark.peer("swift-proxy-server")
def test_a_bucket_that_is_not_there(swift: BucketServer) -> None:
    destination = made(access_to(swift), bucket="nothing-here")
    step = failed(destination.probe())
    assert (step.name, "no bucket" in step.text) == ("bucket", True)
    with pytest.raises(DestinationUnavailable, match="no bucket nothing-here"):
        bring(destination, Parcel())


def test_a_region_that_does_not_exist() -> None:
    destination = made(Access(region="eu-nowhere-1", access_key=lambda: "a",
                              secret_key=lambda: "b", connect_seconds=2))  # fmt: skip
    step = failed(destination.probe())
    assert step.name == "dns"


@pytest.mark.peer("swift-proxy-server")
def test_a_server_that_may_be_trusted_says_so(swift: BucketServer) -> None:
    (trust,) = [step for step in made(access_to(swift)).probe() if step.name == "trust"]
    assert "trusted = true is safe" in trust.text


@pytest.mark.peer("rclone")
def test_over_mutual_tls_a_server_that_is_picky_and_not_to_be_trusted(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    issued, ours = authority.issue("server"), authority.issue("client")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / BUCKET).mkdir()
    with buckets.rclone(
        tmp_path / "store", certificate=issued.certificate, key=issued.key,
        ca=authority.certificate, client_ca=authority.certificate,
    ) as server:  # fmt: skip
        access = access_to(server, client_certificate=ours.certificate, client_key=ours.key)
        ways = S3Ways(checksums="when_required")
        destination = made(access, ways=ways)
        steps = list(destination.probe())
        assert all(step.ok for step in steps), steps
        assert "looked for first, and read back" in {s.name: s.text for s in steps}["trust"]
        parcel = Parcel()
        bring(destination, parcel)
        kept = {p.stem: p.read_bytes() for p in (tmp_path / "store").rglob("*.dcm")}
        assert {uid: file[-len(data):] for uid, data in parcel.data_sets.items()
                for file in (kept[uid],)} == parcel.data_sets  # fmt: skip
        lied = failed(made(access, ways=ways, is_trusted=True).probe())
        assert (lied.name, "remove trusted" in lied.hint) == ("trust", True)
        anonymous = failed(made(access_to(server), ways=ways).probe())
        assert anonymous.name in ("tls", "bucket")
        stranger = TestAuthority(tmp_path, "other").certificate
        untrusted = failed(made(replace(access, ca=stranger), ways=ways).probe())
        assert untrusted.name == "tls"


def test_a_proxy_that_is_not_there_is_named() -> None:
    proxy = Proxy(url=f"http://127.0.0.1:{free_port()}")
    access = Access(region="eu-central-1", access_key=lambda: "a", secret_key=lambda: "b",
                    proxy=proxy, connect_seconds=2)  # fmt: skip
    with pytest.raises(DestinationUnavailable, match="proxy"):
        bring(made(access), Parcel())
