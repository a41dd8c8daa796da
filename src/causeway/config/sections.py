"""The tables of the configuration that stand for one thing each, with every default and its reason.

The sentence below a setting is its description in ``docs/reference/settings.md`` and in the JSON
Schema; it says what the setting does, in which unit, and where the default comes from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.kinds import (
    AETitle,
    Cidr,
    Fingerprint,
    Host,
    Name,
    PresentFile,
    SecretReference,
    Settings,
    Size,
    Uids,
    show_size,
    wrong,
)
from causeway.config.peers import CommitmentSettings
from causeway.config.routing import MetadataSettings, OptSettings, RoutingSettings


class SiteSettings(Settings):
    """The site, as people know it: printed on the cards that `causeway card` makes."""

    name: Annotated[str, Field(max_length=80)] = ""
    """Name of the hospital or institute."""
    contact: Annotated[str, Field(max_length=160)] = ""
    """Whom scanner operators call, such as `Research IT, phone 4711`."""


class TlsSettings(Settings):
    """TLS for one listener. With `client_ca` it is mutual: callers must show a certificate."""

    certificate: PresentFile
    """PEM file with the listener's certificate and the chain above it. Read again when it changes,
    for new handshakes."""
    key: PresentFile
    """PEM file with the private key of the certificate."""
    key_password: SecretReference | None = None
    """Where the password of the key is: `env:NAME` or `file:PATH`."""
    client_ca: PresentFile | None = None
    """PEM file with the authorities whose certificates callers must show. Without it, callers are
    encrypted but not authenticated."""
    crl: PresentFile | None = None
    """PEM file with the revocation list of `client_ca`. An expired list refuses everyone, so watch
    its date; `causeway doctor` does."""
    profile: Literal["bcp195", "bcp195-modified"] = "bcp195"
    """Secure transport profile of DICOM PS3.15: `bcp195` is B.12, `bcp195-modified` is B.13, which
    asks for 256-bit keys and ephemeral key exchange."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """Oldest TLS version that is spoken. 1.2 because many modalities know nothing newer."""

    @model_validator(mode="after")
    def _revocation_needs_authorities(self) -> TlsSettings:
        if self.crl is not None and self.client_ca is None:
            raise wrong(
                "has a `crl`, but no `client_ca` whose certificates it could revoke",
                "add `client_ca`, or leave `crl` out",
            )
        return self


class ListenerSettings(Settings):
    """A port that accepts DICOM associations. Repeat the table for several AE titles and ports."""

    ae_title: AETitle
    """AE title by which callers address this listener; at most 16 characters."""
    host: Host = "127.0.0.1"
    """Address to listen on. The default is reachable from this machine only; `0.0.0.0` listens on
    all addresses of the machine."""
    port: Annotated[int, Field(ge=0, le=65535)]
    """TCP port. 11112 is the one registered for DICOM, 2762 for DICOM over TLS; 0 takes any free
    one."""
    tls: TlsSettings | None = None
    """TLS of this listener; without it, images cross the network in clear."""
    accept_any_called_ae: bool = False
    """Whether callers may use another called AE title than `ae_title`. The strict default tells a
    misdirected modality so at once."""
    maximum_pdu_bytes: Annotated[Size, Field(ge=4096, le=1048576)] = 131072
    """Largest PDU that callers are asked to send, 4 KiB to 1 MiB. 128 KiB saves system calls
    against the customary 16 KiB; above it there is little to gain."""


class SourceSettings(Settings):
    """Someone who may send. The first source that fits counts; who fits none is refused."""

    name: Name
    """Name of the source in status, logs and rules; unique."""
    ae_title: AETitle
    """Calling AE title that the source must use; `*` allows any."""
    addresses: Annotated[tuple[Cidr, ...], Field(min_length=1)]
    """Addresses and networks (CIDR) that the source may call from."""
    certificate: Fingerprint | None = None
    """SHA-256 fingerprint of the certificate that the source must show, on listeners with
    `client_ca`."""
    maximum_associations: Annotated[int, Field(ge=1)] = 64
    """Associations that this source may have open at once, so that one source cannot take all of
    `receive.maximum_associations`."""
    quiet_seconds: Annotated[float, Field(gt=0, le=86400)] | None = None
    """Takes the place of `completion.quiet_seconds` for this source."""
    routing: RoutingSettings | None = None
    """Takes the place of `[routing]` for this source, key by key."""
    opt: OptSettings | None = None
    """Takes the place of `[opt]` for this source, key by key."""
    metadata: MetadataSettings | None = None
    """Takes the place of `[metadata]` for this source, key by key."""
    commitment: CommitmentSettings | None = None
    """Storage commitment for this source; without it, requests are refused."""


class ReceiveSettings(Settings):
    """How much is received at once, and how long callers are waited for."""

    processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Receiver processes. Two keep two CPUs busy; more help only where there are more CPUs."""
    maximum_associations: Annotated[int, Field(ge=1, le=4096)] = 320
    """Associations open at once, of all sources. Each takes a thread and some 0.5 MiB."""
    handshake_seconds: Annotated[float, Field(gt=0, le=600)] = 10
    """Time for a TLS handshake."""
    artim_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    """The ARTIM timer of DICOM PS3.8: time for the association request after the connection."""
    idle_seconds: Annotated[float, Field(gt=0)] = 600
    """Time that an association may stay silent between messages. Scanners that keep one open
    during a whole examination need minutes."""
    minimum_bytes_per_second: Annotated[Size, Field(ge=0)] = 1024
    """Slowest rate at which a message may arrive. Slower than any line that images cross (64 kbit/s
    carry 8000 bytes a second), faster than a drip. 0 allows any rate."""
    stall_seconds: Annotated[float, Field(gt=0)] = 30
    """How long a message may stand still, or arrive more slowly than that, before the association
    is aborted."""
    on_bad_object: Literal["quarantine", "refuse"] = "quarantine"
    """What happens to an object that cannot be read or lacks its UIDs: kept apart for a person to
    judge, or refused with a C-STORE status that says so."""
    sop_classes: Uids = "any"
    """Storage SOP classes that are accepted, private ones too: `any`, or a list of UIDs."""
    transfer_syntaxes: Uids = "any"
    """Transfer syntaxes that are accepted: `any`, or a list of UIDs."""


