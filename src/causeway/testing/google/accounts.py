"""Service accounts: their key files, and the tokens that their holders sign by themselves.

A holder of a key needs no token service: a JWT that it signs is taken as a bearer token, with the
scopes in it (AIP-4111, "Self-signed JWT with scopes"). Signature, key, account, scope and times are
checked here as the service checks them.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

LONGEST_SECONDS: Final = 3600
"""Of a token's life."""
SKEW_SECONDS: Final = 300
SCOPES: Final = frozenset(
    f"https://www.googleapis.com/auth/{name}"
    for name in ("devstorage.read_write", "devstorage.full_control", "cloud-platform")
)
"""Any of them lets one write objects."""


class NotAuthorised(Exception):
    """Why a token is not taken."""


class ServiceAccount:
    """An account with one key, made at its first use."""

    def __init__(self, name: str = "causeway") -> None:
        self.email = f"{name}@hospital.iam.gserviceaccount.com"
        self.key_id = "0123456789abcdef0123456789abcdef01234567"

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def key_file(self) -> str:
        """The JSON that is given out once, when a key is made."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "hospital",
                "private_key_id": self.key_id,
                "private_key": pem.decode(),
                "client_email": self.email,
                "client_id": "100000000000000000001",
                "auth_uri": "https://accounts.google.com/o/oauth2/auth",
                "token_uri": "https://oauth2.googleapis.com/token",
                "universe_domain": "googleapis.com",
            }
        )

    def check(self, token: str, *, now: Callable[[], float] = time.time) -> None:
        """Raises ``NotAuthorised``."""
        signed, _, signature = token.rpartition(".")
        try:
            head, claims = (_json(part) for part in signed.split("."))
            self._key.public_key().verify(
                _raw(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, binascii.Error):
            raise NotAuthorised("not a signed token") from None
        except InvalidSignature:
            raise NotAuthorised("signed by another key") from None
        if head.get("alg") != "RS256" or head.get("kid") != self.key_id:
            raise NotAuthorised("of another key, or not RS256")
        if not claims.get("iss") == claims.get("sub") == self.email:
            raise NotAuthorised("iss and sub must both be the account")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            raise NotAuthorised("no scope that lets objects be written")
        issued, expires = claims.get("iat", 0), claims.get("exp", 0)
        if not issued - SKEW_SECONDS <= now() < expires <= issued + LONGEST_SECONDS:
            raise NotAuthorised("not yet valid, not valid any more, or for longer than an hour")


def _raw(text: str) -> bytes:
    """Base64url as in JWTs, which leave the padding out."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _json(text: str) -> Mapping[str, Any]:
    found = json.loads(_raw(text))
    return found if isinstance(found, dict) else {}
