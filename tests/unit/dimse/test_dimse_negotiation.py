"""Offers and answers, the odd ones too."""

from __future__ import annotations

import dataclasses

import pytest
from dimse_pair import Pair

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
    AcceptedContext,
    AnsweredContext,
    AssociateAnswer,
    AssociateRequest,
    AsyncWindow,
    ContextResult,
    Policy,
    PresentationContext,
    RoleSelection,
    negotiate,
    offer,
    storage_and_verification,
)
from causeway.dimse.negotiation import agreed

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE = "1.3.12.2.1107.5.9.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
JPEG = "1.2.840.10008.1.2.4.70"
PRIVATE_SYNTAX = "1.2.840.113619.5.2"


def request(*contexts: PresentationContext, **more: object) -> AssociateRequest:
    return AssociateRequest(called_ae="A", calling_ae="B", contexts=contexts, **more)


def line(context_id: int, abstract: str, *transfers: str) -> PresentationContext:
    return PresentationContext(
        context_id=context_id, abstract_syntax=abstract, transfer_syntaxes=transfers
    )


def results(answer: AssociateAnswer) -> list[tuple[int, int, str]]:
    return [(one.context_id, one.result, one.transfer_syntax) for one in answer.contexts]


def test_storage_of_any_kind_is_accepted() -> None:
    answer = negotiate(
        request(
            line(1, VERIFICATION, IMPLICIT_VR_LITTLE_ENDIAN),
            line(3, CT_IMAGE, JPEG, IMPLICIT_VR_LITTLE_ENDIAN),
            line(5, PRIVATE, PRIVATE_SYNTAX),
            line(7, FIND, IMPLICIT_VR_LITTLE_ENDIAN),
        )
    )
    assert results(answer) == [
        (1, 0, IMPLICIT_VR_LITTLE_ENDIAN),
        (3, 0, JPEG),
        (5, 0, PRIVATE_SYNTAX),
        (7, 3, ""),
    ]
    assert answer.accepted_count == 3


