"""Who may come in: by address, AE titles and certificate."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from causeway.dimse import RejectResult, RejectSource
from causeway.net import Admission, Refusal, SourceRule
from causeway.net.admission import CLOSING_SLACK, normal_address

LAN = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))


def rule(name: str, ae_title: str = "*", certificate: str = "", cap: int = 4) -> SourceRule:
    return SourceRule(
        name=name,
        ae_title=ae_title,
        networks=LAN,
        certificate=certificate,
        max_associations=cap,
    )


def identified(admission: Admission, *args: str) -> str:
    found = admission.identify(*args)
    return found.name if isinstance(found, SourceRule) else found


def test_an_address_has_room_for_the_sources_that_list_it():
    admission = Admission([rule("ct1", cap=4), rule("ct2", cap=2)])
    assert admission.screen("10.0.0.9") == 6 + CLOSING_SLACK
    assert admission.screen("fd00::9") == 6 + CLOSING_SLACK
    assert admission.screen("10.0.1.9") == 0
    assert admission.screen("::1") == 0


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (("10.0.0.9", "CT1", ""), "ct1"),
        (("10.0.0.9", " CT1 ", ""), "ct1"),
        (("10.0.0.9", "CT1\0\0", ""), "ct1"),
        (("10.0.0.9", "ct1", ""), Refusal.CALLING_AE_TITLE),
        (("10.0.0.9", "CT1\n", ""), Refusal.CALLING_AE_TITLE),
        (("10.0.0.9", "", ""), Refusal.CALLING_AE_TITLE),
        (("10.0.1.9", "CT1", ""), Refusal.ADDRESS),
    ],
)
def test_title_and_address_belong_together(peer: tuple[str, str, str], expected: str):
    assert identified(Admission([rule("ct1", "CT1")]), *peer) == expected


def test_the_first_rule_that_fits_names_the_source():
    admission = Admission([rule("ct1", "CT1"), rule("others")])
    assert identified(admission, "10.0.0.9", "CT1") == "ct1"
    assert identified(admission, "10.0.0.9", "MR1") == "others"


CERT, NEXT_CERT, OTHER = "ab" * 32, "cd" * 32, "ef" * 32


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (CERT, "bound"),
        (CERT.upper(), "bound"),
        (":".join(CERT[i : i + 2] for i in range(0, 64, 2)), "bound"),
        (NEXT_CERT, "renewed"),
        (OTHER, Refusal.CERTIFICATE),
        ("", Refusal.CERTIFICATE),
    ],
)
def test_a_title_bound_to_a_certificate_is_trusted_only_with_it(certificate: str, expected: str):
    admission = Admission(
        [rule("bound", "CT1", CERT), rule("renewed", "CT1", NEXT_CERT), rule("others")]
    )
    assert identified(admission, "10.0.0.9", "CT1", certificate) == expected
    assert identified(admission, "10.0.0.9", "MR1", certificate) == "others"


def test_any_title_with_the_certificate():
    admission = Admission([rule("device", "*", CERT)])
    assert identified(admission, "10.0.0.9", "ANY", CERT) == "device"
    assert identified(admission, "10.0.0.9", "ANY", OTHER) == Refusal.CERTIFICATE


def test_caps_are_of_sources():
    admission = Admission([rule("ct1", cap=3)])
    assert admission.cap("ct1") == 3
    assert admission.cap("nobody") == 0


@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_an_answer(refusal: Refusal):
    answer = refusal.answer
    assert answer.result in RejectResult
    transient = answer.result is RejectResult.TRANSIENT
    assert transient == (answer.source is RejectSource.SERVICE_PROVIDER_PRESENTATION)


def test_strangers_are_not_told_which_part_did_not_fit():
    strange = {Refusal.ADDRESS, Refusal.CALLING_AE_TITLE, Refusal.CERTIFICATE}
    assert len({refusal.answer for refusal in strange}) == 1
    assert Refusal.CALLED_AE_TITLE.answer.reason == 7
    assert Refusal.CALLING_AE_TITLE.answer.reason == 3


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
    ],
)
def test_addresses_are_written_in_one_way(seen: str, known: str):
    assert normal_address(seen) == known
