"""Two associations joined in memory, and ways to feed one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from causeway.dimse import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    NEED_DATA,
    VERIFICATION,
    AssociateRequest,
    AssociateRequested,
    Association,
    Buffer,
    Command,
    Event,
    FragmentReceived,
    Limits,
    MessageReceived,
    Policy,
    Role,
    RoleSelection,
    negotiate,
    offer,
)

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
CONTEXTS = {1: VERIFICATION, 3: CT_IMAGE, 5: FIND, 7: GET}


def events(association: Association) -> list[Event]:
    """All there are; fragments with their bytes copied, so that the buffer may go on."""
    found: list[Event] = []
    while (event := association.next_event()) is not NEED_DATA:
        if isinstance(event, FragmentReceived):
            event = FragmentReceived(event.context_id, memoryview(bytes(event.data)), event.last)
        found.append(event)
    return found


def feed_whole(association: Association, raw: bytes) -> list[Event]:
    association.receive_data(raw)
    return events(association)


def feed_bytes(association: Association, raw: bytes) -> list[Event]:
    """One byte at a time, all events taken after each."""
    found = []
    for position in range(len(raw)):
        association.receive_data(raw[position : position + 1])
        found += events(association)
    return found


def feed_buffer(association: Association, raw: bytes) -> list[Event]:
    """As a socket would with recv_into, in the sizes that the association asks for."""
    found = []
    position = 0
    while position < len(raw):
        view = association.get_buffer()
        count = min(len(view), len(raw) - position)
        view[:count] = raw[position : position + count]
        association.buffer_updated(count)
        position += count
        found += events(association)
    return found


Feed = Callable[[Association, bytes], list[Event]]


def joined(buffers: bytes | Iterable[list[Buffer]]) -> bytes:
    """What a call gave, as one piece."""
    if isinstance(buffers, bytes):
        return buffers
    return b"".join(bytes(part) for parts in buffers for part in parts)


class Pair:
    """An established association, both sides of it."""

    def __init__(
        self,
        *,
        requestor: Limits | None = None,
        acceptor: Limits | None = None,
        feed: Feed = feed_whole,
        roles: tuple[RoleSelection, ...] = (),
        policy: Policy | None = None,
        **request: object,
    ) -> None:
        self.feed = feed
        self.requestor = Association(Role.REQUESTOR, limits=requestor)
        self.acceptor = Association(Role.ACCEPTOR, limits=acceptor)
        asked = AssociateRequest(
            called_ae="CAUSEWAY",
            calling_ae="CT1",
            contexts=offer((uid, [IMPLICIT_VR_LITTLE_ENDIAN]) for uid in CONTEXTS.values()),
            roles=roles,
            **request,
        )
        (event,) = feed(self.acceptor, self.requestor.associate(asked))
        assert isinstance(event, AssociateRequested)
        answer = negotiate(
            event.request,
            policy or Policy(abstract_syntax=bool, peer_may_be_scp=lambda uid: uid == CT_IMAGE),
        )
        self.to_requestor(self.acceptor.accept(answer))

    def to_requestor(self, sent: bytes | Iterable[list[Buffer]]) -> list[Event]:
        return self.feed(self.requestor, joined(sent))

    def to_acceptor(self, sent: bytes | Iterable[list[Buffer]]) -> list[Event]:
        return self.feed(self.acceptor, joined(sent))

    def request(self, context_id: int, command: Command, data: Buffer | None = None) -> list[Event]:
        return self.to_acceptor(self.requestor.send_message(context_id, command, data))

    def answer(self, context_id: int, command: Command, data: Buffer | None = None) -> list[Event]:
        return self.to_requestor(self.acceptor.send_message(context_id, command, data))


def data_set(found: list[Event]) -> bytes:
    """The data set of the one message in ``found``; checks that only the last fragment says so."""
    message, *fragments = found
    assert isinstance(message, MessageReceived)
    assert message.has_data
    pieces = []
    for index, fragment in enumerate(fragments):
        assert isinstance(fragment, FragmentReceived)
        assert fragment.context_id == message.context_id
        assert fragment.last is (index == len(fragments) - 1)
        pieces.append(bytes(fragment.data))
    assert fragments
    return b"".join(pieces)
