"""A bucket over obstore: Google Cloud Storage, Azure Blob Storage, a folder, memory.

Obstore tells no digest of what it stored, so nothing here is trusted: each object is looked for
before it is put, and read back whole after. What fits into a piece goes in one conditional request;
more goes in pieces, appears at once and whole, and cannot be gone on with by another process: it is
sent again from its beginning. Its own retries are off.

Obstore is an optional part (``pip install 'causeway[clouds]'``) and is imported when it is needed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from causeway.destinations.blob.bucket import Seen, Upload
from causeway.destinations.blob.checksums import Digesting, Digests
from causeway.errors import (
    CausewayError,
    ConfigurationError,
    DestinationBusy,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)

PIECE_BYTES: Final = 16 << 20
PIECES_AT_A_TIME: Final = 4
READ_BYTES: Final = 1 << 20
LIST_KEYS: Final = 1000

NO_RETRIES: Final[Any] = {"max_retries": 0}
MISSING_HINT: Final = "install it: pip install 'causeway[clouds]'"

_STATUS: Final = re.compile(r"\bstatus(?: code)?:? (\d{3})\b", re.IGNORECASE)
_CODE: Final = re.compile(r"<Code>([A-Za-z]{3,60})</Code>")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """A store, and what objects in it get."""

    destination: str
    """Name of the destination; stands in errors."""
    bucket: str
    make: Callable[[], Any] = field(repr=False)
    """Makes obstore's store; reads secrets, and does not connect."""
    takes_tags: bool = True


class StoredBucket:
    """A ``Bucket``; see the module's text. Thread safe."""

    is_trusted: Final = False

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self._store: Any = None
        self._may_list = True
        self._lock = threading.Lock()

    def check(self) -> None:
        self._made()

    def close(self) -> None:
        with self._lock:
            self._store = None

    def begin(self, upload: Upload) -> _Sink:
        return _Sink(self, upload)

    def look(self, key: str) -> Seen | None:
        found = self.call(
            "a question for an object", lambda obstore, store: obstore.head(store, key)
        )
        return None if found is None else Seen(size=int(found["size"]))

    def keys(self, folder: str, *, pages: int) -> frozenset[str] | None:
        found: set[str] = set()
        if not self._may_list:
            return None
        try:
            listing = self.call(
                "a list",
                lambda obstore, store: obstore.list(
                    store, folder.rstrip("/") or None, chunk_size=LIST_KEYS
                ),
            )
            for _ in range(pages):
                page = self.call("a list", lambda _obstore, _store: next(listing, ()))
                if page is None:
                    return None
                if not page:
                    return frozenset(found)
                found.update(one["path"] for one in page)
        except DestinationUnauthorised:
            # Rights may let one ask for objects one by one all the same.
            self._may_list = False
        except DestinationUnavailable:
            raise
        except (TemporaryError, DestinationRefused):
            pass
        return None

    def read(self, key: str) -> Iterator[bytes]:
        found = self.call("a reading", lambda obstore, store: obstore.get(store, key))
        if found is None:
            raise TemporaryError(f"destination {self.settings.destination}: it is gone")
        try:
            for piece in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(piece)
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            raise self.explained(error, "a reading") from None

    def remove(self, key: str) -> None:
        self.call("a removal", lambda obstore, store: obstore.delete(store, key))

    def call(self, doing: str, request: Callable[[Any, Any], Any]) -> Any:
        """One request; None if nothing has the key. Raises ours, and ``KeyTaken``."""
        store = self._made()
        import obstore
        from obstore import exceptions as raised

        try:
            return request(obstore, store)
        except (raised.NotFoundError, FileNotFoundError) as error:
            if "ContainerNotFound" in str(error) or "NoSuchBucket" in str(error):
                raise self._no_bucket() from None
            return None
        except (raised.AlreadyExistsError, raised.PreconditionError):
            raise KeyTaken from None
        except Exception as error:  # noqa: BLE001  whatever it is, it is told what it means
            raise self.explained(error, doing) from None

    def explained(self, error: BaseException, doing: str) -> CausewayError:
        """What obstore raised, without the addresses that its words have in them."""
        if isinstance(error, CausewayError):
            return error
        text = str(error)
        status = next((int(found) for found in _STATUS.findall(text)), 0)
        code = next(iter(_CODE.findall(text)), "") or type(error).__name__
        said = f"destination {self.settings.destination} answered {code} to {doing}"
        kind = type(error).__name__
        if kind in ("UnauthenticatedError", "PermissionDeniedError") or status in (401, 403):
            self.close()
            return DestinationUnauthorised(
                said, hint="see the rights that it needs on the destination's page, and the "
                "credentials; a wrong clock looks like this too",
            )  # fmt: skip
        if code in ("NoSuchBucket", "ContainerNotFound"):
            return self._no_bucket()
        if status in (429, 503, 507) or code in ("ServerBusy", "SlowDown"):
            return DestinationBusy(
                f"{said}: it asks to wait",
                hint="nothing, if it passes; else raise its quota, or send less at a time",
            )
        if kind in ("InvalidPathError", "NotSupportedError") or status in (400, 411, 413):
            return DestinationRefused(said)
        if status == 0 and kind in ("GenericError", "JoinError"):
            return self._unanswered(text)
        return TemporaryError(f"{said} ({status})" if status else said)

    def _unanswered(self, text: str) -> CausewayError:
        who, low = f"destination {self.settings.destination}", text.casefold()
        if "certificate" in low or "unknownissuer" in low or "tls" in low:
            return DestinationUnavailable(
                f"{who}: TLS failed",
                hint="set `ca` to the authority that signed the server's certificate",
            )
        if "dns error" in low or "lookup address" in low:
            return DestinationUnavailable(
                f"{who} cannot be reached: its name is not known",
                hint="see that account or endpoint are right, and that DNS answers",
            )
        if "connect" in low:
            return DestinationUnavailable(
                f"{who} cannot be reached", hint="see that firewall and proxy let us out"
            )
        if "token" in low or "credential" in low or "oauth" in low:
            return DestinationUnauthorised(
                f"{who}: no usable credentials", hint="see the destination's page for what it needs"
            )
        return TemporaryError(f"{who}: the connection was lost")

    def _no_bucket(self) -> CausewayError:
        return DestinationUnavailable(
            f"destination {self.settings.destination}: there is no {self.settings.bucket}",
            hint="correct its name, or make it",
        )

    def _made(self) -> Any:
        with self._lock:
            if self._store is None:
                try:
                    self._store = self.settings.make()
                except ImportError as error:
                    part = (error.name or "obstore").partition(".")[0]
                    raise ConfigurationError(
                        f"destination {self.settings.destination} needs {part}, which is not here",
                        hint=MISSING_HINT,
                    ) from None
                except CausewayError:
                    raise
                except Exception as error:  # noqa: BLE001  a file that is no key, a bad address
                    raise DestinationUnauthorised(
                        f"destination {self.settings.destination}: its settings make no client "
                        f"({type(error).__name__})",
                        hint="see that credentials are of the form that the provider gives out",
                    ) from None
            return self._store


