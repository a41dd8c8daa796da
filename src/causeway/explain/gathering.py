"""Series, as they build up from files or stand in the ledger.

Of a series there are kept the facts of each instance (small) and its heads (few); the newest head
decides, as it does in the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from causeway.attributes import NOTHING, Attributes
from causeway.decide.decision import SeriesFacts
from causeway.decide.grouping import InstanceFacts
from causeway.decide.routing import Routing
from causeway.explain.reading import Examined, Fate
from causeway.ledger import HEADS_LIMIT
from causeway.values import Header, Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who would send it, or has sent it."""

    source: str = ""
    """Empty: nobody of the configuration in particular."""
    calling_ae: str = ""
    called_ae: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """By what people recognise a series and its study."""

    identity: Identity
    modality: str
    series_number: str
    series_description: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Series:
    """One series with what deciding needs of it."""

    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sender: Sender
    title: Title = field(repr=False)
    """Of its first instance."""
    heads: dict[bytes, Attributes] = field(default_factory=dict, repr=False)
    """The newest one last."""
    instances: list[InstanceFacts] = field(default_factory=list, repr=False)
    files: dict[int | str, Path] = field(default_factory=dict, repr=False)
    """Where each instance stands, if it does in a file."""
    ledger_id: int | None = None
    last_at: float | None = None
    """When its last image came, if it came."""
    told: Routing | None = field(default=None, repr=False)
    """Where a person has said that it goes."""
    told_destinations: tuple[str, ...] = ()
    released: bool = False

    @property
    def newest(self) -> Attributes:
        return next(reversed(self.heads.values()), NOTHING)

    @property
    def facts(self) -> SeriesFacts:
        """What is decided about."""
        return SeriesFacts(
            study_instance_uid=self.study_instance_uid,
            series_instance_uid=self.series_instance_uid,
            attributes=self.newest,
            source=self.sender.source,
            calling_ae=self.sender.calling_ae,
            called_ae=self.sender.called_ae,
            told=self.told,
            told_destinations=self.told_destinations,
            released=self.released,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A file that is in no series, and why."""

    path: Path
    fate: Fate
    reason: str


class Gathering:
    """Takes files as they are examined; gives series in the order of their first images."""

    def __init__(self, sender: Sender) -> None:
        self.left: list[Left] = []
        self.files = 0
        self._sender = sender
        self._series: dict[tuple[str, str], Series] = {}
        self._series_of: dict[str, str] = {}

    def add(self, examined: Examined) -> None:
        self.files += 1
        header = examined.header
        if header is None:
            self.left.append(Left(path=examined.path, fate=examined.fate, reason=examined.reason))
            return
        key = (header.study_instance_uid, header.series_instance_uid)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(
                study_instance_uid=header.study_instance_uid,
                series_instance_uid=header.series_instance_uid,
                sender=self._sender,
                title=Title(
                    identity=header.identity,
                    modality=header.modality,
                    series_number=header.series_number,
                    series_description=header.series_description,
                ),
            )
        self._head(series, examined)
        number = len(series.instances)
        series.instances.append(instance_facts(number, header))
        series.files[number] = examined.path
        self._series_of[header.sop_instance_uid] = header.series_instance_uid

    def _head(self, series: Series, examined: Examined) -> None:
        assert examined.attributes is not None
        series.heads.pop(examined.digest, None)
        if len(series.heads) >= HEADS_LIMIT:
            series.heads.popitem()
        series.heads[examined.digest] = examined.attributes

    def series(self) -> Iterator[Series]:
        yield from self._series.values()


def instance_facts(number: int, header: Header) -> InstanceFacts:
    """What grouping asks of an instance."""
    referenced = tuple(uid for uid in header.referenced_series.split("\\") if uid)
    return InstanceFacts(
        id=number,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        acquisition_number=header.acquisition_number,
        image_type=header.image_type,
        instance_number=header.instance_number,
        number_of_frames=header.number_of_frames,
        rows=header.rows,
        columns=header.columns,
        orientation=header.image_orientation,
        position=header.image_position,
        referenced_series=referenced,
    )
