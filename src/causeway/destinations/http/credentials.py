"""How a request shows who asks: not at all, by a fixed header, or by a token that changes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from causeway.destinations.http.bodies import Body
from causeway.destinations.http.oauth import Tokens
from causeway.destinations.http.trust import Reveal
from causeway.errors import CausewayError, ConfigurationError, DestinationUnauthorised


class Credentials(Protocol):
    """What goes into the headers of each request anew."""

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        """Raises ``DestinationUnauthorised`` if there is nothing to show."""

    def refused(self, headers: Mapping[str, str]) -> bool:
        """These were turned away (401); whether asking again may bring others."""


class Anonymous:
    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        del method, url, body
        return {}

    def refused(self, headers: Mapping[str, str]) -> bool:
        del headers
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedToken:
    """One that a person was given: ``Bearer`` and the token, or what the scheme asks for."""

    token: Reveal = field(repr=False)
    scheme: str = "Bearer"

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        del method, url, body
        return {"authorization": f"{self.scheme} {revealed(self.token)}"}

    def refused(self, headers: Mapping[str, str]) -> bool:
        # The file that it stands in may have been written anew meanwhile.
        return self.headers("", "", None) != {"authorization": headers.get("authorization")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """RFC 7617."""

    username: str
    password: Reveal = field(repr=False)

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        del method, url, body
        pair = f"{self.username}:{revealed(self.password)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def refused(self, headers: Mapping[str, str]) -> bool:
        return self.headers("", "", None) != {"authorization": headers.get("authorization")}


class BearerTokens:
    """What ``oauth`` brings."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def headers(self, method: str, url: str, body: Body | None) -> Mapping[str, str]:
        del method, url, body
        return {"authorization": f"Bearer {self._tokens.current()}"}

    def refused(self, headers: Mapping[str, str]) -> bool:
        self._tokens.refused(headers.get("authorization", "").removeprefix("Bearer "))
        return True


def revealed(secret: Reveal) -> str:
    """A secret, checked to be something that a header can carry."""
    try:
        value = secret()
    except ConfigurationError as error:
        raise DestinationUnauthorised(error.message, hint=error.hint) from None
    except CausewayError:
        raise
    if not value or not value.isascii() or not value.isprintable():
        raise DestinationUnauthorised(
            "a secret is empty, or has characters that no header can carry",
            hint="see the file or variable that it is read from: one line, nothing else",
        )
    return value
