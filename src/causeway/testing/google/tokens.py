"""The service that exchanges tokens of other identity providers for those of Google (RFC 8693)."""

from __future__ import annotations

import itertools
import time
import urllib.parse
from collections.abc import Callable
from typing import Any, Final

from causeway.testing.google.accounts import SCOPES, NotAuthorised
from causeway.testing.http_peer import HttpPeer, Reply, Request, json_reply

AUDIENCE: Final = (
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/hospital/providers/idp"
)
_TYPE: Final = "urn:ietf:params:oauth:token-type"


class TokenService(HttpPeer):
    """Gives a token to who has the subject's, for a while."""

    def __init__(
        self, subject_token: str, *, seconds: int = 3600, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self._subject_token = subject_token
        self._seconds = seconds
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._numbers = itertools.count(1)

    def credentials_file(self, subject_file: str) -> dict[str, Any]:
        """What Google gives out for a pool whose subjects' tokens stand in a file."""
        return {
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": f"{_TYPE}:jwt",
            "token_url": f"{self.url}/v1/token",
            "credential_source": {"file": subject_file},
        }

    def respond(self, request: Request) -> Reply:
        asked = dict(urllib.parse.parse_qsl(request.body.decode()))
        wanted = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": AUDIENCE,
            "requested_token_type": f"{_TYPE}:access_token",
            "subject_token_type": f"{_TYPE}:jwt",
            "subject_token": self._subject_token,
        }
        if (request.method, request.path) != ("POST", "/v1/token"):
            return Reply(status=404)
        if any(asked.get(name) != value for name, value in wanted.items()):
            return json_reply({"error": "invalid_grant"}, status=400)
        if not SCOPES & set(asked.get("scope", "").split()):
            return json_reply({"error": "invalid_scope"}, status=400)
        token = f"access-{next(self._numbers)}"
        self._ends[token] = self._clock() + self._seconds
        return json_reply(
            {
                "access_token": token,
                "issued_token_type": f"{_TYPE}:access_token",
                "token_type": "Bearer",
                "expires_in": self._seconds,
            }
        )

    def check(self, token: str) -> None:
        """As ``ServiceAccount.check``, of the tokens that were given out."""
        if self._clock() >= self._ends.get(token, 0.0):
            raise NotAuthorised("not given out here, or not valid any more")
