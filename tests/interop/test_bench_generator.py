"""The bench's load generator speaks DICOM that others understand, and counts only Success."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, AllStoragePresentationContexts, evt

from causeway.testing.phantom import file_head

ROOT = Path(__file__).parents[2]
_SEND = """
import sys
from bench.generator import Target, send
outcome = send(Target("127.0.0.1", int(sys.argv[1])), shape=sys.argv[2], associations=2,
               seconds=30, most=6, run="selftest", objects_per_series=4)
print(outcome.stored, outcome.refused, outcome.object_bytes, *outcome.errors)
"""


def generate(port: int, shape: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", _SEND, str(port), shape],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize(
    ("shape", "maximum_pdu", "pixels"),
    [
        ("CT", 16382, 512 * 512),
        ("CT", 0, 512 * 512),
        ("MR", 131072, 128 * 128),
        ("tiny", 4096, 256),
    ],
)
def test_pynetdicom_gets_distinct_and_whole_objects(
    tmp_path: Path, shape: str, maximum_pdu: int, pixels: int
) -> None:
    sizes = set()

    def store(event: evt.Event) -> int:
        request = event.request
        head = file_head(request.AffectedSOPClassUID, request.AffectedSOPInstanceUID)
        data = request.DataSet.getvalue()
        sizes.add(len(data))
        (tmp_path / request.AffectedSOPInstanceUID).write_bytes(head + data)
        return 0x0000

    entity = AE()
    entity.maximum_pdu_size = maximum_pdu
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        said = generate(server.server_address[1], shape)
    finally:
        server.shutdown()
    stored, refused, size = map(int, said.split())
    assert (stored, refused) == (12, 0)
    assert sizes == {size}
    objects = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
    assert len({each.SOPInstanceUID for each in objects}) == 12
    assert all(each.SOPInstanceUID == Path(each.filename).name for each in objects)
    assert all(len(each.PixelData) == 2 * pixels for each in objects)
    assert sorted(each.InstanceNumber for each in objects) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4]
    assert len({each.SeriesInstanceUID for each in objects}) == 4
    assert len({each.StudyInstanceUID for each in objects}) == 2


def test_what_is_refused_is_not_counted() -> None:
    entity = AE()
    entity.supported_contexts = AllStoragePresentationContexts
    statuses = [0x0000, 0xA700, 0xB000] * 4
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, lambda _: statuses.pop())],
    )
    try:
        said = generate(server.server_address[1], "tiny")
    finally:
        server.shutdown()
    assert said.startswith("4 8 ")
