"""Nodes that are queried, and whose images are retrieved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from causeway.config.kinds import (
    AETitle,
    Cidr,
    Name,
    Settings,
    kind_of,
    wrong,
)
from causeway.config.peers import PeerHost, PeerPort, PeerTlsSettings
from causeway.config.routing import MetadataSettings, OptSettings, RoutingSettings
from causeway.config.web import AuthenticatedWebSettings, Url

_FILTER_RIGHT = 'for example filter = { Modality = ["MR", "CT"], StudyDescription = "RESEARCH*" }'
_CHARSETS = (
    "ISO_IR 192", "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 144",
    "ISO_IR 127", "ISO_IR 126", "ISO_IR 138", "ISO_IR 148", "ISO_IR 203", "ISO_IR 13",
    "ISO_IR 166", "GB18030", "GBK", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 58",
)  # fmt: skip


def _filter(value: object) -> Mapping[str, tuple[str, ...]]:
    from causeway.attributes import name_of, tag_of
    from causeway.config.terms import check_tag
    from causeway.errors import ConfigurationError

    if not isinstance(value, Mapping):
        raise wrong(f"must be a table of attributes, not {kind_of(value)}", _FILTER_RIGHT)
    found: dict[str, tuple[str, ...]] = {}
    for name, said in value.items():
        try:
            tag = tag_of(name)
        except ConfigurationError as error:
            raise wrong(error.message, error.hint) from None
        check_tag(name)
        if name_of(tag) in ("StudyDate", "StudyTime"):
            raise wrong(
                f"{name_of(tag)} is what the window asks by", "set `window_days`, or leave it out"
            )
        values = (said,) if isinstance(said, str) else said
        if not isinstance(values, tuple | list) or not values:
            raise wrong(f'"{name}" must be a text or a list of texts', _FILTER_RIGHT)
        for each in values:
            if not isinstance(each, str) or not each.strip():
                raise wrong(f'"{name}" has a value that is no text', _FILTER_RIGHT)
            if "\\" in each:
                raise wrong(f'"{name}" has a backslash in it', "write several values as a list")
        if name_of(tag) in found:
            raise wrong(f"{name_of(tag)} is there twice", "say each attribute once")
        found[name_of(tag)] = tuple(values)
    return found


Filter = Annotated[
    Mapping[str, tuple[str, ...]],
    PlainValidator(_filter),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 1},
                ]
            },
            "examples": [{"Modality": ["MR", "CT"], "StudyDescription": "RESEARCH*"}],
        }
    ),
]
"""Values by attribute; ``*`` and ``?`` stand for any text and any character."""


class NodeWebSettings(AuthenticatedWebSettings):
    """Where a DICOMweb node is, and how it is called."""

    url: Url
    """Address of its DICOMweb service, to which `/studies` is added."""


class NodeRetrySettings(Settings):
    """When a retrieval that failed is tried again, and when no more. Times in which the node is not
    to be reached do not count as failures.
    """

    first_seconds: Annotated[float, Field(gt=0, le=86400)] = 30
    """Wait after the first failure; each further one is twice as long."""
    maximum_seconds: Annotated[float, Field(gt=0, le=604800)] = 3600
    """Longest wait between two tries."""
    maximum_failures: Annotated[int, Field(ge=1, le=1000)] = 10
    """Failures after which a series is abandoned, and waits for a person."""


class NodeSettings(Settings):
    """A scanner or an archive that is asked what it has, and whose images are retrieved. With
    `host`, `port` and `ae_title` it speaks DIMSE, with `[node.web]` DICOMweb.
    """

    name: Name
    """Name of the node in status, logs and commands; unique, also among sources: what is retrieved
    counts as sent by a source of this name."""
    ae_title: AETitle | None = None
    """AE title of the node."""
    host: PeerHost | None = None
    """Address or host name of the node."""
    port: PeerPort | None = None
    """TCP port of the node."""
    web: NodeWebSettings | None = None
    """The DICOMweb service of the node, instead of host, port and AE title."""
    tls: PeerTlsSettings | None = None
    """TLS towards the node."""
    calling_ae: AETitle | None = None
    """AE title that we call ourselves; without it, that of `move_destination`."""
    model: Literal["study", "patient"] = "study"
    """Information model that is asked: study root, or patient root."""
    retrieve: Literal["move", "get", "auto"] = "auto"
    """`move` has the node send to our listener, which its administrator has to enter; `get` takes
    images over our own association; `auto` tries `get` first, and `move` where that fails."""
    move_destination: AETitle | None = None
    """AE title of the listener to which the node sends; without it, that of the first listener."""
    addresses: Annotated[tuple[Cidr, ...], Field(min_length=1)] | None = None
    """Addresses and networks (CIDR) from which the node sends what it was asked for; without them,
    that of `host`."""
    filter: Filter = Field(default_factory=dict)
    """What is looked at at all: values by attribute, of each of which one must match. `*` and `?`
    stand for any text and any character. What the node does not say does not speak against it."""
    interval_seconds: Annotated[float, Field(ge=1, le=86400)] = 60
    """Time between two queries."""
    window_days: Annotated[int, Field(ge=0, le=36500)] = 7
    """Study dates that a query looks back on, today among them, so that never the whole archive is
    asked for; after an outage it goes back to where it stopped. 0 asks for all, which suits
    scanners that keep only a few days."""
    recheck_seconds: Annotated[float, Field(ge=60, le=604800)] = 3600
    """Time after which studies are looked into although the node says the same of them."""
    ignore_existing: bool = False
    """Whether what the node has at the first full query is left there. What changes later comes."""
    acquisition_delay_seconds: Annotated[float, Field(ge=0, le=604800)] = 0
    """Time that a series waits after it was seen twice with the same number of images, for scanners
    that write slowly."""
    grace_days: Annotated[float, Field(ge=0, le=3650)] = 7
    """Time for which a series that is gone from the node is taken for moved: back within it, it is
    as it was. Nothing is forgotten later either; it is only looked at anew."""
    charset: str = "ISO_IR 192"
    """Specific Character Set of queries with more than ASCII in them; answers name their own."""
    maximum_results: Annotated[int, Field(ge=10, le=1000000)] = 50000
    """Answers after which a query is cancelled, and asked again in parts."""
    maximum_node_answers: Annotated[int, Field(ge=0, le=1000000)] = 0
    """Number of answers after which the node itself stops, if it does; queries are then asked in
    parts. 0: not known; suspiciously round numbers are looked into."""
    parallel_retrievals: Annotated[int, Field(ge=1, le=32)] = 2
    """Series that are retrieved at the same time."""
    maximum_studies_per_hour: Annotated[int, Field(ge=0, le=100000)] = 0
    """Studies of which retrieval begins within an hour; 0 for no limit."""
    schedule: Name | None = None
    """Name of the `[[schedule]]` in whose hours retrievals begin; queries go on at any time."""
    retry: NodeRetrySettings = NodeRetrySettings()
    """When a failed retrieval is tried again."""
    total_seconds: Annotated[float, Field(ge=10, le=604800)] = 7200
    """Longest that the retrieval of one series may take. What came by then is kept."""
    idle_seconds: Annotated[float, Field(ge=5, le=86400)] = 120
    """Longest pause of a retrieval without an image."""
    query_limit_seconds: Annotated[float, Field(gt=0, le=604800)] = 600
    """Time that a query may take until it counts as a fault in `causeway status`."""
    retrieve_limit_seconds: Annotated[float, Field(gt=0, le=604800)] = 3600
    """Time that a series may take from when it may be retrieved until it counts as a fault."""
    routing: RoutingSettings | None = None
    """Takes the place of `[routing]` for this node, key by key."""
    opt: OptSettings | None = None
    """Takes the place of `[opt]` for this node, key by key. Decided by the node's answers where
    they say enough, and by the header again."""
    metadata: MetadataSettings | None = None
    """Takes the place of `[metadata]` for this node, key by key."""

    @model_validator(mode="after")
    def _speaks_something(self) -> NodeSettings:
        dimse = (self.ae_title, self.host, self.port)
        if self.web is not None:
            if any(each is not None for each in dimse) or self.tls is not None:
                raise wrong(
                    "has `web`, and host, port, ae_title or tls as well",
                    "`web` for DICOMweb, or the others for DIMSE",
                )
        elif None in dimse:
            missing = [
                name
                for name, value in zip(("ae_title", "host", "port"), dimse, strict=True)
                if value is None
            ]
            raise wrong(
                f"lacks {' and '.join(missing)}",
                "a DIMSE node has ae_title, host and port; a DICOMweb node has `web`",
            )
        if self.charset not in _CHARSETS:
            raise wrong(
                f'has charset = "{self.charset}", which is no character set of DICOM',
                f"one of {', '.join(_CHARSETS)}",
            )
        return self
