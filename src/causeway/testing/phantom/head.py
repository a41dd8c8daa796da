"""A head for the MR phantom: a map of tissues, and what each looks like in T1, T2 and FLAIR.

Tissues are found by thresholds on fields: a field of squared distance from the centre of an
ellipsoid, bent by smooth noise, makes a cortex that folds and a boundary of white matter that no
ellipse would give. ``x`` runs to the patient's left, ``y`` to the back, ``z`` up from the middle of
the brain, in millimetres. One tissue map serves all contrasts, as one head does.
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import Final

from causeway.testing.phantom.lanes import Lanes

LOWEST_MM: Final = -62.0
HIGHEST_MM: Final = 76.0

_UNIT: Final = 4096
"""The value of a distance field on the surface of its ellipsoid."""
_FAR: Final = 5 * _UNIT // 2
"""Where each of the two terms of a field ends, so that sums stay within a lane."""
_DEVIATIONS: Final = {2: 819, 3: 400, 4: 200}
"""Standard deviation of :meth:`Lanes.clouds` by octave, measured."""
_PLANE_MM: Final = 7.0
"""How far apart along z the planes of noise are that a bend is interpolated from."""


class Tissue(enum.IntEnum):
    """What the map holds for each pixel."""

    AIR = 0
    FAT = 1
    BONE = 2
    MARROW = 3
    MUSCLE = 4
    FLUID = 5
    GREY = 6
    WHITE = 7
    DEEP = 8
    EYE = 9
    LESION = 10


# Plausible signal of each tissue, in the order of Tissue; arbitrary units, as MR's are.
CONTRASTS: Final[dict[str, tuple[int, ...]]] = {
    "T1": (6, 860, 40, 420, 330, 130, 430, 610, 480, 120, 400),
    "T2": (6, 640, 35, 330, 240, 900, 430, 290, 340, 940, 640),
    "FLAIR": (6, 560, 35, 300, 230, 60, 440, 330, 380, 90, 820),
}


@dataclass(frozen=True, slots=True)
class _Bend:
    """A smooth disturbance of a field: lanes that vary about ``zero``."""

    image: int
    zero: int


class Head:
    """Tissue maps of one head; its folds and lesions follow from the random numbers' seed."""

    def __init__(self, seed: object, matrix: int = 256, spacing: float = 0.9) -> None:
        self.lanes = Lanes(matrix, matrix)
        self._seed = seed
        self._matrix = matrix
        self._spacing = spacing
        rng = random.Random(f"{seed}/lesions")
        self._lesions = [
            (rng.choice((-1, 1)) * rng.uniform(17, 30), rng.uniform(-28, 34), rng.uniform(8, 34))
            for _ in range(7)
        ]
        self._clouds: dict[tuple[str, int], int] = {}

    def signal(self, tissues: bytes, contrast: str) -> int:
        """The image of a tissue map in one contrast, without noise, as lanes."""
        values = CONTRASTS[contrast]
        low = bytes(value & 0xFF for value in values).ljust(256, b"\0")
        high = bytes(value >> 8 for value in values).ljust(256, b"\0")
        pixels = bytearray(2 * len(tissues))
        pixels[0::2] = tissues.translate(low)
        pixels[1::2] = tissues.translate(high)
        return self.lanes.load(pixels)

    def tissues(self, z: float) -> bytes:
        """The map of the slice at ``z``: a byte, a :class:`Tissue`, for each pixel."""
        lanes = self.lanes
        image = lanes.fill(Tissue.AIR)
        image = self._shell(image, z)
        image = self._face(image, z)
        image = self._cerebrum(image, z)
        image = self._inside(image, z)
        image = self._below(image, z)
        return lanes.store(image)[0::2]

    def _shell(self, image: int, z: float) -> int:
        rough = self._bent("skin", z, octave=4, weight=2)
        for tissue, radii in (
            (Tissue.FAT, (83, 102, 92)),
            (Tissue.MUSCLE, (77, 96, 87)),
            (Tissue.BONE, (74, 93, 84)),
            (Tissue.MARROW, (72, 91, 82)),
            (Tissue.BONE, (69, 88, 79)),
            # At the base of the skull, fluid is only where the brain displaces something else.
            (Tissue.FLUID if z > -22 else Tissue.MUSCLE, (67, 86, 77)),
        ):
            # Below the widest place a head goes down as a neck does, and not to a point.
            flat = max(z, -8 + 0.35 * z) if z < 0 else z
            image = self._paint(image, tissue, self._field((0, 0, 0), radii, flat), rough)
        return image

    def _face(self, image: int, z: float) -> int:
        if z > -14:
            return image
        deep = self._bent("face", z, octave=4, weight=10)
        image = self._paint(image, Tissue.MUSCLE, self._field((0, -64, -60), (64, 40, 46), z), deep)
        for side in (-1, 1):
            image = self._paint(
                image, Tissue.FAT, self._field((side * 33, -66, -34), (21, 27, 19), z)
            )
            for tissue, radius in ((Tissue.BONE, 13.2), (Tissue.EYE, 12.0)):
                image = self._paint(
                    image, tissue, self._field((side * 33, -78, -34), (radius,) * 3, z)
                )
            image = self._paint(
                image, Tissue.MUSCLE, self._field((side * 33, -87, -34), (5, 2, 5), z)
            )
            image = self._paint(
                image, Tissue.MUSCLE, self._field((side * 27, -56, -34), (2.4, 18, 2.4), z)
            )
            image = self._paint(
                image, Tissue.AIR, self._field((side * 9, -66, -44), (7, 22, 24), z), deep
            )
            image = self._paint(
                image, Tissue.AIR, self._field((side * 60, 22, -50), (8, 14, 14), z), deep
            )
        return image

    def _cerebrum(self, image: int, z: float) -> int:
        lanes = self.lanes
        folds = self._bent("folds", z, octave=4, weight=26)
        lobes: list[tuple[tuple[float, float, float], tuple[float, float, float]]] = [
            ((0, -1, 6), (66, 85, 71))
        ]
        if z < 6:
            lobes += [((side * 38, -10, -26), (25, 45, 27)) for side in (-1, 1)]
        fields = [self._field(centre, radii, z) for centre, radii in lobes]
        for field in fields:
            image = self._lobe(image, field, folds)
        if z > -18:
            gap = self._field((0, 0, 10), (0.8, 84, 80), z)
            middle = self._field((0, 2, 0), (30, 44, 52), z)
            brain = self._inside_of(fields[0], _UNIT)
            cleft = self._inside_of(gap, _UNIT) & lanes.at_least(middle, _UNIT) & brain
            image = lanes.choose(cleft, lanes.fill(Tissue.FLUID), image)
        return image

    def _lobe(self, image: int, field: int, folds: _Bend) -> int:
        """White matter, a ribbon of grey along the surface, and sulci lined with grey."""
        lanes = self.lanes

        def between(low: int, high: int) -> int:
            return lanes.at_least(folds.image, folds.zero + low) & self._inside_of(
                folds.image, folds.zero + high
            )

        inside = self._inside_of(field, _UNIT * 19 // 20)
        ribbon = lanes.at_least(field, int(0.82 * _UNIT))
        outer = lanes.at_least(field, int(0.42 * _UNIT))
        image = lanes.choose(self._inside_of(field, _UNIT), lanes.fill(Tissue.FLUID), image)
        image = lanes.choose(inside, lanes.fill(Tissue.WHITE), image)
        grey = ribbon | (outer & (between(-560, 0) | between(840, 1400)))
        image = lanes.choose(inside & grey, lanes.fill(Tissue.GREY), image)
        fluid = outer & (between(-330, -230) | between(1070, 1170))
        return lanes.choose(inside & fluid, lanes.fill(Tissue.FLUID), image)

    def _inside_of(self, field: int, surface: int) -> int:
        return self.lanes.at_least(field, surface) ^ self.lanes.fill(0xFFFF)

    def _inside(self, image: int, z: float) -> int:
        soft = self._bent("soft", z, octave=3, weight=7)
        for side in (-1, 1):
            for tissue, centre, radii in (
                (Tissue.DEEP, (side * 27, 0, 2), (6.5, 18, 15)),
                (Tissue.DEEP, (side * 12, 10, 4), (9.5, 15, 13)),
                (Tissue.DEEP, (side * 13, -20, 10), (6, 11, 14)),
                (Tissue.GREY, (side * 40, -2, 2), (2.2, 22, 18)),
                (Tissue.FLUID, (side * 8, -20, 16), (5.5, 17, 13)),
                (Tissue.FLUID, (side * 11, 8, 24), (6, 30, 9)),
                (Tissue.FLUID, (side * 21, 38, 12), (6, 14, 12)),
                (Tissue.FLUID, (side * 34, 10, -20), (3.5, 16, 7)),
            ):
                image = self._paint(image, tissue, self._field(centre, radii, z), soft)
        image = self._paint(image, Tissue.FLUID, self._field((0, 4, 2), (2.4, 15, 12), z), soft)
        for lesion in self._lesions:
            image = self._paint(image, Tissue.LESION, self._field(lesion, (3.8, 4.6, 4.2), z), soft)
        return image

    def _below(self, image: int, z: float) -> int:
        if z > -12:
            return image
        leaves = self._bent("leaves", z, octave=2, weight=20)
        for side in (-1, 1):
            centre = (side * 24, 50, -44)
            for tissue, radii in (
                (Tissue.FLUID, (35, 31, 27)),
                (Tissue.GREY, (33, 29, 25)),
            ):
                image = self._paint(image, tissue, self._field(centre, radii, z))
            image = self._paint(image, Tissue.WHITE, self._field(centre, (26, 22, 18), z), leaves)
        image = self._paint(image, Tissue.FLUID, self._field((0, 14, -46), (21, 21, 46), z))
        image = self._paint(image, Tissue.WHITE, self._field((0, 14, -46), (16, 16, 60), z))
        image = self._paint(image, Tissue.GREY, self._field((0, 16, -46), (6, 7, 60), z))
        return self._paint(image, Tissue.FLUID, self._field((0, 32, -40), (8, 6, 15), z))

    def _paint(self, image: int, tissue: Tissue, field: int, bend: _Bend | None = None) -> int:
        """Put the tissue where a field, bent or not, is below the surface of its ellipsoid."""
        lanes = self.lanes
        surface = _UNIT + (bend.zero if bend else 0)
        outside = lanes.at_least(field + (bend.image if bend else 0), surface)
        return lanes.choose(outside, image, lanes.fill(tissue))

    def _field(
        self, centre: tuple[float, float, float], radii: tuple[float, float, float], z: float
    ) -> int:
        """(x/rx)² + (y/ry)² + (z/rz)² for each pixel, times ``_UNIT``, as far as it matters."""
        size, spacing = self._matrix, self._spacing

        def term(index: int, axis: int) -> float:
            return (((index - size / 2) * spacing - centre[axis]) / radii[axis]) ** 2 * _UNIT

        row = b"".join(min(int(term(x, 0)), _FAR).to_bytes(2, "little") for x in range(size))
        across = int.from_bytes(row, "little")
        ones = int.from_bytes(b"\x01\x00" * size, "little")
        height = ((z - centre[2]) / radii[2]) ** 2 * _UNIT
        return int.from_bytes(
            b"".join(
                (across + ones * min(int(term(y, 1) + height), _FAR)).to_bytes(2 * size, "little")
                for y in range(size)
            ),
            "little",
        )

    def _bent(self, name: str, z: float, *, octave: int, weight: int) -> _Bend:
        """Smooth noise whose standard deviation is ``weight`` hundredths of a field's unit.

        It is cut off at four deviations, changes smoothly with z and follows from the seed.
        """
        lanes = self.lanes
        plane, part = divmod(z / _PLANE_MM, 1)
        eighths = int(part * 8)
        deviation = _DEVIATIONS[octave] / 8
        mixed = lanes.halve(
            self._cloud(name, int(plane), octave) * (8 - eighths)
            + self._cloud(name, int(plane) + 1, octave) * eighths,
            3,
        )
        lowest, highest = int(1024 - 4 * deviation), int(1024 + 4 * deviation)
        mixed = lanes.choose(lanes.at_least(mixed, lowest), mixed, lanes.fill(lowest))
        mixed = lanes.choose(lanes.at_least(mixed, highest), lanes.fill(highest), mixed)
        gain = max(1, round(weight * _UNIT / 100 / deviation))
        return _Bend((mixed - lanes.fill(lowest)) * gain, (1024 - lowest) * gain)

    def _cloud(self, name: str, plane: int, octave: int) -> int:
        """A plane of noise, an eighth of its value so that a weighted sum fits into a lane."""
        key = (name, plane)
        if key not in self._clouds:
            rng = random.Random(f"{self._seed}/{name}/{plane}")
            self._clouds[key] = self.lanes.halve(self.lanes.clouds(rng, octave), 3)
        return self._clouds[key]
