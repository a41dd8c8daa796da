"""A chest for the CT phantom: what tissue stands where, in millimetres, slice by slice.

The chest is a list of ellipses painted over each other from the outside in, as Shepp and Logan did
for the head: body, wall, lungs with their vessels, mediastinum, bones. ``x`` runs to the patient's
left, ``y`` to the back, ``z`` down from the tip of the lungs; the origin is the chest's middle.
Values are Hounsfield units plus :data:`OFFSET`, high enough that noise never goes below nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from causeway.testing.phantom.lanes import Lanes

OFFSET: Final = 2048
HEIGHT_MM: Final = 200.0
"""How far down the phantom reaches; below it there would be an abdomen."""

_AIR, _LUNG, _FAT, _MUSCLE, _BLOOD = -1000, -860, -95, 50, 210
_LIVER, _SPLEEN, _MARROW, _CORTEX, _DISC = 105, 125, 220, 720, 85


@dataclass(frozen=True, slots=True)
class _Tube:
    """A vessel of the lung: from the hilum to somewhere near the pleura, thinner on the way."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    bow: float
    radius: float

    def near(self, z: float, thickness: float) -> Iterator[tuple[float, float, float]]:
        """The circles (x, y, radius) in which it crosses the slice."""
        for step in range(80):
            t = step / 80
            if abs(self.start[2] + t * (self.end[2] - self.start[2]) - z) > thickness / 2:
                continue
            bow = self.bow * math.sin(math.pi * t)
            x = self.start[0] + t * (self.end[0] - self.start[0]) - bow
            y = self.start[1] + t * (self.end[1] - self.start[1]) + bow
            yield x, y, self.radius * (1 - t) + 0.7


