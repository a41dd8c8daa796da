"""From the configuration's tree to the settings that each part takes.

The parts do not know the configuration, so that each can be used and tested alone; here its names
meet theirs. What concerns the pipeline alone is in ``planning``.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from causeway.commitment.desk import Served
from causeway.config import (
    Configuration,
    DicomDestination,
    ListenerSettings,
    TlsSettings,
)
from causeway.net import (
    Acceptance,
    Admission,
    DoorLimits,
    ListenerOptions,
    Patience,
    Profile,
    ReceiveOptions,
    ServerTls,
    SourceRule,
)
from causeway.service import nodes
from causeway.service.receive import ReceiverPlan
from causeway.service.securing import TLS_VERSIONS
from causeway.spool import Durability, SpaceLimits


def listeners(configuration: Configuration) -> tuple[ListenerOptions, ...]:
    return tuple(_listener(settings) for settings in configuration.listeners)


def _listener(settings: ListenerSettings) -> ListenerOptions:
    return ListenerOptions(
        ae_title=settings.ae_title,
        host=settings.host,
        port=settings.port,
        tls=None if settings.tls is None else server_tls(settings.tls),
        any_called_ae=settings.accept_any_called_ae,
        max_pdu_length=settings.maximum_pdu_bytes,
    )


def server_tls(settings: TlsSettings) -> ServerTls:
    return ServerTls(
        certificate=Path(settings.certificate),
        key=Path(settings.key),
        key_password="" if settings.key_password is None else settings.key_password.reveal(),
        client_ca=None if settings.client_ca is None else Path(settings.client_ca),
        crl=None if settings.crl is None else Path(settings.crl),
        profile=Profile(settings.profile),
        minimum_version=TLS_VERSIONS[settings.minimum_version],
    )


def served(configuration: Configuration) -> Served:
    """Whom receivers offer storage commitment to."""
    return Served(
        sources=frozenset(each.name for each in configuration.sources if each.commitment),
        reporters=frozenset(
            each.ae_title
            for each in configuration.destinations
            if isinstance(each, DicomDestination) and each.commitment != "off"
        ),
    )


def admission(configuration: Configuration) -> Admission:
    return Admission(
        [
            SourceRule(
                name=source.name,
                ae_title=source.ae_title,
                networks=tuple(ipaddress.ip_network(str(each)) for each in source.addresses),
                max_associations=source.maximum_associations,
                certificate=source.certificate or "",
            )
            for source in configuration.sources
        ]
        + nodes.source_rules(configuration)
    )


def door_limits(configuration: Configuration) -> DoorLimits:
    return DoorLimits(max_associations=configuration.receive.maximum_associations)


def receive_options(configuration: Configuration) -> ReceiveOptions:
    receive = configuration.receive
    return ReceiveOptions(
        acceptance=Acceptance(
            sop_classes=None if receive.sop_classes == "any" else frozenset(receive.sop_classes),
            transfer_syntaxes=None
            if receive.transfer_syntaxes == "any"
            else frozenset(receive.transfer_syntaxes),
        ),
        patience=Patience(
            handshake_seconds=receive.handshake_seconds,
            artim_seconds=receive.artim_seconds,
            idle_seconds=receive.idle_seconds,
            stall_seconds=receive.stall_seconds,
            minimum_bytes_per_second=receive.minimum_bytes_per_second,
        ),
    )


def space_limits(configuration: Configuration) -> SpaceLimits:
    spool = configuration.spool
    return SpaceLimits(
        soft_bytes=spool.soft_watermark_bytes,
        hard_bytes=spool.hard_watermark_bytes,
        reserve_bytes=spool.reserve_bytes,
        quota_bytes=spool.quota_bytes,
    )


def durability(configuration: Configuration) -> Durability:
    return Durability(configuration.spool.durability)


def receiver_plan(configuration: Configuration) -> ReceiverPlan:
    """All that a receiver's process needs to know, so that it need not know the configuration."""
    return ReceiverPlan(
        spool_dir=configuration.spool_dir,
        listeners=listeners(configuration),
        admission=admission(configuration),
        options=receive_options(configuration),
        space=space_limits(configuration),
        durability=durability(configuration),
        letters_dir=configuration.letters_dir,
        commitment=served(configuration),
        refuses_bad_objects=configuration.receive.on_bad_object == "refuse",
        asked_dir=configuration.asked_dir,
        nodes=frozenset(node.name for node in configuration.nodes),
        movers=nodes.movers(configuration),
        log_level=configuration.log.level,
        log_format=configuration.log.format,
    )
