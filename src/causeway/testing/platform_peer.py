"""A research platform's upload interface, strict about all that it is sent.

The interface of the Flywheel core as connectors use it: direct upload by form, upload by signed
addresses in one piece or in parts, placement by UID with its fallbacks, devices and their
heartbeat. It follows what is publicly known of it; where that leaves doubt it takes the stricter
reading. Every request that a real core would stumble over is answered with 4xx and noted in
``complaints``.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import re
import ssl
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from causeway.testing.http_peer import HttpPeer, Reply, Request, json_reply
from causeway.testing.multipart_reading import BadMultipart, parts

UNKNOWN_GROUP, UNSORTED = "unknown", "Unsorted"


class Refused(Exception):
    """The request is answered with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass
class StoredFile:
    name: str
    content: bytes = field(repr=False)
    facts: dict[str, Any]
    version: int = 1

    def record(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "size": len(self.content),
            "type": self.facts.get("type"),
            "hash": f"v0-sha384-{hashlib.sha384(self.content).hexdigest()}",
            "version": self.version,
            "zip_member_count": self.facts.get("zip_member_count"),
            "origin": {"type": "device", "id": "connector"},
        }


@dataclass
class Container:
    """A session or an acquisition."""

    id: str
    uid: str
    fields: dict[str, Any]
    group: str
    project: str
    session: str = ""
    files: dict[str, StoredFile] = field(default_factory=dict)


@dataclass
class Ticket:
    id: str
    metadata: dict[str, Any]
    filename: str
    slots: int
    uploaded: dict[int, bytes] = field(default_factory=dict)
    done: bool = False


@dataclass
class Device:
    key: str
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    last_seen: float = 0.0

    def status(self, now: float) -> str:
        if self.facts.get("errors"):
            return "error"
        interval = self.facts.get("interval")
        if not interval:
            return "unknown"
        return "missing" if now - self.last_seen > interval else "ok"


