"""To S3: the destination, with all that it looks at, beside boto3's own ``upload_file`` in a loop.

Both bring the same files to the same kind of server, rclone's, each to a bucket of its own, in
turns. ``upload_file`` believes each answer. The destination looks before, sends digests, and reads
everything back, since this server cannot be trusted; what the upload alone takes is told too.
Memory is watched while 2 GB go, to a server that throws them away.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from blake3 import blake3

from bench.receivers import Unavailable
from bench.session import Session, Table, against, median, memory_of, number
from causeway.destinations import Instance, build
from causeway.destinations.aws.bucket import BucketSettings
from causeway.destinations.aws.client import Access
from causeway.destinations.blob.destination import Content
from causeway.destinations.s3 import S3Destination, S3Settings
from causeway.object_keys import LAYOUTS
from causeway.testing import buckets
from causeway.testing.buckets import BucketServer
from causeway.testing.delivering import MemoryOfDestination, Parcel
from causeway.testing.http_peer import HttpPeer, Reply, Request
from causeway.testing.phantom import make_instance
from causeway.values import Standing

OBJECTS = {"CT": 200, "MR": 600}
SIZES = {"CT": 512, "MR": 128}
PARALLEL = 4
"""The destination's default."""
TARGET = 1.0
META = bytes(128) + b"DICM"
PART_BYTES = 16 << 20
LARGE_BYTES = 2_000_000_000
LARGE_LIMIT_MB = 200
"""Four parts on their way, one that is filled and one that is joined make 100; the allocator keeps
some of those that are done."""


def measure(session: Session) -> Iterator[Table]:
    try:
        import boto3
    except ImportError:
        raise Unavailable("boto3 is not installed: scripts/set-up test bench") from None
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    with session.folders.one() as folder:
        for shape, count in OBJECTS.items():
            _write(folder / shape, shape, count)
        (folder / "store").mkdir()
        with buckets.rclone(folder / "store") as server:
            for repetition in range(session.repetitions):
                for shape in OBJECTS:
                    files = sorted((folder / shape).iterdir())
                    bucket = f"{shape.lower()}-{repetition}"
                    rates["upload_file", shape].append(_looped(boto3, server, bucket, files))
                    sent, delivered = _delivered(server, f"{bucket}-d", files)
                    rates["upload alone", shape].append(sent)
                    rates["delivered", shape].append(delivered)
                    session.say(
                        f"{shape}: upload_file {rates['upload_file', shape][-1]:,.0f}/s, "
                        f"sent {sent:,.0f}/s, delivered {delivered:,.0f}/s"
                    )
    yield Table(
        title="To S3, objects a second",
        note=(
            f"{OBJECTS['CT']} CT of 0.53 MB or {OBJECTS['MR']} MR of 34 kB to rclone's S3, medians "
            f"of {session.repetitions}. **delivered**: looked for before, sent, and read back; "
            f"{PARALLEL} at a time, as is usual. **upload_file**: boto3's, in a loop."
        ),
        heads=("", *OBJECTS),
        rows=[
            [name, *(number(median(rates[name, shape])) for shape in OBJECTS)]
            for name in ("delivered", "upload alone", "upload_file")
        ],
    )
    yield Table(
        title="To S3, ratios",
        note="Median of the ratios within each repetition.",
        heads=("Causeway against upload_file", "objects", "ratio", "target", ""),
        rows=list(_ratios(rates)),
    )
    grown = large(session)
    yield Table(
        title="Memory while 2 GB go to S3",
        note=(
            "Megabytes more at the highest than before, in parts of 16 MiB, "
            f"{PARALLEL} on their way at a time, to a server that throws them away."
        ),
        heads=("", "MB", f"at most {LARGE_LIMIT_MB}"),
        rows=[["Causeway", number(grown), against(grown, LARGE_LIMIT_MB, at_most=True)]],
    )


def _ratios(rates: dict[tuple[str, str], list[float]]) -> Iterator[list[str]]:
    for name in ("delivered", "upload alone"):
        for shape in OBJECTS:
            pairs = zip(rates[name, shape], rates["upload_file", shape], strict=True)
            ratio = median([ours / theirs for ours, theirs in pairs])
            yield [name, shape, number(ratio), number(TARGET), against(ratio, TARGET)]


# --- memory -----------------------------------------------------------------------------------


