"""Whether an authority can vouch for anybody, by the rules that each handshake will apply.

``openssl req -x509`` alone makes one without a key usage, and ``VERIFY_X509_STRICT`` accepts
nothing that it has signed. Each handshake would fail, and the file would look good; so it is looked
at when it is loaded.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509


def flaws(path: Path) -> dict[str, str]:
    """By name of each authority in a PEM file that can vouch for nobody, what is wrong with it.

    Raises OSError and ValueError for a file that cannot be read.
    """
    return {
        name_of(each.subject): flaw
        for each in x509.load_pem_x509_certificates(path.read_bytes())
        if (flaw := _flaw(each))
    }


def vouches_for_nobody(path: Path) -> str:
    """What is wrong with the authorities in a PEM file; empty if one of them is good.

    What cannot be read here is left to OpenSSL to judge.
    """
    try:
        authorities = x509.load_pem_x509_certificates(path.read_bytes())
        found = {name_of(each.subject): _flaw(each) for each in authorities}
    except (OSError, ValueError):
        return ""
    if not all(found.values()):
        return ""
    return "; ".join(f"{name} {flaw}" for name, flaw in found.items())


def name_of(name: x509.Name) -> str:
    """The common name, or else the whole."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _flaw(authority: x509.Certificate) -> str:
    """RFC 5280 section 4.2.1, as far as OpenSSL is strict about it."""
    extensions = {type(each.value): each for each in authority.extensions}
    constraints = extensions.get(x509.BasicConstraints)
    if constraints is None or not constraints.value.ca:
        return ""  # no authority: something else that is in the file
    usage = extensions.get(x509.KeyUsage)
    if usage is None:
        return "has no key usage"
    if not usage.value.key_cert_sign:
        return "may not sign certificates by its key usage"
    if not constraints.critical:
        return "has basic constraints that are not critical"
    if x509.SubjectKeyIdentifier not in extensions:
        return "has no subject key identifier"
    return "" if authority.subject.rdns else "has no name"
