"""The platform's interface, request by request: nothing is decided here.

What is said about it publicly, and where it differs between versions, is told in
``docs/howto/deliver-to-core.md``. Credentials go to the platform alone; the signed addresses that
it gives lead to its storage and carry their own.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from causeway.destinations.core.placement import Place
from causeway.destinations.http import (
    Answer,
    Body,
    HttpClient,
    Part,
    Pieces,
    in_memory,
    multipart,
    new_boundary,
    part_in_memory,
)
from causeway.errors import DestinationUnavailable, TemporaryError

FEATURES: Final = {"x-accept-feature": "multipart_signed_url, pagination"}
_SIGNED: Final = ("signed_url", "multiproject", "multipart_signed_url")
_NOT_OFFERED: Final = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An upload that the platform has opened."""

    id: str = field(repr=False)
    urls: tuple[str, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    in_parts: bool
    upload_id: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as the platform tells of it."""

    name: str = field(repr=False)
    size: int | None
    sha384: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAcquisition:
    id: str = field(repr=False)
    files: tuple[StoredFile, ...]
    place: Place | None


class TicketGone(TemporaryError):
    """An upload that was opened earlier cannot be gone on with."""


class NoSearch(Exception):
    """An acquisition cannot be asked for by its UID here."""


class Interface:
    """Requests to one core."""

    def __init__(self, client: HttpClient, url: str) -> None:
        self._client = client
        self._url = url

    def offers_signed(self) -> bool:
        answer = self._client.ask("GET", f"{self._url}/config")
        if answer.status in _NOT_OFFERED:
            return False
        features = _object(self._succeeded(answer)).get("features")
        return isinstance(features, dict) and any(features.get(name) for name in _SIGNED)

    def upload(self, document: Mapping[str, Any], size: int, pieces: Pieces) -> StoredFile | None:
        """Directly, as a form."""
        name = document["acquisition"]["files"][0]["name"]
        body = multipart(
            [
                part_in_memory(
                    _text(document),
                    ("Content-Disposition", 'form-data; name="metadata"'),
                    ("Content-Type", "application/json"),
                ),
                Part(
                    headers=(
                        (
                            "Content-Disposition",
                            f'form-data; name="file"; filename="{_in_quotes(name)}"',
                        ),
                        ("Content-Type", "application/zip"),
                    ),
                    size=size,
                    pieces=pieces,
                ),
            ],
            content_type="multipart/form-data",
            boundary=new_boundary(),
        )
        answer = self._client.ask("POST", f"{self._url}/upload/reaper", body=body)
        return _first(_files(_parsed(self._succeeded(answer))), name)

    def open_ticket(self, document: Mapping[str, Any]) -> Ticket | None:
        """Ask for signed addresses; None if this core has none after all."""
        name = document["acquisition"]["files"][0]["name"]
        answer = self._client.ask(
            "POST",
            f"{self._url}/upload/reaper?ticket=",
            headers=FEATURES,
            body=_json({"metadata": document, "filenames": [name]}),
        )
        if answer.status in _NOT_OFFERED or (answer.is_success and not answer.body.strip()):
            return None
        said = _object(self._succeeded(answer))
        if not said.get("ticket"):
            return None
        found = said.get("urls", {}).get(name)
        urls = found if isinstance(found, list) else [found]
        if not urls or not all(isinstance(each, str) for each in urls):
            raise TemporaryError(f"{self._client.who} gave no address to upload to")
        for each in urls:
            self._must_be_as_safe(each)
        return Ticket(
            id=str(said["ticket"]),
            urls=tuple(urls),
            headers={str(k): str(v) for k, v in (said.get("headers") or {}).items()},
            in_parts=isinstance(found, list),
            upload_id=str(said.get("upload_id") or ""),
        )

    def put(self, url: str, headers: Mapping[str, str], size: int, part: Iterator[bytes]) -> str:
        """Bring bytes to a signed address; the ETag that comes back."""
        content_type = headers.get("content-type", "application/octet-stream")
        answer = self._client.ask(
            "PUT",
            url,
            headers=headers,
            body=Body(content_type=content_type, size=size, pieces=lambda: part),
            authenticate=False,
            judge_401=False,
        )
        if answer.status in (400, 401, 403, 404, 410):
            raise TicketGone(f"the storage of {self._client.who} does not take it any more")
        return self._succeeded(answer).headers.get("etag", "")

    def close_ticket(self, ticket: Ticket, tags: Sequence[str], name: str) -> StoredFile | None:
        told: dict[str, Any] = {}
        if ticket.in_parts:
            told = {"multipart": {"e_tags": list(tags), "upload_id": ticket.upload_id}}
        answer = self._client.ask(
            "POST",
            f"{self._url}/upload/reaper?ticket={urllib.parse.quote(ticket.id, safe='')}",
            headers=FEATURES,
            body=_json(told) if told else in_memory(b"", "application/json"),
        )
        if answer.status in (400, 404, 409, 410):
            raise TicketGone(f"{self._client.who} does not know the upload any more")
        return _first(_files(_parsed(self._succeeded(answer))), name)

    def find(self, uid: str) -> StoredAcquisition | None:
        """The acquisition of a UID, if there is one. Raises ``NoSearch``."""
        query = urllib.parse.urlencode({"filter": f"uid={uid}", "exhaustive": "true"})
        answer = self._client.ask("GET", f"{self._url}/acquisitions?{query}", headers=FEATURES)
        if answer.status in _NOT_OFFERED or answer.status == 422:
            raise NoSearch
        found = _parsed(self._succeeded(answer))
        listed = found.get("results", []) if isinstance(found, dict) else found
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and each.get("uid") == uid and each.get("_id"):
                return self._acquisition(str(each["_id"]))
        return None

    def _acquisition(self, identifier: str) -> StoredAcquisition | None:
        place = f"{self._url}/acquisitions/{urllib.parse.quote(identifier, safe='')}"
        answer = self._client.ask("GET", place)
        if answer.status == 404:
            return None
        said = _object(self._succeeded(answer))
        return StoredAcquisition(
            id=identifier, files=_files(said.get("files")), place=self._place(said)
        )

    def _place(self, acquisition: Mapping[str, Any]) -> Place | None:
        parents = acquisition.get("parents")
        if not isinstance(parents, dict) or not parents.get("project"):
            return None
        project = urllib.parse.quote(str(parents["project"]), safe="")
        answer = self._client.ask("GET", f"{self._url}/projects/{project}")
        if not answer.is_success:
            return None  # a device need not be allowed to read it; the upload is no worse for that
        said = _object(answer)
        return Place(group=str(parents.get("group", "")), project=str(said.get("label", "")))

    # --- devices ------------------------------------------------------------------------------

    def greet(self) -> str:
        """Tell who we are; the key that this device has, if the core gives one."""
        said = _object(self._succeeded(self._client.ask("GET", f"{self._url}/devices/self")))
        return str(said.get("key") or "")

    def beat(self, said: Mapping[str, Any]) -> None:
        self._client.demand("PUT", f"{self._url}/devices/self", body=_json(said))

    # ------------------------------------------------------------------------------------------

    def _succeeded(self, answer: Answer) -> Answer:
        if not answer.is_success:
            raise self._client.failure(answer)
        return answer

    def _must_be_as_safe(self, url: str) -> None:
        """Images that go to the platform by TLS go to its storage by TLS."""
        if self._url.startswith("https:") and not url.startswith("https:"):
            raise DestinationUnavailable(
                f"{self._client.who} gave an address without TLS to upload to",
                hint="its storage has to be reached by https; tell its operators",
            )


def _json(value: Mapping[str, Any]) -> Body:
    return in_memory(_text(value), "application/json")


def _text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _in_quotes(name: str) -> str:
    """As browsers write it (HTML, multipart/form-data encoding algorithm)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _parsed(answer: Answer) -> Any:
    try:
        return json.loads(answer.body) if answer.body.strip() else None
    except (ValueError, RecursionError):
        raise TemporaryError("the platform's answer is not JSON") from None


def _object(answer: Answer) -> Mapping[str, Any]:
    found = _parsed(answer)
    return found if isinstance(found, dict) else {}


def _files(found: Any) -> tuple[StoredFile, ...]:
    listed = found if isinstance(found, list) else [found]
    return tuple(
        StoredFile(
            name=str(each["name"]),
            size=each["size"] if isinstance(each.get("size"), int) else None,
            sha384=_sha384(str(each.get("hash") or "")),
        )
        for each in listed
        if isinstance(each, dict) and each.get("name")
    )


def _sha384(text: str) -> str:
    """``v0-sha384-…``; empty for another kind of hash."""
    version, _, rest = text.partition("-")
    kind, _, digest = rest.partition("-")
    return digest.lower() if version == "v0" and kind == "sha384" else ""


def _first(files: Sequence[StoredFile], name: str) -> StoredFile | None:
    return next((each for each in files if each.name == name), None)
