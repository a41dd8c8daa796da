"""``type = "dicom"``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from causeway.config.destinations.base import DestinationSettings
from causeway.config.kinds import AETitle, Size
from causeway.config.peers import PeerHost, PeerPort, PeerTlsSettings


class DicomDestination(DestinationSettings):
    """Another DICOM node, by C-STORE: each image as it came, in its own transfer syntax."""

    type: Literal["dicom"]
    """The type of the destination."""
    host: PeerHost
    """Address or host name of the node."""
    port: PeerPort
    """TCP port of the node."""
    ae_title: AETitle
    """AE title of the node: the one that it is called by."""
    calling_ae: AETitle = "CAUSEWAY"
    """AE title that we call ourselves. Most nodes have to be told it."""
    tls: PeerTlsSettings | None = None
    """TLS towards the node; without it, images cross the network in clear."""
    maximum_associations: Annotated[int, Field(ge=1, le=64)] = 4
    """Associations with the node at once, over all deliveries. One waits for an answer after each
    image; four keep a line busy that is not very long."""
    idle_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    """How long an association stays open that nothing goes over, for the next image; 0 ends it at
    once."""
    commitment: Literal["auto", "required", "off"] = "auto"
    """Storage commitment: whether the node is asked to take responsibility for what it was sent.
    `auto`: where it offers to. `required`: nothing counts as delivered without. The node reports to
    a listener of ours, so it needs a `[[source]]`, or over the association on which it was asked.
    """
    report_seconds: Annotated[float, Field(ge=0, le=600)] = 5
    """How long its report is waited for on that association."""
    silence_hours: Annotated[float, Field(gt=0, le=8760)] = 1
    """After this time without a report, `auto` does without, and `required` asks once more."""
    query: bool = True
    """Whether images are looked for at the node by C-FIND after they were sent, where it offers
    that and commits itself to nothing."""
    convert: bool = True
    """Whether an image whose transfer syntax the node refuses may go in another, where that loses
    nothing: implicit or explicit VR, and decompressed from lossless compression."""
    connect_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    """Time for a connection, TLS included."""
    association_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """Time for the answer to an association request."""
    response_seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    """Time for the answer to an image. Archives that index before they answer take a while."""
    progress_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    """How long the node may take nothing of what is being sent."""
    maximum_pdu_bytes: Annotated[Size, Field(ge=4096, le=1048576)] = 131072
    """Largest PDU that is sent, if the node takes as much."""
