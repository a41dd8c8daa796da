"""A node for queries and retrievals that misbehaves by script, built on pynetdicom.

It has an archive in memory, which a test may change at any time, as it may its manners: every
attribute of ``Manners`` is one thing that real nodes do wrong. By default it does all as it should.
It tells what it was asked, in ``asked``.
"""

from __future__ import annotations

import fnmatch
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from causeway.testing.phantom import make_instance, make_uid

VERIFICATION = "1.2.840.10008.1.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
STORAGE = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4")
"""CT and MR."""
MATCHED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber",
           "PatientID", "Modality", "StudyDescription")  # fmt: skip


@dataclass(slots=True)
class Manners:
    """What it does wrong."""

    refuses: bool = False
    """Rejects associations."""
    find_status: int = 0
    """Fails each query with it, after the answers."""
    answers_empty: bool = False
    """Answers each query with success and nothing else, as some do when their database is away."""
    breaks_off_after: int = -1
    """Aborts the association after so many answers."""
    refuses_level: str = ""
    """Fails queries of that level with A900."""
    without: tuple[str, ...] = ()
    """Leaves these keys out of answers, at every level."""
    without_at_series: tuple[str, ...] = ()
    empty_at_series: tuple[str, ...] = ()
    """Has these keys in answers at the level of series, without a value."""
    cap: int = 0
    """Stops after so many answers, and says that this was all."""
    counts_more: int = 0
    """Counts so many images more than it has, in each series."""
    seconds_an_answer: float = 0.0
    drops: int = 0
    """Leaves out so many images of each retrieval, and says that all is well."""
    fails_images: int = 0
    """So many images of each retrieval cannot be sent, and it says so."""
    knows_destination: bool = True
    seconds_an_image: float = 0.0
    stops_after: int = -1
    """Says nothing more after so many images of a retrieval, for ever."""
    pends: bool = False
    """Sends the first image over and over, and never comes to an end."""
    sends_unasked: bool = False
    """Sends another series along, that nobody asked for."""
    during_retrieval: Callable[[], None] | None = None
    """Called after the first image of a retrieval, once."""