class Thorax:
    """Renders slices of one chest; the vessels follow from the generator of random numbers."""

    def __init__(self, rng: random.Random, matrix: int = 512, spacing: float = 0.75) -> None:
        self.lanes = Lanes(matrix, matrix)
        self._matrix = matrix
        self._spacing = spacing
        self._tubes = [tube for side in (-1, 1) for tube in _vessels(rng, side)]
        self._image = memoryview(bytearray(2 * matrix * matrix)).cast("H")

    def render(self, z: float, thickness: float) -> int:
        """The slice at ``z`` without noise, as lanes of Hounsfield units plus ``OFFSET``."""
        self._image[:] = memoryview((_AIR + OFFSET).to_bytes(2, "little") * len(self._image)).cast(
            "H"
        )
        self._table()
        self._ellipse(0, 0, 168, 108, -40)
        self._ellipse(0, 0, 166.5, 106.5, _FAT)
        self._ellipse(0, 0, 153, 93, _MUSCLE)
        for side in (-1, 1):
            self._ellipse(side * 78, 66, 52, 17, _FAT, side * -28)
            self._ellipse(side * 78, 64, 50, 13, _MUSCLE, side * -28)
        self._lungs(z, thickness)
        self._mediastinum(z)
        self._abdomen(z)
        self._ribs(z)
        self._spine(z)
        self._shoulders(z)
        return self.lanes.load(self._image.tobytes())

    def _table(self) -> None:
        self._ellipse(0, 100, 205, 32, -880)
        self._ellipse(0, 100, 202, 29, -960)
        self._ellipse(0, 94, 205, 30, _AIR)

    def _lungs(self, z: float, thickness: float) -> None:
        for side in (-1, 1):
            self._ball((side * 72, -2, 125), (64, 82, 122), z, _FAT)
            self._ball((side * 72, -2, 125), (62.5, 80.5, 121), z, _LUNG)
        for tube in self._tubes:
            for x, y, radius in tube.near(z, thickness + 2):
                self._ellipse(x, y, radius, radius, 20)
        self._ball((-84, -28, 62), (6, 6, 6), z, 35)

    def _abdomen(self, z: float) -> None:
        """What rises into the chest from below, and the aorta behind it."""
        self._ball((-56, -4, 245), (92, 80, 88), z, _LIVER)
        self._ball((86, 28, 250), (54, 50, 72), z, _SPLEEN)
        self._ball((64, -22, 246), (38, 34, 60), z, 20)
        if z >= 60:
            self._ellipse(23, 38, 12, 12, _BLOOD)

    def _mediastinum(self, z: float) -> None:
        self._ellipse(0, -8, 27 + 0.05 * z, 64, _FAT)
        self._ellipse(0, 66, 42, 30, _MUSCLE)
        self._ball((16, -24, 135), (58, 44, 58), z, 20, -32)
        self._ball((16, -24, 135), (55, 41, 55), z, 95, -32)
        self._ball((36, -14, 138), (22, 17, 40), z, _BLOOD, -32)
        self._ball((-6, -36, 132), (21, 16, 40), z, 170, -32)
        self._ball((4, 4, 120), (24, 13, 26), z, _BLOOD)
        if 40 <= z < 60:
            self._ellipse(8, 6, 31, 12, _BLOOD, 52)
        if 55 <= z < 115:
            self._ellipse(-9, -22, 15, 15, _BLOOD)
            self._ellipse(-27, -16, 9, 8, 150)
        if 72 <= z < 92:
            self._ellipse(16, -14, 24, 10, 180, 28)
        if z < 42:
            for x, y in ((-17, -4), (-8, -14), (14, -2), (20, 12), (-22, -18), (24, -16)):
                self._ellipse(x, y, 5.5, 5.5, 190)
        if z < 85:
            self._ellipse(-1, 14, 10.5, 11, 30)
            self._ellipse(-1, 14, 8.5, 9, _AIR)
        elif z < 125:
            for side in (-1, 1):
                out = side * (7 + 0.75 * (z - 85))
                self._ellipse(out, 16, 8, 7, 30)
                self._ellipse(out, 16, 6.3, 5.5, _AIR)
        self._ellipse(6, 32, 6, 4.5, 40)
        self._ellipse(6, 32, 1.6, 1.0, -300)

    def _ribs(self, z: float) -> None:
        for number in range(12):
            for step in range(90):
                turn = step / 90
                rib_z = -55 + 24 * number + 75 * turn**1.2
                if abs(rib_z - z) > 5:
                    continue
                angle = math.pi * (0.42 - 0.86 * turn)
                fade = math.sqrt(1 - ((rib_z - z) / 5.5) ** 2)
                # The last fifth is cartilage, as soft as muscle and a little denser.
                bone = turn < 0.8
                for side in (-1, 1):
                    x, y = side * 143 * math.cos(angle), 87 * math.sin(angle)
                    self._ellipse(x, y, 5.2 * fade, 4.6 * fade, _CORTEX if bone else 95)
                    if bone:
                        self._ellipse(x, y, 3.4 * fade, 2.8 * fade, _MARROW)
        if 35 <= z < 165:
            self._ellipse(0, -84, 19, 7, _CORTEX)
            self._ellipse(0, -84, 17, 5, _MARROW - 60)

    def _spine(self, z: float) -> None:
        along = z % 25
        disc = along < 5
        self._ellipse(0, 62, 19, 15, _DISC if disc else _CORTEX)
        self._ellipse(0, 62, 17.2, 13.2, _DISC - 15 if disc else _MARROW)
        for side in (-1, 1):
            if 8 < along < 20:
                self._ellipse(side * 22, 82, 17, 5.5, _CORTEX, side * 24)
                self._ellipse(side * 22, 82, 15, 3.6, _MARROW, side * 24)
        self._ellipse(0, 85, 15, 14, _CORTEX - 200)
        self._ellipse(0, 97, 4, 12, _CORTEX - 150)
        self._ellipse(0, 84, 10.5, 9.5, _FAT)
        self._ellipse(0, 84, 8.5, 7.5, 12)
        self._ellipse(0, 84, 5, 4, 38)

    def _shoulders(self, z: float) -> None:
        for side in (-1, 1):
            if z < 22:
                self._ellipse(side * 62, -58 + z, 48, 6.5, _CORTEX, side * 22)
                self._ellipse(side * 62, -58 + z, 46, 4.2, _MARROW, side * 22)
            if z < 135:
                length = 38 - 0.2 * z
                self._ellipse(side * 104, 58, length, 3.4, _CORTEX, side * -34)
                self._ellipse(side * 104, 58, length - 2, 1.6, _MARROW, side * -34)

    def _ball(
        self,
        centre: tuple[float, float, float],
        radii: tuple[float, float, float],
        z: float,
        value: int,
        degrees: float = 0,
    ) -> None:
        """The cut of an ellipsoid at ``z``."""
        part = 1 - ((z - centre[2]) / radii[2]) ** 2
        if part > 0:
            shrink = math.sqrt(part)
            self._ellipse(
                centre[0], centre[1], radii[0] * shrink, radii[1] * shrink, value, degrees
            )

    def _ellipse(
        self, x: float, y: float, rx: float, ry: float, value: int, degrees: float = 0
    ) -> None:
        """Paint an ellipse turned by an angle, one run of pixels for each row it crosses.

        A point (u, v) off the centre is inside where a·u² + 2b·u·v + c·v² ≤ 1.
        """
        if min(rx, ry) <= 0:
            return
        matrix, spacing = self._matrix, self._spacing
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        a = (cos / rx) ** 2 + (sin / ry) ** 2
        b = cos * sin * (1 / rx**2 - 1 / ry**2)
        c = (sin / rx) ** 2 + (cos / ry) ** 2
        middle_x, middle_y = x / spacing + matrix / 2, y / spacing + matrix / 2
        reach = math.sqrt(a / (a * c - b * b)) / spacing
        colour = memoryview((value + OFFSET).to_bytes(2, "little") * matrix).cast("H")
        image = self._image
        for row in range(
            max(0, math.ceil(middle_y - reach)), min(matrix, int(middle_y + reach) + 1)
        ):
            v = (row - middle_y) * spacing
            root = a - (a * c - b * b) * v * v
            if root < 0:
                continue
            half = math.sqrt(root) / a / spacing
            middle = middle_x - b * v / a / spacing
            left = max(0, math.ceil(middle - half))
            right = min(matrix, int(middle + half) + 1)
            if left < right:
                at = row * matrix
                image[at + left : at + right] = colour[: right - left]


def _vessels(rng: random.Random, side: int) -> Iterator[_Tube]:
    for number in range(75):
        angle = rng.uniform(0, 2 * math.pi)
        height = rng.uniform(-0.85, 0.6)
        reach = 0.93 * math.sqrt(1 - height**2)
        end = (
            side * 72 + 60 * reach * math.cos(angle),
            -2 + 78 * reach * math.sin(angle),
            125 + 118 * height,
        )
        start = (side * 22, rng.uniform(-6, 14), 100 + rng.uniform(-14, 14))
        yield _Tube(start, end, rng.uniform(-9, 9), 3.4 if number % 5 == 0 else 1.8)
