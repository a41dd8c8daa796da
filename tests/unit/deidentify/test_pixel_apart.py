"""Codecs that end, hang or lie cost the object that they were given, and nothing else."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from pixel_objects import DICOM, load, real

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import Frames
from causeway.deidentify.pixels.apart import CODECS, Apart
from causeway.deidentify.pixels.codecs import decode

LOSSLESS_JPEG = DICOM / "pydicom/src/pydicom/data/test_files/SC_rgb_jpeg_gdcm.dcm"


def speaking(script: str, seconds: float = 20) -> Apart:
    return Apart([sys.executable, "-c", script], seconds)


ANSWERS = (
    "import sys; sys.stdin.buffer.readline(); sys.stdout.buffer.write({!r}); sys.stdout.flush()"
)


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "import sys; sys.exit()",
        ANSWERS.format(b"no json\n"),
        ANSWERS.format(b"[1]\n"),
        ANSWERS.format(b'{"size": 1000000}\n'),
        ANSWERS.format(b'{"size": -1}\n'),
        ANSWERS.format(b'{"size": 9}\nshort'),
        ANSWERS.format(b"x" * 100_000),
    ],
)
def test_whatever_comes_back_it_is_doubt(script: str):
    apart = speaking(script)
    for _ in range(2):
        with pytest.raises(Doubt):
            apart.ask({}, b"data", 100)
    apart.close()


def test_one_that_hangs_is_ended():
    apart = speaking("import time; time.sleep(600)", seconds=0.5)
    with pytest.raises(Doubt, match="too long"):
        apart.ask({}, b"", 10)
    apart.close()


def test_a_child_leaves_its_parent_s_process_alone():
    apart = speaking("import sys\nfor line in sys.stdin: print('{}', flush=True)")
    assert apart.ask({}, b"", 0) == ({}, b"")
    child = os.fork()
    if child == 0:
        apart.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert apart.ask({}, b"", 0) == ({}, b"")
    apart.close()


@real
def test_the_next_frame_is_decoded():
    frames = Frames(load(LOSSLESS_JPEG))
    first = frames.cells(0)[0].tobytes()
    process = CODECS._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert frames.cells(0)[0].tobytes() == first


@real
def test_an_image_that_ends_gdcm_ends_nothing_else():
    source = load(LOSSLESS_JPEG)
    frames = Frames(source)
    pixels = frames._pixels
    data = bytearray(b"".join(source.fetch(offset, length) for offset, length in pixels._frames[0]))
    at = data.index(b"\xff\xc4")
    data[at + 4 : at + 40] = b"\xff" * 36  # no Huffman table that there could be
    with pytest.raises(Doubt):
        decode(bytes(data), source.transfer_syntax_uid, frames.image)
    frames.cells(0)
