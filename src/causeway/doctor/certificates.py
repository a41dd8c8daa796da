"""TLS files: whether they load, fit together, are private, and for how long they are valid."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from causeway.config import Configuration, TlsSettings
from causeway.doctor.finding import Finding, failed, ok, warning
from causeway.errors import CausewayError

if TYPE_CHECKING:
    from causeway.net import ServerTls

TlsOptions = Callable[[TlsSettings], "ServerTls"]
"""From the settings to what the listener takes; the composition knows how."""
SOON_DAYS = 30
"""A hospital's change calendar needs weeks."""


def certificates(configuration: Configuration, options: TlsOptions) -> Iterator[Finding]:
    for listener in configuration.listeners:
        if listener.tls is None:
            continue
        try:
            tls = options(listener.tls)
        except CausewayError as error:  # a password that is not where the configuration says
            yield failed("tls", error.message, error.hint)
            continue
        yield from _of_listener(tls)


def _of_listener(tls: ServerTls) -> Iterator[Finding]:
    from causeway.net import expiries, flaws, server_context

    try:
        server_context(tls)
    except CausewayError as error:
        yield failed("tls", error.message, error.hint)
        return
    if tls.key.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield warning(
            "tls", f"{tls.key} can be read or written by others", f"`chmod 640 {tls.key}`"
        )
    if tls.client_ca is not None:
        for name, flaw in flaws(tls.client_ca).items():
            yield warning(
                "tls",
                f"{name} in {tls.client_ca} {flaw}, so nobody that it vouches for is let in",
                "take it out, or make it again with its key usage (keyCertSign, cRLSign)",
            )
    now = time.time()
    for ends in expiries(tls):
        days = (ends.at - now) / 86400
        what = f"the {ends.what} of {ends.subject} in {ends.path}"
        renew = (
            "put a new list there" if ends.what == "revocation list" else "put a renewed one there"
        )
        if days < 0:
            yield failed("tls", f"{what} expired {-days:.0f} days ago", renew)
        elif days < SOON_DAYS:
            yield warning("tls", f"{what} expires in {days:.0f} days", renew)
        else:
            yield ok("tls", f"{what} is valid for {days:.0f} days")
