"""What everything that is called over HTTPS has: address, trust, proxy, patience, credentials."""

from __future__ import annotations

import ipaddress
import urllib.parse
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from causeway.config.kinds import PresentFile, SecretReference, Settings, wrong


def _url(value: str) -> str:
    found = urllib.parse.urlsplit(value)
    right = 'an address such as "https://pacs.example.org/dicom-web"'
    if found.scheme not in ("http", "https") or not found.hostname:
        raise wrong(f'"{value}" is no address of HTTP', right)
    try:
        _ = found.port
    except ValueError:
        raise wrong(f'"{value}" has a port that is none', right) from None
    if found.username or found.password:
        raise wrong(
            "has credentials in its address", "name them by `username` and `password`, or `token`"
        )
    if found.query or found.fragment:
        raise wrong(f'"{value}" has more than an address in it', right)
    if found.scheme == "http" and not _is_here(found.hostname):
        raise wrong(
            f'"{value}" is called without TLS, so that images and credentials cross the network '
            "in clear",
            "use https, with `ca` if its certificate is signed by an authority of yours; http is "
            "for addresses of this machine (127.0.0.1, localhost)",
        )
    return value.rstrip("/")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy_url(value: str) -> str:
    found = urllib.parse.urlsplit(value)
    if found.scheme not in ("http", "https") or not found.hostname or found.username:
        raise wrong(
            f'"{value}" is no address of a proxy',
            'for example "http://proxy.example.org:3128"; credentials go into `username` and '
            "`password`",
        )
    return value


Url = Annotated[str, AfterValidator(_url)]
ProxyUrl = Annotated[str, AfterValidator(_proxy_url)]


class ProxySettings(Settings):
    """The proxy that leads out. None is taken from the environment."""

    url: ProxyUrl
    """Its address, such as `http://proxy.example.org:3128`."""
    username: str = ""
    """Who asks, if the proxy wants to know."""
    password: SecretReference | None = None
    """Where the password is: `env:NAME` or `file:PATH`."""
    ca: PresentFile | None = None
    """PEM file with the authority of a proxy that is itself called by https."""


class OAuthSettings(Settings):
    """OAuth 2.0 for machines: a token is asked for, kept until shortly before its end, renewed."""

    token_url: Url
    """The issuer's token endpoint."""
    client_id: Annotated[str, Field(min_length=1)]
    """As whom tokens are asked for. With `grant = "jwt_bearer"`, the service account's address."""
    grant: Literal["client_credentials", "jwt_bearer"] = "client_credentials"
    """`client_credentials` shows a secret or a signed assertion; `jwt_bearer` trades the assertion
    itself, as Google's service accounts do."""
    secret: SecretReference | None = None
    """Where the client's secret is."""
    secret_in: Literal["header", "form"] = "header"  # noqa: S105
    """Where the secret goes: HTTP Basic, as the standard prefers, or in the form."""
    key: SecretReference | None = None
    """Where the client's private key is (PEM), which signs assertions; instead of a secret."""
    key_id: str = ""
    """By which the issuer knows the key (`kid`)."""
    key_certificate: PresentFile | None = None
    """The key's certificate (PEM), by whose thumbprint Microsoft Entra finds it."""
    algorithm: Literal["", "RS256", "PS256", "ES256", "ES384", "Ed25519"] = ""
    """How assertions are signed; what suits the key, if it is not said."""
    scope: str | None = None
    """What the token may be used for; the preset's, if there is one."""
    resource: str = ""
    """What the token is for, where the issuer wants it named (RFC 8707)."""
    audience: str = ""
    """The same for issuers that call it so."""

    @model_validator(mode="after")
    def _shows_something(self) -> OAuthSettings:
        if (self.secret is None) == (self.key is None):
            raise wrong(
                "needs either `secret` or `key`, and not both",
                'secret = "file:/etc/causeway/client-secret", or key = "file:…/client.pem"',
            )
        if self.grant == "jwt_bearer" and self.key is None:
            raise wrong('has grant = "jwt_bearer", which is signed', "give it a `key`")
        return self


class WebSettings(Settings):
    """How a server is called over HTTPS."""

    ca: PresentFile | None = None
    """PEM file with authorities of your own that sign its certificate, besides those that this
    machine trusts."""
    ca_only: bool = False
    """Whether only those of `ca` count, and none that this machine trusts."""
    certificate: PresentFile | None = None
    """PEM file with the certificate to show, for mutual TLS. Read again when it changes."""
    key: PresentFile | None = None
    """PEM file with the private key of `certificate`; in the same file, if it is not said."""
    key_password: SecretReference | None = None
    """Where the password of the key is: `env:NAME` or `file:PATH`."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """Oldest TLS version that is spoken."""
    proxy: ProxySettings | None = None
    """The proxy that leads there; without it, none, whatever the environment says."""
    connect_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """Time for a connection and its TLS handshake."""
    answer_seconds: Annotated[float, Field(gt=0, le=3600)] = 120
    """Time for an answer after the last byte was sent. Servers store and index meanwhile."""

    @model_validator(mode="after")
    def _hangs_together(self) -> WebSettings:
        if self.ca_only and self.ca is None:
            raise wrong("has `ca_only` without `ca`: nobody would be trusted", "add `ca`")
        if (self.key is not None or self.key_password is not None) and self.certificate is None:
            raise wrong("has a `key` without `certificate`", "add `certificate`, or leave it out")
        return self


class AuthenticatedWebSettings(WebSettings):
    """The same, with credentials: one kind of them, or none."""

    token: SecretReference | None = None
    """Where a fixed token is, which goes along as `Authorization: Bearer`."""
    username: str = ""
    """For HTTP Basic."""
    password: SecretReference | None = None
    """Where the password for `username` is."""
    oauth: OAuthSettings | None = None
    """Tokens that are asked for."""

    @model_validator(mode="after")
    def _one_kind(self) -> AuthenticatedWebSettings:
        if bool(self.username) != (self.password is not None):
            raise wrong("has one of `username` and `password`", "both belong together")
        kinds = [self.token is not None, bool(self.username), self.oauth is not None]
        if sum(kinds) > 1:
            raise wrong(
                "has several kinds of credentials", "keep one of `token`, `username` and `oauth`"
            )
        return self
