"""A client with its credentials, from settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from causeway.destinations.http.bodies import Body
from causeway.destinations.http.client import HttpClient, HttpOptions
from causeway.destinations.http.credentials import (
    Basic,
    BearerTokens,
    Credentials,
    FixedToken,
)
from causeway.destinations.http.oauth import OAuth, Tokens
from causeway.destinations.http.signature import AwsSignature

Auth = FixedToken | Basic | OAuth | AwsSignature | None
"""How a destination is told who asks."""


class ConnectedClient(HttpClient):
    """A client that also closes what its credentials need."""

    def __init__(
        self, options: HttpOptions, auth: Auth, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._issuer: HttpClient | None = None
        credentials: Credentials | None
        if isinstance(auth, OAuth):
            self._issuer = HttpClient(options, clock=clock)
            credentials = BearerTokens(Tokens(auth, post=self._post, who=options.who, clock=clock))
        else:
            credentials = auth
        super().__init__(options, credentials=credentials, clock=clock)

    def _post(self, url: str, headers: Mapping[str, str], body: Body) -> tuple[int, bytes]:
        assert self._issuer is not None
        answer = self._issuer.ask("POST", url, headers=headers, body=body, judge_401=False)
        if answer.status in (408, 429) or answer.status >= 500:
            raise self._issuer.failure(answer)
        return answer.status, answer.body

    def close(self) -> None:
        super().close()
        if self._issuer is not None:
            self._issuer.close()
