"""One request is one try, and what goes wrong with it is one of our errors."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_support import options

from causeway.destinations.http import (
    Basic,
    FixedToken,
    HttpClient,
    Part,
    Proxy,
    Trust,
    in_memory,
    multipart,
    part_in_memory,
    parts_of,
    retry_after_seconds,
)
from causeway.errors import (
    ConfigurationError,
    DestinationBusy,
    DestinationConflict,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    SpoolCorrupt,
    TemporaryError,
)
from causeway.net.tls import ServerTls, server_context
from causeway.testing.certificates import Issued, TestAuthority
from causeway.testing.http_peer import Fault, HttpPeer, Reply, Request
from causeway.testing.multipart_reading import parts

BODY = in_memory(b"x" * 300_000, "application/octet-stream")


def well(request: Request) -> Reply:
    return Reply(headers={"content-type": "text/plain"}, body=str(len(request.body)).encode())


@pytest.fixture
def peer() -> Iterator[HttpPeer]:
    with HttpPeer(well) as made:
        yield made


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(options())
    yield made
    made.close()


def test_a_body_goes_with_its_length_and_the_answer_comes_back(
    peer: HttpPeer, client: HttpClient
) -> None:
    answer = client.demand("POST", f"{peer.url}/a", headers={"x-a": "b"}, body=BODY)
    assert (answer.status, answer.body, answer.media_type) == (200, b"300000", "text/plain")
    headers = peer.requests[0].headers
    assert headers["content-length"] == "300000"
    assert headers["x-a"] == "b"
    assert "transfer-encoding" not in headers
    assert headers["user-agent"].startswith("causeway/")


@pytest.mark.parametrize(
    ("status", "error", "wait"),
    [
        (400, DestinationRefused, None),
        (402, DestinationBusy, 7.0),
        (403, DestinationUnauthorised, None),
        (404, DestinationUnavailable, None),
        (308, DestinationUnavailable, None),
        (408, TemporaryError, 7.0),
        (409, DestinationConflict, None),
        (422, DestinationRefused, None),
        (425, TemporaryError, 7.0),
        (429, DestinationBusy, 7.0),
        (500, TemporaryError, 7.0),
        (503, DestinationUnavailable, 7.0),
        (507, DestinationBusy, 7.0),
        (599, TemporaryError, 7.0),
    ],
)
def test_what_a_status_means(
    peer: HttpPeer, client: HttpClient, status: int, error: type[Exception], wait: float | None
) -> None:
    peer.faults.append(Fault(reply=Reply(status=status, headers={"retry-after": "7"})))
    with pytest.raises(error) as caught:
        client.demand("GET", f"{peer.url}/studies/1.2.3")
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after_seconds", None) == wait
    assert "1.2.3" not in str(caught.value)
    assert len(peer.requests) == 1, "tried again by itself"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:03:00 GMT"}, 80.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:03:00 -0000"}, 80.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "999999999999"}, 86400.0),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"retry-after": "٣"}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, 100.0) == seconds


def test_what_never_connects(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DestinationUnavailable, match="nothing listens"):
        client.ask("GET", f"http://127.0.0.1:{port}/")
    with pytest.raises(DestinationUnavailable, match="name of its host"):
        client.ask("GET", "http://no-such-host.invalid/")
    with pytest.raises(DestinationUnavailable, match="not an address"):
        client.ask("GET", "ftp://127.0.0.1/")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(resets=True), "broke the connection off"),
        (Fault(resets=True, acts=True), "broke the connection off"),
        (Fault(takes_bytes=1000), "broke the connection off"),
        (Fault(cut_at=2), "broke the connection off"),
        (Fault(delay_seconds=3), "did not answer in time"),
        (Fault(drip_seconds=0.2, reply=Reply(body=b"x" * 100)), "too slowly"),
    ],
)
def test_what_may_have_been_done_is_temporary(peer: HttpPeer, fault: Fault, words: str) -> None:
    peer.faults.append(fault)
    client = HttpClient(options(answer_seconds=1.0))
    with pytest.raises(TemporaryError, match=words) as caught:
        client.demand("POST", f"{peer.url}/a", body=BODY)
    assert type(caught.value) is TemporaryError
    client.close()


def test_an_answer_that_comes_before_all_was_sent_is_heard(peer: HttpPeer) -> None:
    peer.faults.append(Fault(takes_bytes=1000, reply=Reply(status=413)))
    client = HttpClient(options())
    body = in_memory(b"x" * 50_000_000, "application/octet-stream")
    assert client.ask("POST", f"{peer.url}/a", body=body).status == 413
    client.close()


def test_an_endless_answer_is_cut_off(
    peer: HttpPeer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causeway.destinations.http.client.ANSWER_LIMIT", 1000)
    peer.faults.append(Fault(reply=Reply(body=b"x" * 2000)))
    with pytest.raises(TemporaryError, match="without end"):
        client.ask("GET", f"{peer.url}/")


def test_what_the_source_raises_is_not_the_servers_fault(
    peer: HttpPeer, client: HttpClient
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise SpoolCorrupt("does not match")

    body = multipart(
        [Part(headers=(), size=100, pieces=broken)], content_type="multipart/x", boundary="b"
    )
    with pytest.raises(SpoolCorrupt):
        client.ask("POST", f"{peer.url}/", body=body)
    assert not peer.requests
    assert client.ask("GET", f"{peer.url}/").status == 200, "the client is of use no more"


def test_a_body_that_is_not_as_long_as_it_said_is_noticed(
    peer: HttpPeer, client: HttpClient
) -> None:
    body = multipart(
        [Part(headers=(), size=5, pieces=lambda: iter((b"four",)))],
        content_type="multipart/x", boundary="b",
    )  # fmt: skip
    with pytest.raises(ValueError, match="5 bytes had 4"):
        client.ask("POST", f"{peer.url}/", body=body)


def test_the_environment_says_nothing(
    peer: HttpPeer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert client.ask("GET", f"{peer.url}/").status == 200


def test_redirects_are_not_followed(peer: HttpPeer, client: HttpClient) -> None:
    peer.faults.append(Fault(reply=Reply(status=302, headers={"location": f"{peer.url}/b"})))
    with pytest.raises(DestinationUnavailable, match="302"):
        client.demand("GET", f"{peer.url}/a")
    assert len(peer.requests) == 1


# --- credentials ------------------------------------------------------------------------------


def test_basic_and_fixed_tokens(peer: HttpPeer) -> None:
    for credentials, header in (
        (Basic(username="user", password=lambda: "pass"), "Basic dXNlcjpwYXNz"),
        (FixedToken(token=lambda: "abc"), "Bearer abc"),
        (FixedToken(token=lambda: "abc", scheme="scitran-user"), "scitran-user abc"),
    ):  # fmt: skip
        client = HttpClient(options(), credentials=credentials)
        client.demand("GET", f"{peer.url}/")
        assert peer.requests[-1].headers["authorization"] == header
        assert "abc" not in repr(credentials)
        client.close()


def test_a_token_file_that_was_written_anew_is_read_again(peer: HttpPeer) -> None:
    values = iter(("old", "new", "new"))
    client = HttpClient(options(), credentials=FixedToken(token=lambda: next(values)))
    peer.faults.append(Fault(reply=Reply(status=401)))
    assert client.ask("POST", f"{peer.url}/", body=BODY).body == b"300000"
    assert [r.headers["authorization"] for r in peer.requests] == ["Bearer old", "Bearer new"]
    client.close()


def test_a_refusal_that_stays_is_for_a_person(peer: HttpPeer) -> None:
    client = HttpClient(options(), credentials=FixedToken(token=lambda: "old"))
    peer.faults.append(Fault(reply=Reply(status=401), times=9))
    with pytest.raises(DestinationUnauthorised) as caught:
        client.ask("GET", f"{peer.url}/")
    assert len(peer.requests) == 1, "the same token was shown twice"
    assert caught.value.hint
    client.close()


@pytest.mark.parametrize("value", ["", "two\nlines", "ümlaut"])
def test_a_secret_that_no_header_can_carry(peer: HttpPeer, value: str) -> None:
    client = HttpClient(options(), credentials=FixedToken(token=lambda: value))
    with pytest.raises(DestinationUnauthorised, match="secret") as caught:
        client.ask("GET", f"{peer.url}/")
    assert not value or value not in str(caught.value)
    client.close()


def test_a_secret_that_cannot_be_read_is_told_as_such(peer: HttpPeer) -> None:
    def missing() -> str:
        raise ConfigurationError("the environment has no TOKEN", hint="set it")

    client = HttpClient(options(), credentials=FixedToken(token=missing))
    with pytest.raises(DestinationUnauthorised, match="TOKEN"):
        client.ask("GET", f"{peer.url}/")
    client.close()


# --- TLS --------------------------------------------------------------------------------------


def tls_peer(issued: Issued, client_ca: Path | None = None) -> HttpPeer:
    context = server_context(
        ServerTls(certificate=issued.certificate, key=issued.key, client_ca=client_ca)
    )
    return HttpPeer(well, tls=context)


def test_a_sites_own_authority_is_trusted_and_no_other(tmp_path: Path) -> None:
    ours, theirs = TestAuthority(tmp_path, "ours"), TestAuthority(tmp_path, "theirs")
    with tls_peer(ours.issue("server")) as peer:
        for trust in (Trust(ca=ours.certificate), Trust(ca=ours.certificate, ca_only=True)):
            client = HttpClient(options(trust=trust))
            assert client.ask("GET", f"{peer.url}/").status == 200
            client.close()
        for trust in (Trust(), Trust(ca=theirs.certificate)):
            client = HttpClient(options(trust=trust))
            with pytest.raises(DestinationUnavailable, match="certificate is not accepted") as c:
                client.ask("GET", f"{peer.url}/")
            assert "`ca`" in c.value.hint
            client.close()


def test_the_machines_authorities_do_not_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = TestAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with tls_peer(authority.issue("server")) as peer:
        client = HttpClient(options(trust=Trust()))
        with pytest.raises(DestinationUnavailable, match="not accepted"):
            client.ask("GET", f"{peer.url}/")
        client.close()


@pytest.mark.parametrize(
    ("changes", "words", "hint"),
    [
        ({"expired": True}, "expired", "renewed"),
        ({"names": ("elsewhere.example",)}, "not valid for 'localhost'", "name"),
    ],
)
def test_a_certificate_that_does_not_fit(
    tmp_path: Path, changes: dict[str, object], words: str, hint: str
) -> None:
    authority = TestAuthority(tmp_path)
    with tls_peer(authority.issue("server", **changes)) as peer:  # type: ignore[arg-type]
        client = HttpClient(options(authority.certificate))
        with pytest.raises(DestinationUnavailable, match=words) as caught:
            client.ask("GET", f"{peer.url}/")
        assert hint in caught.value.hint
        client.close()


def test_mutual_tls_and_a_certificate_that_is_renewed_under_way(tmp_path: Path) -> None:
    authority, stranger = TestAuthority(tmp_path, "ours"), TestAuthority(tmp_path, "stranger")
    good, bad = authority.issue("client"), stranger.issue("client", password="secret")
    shown, key = tmp_path / "shown.pem", tmp_path / "shown.key"
    shutil.copy(bad.certificate, shown)
    shutil.copy(bad.key, key)
    trust = Trust(
        ca=authority.certificate, ca_only=True, certificate=shown, key=key,
        key_password=lambda: "secret",
    )  # fmt: skip
    with tls_peer(authority.issue("server"), authority.certificate) as peer:
        nobody = HttpClient(options(authority.certificate))
        with pytest.raises(DestinationUnavailable, match="TLS") as caught:
            nobody.ask("GET", f"{peer.url}/")
        assert "client certificate" in caught.value.hint
        nobody.close()
        client = HttpClient(options(trust=trust))
        with pytest.raises(DestinationUnavailable, match="TLS"):
            client.ask("GET", f"{peer.url}/")
        shutil.copy(good.certificate, shown)  # half of what belongs together
        with pytest.raises(DestinationUnavailable, match="TLS"):
            client.ask("GET", f"{peer.url}/")
        shutil.copy(good.key, key)
        assert client.ask("GET", f"{peer.url}/").status == 200
        client.close()


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    (tmp_path / "garbage.pem").write_text("garbage")
    one, other = authority.issue("one"), authority.issue("other")
    for trust, name in (
        (Trust(ca=tmp_path / "garbage.pem"), "garbage.pem"),
        (Trust(ca=tmp_path / "missing.pem"), "missing.pem"),
        (Trust(certificate=one.certificate, key=other.key), "one"),
    ):
        client = HttpClient(options(trust=trust))
        with pytest.raises(DestinationUnavailable, match=name):
            client.renew()
        client.close()


def test_connections_of_before_a_change_finish_what_they_do(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    ca = tmp_path / "copy.pem"
    shutil.copy(authority.certificate, ca)
    with tls_peer(authority.issue("server")) as peer:
        client = HttpClient(options(ca))
        peer.faults.append(Fault(delay_seconds=0.5))
        answers: list[int] = []
        slow = threading.Thread(
            target=lambda: answers.append(client.ask("GET", f"{peer.url}/").status)
        )
        slow.start()
        while not peer.requests:
            pass
        shutil.copy(authority.certificate, ca)
        os.utime(ca)
        assert client.ask("GET", f"{peer.url}/").status == 200
        slow.join()
        assert answers == [200]
        client.close()


def test_a_proxy_that_is_not_there_is_told_apart(peer: HttpPeer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = HttpClient(options(proxy=Proxy(url=f"http://127.0.0.1:{port}")))
    with pytest.raises(DestinationUnavailable):
        client.ask("GET", f"{peer.url}/")
    assert not peer.requests
    client.close()


def test_a_proxy_is_asked_with_its_credentials(peer: HttpPeer) -> None:
    # Of a plain address the proxy is asked for the whole of it, and here answers itself.
    client = HttpClient(
        options(proxy=Proxy(url=peer.url, username="user", password=lambda: "pass"))
    )
    assert client.ask("GET", "http://pacs.example/a").status == 200
    assert peer.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"
    client.close()


# --- multipart --------------------------------------------------------------------------------


def test_a_multipart_body_is_what_a_strict_reader_expects() -> None:
    contents = [b"", b"\r\n--", b"\r\n--boundar", b"x" * 70_000, b"\r\n"]
    body = multipart(
        [part_in_memory(each, ("Content-Type", "a/b"), ("X", "y")) for each in contents],
        content_type='multipart/related; type="a/b"', boundary="boundary",
    )  # fmt: skip
    text = b"".join(body.pieces())
    assert len(text) == body.size
    found = parts(text, body.content_type, "related")
    assert [content for _, content in found] == contents
    assert found[0][0] == {"content-type": "a/b", "x": "y"}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
def test_parts_are_read_however_they_are_cut(size: int) -> None:
    contents = [b"", b"\r\n--", b"\r\n--boundary"[:-1], b"x" * 300, b"\r\n", b"\r\n\r\n"]
    body = multipart(
        [part_in_memory(each, ("Content-Type", "a/b")) for each in contents],
        content_type="multipart/related", boundary="boundary",
    )  # fmt: skip
    text = b"preamble" + b"\r\n" + b"".join(body.pieces()) + b"epilogue"
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    assert [b"".join(part) for part in parts_of(pieces, "boundary")] == contents


def test_a_part_that_nobody_reads_is_passed_over() -> None:
    body = multipart(
        [part_in_memory(each) for each in (b"a" * 9, b"b" * 9)], content_type="x", boundary="b"
    )
    found = parts_of(body.pieces(), "b")
    next(found)
    assert b"".join(next(found)) == b"b" * 9


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_body_that_ends_too_soon_is_an_error(cut: int) -> None:
    body = multipart([part_in_memory(b"content")], content_type="x", boundary="bound")
    text = b"".join(body.pieces())[: -(cut + 4)]
    with pytest.raises(ValueError, match="ends before"):
        [list(part) for part in parts_of(iter((text,)), "bound")]


def test_headers_without_end_are_bounded() -> None:
    endless = itertools.chain((b"--b\r\n",), itertools.repeat(b"x" * 1000))
    with pytest.raises(ValueError, match="too long"):
        next(parts_of(endless, "b"))