def large(session: Session) -> float:
    """Megabytes by which a process grows while it sends two gigabytes."""
    context = multiprocessing.get_context("spawn")
    with HttpPeer(_thrown_away, keep_bodies=False) as peer:
        queue = context.Queue()
        process = context.Process(target=_large, args=(peer.url, queue))
        process.start()
        grown = float(queue.get(timeout=300))
        process.join()
    parts = len([one for one in peer.requests if "partNumber" in one.query])
    if parts != -(-LARGE_BYTES // PART_BYTES):
        raise RuntimeError(f"{parts} parts came")
    session.say(f"2 GB to S3: {grown:.0f} MB more")
    return grown


def _thrown_away(request: Request) -> Reply:
    """S3, as far as an upload in parts sees of it."""
    if request.method == "HEAD":
        return Reply(status=404)
    if "uploads" in request.query:
        inside = "<Bucket>b</Bucket><Key>k</Key><UploadId>1</UploadId>"
        return Reply(body=_xml("InitiateMultipartUploadResult", inside))
    if request.method == "POST":
        inside = "<Bucket>b</Bucket><Key>k</Key><ETag>1</ETag>"
        return Reply(body=_xml("CompleteMultipartUploadResult", inside))
    return Reply(headers={"ETag": '"1"'})


def _xml(root: str, inside: str) -> bytes:
    return f"<{root}>{inside}</{root}>".encode()


def _large(url: str, queue: object) -> None:
    piece = bytes(1 << 20)

    def read() -> Iterator[bytes]:
        for start in range(0, LARGE_BYTES - len(META), len(piece)):
            yield piece[: min(len(piece), LARGE_BYTES - len(META) - start)]

    small = Parcel().instances[0]
    made = Instance(
        **{name: getattr(small, name) for name in Instance.__dataclass_fields__}
        | {"open": read, "dataset_size": LARGE_BYTES - len(META), "meta": META}
    )
    access = Access(
        region="us-east-1", endpoint=url, access_key=lambda: "AK", secret_key=lambda: "SK",
        connections=2 * PARALLEL,
    )  # fmt: skip
    bucket = BucketSettings(destination="bench", bucket="b", access=access, part_bytes=PART_BYTES)
    settings = S3Settings(
        name="bench", bucket=bucket, content=Content(key=LAYOUTS["series"], parallel=PARALLEL)
    )
    destination = build(settings, memory=MemoryOfDestination())
    transfer = destination.start(Parcel())
    list(transfer.send([small]))  # connections and what botocore loads are there
    before = memory_of(os.getpid(), "VmHWM")
    (outcome,) = transfer.send([made])
    assert outcome.standing is Standing.SENT, outcome
    queue.put(memory_of(os.getpid(), "VmHWM") - before)  # type: ignore[attr-defined]
    destination.close()


# --- rates ------------------------------------------------------------------------------------


def _looped(boto3: Any, server: BucketServer, bucket: str, files: list[Path]) -> float:
    server.client().create_bucket(Bucket=bucket)
    client = boto3.client(
        "s3",
        region_name=server.region,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    began = time.perf_counter()
    for path in files:
        client.upload_file(str(path), bucket, path.name)
    return len(files) / (time.perf_counter() - began)


def _delivered(server: BucketServer, bucket: str, files: list[Path]) -> tuple[float, float]:
    """Rates of the upload alone, and of all until it counts as delivered."""
    server.client().create_bucket(Bucket=bucket)
    access = Access(
        region=server.region,
        endpoint=server.url,
        access_key=lambda: server.access_key,
        secret_key=lambda: server.secret_key,
        connections=2 * PARALLEL,
    )
    settings = S3Settings(
        name="bench",
        bucket=BucketSettings(destination="bench", bucket=bucket, access=access, is_trusted=False),
        content=Content(key=LAYOUTS["series"], parallel=PARALLEL),
    )
    destination = build(settings, memory=MemoryOfDestination())
    assert isinstance(destination, S3Destination)
    destination.check()
    instances = [_instance(number, path) for number, path in enumerate(files)]
    transfer = destination.start(Parcel())
    began = time.perf_counter()
    sent: list[Instance] = []
    missing = instances
    while missing:
        # rclone fails one of the first few now and then, as all of them make their folder.
        outcomes = list(transfer.send(missing))
        sent += [one.instance for one in outcomes if one.standing is Standing.SENT]
        missing = [one.instance for one in outcomes if one.standing is Standing.AGAIN]
    uploaded = time.perf_counter()
    verified = [one for one in transfer.verify(sent) if one.standing is Standing.VERIFIED]
    ended = time.perf_counter()
    destination.close()
    assert len(verified) == len(files)
    return len(files) / (uploaded - began), len(files) / (ended - began)


def _instance(number: int, path: Path) -> Instance:
    data = path.read_bytes()

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(len(META))
            while piece := file.read(1 << 20):
                yield piece

    return Instance(
        id=number, name=f"1.2.{number}.CT.dcm", sop_class_uid="1.2", study_instance_uid="1.2",
        sop_instance_uid=f"1.2.{number}", series_instance_uid="1.2.3", transfer_syntax_uid="1.2",
        meta=META, dataset_size=len(data) - len(META), digest=blake3(data[len(META):]).digest(),
        open=read,
    )  # fmt: skip


def _write(folder: Path, shape: str, count: int) -> None:
    folder.mkdir()
    edge = SIZES[shape]
    for number_ in range(count):
        made = make_instance(shape, rows=edge, columns=edge, seed=f"s3-{number_}")
        (folder / f"{number_:05d}.dcm").write_bytes(META + made.data_set)