@pytest.mark.parametrize(
    ("preferred", "chosen"),
    [
        ((), JPEG),
        ((IMPLICIT_VR_LITTLE_ENDIAN,), IMPLICIT_VR_LITTLE_ENDIAN),
        ((PRIVATE_SYNTAX, EXPLICIT_VR_LITTLE_ENDIAN, JPEG), EXPLICIT_VR_LITTLE_ENDIAN),
        ((PRIVATE_SYNTAX,), JPEG),
    ],
)
def test_the_preferred_syntax_wins(preferred: tuple[str, ...], chosen: str) -> None:
    proposed = line(1, CT_IMAGE, JPEG, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
    assert results(negotiate(request(proposed), Policy(preferred=preferred))) == [(1, 0, chosen)]


def test_a_preferred_syntax_must_be_accepted_too() -> None:
    policy = Policy(preferred=(JPEG,), transfer_syntax=lambda uid: uid != JPEG)
    proposed = line(1, CT_IMAGE, JPEG, EXPLICIT_VR_LITTLE_ENDIAN)
    assert results(negotiate(request(proposed), policy)) == [(1, 0, EXPLICIT_VR_LITTLE_ENDIAN)]
    assert results(negotiate(request(line(1, CT_IMAGE, JPEG)), policy)) == [(1, 4, "")]


def test_several_contexts_for_one_class() -> None:
    """As devices offer, one context for each transfer syntax."""
    answer = negotiate(
        request(line(1, CT_IMAGE, JPEG), line(3, CT_IMAGE, IMPLICIT_VR_LITTLE_ENDIAN))
    )
    assert results(answer) == [(1, 0, JPEG), (3, 0, IMPLICIT_VR_LITTLE_ENDIAN)]


@pytest.mark.parametrize("context_id", [0, 2, 254])
def test_an_identifier_is_a_label(context_id: int) -> None:
    answer = negotiate(request(line(context_id, CT_IMAGE, JPEG)))
    assert results(answer) == [(context_id, 0, JPEG)]


def test_an_identifier_offered_twice_alike_counts_once() -> None:
    asked = request(line(1, CT_IMAGE, JPEG), line(1, CT_IMAGE, JPEG))
    answer = negotiate(asked)
    assert results(answer) == [(1, 0, JPEG)]
    assert set(agreed(asked, answer, requestor=False)) == {1}


def test_an_identifier_offered_twice_differently_is_refused() -> None:
    asked = request(
        line(1, CT_IMAGE, JPEG),
        line(3, CT_IMAGE, JPEG),
        line(1, CT_IMAGE, IMPLICIT_VR_LITTLE_ENDIAN),
    )
    assert results(negotiate(asked)) == [(1, 1, ""), (3, 0, JPEG)]
    # Were it accepted all the same, the association would not use it.
    bold = AssociateAnswer(
        contexts=(AnsweredContext(context_id=1, result=0, transfer_syntax=JPEG),)
    )
    assert agreed(asked, bold, requestor=False) == {}


@pytest.mark.parametrize(
    ("context", "result"),
    [
        (line(1, "", JPEG), ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED),
        (line(1, CT_IMAGE), ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
        (line(1, CT_IMAGE, "", ""), ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
    ],
)
def test_empty_lines(context: PresentationContext, result: int) -> None:
    assert results(negotiate(request(context))) == [(1, result, "")]


def test_an_empty_offer_has_an_empty_answer() -> None:
    answer = negotiate(request())
    assert answer.contexts == ()
    assert answer.accepted_count == 0


# Roles.

SCU, SCP, BOTH = (True, False), (False, True), (True, True)


def role(uid: str, roles: tuple[bool, bool]) -> RoleSelection:
    return RoleSelection(sop_class_uid=uid, scu_role=roles[0], scp_role=roles[1])


@pytest.mark.parametrize(
    ("proposed", "allowed", "requestor", "acceptor"),
    [
        (None, True, SCU, SCP),
        (SCU, True, SCU, SCP),
        (SCP, True, SCP, SCU),
        (BOTH, True, BOTH, BOTH),
        (BOTH, False, SCU, SCP),
        (SCP, False, None, None),
        ((False, False), True, None, None),
    ],
)
def test_roles(
    proposed: tuple[bool, bool] | None,
    allowed: bool,
    requestor: tuple[bool, bool] | None,
    acceptor: tuple[bool, bool] | None,
) -> None:
    roles = () if proposed is None else (role(CT_IMAGE, proposed),)
    asked = request(line(1, CT_IMAGE, JPEG), roles=roles)
    answer = negotiate(asked, Policy(peer_may_be_scp=lambda _: allowed))
    for side, expected in ((True, requestor), (False, acceptor)):
        contexts = agreed(asked, answer, requestor=side)
        if expected is None:
            assert contexts == {}
        else:
            assert (contexts[1].scu_role, contexts[1].scp_role) == expected


def test_a_role_that_is_not_answered_is_the_default() -> None:
    """PS3.7 D.3.3.4."""
    asked = request(line(1, CT_IMAGE, JPEG), roles=(role(CT_IMAGE, BOTH),))
    answer = dataclasses.replace(negotiate(asked, Policy(peer_may_be_scp=lambda _: True)), roles=())
    assert agreed(asked, answer, requestor=True)[1] == AcceptedContext(
        context_id=1, abstract_syntax=CT_IMAGE, transfer_syntax=JPEG, scu_role=True, scp_role=False
    )


def test_a_role_that_was_not_proposed_is_not_granted() -> None:
    asked = request(line(1, CT_IMAGE, JPEG), roles=(role(CT_IMAGE, SCU),))
    answer = dataclasses.replace(negotiate(asked), roles=(role(CT_IMAGE, BOTH),))
    assert not agreed(asked, answer, requestor=True)[1].scp_role


def test_of_two_roles_for_one_class_the_first_counts() -> None:
    asked = request(line(1, CT_IMAGE, JPEG), roles=(role(CT_IMAGE, SCU), role(CT_IMAGE, SCP)))
    answer = negotiate(asked, Policy(peer_may_be_scp=lambda _: True))
    assert answer.roles == (role(CT_IMAGE, SCU),)
    assert agreed(asked, answer, requestor=True)[1].scu_role


# What an acceptor's answer cannot do to the requestor.


@pytest.mark.parametrize(
    "answered",
    [
        AnsweredContext(context_id=9, result=0, transfer_syntax=JPEG),
        AnsweredContext(context_id=1, result=0, transfer_syntax=PRIVATE_SYNTAX),
        AnsweredContext(context_id=1, result=0, transfer_syntax=""),
        AnsweredContext(context_id=1, result=7, transfer_syntax=JPEG),
    ],
)
def test_an_acceptance_that_cannot_be_relied_on(answered: AnsweredContext) -> None:
    asked = request(line(1, CT_IMAGE, JPEG))
    assert agreed(asked, AssociateAnswer(contexts=(answered,)), requestor=True) == {}


# The window.


@pytest.mark.parametrize(
    ("proposed", "granted", "expected"),
    [
        (None, AsyncWindow(), None),
        (AsyncWindow(), None, None),
        (AsyncWindow(invoked=5, performed=2), AsyncWindow(invoked=3, performed=4), (3, 2)),
        (AsyncWindow(invoked=0, performed=2), AsyncWindow(invoked=3, performed=0), (3, 2)),
        (AsyncWindow(invoked=0, performed=0), AsyncWindow(invoked=0, performed=0), (0, 0)),
    ],
)
def test_the_smaller_window_wins(
    proposed: AsyncWindow | None, granted: AsyncWindow | None, expected: tuple[int, int] | None
) -> None:
    answer = negotiate(request(async_window=proposed), Policy(async_window=granted))
    window = answer.async_window
    assert (window and (window.invoked, window.performed)) == expected


# Helpers.


def test_offers_are_numbered() -> None:
    contexts = offer([(VERIFICATION, [JPEG]), (CT_IMAGE, iter([JPEG, PRIVATE_SYNTAX]))])
    assert contexts == (line(1, VERIFICATION, JPEG), line(3, CT_IMAGE, JPEG, PRIVATE_SYNTAX))
    assert offer([(CT_IMAGE, [JPEG])] * 128)[-1].context_id == 255
    with pytest.raises(ValueError, match="128"):
        offer([(CT_IMAGE, [JPEG])] * 129)


def test_both_sides_agree() -> None:
    pair = Pair()
    assert pair.requestor.contexts.keys() == pair.acceptor.contexts.keys()
    for context_id, ours in pair.requestor.contexts.items():
        theirs = pair.acceptor.contexts[context_id]
        assert (ours.scu_role, ours.scp_role) == (theirs.scp_role, theirs.scu_role)
        assert ours.transfer_syntax == theirs.transfer_syntax
    assert storage_and_verification(pair.requestor.contexts[1].abstract_syntax)
