"""Clients of AWS services, and of servers that speak like them.

Credentials are those of the settings, or whatever AWS's usual chain finds (environment, profile,
container, instance), and with a role to assume they are exchanged for the role's, and renewed
before they run out. Nothing else comes from the environment: a proxy, an address or an authority
that somebody exported for another program must not change where images go. Botocore's own retries
are off: what fails is seen by the driver, whose schedule is the one that a person sees.

Botocore loads megabytes of descriptions, so it is imported where a client is made and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from causeway.destinations.blob.transport import proxy_url
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.destinations.http.client import Proxy

WORTH_ASKING_BYTES: Final = 1 << 20
"""A server is asked whether it wants a body that is larger, before it is sent."""
PART_OF_POOL: Final = 2
"""Connections beyond those of uploads: questions go beside them."""

Reveal = Callable[[], str]
"""Gives a secret when it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role to assume."""

    arn: str
    external_id: str = ""
    session_name: str = "causeway"
    seconds: int = 3600
    endpoint: str = ""
    """Of the token service, where it is not AWS's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a service, and as whom."""

    region: str = ""
    endpoint: str = ""
    """Empty: AWS's own."""
    access_key: Reveal | None = field(default=None, repr=False)
    secret_key: Reveal | None = field(default=None, repr=False)
    session_token: Reveal | None = field(default=None, repr=False)
    profile: str = ""
    role: Role | None = None
    ca: Path | None = None
    """Authorities to trust instead of the usual ones."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    proxy: Proxy | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    connections: int = 10
    use_fips: bool = False
    use_dualstack: bool = False

    @property
    def is_aws(self) -> bool:
        return not self.endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Ways:
    """What is particular to S3."""

    addressing: Literal["auto", "path", "virtual"] = "auto"
    accelerate: bool = False
    checksums: Literal["when_supported", "when_required"] = "when_supported"


def client(service: str, access: Access, *, s3: S3Ways | None = None) -> Any:
    """A thread-safe client. Raises ``ConfigurationError``, and what botocore raises."""
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import ProfileNotFound

    try:
        session = botocore.session.Session(profile=access.profile or None)
        session.register_component("data_loader", _descriptions())
        session.get_scoped_config()
    except ProfileNotFound:
        raise ConfigurationError(
            f"there is no AWS profile {access.profile}",
            hint="`aws configure list-profiles` shows them, to the user that runs the service",
        ) from None
    region = access.region or session.get_config_variable("region") or ""
    if not region and access.is_aws:
        raise ConfigurationError("no region is set", hint='set region, such as "eu-central-1"')
    config = Config(
        region_name=region or "us-east-1",
        signature_version="s3v4" if s3 else None,
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=access.connect_seconds,
        read_timeout=access.read_seconds,
        max_pool_connections=access.connections + PART_OF_POOL,
        tcp_keepalive=True,
        proxies=_proxies(access.proxy),
        proxies_config=_proxies_config(access.proxy),
        ignore_configured_endpoint_urls=True,
        client_cert=_client_certificate(access),
        use_fips_endpoint=access.use_fips or None,
        use_dualstack_endpoint=access.use_dualstack or None,
        request_checksum_calculation=s3.checksums if s3 else None,
        # What is read is compared with our own digests; one server was seen to tell wrong ones.
        response_checksum_validation="when_required" if s3 else None,
        s3=_s3(access, s3) if s3 else None,
        user_agent_extra="causeway",
    )
    _own_credentials(session, access)
    if access.role is not None:
        _assume(session, access, config)
    made = session.create_client(
        service,
        region_name=region or "us-east-1",
        endpoint_url=access.endpoint or None,
        verify=str(access.ca) if access.ca else True,
        config=config,
    )
    if s3:
        made.meta.events.register_last("before-call.s3", _sent_at_once)
    return made


def _sent_at_once(params: dict[str, Any], **_: Any) -> None:
    """Small bodies do not wait for "100 Continue", which takes the time of a request of its own."""
    body = params["body"]
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= WORTH_ASKING_BYTES:
        params["headers"].pop("Expect", None)


@cache
def _descriptions() -> Any:
    """What botocore knows of services, read once for all clients: they take turns to be made."""
    from botocore.loaders import create_loader

    return create_loader()


def _proxies(proxy: Proxy | None) -> dict[str, str]:
    if proxy is None:
        return {}
    url = proxy_url(proxy)
    return {"http": url, "https": url}


def _proxies_config(proxy: Proxy | None) -> dict[str, str] | None:
    if proxy is None or proxy.ca is None or proxy.ca.ca is None:
        return None
    return {"proxy_ca_bundle": str(proxy.ca.ca)}


def _client_certificate(access: Access) -> str | tuple[str, str] | None:
    if access.client_certificate is None:
        return None
    if access.client_key is None:
        return str(access.client_certificate)
    return str(access.client_certificate), str(access.client_key)


def _s3(access: Access, ways: S3Ways) -> dict[str, Any]:
    addressing = ways.addressing
    if addressing == "auto" and not access.is_aws:
        # Few servers elsewhere have a name for each bucket.
        addressing = "path"
    return {"addressing_style": addressing, "use_accelerate_endpoint": ways.accelerate}


def _own_credentials(session: Any, access: Access) -> None:
    if access.access_key is None or access.secret_key is None:
        return
    token = access.session_token() if access.session_token else None
    session.set_credentials(access.access_key(), access.secret_key(), token)


def _assume(session: Any, access: Access, config: Any) -> None:
    """Take the role's credentials for the session's, at the first request and before they end."""
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    role = access.role
    assert role is not None

    def sts(_service: str, **given: Any) -> Any:
        return session.create_client(
            "sts",
            region_name=config.region_name,
            endpoint_url=role.endpoint or None,
            verify=str(access.ca) if access.ca and role.endpoint else True,
            config=config,
            **{name: each for name, each in given.items() if name.startswith("aws_")},
        )

    wanted: dict[str, Any] = {"RoleSessionName": role.session_name, "DurationSeconds": role.seconds}
    if role.external_id:
        wanted["ExternalId"] = role.external_id
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=sts,
        source_credentials=session.get_credentials(),
        role_arn=role.arn,
        extra_args=wanted,
    )
    taken = DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )
    session._credentials = taken  # noqa: SLF001  botocore has no other way in from code
