"""A research platform: what goes up, how it goes on after a cut, and where it lands."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from web_support import MANIFEST, Memory, Shipment, instance, options

from causeway.destinations.contract import Outcome
from causeway.destinations.core import CoreDestination, CoreSettings, Device, Look, Upload, api_key
from causeway.destinations.core.document import Archive, document
from causeway.destinations.core.flow import Cut, measured, pulled
from causeway.destinations.core.placement import Landing, Place, landing
from causeway.destinations.core.transfer import CoreTransfer
from causeway.destinations.http import FixedToken
from causeway.errors import (
    CausewayError,
    DestinationBusy,
    DestinationRefused,
    DestinationUnauthorised,
    DestinationUnavailable,
    SpoolCorrupt,
    TemporaryError,
)
from causeway.testing.http_peer import Fault, Reply
from causeway.testing.platform_peer import PlatformPeer
from causeway.values import Standing

UID, NAME = "1.2.3.4", "3 - T1.dicom.zip"
KEY = FixedToken(token=lambda: "secret-key", scheme="scitran-user")
MADE: list[CoreDestination] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


@pytest.fixture(params=["direct", "signed", "in parts"])
def peer(request: pytest.FixtureRequest) -> Iterator[PlatformPeer]:
    way = request.param
    with PlatformPeer(signed=way != "direct", part_bytes=700 if way == "in parts" else 0) as made:
        yield made
        assert not made.complaints


@pytest.fixture
def signed() -> Iterator[PlatformPeer]:
    with PlatformPeer(signed=True, part_bytes=700) as made:
        yield made


@pytest.fixture
def direct() -> Iterator[PlatformPeer]:
    with PlatformPeer() as made:
        yield made


def destination(
    peer: PlatformPeer, memory: Memory | None = None, **changes: Any
) -> CoreDestination:
    settings = {"name": "core", "url": f"{peer.url}/api", "http": options(), "auth": KEY}
    made = CoreDestination(CoreSettings(**{**settings, **changes}), memory=memory or Memory())
    MADE.append(made)
    return made


def parcel(count: int = 3, **changes: Any) -> Shipment:
    return Shipment([instance(n) for n in range(1, count + 1)], **changes)


def brought(transfer: CoreTransfer, shipment: Shipment) -> list[Outcome]:
    """As the driver does it, from the first instance to the last look."""
    assert {e.standing for e in transfer.send(shipment.instances)} == {Standing.SENT}
    transfer.commit()
    return list(transfer.verify(shipment.instances))


def test_an_archive_goes_up_with_its_hierarchy(peer: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(peer)
    transfer = made.start(shipment)
    assert {e.standing for e in transfer.verify(shipment.instances)} == {Standing.AGAIN}
    outcomes = brought(transfer, shipment)
    assert {(e.standing, e.code, e.already_there) for e in outcomes} == {
        (Standing.VERIFIED, "", False)
    }
    stored = peer.file(UID, NAME)
    assert stored.content == shipment.content()
    assert stored.facts == {
        "name": NAME, "type": "dicom", "modality": "MR", "size": len(stored.content),
        "zip_member_count": 3,
    }  # fmt: skip
    session = peer.sessions["1.2.3"]
    assert (session.group, session.project) == ("neuro", "Amnesia")
    assert session.fields["age"] == 1072958400
    assert session.fields["timestamp"] == "2026-01-02T10:11:12.123-05:00"
    assert session.fields["timezone"] == "America/New_York"
    assert session.fields["subject"] == {"label": "Müller", "code": "Müller", "sex": "female"}
    assert peer.acquisitions[UID].fields["label"] == "3 - T1"
    assert transfer.reference == f"neuro/Amnesia/Müller/Brain/3 - T1/{NAME}"
    assert "Müller" not in repr(outcomes)


def test_repeating_is_found_out_by_asking(peer: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(peer)
    brought(made.start(shipment), shipment)
    outcomes = list(made.start(shipment).verify(shipment.instances))
    assert {(e.standing, e.already_there) for e in outcomes} == {(Standing.VERIFIED, True)}
    assert peer.file(UID, NAME).version == 1


def test_the_same_bytes_again_after_memory_was_lost(peer: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(peer)
    brought(made.start(shipment), shipment)
    shipment.memory.clear()
    assert {e.standing for e in brought(made.start(shipment), shipment)} == {Standing.VERIFIED}


# --- cut off anywhere ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "path"),
    [
        ("direct", "/api/upload/reaper"), ("signed", "/api/upload/reaper"),
        ("signed", "/storage/"), ("in parts", "*/1"), ("signed", "/api/config"),
        ("direct", "/api/acquisitions"), ("signed", "/api/acquisitions"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("acts", [False, True])
def test_an_attempt_that_is_cut_off_anywhere_is_finished_by_the_next(
    way: str, path: str, acts: bool
) -> None:
    with PlatformPeer(signed=way != "direct", part_bytes=700 if way == "in parts" else 0) as peer:
        shipment = parcel()
        memory = Memory()
        failures = 0
        for after in range(4):
            peer.faults[:] = [Fault(path=path, resets=True, acts=acts, after=after)]
            for _ in range(3):
                try:
                    transfer = destination(peer, memory).start(shipment)
                    missing = [
                        e for e in transfer.verify(shipment.instances)
                        if e.standing is Standing.AGAIN
                    ]  # fmt: skip
                    if missing:
                        list(transfer.send(shipment.instances))
                    transfer.commit()
                    outcomes = list(transfer.verify(shipment.instances))
                except TemporaryError:
                    failures += 1
                    continue
                if {e.standing for e in outcomes} == {Standing.VERIFIED}:
                    break
            else:
                pytest.fail("it never arrived")
            assert peer.file(UID, NAME).content == shipment.content()
        assert failures
        assert not peer.complaints


def test_between_the_last_byte_and_the_closing(signed: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(signed)
    transfer = made.start(shipment)
    list(transfer.send(shipment.instances))  # and here the process is killed
    assert not signed.files()
    puts = len(signed.asked("PUT"))
    later = destination(signed).start(shipment)
    assert {e.standing for e in later.verify(shipment.instances)} == {Standing.SENT}
    later.commit()
    assert {e.standing for e in later.verify(shipment.instances)} == {Standing.VERIFIED}
    assert len(signed.asked("PUT")) == puts, "bytes went twice"
    assert signed.file(UID, NAME).version == 1


def test_parts_that_were_there_are_not_sent_again(signed: PlatformPeer) -> None:
    shipment = parcel()
    signed.faults.append(Fault(method="PUT", resets=True, after=2))
    made = destination(signed)
    with pytest.raises(TemporaryError):
        list(made.start(shipment).send(shipment.instances))
    assert {e.standing for e in made.start(shipment).verify(shipment.instances)} == {Standing.AGAIN}
    brought(made.start(shipment), shipment)
    assert [r.path.rpartition("/")[2] for r in signed.asked("PUT")][:5] == ["0", "1", "2", "2", "3"]
    assert signed.file(UID, NAME).content == shipment.content()


def test_an_address_that_has_run_out_is_asked_for_anew(signed: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(signed)
    list(made.start(shipment).send(shipment.instances))
    signed.tickets.clear()
    transfer = made.start(shipment)
    transfer.commit()
    assert {e.standing for e in transfer.verify(shipment.instances)} == {Standing.AGAIN}
    signed.faults.append(Fault(method="PUT", reply=Reply(status=403)))
    with pytest.raises(TemporaryError) as caught:
        list(made.start(shipment).send(shipment.instances))
    assert not isinstance(caught.value, DestinationUnauthorised)
    assert {e.standing for e in brought(made.start(shipment), shipment)} == {Standing.VERIFIED}


def test_another_version_of_the_program_begins_anew(signed: PlatformPeer) -> None:
    shipment = parcel()
    made = destination(signed)
    list(made.start(shipment).send(shipment.instances))
    newer = parcel(2, memory=shipment.memory)
    assert {e.standing for e in brought(made.start(newer), newer)} == {Standing.VERIFIED}
    assert signed.file(UID, NAME).content == newer.content()


# --- ways ---------------------------------------------------------------------------------------


def test_signed_addresses_are_left_where_they_are_not_offered(direct: PlatformPeer) -> None:
    shipment = parcel()
    with pytest.raises(DestinationUnavailable, match="signed") as caught:
        list(destination(direct, upload=Upload.SIGNED).start(shipment).send(shipment.instances))
    assert "auto" in caught.value.hint
    # It says that it has them, and has not: an empty answer, or 405.
    for reply in (Reply(), Reply(status=405)):
        config = Reply(body=json.dumps({"features": {"signed_url": True}}).encode())
        direct.faults[:] = [
            Fault(path="/api/config", reply=config),
            Fault(path="/api/upload/reaper", reply=reply),
        ]
        outcomes = brought(destination(direct).start(shipment), shipment)
        assert {e.standing for e in outcomes} == {Standing.VERIFIED}
        shipment.memory.clear()


def test_direct_where_that_is_wanted(signed: PlatformPeer) -> None:
    shipment = parcel()
    brought(destination(signed, upload=Upload.DIRECT).start(shipment), shipment)
    assert not signed.asked("PUT")


def test_images_do_not_go_to_a_storage_without_tls(signed: PlatformPeer) -> None:
    from causeway.destinations.core.interface import Interface

    made = destination(signed)
    interface = Interface(made._client, "https://core.example/api")
    with pytest.raises(DestinationUnavailable, match="without TLS"):
        interface._must_be_as_safe("http://storage.example/x")
    interface._must_be_as_safe("https://storage.example/x")


# --- what is not trusted --------------------------------------------------------------------------


def test_a_200_with_nothing_stored_is_found_out(direct: PlatformPeer) -> None:
    shipment = parcel()
    size, sha384 = measured(shipment.archive)
    claim = [{"name": NAME, "size": size, "hash": f"v0-sha384-{sha384}"}]
    direct.faults.append(
        Fault(path="/api/upload/reaper", reply=Reply(body=json.dumps(claim).encode()))
    )
    assert {e.standing for e in brought(destination(direct).start(shipment), shipment)} == {
        Standing.AGAIN
    }


@pytest.mark.parametrize("look", list(Look))
def test_other_bytes_there_are_found_out(direct: PlatformPeer, look: Look) -> None:
    shipment = parcel()
    transfer = destination(direct, look=look).start(shipment)
    list(transfer.send(shipment.instances))
    if look is Look.LISTED:
        direct.file(UID, NAME).content += b"x"
    else:
        record = json.dumps([{"name": NAME, "size": 1, "hash": "v0-sha384-00"}]).encode()
        direct.faults.append(Fault(path="/api/upload/reaper", reply=Reply(body=record)))
        transfer = destination(direct, look=look).start(shipment)
        list(transfer.send(shipment.instances))
    outcomes = list(transfer.verify(shipment.instances))
    assert {(e.standing, e.code) for e in outcomes} == {(Standing.AGAIN, "other_bytes")}


def test_a_platform_that_cannot_be_searched_is_believed_by_its_answer(
    direct: PlatformPeer,
) -> None:
    direct.finds = False
    shipment = parcel()
    assert {e.standing for e in brought(destination(direct).start(shipment), shipment)} == {
        Standing.VERIFIED
    }
    later = destination(direct).start(shipment)
    assert {e.standing for e in later.verify(shipment.instances)} == {Standing.AGAIN}


def test_a_platform_that_vouches_for_nothing_cannot_be_delivered_to(
    direct: PlatformPeer,
) -> None:
    shipment = parcel()
    record = json.dumps([{"name": NAME}]).encode()
    direct.faults.append(Fault(path="/api/upload/reaper", reply=Reply(body=record)))
    transfer = destination(direct, look=Look.ANSWER).start(shipment)
    list(transfer.send(shipment.instances))
    with pytest.raises(TemporaryError, match="neither size nor hash"):
        list(transfer.verify(shipment.instances))


# --- placement --------------------------------------------------------------------------------


def routed(group: str, project: str, *, origin: str = "routing") -> Mapping[str, Any]:
    manifest = copy.deepcopy(dict(MANIFEST))
    manifest["hierarchy"] |= {"group": group, "project": project}
    for name, value in (("group._id", group), ("project.label", project)):
        manifest["fields"][name] = {"value": value, "raw": "", "origin": origin}
    return manifest


@pytest.mark.parametrize(
    ("manifest", "place", "code"),
    [
        (routed("NEURO", "amnesia"), ("neuro", "Amnesia"), ""),
        (routed("neuro", "Amnezia"), ("neuro", "Unsorted"), "unsorted"),
        (routed("nuero", "Amnesia"), ("unknown", "Unsorted"), "unsorted"),
        (routed("unknown", "Unsorted", origin="built in"), ("unknown", "Unsorted"), ""),
    ],
)
def test_where_the_platform_puts_it_is_noticed(
    direct: PlatformPeer, manifest: Mapping[str, Any], place: tuple[str, str], code: str
) -> None:
    shipment = parcel(manifest=manifest)
    transfer = destination(direct).start(shipment)
    outcomes = brought(transfer, shipment)
    session = direct.sessions["1.2.3"]
    assert (session.group, session.project) == place
    assert {(e.standing, e.code) for e in outcomes} == {(Standing.VERIFIED, code)}
    assert transfer.reference.startswith("/".join(place))
    assert "nuero" not in "".join(e.why for e in outcomes)


def test_what_nobody_named_is_sent_empty() -> None:
    archive = Archive(name=NAME, size=1, sha384="", members=1)
    said = document(routed("unknown", "Unsorted", origin="built in"), archive)
    assert (said["group"], said["project"]) == ({"_id": ""}, {"label": ""})


def test_a_session_that_somebody_moved_keeps_its_new_place(direct: PlatformPeer) -> None:
    first = parcel()
    brought(destination(direct).start(first), first)
    direct.groups["neuro"].append("Later")
    direct.move_session("1.2.3", "neuro", "Later")
    manifest = copy.deepcopy(dict(MANIFEST))
    manifest["group"] = {**manifest["group"], "acquisition_uid": "1.2.3.5"}
    second = parcel(manifest=manifest)
    outcomes = brought(destination(direct).start(second), second)
    assert {(e.standing, e.code) for e in outcomes} == {(Standing.VERIFIED, "elsewhere")}
    assert direct.acquisitions["1.2.3.5"].project == "Later"


def test_landings() -> None:
    asked = Place(group="neuro", project="Amnesia")
    for found, expected in (
        (Place(group="neuro", project="Unsorted"), Landing.UNSORTED),
        (Place(group="unknown", project="neuro_Amnesia"), Landing.ELSEWHERE),
        (Place(group="unknown", project="Unknown"), Landing.UNSORTED),
        (Place(group="other", project="Unsorted"), Landing.ELSEWHERE),
    ):
        assert landing(asked, found) is expected


# --- versions -----------------------------------------------------------------------------------


def again(number: int) -> Mapping[str, Any]:
    manifest = copy.deepcopy(dict(MANIFEST))
    amends = [{"number": n, "archive": NAME} for n in range(1, number)]
    manifest["parcel"] = {"number": number, "kind": "again", "amends": amends}
    return manifest


def test_a_series_that_goes_again_becomes_a_version_of_its_archive(peer: PlatformPeer) -> None:
    memory, first = Memory(), parcel(2)
    brought(destination(peer, memory).start(first), first)
    whole = parcel(3, manifest=again(2), name="3 - T1.again-1.dicom.zip")
    brought(destination(peer, memory).start(whole), whole)
    assert peer.files().keys() == {(UID, NAME)}
    assert peer.file(UID, NAME).version == 2
    assert peer.file(UID, NAME).content == whole.content()


def test_an_older_archive_does_not_take_the_place_of_a_newer(direct: PlatformPeer) -> None:
    memory = Memory()
    whole = parcel(3, manifest=again(2), name="3 - T1.again-1.dicom.zip")
    brought(destination(direct, memory).start(whole), whole)
    late = parcel(2)
    outcomes = brought(destination(direct, memory).start(late), late)
    assert {(e.standing, e.code) for e in outcomes} == {(Standing.VERIFIED, "overtaken")}
    assert direct.file(UID, NAME).content == whole.content()


def test_an_amendment_stands_beside(direct: PlatformPeer) -> None:
    manifest = copy.deepcopy(dict(MANIFEST))
    manifest["parcel"] = {
        "number": 2, "kind": "amendment", "amends": [{"number": 1, "archive": NAME}],
    }  # fmt: skip
    first, late = parcel(3), parcel(1, manifest=manifest, name="3 - T1.amendment-1.dicom.zip")
    for each in (first, late):
        brought(destination(direct).start(each), each)
    assert direct.files().keys() == {(UID, NAME), (UID, "3 - T1.amendment-1.dicom.zip")}


@pytest.mark.parametrize("name", ['T1 "quoted"; x.dicom.zip', "Größe.dicom.zip"])
def test_names_of_any_kind(direct: PlatformPeer, name: str) -> None:
    shipment = parcel(name=name)
    assert {e.standing for e in brought(destination(direct).start(shipment), shipment)} == {
        Standing.VERIFIED
    }
    assert direct.files().keys() == {(UID, name)}


# --- credentials and failures -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["scitran-user", "Bearer"])
def test_api_keys(direct: PlatformPeer, scheme: Any) -> None:
    for text in ("secret-key", "core.example:secret-key", "core.example:443:secret-key"):
        shipment = parcel()
        key = FixedToken(token=lambda text=text: api_key(text), scheme=scheme)  # type: ignore[misc]
        brought(destination(direct, auth=key).start(shipment), shipment)
    bad = FixedToken(token=lambda: "wrong", scheme=scheme)
    with pytest.raises(DestinationUnauthorised):
        list(destination(direct, auth=bad).start(shipment).send(shipment.instances))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=429, headers={"retry-after": "9"}), DestinationBusy),
        (Reply(status=402), DestinationBusy),
        (Reply(status=403), DestinationUnauthorised),
        (Reply(status=400), DestinationRefused),
        (Reply(status=502), TemporaryError),
        (Reply(status=503), DestinationUnavailable),
        (Reply(body=b"<html>"), TemporaryError),
    ],
)
def test_what_an_upload_can_be_answered_with(
    direct: PlatformPeer, reply: Reply, error: type[CausewayError]
) -> None:
    shipment = parcel()
    direct.faults.append(Fault(path="/api/upload/reaper", reply=reply))
    with pytest.raises(error) as caught:
        list(destination(direct).start(shipment).send(shipment.instances))
    assert type(caught.value) is error
    assert "Müller" not in str(caught.value)


def test_a_source_that_fails_leaves_nothing(peer: PlatformPeer) -> None:
    shipment = parcel()
    shipment.instances = tuple(instance(n, size=90_000) for n in range(1, 4))
    measured(shipment.archive)
    made = destination(peer)
    transfer = made.start(shipment)
    archive = transfer._archive()
    shipment.broken = SpoolCorrupt("does not match")
    transfer._archive = lambda: archive  # type: ignore[method-assign]
    with pytest.raises(SpoolCorrupt):
        list(transfer.send(shipment.instances))
    assert not peer.files()


# --- devices ----------------------------------------------------------------------------------


def device(peer: PlatformPeer, memory: Memory, seconds: int = 300) -> CoreDestination:
    shown = Device(secret=lambda: "shared-secret", name="edge-1")
    return destination(peer, memory, auth=shown, heartbeat_seconds=seconds)


def test_a_device_gets_a_key_once_and_keeps_it(direct: PlatformPeer) -> None:
    memory = Memory()
    made = device(direct, memory)
    made.tend(1000.0)
    key = memory.values["device_key"]
    assert direct.beats[-1]["interval"] == 300
    assert direct.devices["edge-1"].status(direct.devices["edge-1"].last_seen + 1) == "ok"
    shipment = parcel()
    brought(made.start(shipment), shipment)
    assert direct.requests[-1].headers["authorization"] == f"scitran-user {key}"
    assert "x-scitran-auth" not in direct.requests[-1].headers
    device(direct, memory).tend(2000.0)
    assert memory.values["device_key"] == key
    assert len(direct.devices) == 1


def test_a_key_that_was_withdrawn_is_asked_for_anew(direct: PlatformPeer) -> None:
    memory = Memory()
    memory.values["device_key"] = "withdrawn"
    shipment = parcel()
    brought(device(direct, memory).start(shipment), shipment)
    assert direct.requests[-1].headers["x-scitran-name"] == "edge-1"


def test_a_heart_beats_three_times_an_interval_and_tells_of_trouble(
    direct: PlatformPeer,
) -> None:
    memory = Memory()
    made = device(direct, memory)
    for now in range(1000, 1300, 10):
        made.tend(float(now))
    assert len(direct.beats) == 3
    direct.faults.append(Fault(path="/api/upload/reaper", reply=Reply(status=500)))
    shipment = parcel()
    with pytest.raises(TemporaryError):
        list(made.start(shipment).send(shipment.instances))
    made.tend(1400.0)
    assert direct.beats[-1]["errors"] == ["destination archive failed (500)"]
    assert direct.devices["edge-1"].status(0) == "error"
    assert json.loads(memory.values["heartbeat"])["state"] == "error"
    made.tend(1500.0)
    assert direct.beats[-1]["errors"] == []
    assert json.loads(memory.values["heartbeat"])["state"] == "ok"


def test_a_platform_that_is_away_stops_no_heart(direct: PlatformPeer) -> None:
    memory = Memory()
    made = device(direct, memory)
    direct.faults.append(Fault(reply=Reply(status=503)))
    made.tend(1000.0)
    said = json.loads(memory.values["heartbeat"])
    assert (said["state"], said["at"]) == ("failed", 1000.0)
    assert "503" in said["why"]
    made.tend(1050.0)
    assert not direct.beats
    made.tend(1101.0)
    assert direct.beats


def test_no_heart_beats_for_a_key_of_a_person(direct: PlatformPeer) -> None:
    destination(direct).tend(1000.0)
    assert not direct.requests


def test_probing(direct: PlatformPeer) -> None:
    steps = list(destination(direct).probe())
    assert [(s.name, s.ok) for s in steps] == [("dns", True), ("tcp", True), ("auth", True)]
    assert "without signed" in steps[-1].text
    assert [s.ok for s in device(direct, Memory()).probe()] == [True] * 3
    bad = FixedToken(token=lambda: "wrong", scheme="scitran-user")
    assert [s.ok for s in destination(direct, auth=bad).probe()] == [True, True, False]


# --- flow -------------------------------------------------------------------------------------


def test_what_is_pushed_can_be_pulled_in_parts() -> None:
    def produce(write: Any) -> None:
        for n in range(100):
            write((bytes([n]) * 50, b"", bytes([n]) * 50))

    size, _ = measured(produce)
    assert size == 10_000
    cut = Cut(pulled(produce))
    found = [b"".join(cut.take(n)) for n in (1, 49, 50, 900, 9000)]
    assert b"".join(found) == b"".join(bytes([n]) * 100 for n in range(100))
    with pytest.raises(ValueError, match="shorter"):
        list(cut.take(1))


def test_whoever_stops_reading_stops_the_writing() -> None:
    ended: list[bool] = []

    def produce(write: Any) -> None:
        try:
            while True:
                write((b"x" * 1000,))
        finally:
            ended.append(True)

    pieces = pulled(produce)
    next(pieces)
    pieces.close()
    assert ended == [True]
