"""What worlds have in common whose far side is an HTTP server: TLS, tokens, and their faults."""

from __future__ import annotations

import atexit
import functools
import shutil
import ssl
import tempfile
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from destination_worlds import Fault, World

from causeway.destinations import Destination
from causeway.destinations.http import HttpOptions, OAuth, Trust
from causeway.net.tls import ServerTls, server_context
from causeway.testing import http_peer
from causeway.testing.certificates import TestAuthority
from causeway.testing.delivering import MemoryOfDestination, Parcel, bring
from causeway.testing.http_peer import HttpPeer, Reply

WAIT = {"retry-after": "7"}


@functools.cache
def certificates() -> tuple[Path, ssl.SSLContext, ssl.SSLContext]:
    """An authority, a server's context, and one whose certificate has expired; once a test run."""
    folder = Path(tempfile.mkdtemp(prefix="causeway-certificates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    authority = TestAuthority(folder)
    good, old = authority.issue("server"), authority.issue("old", expired=True)
    return (
        authority.certificate,
        server_context(ServerTls(certificate=good.certificate, key=good.key)),
        server_context(ServerTls(certificate=old.certificate, key=old.key)),
    )


class Issuer(HttpPeer):
    """Gives out numbered tokens."""

    issued = 0

    def respond(self, request: http_peer.Request) -> Reply:
        del request
        self.issued += 1
        return http_peer.json_reply({"access_token": f"token-{self.issued}", "expires_in": 600})


class HttpWorld(World):
    """Called over TLS, with tokens of an issuer."""

    impossible: ClassVar[Mapping[Fault, str]] = {}
    upload: ClassVar[tuple[str, str]]
    """Method and path of the request that brings bytes."""
    peer: HttpPeer

    def __init__(self, tmp_path: Path) -> None:
        del tmp_path
        self.ca, self.tls, expired = certificates()
        self.memory = MemoryOfDestination()
        self.issuer = Issuer(tls=self.tls)
        self.expired = HttpPeer(lambda _: Reply(), tls=expired)
        self.peer = self.far_side()
        self.address = self.peer.url
        self._made: list[Destination] = []
        for each in (self.issuer, self.expired, self.peer):
            each.__enter__()

    @abstractmethod
    def far_side(self) -> HttpPeer: ...

    @abstractmethod
    def made(self) -> Destination:
        """A destination that calls ``self.address``."""

    def destination(self) -> Destination:
        self._made.append(self.made())
        return self._made[-1]

    @property
    def options(self) -> HttpOptions:
        return HttpOptions(
            who="destination archive", trust=Trust(ca=self.ca, ca_only=True),
            connect_seconds=5.0, answer_seconds=1.0, stall_seconds=5.0,
        )  # fmt: skip

    @property
    def oauth(self) -> OAuth:
        return OAuth(
            token_url=f"{self.issuer.url}/token", client_id="causeway", secret=lambda: "s3cret"
        )

    def inject(self, fault: Fault, parcel: Parcel) -> None:
        match fault:
            case Fault.AWAY:
                self.address = "https://localhost:9"
            case Fault.DNS:
                self.address = "https://no-such-host.invalid"
            case Fault.CERTIFICATE_EXPIRED:
                self.address = self.expired.url
            case Fault.ASKS_TO_WAIT:
                self._answer(Reply(status=429, headers=WAIT))
            case Fault.UNAVAILABLE:
                self._answer(Reply(status=503))
            case Fault.FULL:
                self._answer(Reply(status=507))
            case Fault.UNAUTHORISED:
                self._fault(takes_bytes=200, reply=Reply(status=401))
            case Fault.TOKEN_EXPIRES:
                self._fault(takes_bytes=200, reply=Reply(status=401), times=1)
            case Fault.TRUNCATED_ANSWER:
                self._fault(acts=True, cut_at=20)
            case Fault.SLOW_ANSWER:
                self._fault(acts=True, delay_seconds=3.0)
            case Fault.RESET_AFTER_BODY:
                self._fault(acts=True, resets=True)
            case Fault.THERE_SAME:
                bring(self.destination(), parcel.after_lost_ledger())
            case _:
                self.harm(fault, parcel)

    @abstractmethod
    def harm(self, fault: Fault, parcel: Parcel) -> None:
        """Faults of what is behind HTTP."""

    def _answer(self, reply: Reply) -> None:
        self._fault(reply=reply)

    def _fault(self, **what: object) -> None:
        method, path = self.upload
        self.peer.faults.append(
            http_peer.Fault(**{"method": method, "path": path, "times": 99, **what})  # type: ignore[arg-type]
        )

    def mend(self) -> None:
        self.address = self.peer.url
        self.peer.faults.clear()

    def close(self) -> None:
        for destination in self._made:
            destination.close()
        for each in (self.issuer, self.expired, self.peer):
            each.close()
