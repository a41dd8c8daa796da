"""Tokens: asked for once, kept while they are good, renewed when they are not."""

from __future__ import annotations

import base64
import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk, jwt
from web_support import options

from causeway.destinations.http import Body, HttpClient, Key, OAuth, Tokens, in_memory
from causeway.destinations.http.connect import ConnectedClient
from causeway.destinations.http.oauth import ask, request
from causeway.errors import (
    DestinationUnauthorised,
    DestinationUnavailable,
    TemporaryError,
)
from causeway.testing.certificates import TestAuthority
from causeway.testing.http_peer import Fault, HttpPeer, Reply, Request, json_reply

SECRET = OAuth(
    token_url="https://issuer.example/token", client_id="cause:way", secret=lambda: "s&x"
)


class Issuer:
    """Gives out numbered tokens."""

    def __init__(self, *, life: object = 3600) -> None:
        self.asked: list[tuple[Mapping[str, str], dict[str, str]]] = []
        self.life = life
        self.answer: tuple[int, bytes] | None = None

    def __call__(self, url: str, headers: Mapping[str, str], body: Body) -> tuple[int, bytes]:
        form = dict(urllib.parse.parse_qsl(b"".join(body.pieces()).decode()))
        self.asked.append((headers, form))
        if self.answer is not None:
            return self.answer
        said = {"access_token": f"t{len(self.asked)}", "token_type": "bearer"}
        if self.life is not None:
            said["expires_in"] = self.life  # type: ignore[assignment]
        return 200, json.dumps(said).encode()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def tokens(issuer: Issuer, clock: Clock, oauth: OAuth = SECRET) -> Tokens:
    return Tokens(oauth, post=issuer, who="destination a", clock=clock)


@pytest.mark.parametrize(
    ("life", "good_for"), [(3600, 3540), (60, 48), ("600", 540), (None, 240), ("soon", 240), (0, 0)]
)
def test_a_token_is_kept_until_shortly_before_its_end(life: object, good_for: float) -> None:
    issuer, clock = Issuer(life=life), Clock()
    kept = tokens(issuer, clock)
    assert kept.current() == "t1"
    clock.now += max(0.0, good_for - 0.1)
    assert kept.current() == ("t1" if good_for else "t2")
    clock.now += 0.1
    assert kept.current() != "t1"


def test_a_refused_token_is_renewed_and_a_newer_one_is_not() -> None:
    issuer, clock = Issuer(), Clock()
    kept = tokens(issuer, clock)
    assert kept.current() == "t1"
    kept.refused("t1")
    assert kept.current() == "t2"
    kept.refused("t1")
    assert kept.current() == "t2"


def test_many_threads_ask_once() -> None:
    issuer, clock = Issuer(), Clock()
    kept = tokens(issuer, clock)
    found: list[str] = []
    together = threading.Barrier(8)

    def look() -> None:
        together.wait()
        found.append(kept.current())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == ["t1"] * 8
    assert len(issuer.asked) == 1


def test_a_secret_in_the_header_is_encoded_before_it_is_joined() -> None:
    headers, form = request(SECRET, now=0)
    kind, _, pair = headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"cause%3Away:s%26x")
    assert form == {"grant_type": "client_credentials"}
    assert "s&x" not in repr(SECRET)


def test_a_secret_in_the_form_and_what_the_token_is_for() -> None:
    oauth = OAuth(
        token_url="https://i/t", client_id="c", secret=lambda: "s", secret_in="form",
        scope="a b", resource="https://r", audience="aud",
    )  # fmt: skip
    headers, form = request(oauth, now=0)
    assert not headers
    assert form == {
        "grant_type": "client_credentials", "client_id": "c", "client_secret": "s",
        "scope": "a b", "resource": "https://r", "audience": "aud",
    }  # fmt: skip


KEYS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("grant", ["client_credentials", "jwt_bearer"])
def test_an_assertion_is_signed_short_lived_and_new_each_time(algorithm: str, grant: str) -> None:
    private = KEYS[algorithm]()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    oauth = OAuth(
        token_url="https://i/t", client_id="c", scope="s", grant=grant,  # type: ignore[arg-type]
        key=Key(pem=lambda: pem, id="k1", algorithm="PS256" if algorithm == "PS256" else ""),
    )  # fmt: skip
    _, form = request(oauth, now=1000.9)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kind = {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]] if algorithm != "Ed25519" else "OKP"
    text = form["assertion" if grant == "jwt_bearer" else "client_assertion"]
    found = jwt.decode(text, jwk.import_key(public, kind), algorithms=[algorithm])
    assert found.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert found.claims["iss"] == "c"
    assert found.claims["aud"] == "https://i/t"
    assert (found.claims["iat"], found.claims["exp"]) == (1000, 1060)
    if grant == "jwt_bearer":
        assert found.claims["scope"] == "s"
        assert set(form) == {"grant_type", "assertion"}
    else:
        assert found.claims["sub"] == "c"
        assert form["scope"] == "s"
        other = request(oauth, now=1000.9)[1]["client_assertion"]
        assert other != text
    assert pem not in repr(oauth)


