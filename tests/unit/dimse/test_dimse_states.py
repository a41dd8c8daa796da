"""The table against an independent transcription; the association against the table, by cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dimse_pair import Pair, events, feed_whole
from pynetdicom import fsm

from causeway.dimse import (
    VERIFICATION,
    Aborted,
    AssociateAccepted,
    AssociateAnswer,
    AssociateRejected,
    AssociateRequest,
    AssociateRequested,
    Association,
    CEchoRQ,
    LocalProtocolError,
    MessageReceived,
    ProtocolError,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
    State,
    TransportClosed,
    negotiate,
    offer,
)
from causeway.dimse.states import ACTIONS_WITH_CHOICE, TRANSITIONS, Action, Occurrence

REQUEST = AssociateRequest(
    called_ae="A", calling_ae="B", contexts=offer([(VERIFICATION, ["1.2.840.10008.1.2"])])
)


def test_the_table_is_the_standards() -> None:
    ours = {
        (event.name.capitalize(), state.name.capitalize()): action.name.replace("_", "-")
        for (event, state), action in TRANSITIONS.items()
    }
    assert ours == fsm.TRANSITION_TABLE


def test_the_actions_lead_where_the_standards_do() -> None:
    for action in Action:
        _, _, following = fsm.ACTIONS[action.name.replace("_", "-")]
        expected = {following} if isinstance(following, str) else set(following)
        ours = {state.name.capitalize() for state in ACTIONS_WITH_CHOICE.get(action, ())}
        assert (ours or {action.value.next_state.name.capitalize()}) == expected
    assert len(Action) == len(fsm.ACTIONS)


def test_states_and_events_are_all_there() -> None:
    assert [state.name.capitalize() for state in State] == list(fsm.STATES)
    assert [event.name.capitalize() for event in Occurrence] == list(fsm.EVENTS)


# An association in each state, made by what leads there. Sta4 is passed within one call.


def sta3() -> Association:
    acceptor = Association(Role.ACCEPTOR)
    feed_whole(acceptor, Association(Role.REQUESTOR).associate(REQUEST))
    return acceptor


def sta5() -> Association:
    requestor = Association(Role.REQUESTOR)
    requestor.associate(REQUEST)
    return requestor


def sta7() -> Association:
    pair = Pair()
    pair.requestor.release()
    return pair.requestor


def sta8() -> Association:
    pair = Pair()
    pair.to_acceptor(pair.requestor.release())
    return pair.acceptor


def collided() -> Pair:
    """Both have asked for release before either had read the other's."""
    pair = Pair()
    from_requestor, from_acceptor = pair.requestor.release(), pair.acceptor.release()
    assert pair.to_requestor(from_acceptor) == [ReleaseRequested(collision=True)]
    assert pair.to_acceptor(from_requestor) == [ReleaseRequested(collision=True)]
    return pair


def sta11() -> Association:
    pair = collided()
    pair.requestor.release_response()
    return pair.requestor


def sta12() -> Association:
    pair = collided()
    assert pair.to_acceptor(pair.requestor.release_response()) == [ReleaseConfirmed()]
    return pair.acceptor


def sta13() -> Association:
    pair = Pair()
    pair.requestor.abort()
    return pair.requestor


MAKE: dict[State, Callable[[], Association]] = {
    State.STA1: lambda: Association(Role.REQUESTOR),
    State.STA2: lambda: Association(Role.ACCEPTOR),
    State.STA3: sta3,
    State.STA5: sta5,
    State.STA6: lambda: Pair().acceptor,
    State.STA7: sta7,
    State.STA8: sta8,
    State.STA9: lambda: collided().requestor,
    State.STA10: lambda: collided().acceptor,
    State.STA11: sta11,
    State.STA12: sta12,
    State.STA13: sta13,
}


def test_every_state_can_be_reached() -> None:
    for state, make in MAKE.items():
        assert make().state is state
    assert set(State) - set(MAKE) == {State.STA4}


def an_answer() -> bytes:
    acceptor = Association(Role.ACCEPTOR)
    (asked,) = feed_whole(acceptor, Association(Role.REQUESTOR).associate(REQUEST))
    assert isinstance(asked, AssociateRequested)
    return acceptor.accept(negotiate(asked.request))


PDUS = {
    Occurrence.EVT3: an_answer(),
    Occurrence.EVT4: b"\3\0\0\0\0\4\0\1\1\1",
    Occurrence.EVT6: Association(Role.REQUESTOR).associate(REQUEST),
    Occurrence.EVT10: Pair().requestor.encode_response(1, CEchoRQ(message_id=1)),
    Occurrence.EVT12: b"\5\0\0\0\0\4\0\0\0\0",
    Occurrence.EVT13: b"\6\0\0\0\0\4\0\0\0\0",
    Occurrence.EVT16: b"\7\0\0\0\0\4\0\0\2\1",
    Occurrence.EVT19: b"\x47",
}
INDICATIONS = {
    Action.AE_3: AssociateAccepted,
    Action.AE_4: AssociateRejected,
    Action.AE_6: AssociateRequested,
    Action.DT_2: MessageReceived,
    Action.AR_2: ReleaseRequested,
    Action.AR_3: ReleaseConfirmed,
    Action.AR_6: MessageReceived,
    Action.AR_8: ReleaseRequested,
    Action.AR_10: ReleaseConfirmed,
    Action.AA_2: Aborted,
    Action.AA_3: Aborted,
}
ABORT_BY_USER = b"\7\0\0\0\0\4\0\0\0\0"
ABORT_BY_PROVIDER = b"\7\0\0\0\0\4\0\0\2"


