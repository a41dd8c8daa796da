"""The sink: what is told to the sender and to the pipeline of an object that cannot be kept."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from causeway.dimse import CStoreRQ, StoreStatus
from causeway.errors import OutOfSpace, TemporaryError
from causeway.service.hints import Committed, HintReader, HintWriter, Refused
from causeway.service.sink import SpoolSink
from causeway.spool import SpaceGauge, SpaceLimits, SpoolWriter, prepare
from causeway.testing.disk import FaultyDisk
from causeway.values import Caller

SMALL = 16 << 10
CALLER = Caller(
    source="ct", calling_ae="CT1", called_ae="CAUSEWAY", address="10.0.0.1", association="a1"
)
REQUEST = CStoreRQ(
    message_id=1,
    affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    affected_sop_instance_uid="1.2.3",
)
EXPLICIT = "1.2.840.10008.1.2.1"


class Site:
    """A sink over a disk that fails on demand, and the pipeline's end of its hints."""

    def __init__(self, hints: HintReader, writer: HintWriter) -> None:
        self.disk = FaultyDisk(random=Random(1))
        for folder in (Path("/"), Path("/data")):
            self.disk.mkdir(folder)
        root = Path("/data/spool")
        prepare(root, disk=self.disk)
        limits = SpaceLimits(soft_bytes=0, hard_bytes=0, reserve_bytes=0)
        self.space = SpaceGauge(root, disk=self.disk, limits=limits)
        spool = SpoolWriter(
            root, disk=self.disk, space=self.space, segment_size=128 << 10, small_object=SMALL
        )
        self.hints = hints
        self.sink = SpoolSink(spool, writer, lambda _event, **_fields: None)


@pytest.fixture
def site() -> Iterator[Site]:
    read, write = os.pipe()
    yield Site(HintReader(read), HintWriter(write))
    os.close(read)
    os.close(write)


def begun(site: Site):
    found = site.sink.begin(CALLER, REQUEST, EXPLICIT)
    assert not isinstance(found, int)
    return found


@pytest.mark.parametrize("size", [100, 40 * SMALL])
def test_what_is_kept_is_told_to_the_pipeline(site: Site, size: int):
    arriving = begun(site)
    arriving.write(memoryview(bytes(size)))
    assert arriving.finish() == 0
    (hint,) = site.hints.read()
    assert isinstance(hint, Committed)


def test_a_small_object_that_finds_no_room_counts_as_refused(site: Site):
    arriving = begun(site)
    assert arriving.write(memoryview(bytes(100)))
    site.disk.fail("pwritev", errno.ENOSPC)
    assert arriving.finish() == StoreStatus.OUT_OF_RESOURCES
    assert site.hints.read() == [Refused("ct", 0xA700, 1)]


@pytest.mark.parametrize(
    ("number", "raised", "status"),
    [(errno.ENOSPC, OutOfSpace, 0xA700), (errno.EIO, TemporaryError, 0x0110)],
)
def test_so_does_a_large_one_that_meets_it_on_its_way_in(
    site: Site, number: int, raised: type[Exception], status: int
):
    arriving = begun(site)
    site.disk.fail("pwritev", number)
    with pytest.raises(raised):
        arriving.write(memoryview(bytes(40 * SMALL)))
    arriving.abort()
    assert site.hints.read() == [Refused("ct", status, 1)]


def test_and_one_that_comes_while_there_is_none(site: Site):
    site.space.ran_out()
    assert site.sink.begin(CALLER, REQUEST, EXPLICIT) == StoreStatus.OUT_OF_RESOURCES
    assert site.hints.read() == [Refused("ct", 0xA700, 1)]


def test_an_association_that_breaks_off_refuses_nothing(site: Site):
    arriving = begun(site)
    arriving.write(memoryview(bytes(40 * SMALL)))
    arriving.abort()
    assert site.hints.read() == []
