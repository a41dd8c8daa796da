"""Is a series whole? Facts, rules and the time in, a decision out.

DICOM has no message that says so: neither the end of an association nor the order of objects means
anything (PS3.4 B.4), and one scanner sends a series over one association, the next sends each image
over its own. So completeness is inferred, from four signals:

- **Quiet time.** No image for so long. Each arrival moves it. Always on, and the only one that
  needs nothing but patience.
- **Expected count.** Images in Acquisition (0020,1002) says how many there will be, where it can be
  trusted (``expected_count``). Reached while every association that brought images has ended, it
  completes the series at once.
- **Release.** Every association that brought images was released in order, and nothing came for a
  shorter time since. Only if ``after_release_seconds`` is set, since it is wrong for senders that
  open an association for each image.

- **A node's word.** Of a series that was retrieved, the node has said how many images it has. When
  all of them have come, it is whole at once; as long as some are missing, it is not, however long
  that takes, since nothing goes of a retrieval that failed half-way.

A wrong inference costs an amendment, never an image: what comes later reopens the series.

When the expected count can be trusted is a matter of experience, not of the standard, which says
"images that resulted from this acquisition of data". In the objects that this was tried on, GE's MR
put the slices of *one* volume there (15, in a series of 150 images), so GE is not believed; Philips
put the count of the series. It must be the same in all images, of one acquisition, not be exceeded,
not come from multi-frame objects (images or frames?), and be more than one, which says nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from causeway.ledger import Acquisition
from causeway.values import Header

DISTRUSTED_MANUFACTURERS = ("ge ", "ge-", "general electric")
"""Beginnings of (0008,0070), in lower case, whose counts are not of the series."""

AWAITED_SECONDS = 60.0
"""Between two looks at a series of which a node still owes some; the end of its retrieval calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRules:
    """When a series counts as whole."""

    quiet_seconds: float = 30.0
    after_release_seconds: float | None = None
    """None: the end of associations alone says nothing."""
    use_expected_counts: bool = True
    quiet_by_source: Mapping[str, float] = field(default_factory=dict)
    """Other quiet times, by source."""

    def of(self, source: str) -> CompletionRules:
        """The rules for series of a source. The shorter wait is never longer than the other."""
        quiet = self.quiet_by_source.get(source)
        if quiet is None:
            return self
        after = self.after_release_seconds
        return replace(
            self,
            quiet_seconds=quiet,
            after_release_seconds=None if after is None else min(after, quiet),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a series when completion looks at it."""

    count: int
    """Images that are here."""
    last_at: float
    """When the last of them came."""
    expected: int | None = None
    """How many there should be, if that can be trusted."""
    associations_open: int = 0
    """Associations that brought images of it and have not ended."""
    released_at: float | None = None
    """When the last of them ended, if all have, and in order."""
    awaited: bool = False
    """More of it was asked of a node and has not come."""
    retrieved: int | None = None
    """How many images a node had of it that have all come since."""


class Signal(enum.StrEnum):
    """What told that a series is whole."""

    COUNT = "count"
    NODE = "node"
    RELEASE = "release"
    QUIET = "quiet"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Complete:
    """The series is whole, as far as can be known."""

    signal: Signal
    reason: str
    """In words, for a person; no values of the data set."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Not yet. Only an arrival or the end of an association can change that before ``at``."""

    at: float


def decide(
    facts: Facts, rules: CompletionRules, now: float, *, known_at: float | None = None
) -> Complete | LookAgain:
    """Whether the series is whole at ``now``, and why, or when to look again.

    ``known_at`` is the time up to which all arrivals are known, if that is not now: silence is
    measured by it.
    """
    if facts.awaited:
        return LookAgain(now + AWAITED_SECONDS)
    if facts.retrieved:
        return Complete(Signal.NODE, f"all {facts.retrieved} images that the node has are here")
    if (
        rules.use_expected_counts
        and facts.expected is not None
        and facts.count == facts.expected
        and facts.associations_open == 0
    ):
        reason = f"all {facts.count} expected images are here and every association has ended"
        return Complete(Signal.COUNT, reason)
    if facts.last_at > now + rules.quiet_seconds:
        # Stamped before the clock was set back. Waiting for the clock could take a year, and too
        # early costs an amendment.
        return Complete(Signal.CLOCK, "the clock was set back, so quiet time cannot be measured")
    quiet = rules.quiet_seconds
    waits = [(facts.last_at + quiet, Signal.QUIET, f"no new image for {quiet:g} s")]
    if (
        rules.after_release_seconds is not None
        and facts.released_at is not None
        and facts.associations_open == 0
    ):
        after = rules.after_release_seconds
        at = max(facts.released_at, facts.last_at) + after
        reason = f"released by the sender, and no new image for {after:g} s"
        waits.append((at, Signal.RELEASE, reason))
    at, signal, reason = min(waits)
    if (now if known_at is None else min(now, known_at)) < at:
        return LookAgain(at)
    if facts.expected is not None and facts.count < facts.expected:
        reason += f"; {facts.count} of {facts.expected} expected images are here"
    return Complete(signal, reason)


def expected_in(header: Header) -> int | None:
    """How many images the header says there will be, where such a header can be trusted."""
    manufacturer = f"{header.manufacturer.strip().lower()} "
    if manufacturer.startswith(DISTRUSTED_MANUFACTURERS):
        return None
    if header.number_of_frames.strip() not in ("", "0", "1"):
        return None
    text = header.images_in_acquisition.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        return None
    return int(text) if int(text) > 1 else None


def expected_of(stated: int | None, acquisitions: Sequence[Acquisition]) -> int | None:
    """How many images the series will have: ``stated`` by a header, and all the others agree."""
    if stated is None or len(acquisitions) != 1:
        return None
    only = acquisitions[0]
    return stated if only.expected == stated and only.count <= stated else None
