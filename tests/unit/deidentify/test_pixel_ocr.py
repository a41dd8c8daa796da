"""Reading can only make the gate stricter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont
from pixel_objects import (
    CAPTURE,
    decoded,
    described,
    native,
    rectangle,
    snapshot,
)

from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import (
    Frames,
    Held,
    Ocr,
    Prepared,
    Rectangle,
    Release,
    Rules,
    picture,
    prepared,
)
from causeway.deidentify.pixels import ocr as reading
from causeway.deidentify.pixels.ocr import Tesseract, chosen, text_in

HOLD, REDACT = Rules(ocr=Ocr.HOLD), Rules(ocr=Ocr.REDACT)


class Finds:
    """Text wherever a pixel is white, as a reader would say it."""

    def __init__(self, box: Rectangle) -> None:
        self.box = box

    def find(self, shown: np.ndarray) -> tuple[Rectangle, ...]:
        return (self.box,) if (shown[self.box.slices()] == 255).any() else ()


class FindsAlways(Finds):
    def find(self, shown: np.ndarray) -> tuple[Rectangle, ...]:
        return (self.box,)


class CannotRead(Finds):
    def find(self, shown: np.ndarray) -> tuple[Rectangle, ...]:
        raise Doubt("ocr", "broken")


BOX = rectangle(2, 2, 6, 4)


def image(text: bool = True, **more: object) -> Source:
    pixels = np.linspace(0, 100, 600).astype("u1").reshape(1, 20, 30)
    if text:
        pixels[0, 3, 3:6] = 255
    else:
        pixels[0, 15, 15] = 255
    header = described(rows=20, columns=30, **more)
    return native(header, pixels.tobytes())


def ask(source: Source, rules: Rules, reader: Finds, released: Release | None = None):
    return prepared(source, snapshot(source), rules, released, reader=reader)


def test_off_nothing_is_read():
    assert isinstance(ask(image(), Rules(), CannotRead(BOX)), Prepared)


def test_text_is_held_or_blanked():
    held = ask(image(), HOLD, Finds(BOX))
    assert held == Held(code="text-found", reason="there is text in one place")
    ready = ask(image(), REDACT, Finds(BOX))
    assert isinstance(ready, Prepared)
    assert ready.pixels_cleaned
    assert ready.found_by_ocr == 1
    mask = ready.area.mask(20, 30)
    before, after = decoded(image()), decoded(ready.source)
    assert not after[:, mask].any()
    assert np.array_equal(before[:, ~mask], after[:, ~mask])


def test_what_still_has_text_is_held():
    assert isinstance(ask(image(), REDACT, FindsAlways(BOX)), Held)


def test_without_text_nothing_changes():
    for rules in (HOLD, REDACT):
        ready = ask(image(text=False), rules, Finds(BOX))
        assert isinstance(ready, Prepared)
        assert not ready.pixels_cleaned


def test_finding_nothing_releases_nothing():
    for rules in (HOLD, REDACT):
        for values in ({"SOPClassUID": CAPTURE}, {"BurnedInAnnotation": "YES"}):
            assert isinstance(ask(image(text=False, **values), rules, Finds(BOX)), Held)


def test_what_cannot_be_read_is_held():
    held = ask(image(), HOLD, CannotRead(BOX))
    assert isinstance(held, Held)
    assert held.code == "ocr"


def test_a_site_that_asks_for_reading_and_has_no_reader_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PATH", "/nonexistent")
    source = image(text=False)
    held = prepared(source, snapshot(source), HOLD)
    assert isinstance(held, Held)
    assert "not installed" in held.reason


def test_a_person_has_looked():
    ready = ask(image(), HOLD, FindsAlways(BOX), Release(by="m.curie"))
    assert isinstance(ready, Prepared)


def test_a_program_that_fails_is_doubt(tmp_path: Path):
    script = tmp_path / "tesseract"
    script.write_text("#!/bin/sh\ncat >/dev/null\nexit 3\n")
    script.chmod(0o755)
    for program in (str(script), str(tmp_path / "none")):
        with pytest.raises(Doubt):
            text_in(Frames(image()), Tesseract(program=program))


def test_frames_that_are_read():
    assert list(chosen(5, 0)) == [0, 1, 2, 3, 4]
    assert list(chosen(3, 9)) == [0, 1, 2]
    assert list(chosen(100, 1)) == [0]
    assert list(chosen(100, 4)) == [0, 33, 66, 99]


FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


def stamped(text: str, size: int, white: int) -> np.ndarray:
    """Noise such as a scanner's, with a line of text."""
    rng = np.random.default_rng(7)
    shown = Pictures.fromarray(rng.normal(60, 12, (256, 320)).clip(0, 255).astype("u1"))
    font = ImageFont.truetype(FONT, size) if FONT.exists() else ImageFont.load_default(size)
    ImageDraw.Draw(shown).text((12, 20), text, fill=white, font=font)
    return np.asarray(shown)


@pytest.mark.peer("tesseract")
@pytest.mark.parametrize("size", [12, 16, 24])
@pytest.mark.parametrize("white", [255, 170])
def test_tesseract_reads_a_name(size: int, white: int):
    reader = reading.tesseract()
    assert reader is not None
    header = described(rows=256, columns=320)
    frames = Frames(native(header, stamped("KAUFMAN SCOTT 03.09.2012", size, white).tobytes()))
    found = text_in(frames, reader)
    assert found
    assert any(each.y < 60 and each.x < 60 for each in found)


@pytest.mark.peer("tesseract")
def test_tesseract_reads_nothing_in_noise():
    reader = reading.tesseract()
    assert reader is not None
    header = described(rows=256, columns=320)
    assert not text_in(Frames(native(header, stamped("", 12, 255).tobytes())), reader)


@pytest.mark.parametrize(
    ("form", "pixel", "shown"),
    [
        ({"samples": 3, "photometric": "RGB"}, (10, 200, 30), (10, 200, 30)),
        ({"samples": 3, "photometric": "YBR_FULL"}, (76, 85, 255), (254, 0, 0)),
    ],
)
def test_pictures_in_colour(form: dict, pixel: tuple[int, ...], shown: tuple[int, ...]):
    pixels = np.full((4, 6, 3), pixel, "u1")
    found = picture(Frames(native(described(rows=4, columns=6, **form), pixels.tobytes())), 0)
    assert found.shape == (4, 6, 3)
    assert np.abs(found.astype(int) - shown).max() <= 1


def test_pictures_of_palettes():
    header = described(rows=2, columns=2, photometric="PALETTE COLOR")
    for name, values in (("Red", (0, 255, 0)), ("Green", (0, 0, 255)), ("Blue", (0, 9, 9))):
        setattr(header, f"{name}PaletteColorLookupTableDescriptor", [3, 0, 16])
        data = np.array(values, "<u2") << 8
        setattr(header, f"{name}PaletteColorLookupTableData", data.tobytes())
    found = picture(Frames(native(header, bytes([0, 1, 2, 1]))), 0)
    assert found.tolist() == [[[0, 0, 0], [255, 0, 9]], [[0, 255, 9], [255, 0, 9]]]


def test_pictures_of_monochrome_show_all_and_may_show_less():
    pixels = np.linspace(0, 1000, 600).astype("<i2").reshape(20, 30) - 500
    pixels[0, 0] = 30000
    header = described(rows=20, columns=30, allocated=16, signed=True)
    frames = Frames(native(header, pixels.tobytes()))
    assert picture(frames, 0).max() == 255
    assert np.median(picture(frames, 0)) < 10
    assert np.median(picture(frames, 0, white=99.5)) > 100
