"""Tokens for machines: OAuth 2.0 without a person.

Three ways to ask for one, all of them a POST to the token endpoint:

- client credentials with a secret (RFC 6749, 4.4), as HTTP Basic or in the form;
- client credentials with a signed assertion, ``private_key_jwt`` (RFC 7523, 2.2; OpenID Connect
  Core, 9): the key never leaves this machine, and each assertion is good for a minute and once;
- the assertion as the grant itself (RFC 7523, 2.1), which is what Google's service accounts do.

A token is kept until shortly before its end and asked for by one thread at a time, while the others
wait for it. Whoever sees one refused says so, and the next call gets another.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from causeway.destinations.http.bodies import Body, in_memory
from causeway.destinations.http.trust import Reveal
from causeway.errors import CausewayError, DestinationUnauthorised, DestinationUnavailable

ASSERTION_SECONDS: Final = 60
SKEW_SECONDS: Final = 60.0
"""A token is renewed so long before its end, or after four fifths of its life if that is short."""
UNSAID_SECONDS: Final = 300.0
"""Life of a token whose issuer does not tell it (``expires_in`` is optional: RFC 6749, 5.1)."""

_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A private key that signs assertions."""

    pem: Reveal = field(repr=False)
    id: str = ""
    algorithm: str = ""
    """As JWA names it; what suits the key, if it is not said."""
    certificate: Path | None = None
    """Its thumbprint goes along, by which Microsoft Entra finds the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """Whom to ask for tokens, and as whom."""

    token_url: str
    client_id: str
    scope: str = ""
    resource: str = ""
    """RFC 8707; what the token is for, where the issuer wants it named."""
    audience: str = ""
    """The same in the words of issuers that came before RFC 8707."""
    secret: Reveal | None = field(default=None, repr=False)
    secret_in: Literal["header", "form"] = "header"  # noqa: S105 - where it goes
    key: Key | None = None
    grant: Literal["client_credentials", "jwt_bearer"] = "client_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    value: str = field(repr=False)
    renew_at: float


Post = Callable[[str, Mapping[str, str], Body], tuple[int, bytes]]
"""Sends a form to an address; status and body. Raises when there is no answer to judge."""


class Tokens:
    """The one token that is in use. Thread safe."""

    def __init__(self, oauth: OAuth, *, post: Post, who: str, clock: Callable[[], float]) -> None:
        self._oauth = oauth
        self._post = post
        self._who = who
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> str:
        """Raises ``DestinationUnauthorised``, and whatever ``post`` does."""
        with self._lock:
            if self._token is None or self._clock() >= self._token.renew_at:
                self._token = ask(self._oauth, self._post, who=self._who, now=self._clock())
            return self._token.value

    def refused(self, value: str) -> None:
        """Somebody was turned away with this token."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None


def ask(oauth: OAuth, post: Post, *, who: str, now: float) -> Token:
    """A new token from the issuer."""
    headers, form = request(oauth, now=now)
    content = urllib.parse.urlencode(form).encode()
    status, text = post(
        oauth.token_url,
        {"accept": "application/json", **headers},
        in_memory(content, "application/x-www-form-urlencoded"),
    )
    try:
        said = json.loads(text)
        if status == 200:
            return _token(said, now)
        code = said["error"]
    except (ValueError, KeyError, TypeError):
        code = ""
    raise _refusal(status, code if isinstance(code, str) else "", who)


