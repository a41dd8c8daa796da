"""When certificates and revocation lists run out, for warnings ahead of time.

A listener whose certificate expires refuses every scanner at once, and one whose revocation list
expires does so too, silently from the operator's side; so status, doctor and logs ask here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from causeway.net.authorities import name_of
from causeway.net.tls import ClientTls, ServerTls


@dataclass(frozen=True, slots=True, kw_only=True)
class Expires:
    """One thing that ends."""

    path: Path
    what: str
    """``certificate``, ``certificate authority`` or ``revocation list``."""
    subject: str
    """Common name, or issuer of a list. A device's or an authority's name, not a patient's."""
    at: float
    """Seconds since the epoch."""


def expiries(options: ServerTls | ClientTls) -> tuple[Expires, ...]:
    """Everything in the options' files that ends, soonest first.

    Raises OSError and ValueError for files that cannot be read; whoever starts TLS with them has
    already been told what is wrong.
    """
    found: list[Expires] = []
    authority = options.client_ca if isinstance(options, ServerTls) else options.ca
    if options.certificate is not None:
        found += _certificates(options.certificate, "certificate")
    if authority is not None:
        found += _certificates(authority, "certificate authority")
    if options.crl is not None:
        found += _lists(options.crl)
    return tuple(sorted(found, key=lambda each: each.at))


def _certificates(path: Path, what: str) -> list[Expires]:
    return [
        Expires(
            path=path,
            what=what,
            subject=name_of(certificate.subject),
            at=certificate.not_valid_after_utc.timestamp(),
        )
        for certificate in x509.load_pem_x509_certificates(path.read_bytes())
    ]


def _lists(path: Path) -> list[Expires]:
    end = b"-----END X509 CRL-----"
    found = []
    for block in path.read_bytes().split(end)[:-1]:
        crl = x509.load_pem_x509_crl(
            block[block.index(b"-----BEGIN X509 CRL-----") :] + end + b"\n"
        )
        if crl.next_update_utc is not None:
            found.append(
                Expires(
                    path=path,
                    what="revocation list",
                    subject=name_of(crl.issuer),
                    at=crl.next_update_utc.timestamp(),
                )
            )
    return found
