"""Whom an HTTP client trusts, and how it shows itself.

The machine's authorities are those that OpenSSL was built to look for; a site's own are added to
them, or take their place. Nothing is taken from the environment: ``SSL_CERT_FILE`` or a proxy that
somebody exported for another program must not change where images go.

A context is never changed in use. When one of its files changes on disk another is built, and a
half-copied certificate leaves the one that works in place.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from causeway.errors import DestinationUnavailable

Reveal = Callable[[], str]
"""Reads a secret where it is kept, each time that it is needed."""

NO_SECRET: Final[Reveal] = lambda: ""  # noqa: E731 - a value that stands for absence


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """TLS of one destination."""

    ca: Path | None = None
    """PEM file of the site's own authorities."""
    ca_only: bool = False
    """They take the place of the machine's, rather than being added to them."""
    certificate: Path | None = None
    """PEM file that the client shows, the chain above it included."""
    key: Path | None = None
    key_password: Reveal = field(default=NO_SECRET, repr=False)
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(each for each in (self.ca, self.certificate, self.key) if each is not None)


def context(trust: Trust) -> ssl.SSLContext:
    """A context for new connections. Raises ``DestinationUnavailable``, naming the file."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = max(trust.minimum_version, ssl.TLSVersion.TLSv1_2)
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if trust.ca is None or not trust.ca_only:
        _trust_the_machines(made)
    if trust.ca is not None:
        _load(trust.ca, made.load_verify_locations, "holds no certificates")
    if trust.certificate is not None:
        certificate, key = trust.certificate, trust.key or trust.certificate
        # A function, since without a password OpenSSL would ask for it on the terminal.
        _load(
            certificate,
            lambda path: made.load_cert_chain(path, key, password=trust.key_password),
            f"and the key {key} do not belong together, or the key's password is wrong",
        )
    return made


def stamps(trust: Trust) -> tuple[tuple[int, int, int] | None, ...]:
    """What changes when a file does."""
    return tuple(_stamp(path) for path in trust.files)


def _trust_the_machines(made: ssl.SSLContext) -> None:
    places = ssl.get_default_verify_paths()
    # Those that OpenSSL was built with, and not ``cafile`` and ``capath``, which the environment
    # can change.
    if Path(places.openssl_cafile).is_file():
        made.load_verify_locations(cafile=places.openssl_cafile)
    if Path(places.openssl_capath).is_dir():
        made.load_verify_locations(capath=places.openssl_capath)


def _load(path: Path, how: Callable[[Path], object], otherwise: str) -> None:
    try:
        how(path)
    except (ssl.SSLError, ValueError):
        raise DestinationUnavailable(
            f"{path} {otherwise}", hint="both must be PEM; correct the file, it is read again"
        ) from None
    except OSError as error:
        raise DestinationUnavailable(
            f"{path} cannot be read: {os.strerror(error.errno or 0)}",
            hint="correct the path or the rights; it is read again",
        ) from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    # Not the time of modification, which tools set back.
    return (status.st_ctime_ns, status.st_size, status.st_ino)
