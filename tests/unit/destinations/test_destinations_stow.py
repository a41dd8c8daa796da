"""STOW-RS: what an answer says of each instance, and what follows from what it does not say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import pydicom
import pytest
from web_support import EXPLICIT, IMPLICIT, Shipment, instance, options

from causeway.destinations.contract import Instance, Outcome
from causeway.destinations.http import FixedToken
from causeway.destinations.stow import PRESETS, Preset, StowDestination, StowSettings, Verify
from causeway.destinations.stow.answers import Failure, stored
from causeway.destinations.stow.looking import page_for
from causeway.destinations.stow.reasons import Meaning, meaning_of, words_for
from causeway.errors import (
    DestinationBusy,
    DestinationUnauthorised,
    DestinationUnavailable,
    NotYet,
    SpoolCorrupt,
    TemporaryError,
)
from causeway.testing.dicomweb_peer import DicomWebPeer
from causeway.testing.http_peer import Fault, Reply
from causeway.values import Standing

AT_ONCE = Preset(visible_seconds=0.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def destination(peer: DicomWebPeer, clock: Clock | None = None, **changes: Any) -> StowDestination:
    settings = {"name": "archive", "url": peer.service, "http": options(), "preset": AT_ONCE}
    made = StowDestination(
        StowSettings(**{**settings, **changes}), **({"clock": clock} if clock else {})
    )
    MADE.append(made)
    return made


MADE: list[StowDestination] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


@pytest.fixture
def peer() -> Iterator[DicomWebPeer]:
    with DicomWebPeer() as made:
        yield made
        assert not made.complaints


def images(count: int) -> list[Instance]:
    return [instance(number) for number in range(1, count + 1)]


def standings(outcomes: Sequence[Outcome]) -> list[tuple[int, str, str]]:
    return sorted((each.instance.id, each.standing.value, each.code) for each in outcomes)


def test_instances_are_stored_whole_and_found(peer: DicomWebPeer) -> None:
    sent = images(3)
    transfer = destination(peer).start(Shipment(sent))
    assert standings(list(transfer.verify(sent))) == [(n, "again", "not_there") for n in (1, 2, 3)]
    assert standings(list(transfer.send(sent))) == [(n, "sent", "") for n in (1, 2, 3)]
    transfer.commit()
    assert standings(list(transfer.verify(sent))) == [(n, "verified", "") for n in (1, 2, 3)]
    assert [each.file for each in peer.kept.values()] == [b"".join(each.file()) for each in sent]
    assert len(peer.asked("POST")) == 1


def test_a_server_that_answers_in_xml(peer: DicomWebPeer) -> None:
    peer.answers_in_xml = True
    sent = images(3)
    peer.refusals[sent[1].sop_instance_uid] = 0xA700
    outcomes = list(destination(peer).start(Shipment(sent)).send(sent))
    assert standings(outcomes) == [(1, "sent", ""), (2, "again", "reason_a700"), (3, "sent", "")]


@pytest.mark.parametrize(
    ("reason", "standing"),
    [(0xA700, "again"), (0xA7FF, "again"), (0xA900, "refused"), (0xC000, "refused"),
     (0x0122, "refused"), (0xB00F, "again"), (0x4242, "again"), (0x0110, "again")],
)  # fmt: skip
def test_a_mixed_answer_is_read_instance_by_instance(
    peer: DicomWebPeer, reason: int, standing: str
) -> None:
    sent = images(3)
    peer.refusals[sent[1].sop_instance_uid] = reason
    outcomes = list(destination(peer).start(Shipment(sent)).send(sent))
    assert standings(outcomes) == [
        (1, "sent", ""), (2, standing, f"reason_{reason:04x}"), (3, "sent", ""),
    ]  # fmt: skip
    for outcome in outcomes:
        assert outcome.instance.sop_instance_uid not in f"{outcome.why}{outcome!r}"


def test_one_bad_instance_of_a_batch_is_found_and_the_others_go(peer: DicomWebPeer) -> None:
    sent = [*images(5), instance(6, data=b"no data set at all" * 100), instance(7)]
    outcomes = list(destination(peer).start(Shipment(sent)).send(sent))
    assert {each.instance.id for each in outcomes if each.standing is Standing.SENT} == {
        1, 2, 3, 4, 5, 7,
    }  # fmt: skip
    assert standings(outcomes)[5] == (6, "refused", "status_400")


def test_a_server_that_refuses_a_batch_as_a_whole_is_asked_with_halves(
    peer: DicomWebPeer,
) -> None:
    peer.all_or_nothing = True
    sent = images(16)
    peer.refusals[sent[10].sop_instance_uid] = 0xA900
    outcomes = list(destination(peer).start(Shipment(sent)).send(sent))
    assert len(outcomes) == len({each.instance.id for each in outcomes}) == 16
    assert standings(outcomes)[10] == (11, "refused", "status_400")
    assert len(peer.kept) == 15
    assert len(peer.asked("POST")) <= 9, "more requests than halving needs"


def test_a_batch_that_is_too_large_is_halved_and_the_next_are_smaller(peer: DicomWebPeer) -> None:
    sent = images(8)
    peer.most_bytes = 3 * sent[0].size
    made = destination(peer)
    before = made.takes
    outcomes = list(made.start(Shipment(sent)).send(sent))
    assert standings(outcomes) == [(n, "sent", "") for n in range(1, 9)]
    assert made.takes.bytes < before.bytes
    peer.most_bytes = 10
    outcomes = list(made.start(Shipment(sent)).send(sent[:2]))
    assert standings(outcomes) == [(n, "refused", "too_large") for n in (1, 2)]


def test_what_no_request_may_be_is_not_even_tried(peer: DicomWebPeer) -> None:
    sent = images(2)
    preset = Preset(largest_bytes=sent[0].size - 1)
    outcomes = list(destination(peer, preset=preset).start(Shipment(sent)).send(sent))
    assert standings(outcomes) == [(n, "refused", "too_large") for n in (1, 2)]
    assert not peer.requests


def test_two_of_one_uid_do_not_share_an_answer(peer: DicomWebPeer) -> None:
    sent = [instance(1), instance(1, variant=1)]
    twins = [sent[0], Instance(**{**fields(sent[1]), "id": 2})]
    outcomes = list(destination(peer).start(Shipment(twins)).send(twins))
    assert standings(outcomes) == [(1, "sent", ""), (2, "sent", "")]
    assert len(peer.asked("POST")) == 2


def fields(each: Instance) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Instance.__dataclass_fields__}


# --- what is not trusted ------------------------------------------------------------------------


@pytest.mark.parametrize("verify", [Verify.LISTED, Verify.READ_BACK])
def test_a_200_with_nothing_stored_is_found_out(peer: DicomWebPeer, verify: Verify) -> None:
    peer.loses = True
    sent = images(2)
    transfer = destination(peer, verify=verify).start(Shipment(sent))
    assert standings(list(transfer.send(sent))) == [(1, "sent", ""), (2, "sent", "")]
    assert {each.standing for each in transfer.verify(sent)} == {Standing.AGAIN}


def test_an_empty_200_is_looked_behind(peer: DicomWebPeer) -> None:
    peer.faults.append(Fault(method="POST", reply=Reply(), acts=True))
    sent = images(2)
    transfer = destination(peer).start(Shipment(sent))
    assert standings(list(transfer.send(sent))) == [(n, "sent", "unlisted") for n in (1, 2)]
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}


def test_a_search_that_lags_behind_is_waited_for_and_not_for_ever(
    peer: DicomWebPeer, clock: Clock
) -> None:
    sent, shipment = images(2), Shipment(images(2))
    made = destination(peer, clock, visible_seconds=30.0)
    transfer = made.start(shipment)
    list(transfer.send(sent))
    peer.lists_late = 2
    with pytest.raises(NotYet) as caught:
        list(transfer.verify(sent))
    assert caught.value.again_in_seconds == 5.0
    clock.now += 5.0
    assert {each.standing for each in made.start(shipment).verify(sent)} == {Standing.VERIFIED}
    peer.kept.clear()
    with pytest.raises(NotYet):
        list(made.start(shipment).verify(sent))
    clock.now += 26.0
    assert {each.standing for each in made.start(shipment).verify(sent)} == {Standing.AGAIN}


def test_what_was_never_sent_is_not_waited_for(peer: DicomWebPeer, clock: Clock) -> None:
    sent = images(2)
    transfer = destination(peer, clock, visible_seconds=30.0).start(Shipment(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.AGAIN}


def test_reading_back_finds_other_bytes(peer: DicomWebPeer) -> None:
    sent = images(3)
    other = instance(2, variant=1)
    made = destination(peer, verify=Verify.READ_BACK)
    list(made.start(Shipment([other])).send([other]))
    peer.keeps_first = "nothing is refused"
    transfer = made.start(Shipment(sent))
    assert standings(list(transfer.verify(sent))) == [
        (1, "again", "not_there"), (2, "refused", "other_bytes"), (3, "again", "not_there"),
    ]  # fmt: skip


def test_file_meta_information_may_be_the_servers_own(peer: DicomWebPeer) -> None:
    sent = images(1)
    made = destination(peer, verify=Verify.READ_BACK)
    list(made.start(Shipment(sent)).send(sent))
    stored_file = next(iter(peer.kept.values()))
    found = pydicom.dcmread(BytesIO(stored_file.file))
    found.file_meta.ImplementationVersionName = "ANOTHER_ONE"
    again = BytesIO()
    found.save_as(again, enforce_file_format=True)
    peer.kept[stored_file.sop_instance] = type(stored_file)(
        **{**{n: getattr(stored_file, n) for n in stored_file.__dataclass_fields__},
           "file": again.getvalue()}
    )  # fmt: skip
    assert again.getvalue() != stored_file.file
    assert {e.standing for e in made.start(Shipment(sent)).verify(sent)} == {Standing.VERIFIED}


def test_the_answer_alone_counts_only_where_that_is_wanted(peer: DicomWebPeer) -> None:
    sent = images(2)
    peer.loses = True
    made = destination(peer, verify=Verify.ANSWER)
    transfer = made.start(Shipment(sent))
    list(transfer.send(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert {each.standing for each in made.start(Shipment(sent)).verify(sent)} == {Standing.AGAIN}
    assert not peer.asked("GET")


# --- already there ------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", ["any", "other"])
def test_already_there_is_settled_by_reading_back(peer: DicomWebPeer, keeps: str) -> None:
    first = [instance(1), instance(2, variant=1)]
    made = destination(peer)
    list(made.start(Shipment(first)).send(first))
    peer.keeps_first = keeps
    sent = images(3)
    outcomes = {each.instance.id: each for each in made.start(Shipment(sent)).send(sent)}
    if keeps == "any":
        assert outcomes[1].standing is Standing.VERIFIED
        assert outcomes[1].already_there
    else:
        assert outcomes[1].standing is Standing.SENT
    assert (outcomes[2].standing, outcomes[2].code) == (Standing.REFUSED, "other_bytes")
    assert outcomes[3].standing is Standing.SENT


def test_a_409_without_a_word_is_settled_by_reading_back(peer: DicomWebPeer) -> None:
    sent = images(1)
    made = destination(peer)
    list(made.start(Shipment(sent)).send(sent))
    peer.faults.append(Fault(method="POST", reply=Reply(status=409)))
    (outcome,) = made.start(Shipment(sent)).send(sent)
    assert (outcome.standing, outcome.already_there) == (Standing.VERIFIED, True)


def test_what_cannot_be_compared_is_for_a_person(peer: DicomWebPeer) -> None:
    sent = images(1)
    made = destination(peer)
    list(made.start(Shipment(sent)).send(sent))
    peer.keeps_first = "any"
    peer.faults.append(Fault(method="GET", reply=Reply(status=406)))
    (outcome,) = made.start(Shipment(sent)).send(sent)
    assert (outcome.standing, outcome.code) == (Standing.REFUSED, "already_there")


# --- implicit VR --------------------------------------------------------------------------------


def implicit(number: int = 1) -> Instance:
    """The scripted image, with a sequence and private elements, in implicit VR."""
    found = pydicom.dcmread(BytesIO(b"".join(instance(number, refers_to="1.2.9").file())))
    found.add_new(0x00090010, "LO", "CAUSEWAY TEST")
    found.add_new(0x00091001, "FL", 1.5)
    found.PixelRepresentation = 1
    found.add_new(0x00280106, "SS", -5)
    found.file_meta.TransferSyntaxUID = IMPLICIT
    out = BytesIO()
    pydicom.dcmwrite(out, found, implicit_vr=True, little_endian=True, enforce_file_format=True)
    whole = out.getvalue()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    return instance(number, data=whole[begin:], syntax=IMPLICIT)


def test_implicit_vr_is_rewritten_where_it_is_not_taken(peer: DicomWebPeer) -> None:
    peer.explicit_only = True
    sent = [implicit(1), instance(2)]
    made = destination(peer, preset=PRESETS["azure"], verify=Verify.READ_BACK)
    transfer = made.start(Shipment(sent))
    outcomes = {each.instance.id: each for each in transfer.send(sent)}
    assert outcomes[1].transcoded_to == EXPLICIT
    assert outcomes[2].transcoded_to == ""
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert len(peer.asked("POST")) == 1
    before = pydicom.dcmread(BytesIO(b"".join(sent[0].file())))
    after = pydicom.dcmread(BytesIO(peer.kept[sent[0].sop_instance_uid].file))
    assert after.file_meta.TransferSyntaxUID == EXPLICIT
    assert after.SmallestImagePixelValue == -5
    assert after.to_json_dict().keys() == before.to_json_dict().keys()
    assert after.PixelData == before.PixelData


def test_a_server_that_turns_out_to_take_no_implicit_vr(peer: DicomWebPeer) -> None:
    peer.explicit_only = True
    sent = [implicit(1), implicit(2)]
    outcomes = list(destination(peer).start(Shipment(sent)).send(sent))
    assert [(e.standing, e.transcoded_to) for e in outcomes] == [(Standing.SENT, EXPLICIT)] * 2


def test_what_cannot_be_rewritten_is_refused_with_its_reason(peer: DicomWebPeer) -> None:
    broken = instance(1, data=implicit().meta + b"garbage", syntax=IMPLICIT)
    made = destination(peer, preset=PRESETS["azure"])
    (outcome,) = made.start(Shipment([broken])).send([broken])
    assert (outcome.standing, outcome.code) == (Standing.REFUSED, "not_rewritable")
    assert "implicit VR" in outcome.why
    assert not peer.requests


# --- failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(reply=Reply(status=429, headers={"retry-after": "9"})), DestinationBusy),
        (Fault(reply=Reply(status=503)), DestinationUnavailable),
        (Fault(reply=Reply(status=507)), DestinationBusy),
        (Fault(reply=Reply(status=401), times=5), DestinationUnauthorised),
        (Fault(reply=Reply(status=404)), DestinationUnavailable),
        (Fault(reply=Reply(status=500)), TemporaryError),
        (Fault(resets=True, acts=True), TemporaryError),
        (Fault(takes_bytes=1000, reply=Reply(status=503)), DestinationUnavailable),
        (Fault(cut_at=20), TemporaryError),
    ],
)
def test_what_is_about_the_attempt_is_raised(
    peer: DicomWebPeer, fault: Fault, error: type[Exception]
) -> None:
    fault.method = "POST"
    peer.faults.append(fault)
    sent = images(3)
    made = destination(peer)
    with pytest.raises(error) as caught:
        list(made.start(Shipment(sent)).send(sent))
    assert type(caught.value) is error
    assert sent[0].sop_instance_uid not in str(caught.value)
    assert len(peer.asked("POST")) <= 1, "it tried again by itself"
    peer.faults.clear()
    transfer = made.start(Shipment(sent))
    missing = [e.instance for e in transfer.verify(sent) if e.standing is not Standing.VERIFIED]
    list(transfer.send(missing))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}


def test_a_reset_after_the_whole_body_is_settled_by_asking(peer: DicomWebPeer) -> None:
    peer.faults.append(Fault(method="POST", resets=True, acts=True))
    sent = images(3)
    made = destination(peer)
    with pytest.raises(TemporaryError):
        list(made.start(Shipment(sent)).send(sent))
    assert {each.standing for each in made.start(Shipment(sent)).verify(sent)} == {
        Standing.VERIFIED
    }
    assert len(peer.asked("POST")) == 1


def test_a_source_that_fails_is_not_the_servers_fault(peer: DicomWebPeer) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise SpoolCorrupt("does not match")

    sent = [instance(1), Instance(**{**fields(instance(2)), "open": broken})]
    with pytest.raises(SpoolCorrupt):
        list(destination(peer).start(Shipment(sent)).send(sent))
    assert not peer.kept


def test_a_token_goes_along() -> None:
    with DicomWebPeer(token="good") as peer:
        sent = images(1)
        made = destination(peer, auth=FixedToken(token=lambda: "good"))
        assert standings(list(made.start(Shipment(sent)).send(sent))) == [(1, "sent", "")]
        assert [step.ok for step in made.probe()] == [True] * 4
        assert not peer.kept.keys() - {sent[0].sop_instance_uid}
        bad = destination(peer, auth=FixedToken(token=lambda: "bad"))
        steps = list(bad.probe())
        assert [(step.name, step.ok) for step in steps] == [
            ("dns", True), ("tcp", True), ("auth", False),
        ]  # fmt: skip
        assert steps[-1].hint


def test_many_pages_are_read(peer: DicomWebPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway.destinations.stow.looking.PAGE", 3)
    sent = images(10)
    transfer = destination(peer).start(Shipment(sent))
    list(transfer.send(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert len(peer.asked("GET")) == 4


def test_a_server_that_gives_fewer_than_it_is_asked_for_is_read_to_the_end(
    peer: DicomWebPeer,
) -> None:
    sent = images(10)
    peer.page = 3
    transfer = destination(peer).start(Shipment(sent))
    list(transfer.send(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}


@pytest.mark.parametrize(
    ("count", "size"), [(1, 25), (26, 25), (100, 25), (120, 30), (200, 50), (1000, 125), (800, 200)]
)
def test_pages_give_so_many_questions_at_once_as_much_to_do(count: int, size: int) -> None:
    assert page_for(count, at_once=4) == size


SEARCH_COSTS = Preset(visible_seconds=0.0, search_costs_bytes=1 << 20)


def searches(peer: DicomWebPeer) -> list[str]:
    return [each.path for each in peer.asked("GET") if each.path.endswith("/instances")]


def test_where_a_search_costs_more_a_series_is_read_back_whole(peer: DicomWebPeer) -> None:
    sent = images(10)
    transfer = destination(peer, preset=SEARCH_COSTS).start(Shipment(sent))
    list(transfer.send(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert len(peer.asked("GET")) == 1
    assert not searches(peer)


def test_what_did_not_come_back_is_searched_for(peer: DicomWebPeer) -> None:
    sent = images(10)
    transfer = destination(peer, preset=SEARCH_COSTS).start(Shipment(sent))
    list(transfer.send(sent))
    lost, changed = sent[3], sent[7]
    del peer.kept[lost.sop_instance_uid]
    kept = peer.kept[changed.sop_instance_uid]
    other = kept.file[:-1] + bytes((kept.file[-1] ^ 1,))
    peer.kept[changed.sop_instance_uid] = dataclasses.replace(kept, file=other)
    assert standings(list(transfer.verify(sent))) == [
        (each.id, "again", "not_there") if each is lost else (each.id, "verified", "")
        for each in sent
    ]
    assert len(searches(peer)) == 2, "one for each of the two"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(reply=Reply(status=406)),
        Fault(reply=Reply(body=b"no file at all, and no multipart body either")),
        Fault(reply=Reply(headers={"content-type": "multipart/related"})),
        Fault(cut_at=2000),
    ],
    ids=["not given", "something else", "no boundary", "cut off"],
)
def test_where_a_series_cannot_be_read_a_search_tells(peer: DicomWebPeer, fault: Fault) -> None:
    sent = images(10)
    transfer = destination(peer, preset=SEARCH_COSTS).start(Shipment(sent))
    list(transfer.send(sent))
    fault.method, fault.times = "GET", 1
    peer.faults.append(fault)
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert searches(peer)


def test_a_series_with_many_others_is_read_no_further_than_is_worth_it(peer: DicomWebPeer) -> None:
    others, sent = images(200), images(210)[200:]
    transfer = destination(peer, preset=SEARCH_COSTS).start(Shipment([*others, *sent]))
    list(transfer.send(others))
    list(transfer.send(sent))
    assert {each.standing for each in transfer.verify(sent)} == {Standing.VERIFIED}
    assert searches(peer)


# --- answers and reasons -------------------------------------------------------------------------


def test_an_answer_that_is_none() -> None:
    for body, kind in (
        (b"", "application/dicom+json"), (b"oops", "text/html"), (b"[1, null]", "application/json"),
        (b"<a>", "application/dicom+xml"), (b"[" * 100_000, "application/json"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml"),
        (b'{"00081199": 5, "00081198": {"Value": [{"00081155": {"Value": [7]}}]}}', ""),
    ):  # fmt: skip
        found = stored(body, kind)
        assert (dict(found.accepted), dict(found.failed)) == ({}, {})


def test_googles_words_for_other_bytes() -> None:
    said = {
        "00081198": {"Value": [{
            "00081155": {"Value": ["1.2"]}, "00081197": {"Value": [272]},
            "00090010": {"Value": ["GOOGLE"]}, "00090097": {"Value": ["Checksum mismatch"]},
        }]},
        "0008119A": {"Value": [{}]},
    }  # fmt: skip
    found = stored(json.dumps(said).encode(), "application/dicom+json")
    assert found.failed == {"1.2": Failure(reason=272, other_bytes=True)}
    assert found.unreadable == 1


def test_every_reason_has_words() -> None:
    for reason in range(0x10000):
        assert words_for(reason)
        assert isinstance(meaning_of(reason), Meaning)
    assert meaning_of(None) is Meaning.PASSES
