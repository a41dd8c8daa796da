"""Arithmetic on whole images with nothing but the standard library.

An image of 16-bit pixels is held as one Python integer, one pixel to a lane of sixteen bits, the
first pixel lowest. Adding two such integers adds all pixels at once, at memory speed, as long as no
lane overflows into its neighbour; shifting by a lane moves the image by a pixel. So smoothing,
noise and masks cost a few operations on integers of half a megabyte, and the demo needs no numpy.

Whoever calls keeps lanes in range: sums below 2^16, and below 2^15 where :meth:`Lanes.at_least`
looks.
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
        self._bits = 16 * self.pixels
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

        Its mean is 1.5 times 2^bits - 1 and its standard deviation half of 2^bits.
        """
        raw = int.from_bytes(rng.randbytes(2 * self.pixels), "little")
        mask = self.fill((1 << bits) - 1)
        return (raw & mask) + ((raw >> 5) & mask) + ((raw >> 10) & mask)

    def clouds(self, rng: random.Random, octave: int) -> int:
        """Noise smoothed over about 2^octave pixels, without a seam at the edges.

        Values stay below 2^14 and vary about 2^13, the less so the more was smoothed.
        """
        image = int.from_bytes(rng.randbytes(2 * self.pixels), "little") & self.fill(0x3FFF)
        for _ in range(2):
            for step in range(octave):
                for pixels in (1 << step, (1 << step) * self.width):
                    image = self.halve(image + self._turn(image, pixels))
        return image

    def mean_of_rows(self, image: int) -> bytes:
        """One row: the mean of all rows. The height must be a power of two."""
        height = self.height
        while height > 1:
            height //= 2
            bits = 16 * self.width * height
            half = Lanes(self.width, height)
            image = half.halve((image >> bits) + (image & ((1 << bits) - 1)))
        return image.to_bytes(2 * self.width, "little")

    def mean_of_columns(self, image: int) -> bytes:
        """One row that holds the mean of each row. The width must be a power of two."""
        step = 1
        while step < self.width:
            image = self.smooth(image, step, 0)
            step *= 2
        pixels = self.store(image)
        stride = 2 * self.width
        return b"".join(pixels[at : at + 2] for at in range(0, len(pixels), stride))

    def _turn(self, image: int, pixels: int) -> int:
        """The image moved on by so many pixels; what leaves at one end comes in at the other."""
        bits = 16 * pixels
        return (image >> bits) | ((image & ((1 << bits) - 1)) << (self._bits - bits))
