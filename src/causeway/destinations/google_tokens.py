"""Tokens of Google for whoever an identity provider of the hospital vouches for.

Workload identity federation: a token of another provider, read from a file, asked of an address or
made from AWS's credentials, is exchanged for one of Google's. google-auth does that; obstore asks
for a token here before the last one runs out.
"""

from __future__ import annotations

import datetime as dt
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from causeway.destinations.blob.transport import Transport, proxy_url
from causeway.errors import ConfigurationError

SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
EARLIER: Final = dt.timedelta(minutes=5)
"""Obstore uses a token to its last moment; a request takes a while."""

Provider = Callable[[], dict[str, Any]]
"""Gives a token and when it ends, as obstore takes them."""


def is_federated(file: Path) -> bool:
    """Whether a file of credentials is one of federation; what is none is for others to refuse."""
    try:
        return bool(json.loads(file.read_text())["type"] == "external_account")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def trusting(ca: Path) -> Any:
    """How ``requests`` goes on: an authority more than the usual ones."""
    from requests.adapters import HTTPAdapter

    class Trusting(HTTPAdapter):
        def init_poolmanager(self, *given: Any, **named: Any) -> None:
            context = ssl.create_default_context(cafile=str(ca))
            super().init_poolmanager(*given, ssl_context=context, **named)

    return Trusting()


def federated(file: Path, transport: Transport) -> Provider:
    """Raises ``ImportError`` where google-auth is not installed, and ``ConfigurationError``."""
    import requests
    from google.auth import aws, identity_pool
    from google.auth.transport.requests import Request

    told = json.loads(file.read_text())
    source = told.get("credential_source", {})
    if "executable" in source:
        raise ConfigurationError(
            "credentials that a program makes are not taken",
            hint="let it write its token to a file, and name that in credential_source",
        )
    kind: Any = aws.Credentials if "environment_id" in source else identity_pool.Credentials
    credentials = kind.from_info(told, scopes=[SCOPE])
    session = requests.Session()
    session.trust_env = False
    if transport.proxy is not None:
        url = proxy_url(transport.proxy)
        session.proxies = {"http": url, "https": url}
    if transport.ca is not None:
        session.mount("https://", trusting(transport.ca))

    def provide() -> dict[str, Any]:
        credentials.refresh(Request(session))
        expires = credentials.expiry
        return {
            "token": credentials.token,
            "expires_at": expires and expires.replace(tzinfo=dt.UTC) - EARLIER,
        }

    return provide
