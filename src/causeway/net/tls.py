"""TLS for listener and client, after PS3.15 B.12 and B.13 (BCP 195: RFC 8996 and RFC 9325).

What is particular here, each for a reason that was seen (OpenSSL 3.0):

- A context is never changed in use. When a certificate, key, CA or revocation list changes on disk,
  a new context is built and swapped in for new handshakes. A certificate authority cannot be taken
  out of a context, and a revocation list put into a live one did not stop sessions from being
  resumed.
- A resumed session is not checked again, neither for its time nor against the revocation list. So
  no session tickets (``num_tickets = 0``). In TLS 1.2 the context itself remembers sessions, which
  Python has no switch for; so a context is replaced once a minute, and its memory goes with it.
- ``VERIFY_X509_STRICT``, and with a revocation list ``VERIFY_CRL_CHECK_LEAF``: a list that is
  missing or expired refuses everybody, so its expiry is reported ahead of time like that of
  certificates.
- In TLS 1.3 a client believes its handshake done before the server has looked at its certificate. A
  refusal shows at the first read or write, so a session counts once the first PDU came.
- Contexts are made from ``SSLContext`` and not by ``create_default_context``, which would write
  session keys to a file when the environment says SSLKEYLOGFILE.
"""

from __future__ import annotations

import enum
import os
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from causeway.errors import StartupError
from causeway.net.authorities import vouches_for_nobody

RENEW_SECONDS = 60.0
"""How old a context may get. A new one costs a few milliseconds."""


class Profile(enum.StrEnum):
    """Secure transport connection profiles of PS3.15. Both are TLS 1.2 at least, and 1.3 when both
    can.
    """

    BCP195 = "bcp195"
    """B.12, BCP 195 RFC 8996, 9325."""
    BCP195_MODIFIED = "bcp195-modified"
    """B.13, Modified BCP 195 RFC 8996, 9325: 256-bit keys, ephemeral key exchange only."""


# For TLS 1.2; those of TLS 1.3 are OpenSSL's defaults, which RFC 9325 section 4.2 allows. The DHE
# suites are what older DICOM toolkits have in common with us; OpenSSL picks a group of at least
# 2048 bits.
_CIPHERS = {
    Profile.BCP195: ("ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!DSS:!aNULL:!eNULL:@SECLEVEL=2"),
    Profile.BCP195_MODIFIED: (
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
        "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=2"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """What a listener needs. With ``client_ca`` the peer has to show a certificate of it."""

    certificate: Path
    """PEM, the leaf first, then what leads to the root."""
    key: Path
    key_password: str = field(default="", repr=False)
    client_ca: Path | None = None
    crl: Path | None = None
    """PEM revocation lists of the client CA."""
    profile: Profile = Profile.BCP195
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """What a client needs. The server is always verified against ``ca``."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None
    key_password: str = field(default="", repr=False)
    crl: Path | None = None
    server_name: str = ""
    """Name that the server's certificate must carry, where it is not the host that is called."""
    verify_name: bool = True
    """Many PACS certificates carry no name to verify; then the CA must be one that signs for them
    only.
    """
    profile: Profile = Profile.BCP195
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2


def server_context(options: ServerTls) -> ssl.SSLContext:
    """A context for new handshakes. Raises StartupError, naming the file that is at fault."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _apply_profile(context, options.profile, options.minimum_version)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    _load_chain(context, options.certificate, options.key, options.key_password)
    if options.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        _load_trust(context, options.client_ca, options.crl)
    return context


def client_context(options: ClientTls) -> ssl.SSLContext:
    """A context for one or more associations. Raises StartupError, naming the file that is at
    fault.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _apply_profile(context, options.profile, options.minimum_version)
    context.check_hostname = options.verify_name
    _load_trust(context, options.ca, options.crl)
    if options.certificate is not None:
        _load_chain(
            context, options.certificate, options.key or options.certificate, options.key_password
        )
    return context


class ServerContext:
    """The context that new handshakes take, renewed when its files change, and once a minute."""

    def __init__(self, options: ServerTls, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._tried_at = clock()
        self._seen = self._signature()
        self._context = server_context(options)
        self._owed = False
        """Whether files changed that have not been taken over yet."""

    @property
    def current(self) -> ssl.SSLContext:
        return self._context

    def refresh(self, *, force: bool = False) -> bool:
        """Whether files that changed are in use from now on. Raises StartupError, and keeps the
        old context, when they do not fit: a half-copied certificate must not close a listener that
        works. They are tried again when they change, and each minute.
        """
        with self._lock:
            signature = self._signature()
            if signature != self._seen or force:
                self._owed = True
            elif self._clock() - self._tried_at < RENEW_SECONDS:
                return False
            self._tried_at = self._clock()
            # Noted before the files are read: what is written meanwhile is a change for the next
            # look.
            self._seen = signature
            self._context = server_context(self._options)
            renewed, self._owed = self._owed, False
            return renewed

    def _signature(self) -> tuple[tuple[int, int, int] | None, ...]:
        options = self._options
        paths = (options.certificate, options.key, options.client_ca, options.crl)
        return tuple(_stamp(path) for path in paths if path is not None)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    # Not the time of modification, which tools set back, and which a change of mode leaves alone.
    return (status.st_ctime_ns, status.st_size, status.st_ino)


def _apply_profile(
    context: ssl.SSLContext, profile: Profile, minimum_version: ssl.TLSVersion
) -> None:
    context.minimum_version = max(minimum_version, ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(_CIPHERS[profile])
    # Renegotiation is a way to make a server work; compression leaks lengths (RFC 9325 3.3, 3.5).
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _load_chain(context: ssl.SSLContext, certificate: Path, key: Path, password: str) -> None:
    for path in (certificate, key):
        _readable(path)
    try:
        # A function, since without a password OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: password)
    except (OSError, ValueError) as error:  # SSLError is one; gone since it was looked at, another
        raise StartupError(
            f"certificate {certificate} and key {key} cannot be used: {_why(error)}",
            hint="both must be PEM, the key must belong to the first certificate of the file, "
            "and an encrypted key needs its password",
        ) from error


def _load_trust(context: ssl.SSLContext, ca: Path, crl: Path | None) -> None:
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    _load_pem(context, ca, "certificates")
    if wrong := vouches_for_nobody(ca):
        raise StartupError(
            f"nobody would be believed by {ca}: {wrong}",
            hint="make the authority again, with `-addext keyUsage=critical,keyCertSign,cRLSign`",
        )
    if crl is not None:
        _load_pem(context, crl, "revocation lists")
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load_pem(context: ssl.SSLContext, path: Path, what: str) -> None:
    _readable(path)
    before = context.cert_store_stats()
    try:
        context.load_verify_locations(path)
    except OSError as error:  # as above
        raise StartupError(
            f"{path} holds no {what}: {_why(error)}",
            hint=f"it must be PEM, with one or more {what}",
        ) from error
    kind = "crl" if what == "revocation lists" else "x509_ca"
    if context.cert_store_stats()[kind] == before[kind]:
        raise StartupError(
            f"{path} holds no {what}",
            hint="a CA certificate says CA:TRUE in its basic constraints"
            if kind == "x509_ca"
            else "it must be PEM, with one or more revocation lists",
        )


def _readable(path: Path) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}") from error


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or str(error)
