"""The real process delivers to a DICOMweb service and to a platform, and tells others of it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance_site import Site, outgoing, store, wait_for, without_meta

from causeway.testing.dicomweb_peer import DicomWebPeer
from causeway.testing.http_peer import Fault, HttpPeer, Reply, Request
from causeway.testing.platform_peer import PlatformPeer

SETTINGS = """
[[destination]]
name = "pacs"
type = "stow"
url = "{pacs}"
preset = "orthanc"
verify = "read-back"
deidentify = "none"

[destination.retry]
first_seconds = 0.5
maximum_seconds = 1

[[destination]]
name = "platform"
type = "core"
url = "{platform}/api"
deidentify = "none"

[destination.device]
secret = "file:secret"
name = "edge"
heartbeat_seconds = 3

[destination.retry]
first_seconds = 0.5
maximum_seconds = 1

[routes]
match = "all"

[[route]]
destinations = ["pacs", "platform"]

[[trigger]]
name = "hook"
url = "{hook}/told"
secret = "file:hook-secret"

[trigger.retry]
first_seconds = 0.5
maximum_seconds = 1

[[trigger]]
name = "program"
on = "study"
command = ["/bin/sh", "-c", "cat > part; mv part $CAUSEWAY_KEY.json"]

[completion]
quiet_seconds = 1
study_quiet_seconds = 2
"""


class Platform(PlatformPeer):
    """Waits with the closing of an upload until it is let go on."""

    def __init__(self) -> None:
        super().__init__(signed=True, part_bytes=20_000)
        self.holds = False
        self.closing = threading.Event()
        self.goes_on = threading.Event()

    def respond(self, request: Request) -> Reply:
        if self.holds and request.query.get("ticket"):
            self.closing.set()
            self.goes_on.wait(30)
            return Reply(status=500)
        return super().respond(request)


class Hook(HttpPeer):
    """Notes what it is told, each call once, and whether it may be believed."""

    def __init__(self) -> None:
        super().__init__(lambda _: Reply())

    def told(self) -> dict[str, dict[str, object]]:
        found = {}
        for request in self.requests:
            at, _, signed = request.headers["causeway-signature"].partition(",v1=")
            right = hmac.new(
                b"hook", at.removeprefix("t=").encode() + b"." + request.body, hashlib.sha256
            )
            assert right.hexdigest() == signed
            found[request.headers["idempotency-key"]] = json.loads(request.body)
        return found


class Far:
    def __init__(self, make_site: Callable[..., Site]) -> None:
        self.pacs, self.platform, self.hook = DicomWebPeer(), Platform(), Hook()
        tail = SETTINGS.format(
            pacs=self.pacs.service, platform=self.platform.url, hook=self.hook.url
        )
        # The file's own table of this name is in the tail.
        self.site = make_site(tail=tail)
        text = self.site.config.read_text()
        head, _, rest = text.partition("[completion]\nquiet_seconds = 1\n")
        self.site.config.write_text(head + rest)
        (self.site.folder / "secret").write_text("shared-secret\n")
        (self.site.folder / "hook-secret").write_text("hook\n")

    def assert_all_there(self, kept: dict[str, bytes]) -> None:
        assert {u: without_meta(k.file) for u, k in self.pacs.kept.items()} == kept
        found: dict[str, bytes] = {}
        for content in self.platform.files().values():
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    uid = name.removesuffix(".dcm").rpartition(".")[0]
                    assert uid not in found
                    found[uid] = without_meta(archive.read(name))
        assert found == kept
        assert not self.pacs.complaints
        assert not self.platform.complaints


@pytest.fixture
def far(make_site: Callable[..., Site]) -> Iterator[Far]:
    made = Far(make_site)
    with made.pacs, made.platform, made.hook:
        yield made
        made.platform.goes_on.set()


def images(count: int, series: int) -> list[object]:
    return [outgoing(f"web-{n}", series=f"web-{n % series}") for n in range(count)]


@pytest.mark.slow
def test_three_destinations_and_those_who_are_told(far: Far) -> None:
    site = far.site.start()
    far.hook.faults.append(Fault(reply=Reply(status=503)))
    kept = store(site, *images(24, 3))  # type: ignore[arg-type]
    site.settled(at_least=24)
    far.assert_all_there(kept)
    wait_for(lambda: len(far.hook.told()) == 3, seconds=30, what=lambda: str(far.hook.told()))
    told = far.hook.told()
    assert sum(int(str(each["instances"])) for each in told.values()) == 24
    for each in told.values():
        assert each["destinations"] == ["archive", "pacs", "platform"]
        assert "uid" not in json.dumps(each)
    programs = list_of(site.data)
    wait_for(lambda: len(list_of(site.data)) == 3, seconds=30, what=lambda: str(programs))
    assert all(each["event"] == "study.delivered" for each in list_of(site.data))
    wait_for(lambda: bool(far.platform.beats), seconds=15, what="a heartbeat")
    assert far.platform.devices["edge"].facts["interval"] == 3
    shown = {each["destination"]: each for each in site.ask("destinations")["destinations"]}
    assert shown["platform"]["heartbeat"] == "ok"
    assert shown["pacs"]["heartbeat"] == ""
    assert site.cli("destinations", "test", "pacs").returncode == 0
    assert site.cli("destinations", "test", "platform").returncode == 0
    listed = site.ask("triggers", "list")["calls"]
    assert {each["state"] for each in listed} == {"done"}
    assert len(listed) == 6
    assert "trigger hook" in site.cli("status").stdout
    assert site.stop() == 0
    log = site.log.read_text()
    assert "shared-secret" not in log
    for uid in kept:
        assert uid not in log


def list_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in folder.glob("program-study-*.json")]


@pytest.mark.slow
def test_killed_between_the_last_byte_and_the_closing(far: Far) -> None:
    far.platform.holds = True
    site = far.site.start()
    kept = store(site, *images(8, 1))  # type: ignore[arg-type]
    assert far.platform.closing.wait(60), site.last_words()
    puts = len(far.platform.asked("PUT", "/storage"))
    assert puts >= 2
    site.kill_tree()
    far.platform.holds = False
    far.platform.goes_on.set()
    site.start()
    site.settled(at_least=8)
    far.assert_all_there(kept)
    assert len(far.platform.asked("PUT", "/storage")) == puts, "bytes went up twice"
    assert {f.version for a in far.platform.acquisitions.values() for f in a.files.values()} == {1}


@pytest.mark.slow
def test_killed_again_and_again_while_it_delivers_and_tells(far: Far) -> None:
    site = far.site
    far.pacs.faults.append(Fault(method="POST", delay_seconds=1.0, times=10**6, acts=True))
    kept: dict[str, bytes] = {}
    for turn in range(2):
        site.start()
        kept |= store(site, *[outgoing(f"k{turn}-{n}", series=f"k{turn}") for n in range(6)])
        posts = len(far.pacs.asked("POST"))
        wait_for(
            lambda posts=posts: len(far.pacs.asked("POST")) > posts,  # type: ignore[misc]
            seconds=60, what=site.last_words,
        )  # fmt: skip
        site.kill_tree()
    far.pacs.faults.clear()
    site.start()
    site.settled(at_least=len(kept))
    far.assert_all_there(kept)
    wait_for(lambda: len(far.hook.told()) >= 2, seconds=30, what=lambda: str(far.hook.told()))
    assert sum(int(str(e["instances"])) for e in far.hook.told().values()) == len(kept)
