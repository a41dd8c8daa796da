"""One attempt to bring an archive to a core.

Directly it is one request. By signed addresses it is three: a ticket is opened, the bytes go to the
platform's storage, the ticket is closed, and only then is there a file. What was opened is
remembered part by part, so that an attempt that is cut off between the last byte and the closing is
finished by the next, and a large archive goes on where it stopped.

The same name in the same acquisition makes a new version over there, and the same bytes again are
the same version to everybody who compares hashes: that makes repeating harmless. An archive that is
older than what is there already, as when a whole series overtook its first sending, does not go.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from causeway.destinations.contract import Instance, Memory, Outcome, Shipment
from causeway.destinations.core.document import (
    Archive,
    acquisition_uid,
    archive_name,
    document,
)
from causeway.destinations.core.flow import Cut, measured, pulled
from causeway.destinations.core.interface import Interface, NoSearch, StoredFile, Ticket, TicketGone
from causeway.destinations.core.placement import WHY, Landing, Place, landing
from causeway.destinations.core.settings import Look, Upload
from causeway.errors import (
    CausewayError,
    DestinationRefused,
    DestinationUnavailable,
    TemporaryError,
)
from causeway.values import Standing

_ARCHIVE: Final = "archive"
_UPLOAD: Final = "upload"


@dataclass(slots=True, kw_only=True)
class _Opened:
    """An upload in progress, as it is remembered."""

    ticket: Ticket
    sizes: list[int]
    tags: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return len(self.tags) == len(self.sizes)

    def text(self) -> str:
        return json.dumps({"ticket": asdict(self.ticket), "sizes": self.sizes, "tags": self.tags})

    @classmethod
    def of(cls, text: str) -> _Opened | None:
        try:
            found = json.loads(text)
            said = found["ticket"]
            return cls(
                ticket=Ticket(**{**said, "urls": tuple(said["urls"])}),
                sizes=list(found["sizes"]),
                tags=list(found["tags"]),
            )
        except (ValueError, KeyError, TypeError):
            return None  # of another version; begun anew


class CoreTransfer:
    """See the module's text."""

    def __init__(
        self,
        shipment: Shipment,
        interface: Interface,
        *,
        memory: Memory,
        who: str,
        upload: Upload,
        look: Look,
        trouble: Callable[[CausewayError], None] = lambda _: None,
    ) -> None:
        self._shipment = shipment
        self._interface = interface
        self._memory = memory
        self._who = who
        self._upload = upload
        self._look = look
        self._trouble = trouble
        self._uid = acquisition_uid(shipment.manifest)
        self._name = archive_name(shipment.manifest, shipment.name)
        self._number = int(shipment.manifest["parcel"]["number"])
        self._answered: StoredFile | None = None
        self._place: Place | None = None
        self._brought = False

    @property
    def reference(self) -> str:
        place = self._place
        asked = self._asked()
        group, project = (place.group, place.project) if place else (asked.group, asked.project)
        labels = self._shipment.manifest["hierarchy"]
        return "/".join(
            (group, project, labels["subject"], labels["session"], labels["acquisition"],
             self._name)
        )  # fmt: skip

    # --- sending ------------------------------------------------------------------------------

    def send(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        with self._told():
            self._send()
        for each in instances:
            yield Outcome(instance=each, standing=Standing.SENT)

    def _send(self) -> None:
        self._brought = True
        if self._is_overtaken():
            return
        archive = self._archive()
        told = document(self._shipment.manifest, archive)
        if self._upload is not Upload.DIRECT and self._sent_signed(archive, told):
            pass
        elif self._upload is Upload.SIGNED:
            raise DestinationUnavailable(
                f"{self._who} offers no signed addresses", hint='set `upload = "auto"` for it'
            )
        else:
            self._answered = self._interface.upload(
                told, archive.size, lambda: pulled(self._shipment.archive)
            )

    def commit(self) -> None:
        opened = self._opened()
        if opened is None:
            return
        # Gone, it was closed by an attempt whose end nobody heard of, or has run out: `verify`
        # finds out which.
        with self._told(), contextlib.suppress(TicketGone):
            self._answered = self._interface.close_ticket(opened.ticket, opened.tags, self._name)
        self._shipment.replace(_UPLOAD, None)

    def abort(self) -> None:
        """What was uploaded stays for the next attempt; the platform lets go of it in time."""

    def _sent_signed(self, archive: Archive, told: dict[str, Any]) -> bool:
        """Whether it went up by signed addresses; False if this core has none."""
        opened = self._opened()
        if opened is None:
            if not self._interface.offers_signed():
                return False
            ticket = self._interface.open_ticket(told)
            if ticket is None:
                return False
            opened = _Opened(ticket=ticket, sizes=_cut(archive.size, len(ticket.urls)))
            self._shipment.replace(_UPLOAD, opened.text())
        pieces = pulled(self._shipment.archive)
        try:
            cut = Cut(pieces)
            for number, (url, size) in enumerate(
                zip(opened.ticket.urls, opened.sizes, strict=True)
            ):
                part = cut.take(size)
                if number < len(opened.tags):
                    for _ in part:
                        pass
                    continue
                opened.tags.append(self._interface.put(url, opened.ticket.headers, size, part))
                self._shipment.replace(_UPLOAD, opened.text())
        except TicketGone:
            self._shipment.replace(_UPLOAD, None)
            raise
        finally:
            pieces.close()
        return True

    def _archive(self) -> Archive:
        """What goes up, as it was measured the first time."""
        size, sha384 = measured(self._shipment.archive)
        known = self._shipment.remember(_ARCHIVE, f"{size} {sha384}")
        if known != f"{size} {sha384}":
            # Another version of this program makes other bytes of the same parcel.
            self._shipment.replace(_ARCHIVE, f"{size} {sha384}")
            self._shipment.replace(_UPLOAD, None)
        return Archive(
            name=self._name, size=size, sha384=sha384, members=len(self._shipment.instances)
        )

    def _opened(self) -> _Opened | None:
        text = self._shipment.recall(_UPLOAD)
        return None if text is None else _Opened.of(text)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong, the device tells of as well."""
        try:
            yield
        except CausewayError as error:
            if not isinstance(error, TicketGone):
                self._trouble(error)
            raise

    # --- looking ------------------------------------------------------------------------------

    def verify(self, instances: Sequence[Instance]) -> Iterator[Outcome]:
        with self._told():
            standing, code, why = self._looked()
        for each in instances:
            yield Outcome(
                instance=each,
                standing=standing,
                already_there=standing is Standing.VERIFIED and not self._brought,
                code=code,
                why=why,
                reference=self._name if standing is Standing.VERIFIED else "",
            )

    def _looked(self) -> tuple[Standing, str, str]:
        if self._is_overtaken():
            return Standing.VERIFIED, "overtaken", "a newer version with all of it is there"
        known = self._shipment.recall(_ARCHIVE)
        if known is None:
            return Standing.AGAIN, "", ""
        size, sha384 = int(known.partition(" ")[0]), known.partition(" ")[2]
        file = self._found() if self._look is Look.LISTED else self._answered
        if file is None:
            if (opened := self._opened()) is not None and opened.is_complete:
                return Standing.SENT, "", ""  # uploaded, and its ticket is still open
            return Standing.AGAIN, "not_there", "the platform does not have it"
        if file.size is None and not file.sha384:
            raise TemporaryError(
                f"{self._who} tells neither size nor hash of what it stored",
                hint="such a platform cannot be delivered to with proof",
            )
        if (file.size is not None and file.size != size) or (file.sha384 and file.sha384 != sha384):
            return Standing.AGAIN, "other_bytes", "the platform has other bytes than were sent"
        self._note_version()
        where = self._landing()
        return Standing.VERIFIED, "" if where is Landing.AS_ASKED else where, WHY[where]

    def _found(self) -> StoredFile | None:
        """What the platform has now; what it answered, if it cannot be asked."""
        try:
            acquisition = self._interface.find(self._uid)
        except NoSearch:
            return self._answered
        if acquisition is None:
            return None
        self._place = acquisition.place
        return next((each for each in acquisition.files if each.name == self._name), None)

    def _landing(self) -> Landing:
        return Landing.AS_ASKED if self._place is None else landing(self._asked(), self._place)

    def _asked(self) -> Place:
        labels = self._shipment.manifest["hierarchy"]
        return Place(group=labels["group"], project=labels["project"])

    # --- versions -----------------------------------------------------------------------------

    def _is_overtaken(self) -> bool:
        newest = self._memory.recall(self._version_key)
        return newest is not None and int(newest) > self._number

    def _note_version(self) -> None:
        """Which parcel an archive's newest version is of; for those only that have several."""
        if self._number > 1 and not self._is_overtaken():
            self._memory.replace(self._version_key, str(self._number))

    @property
    def _version_key(self) -> str:
        return f"version/{self._uid}/{self._name}"


def _cut(size: int, parts: int) -> list[int]:
    """In parts of equal size, but for the last; as the platform counts them."""
    if parts < 1 or (parts > 1 and size < parts):
        raise DestinationRefused("the platform asks for more parts than there are bytes")
    each = -(-size // parts)
    return [min(each, size - start) for start in range(0, size, each)] or [0]
