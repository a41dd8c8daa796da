"""The real process brings images into clouds, and is killed where it hurts most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from acceptance_site import Site, alive, kill, outgoing, store, wait_for, without_meta

from causeway.testing import buckets
from causeway.testing.aws.healthimaging import DATASTORE, FakeHealthImaging
from causeway.testing.buckets import BucketServer
from causeway.testing.forwarding import Forwarded, Forwarder, Trouble

PART_BYTES = 5 << 20
LARGE_EDGE = 4000
"""Of an image of 32 MB, in this many parts."""
PARTS = 7

SECRETS = """
region = "us-east-1"
access_key = "file:access-key"
secret_key = "file:secret-key"
"""
RETRY = """
[destination.retry]
first_seconds = 0.2
maximum_seconds = 0.5
"""


@pytest.fixture
def moto() -> Iterator[BucketServer]:
    with buckets.moto() as server:
        server.client().create_bucket(Bucket="images")
        yield server


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[BucketServer]:
    with buckets.swift(tmp_path / "swift") as server:
        server.client().create_bucket(Bucket="images")
        yield server


def destined(site: Site, server: BucketServer, table: str) -> Site:
    """The site, whose images go to this destination."""
    (site.folder / "access-key").write_text(server.access_key)
    (site.folder / "secret-key").write_text(server.secret_key)
    text = site.config.read_text().replace('destinations = ["archive"]', 'destinations = ["cloud"]')
    site.config.write_text(f"{text}\n{table}")
    return site


def objects(server: BucketServer, prefix: str = "") -> dict[str, bytes]:
    client = server.client()
    found = client.list_objects_v2(Bucket="images", Prefix=prefix).get("Contents", ())
    return {
        one["Key"]: client.get_object(Bucket="images", Key=one["Key"])["Body"].read()
        for one in found
    }


def is_part(request: Forwarded) -> bool:
    return request.method == "PUT" and "partNumber=" in request.target


def completes(request: Forwarded) -> bool:
    return request.method == "POST" and "uploadId=" in request.target


def parts(way: Forwarder) -> list[Forwarded]:
    return way.asked("PUT", "partNumber=")


@pytest.mark.peer("moto_server")
def test_killed_in_the_middle_of_an_upload_in_parts_it_goes_on_behind_it(
    site: Site, moto: BucketServer
) -> None:
    with Forwarder(moto.url) as way:
        way.troubles.append(Trouble(fits=is_part, delay_seconds=0.3))
        table = f"""
            [[destination]]
            name = "cloud"
            type = "s3"
            bucket = "images"
            endpoint = "{way.url}"
            part_bytes = "5 MiB"
            parallel_uploads = 1
            key = "in/{{StudyInstanceUID}}/{{SOPInstanceUID}}.dcm"
            deidentify = "none"
            {SECRETS}{RETRY}"""
        destined(site, moto, table)
        checked = site.cli("config", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        site.start()
        large = outgoing("large", edge=LARGE_EDGE)
        kept = store(site, large)
        wait_for(lambda: len(parts(way)) >= 4, seconds=60, what=site.last_words)
        site.kill_tree()
        (upload,) = moto.client().list_multipart_uploads(Bucket="images")["Uploads"]
        assert not objects(moto), "half an object is seen"
        before = len(parts(way))
        way.troubles.clear()
        site.start()
        site.settled(at_least=1)
        after = parts(way)[before:]
        assert all(upload["UploadId"] in part.target for part in after), "it was begun anew"
        assert 3 <= len(after) <= 5, "seven parts, four sent, the last perhaps lost"
        (content,) = objects(moto).values()
        assert without_meta(content) == kept[large.sop_instance_uid]
        assert "Uploads" not in moto.client().list_multipart_uploads(Bucket="images")
        assert site.deliveries() == {"verified": 1}


@pytest.mark.timeout(300)
@pytest.mark.peer("swift-proxy-server")
def test_killed_again_and_again_in_uploads_in_parts_a_store_has_each_image_once(
    site: Site, swift: BucketServer, tmp_path: Path
) -> None:
    """The pipeline or everything dies between parts, and once when the last answer is lost."""
    random = Random(7)
    kills = 3
    with Forwarder(swift.url) as way:
        slow = Trouble(fits=is_part, delay_seconds=0.1)
        # The store makes the object, and nobody hears of it.
        way.troubles += [Trouble(fits=completes, resets=True, times=1), slow]
        table = f"""
            [[destination]]
            name = "cloud"
            type = "s3"
            bucket = "images"
            endpoint = "{way.url}"
            part_bytes = "5 MiB"
            parallel_uploads = 1
            key = "in/{{StudyInstanceUID}}/{{SOPInstanceUID}}.dcm"
            deidentify = "none"
            {SECRETS}{RETRY}"""
        destined(site, swift, table)
        site.start()
        kept = store(site, *(outgoing(f"large-{n}", edge=LARGE_EDGE) for n in range(2)))
        for number in range(kills):
            seen, more = len(parts(way)), random.choice((2, 3))
            wait_for(lambda: len(parts(way)) >= seen + more, seconds=60, what=site.last_words)  # noqa: B023
            if number != 1:
                site.kill_tree()
                site.start()
                continue
            pipeline = site.children()["pipeline"]
            kill(pipeline)
            wait_for(lambda: not alive(pipeline), seconds=5, what="killed")  # noqa: B023
        way.troubles.remove(slow)
        site.settled(at_least=2)
        held = {key.rpartition("/")[2]: without_meta(file) for key, file in objects(swift).items()}
        assert held == {f"{uid}.dcm": data for uid, data in kept.items()}
        assert len(way.asked("POST", "?uploads")) == len(kept), "an upload was begun anew"
        # What was on its way, and what was answered a moment ago, may be sent twice.
        assert len(parts(way)) <= PARTS * len(kept) + 2 * kills
        assert not swift.client().list_multipart_uploads(Bucket="images").get("Uploads")
        # Swift keeps a file for each part, and one for the list of them that an object is.
        files = list((tmp_path / "swift" / "node").rglob("*.data"))
        assert len(files) == (PARTS + 1) * len(kept), "parts are left that no object is made of"
        assert site.deliveries() == {"verified": 2}


@pytest.mark.peer("moto_server")
@pytest.mark.parametrize("when", ["before the job", "while the job is started"])
def test_killed_between_upload_and_import_there_is_one_job_for_ever(
    site: Site, moto: BucketServer, when: str
) -> None:
    accounts = {moto.access_key: moto.secret_key}
    with FakeHealthImaging(moto.client(), accounts=accounts) as fake:
        table = f"""
            [[destination]]
            name = "cloud"
            type = "healthimaging"
            datastore = "{DATASTORE}"
            role = "arn:aws:iam::123456789012:role/import"
            bucket = "images"
            endpoint = "{moto.url}"
            service_endpoint = "{fake.url}"
            quiet_seconds = 3
            poll_seconds = 1
            deidentify = "none"
            {SECRETS}{RETRY}"""
        destined(site, moto, table)
        if when != "before the job":
            # The job is made, and nobody hears of it.
            fake.behaviour.lose_answers = 1
        site.start()
        kept = store(site, *[outgoing(f"hi-{n}", series=f"hi-{n % 2}") for n in range(6)])
        if when == "before the job":
            wait_for(lambda: len(objects(moto)) == 6, seconds=60, what=site.last_words)
        else:
            wait_for(lambda: bool(fake.jobs), seconds=60, what=site.last_words)
        site.kill_tree()
        assert bool(fake.jobs) is (when != "before the job")
        site.start()
        site.settled(at_least=6)
        assert len(fake.jobs) == 1, "a batch has one job for ever"
        held = {uid: without_meta(file) for uid, file in fake.archive.files.items()}
        assert held == kept
        assert site.deliveries() == {"verified": 2}
        assert_told(site, fake)


def assert_told(site: Site, fake: FakeHealthImaging) -> None:
    """All that a person needs to know of the job."""
    (job,) = fake.jobs.values()
    (said,) = site.ask("imports", "list")["imports"]
    assert (said["state"], said["job_id"], said["job_status"]) == ("done", job.job_id, "COMPLETED")
    assert (said["files"], said["imported"], said["datastore_id"]) == (6, 6, DATASTORE)
    assert said["input_s3_uri"] == job.request["inputS3Uri"]
    assert {each["source"] for each in said["members"]} == {"tests"}
    assert sum(each["instances"] for each in said["members"]) == 6
    shown = site.ask("imports", "show", job.job_id)
    assert shown["job"] == said
    assert shown["files"] == []
    plain = site.cli("imports", "show", str(said["number"]))
    assert plain.returncode == 0
    assert "6 imported" in plain.stdout
    assert "imported" in site.cli("imports", "list").stdout
    assert site.cli("imports", "show", "nothing").returncode == 2


def test_what_cannot_be_is_told_when_the_configuration_is_checked(
    site: Site, tmp_path: Path
) -> None:
    original = site.config.read_text()

    def told(table: str) -> str:
        site.config.write_text(f'{original}\n[[destination]]\nname = "cloud"\n'
                               f'deidentify = "none"\n{table}')  # fmt: skip
        done = site.cli("config", "check")
        assert done.returncode == 2, done.stdout
        return done.stdout + done.stderr

    bucket = 'type = "s3"\nbucket = "images"\n'
    for wrong, what in (
        ('key = "{StudyInstanceUID}.dcm"', "two instances could get one key"),
        ('key = "{PatientID}_{SOPInstanceUID}"', "put a / between them"),
        ('layout = "study"\nkey = "{SOPInstanceUID}"', "both `layout` and `key`"),
        ('content = "archive"\nkey = "{archive}"', "two archives could get one key"),
        ('region = "Frankfurt!"', "is not a region"),
        ('access_key = "AKIA123"\nsecret_key = "env:X"', "not be one"),
        ('access_key = "env:X"', "half of a key pair"),
        ('endpoint = "http://s3.example.org"', "without TLS"),
        ('part_bytes = "1 MiB"', "5 MiB"),
        ('storage_class = "GLACIER"\nendpoint = "https://s3.example.org"', "cannot be read back"),
    ):
        assert what in told(bucket + wrong), wrong
    assert "not the name of a bucket" in told('type = "s3"\nbucket = "s3://images/in"')
    hi = (f'type = "healthimaging"\nbucket = "images"\ndatastore = "{DATASTORE}"\n'
          'role = "arn:aws:iam::123456789012:role/x"\n')  # fmt: skip
    assert "not the ARN of a role" in told(hi.replace("arn:aws:iam::123456789012:role/x", "x"))
    assert "folders of their own" in told(f'{hi}input_prefix = "a/"\noutput_prefix = "a/"')