class ScriptedNode:
    """A node on a free port of loopback, for the time of a ``with`` block."""

    def __init__(
        self,
        *,
        ae_title: str = "NODE",
        gets: bool = True,
        destination: tuple[str, int] = ("127.0.0.1", 0),
        port: int = 0,
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    ) -> None:
        """``tls`` is for those who call it, and for it when it calls the destination."""
        self.ae_title = ae_title
        self._tls = tls
        self.manners = Manners()
        self.destination = destination
        """Where it believes that the move destination is."""
        self.images: list[Dataset] = []
        self.asked: Counter[str] = Counter()
        self.over = threading.Event()
        self._lock = threading.RLock()
        self._port = port
        self._ae = AE(ae_title=ae_title)
        self._ae.maximum_associations = 100
        self._ae.add_supported_context(VERIFICATION)
        self._ae.add_supported_context(FIND)
        self._ae.add_supported_context(MOVE)
        if gets:
            self._ae.add_supported_context(GET)
            for storage in STORAGE:
                self._ae.add_supported_context(storage, scu_role=True, scp_role=True)
        for storage in STORAGE:
            self._ae.add_requested_context(storage, ExplicitVRLittleEndian)

    # --- its archive ----------------------------------------------------------------------------

    def add(
        self,
        study: str = "1",
        series: str = "1",
        count: int = 1,
        *,
        modality: str = "MR",
        edge: int = 16,
        **elements: Any,
    ) -> None:
        """So many more images of a series."""
        with self._lock:
            begin = sum(1 for each in self.images if each.SeriesInstanceUID == series_uid(series))
            elements = {"StudyDate": time.strftime("%Y%m%d"), "StudyTime": "101112"} | elements
            for number in range(begin, begin + count):
                made = make_instance(
                    modality, rows=edge, columns=edge, seed=f"{series}/{number}",
                    instance_number=number + 1,
                    study_instance_uid=study_uid(study), series_instance_uid=series_uid(series),
                    **elements,
                )  # fmt: skip
                self.images.append(_read(made.data_set))

    def remove(self, series: str) -> list[Dataset]:
        """Take a series out; what it had."""
        with self._lock:
            gone = [each for each in self.images if each.SeriesInstanceUID == series_uid(series)]
            self.images = [each for each in self.images if each not in gone]
        return gone

    def put_back(self, images: list[Dataset]) -> None:
        with self._lock:
            self.images += images

    def change(self, series: str, **elements: str) -> None:
        """Edit the images of a series in place."""
        with self._lock:
            for each in self.images:
                if each.SeriesInstanceUID == series_uid(series):
                    for keyword, value in elements.items():
                        setattr(each, keyword, value)

    # --- serving --------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Listen; at the same port as before, if it did."""
        server: Any = self._ae.start_server(
            ("127.0.0.1", self._port),
            block=False,
            ssl_context=self._tls and self._tls[0],
            evt_handlers=[
                (evt.EVT_C_FIND, self._find),
                (evt.EVT_C_MOVE, self._move),
                (evt.EVT_C_GET, self._get),
                (evt.EVT_C_ECHO, lambda _: 0x0000),
                (evt.EVT_REQUESTED, self._requested),
            ],
        )
        self._server = server
        self.port = int(server.server_address[1])
        self._port = self.port

    def stop(self) -> None:
        """As if it were switched off; ``start`` switches it on again at the same port."""
        self._server.shutdown()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.stop()

    def _requested(self, event: Any) -> None:
        if self.manners.refuses:
            event.assoc.acse.send_reject(0x02, 0x03, 0x02)
            event.assoc.kill()

    # --- queries --------------------------------------------------------------------------------

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        manners, wanted = self.manners, event.identifier
        level = wanted.QueryRetrieveLevel
        self.asked[f"find {level.lower()}"] += 1
        if manners.refuses_level == level:
            yield 0xA900, None
            return
        answers = [] if manners.answers_empty else self._answers(wanted, level)
        if manners.cap:
            answers = answers[: manners.cap]
        for number, answer in enumerate(answers):
            if number == manners.breaks_off_after:
                event.assoc.abort()
                return
            if event.is_cancelled:
                self.asked["find cancelled"] += 1
                yield 0xFE00, None
                return
            self.asked["answers"] += 1
            if manners.seconds_an_answer:
                self.over.wait(manners.seconds_an_answer)
            yield 0xFF00, answer
        if manners.find_status:
            yield manners.find_status, None

    def _answers(self, wanted: Dataset, level: str) -> list[Dataset]:
        with self._lock:
            images = [each for each in self.images if _matches(each, wanted)]
        key = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}.get(
            level, "SOPInstanceUID"
        )
        groups: dict[str, list[Dataset]] = {}
        for each in images:
            groups.setdefault(each[key].value, []).append(each)
        return [self._answer(group, wanted, level) for group in groups.values()]

    def _answer(self, group: list[Dataset], wanted: Dataset, level: str) -> Dataset:
        manners = self.manners
        answer = Dataset()
        answer.SpecificCharacterSet = group[0].get("SpecificCharacterSet", "ISO_IR 192")
        answer.QueryRetrieveLevel = level
        series = {each.SeriesInstanceUID for each in group}
        counts = {
            "NumberOfStudyRelatedSeries": len(series),
            "NumberOfStudyRelatedInstances": len(group) + manners.counts_more * len(series),
            "NumberOfSeriesRelatedInstances": len(group) + manners.counts_more,
        }
        for element in wanted:
            keyword = element.keyword
            if keyword in ("", "QueryRetrieveLevel", "SpecificCharacterSet"):
                continue
            if keyword in manners.without:
                continue
            if level == "SERIES" and keyword in manners.without_at_series:
                continue
            if level == "SERIES" and keyword in manners.empty_at_series:
                setattr(answer, keyword, "")
            elif keyword in counts:
                setattr(answer, keyword, counts[keyword])
            elif keyword == "ModalitiesInStudy":
                answer.ModalitiesInStudy = sorted({each.Modality for each in group})
            else:
                setattr(answer, keyword, group[0].get(keyword, ""))
        return answer

    # --- retrievals -----------------------------------------------------------------------------

    def _move(self, event: Any) -> Iterator[Any]:
        self.asked[f"move {event.identifier.QueryRetrieveLevel.lower()}"] += 1
        if not self.manners.knows_destination:
            yield None, None
            return
        more = {} if self._tls is None else {"tls_args": (self._tls[1], self.destination[0])}
        yield (*self.destination, {"contexts": self._ae.requested_contexts, **more})
        yield from self._images(event)

    def _get(self, event: Any) -> Iterator[Any]:
        self.asked[f"get {event.identifier.QueryRetrieveLevel.lower()}"] += 1
        yield from self._images(event)

    def _images(self, event: Any) -> Iterator[Any]:
        manners = self.manners
        with self._lock:
            images = [each for each in self.images if _matches(each, event.identifier)]
            others = [each for each in self.images if each not in images]
        images = images[: max(0, len(images) - manners.drops)]
        if manners.sends_unasked:
            images = images + others
        yield 1 << 15 if manners.pends else len(images)
        number = 0
        while manners.pends and images and not self.over.is_set():
            if event.is_cancelled:
                self.asked["retrieval cancelled"] += 1
                yield 0xFE00, None
                return
            self.over.wait(0.05)
            yield 0xFF00, images[0]
        for number, image in enumerate(images):
            if number == manners.stops_after:
                self.over.wait()
                return
            if event.is_cancelled:
                self.asked["retrieval cancelled"] += 1
                yield 0xFE00, None
                return
            if number == 1 and manners.during_retrieval is not None:
                hook, manners.during_retrieval = manners.during_retrieval, None
                hook()
            if manners.seconds_an_image:
                self.over.wait(manners.seconds_an_image)
            yield 0xFF00, Dataset() if number < manners.fails_images else image


def study_uid(study: str) -> str:
    return make_uid("study", study)


def series_uid(series: str) -> str:
    return make_uid("series", series)


def _read(data: bytes) -> Dataset:
    """An image as pynetdicom sends it."""
    image = dcmread(DicomBytesIO(data), force=True)
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def _matches(image: Dataset, wanted: Dataset) -> bool:
    for keyword in MATCHED:
        value = wanted.get(keyword)
        if value in (None, ""):
            continue
        options = [value] if isinstance(value, str) else list(value)
        said = str(image.get(keyword, ""))
        if not any(fnmatch.fnmatchcase(said, str(option)) for option in options):
            return False
    return _in_range(image, wanted, "StudyDate") and _in_range(image, wanted, "StudyTime")


def _in_range(image: Dataset, wanted: Dataset, keyword: str) -> bool:
    value = str(wanted.get(keyword) or "")
    if not value:
        return True
    said = str(image.get(keyword, ""))
    if "-" not in value:
        return said == value
    first, _, last = value.partition("-")
    return bool(said) and (not first or said >= first) and (not last or said <= last)
