"""TLS towards others, from its tables in the configuration."""

from __future__ import annotations

import ssl
from pathlib import Path

from causeway.config import PeerTlsSettings
from causeway.net import ClientTls, Profile

TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def client_tls(settings: PeerTlsSettings) -> ClientTls:
    return ClientTls(
        ca=Path(settings.ca),
        certificate=None if settings.certificate is None else Path(settings.certificate),
        key=None if settings.key is None else Path(settings.key),
        key_password="" if settings.key_password is None else settings.key_password.reveal(),
        crl=None if settings.crl is None else Path(settings.crl),
        server_name=settings.server_name,
        verify_name=settings.verify_name,
        profile=Profile(settings.profile),
        minimum_version=TLS_VERSIONS[settings.minimum_version],
    )
