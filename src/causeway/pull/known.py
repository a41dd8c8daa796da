"""What was known of a node's studies, to be compared with in a stream.

Three numbers for each study, in arrays: a million studies take 24 MB, and an answer is compared in
a microsecond. A study that was not seen when the answer is full is gone from the node.

Studies are told apart by 63 bits of a digest of their UID. Two of a million fall together at one of
eighteen million sites; one of the two would then count as vanished there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from causeway.ledger.nodes import KnownStudy
from causeway.pull.studies import Told, digest_of

LOOK: Final = 1
"""Flag: has to be looked into whatever its digest says."""


class Known:
    """Filled once, sealed, then asked."""

    def __init__(self) -> None:
        self._chunks: list[npt.NDArray[np.int64]] = []
        self._keys: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._digests = self._ids = self._keys
        self._look = self._seen = np.empty(0, np.bool_)

    def take(self, studies: Sequence[KnownStudy]) -> None:
        """For ``Ledger.known_studies``."""
        self._chunks.append(
            np.array(
                [(digest_of(uid), digest, row, look) for row, uid, digest, look in studies],
                np.int64,
            ).reshape(-1, 4)
        )

    def seal(self) -> Known:
        """All is there."""
        table = np.concatenate(self._chunks) if self._chunks else np.empty((0, 4), np.int64)
        self._chunks.clear()
        table = table[np.argsort(table[:, 0], kind="stable")]
        self._keys, self._digests, self._ids = (
            np.ascontiguousarray(table[:, column]) for column in range(3)
        )
        self._look = table[:, 3] == LOOK
        self._seen = np.zeros(len(table), np.bool_)
        return self

    def __len__(self) -> int:
        return len(self._keys)

    def unchanged(self, told: Told) -> npt.NDArray[np.bool_]:
        """Of which of these answers nothing is new: known, and their digest tells of new images.

        Marks those that are known as seen.
        """
        if not len(self._keys):
            return np.zeros(len(told.keys), np.bool_)
        places = np.minimum(np.searchsorted(self._keys, told.keys), len(self._keys) - 1)
        known = told.wanted & (self._keys[places] == told.keys)
        self._seen[places[known]] = True
        same: npt.NDArray[np.bool_] = (
            known & told.counted & (self._digests[places] == told.digests) & ~self._look[places]
        )
        return same

    def unseen(self) -> list[int]:
        """Ids of the studies that no answer had."""
        found: list[int] = self._ids[~self._seen].tolist()
        return found