def test_a_certificate_s_thumbprint_goes_along(tmp_path: Path) -> None:
    issued = TestAuthority(tmp_path).issue("client")
    key = Key(pem=issued.key.read_text, certificate=issued.certificate)
    _, form = request(OAuth(token_url="https://i/t", client_id="c", key=key), now=0)
    head = form["client_assertion"].partition(".")[0]
    said = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    expected = base64.urlsafe_b64encode(bytes.fromhex(issued.fingerprint)).rstrip(b"=").decode()
    assert said["x5t#S256"] == expected


@pytest.mark.parametrize("pem", ["", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
def test_a_key_that_is_none(pem: str) -> None:
    oauth = OAuth(token_url="https://i/t", client_id="c", key=Key(pem=lambda: pem))
    with pytest.raises(DestinationUnauthorised, match="key for tokens"):
        request(oauth, now=0)


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, b'{"error": "invalid_scope"}', DestinationUnauthorised, "scope"),
        (401, b'{"error": "invalid_client"}', DestinationUnauthorised, "client id"),
        (400, b'{"error": "Jane Doe is no client"}', DestinationUnauthorised, "token_url"),
        (400, b"<html>", DestinationUnauthorised, "token_url"),
        (404, b"", DestinationUnauthorised, "token_url"),
        (200, b"<html>", DestinationUnavailable, "token_url"),
        (200, b"{}", DestinationUnavailable, "token_url"),
        (200, b'{"access_token": "a", "token_type": "mac"}', DestinationUnavailable, "token_url"),
        (200, b'{"access_token": ""}', DestinationUnavailable, "token_url"),
    ],
)
def test_an_issuer_that_gives_none(
    status: int, body: bytes, error: type[Exception], words: str
) -> None:
    issuer = Issuer()
    issuer.answer = status, body
    with pytest.raises(error) as caught:
        ask(SECRET, issuer, who="destination a", now=0)
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "Jane" not in str(caught.value)


# --- over the wire ------------------------------------------------------------------------------


class Service(HttpPeer):
    """Issuer and service in one; only the newest token is good."""

    def __init__(self) -> None:
        super().__init__()
        self.issued = 0

    def respond(self, request: Request) -> Reply:
        if request.path == "/token":
            self.issued += 1
            return json_reply({"access_token": f"t{self.issued}", "expires_in": 3600})
        good = request.headers.get("authorization") == f"Bearer t{self.issued}"
        return Reply(status=200 if good else 401, body=str(len(request.body)).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as made:
        yield made


@pytest.fixture
def client(service: Service) -> Iterator[HttpClient]:
    oauth = OAuth(token_url=f"{service.url}/token", client_id="c", secret=lambda: "s")
    made = ConnectedClient(options(), oauth)
    yield made
    made.close()


def test_a_token_that_runs_out_in_mid_upload_costs_no_try(
    service: Service, client: HttpClient
) -> None:
    body = in_memory(b"x" * 20_000_000, "application/octet-stream")
    assert client.demand("POST", f"{service.url}/a", body=body).body == b"20000000"
    service.faults.append(
        Fault(method="POST", path="/a", takes_bytes=100_000, reply=Reply(status=401))
    )
    assert client.demand("POST", f"{service.url}/a", body=body).body == b"20000000"
    assert service.issued == 2


def test_a_service_that_takes_no_token_is_asked_twice_and_not_more(
    service: Service, client: HttpClient
) -> None:
    service.faults.append(Fault(path="/a", reply=Reply(status=401), times=9))
    with pytest.raises(DestinationUnauthorised):
        client.ask("GET", f"{service.url}/a")
    assert len(service.asked("GET", "/a")) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=503, headers={"retry-after": "5"}), DestinationUnavailable),
        (Reply(status=500), TemporaryError),
        (Reply(status=401, body=b'{"error": "invalid_client"}'), DestinationUnauthorised),
    ],
)
def test_an_issuer_in_trouble(
    service: Service, client: HttpClient, reply: Reply, error: type[Exception]
) -> None:
    service.faults.append(Fault(path="/token", reply=reply))
    with pytest.raises(error) as caught:
        client.ask("GET", f"{service.url}/a")
    assert type(caught.value) is error
    assert not service.asked("GET")
    assert client.ask("GET", f"{service.url}/a").status == 200
