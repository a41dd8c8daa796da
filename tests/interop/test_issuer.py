"""Tokens from an independent issuer, for a service that checks them against its keys."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from interop_peers import Start
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from causeway.destinations.http import HttpOptions, Key, OAuth, in_memory
from causeway.destinations.http.connect import ConnectedClient
from causeway.destinations.http.oauth import request
from causeway.errors import DestinationUnauthorised
from causeway.testing.http_peer import HttpPeer, Reply, Request
from causeway.testing.ports import free_port

pytestmark = pytest.mark.peer("node", "oidc-provider")

LIFE_SECONDS = 2
PACKAGE = Path(sys.prefix) / "peer-issuer" / "node_modules" / "oidc-provider"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


class Service(HttpPeer):
    """Takes tokens that the issuer has signed, for it, and that have not run out."""

    def __init__(self, issuer: str) -> None:
        super().__init__()
        with urllib.request.urlopen(f"{issuer}/jwks") as answer:
            self._keys = jwk.KeySet.import_key_set(json.load(answer))

    def respond(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            found = jwt.decode(token, self._keys)
            jwt.JWTClaimsRegistry(
                aud={"essential": True, "value": "urn:archive"}, exp={"essential": True}
            ).validate(found.claims)
        except (JoseError, ValueError):
            return Reply(status=401)
        return Reply(body=str(len(request.body)).encode())


@dataclass(frozen=True)
class Place:
    token_url: str
    service: Service

    def oauth(self, client: str, **how: object) -> OAuth:
        return OAuth(token_url=self.token_url, client_id=client, scope="store", **how)  # type: ignore[arg-type]

    def asked(self, oauth: OAuth, times: int = 1, pause: float = 0.0) -> list[int]:
        """Statuses of requests with tokens that are asked for so."""
        client = ConnectedClient(HttpOptions(who="archive", answer_seconds=10.0), oauth)
        try:
            found = []
            for _ in range(times):
                body = in_memory(b"x" * 1000, "text/plain")
                found.append(client.ask("POST", f"{self.service.url}/a", body=body).status)
                time.sleep(pause)
            return found
        finally:
            client.close()


@pytest.fixture
def place(start: Start, tmp_path: Path) -> Iterator[Place]:
    port = free_port()
    public = jwk.ECKey.import_key(PEM).as_dict(private=False) | {"kid": "k1", "use": "sig"}
    machine = {"redirect_uris": [], "response_types": [], "grant_types": ["client_credentials"]}
    settings = tmp_path / "issuer.json"
    settings.write_text(
        json.dumps(
            {
                "port": port,
                "life": LIFE_SECONDS,
                "clients": [
                    {**machine, "client_id": "in-header", "client_secret": "s&cr:et"},
                    {
                        **machine, "client_id": "in-form", "client_secret": "other",
                        "token_endpoint_auth_method": "client_secret_post",
                    },
                    {
                        **machine, "client_id": "with-key", "jwks": {"keys": [public]},
                        "token_endpoint_auth_method": "private_key_jwt",
                        "token_endpoint_auth_signing_alg": "ES256",
                    },
                ],
            }
        )
    )  # fmt: skip
    script = Path(__file__).parent / "issuer.mjs"
    start(["node", str(script), str(PACKAGE), str(settings)], folder="issuer", port=port)
    with Service(f"http://127.0.0.1:{port}") as service:
        yield Place(f"http://127.0.0.1:{port}/token", service)


def test_a_secret_in_the_header(place: Place) -> None:
    assert place.asked(place.oauth("in-header", secret=lambda: "s&cr:et")) == [200]


def test_a_secret_in_the_form(place: Place) -> None:
    assert place.asked(place.oauth("in-form", secret=lambda: "other", secret_in="form")) == [200]


def test_a_signed_assertion_and_tokens_that_run_out(place: Place) -> None:
    oauth = place.oauth("with-key", key=Key(pem=lambda: PEM, id="k1"))
    assert place.asked(oauth, times=4, pause=LIFE_SECONDS * 0.4) == [200] * 4
    used = {r.headers["authorization"] for r in place.service.requests}
    assert len(used) > 1, "one token outlived its life"


def test_an_assertion_is_good_once(place: Place) -> None:
    oauth = place.oauth("with-key", key=Key(pem=lambda: PEM, id="k1"))
    _, form = request(oauth, now=time.time())
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(place.token_url, data=body) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(place.token_url, data=body)


def test_what_an_issuer_refuses(place: Place) -> None:
    wrong = place.oauth("in-header", secret=lambda: "wrong")
    with pytest.raises(DestinationUnauthorised, match="invalid_client"):
        place.asked(wrong)
    stranger = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip
    with pytest.raises(DestinationUnauthorised, match="invalid_client"):
        place.asked(place.oauth("with-key", key=Key(pem=lambda: stranger, id="k1")))
    known = place.oauth("in-header", secret=lambda: "s&cr:et")
    with pytest.raises(DestinationUnauthorised, match="invalid_target") as caught:
        place.asked(replace(known, resource="no address"))
    assert "`resource`" in caught.value.hint
