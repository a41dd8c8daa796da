"""STOW-RS, QIDO-RS and WADO-RS with Orthanc's DICOMweb plugin."""

from __future__ import annotations

import base64
import json
import resource
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interop_peers import Running, Start, http_port, start_orthanc

from causeway.destinations import Instance, build
from causeway.destinations.http import Basic, HttpOptions
from causeway.destinations.stow import PRESETS, StowDestination, StowSettings, Verify
from causeway.errors import DestinationUnauthorised
from causeway.testing.delivering import MemoryOfDestination, Parcel, bring
from causeway.testing.site import Image
from causeway.values import Standing

pytestmark = pytest.mark.peer("Orthanc", "orthanc-dicomweb")

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
USER = {"causeway": "s3cret"}


@pytest.fixture
def orthanc(start: Start, tmp_path: Path) -> Running:
    return start_orthanc(
        start, tmp_path, Plugins=[PLUGIN], DicomWeb={"Enable": True, "Root": "/dicom-web/"},
        AuthenticationEnabled=True, RegisteredUsers=USER,
    )  # fmt: skip


@pytest.fixture(params=list(Verify))
def destination(request: pytest.FixtureRequest, orthanc: Running) -> Iterator[StowDestination]:
    yield from made(orthanc, verify=request.param)


def made(orthanc: Running, **changes: Any) -> Iterator[StowDestination]:
    settings = StowSettings(
        **{
            "name": "orthanc", "url": f"http://127.0.0.1:{http_port(orthanc)}/dicom-web",
            "http": HttpOptions(who="destination orthanc"), "preset": PRESETS["orthanc"],
            "auth": Basic(username="causeway", password=lambda: "s3cret"), **changes,
        }
    )  # fmt: skip
    found = build(settings, memory=MemoryOfDestination())
    assert isinstance(found, StowDestination)
    yield found
    found.close()


def rest(orthanc: Running, path: str) -> Any:
    pair = base64.b64encode(b"causeway:s3cret").decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{http_port(orthanc)}{path}", headers={"authorization": f"Basic {pair}"}
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def data_sets(orthanc: Running) -> dict[str, bytes]:
    """By SOP Instance UID, as Orthanc has them."""
    found = {}
    for each in json.loads(rest(orthanc, "/instances")):
        uid = json.loads(rest(orthanc, f"/instances/{each}"))["MainDicomTags"]["SOPInstanceUID"]
        file = rest(orthanc, f"/instances/{each}/file")
        found[uid] = file[144 + int.from_bytes(file[140:144], "little") :]
    return found


def test_instances_arrive_byte_for_byte(orthanc: Running, destination: StowDestination) -> None:
    parcel = Parcel([Image(number=n) for n in range(1, 251)])
    ended = bring(destination, parcel)
    assert (ended.missing, ended.refused) == (None, None)
    assert data_sets(orthanc) == parcel.data_sets
    if destination._rules.verify is not Verify.ANSWER:
        again = bring(destination, parcel.after_crash())
        assert again.sent_bytes == 0


def test_garbage_among_images_is_told_apart(orthanc: Running) -> None:
    for destination in made(orthanc):
        parcel = Parcel([Image(number=n, cut=450 if n == 3 else 0) for n in range(1, 6)])
        ended = bring(destination, parcel)
        assert ended.refused is not None
        assert (ended.refused.count, ended.refused.of) == (1, 5)
        assert len(data_sets(orthanc)) == 4


def test_a_probe_leaves_nothing(orthanc: Running) -> None:
    for destination in made(orthanc):
        steps = list(destination.probe())
        assert [(s.name, s.ok) for s in steps] == [
            ("dns", True), ("tcp", True), ("auth", True), ("write", True),
        ]  # fmt: skip
        assert not data_sets(orthanc)


def test_a_wrong_password_is_for_a_person(orthanc: Running) -> None:
    wrong = Basic(username="causeway", password=lambda: "wrong")
    for destination in made(orthanc, auth=wrong):
        with pytest.raises(DestinationUnauthorised):
            bring(destination, Parcel())
        assert [s.ok for s in destination.probe()] == [True, True, False]


def test_other_bytes_are_seen_by_reading_back(orthanc: Running) -> None:
    """Orthanc keeps what it has, and answers as if it had stored."""
    for destination in made(orthanc, verify=Verify.READ_BACK):
        bring(destination, Parcel([Image(number=1, variant=1)], key="delivery-9"))
        parcel = Parcel([Image(number=1)])
        ended = bring(destination, parcel)
        assert ended.missing is not None or ended.refused is not None
        assert parcel.journal.standings() != [Standing.VERIFIED]


def test_memory_stays_flat_while_a_large_object_goes(orthanc: Running) -> None:
    size = 300_000_000
    image = Image(number=1, size=64)
    small = Parcel([image]).instances[0]
    head = image.data()[: -(64 + 12)]
    piece = bytes(1 << 20)

    def read() -> Iterator[bytes]:
        yield head + b"\xe0\x7f\x10\x00OW\0\0" + size.to_bytes(4, "little")
        for start in range(0, size, len(piece)):
            yield piece[: min(len(piece), size - start)]

    from blake3 import blake3

    hasher = blake3()
    for each in read():
        hasher.update(each)
    large = Instance(
        **{name: getattr(small, name) for name in Instance.__dataclass_fields__}
        | {"open": read, "dataset_size": len(head) + 12 + size, "digest": hasher.digest()}
    )
    parcel = Parcel([image])
    parcel.instances = (large,)
    for destination in made(orthanc, verify=Verify.READ_BACK):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ended = bring(destination, parcel)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert (ended.missing, ended.refused) == (None, None)
        assert grown < 40_000_000, f"{grown} bytes more for {size}"
