"""Arithmetic on whole images with nothing but the standard library.

An image of 16-bit pixels is held as one Python integer, one pixel to a lane of sixteen bits, the
first pixel lowest. Adding two such integers adds all pixels at once, at memory speed, as long as no
lane overflows into its neighbour; shifting by a lane moves the image by a pixel. So smoothing, noise
and masks cost a few operations on integers of half a megabyte, and the demo needs no numpy.

Whoever calls keeps lanes in range: sums below 2^16, and below 2^15 where :meth:`Lanes.at_least` looks.
A shift lets the far edge run into the next row or off the image; in a phantom both are air.
"""

from __future__ import annotations

import random


class Lanes:
    """The arithmetic for images of one size."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.pixels = width * height
        self._ones = int.from_bytes(b"\x01\x00" * self.pixels, "little")

    def fill(self, value: int) -> int:
        """An image that is ``value`` everywhere."""
        return self._ones * value

    def load(self, image: bytes | bytearray) -> int:
        return int.from_bytes(image, "little")

    def store(self, image: int) -> bytes:
        """The image's pixels, 16 bits each, little endian."""
        return image.to_bytes(2 * self.pixels, "little")

    def halve(self, image: int, times: int = 1) -> int:
        """Divide every pixel by 2^times, rounding down."""
        return (image >> times) & self.fill((1 << (16 - times)) - 1)

    def smooth(self, image: int, dx: int, dy: int) -> int:
        """The mean of the image and itself moved by (dx, dy)."""
        return self.halve(image + (image >> (16 * (dx + dy * self.width))))

    def at_least(self, image: int, threshold: int) -> int:
        """A mask: all bits set in the lanes of pixels ≥ threshold, none in the others."""
        reached = ((image + self.fill(0x8000 - threshold)) >> 15) & self._ones
        return (reached << 16) - reached

    def choose(self, mask: int, where: int, elsewhere: int) -> int:
        """``where`` under the mask, ``elsewhere`` outside it."""
        return elsewhere ^ ((elsewhere ^ where) & mask)

    def noise(self, rng: random.Random, bits: int) -> int:
        """Three uniform values of ``bits`` bits added: nearly normal.

        Its mean is 1.5 × (2^bits - 1) and its standard deviation half of 2^bits.
        """
        raw = int.from_bytes(rng.randbytes(2 * self.pixels), "little")
        mask = self.fill((1 << bits) - 1)
        return (raw & mask) + ((raw >> 5) & mask) + ((raw >> 10) & mask)

    def clouds(self, rng: random.Random, octave: int) -> int:
        """Noise smoothed over 2^octave pixels and stretched again: values about a mean of 2^13."""
        image = int.from_bytes(rng.randbytes(2 * self.pixels), "little") & self.fill(0x3FFF)
        for _ in range(2):
            for step in range(octave):
                image = self.smooth(image, 1 << step, 0)
                image = self.smooth(image, 0, 1 << step)
        return image
