"""What goes in one request, and several requests at a time.

Servers store what one request brings one after the other, and several requests side by side. So
what is to be sent is shared out evenly, as far as a share is worth a request of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final, TypeVar

from causeway.destinations.contract import Instance, Takes

T = TypeVar("T")
R = TypeVar("R")

LEAST_INSTANCES: Final = 8
"""Below that a request of its own costs about what it saves."""


def batches(
    instances: Sequence[Instance], *, most: Takes, at_once: int
) -> Iterator[list[Instance]]:
    """Cut within the bounds, no two of a batch with one UID, by which answers name them."""
    share = max(LEAST_INSTANCES, -(-len(instances) // at_once))
    limit = min(share, most.instances) if most.instances else share
    left = list(instances)
    while left:
        batch: list[Instance] = []
        later: list[Instance] = []
        uids: set[str] = set()
        size = 0
        for place, each in enumerate(left):
            if len(batch) >= limit or (batch and most.bytes and size + each.size > most.bytes):
                later += left[place:]
                break
            if each.sop_instance_uid in uids:
                later.append(each)
                continue
            uids.add(each.sop_instance_uid)
            size += each.size
            batch.append(each)
        yield batch
        left = later


def side_by_side(
    work: Callable[[T], Iterable[R]], items: Sequence[T], *, at_once: int
) -> Iterator[R]:
    """What comes of all items, as it comes; what one of them raises is raised at the end.

    The others are finished before that, since what they have brought is known then, and need not be
    asked for by the next attempt.
    """
    if len(items) < 2 or at_once < 2:
        for item in items:
            yield from work(item)
        return

    def done(item: T) -> list[R]:
        return list(work(item))

    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=min(at_once, len(items))) as pool:
        futures = [pool.submit(done, item) for item in items]
        for future in as_completed(futures):
            if future.cancelled():
                continue
            error = future.exception()
            if error is not None:
                failure = failure or error
                for each in futures:
                    each.cancel()
                continue
            yield from future.result()
    if failure is not None:
        raise failure
