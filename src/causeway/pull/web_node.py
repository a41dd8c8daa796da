"""A node that speaks DICOMweb: QIDO-RS to ask, WADO-RS to retrieve (PS3.18 10.6 and 10.4).

Answers come in pages, which are asked for until one is empty: servers stop at limits of their own
and do not always say so. A server that does not know ``offset`` shows by repeating itself.

Some servers take what is percent-encoded in a query literally (Orthanc's plugin 1.7 does), and find
nothing then. So as little as possible is encoded; and where nothing matches a value that had to be,
it is asked for without that value, and matched here.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

from causeway.attributes import Attributes
from causeway.dimse import CStoreRQ, Status
from causeway.errors import CausewayError, DestinationUnavailable, PeerError
from causeway.net import AssociationIds, ObjectSink, Sink
from causeway.pull.abilities import Abilities
from causeway.pull.contract import (
    Answer,
    AnswersIncomplete,
    Arrivals,
    Emit,
    Level,
    Query,
    QueryRefused,
    Report,
    TooManyAnswers,
    Wanted,
)
from causeway.pull.filtering import like
from causeway.pull.keys import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from causeway.pull.multipart import Begin, Data, End, FileMeta, boundary_of, file_meta, parts
from causeway.pull.plan import WebPlan
from causeway.values import Caller

PAGE: Final = 1000
"""Answers that are asked for at once."""
_JSON: Final = {"accept": "application/dicom+json"}
_FILES: Final = {"accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
_PLAIN: Final = "*?,:;@/!$'()^"
"""May stand in a query as it is (RFC 3986 3.4); the last one by usage, as it parts names."""
_ADDRESS: Final = (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID)
_KEY: Final = {Level.STUDY: _ADDRESS[0], Level.SERIES: _ADDRESS[1], Level.IMAGE: _ADDRESS[2]}


class Said(Protocol):
    """Status and headers of an answer; its body if it was read."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Web(Protocol):
    """An HTTP client with its credentials; what it raises is one of our errors."""

    def ask(self, method: str, url: str, *, headers: Mapping[str, str]) -> Said: ...

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str]
    ) -> AbstractContextManager[tuple[Said, Iterator[bytes]]]: ...


class WebSession:
    """See ``contract.Session``."""

    def __init__(self, plan: WebPlan, web: Web) -> None:
        self._plan = plan
        self._web = web

    def find(self, query: Query) -> Iterator[Answer]:
        found = False
        for attributes in self._find(query):
            found = True
            yield Answer(b"", partial(_said, attributes))
        encoded = {tag: value for tag, value in query.keys.items() if _has_to_be_encoded(value)}
        if found or not encoded:
            return
        without = Query(level=query.level, keys={**query.keys, **dict.fromkeys(encoded, "")})
        for attributes in self._find(without):
            if all(like(each, attributes.values.get(tag, ())) for tag, each in encoded.items()):
                yield Answer(b"", partial(_said, attributes))

    def _find(self, query: Query) -> Iterator[Attributes]:
        address, parameters = self._question(query)
        seen: set[str] = set()
        count = 0
        while True:
            page = self._page(address, [*parameters, ("limit", PAGE), ("offset", count)])
            fresh = [each for each in page if each.first(_KEY[query.level]) not in seen]
            if not fresh:
                return
            seen.update(each.first(_KEY[query.level]) for each in fresh)
            for attributes in fresh:
                count += 1
                if count > self._plan.limits.answers:
                    raise TooManyAnswers(f"more than {self._plan.limits.answers} answers")
                yield attributes
            if len(fresh) < len(page):
                return  # it repeats itself: there are no pages

    def _question(self, query: Query) -> tuple[str, list[tuple[str, object]]]:
        keys = dict(query.keys)
        address = self._plan.url
        places = {Level.STUDY: ["studies"], Level.SERIES: ["studies", "series"],
                  Level.IMAGE: ["studies", "series", "instances"]}[query.level]  # fmt: skip
        for place, tag in zip(places[:-1], _ADDRESS, strict=False):
            uid = keys.get(tag, "")
            if uid and "\\" not in uid:
                address += f"/{place}/{quote(uid)}"
                del keys[tag]
        address += f"/{places[-1]}"
        if query.level is not Level.STUDY:
            keys.pop(PATIENT_ID, None)  # the study says it
        parameters: list[tuple[str, object]] = []
        for tag, value in keys.items():
            if value:
                parameters.append((f"{tag:08X}", value.replace("\\", ",")))
            else:
                parameters.append(("includefield", f"{tag:08X}"))
        return address, parameters

    def _page(self, address: str, parameters: list[tuple[str, object]]) -> list[Attributes]:
        answer = self._web.ask(
            "GET", f"{address}?{urlencode(parameters, safe=_PLAIN, quote_via=quote)}", headers=_JSON
        )
        if answer.status == 204:
            return []
        if answer.status != 200:
            raise _refused(answer.status, self._plan)
        try:
            told = json.loads(answer.body) if answer.body else []
            return [_attributes(each) for each in told]
        except (ValueError, TypeError, AttributeError, KeyError):
            raise AnswersIncomplete(
                f"node {self._plan.name} answers a query with what is no DICOM JSON",
                hint="is `url` that of its DICOMweb service?",
            ) from None