class SpoolSettings(Settings):
    """Where received bytes wait, and what happens when room runs out."""

    quota_bytes: Size = 0
    """Most that the spool may take; 0 for all that its file system has."""
    soft_watermark_bytes: Size = 4 * 1024**3
    """Room left below which new associations are refused for now; those that are open go on. 4 GiB
    are a few large studies, which then still fit."""
    hard_watermark_bytes: Size = 1024**3
    """Room left below which objects are refused with status A700 (out of resources). Receiving
    resumes by itself when room returns."""
    reserve_bytes: Size = 256 * 1024**2
    """Room kept aside for the ledger and the operator's commands, given to them when the disk is
    full in spite of the watermarks; 0 for none."""
    ready_bytes: Size = 512 * 1024**2
    """Segments made ahead of need, in pauses. So much is received at full speed; what a longer
    burst brings is synced a little slower, until a pause to make more. 512 MiB are a thousand CT
    images."""
    durability: Literal["synced", "relaxed"] = "synced"
    """`synced`: Success is sent after the object is on the disk. `relaxed`: after it was handed to
    the operating system; a power cut then loses what senders believe to be safe."""

    @model_validator(mode="after")
    def _soft_comes_first(self) -> SpoolSettings:
        if self.soft_watermark_bytes <= self.hard_watermark_bytes:
            raise wrong(
                f"has soft_watermark_bytes = {show_size(self.soft_watermark_bytes)}, not above "
                f"hard_watermark_bytes = {show_size(self.hard_watermark_bytes)}",
                "the soft mark is reached first, so it leaves more room, such as 4 GiB and 1 GiB",
            )
        if 0 < self.quota_bytes <= self.soft_watermark_bytes:
            raise wrong(
                f"has quota_bytes = {show_size(self.quota_bytes)}, not above "
                f"soft_watermark_bytes = {show_size(self.soft_watermark_bytes)}",
                "the watermarks are room left of the quota, so the quota is larger than both",
            )
        return self


class CompletionSettings(Settings):
    """When a series counts as whole, and its study."""

    quiet_seconds: Annotated[float, Field(gt=0, le=86400)] = 30
    """A series is complete when nothing arrived for it for so long; each image starts the time
    anew."""
    after_release_seconds: Annotated[float, Field(ge=0, le=86400)] | None = None
    """The shorter wait when every association that brought the series was released in order; at
    most `quiet_seconds`. Without it, the end of associations says nothing, which suits senders that
    open one for each image."""
    use_expected_counts: bool = True
    """Whether a count in the images (Images in Acquisition) that is reached twice running also ends
    the wait early."""
    acquisition_delay_seconds: Annotated[float, Field(ge=0, le=604800)] = 0
    """Time that a complete series waits before it is decided where it goes, so that a person can
    still correct it at the scanner."""
    study_quiet_seconds: Annotated[float, Field(gt=0, le=604800)] = 300
    """Time without an image after which a study is whole, for routes with `complete = "study"`.
    Longer than the pauses between the series of an examination."""

    @model_validator(mode="after")
    def _release_within_quiet(self) -> CompletionSettings:
        after_release = self.after_release_seconds
        if after_release is not None and after_release > self.quiet_seconds:
            raise wrong(
                f"has after_release_seconds = {after_release:g} above "
                f"quiet_seconds = {self.quiet_seconds:g}",
                "the end of associations can only shorten the wait: make it smaller, or leave it "
                "out",
            )
        return self


class RetireSettings(Settings):
    """When bytes leave the spool."""

    keep_hours: Annotated[float, Field(ge=0)] = 24
    """Time that bytes stay in the spool after every destination has verified them. A day lets a
    person look into yesterday's problem."""


class LogSettings(Settings):
    """What is said on standard error. Log lines carry no patient data at any level."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is written."""
    format: Literal["console", "json"] = "console"
    """`console` is for people, in colour on a terminal; `json` is for machines, one object a
    line."""
