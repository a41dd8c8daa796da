"""The state machine of PS3.8 section 9.2: states, events, actions, and Table 9-10, as the standard
has them.

Two rules. All of the machine is in this file: the association works out which event has occurred
and asks ``Machine``, and holds no condition of its own about which state allows what. And the file
knows neither bytes nor sockets.

Three things are left to the reader of the table, as the standard leaves them:

- AE-6 has two outcomes. The association takes ``Sta3``, or rejects when the protocol version is
  not supported.
- AR-8 leads the requestor of the association to ``Sta9`` and its acceptor to ``Sta10``.
- Cells that Table 9-10 leaves empty are impossible for what the peer does, and for the local user
  a mistake: ``LocalProtocolError``. Evt15 (abort) is exempt, since whoever cleans up must not have
  to look at the state first: where its cell is empty nothing is sent.

One deviation: once a mistake of the peer has been answered, nothing that follows in ``Sta13`` is
read. After bytes that are no PDU (Evt19) nobody knows where the next one would begin, and AA-7
would answer each piece of garbage with another A-ABORT.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from causeway.dimse.errors import LocalProtocolError


class Role(enum.Enum):
    """Which side of the association this is: who asked for it, or who was asked."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"


class State(enum.Enum):
    """PS3.8 section 9.2.2, Tables 9-1 to 9-5."""

    STA1 = "Idle"
    STA2 = "Transport connection open; awaiting A-ASSOCIATE-RQ PDU"
    STA3 = "Awaiting local A-ASSOCIATE response primitive"
    STA4 = "Awaiting transport connection opening to complete"
    STA5 = "Awaiting A-ASSOCIATE-AC or A-ASSOCIATE-RJ PDU"
    STA6 = "Association established and ready for data transfer"
    STA7 = "Awaiting A-RELEASE-RP PDU"
    STA8 = "Awaiting local A-RELEASE response primitive"
    STA9 = "Release collision requestor side; awaiting A-RELEASE response primitive"
    STA10 = "Release collision acceptor side; awaiting A-RELEASE-RP PDU"
    STA11 = "Release collision requestor side; awaiting A-RELEASE-RP PDU"
    STA12 = "Release collision acceptor side; awaiting A-RELEASE response primitive"
    STA13 = "Awaiting transport connection close indication; association no longer exists"


class Occurrence(enum.Enum):
    """What the standard calls events: the rows of Table 9-10."""

    EVT1 = "A-ASSOCIATE request primitive"
    EVT2 = "Transport connection confirmation"
    EVT3 = "A-ASSOCIATE-AC PDU received"
    EVT4 = "A-ASSOCIATE-RJ PDU received"
    EVT5 = "Transport connection indication"
    EVT6 = "A-ASSOCIATE-RQ PDU received"
    EVT7 = "A-ASSOCIATE response primitive (accept)"
    EVT8 = "A-ASSOCIATE response primitive (reject)"
    EVT9 = "P-DATA request primitive"
    EVT10 = "P-DATA-TF PDU received"
    EVT11 = "A-RELEASE request primitive"
    EVT12 = "A-RELEASE-RQ PDU received"
    EVT13 = "A-RELEASE-RP PDU received"
    EVT14 = "A-RELEASE response primitive"
    EVT15 = "A-ABORT request primitive"
    EVT16 = "A-ABORT PDU received"
    EVT17 = "Transport connection closed"
    EVT18 = "ARTIM timer expired"
    EVT19 = "Unrecognized or invalid PDU received"


class Artim(enum.Enum):
    """What an action does to the ARTIM timer, which the shell keeps."""

    START = "start"
    STOP = "stop"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Effect:
    """An action of Tables 9-6 to 9-9: its text, what it changes, and what the caller must do."""

    text: str
    next_state: State
    artim: Artim = Artim.LEAVE
    closes: bool = False
    """The transport connection is to be closed by this side."""