class PlatformPeer(HttpPeer):
    """See the module's text."""

    def __init__(
        self,
        *,
        keys: Mapping[str, str] = {"scitran-user": "secret-key", "Bearer": "secret-key"},
        device_secret: str = "shared-secret",  # noqa: S107
        groups: Mapping[str, tuple[str, ...]] = {"neuro": ("Amnesia",)},
        signed: bool = False,
        part_bytes: int = 0,
        finds: bool = True,
        any_bearer: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.keys = dict(keys)
        self.device_secret = device_secret
        self.groups = {name: list(projects) for name, projects in groups.items()}
        self.groups.setdefault(UNKNOWN_GROUP, [UNSORTED])
        self.signed = signed
        self.part_bytes = part_bytes
        """Above 0, files larger than this go up in parts."""
        self.rots = False
        """What it stores is not what it was sent."""
        self.loses = False
        """It says that it stored, and did not."""
        self.any_bearer = any_bearer
        """Whether it takes whatever token an issuer has given."""
        self.finds = finds
        """Whether it can be searched."""
        self.sessions: dict[str, Container] = {}
        self.acquisitions: dict[str, Container] = {}
        self.tickets: dict[str, Ticket] = {}
        self.devices: dict[str, Device] = {}
        self.complaints: list[str] = []
        self.beats: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._state = threading.RLock()

    # --- what a person does over there --------------------------------------------------------

    def move_session(self, uid: str, group: str, project: str) -> None:
        """As a person does by hand; what belongs to it goes along."""
        with self._state:
            moved = self.sessions[uid]
            moved.group, moved.project = group, project
            for each in self.acquisitions.values():
                if each.session == uid:
                    each.group, each.project = group, project

    def file(self, acquisition_uid: str, name: str) -> StoredFile:
        return self.acquisitions[acquisition_uid].files[name]

    def files(self) -> dict[tuple[str, str], bytes]:
        """By acquisition and name."""
        return {
            (uid, name): file.content
            for uid, acquisition in self.acquisitions.items()
            for name, file in acquisition.files.items()
        }

    # --- requests -----------------------------------------------------------------------------

    def respond(self, request: Request) -> Reply:
        with self._state:
            try:
                return self._answer(request)
            except Refused as refusal:
                if refusal.status not in (401, 404, 405):
                    self.complaints.append(refusal.why)
                return json_reply({"message": refusal.why}, status=refusal.status)

    def _answer(self, request: Request) -> Reply:
        method, path = request.method, request.path
        if path.startswith("/storage/"):
            return self._storage(request)
        if path == "/api/config":
            return json_reply(
                {"features": {"signed_url": self.signed, "multipart_signed_url": self.signed}}
            )
        if path == "/api/devices/self":
            return self._device(request)
        self._authenticate(request)
        if path == "/api/upload/reaper" and method == "POST":
            return self._upload(request)
        if path == "/api/acquisitions" and method == "GET":
            return self._find(request)
        if path.startswith("/api/acquisitions/") and method == "GET":
            return self._acquisition(path.removeprefix("/api/acquisitions/"))
        if path.startswith("/api/projects/") and method == "GET":
            group, _, label = path.removeprefix("/api/projects/").partition("~")
            return json_reply({"_id": path.rpartition("/")[2], "group": group, "label": label})
        raise Refused(404, "no such thing")

    def _authenticate(self, request: Request) -> Device | None:
        headers = request.headers
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme and (self.keys.get(scheme) == key or (self.any_bearer and scheme == "Bearer")):
            return None
        for device in self.devices.values():
            if scheme == "scitran-user" and device.key == key:
                device.last_seen = time.time()
                device.facts.pop("errors", None)
                return device
        if "x-scitran-auth" in headers and headers["x-scitran-auth"] == self.device_secret:
            name, kind = headers.get("x-scitran-name"), headers.get("x-scitran-method")
            if not name or not kind:
                raise Refused(400, "a device tells its name and its method")
            device = self.devices.setdefault(
                name, Device(key=f"device-key-{next(self._ids)}", name=name)
            )
            device.last_seen = time.time()
            return device
        raise Refused(401, "invalid credentials")

    def _device(self, request: Request) -> Reply:
        device = self._authenticate(request)
        if device is None:
            raise Refused(403, "only devices have a self")
        if request.method == "GET":
            return json_reply({"_id": device.name, "label": device.name, "key": device.key})
        if request.method != "PUT":
            raise Refused(405, "not so")
        said = self._json(request.body)
        if not set(said) <= {"type", "version", "interval", "errors", "info"}:
            raise Refused(400, f"unknown fields of a device: {sorted(said)}")
        if said.get("type") not in ("reaper", "importer"):
            raise Refused(400, "a device is a reaper or an importer")
        if not isinstance(said.get("interval"), int) or not isinstance(said.get("errors"), list):
            raise Refused(400, "an interval in seconds and a list of errors are asked for")
        device.facts = said
        self.beats.append(said)
        return json_reply({"_id": device.name})

    def _upload(self, request: Request) -> Reply:
        unknown = set(request.query) - {"ticket", "uid_placement", "preserve_metadata"}
        if unknown:
            raise Refused(400, f"unknown parameters {sorted(unknown)}")
        ticket = request.query.get("ticket")
        if ticket is None:
            return self._direct(request)
        if not self.signed:
            raise Refused(405, "no signed addresses here")
        if ticket == "":
            return self._open_ticket(request)
        return self._close_ticket(request, ticket)

    def _direct(self, request: Request) -> Reply:
        if "content-length" not in request.headers:
            raise Refused(411, "a length is asked for")
        try:
            found = parts(request.body, request.headers.get("content-type", ""), "form-data")
        except BadMultipart as error:
            raise Refused(400, f"bad form: {error}") from None
        metadata: dict[str, Any] | None = None
        files: dict[str, bytes] = {}
        for headers, content in found:
            disposition = _disposition(headers.get("content-disposition", ""))
            if disposition.get("name") == "metadata":
                metadata = self._json(content)
            elif "filename" in disposition:
                files[disposition["filename"]] = content
            else:
                raise Refused(400, "a part that is neither metadata nor a file")
        if metadata is None:
            raise Refused(400, "no metadata")
        listed = self._checked(metadata)
        kept = {name: content for name, content in files.items() if name in listed}
        if dropped := set(files) - set(kept):
            self.complaints.append(f"{len(dropped)} files that the metadata does not list")
        if not kept:
            raise Refused(400, "no files")
        return json_reply([self._place(metadata, name, c).record() for name, c in kept.items()])

    def _open_ticket(self, request: Request) -> Reply:
        said = self._json(request.body)
        if set(said) != {"metadata", "filenames"} or not isinstance(said["filenames"], list):
            raise Refused(400, "metadata and filenames are asked for, nothing else")
        listed = self._checked(said["metadata"])
        if len(said["filenames"]) != 1 or said["filenames"][0] not in listed:
            raise Refused(400, "filenames that the metadata does not list")
        name = said["filenames"][0]
        size = listed[name].get("size")
        if not isinstance(size, int):
            raise Refused(400, "the size of a file that is signed for")
        slots = -(-size // self.part_bytes) if self.part_bytes and size > self.part_bytes else 0
        if slots and "multipart_signed_url" not in request.headers.get("x-accept-feature", ""):
            slots = 0
        ticket = Ticket(
            id=f"ticket-{next(self._ids)}", metadata=said["metadata"], filename=name, slots=slots
        )
        self.tickets[ticket.id] = ticket
        base = f"{self.url}/storage/{ticket.id}"
        return json_reply(
            {
                "ticket": ticket.id,
                "urls": {name: [f"{base}/{n}" for n in range(slots)] if slots else f"{base}/0"},
                "headers": {"x-storage-class": "standard"},
                **({"upload_id": f"upload-of-{ticket.id}"} if slots else {}),
            }
        )

    def _storage(self, request: Request) -> Reply:
        _, _, ticket_id, slot = request.path.split("/")
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket.done:
            raise Refused(403, "the address has expired")
        if request.method != "PUT":
            raise Refused(405, "only PUT is signed for")
        if "authorization" in request.headers:
            raise Refused(400, "a signed address takes no other credentials")
        if "content-length" not in request.headers:
            raise Refused(411, "a length is asked for")
        if request.headers.get("x-storage-class") != "standard":
            raise Refused(403, "a signed header is missing")
        ticket.uploaded[int(slot)] = request.body
        tag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        return Reply(headers={"etag": f'"{tag}"'})

    def _close_ticket(self, request: Request, ticket_id: str) -> Reply:
        ticket = self.tickets.get(ticket_id)
        if ticket is None:
            raise Refused(404, "no such ticket")
        content = b"".join(ticket.uploaded[slot] for slot in sorted(ticket.uploaded))
        if len(ticket.uploaded) != max(ticket.slots, 1):
            raise Refused(409, "not all of it was uploaded")
        said = self._json(request.body) if request.body else {}
        if ticket.slots:
            told = said.get("multipart", {})
            tags = [
                f'"{hashlib.md5(ticket.uploaded[n], usedforsecurity=False).hexdigest()}"'
                for n in sorted(ticket.uploaded)
            ]
            if told.get("upload_id") != f"upload-of-{ticket.id}":
                raise Refused(400, "upload_id is not the one that was given")
            if told.get("e_tags") != tags:
                raise Refused(400, "e_tags are not those that were answered")
        elif said:
            raise Refused(400, "there are no parts to complete")
        size = self._checked(ticket.metadata)[ticket.filename]["size"]
        if len(content) != size:
            raise Refused(400, f"{len(content)} bytes came where {size} were announced")
        ticket.done = True
        return json_reply([self._place(ticket.metadata, ticket.filename, content).record()])

    # --- placing ------------------------------------------------------------------------------

    def _checked(self, metadata: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The files that a document lists. Raises ``Refused`` for what a core would refuse."""
        for level, field_name in (
            ("group", "_id"), ("project", "label"), ("session", "uid"), ("acquisition", "uid"),
        ):  # fmt: skip
            value = metadata.get(level, {}).get(field_name)
            if not isinstance(value, str) or (not value and level in ("session", "acquisition")):
                raise Refused(400, f"{level}.{field_name} is asked for")
        if unknown := set(metadata) - {"group", "project", "session", "acquisition"}:
            raise Refused(400, f"unknown levels {sorted(unknown)}")
        subject = metadata["session"].get("subject", {})
        if not subject.get("label"):
            raise Refused(400, "session.subject.label is asked for")
        if subject.get("sex") not in (None, "male", "female", "other", "unknown"):
            raise Refused(400, "a sex that is none")
        age = metadata["session"].get("age")
        if age is not None and (not isinstance(age, int) or age < 0):
            raise Refused(400, "an age is whole seconds")
        for level in ("session", "acquisition"):
            stamp, zone = metadata[level].get("timestamp"), metadata[level].get("timezone")
            if stamp is not None and ("T" not in stamp or stamp[-6] not in "+-" or not zone):
                raise Refused(400, "a timestamp has an offset, and a zone beside it")
        listed = {each["name"]: each for each in metadata["acquisition"].get("files", ())}
        if not listed:
            raise Refused(400, "no files are listed")
        return listed

    def _place(self, metadata: dict[str, Any], name: str, content: bytes) -> StoredFile:
        facts = self._checked(metadata)[name]
        if facts.get("size", len(content)) != len(content):
            raise Refused(400, "the size of a file is not what its metadata says")
        if (count := facts.get("zip_member_count")) is not None:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if archive.testzip() is not None or len(archive.namelist()) != count:
                    raise Refused(400, "zip_member_count is wrong")
        session_uid = metadata["session"]["uid"]
        uid = metadata["acquisition"]["uid"]
        acquisition = self.acquisitions.get(uid)
        if acquisition is None:
            session = self.sessions.get(session_uid)
            if session is None:
                group, project = self._where(metadata["group"]["_id"], metadata["project"]["label"])
                session = Container(
                    id=f"{next(self._ids):024x}", uid=session_uid, fields=metadata["session"],
                    group=group, project=project,
                )  # fmt: skip
                self.sessions[session_uid] = session
            acquisition = Container(
                id=f"{next(self._ids):024x}", uid=uid, fields=metadata["acquisition"],
                group=session.group, project=session.project, session=session_uid,
            )  # fmt: skip
            self.acquisitions[uid] = acquisition
        older = acquisition.files.get(name)
        stored = StoredFile(
            name=name, content=content, facts=facts, version=older.version + 1 if older else 1
        )
        if self.rots:
            stored.content = content[:50] + bytes((content[50] ^ 1,)) + content[51:]
        if not self.loses:
            acquisition.files[name] = stored
        return stored

    def _where(self, group: str, project: str) -> tuple[str, str]:
        known = {each.lower(): each for each in self.groups}
        found = known.get(group.lower())
        if not group or found is None:
            return UNKNOWN_GROUP, UNSORTED
        projects = {each.lower(): each for each in self.groups[found]}
        return found, projects.get(project.lower(), UNSORTED)

    # --- searching ----------------------------------------------------------------------------

    def _find(self, request: Request) -> Reply:
        if not self.finds:
            raise Refused(404, "no search here")
        name, _, value = request.query.get("filter", "").partition("=")
        if name != "uid":
            raise Refused(422, "only uid can be searched for here")
        found = self.acquisitions.get(value)
        return json_reply([] if found is None else [self._shown(found, files=False)])

    def _acquisition(self, identifier: str) -> Reply:
        for each in self.acquisitions.values():
            if each.id == identifier:
                return json_reply(self._shown(each, files=True))
        raise Refused(404, "no such acquisition")

    def _shown(self, acquisition: Container, *, files: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "_id": acquisition.id,
            "uid": acquisition.uid,
            "label": acquisition.fields.get("label"),
            "parents": {
                "group": acquisition.group,
                "project": f"{acquisition.group}~{acquisition.project}",
                "session": self.sessions[acquisition.session].id,
            },
        }
        if files:
            shown["files"] = [each.record() for each in acquisition.files.values()]
        return shown

    def _json(self, body: bytes) -> dict[str, Any]:
        try:
            found = json.loads(body)
        except ValueError:
            raise Refused(400, "not JSON") from None
        if not isinstance(found, dict):
            raise Refused(400, "not an object")
        return found


def _disposition(text: str) -> dict[str, str]:
    """RFC 7578, with quotes in names as browsers write them."""
    if not text.startswith("form-data;"):
        raise Refused(400, "a part of a form says form-data")
    return {name: value.replace("%22", '"') for name, value in re.findall(r'(\w+)="([^"]*)"', text)}
