"""The steps of a probe that all destinations over HTTP have in common: name, connection, TLS."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import urllib.parse
from collections.abc import Callable, Iterator

from causeway.destinations.contract import Step
from causeway.destinations.http.client import HttpOptions
from causeway.destinations.http.failures import failure_of_exception
from causeway.destinations.http.trust import context
from causeway.errors import CausewayError

PORTS = {"https": 443, "http": 80}


def reach(options: HttpOptions, url: str) -> Iterator[Step]:
    """Look the host up, connect, and shake hands. With a proxy it is the proxy that is reached."""
    target = urllib.parse.urlsplit(options.proxy.url if options.proxy else url)
    trust = (options.proxy.ca if options.proxy else None) or options.trust
    host, port = target.hostname or "", target.port or PORTS.get(target.scheme, 443)
    by = "the proxy's name" if options.proxy else "its name"

    def look_up() -> str:
        found = {each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        return f"{by} is {', '.join(sorted(map(str, found)))}"

    yield (step := attempt("dns", look_up, who=options.who))
    if not step.ok:
        return

    def connect() -> str:
        with socket.create_connection((host, port), timeout=options.connect_seconds):
            return f"port {port} answers"

    yield (step := attempt("tcp", connect, who=options.who))
    if not step.ok or target.scheme != "https":
        return

    def shake_hands() -> str:
        with (
            socket.create_connection((host, port), timeout=options.connect_seconds) as plain,
            context(trust).wrap_socket(plain, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert() or {}
            until = ssl.cert_time_to_seconds(str(shown["notAfter"]))
            day = dt.datetime.fromtimestamp(until, dt.UTC).date().isoformat()
            return f"{secured.version()}, its certificate is good until {day}"

    yield attempt("tls", shake_hands, who=options.who)


def attempt(name: str, work: Callable[[], str], *, who: str) -> Step:
    """Do one step; what came of it, in words."""
    try:
        return Step(name=name, ok=True, text=work())
    except CausewayError as error:
        return Step(name=name, ok=False, text=error.message, hint=error.hint)
    except (OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            return Step(
                name=name, ok=False, text="no answer in time", hint="is a firewall in between?"
            )
        failure = failure_of_exception(error, who=who)
        return Step(name=name, ok=False, text=failure.message, hint=failure.hint)
