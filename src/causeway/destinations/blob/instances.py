"""A parcel into a bucket, an object for each instance.

Several instances are on their way at a time; each is read once, and its digests are taken on the
way. What stands under a key already is never overwritten: with the same bytes it is delivered,
with other bytes that instance is refused, and a person is asked. Verified means that the bucket was
asked after the upload, and told the same digest, or gave the same bytes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Final

from causeway.destinations.blob.bucket import Bucket, Progress, Upload
from causeway.destinations.blob.checksums import Digests, digests_of
from causeway.destinations.blob.comparing import is_same
from causeway.destinations.contract import Instance, Outcome, Shipment
from causeway.errors import (
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)
from causeway.values import Standing

CONTENT_TYPE: Final = "application/dicom"
DIGESTS_KEPT: Final = 20_000
"""Of instances that were sent and not yet verified; a series has fewer. What is beyond is read
again."""
KEYS_WORTH_A_LIST: Final = 3
"""An answer that lists a thousand keys is asked for rather than so many objects, one by one."""


class InstancesTransfer:
    """One attempt; see ``contract.Transfer``."""

    def __init__(
        self,
        bucket: Bucket,
        shipment: Shipment,
        *,
        key_of: Callable[[Instance], str],
        destination: str,
        workers: Executor,
        parallel: int,
        size_limit: int,
        progress: Callable[[str], Progress],
    ) -> None:
        self._bucket = bucket
        self._shipment = shipment
        self.key_of = key_of
        """Raises ``ValueError`` for an instance that no key can be made of."""
        self._destination = destination
        self._workers = workers
        self._parallel = parallel
        self._size_limit = size_limit
        self._progress = progress
        self._digests: dict[int, Digests] = {}
        self._free: frozenset[str] = frozenset()
        """Keys under which nothing stood when this batch began."""
        self._is_over = False

    @property
    def reference(self) -> str:
        """What the keys of its instances have in common, up to a slash."""
        return _common_folder(self._keys_of(self._shipment.instances))

    def _keys_of(self, instances: Iterable[Instance]) -> list[str]:
        keys = []
        for instance in instances:
            try:
                keys.append(self.key_of(instance))
            except ValueError:
                continue
        return keys

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        if not self._bucket.is_trusted:
            self._free = self._free_keys(instances)
        return self._each(self._send_one, instances)

    def commit(self) -> None:
        """Each object is there as soon as it is whole."""

    def verify(self, instances: Sequence[Instance]) -> Iterable[Outcome]:
        return self._each(self._verify_one, instances)

    def abort(self) -> None:
        """What is on its way comes to its end or is given up; parts that are there stay, and are
        remembered.
        """
        self._is_over = True

    # --- several at a time ----------------------------------------------------------------------

    def _each(
        self, work: Callable[[Instance], Outcome], instances: Sequence[Instance]
    ) -> Iterator[Outcome]:
        """Outcomes as they become known. After a failure of the whole, what is on its way is
        waited for, since it counts too.
        """
        waiting = iter(instances)
        flying: set[Future[Outcome]] = set()
        failure: BaseException | None = None
        try:
            while True:
                while failure is None and len(flying) < self._parallel:
                    instance = next(waiting, None)
                    if instance is None:
                        break
                    flying.add(self._workers.submit(work, instance))
                if not flying:
                    break
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
                for future in done:
                    error = future.exception()
                    if error is None:
                        yield future.result()
                    elif failure is None or not isinstance(error, Exception):
                        failure = error
        finally:
            self._is_over = self._is_over or bool(flying)
            for future in flying:
                future.cancel()
            wait(flying)
        if failure is not None:
            raise failure

    # --- one ------------------------------------------------------------------------------------

    def _send_one(self, instance: Instance) -> Outcome:
        try:
            key = self.key_of(instance)
        except ValueError:
            return _refused(instance, "key", "its key would be longer than a bucket takes")
        if instance.size > self._size_limit:
            return _refused(
                instance, "too_large",
                f"it has more than {self._size_limit // 1000**3} GB, which {self._destination} "
                "does not take",
            )  # fmt: skip
        try:
            asks = not self._bucket.is_trusted and key not in self._free
            if asks and (outcome := self._standing(instance, key)):
                return outcome
            digests = self._upload(instance, key)
            if digests is None:
                outcome = self._standing(instance, key)
                return outcome or _again(instance, "went_away", "what stood in its place went away")
        except DestinationUnavailable:
            raise
        except TemporaryError as error:
            return _again(instance, "failed", error.message)
        except DestinationRefused as error:
            return _refused(instance, "refused", error.message)
        self._keep(instance, digests)
        return Outcome(instance=instance, standing=Standing.SENT, reference=key)

    def _free_keys(self, instances: Sequence[Instance]) -> frozenset[str]:
        """By a list of the folder that they go into, where that asks less than a question each.

        A list may lag where servers tell each other of what they have; those that are known for it
        (Swift) heed the condition that goes along with the object.
        """
        keys = self._keys_of(instances)
        pages = len(keys) // KEYS_WORTH_A_LIST
        standing = self._bucket.keys(_common_folder(keys), pages=pages) if pages else None
        return frozenset() if standing is None else frozenset(keys) - standing

    def _upload(self, instance: Instance, key: str) -> Digests | None:
        sink = self._bucket.begin(
            Upload(
                key=key,
                about_bytes=instance.size,
                content_type=CONTENT_TYPE,
                notes={"causeway-blake3": instance.digest.hex()},
                progress=self._progress(f"upload/{instance.id}"),
            )
        )
        try:
            for piece in instance.file():
                if self._is_over:
                    raise TemporaryError("the attempt was given up")
                sink.write((piece,))
            return sink.finish()
        except BaseException:
            sink.cancel()
            raise

    def _verify_one(self, instance: Instance) -> Outcome:
        try:
            key = self.key_of(instance)
        except ValueError:
            return _again(instance, "not_there", "")
        sent = self._digests.get(instance.id)
        if sent is not None and not self._bucket.is_trusted:
            return self._read_back(instance, key, sent)
        outcome = self._standing(instance, key)
        if outcome is None:
            return _again(instance, "not_there", "it is not there")
        return outcome

    def _read_back(self, instance: Instance, key: str, sent: Digests) -> Outcome:
        """What was sent a moment ago, by all its bytes: no question before that tells more."""
        try:
            same = digests_of(self._bucket.read(key)) == sent
        except DestinationUnavailable:
            raise
        except TemporaryError as error:
            return _again(instance, "not_there", error.message)
        if not same:
            return self._damaged(instance, key)
        return Outcome(instance=instance, standing=Standing.VERIFIED, reference=key)

    def _standing(self, instance: Instance, key: str) -> Outcome | None:
        """What becomes of it by what stands under its key; None if nothing does."""
        seen = self._bucket.look(key)
        if seen is None:
            return None
        sent = self._digests.get(instance.id)
        same = seen.size == instance.size and is_same(
            self._bucket, key, seen, sent or digests_of(instance.file())
        )
        if not same and sent is not None:
            return self._damaged(instance, key)
        if not same:
            return Outcome(
                instance=instance, standing=Standing.REFUSED, code="conflict", reference=key,
                why="another object stands in its place, and is not overwritten",
            )  # fmt: skip
        return Outcome(
            instance=instance, standing=Standing.VERIFIED, already_there=sent is None,
            reference=key,
        )  # fmt: skip

    def _damaged(self, instance: Instance, key: str) -> Outcome:
        """We have put it there a moment ago, and it is not what we gave: it makes room again."""
        del self._digests[instance.id]
        try:
            self._bucket.remove(key)
        except DestinationUnauthorised:
            return Outcome(
                instance=instance, standing=Standing.REFUSED, code="damaged", reference=key,
                why="other bytes are there than were sent, and they may not be removed",
            )  # fmt: skip
        return _again(instance, "damaged", "other bytes were there than were sent")

    def _keep(self, instance: Instance, digests: Digests) -> None:
        if len(self._digests) < DIGESTS_KEPT:
            self._digests[instance.id] = digests


def _common_folder(keys: Sequence[str]) -> str:
    if not keys:
        return ""
    first, last = min(keys), max(keys)
    if first == last:
        return first
    length = next(
        (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )
    return first[: first.rfind("/", 0, length) + 1]


def _again(instance: Instance, code: str, why: str) -> Outcome:
    return Outcome(instance=instance, standing=Standing.AGAIN, code=code, why=why)


def _refused(instance: Instance, code: str, why: str) -> Outcome:
    return Outcome(instance=instance, standing=Standing.REFUSED, code=code, why=why)
