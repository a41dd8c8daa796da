"""How stores over obstore are reached: proxy, authorities, patience."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from causeway.destinations.blob.bucket import Bucket
from causeway.destinations.contract import Step
from causeway.errors import CausewayError

if TYPE_CHECKING:
    from causeway.destinations.http.client import Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    ca: Path | None = None
    """Authorities that are trusted besides the usual ones."""
    proxy: Proxy | None = None
    connect_seconds: float = 10.0
    answer_seconds: float = 300.0
    """For a whole request: a piece of 16 MiB at half a megabit a second."""

    def options(self, endpoint: str) -> Any:
        """As obstore takes them."""
        options: dict[str, Any] = {
            "connect_timeout": timedelta(seconds=self.connect_seconds),
            "timeout": timedelta(seconds=self.answer_seconds),
            "user_agent": "causeway",
        }
        if endpoint.startswith("http://"):
            options["allow_http"] = True
        if self.ca is not None:
            options["root_certificate"] = self.ca.read_bytes()
        if self.proxy is not None:
            options["proxy_url"] = proxy_url(self.proxy)
            if self.proxy.ca is not None and self.proxy.ca.ca is not None:
                options["proxy_ca_certificate"] = self.proxy.ca.ca.read_text()
        return options


def proxy_url(proxy: Proxy) -> str:
    """With the credentials in it, as libraries want them."""
    scheme, _, rest = proxy.url.partition("://")
    who = f"{quote(proxy.username, safe='')}:{quote(proxy.password(), safe='')}@"
    return f"{scheme}://{who if proxy.username else ''}{rest}"


def reached(
    name: str,
    url: str,
    transport: Transport,
    bucket: Bucket,
    probe_write: Callable[[], Iterator[Step]],
) -> Iterator[Step]:
    """The trial of a store: settings, name, connection, TLS, and a small object."""
    try:
        bucket.check()
    except CausewayError as error:
        yield Step(name="settings", ok=False, text=error.message, hint=error.hint)
        return
    # A trial is rare, and a client for HTTP takes its time to load.
    from causeway.destinations.http.client import HttpOptions
    from causeway.destinations.http.probing import reach
    from causeway.destinations.http.trust import Trust

    options = HttpOptions(
        who=f"destination {name}",
        trust=Trust(ca=transport.ca),
        proxy=transport.proxy,
        connect_seconds=transport.connect_seconds,
    )
    for step in reach(options, url):
        yield step
        if not step.ok:
            return
    yield from probe_write()
