"""A DICOMweb service that is strict about what it is sent, and keeps it in memory.

STOW-RS, QIDO-RS and WADO-RS (PS3.18, sections 10.4 to 10.6), as far as a sender asks for them.
Besides the faults of its base it has the habits of particular servers, each a switch: keeping what
it has under a UID and refusing other bytes, or nothing at all; refusing a batch for one bad member;
taking no implicit VR; answering in XML; claiming to have stored what it has not.
"""

from __future__ import annotations

import dataclasses
import json
import re
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from causeway.testing.http_peer import HttpPeer, Reply, Request
from causeway.testing.multipart_reading import BadMultipart, parts

IMPLICIT = "1.2.840.10008.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One stored instance."""

    sop_class: str
    sop_instance: str
    study: str
    series: str
    syntax: str
    file: bytes = field(repr=False)


class NoFile(ValueError):
    """Not a DICOM file."""


class DicomWebPeer(HttpPeer):
    """See the module's text."""

    def __init__(
        self,
        *,
        root: str = "/dicom-web",
        token: str = "",
        answers_in_xml: bool = False,
        keeps_first: str = "",
        all_or_nothing: bool = False,
        explicit_only: bool = False,
        most_bytes: int = 0,
        loses: bool = False,
        lists_late: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.root = root
        self.service = f"{self.url}{root}"
        self.token = token
        """Bearer token that is asked for."""
        self.answers_in_xml = answers_in_xml
        self.keeps_first = keeps_first
        """``other``: other bytes under a UID are refused; ``any``: every repetition is."""
        self.all_or_nothing = all_or_nothing
        self.explicit_only = explicit_only
        self.most_bytes = most_bytes
        self.loses = loses
        """It says that it stored, and did not."""
        self.rots = False
        """The last byte that it stores of an instance is another."""
        self.page = 1000
        """Most instances that one answer lists, however many are asked for."""
        self.lists_late = lists_late
        """So many searches do not find what was stored yet."""
        self.refusals: dict[str, int] = {}
        """Failure reasons, by SOP Instance UID."""
        self.kept: dict[str, Kept] = {}
        self.complaints: list[str] = []
        self._state = threading.Lock()

    def respond(self, request: Request) -> Reply:
        with self._state:
            if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
                return Reply(status=401, headers={"www-authenticate": "Bearer"})
            if not request.path.startswith(f"{self.root}/studies"):
                return Reply(status=404)
            place = request.path.removeprefix(f"{self.root}/studies").strip("/").split("/")
            if request.method == "POST" and place == [""]:
                return self._store(request)
            if request.method != "GET":
                return Reply(status=405)
            match place:
                case [""]:
                    return self._search(request, lambda _: True)
                case [study, "series", series]:
                    return self._retrieve(study, series)
                case [study, "series", series, "instances"]:
                    return self._search(
                        request, lambda each: (each.study, each.series) == (study, series)
                    )
                case [study, "series", series, "instances", uid]:
                    return self._retrieve(study, series, uid)
                case _:
                    return Reply(status=404)

    # --- storing ------------------------------------------------------------------------------

    def _store(self, request: Request) -> Reply:
        content_type = request.headers.get("content-type", "")
        if "content-length" not in request.headers:
            self.complaints.append("a body without its length")
        if 'type="application/dicom"' not in content_type:
            return Reply(status=415)
        if self.most_bytes and len(request.body) > self.most_bytes:
            return Reply(status=413)
        try:
            found = parts(request.body, content_type, "related")
        except BadMultipart as error:
            self.complaints.append(str(error))
            return Reply(status=400)
        files: list[Kept] = []
        unreadable = 0
        for headers, content in found:
            if headers.get("content-type") != "application/dicom":
                self.complaints.append("a part that is no application/dicom")
            try:
                files.append(read(content))
            except NoFile:
                unreadable += 1
        if self.all_or_nothing and (
            unreadable or any(each.sop_instance in self.refusals for each in files)
        ):
            return Reply(status=400)
        good: list[tuple[Kept, int | None]] = []
        bad: list[tuple[Kept, int]] = []
        for each in files:
            reason = self._reason(each)
            if reason is not None:
                bad.append((each, reason))
                continue
            good.append((each, None))
            if self.rots:
                rotten = each.file[:-1] + bytes((each.file[-1] ^ 1,))
                each = dataclasses.replace(each, file=rotten)
            if not self.loses:
                self.kept[each.sop_instance] = each
        status = 200 if not bad and not unreadable else 202 if good else 409
        if unreadable and not files:
            status = 400
        return self._answer(status, good, bad)

    def _reason(self, file: Kept) -> int | None:
        if file.sop_instance in self.refusals:
            return self.refusals[file.sop_instance]
        if self.explicit_only and file.syntax == IMPLICIT:
            return 0xC122
        older = self.kept.get(file.sop_instance)
        if older is not None and self.keeps_first == "any":
            return 0xB00E
        if older is not None and self.keeps_first == "other" and older.file != file.file:
            return 0x0110
        return None

    def _answer(
        self, status: int, good: list[tuple[Kept, int | None]], bad: list[tuple[Kept, int]]
    ) -> Reply:
        def named(file: Kept) -> dict[str, Any]:
            return {
                "00081150": {"vr": "UI", "Value": [file.sop_class]},
                "00081155": {"vr": "UI", "Value": [file.sop_instance]},
            }

        said: dict[str, Any] = {}
        if good:
            said["00081199"] = {"vr": "SQ", "Value": [named(each) for each, _ in good]}
        if bad:
            said["00081198"] = {
                "vr": "SQ",
                "Value": [
                    {**named(each), "00081197": {"vr": "US", "Value": [reason]}}
                    for each, reason in bad
                ],
            }
        if self.answers_in_xml:
            return Reply(
                status=status, headers={"content-type": "application/dicom+xml"}, body=xml(said)
            )
        return Reply(
            status=status,
            headers={"content-type": "application/dicom+json"},
            body=json.dumps(said).encode(),
        )

    # --- looking ------------------------------------------------------------------------------

    def _search(self, request: Request, belongs: Any) -> Reply:
        if self.lists_late:
            self.lists_late -= 1
            return Reply(status=204)
        wanted = request.query.get("SOPInstanceUID")
        found = [
            each
            for each in self.kept.values()
            if belongs(each) and (wanted is None or each.sop_instance == wanted)
        ]
        start = int(request.query.get("offset", 0))
        found = found[start : start + min(int(request.query.get("limit", 1000)), self.page)]
        if not found:
            return Reply(status=204)
        listed = [{"00080018": {"vr": "UI", "Value": [each.sop_instance]}} for each in found]
        return Reply(
            headers={"content-type": "application/dicom+json"}, body=json.dumps(listed).encode()
        )

    def _retrieve(self, study: str, series: str, uid: str = "") -> Reply:
        """One instance, or all of a series."""
        found = [
            each.file
            for each in self.kept.values()
            if (each.study, each.series) == (study, series) and uid in ("", each.sop_instance)
        ]
        if not found:
            return Reply(status=404)
        body = b"".join(
            b"\r\n--of-the-peer\r\nContent-Type: application/dicom\r\n\r\n" + file for file in found
        )
        kind = 'multipart/related; type="application/dicom"; boundary=of-the-peer'
        return Reply(headers={"content-type": kind}, body=body[2:] + b"\r\n--of-the-peer--")


def read(content: bytes) -> Kept:
    """What a file is. Raises ``NoFile``."""
    from io import BytesIO

    import pydicom

    try:
        found = pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
        return Kept(
            sop_class=str(found.SOPClassUID),
            sop_instance=str(found.SOPInstanceUID),
            study=str(found.StudyInstanceUID),
            series=str(found.SeriesInstanceUID),
            syntax=str(found.file_meta.TransferSyntaxUID),
            file=content,
        )
    except Exception as error:  # noqa: BLE001 - garbage fails in many ways
        raise NoFile(type(error).__name__) from None


def xml(data_set: Mapping[str, Any]) -> bytes:
    """The native DICOM model (PS3.19, A.1)."""

    def attributes(found: Mapping[str, Any]) -> str:
        return "".join(
            f'<DicomAttribute tag="{tag}" vr="{element["vr"]}">'
            + "".join(
                f'<Item number="{n}">{attributes(value)}</Item>'
                if isinstance(value, dict)
                else f'<Value number="{n}">{escape(str(value))}</Value>'
                for n, value in enumerate(element["Value"], 1)
            )
            + "</DicomAttribute>"
            for tag, element in found.items()
        )

    name = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
    text = f'<NativeDicomModel xmlns="{name}">{attributes(data_set)}</NativeDicomModel>'
    return re.sub(r"\s+$", "", text).encode()
