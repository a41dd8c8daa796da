"""The first steps of a trial: settings, name, connection, TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from causeway.destinations.aws.client import Access
from causeway.destinations.contract import Step
from causeway.errors import CausewayError


def reached(
    name: str, access: Access, url: Callable[[], str], *, prefix: str = ""
) -> Iterator[Step]:
    """Steps as ``reach`` has them; ``url`` makes a client, which can fail for its settings."""
    try:
        where = url()
    except CausewayError as error:
        yield Step(name=f"{prefix}settings", ok=False, text=error.message, hint=error.hint)
        return
    # A trial is rare, and a client for HTTP takes its time to load.
    from causeway.destinations.http.client import HttpOptions
    from causeway.destinations.http.probing import reach
    from causeway.destinations.http.trust import Trust

    options = HttpOptions(
        who=f"destination {name}",
        trust=Trust(
            ca=access.ca,
            ca_only=access.ca is not None,
            certificate=access.client_certificate,
            key=access.client_key,
        ),
        proxy=access.proxy,
        connect_seconds=access.connect_seconds,
    )
    for step in reach(options, where):
        yield replace(step, name=f"{prefix}{step.name}")
