"""From what a table says of HTTPS to the settings of an HTTP client."""

from __future__ import annotations

import ssl

from causeway.config import AuthenticatedWebSettings, OAuthSettings, Secret, WebSettings
from causeway.config.web import ProxySettings
from causeway.destinations.http import (
    Basic,
    FixedToken,
    HttpOptions,
    Key,
    OAuth,
    Proxy,
    Reveal,
    Trust,
)
from causeway.destinations.http.connect import Auth

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def reveal(secret: Secret | None) -> Reveal | None:
    """What reads a secret when it is needed; it is kept nowhere."""
    return None if secret is None else secret.reveal


def http_options(
    who: str, table: WebSettings, *, answer_seconds: float | None = None
) -> HttpOptions:
    return HttpOptions(
        who=who,
        trust=Trust(
            ca=table.ca,
            ca_only=table.ca_only,
            certificate=table.certificate,
            key=table.key,
            minimum_version=VERSIONS[table.minimum_version],
            **({"key_password": table.key_password.reveal} if table.key_password else {}),
        ),
        proxy=proxy_of(table.proxy),
        connect_seconds=table.connect_seconds,
        answer_seconds=table.answer_seconds if answer_seconds is None else answer_seconds,
    )


def proxy_of(table: ProxySettings | None) -> Proxy | None:
    if table is None:
        return None
    return Proxy(
        url=table.url,
        username=table.username,
        ca=Trust(ca=table.ca) if table.ca else None,
        **({"password": table.password.reveal} if table.password else {}),
    )


def auth(table: AuthenticatedWebSettings, *, scope: str = "") -> Auth:
    """Credentials, of the kind that is there; ``scope`` is asked for if none is named."""
    if table.token is not None:
        return FixedToken(token=table.token.reveal)
    if table.password is not None:
        return Basic(username=table.username, password=table.password.reveal)
    return None if table.oauth is None else oauth(table.oauth, scope=scope)


def oauth(table: OAuthSettings, *, scope: str = "") -> OAuth:
    return OAuth(
        token_url=table.token_url,
        client_id=table.client_id,
        scope=scope if table.scope is None else table.scope,
        resource=table.resource,
        audience=table.audience,
        secret=reveal(table.secret),
        secret_in=table.secret_in,
        key=None
        if table.key is None
        else Key(
            pem=table.key.reveal,
            id=table.key_id,
            algorithm=table.algorithm,
            certificate=table.key_certificate,
        ),
        grant=table.grant,
    )