def request(oauth: OAuth, *, now: float) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form of a token request."""
    headers: dict[str, str] = {}
    form: dict[str, str] = {"grant_type": oauth.grant}
    if oauth.grant == "jwt_bearer":
        assert oauth.key is not None
        extra = {"scope": oauth.scope} if oauth.scope else {}
        form = {"grant_type": _JWT_GRANT, "assertion": assertion(oauth, oauth.key, extra, now=now)}
        return headers, form
    for name in ("scope", "resource", "audience"):
        if value := getattr(oauth, name):
            form[name] = value
    if oauth.key is not None:
        form["client_id"] = oauth.client_id
        form["client_assertion_type"] = _BEARER
        form["client_assertion"] = assertion(
            oauth, oauth.key, {"sub": oauth.client_id, "jti": secrets.token_hex(16)}, now=now
        )
    elif oauth.secret is not None and oauth.secret_in == "form":  # noqa: S105
        form |= {"client_id": oauth.client_id, "client_secret": oauth.secret()}
    elif oauth.secret is not None:
        # Both are encoded before they are joined (RFC 6749, 2.3.1), which a colon makes necessary.
        pair = ":".join(urllib.parse.quote_plus(e) for e in (oauth.client_id, oauth.secret()))
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers, form


def assertion(oauth: OAuth, key: Key, extra: Mapping[str, Any], *, now: float) -> str:
    """Who we are, signed."""
    issued = int(now)
    claims = {
        "iss": oauth.client_id,
        "aud": oauth.token_url,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
        **extra,
    }
    try:
        signing, algorithm = _signing_key(key.pem())
        header: dict[str, Any] = {"alg": key.algorithm or algorithm, "typ": "JWT"}
        if key.id:
            header["kid"] = key.id
        if key.certificate is not None:
            leaf = x509.load_pem_x509_certificate(key.certificate.read_bytes())
            digest = hashlib.sha256(leaf.public_bytes(serialization.Encoding.DER)).digest()
            header["x5t#S256"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return jwt.encode(header, claims, signing, algorithms=[header["alg"]])
    except (ValueError, TypeError, OSError, JoseError) as error:
        raise DestinationUnauthorised(
            f"the key for tokens cannot be used: {type(error).__name__}",
            hint="it must be an unencrypted PEM private key, RSA, EC or Ed25519, of the kind that "
            "its algorithm asks for",
        ) from None


def _signing_key(pem: str) -> tuple[jwk.Key, str]:
    found = serialization.load_pem_private_key(pem.encode(), password=None)
    match found:
        case rsa.RSAPrivateKey():
            return jwk.RSAKey.import_key(pem), "RS256"
        case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
            return jwk.ECKey.import_key(pem), "ES384"
        case ec.EllipticCurvePrivateKey():
            return jwk.ECKey.import_key(pem), "ES256"
        case ed25519.Ed25519PrivateKey():
            return jwk.OKPKey.import_key(pem), "Ed25519"
        case _:
            raise ValueError("a key of another kind")


def _token(said: Mapping[str, Any], now: float) -> Token:
    value, kind = said["access_token"], said.get("token_type", "Bearer")
    if not isinstance(value, str) or not value or str(kind).lower() != "bearer":
        raise ValueError("no bearer token")
    try:
        life = max(0.0, float(said.get("expires_in", UNSAID_SECONDS)))
    except (TypeError, ValueError):
        life = UNSAID_SECONDS
    return Token(value=value, renew_at=now + life - min(SKEW_SECONDS, life / 5))


_WHAT_TO_DO: Final = {
    "invalid_client": "its client id, secret or key is not what the issuer knows",
    "unauthorized_client": "allow this client the grant at the issuer",
    "unsupported_grant_type": "the issuer does not offer this grant to machines",
    "invalid_scope": "see `scope`: the issuer does not know it, or not for this client",
    "invalid_target": "see `resource`: the issuer does not know it, or not for this client",
    "invalid_grant": "the assertion is not accepted: see the key, the client id, and the clock",
    "invalid_request": "see `scope`, `resource` and `audience`: the issuer misses one, or refuses "
    "one",
}
"""RFC 6749, 5.2, and RFC 8707, 2."""


def _refusal(status: int, code: str, who: str) -> CausewayError:
    if status == 200:
        return DestinationUnavailable(
            f"the issuer of tokens for {who} gave none", hint="see `token_url`"
        )
    known = code if code in _WHAT_TO_DO else ""
    return DestinationUnauthorised(
        f"the issuer of tokens for {who} refuses ({status}{f', {known}' if known else ''})",
        hint=_WHAT_TO_DO.get(code, "see `token_url` and the client's entry at the issuer"),
    )