def _has_to_be_encoded(value: str) -> bool:
    return quote(value.replace("\\", ","), safe=_PLAIN) != value.replace("\\", ",")


def _refused(status: int, plan: WebPlan) -> CausewayError:
    if status in (408, 429) or status >= 500:
        return AnswersIncomplete(
            f"node {plan.name} answers a query with HTTP status {status}", hint="it is asked again"
        )
    hints = {
        401: "see the credentials of the node",
        403: "its administrator has to allow us to query",
        404: "is `url` that of its DICOMweb service?",
    }
    # As C-FIND would say that it does not like the question (A900).
    return QueryRefused(
        f"node {plan.name} answers a query with HTTP status {status}",
        status=0xA900, hint=hints.get(status, "it may not know one of the attributes"),
    )  # fmt: skip


def _said(attributes: Attributes, _encoded: bytes) -> Attributes:
    return attributes


def _attributes(told: Mapping[str, Any]) -> Attributes:
    """The DICOM JSON model (PS3.18 F.2), as far as it is text and numbers."""
    values: dict[int, tuple[str, ...]] = {}
    for key, element in told.items():
        found = element.get("Value", [])
        if element.get("vr") == "SQ" or not isinstance(found, list):
            continue
        values[int(key, 16)] = tuple(_text(each) for each in found if each is not None)
    return Attributes(values=values)


