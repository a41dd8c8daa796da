"""An HTTP client for one destination: one request is one try.

What is particular here: nothing comes from the environment (proxies, authorities); certificates are
followed when their files change; a request is repeated in one case only, with other credentials
after a 401; redirects are not followed, as they lead credentials and images elsewhere; and whatever
goes wrong is one of our errors, which the engine's schedule knows what to do with.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import httpx2

from causeway import __version__
from causeway.destinations.http.bodies import Body
from causeway.destinations.http.credentials import Anonymous, Credentials, revealed
from causeway.destinations.http.failures import failure_of_exception, failure_of_status
from causeway.destinations.http.trust import NO_SECRET, Reveal, Trust, context, stamps
from causeway.errors import CausewayError, DestinationUnavailable, TemporaryError

ANSWER_LIMIT: Final = 64 << 20
"""Most of an answer that is read. The longest that is meant is the list of a few thousand
instances, some 500 bytes each."""
IDLE_SECONDS: Final = 0.9
"""How long a connection is kept for the next request: through a burst, and less than any server
that was met waits (Orthanc: 1 s), so that none is used just when the other side closes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    url: str
    username: str = ""
    password: Reveal = field(default=NO_SECRET, repr=False)
    ca: Trust | None = None
    """Whom a proxy that is called by https is trusted by, if not by whom its destination is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How one destination is called."""

    who: str
    """What it is called in errors, such as ``destination archive``."""
    trust: Trust = field(default_factory=Trust)
    proxy: Proxy | None = None
    connect_seconds: float = 10.0
    answer_seconds: float = 120.0
    """For an answer after the last byte was sent: a large batch is stored and indexed in it."""
    stall_seconds: float = 60.0
    """For the other side to take more of what is sent."""
    connections: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(slots=True, kw_only=True)
class _Pool:
    """Connections that were made under one context."""

    client: httpx2.Client
    users: int = 0
    retired: bool = False


class HttpClient:
    """See the module's text. Thread safe."""

    def __init__(
        self,
        options: HttpOptions,
        *,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._credentials = credentials or Anonymous()
        self._clock = clock
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        self._stamps: object = None
        self._closed = False

    @property
    def who(self) -> str:
        return self._options.who

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: Body | None = None,
        authenticate: bool = True,
        judge_401: bool = True,
    ) -> Answer:
        """The answer, whatever its status. Raises where there is none, and for a 401 that stays."""
        with self.open(
            method, url, headers=headers, body=body, authenticate=authenticate, judge_401=judge_401
        ) as (answer, pieces):
            found = bytearray()
            deadline = self._clock() + self._options.answer_seconds
            for piece in pieces:
                found += piece
                if len(found) > ANSWER_LIMIT:
                    raise TemporaryError(f"{self.who} answers without end")
                if self._clock() > deadline:
                    raise TemporaryError(f"{self.who} answers too slowly")
            return Answer(status=answer.status, headers=answer.headers, body=bytes(found))

    def demand(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: Body | None = None,
        authenticate: bool = True,
    ) -> Answer:
        """As ``ask``, and raises what any status but success means."""
        answer = self.ask(method, url, headers=headers, body=body, authenticate=authenticate)
        if not answer.is_success:
            raise self.failure(answer)
        return answer

    def failure(self, answer: Answer) -> CausewayError:
        """What an answer without success means."""
        return failure_of_status(answer.status, answer.headers, who=self.who, now=self._clock())

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: Body | None = None,
        authenticate: bool = True,
        judge_401: bool = True,
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Status and headers, and the answer's bytes as they come."""
        with self._pooled() as client:
            response = self._sent(client, method, url, headers, body, authenticate)
            if response.status_code == 401 and judge_401:
                response.close()
                raise failure_of_status(401, response.headers, who=self.who, now=self._clock())
            try:
                answer = Answer(
                    status=response.status_code, headers=dict(response.headers), body=b""
                )
                yield answer, self._pieces(response)
            finally:
                response.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._pool is not None:
                self._retire(self._pool)
                self._pool = None

    def renew(self) -> None:
        """Take over certificates that have changed. Raises what is wrong with them."""
        with self._lock:
            self._renewed()

    # --- one request --------------------------------------------------------------------------

    def _sent(
        self,
        client: httpx2.Client,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        authenticate: bool,
    ) -> httpx2.Response:
        credentials = self._credentials if authenticate else Anonymous()
        shown = credentials.headers(method, url, body)
        response = self._once(client, method, url, {**headers, **shown}, body)
        if response.status_code == 401 and credentials.refused(shown):
            response.close()
            shown = credentials.headers(method, url, body)
            response = self._once(client, method, url, {**headers, **shown}, body)
        return response

    def _once(
        self,
        client: httpx2.Client,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
    ) -> httpx2.Response:
        sent = dict(headers)
        if body is not None:
            sent["content-type"] = body.content_type
            sent["content-length"] = str(body.size)
        try:
            request = client.build_request(
                method, url, headers=sent, content=None if body is None else body.pieces()
            )
            return client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise failure_of_exception(error, who=self.who) from None

    def _pieces(self, response: httpx2.Response) -> Iterator[bytes]:
        try:
            # As they come: waiting for pieces of a size would hide a server that drips.
            yield from response.iter_bytes()
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise failure_of_exception(error, who=self.who) from None

    # --- connections --------------------------------------------------------------------------

    @contextlib.contextmanager
    def _pooled(self) -> Iterator[httpx2.Client]:
        with self._lock:
            pool = self._renewed()
            pool.users += 1
        try:
            yield pool.client
        finally:
            with self._lock:
                pool.users -= 1
                if pool.retired and not pool.users:
                    pool.client.close()

    def _renewed(self) -> _Pool:
        """The pool, new if its certificates are."""
        if self._closed:
            raise DestinationUnavailable(f"{self.who} is closed")
        # Noted before the files are read: what is written meanwhile is a change for the next look.
        found = self._signature()
        if self._pool is None or found != self._stamps:
            try:
                made = _Pool(client=self._made())
            except CausewayError:
                if self._pool is None:
                    raise
                return self._pool
            if self._pool is not None:
                self._retire(self._pool)
            self._pool, self._stamps = made, found
        return self._pool

    def _signature(self) -> object:
        proxy = self._options.proxy
        ours = stamps(self._options.trust)
        return ours if proxy is None or proxy.ca is None else (ours, stamps(proxy.ca))

    def _made(self) -> httpx2.Client:
        options = self._options
        proxy = options.proxy
        # A pool without proxies, and not the environment's: ``trust_env`` off.
        return httpx2.Client(
            verify=context(options.trust),
            proxy=None
            if proxy is None
            else httpx2.Proxy(
                proxy.url,
                auth=(proxy.username, revealed(proxy.password)) if proxy.username else None,
                ssl_context=context(proxy.ca or options.trust)
                if proxy.url.startswith("https:")
                else None,
            ),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(
                connect=options.connect_seconds,
                read=options.answer_seconds,
                write=options.stall_seconds,
                pool=options.connect_seconds,
            ),
            limits=httpx2.Limits(
                max_connections=options.connections,
                max_keepalive_connections=options.connections,
                keepalive_expiry=IDLE_SECONDS,
            ),
            headers={
                "user-agent": f"causeway/{__version__}",
                # What is measured and compared must arrive as it is.
                "accept-encoding": "identity",
            },
        )

    @staticmethod
    def _retire(pool: _Pool) -> None:
        """Close it once nobody uses it any more."""
        pool.retired = True
        if not pool.users:
            pool.client.close()