class KeyTaken(Exception):
    """Another object has the key."""


class _Sink:
    """A ``Sink``; used by one thread."""

    def __init__(self, bucket: StoredBucket, upload: Upload) -> None:
        self._bucket = bucket
        self._upload = upload
        self._digesting = Digesting()
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._writer: Any = None
        self._is_taken = False

    def write(self, parts: Sequence[bytes]) -> None:
        for data in parts:
            self._digesting.update(data)
            self._buffer.append(data)
            self._buffered += len(data)
        if self._buffered > PIECE_BYTES:
            self._give()

    def digests(self) -> Digests:
        return self._digesting.digests()

    def finish(self) -> Digests | None:
        if self._is_taken:
            return None
        if self._writer is not None:
            self._give()
            writer = self._writer
            self._do("the end of an upload", lambda _obstore, _store: writer.close())
            self._writer = None
            return self.digests()
        body = b"".join(self._buffer)
        try:
            self._do(
                "an upload",
                lambda obstore, store: obstore.put(
                    store, self._upload.key, body, mode="create", attributes=self._attributes()
                ),
            )
        except KeyTaken:
            return None
        return self.digests()

    def cancel(self) -> None:
        """Dropped before its end, an upload in pieces makes no object."""
        self._writer = None
        self._buffer = []

    def _give(self) -> None:
        body, self._buffer, self._buffered = b"".join(self._buffer), [], 0
        if self._is_taken:
            return
        if self._writer is None:
            # An upload in pieces knows no condition, so it is asked for.
            if self._bucket.look(self._upload.key) is not None:
                self._is_taken = True
                return
            self._writer = self._do(
                "the beginning of an upload",
                lambda obstore, store: obstore.open_writer(
                    store, self._upload.key, attributes=self._attributes(),
                    buffer_size=PIECE_BYTES, max_concurrency=PIECES_AT_A_TIME,
                ),
            )  # fmt: skip
        writer = self._writer
        self._do("a piece of an upload", lambda _obstore, _store: writer.write(body))

    def _do(self, doing: str, request: Callable[[Any, Any], Any]) -> Any:
        return self._bucket.call(doing, request)

    def _attributes(self) -> dict[str, str]:
        # Azure takes letters, digits and underscores in names.
        notes = {name.replace("-", "_"): value for name, value in self._upload.notes.items()}
        return {"Content-Type": self._upload.content_type, **notes}