def _text(value: Any) -> str:
    if isinstance(value, dict):  # a person name, in up to three groups
        groups = [value.get(each, "") for each in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    return f"{value:g}" if isinstance(value, float) else str(value)


class WebNode:
    """See ``contract.Node``."""

    def __init__(
        self,
        plan: WebPlan,
        web: Web,
        *,
        sink: Sink | None,
        emit: Emit,
        abilities: Abilities | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.abilities = abilities or Abilities()
        self._web = web
        self._sink = sink
        self._emit = emit
        self._clock = clock
        self._ids = AssociationIds()

    @contextlib.contextmanager
    def session(self) -> Iterator[WebSession]:
        yield WebSession(self.plan, self._web)

    def echo(self) -> None:
        for _ in WebSession(self.plan, self._web).find(
            Query(level=Level.STUDY, keys={STUDY_INSTANCE_UID: "0.0"})
        ):
            return

    def retrieve(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        assert self._sink is not None
        caller = Caller(
            source=self.plan.name,
            calling_ae=self.plan.name,
            called_ae="",
            address=urlsplit(self.plan.url).hostname or "",
            association=self._ids(),
        )
        receiving = _Receiving(self._sink, caller)
        report = Report(way="web")
        try:
            for address in self._addresses(wanted):
                report = self._fetch(address, receiving, arrivals)
                if report.code:
                    break
        except CausewayError as error:
            report = Report(
                way="web", code=_code_of(error), text=error.message, hint=error.hint,
                unavailable=isinstance(error, DestinationUnavailable),
            )  # fmt: skip
        finally:
            receiving.abandon()
            outcome = "released" if report.good else "aborted"
            self._sink.association_ended(caller, outcome, receiving.stored)
        return report

    def _addresses(self, wanted: Wanted) -> list[str]:
        series = (
            f"{self.plan.url}/studies/{quote(wanted.study_instance_uid)}"
            f"/series/{quote(wanted.series_instance_uid)}"
        )
        if not wanted.sop_instance_uids:
            return [series]
        return [f"{series}/instances/{quote(uid)}" for uid in wanted.sop_instance_uids]

    def _fetch(self, address: str, receiving: _Receiving, arrivals: Arrivals) -> Report:
        until = self._clock() + self.plan.limits.total_seconds
        with self._web.open("GET", address, headers=_FILES) as (answer, pieces):
            if answer.status not in (200, 206):
                return Report(
                    way="web", status=answer.status, code=f"http_{answer.status}",
                    text=f"the node answers a retrieval with HTTP status {answer.status}",
                    hint="its own log says why",
                    unavailable=answer.status in (429, 502, 503, 504),
                )  # fmt: skip
            delimiter = boundary_of(answer.headers.get("content-type", ""))
            for event in parts(pieces, delimiter):
                receiving.take(event)
                if arrivals.cancelled() or self._clock() > until:
                    return Report(
                        way="web", code="timeout", completed=receiving.stored,
                        text="the retrieval took too long, and was given up",
                        hint="see total_seconds of the node",
                    )  # fmt: skip
        return Report(
            way="web", status=answer.status, completed=receiving.stored, failed=receiving.refused
        )


class _Receiving:
    """Parts on their way into a sink, one object after the other."""

    def __init__(self, sink: Sink, caller: Caller) -> None:
        self._sink = sink
        self._caller = caller
        self._head = b""
        self._object: ObjectSink | None = None
        self._status: int | None = None
        """Of an object that is not taken; its bytes are dropped."""
        self._number = 0
        self.stored = 0
        self.refused = 0

    def take(self, event: Begin | Data | End) -> None:
        match event:
            case Begin():
                self._head, self._object, self._status = b"", None, None
            case Data(data=data) if self._object is not None:
                self._object.write(memoryview(data))
            case Data(data=data) if self._status is None:
                self._head += data
                meta = file_meta(self._head)
                if meta is not None:
                    self._begin(meta)
            case End():
                self._end()

    def _begin(self, meta: FileMeta) -> None:
        self._number += 1
        request = CStoreRQ(
            message_id=self._number % 0xFFFF + 1,
            affected_sop_class_uid=meta.sop_class_uid,
            affected_sop_instance_uid=meta.sop_instance_uid,
        )
        begun = self._sink.begin(self._caller, request, meta.transfer_syntax_uid)
        if isinstance(begun, int):
            self._status = begun
            return
        self._object = begun
        rest, self._head = self._head[meta.size :], b""
        if rest:
            begun.write(memoryview(rest))

    def _end(self) -> None:
        sink, self._object = self._object, None
        status = self._status if sink is None else sink.finish()
        good = status is not None and (status == Status.SUCCESS or status >> 12 == 0xB)
        self.stored += good
        self.refused += not good

    def abandon(self) -> None:
        """What is under way will not become whole."""
        sink, self._object = self._object, None
        if sink is not None:
            sink.abort()


def _code_of(error: CausewayError) -> str:
    return "unreachable" if isinstance(error, DestinationUnavailable | PeerError) else "broken"
