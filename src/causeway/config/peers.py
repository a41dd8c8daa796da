"""DICOM nodes that are called: how TLS is spoken to them, and where a source hears from us."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from causeway.config.kinds import (
    AETitle,
    PresentFile,
    SecretReference,
    Settings,
    quoted,
    wrong,
)

_LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
"""RFC 1123 section 2.1, and the underscore, which names of Windows machines have."""


def _peer_host(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        labels = value.removesuffix(".").split(".")
    if len(value) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, labels)):
        return value
    right = 'an address such as "192.168.10.7", or a host name such as "pacs.example.org"'
    if match := re.fullmatch(r"(?:[a-z]+://)?([^/:]+):([0-9]+)/?", value):
        right = f'host = "{match[1]}" and port = {match[2]}'
    raise wrong(f"{quoted(value)} is neither an address nor a host name", right)


PeerHost = Annotated[
    str,
    AfterValidator(_peer_host),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME}),
]
PeerPort = Annotated[int, Field(ge=1, le=65535)]


class PeerTlsSettings(Settings):
    """TLS towards a DICOM node. The node's certificate is always verified."""

    ca: PresentFile
    """PEM file with the authorities that may have signed the node's certificate."""
    certificate: PresentFile | None = None
    """PEM file with the certificate that we show, and the chain above it. With it, TLS is mutual.
    """
    key: PresentFile | None = None
    """PEM file with its private key; without it, the key is looked for in `certificate`."""
    key_password: SecretReference | None = None
    """Where the password of the key is: `env:NAME` or `file:PATH`."""
    crl: PresentFile | None = None
    """PEM file with the revocation list of `ca`. An expired list refuses every connection."""
    server_name: str = ""
    """Name that the node's certificate carries, if it is not `host`."""
    verify_name: bool = True
    """Whether the certificate must carry that name. Many PACS certificates carry none; then `ca`
    must be one that signs for such nodes only."""
    profile: Literal["bcp195", "bcp195-modified"] = "bcp195"
    """Secure transport profile of DICOM PS3.15, as of listeners."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """Oldest TLS version that is spoken."""

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> PeerTlsSettings:
        if self.certificate is None and self.key is not None:
            raise wrong(
                "has a `key`, but no `certificate` that it belongs to",
                "add `certificate`, or leave `key` out",
            )
        return self


class CommitmentSettings(Settings):
    """Storage commitment for one source: that it may ask us to take responsibility for what it
    sent, and when we do. Without this table it may not.
    """

    when: Literal["spool", "delivered"]
    """When an object counts as safe. `spool`: it was received and stands durably in the spool.
    `delivered`: every destination that it goes to has verified it. There is no default, since the
    source may delete its own copy when it hears so."""
    port: PeerPort | None = None
    """TCP port at which the source hears reports. Without it, it is told only over the association
    on which it asked, as long as that is open."""
    host: PeerHost | None = None
    """Address or host name at which the source hears reports; without it, the address that it asked
    from."""
    ae_title: AETitle | None = None
    """AE title by which the source hears reports; without it, the one that it asked by."""
    tls: PeerTlsSettings | None = None
    """TLS towards the source when it is told; without it, in clear."""
    patience_hours: Annotated[float, Field(gt=0, le=8760)] = 168
    """After this time what is not delivered counts as failed, so that the source keeps it; 168 are
    a week."""

    @model_validator(mode="after")
    def _address_has_a_port(self) -> CommitmentSettings:
        if self.port is None and (self.host or self.ae_title or self.tls):
            raise wrong(
                "says how the source is called, but not at which `port`",
                "add `port`, or leave the others out",
            )
        return self
