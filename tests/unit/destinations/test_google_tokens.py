"""Workload identity federation: whom another identity provider vouches for comes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causeway.destinations.blob.destination import Content
from causeway.destinations.blob.transport import Transport
from causeway.destinations.gcs import GcsDestination, GcsSettings
from causeway.destinations.google_tokens import federated, is_federated
from causeway.destinations.http.client import Proxy
from causeway.errors import ConfigurationError, DestinationUnauthorised
from causeway.object_keys import LAYOUTS
from causeway.testing.delivering import Parcel, bring
from causeway.testing.forwarding import Forwarder
from causeway.testing.google.storage import GoogleStorage
from causeway.testing.google.tokens import TokenService

SUBJECT = "a token of the hospital's own provider"


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    with TokenService(SUBJECT) as made:
        yield made


@pytest.fixture
def storage(tokens: TokenService) -> Iterator[GoogleStorage]:
    with GoogleStorage("images", account=tokens) as made:
        yield made


def credentials(folder: Path, tokens: TokenService, **changes: Any) -> Path:
    (folder / "subject").write_text(SUBJECT)
    file = folder / "credentials.json"
    told = tokens.credentials_file(str(folder / "subject")) | changes
    file.write_text(json.dumps(told))
    return file


def destination(storage: GoogleStorage, file: Path, **transport: Any) -> GcsDestination:
    return GcsDestination(
        GcsSettings(
            name="research",
            bucket="images",
            content=Content(key=LAYOUTS["series"]),
            credentials_file=file,
            endpoint=storage.url,
            transport=Transport(**transport),
        )
    )


def test_a_token_is_exchanged_once_and_lets_all_in(
    storage: GoogleStorage, tokens: TokenService, tmp_path: Path
) -> None:
    to = destination(storage, credentials(tmp_path, tokens))
    ended = bring(to, Parcel())
    assert ended.refused is None
    assert len(storage.buckets["images"]) == 3
    assert len(tokens.asked("POST")) == 1


def test_another_subject_is_not_let_in(
    storage: GoogleStorage, tokens: TokenService, tmp_path: Path
) -> None:
    file = credentials(tmp_path, tokens)
    (tmp_path / "subject").write_text("somebody else's")
    with pytest.raises(DestinationUnauthorised) as raised:
        bring(destination(storage, file), Parcel())
    assert raised.value.hint
    assert "somebody" not in str(raised.value)
    assert not storage.buckets["images"]


def test_a_token_that_runs_out_soon_is_exchanged_anew(tmp_path: Path) -> None:
    with (
        TokenService(SUBJECT, seconds=299) as tokens,
        GoogleStorage("images", account=tokens) as storage,
    ):
        bring(destination(storage, credentials(tmp_path, tokens)), Parcel())
        assert len(storage.buckets["images"]) == 3
        assert len(tokens.asked("POST")) > 1, "it is asked for anew before its end"


def test_tokens_are_asked_for_by_the_proxy_of_the_destination(
    storage: GoogleStorage, tokens: TokenService, tmp_path: Path
) -> None:
    with Forwarder(tokens.url) as proxy:
        file = credentials(tmp_path, tokens)
        provide = federated(file, Transport(proxy=Proxy(url=proxy.url)))
        tokens.check(provide()["token"])
        assert proxy.asked("POST", "/v1/token")


def test_what_is_no_federation_is_left_to_others(tmp_path: Path) -> None:
    for number, text in enumerate(("{}", "[]", "", '{"type": "service_account"}')):
        file = tmp_path / str(number)
        file.write_text(text)
        assert not is_federated(file)
    assert not is_federated(tmp_path / "nowhere")


def test_credentials_that_a_program_makes_are_refused(
    storage: GoogleStorage, tokens: TokenService, tmp_path: Path
) -> None:
    source = {"executable": {"command": "/bin/true"}}
    file = credentials(tmp_path, tokens, credential_source=source)
    with pytest.raises(ConfigurationError) as raised:
        destination(storage, file).check()
    assert raised.value.hint