class Action(enum.Enum):
    """PS3.8 Tables 9-6 (AE), 9-7 (DT), 9-8 (AR) and 9-9 (AA).

    No two effects may be equal, since an Enum would make them one: AR-5 and AA-5 differ in their
    text.
    """

    AE_1 = Effect("Issue TRANSPORT CONNECT request", State.STA4)
    AE_2 = Effect("Send A-ASSOCIATE-RQ PDU", State.STA5)
    AE_3 = Effect("Issue A-ASSOCIATE confirmation (accept)", State.STA6)
    AE_4 = Effect("Issue A-ASSOCIATE confirmation (reject), close", State.STA1, closes=True)
    AE_5 = Effect("Issue transport connection response, start ARTIM", State.STA2, Artim.START)
    AE_6 = Effect("Stop ARTIM; issue A-ASSOCIATE indication, or reject", State.STA3, Artim.STOP)
    AE_7 = Effect("Send A-ASSOCIATE-AC PDU", State.STA6)
    AE_8 = Effect("Send A-ASSOCIATE-RJ PDU, start ARTIM", State.STA13, Artim.START)
    DT_1 = Effect("Send P-DATA-TF PDU", State.STA6)
    DT_2 = Effect("Issue P-DATA indication", State.STA6)
    AR_1 = Effect("Send A-RELEASE-RQ PDU", State.STA7)
    AR_2 = Effect("Issue A-RELEASE indication", State.STA8)
    AR_3 = Effect("Issue A-RELEASE confirmation, close", State.STA1, closes=True)
    AR_4 = Effect("Send A-RELEASE-RP PDU, start ARTIM", State.STA13, Artim.START)
    AR_5 = Effect("Stop ARTIM (association has ended)", State.STA1, Artim.STOP)
    AR_6 = Effect("Issue P-DATA indication", State.STA7)
    AR_7 = Effect("Send P-DATA-TF PDU", State.STA8)
    AR_8 = Effect("Issue A-RELEASE indication (collision)", State.STA10)
    AR_9 = Effect("Send A-RELEASE-RP PDU", State.STA11)
    AR_10 = Effect("Issue A-RELEASE confirmation", State.STA12)
    AA_1 = Effect("Send A-ABORT PDU (service user), start ARTIM", State.STA13, Artim.START)
    AA_2 = Effect("Stop ARTIM, close", State.STA1, Artim.STOP, closes=True)
    AA_3 = Effect("Issue A-ABORT or A-P-ABORT indication, close", State.STA1, closes=True)
    AA_4 = Effect("Issue A-P-ABORT indication", State.STA1)
    AA_5 = Effect("Stop ARTIM (none was requested)", State.STA1, Artim.STOP)
    AA_6 = Effect("Ignore PDU", State.STA13)
    AA_7 = Effect("Send A-ABORT PDU", State.STA13)
    AA_8 = Effect(
        "Send A-ABORT PDU (service provider), issue A-P-ABORT indication, start ARTIM",
        State.STA13,
        Artim.START,
    )


def _table() -> dict[tuple[Occurrence, State], Action]:
    """Table 9-10, a row for each event; ``-`` is an empty cell."""
    rows = """
              Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
        EVT1  AE-1  -     -     -     -     -     -     -     -     -     -     -     -
        EVT2  -     -     -     AE-2  -     -     -     -     -     -     -     -     -
        EVT3  -     AA-1  AA-8  -     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        EVT4  -     AA-1  AA-8  -     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        EVT5  AE-5  -     -     -     -     -     -     -     -     -     -     -     -
        EVT6  -     AE-6  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
        EVT7  -     -     AE-7  -     -     -     -     -     -     -     -     -     -
        EVT8  -     -     AE-8  -     -     -     -     -     -     -     -     -     -
        EVT9  -     -     -     -     -     DT-1  -     AR-7  -     -     -     -     -
        EVT10 -     AA-1  AA-8  -     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        EVT11 -     -     -     -     -     AR-1  -     -     -     -     -     -     -
        EVT12 -     AA-1  AA-8  -     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
        EVT13 -     AA-1  AA-8  -     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
        EVT14 -     -     -     -     -     -     -     AR-4  AR-9  -     -     AR-4  -
        EVT15 -     -     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  -
        EVT16 -     AA-2  AA-3  -     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
        EVT17 -     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
        EVT18 -     AA-2  -     -     -     -     -     -     -     -     -     -     AA-2
        EVT19 -     AA-1  AA-8  -     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
    """
    header, *lines = (line.split() for line in rows.strip().splitlines())
    states = [State[name.upper()] for name in header]
    return {
        (Occurrence[event], state): Action[cell.replace("-", "_")]
        for event, *cells in lines
        for state, cell in zip(states, cells, strict=True)
        if cell != "-"
    }


TRANSITIONS: Final = _table()

ACTIONS_WITH_CHOICE: Final = {
    Action.AE_6: (State.STA3, State.STA13),
    Action.AR_8: (State.STA9, State.STA10),
}
"""Actions whose next state depends on more than the table."""

# The two questions that are asked for each message, answered once. An Enum's hash is slow.
RECEIVING: Final = frozenset(
    state
    for state in State
    if TRANSITIONS.get((Occurrence.EVT10, state)) in (Action.DT_2, Action.AR_6)
)
"""States in which P-DATA-TF is delivered."""
SENDING: Final = frozenset(state for state in State if (Occurrence.EVT9, state) in TRANSITIONS)
"""States in which P-DATA-TF may be sent."""


class Machine:
    """Where one side of one association is in the table, and what follows from it."""

    __slots__ = ("artim_running", "must_close", "receives", "role", "sends", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.STA1
        self.artim_running = self.must_close = False
        self.receives = self.sends = False
        if role is Role.ACCEPTOR:
            self.do(Action.AE_5)

    def action(self, occurrence: Occurrence) -> Action | None:
        """The cell of the table; None where it is empty."""
        return TRANSITIONS.get((occurrence, self.state))

    def allowed(self, occurrence: Occurrence) -> Action:
        """The action of what the local user wants."""
        action = self.action(occurrence)
        if action is None:
            raise LocalProtocolError(f"{occurrence.value}: not in {self.state.name.capitalize()}")
        return action

    def do(self, action: Action) -> None:
        """Take an action's effect on state, timer and transport."""
        effect = action.value
        self.state = effect.next_state
        if action is Action.AR_8 and self.role is Role.REQUESTOR:
            self.state = State.STA9
        if effect.artim is not Artim.LEAVE:
            self.artim_running = effect.artim is Artim.START
        if effect.closes:
            self.must_close = True
            self.artim_running = False
        self.receives = self.state in RECEIVING
        self.sends = self.state in SENDING