@pytest.mark.parametrize("state", MAKE, ids=lambda state: state.name)
@pytest.mark.parametrize("occurrence", PDUS, ids=lambda event: event.name)
def test_what_arrives_does_what_the_table_says(state: State, occurrence: Occurrence) -> None:
    association = MAKE[state]()
    action = TRANSITIONS.get((occurrence, state))
    association.receive_data(PDUS[occurrence])
    if action in INDICATIONS:
        (event,) = events(association)
        assert type(event) is INDICATIONS[action]
    elif action is None:
        # Only Sta1: there is no association, and nothing is read.
        assert state is State.STA1
        assert events(association) == []
        return
    elif action is Action.AA_6:
        assert events(association) == []
    else:
        with pytest.raises(ProtocolError) as caught:
            association.next_event()
        if action is Action.AA_1:
            assert caught.value.reply == ABORT_BY_USER
        else:
            assert caught.value.reply.startswith(ABORT_BY_PROVIDER)
    choice = ACTIONS_WITH_CHOICE.get(action, (action.value.next_state,))
    assert association.state in choice
    assert association.must_close is action.value.closes
    if action is Action.AR_8:
        assert (association.state is State.STA9) is (association.role is Role.REQUESTOR)


@pytest.mark.parametrize("state", MAKE, ids=lambda state: state.name)
def test_the_transport_is_lost(state: State) -> None:
    association = MAKE[state]()
    association.transport_closed()
    action = TRANSITIONS.get((Occurrence.EVT17, state))
    assert events(association) == [TransportClosed(abrupt=action is Action.AA_4)]
    assert association.state is State.STA1
    assert not association.artim_running
    assert events(association) == []


@pytest.mark.parametrize("state", MAKE, ids=lambda state: state.name)
def test_artim(state: State) -> None:
    association = MAKE[state]()
    assert association.artim_running is (state in (State.STA2, State.STA13))
    association.artim_expired()
    action = TRANSITIONS.get((Occurrence.EVT18, state))
    assert association.must_close is (action is Action.AA_2)
    assert association.state is (State.STA1 if action else state)
    assert not association.artim_running


CALLS: dict[Occurrence, Callable[[Association], object]] = {
    Occurrence.EVT1: lambda side: side.associate(REQUEST),
    Occurrence.EVT7: lambda side: side.accept(negotiate(REQUEST)),
    Occurrence.EVT8: lambda side: side.reject(1, 1, 1),
    Occurrence.EVT9: lambda side: side.encode_response(
        1,
        CEchoRQ(message_id=1) if side.role is Role.REQUESTOR else answer_owed(side),
    ),
    Occurrence.EVT11: lambda side: side.release(),
    Occurrence.EVT14: lambda side: side.release_response(),
}


def answer_owed(side: Association) -> object:
    """An acceptor sends answers: let something have been asked, where that is possible."""
    if side.state is State.STA6:
        feed_whole(side, PDUS[Occurrence.EVT10])
    elif side.state is State.STA8:
        side._operations.received(1, CEchoRQ(message_id=1))
    return CEchoRQ(message_id=1).response()


@pytest.mark.parametrize("state", MAKE, ids=lambda state: state.name)
@pytest.mark.parametrize("occurrence", CALLS, ids=lambda event: event.name)
def test_what_is_wanted_does_what_the_table_says(state: State, occurrence: Occurrence) -> None:
    association = MAKE[state]()
    action = TRANSITIONS.get((occurrence, state))
    if action is None:
        with pytest.raises(LocalProtocolError):
            CALLS[occurrence](association)
        assert association.state is state
    else:
        assert CALLS[occurrence](association)
        # The transport is there before the call, so Sta4 is left within it.
        expected = State.STA5 if action is Action.AE_1 else action.value.next_state
        assert association.state is expected


@pytest.mark.parametrize("state", MAKE, ids=lambda state: state.name)
def test_abort_never_raises(state: State) -> None:
    association = MAKE[state]()
    action = TRANSITIONS.get((Occurrence.EVT15, state))
    sent = association.abort()
    assert sent == (ABORT_BY_USER if action else b"")
    assert association.state is (State.STA13 if action else state)
    assert association.abort() == b""


def test_an_answer_needs_every_line() -> None:
    association = sta3()
    with pytest.raises(LocalProtocolError):
        association.accept(AssociateAnswer(contexts=()))
    assert association.state is State.STA3


def test_an_acceptor_does_not_associate() -> None:
    with pytest.raises(LocalProtocolError):
        Association(Role.ACCEPTOR).associate(REQUEST)


def test_one_association_per_transport() -> None:
    """PS3.8 section 9.2: after the end, a new association needs a new connection."""
    pair = Pair()
    pair.to_acceptor(pair.requestor.release())
    pair.to_requestor(pair.acceptor.release_response())
    assert pair.requestor.state is State.STA1
    with pytest.raises(LocalProtocolError):
        pair.requestor.associate(REQUEST)
