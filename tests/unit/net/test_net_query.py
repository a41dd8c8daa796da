"""C-FIND, C-MOVE and C-GET of our client, with archives that do as they should and otherwise."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from causeway.dimse import (
    Aborted,
    AssociateRequested,
    Association,
    CCancelRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    Command,
    CStoreRQ,
    CStoreRSP,
    Event,
    FragmentReceived,
    MessageReceived,
    Policy,
    ReleaseRequested,
    Request,
    Role,
    negotiate,
)
from causeway.net import (
    AssociationLost,
    NotNegotiated,
    Outgoing,
    Peer,
    RetrieveAnswer,
    Timeouts,
    associate,
    find,
    get,
    get_roles,
    move,
)
from causeway.net.query import LONGEST_IDENTIFIER
from causeway.testing.listening import RecordingSink, wait_for
from causeway.testing.peers import CT_IMAGE_STORAGE
from causeway.testing.servers import ScriptedServer, next_event
from causeway.values import Caller

EXPLICIT = "1.2.840.10008.1.2.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
KINDS = [(FIND, EXPLICIT), (MOVE, EXPLICIT), (GET, EXPLICIT), (CT_IMAGE_STORAGE, EXPLICIT)]
STORAGE = [(CT_IMAGE_STORAGE, EXPLICIT)]
PENDING, CANCELLED, NO_SUCH_DESTINATION = 0xFF00, 0xFE00, 0xA801
CALLER = Caller(
    source="archive",
    calling_ae="PACS",
    called_ae="CAUSEWAY",
    address="127.0.0.1",
    association="a1",
    certificate="",
)


class Archive(ScriptedServer):
    """Hands each message, when its data set is whole, to a function of the test."""

    def __init__(self, react: Callable[[Archive, int, Command, bytes], None]) -> None:
        super().__init__()
        self._react = react
        self.commands: list[Command] = []
        self.last: Event | None = None

    def serve(self, connection: socket.socket) -> None:
        # Its own: the thread of the connection before may not have ended yet.
        association = Association(Role.ACCEPTOR)
        self.connection, self.association = connection, association
        everything = Policy(abstract_syntax=bool, peer_may_be_scp=bool)
        data, context_id, command = b"", 0, Command()
        while True:
            event = next_event(connection, association)
            if isinstance(event, AssociateRequested):
                connection.sendall(association.accept(negotiate(event.request, everything)))
                continue
            if isinstance(event, ReleaseRequested):
                connection.sendall(association.release_response())
                return
            if isinstance(event, MessageReceived):
                data, context_id, command = b"", event.context_id, event.command
                if event.has_data:
                    continue
            elif isinstance(event, FragmentReceived):
                data += event.data
                association.release_fragments()
                if not event.last:
                    continue
            else:
                self.last = event
                return
            self.commands.append(command)
            self._react(self, context_id, command, data)

    def tell(self, context_id: int, command: Command, data: bytes | None = None) -> None:
        for buffers in self.association.send_message(context_id, command, data):
            self.connection.sendall(b"".join(buffers))

    def peer(self, response_seconds: float = 10.0) -> Peer:
        return Peer(
            host="127.0.0.1",
            port=self.port,
            called_ae="PACS",
            timeouts=Timeouts(response_seconds=response_seconds, release_seconds=1),
        )


def answer(kind: type[CFindRSP | CMoveRSP | CGetRSP], to: Command, status: int, **more: int):
    assert isinstance(to, Request)
    return kind(message_id_being_responded_to=to.message_id, status=status, **more)


# C-FIND


def matches(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    """Three matches, the question and a number, and the end."""
    for number in range(3):
        pending = answer(CFindRSP, command, PENDING + number % 2)
        archive.tell(context_id, pending, data + bytes([number]))
    archive.tell(context_id, answer(CFindRSP, command, 0))


def test_matches_come_as_they_are_and_then_the_end():
    with Archive(matches) as archive, associate(archive.peer(), KINDS) as to:
        for _ in range(2):
            answers = list(find(to, FIND, b"who ", EXPLICIT))
            assert [each.identifier for each in answers] == [b"who \0", b"who \1", b"who \2", b""]
            assert [each.pending for each in answers] == [True, True, True, False]
            assert answers[-1].status == 0
    assert [each.affected_sop_class_uid for each in archive.commands] == [FIND, FIND]  # type: ignore[attr-defined]
    assert "who" not in repr(answers)


def test_a_find_is_cancelled_and_the_association_goes_on():
    asked: list[Command] = []

    def endless(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        """One match for each message that comes, until C-CANCEL."""
        if isinstance(command, CFindRQ):
            asked.append(command)
            archive.tell(context_id, answer(CFindRSP, command, PENDING), b"one ")
        elif isinstance(command, CCancelRQ):
            assert command.message_id_being_responded_to == asked[-1].message_id  # type: ignore[attr-defined]
            archive.tell(context_id, answer(CFindRSP, asked[-1], PENDING), b"too late")
            archive.tell(context_id, answer(CFindRSP, asked[-1], CANCELLED))

    with Archive(endless) as archive, associate(archive.peer(), KINDS) as to:
        for _ in range(2):
            operation = find(to, FIND, b"who ", EXPLICIT)
            seen = []
            for each in operation:
                seen.append(each.status)
                if len(seen) == 1:
                    operation.cancel()
            assert seen == [PENDING, PENDING, CANCELLED]
            operation.cancel()  # there is nothing to cancel any more
    assert [type(each) for each in archive.commands] == [CFindRQ, CCancelRQ] * 2


def test_an_operation_that_was_left_early_ends_in_an_abort():
    """Its answers are still on the way; a release would have to read them all."""
    with Archive(one_and_silence) as archive:
        with associate(archive.peer(), KINDS) as to:
            next(iter(find(to, FIND, b"who ", EXPLICIT)))
        wait_for(lambda: isinstance(archive.last, Aborted))


def test_what_is_not_negotiated_is_not_asked():
    with Archive(matches) as archive, associate(archive.peer(), KINDS) as to:
        with pytest.raises(NotNegotiated):
            find(to, FIND, b"", "1.2.840.10008.1.2")
        assert len(list(find(to, FIND, b"who ", EXPLICIT))) == 4


def test_an_answer_without_end_is_cut_off():
    def flood(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        huge = bytes(LONGEST_IDENTIFIER + 2)
        archive.tell(context_id, answer(CFindRSP, command, PENDING), huge)

    with Archive(flood) as archive, associate(archive.peer(), KINDS) as to:
        with pytest.raises(AssociationLost, match="longer than"):
            list(find(to, FIND, b"", EXPLICIT))
        assert to.wire._socket.fileno() == -1


def silent(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    pass


def one_and_silence(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    archive.tell(context_id, answer(CFindRSP, command, PENDING), b"one ")


def closing(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    archive.connection.shutdown(socket.SHUT_RDWR)


def releasing(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    archive.connection.sendall(b"\x05\0\0\0\0\x04\0\0\0\0")


def releasing_in_the_middle(
    archive: Archive, context_id: int, command: Command, data: bytes
) -> None:
    """A-RELEASE-RQ between two pieces of one data set."""
    lists = archive.association.send_message(
        context_id, answer(CFindRSP, command, PENDING), bytes(400_000)
    )
    wire = b"".join(b"".join(buffers) for buffers in lists)
    first = 0
    for _ in range(2):
        first += 6 + int.from_bytes(wire[first + 2 : first + 6], "big")
    archive.connection.sendall(wire[:first])
    releasing(archive, context_id, command, data)


def asking(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
    """A question for an answer."""
    given = answer(CFindRSP, command, 0)
    changed(archive, context_id, given, CFindRSP.command_field, CFindRQ.command_field)


@pytest.mark.parametrize(
    "react", [silent, one_and_silence, closing, releasing, releasing_in_the_middle, asking]
)
def test_an_archive_that_breaks_off_is_an_error_in_time(
    react: Callable[[Archive, int, Command, bytes], None],
):
    with Archive(react) as archive:
        to = associate(archive.peer(response_seconds=0.5), KINDS)
        with pytest.raises(AssociationLost, match="C-FIND"):
            list(find(to, FIND, b"", EXPLICIT))
        assert to.wire._socket.fileno() == -1
        to.release()  # nothing is left of it, and nothing is said


# An answer of the wrong kind. Our core would not send one, so its bytes are changed on the way.


def changed(archive: Archive, context_id: int, answer: Command, old: int, new: int) -> None:
    wire = b"".join(
        b"".join(buffers) for buffers in archive.association.send_message(context_id, answer)
    )
    field = b"\0\0\0\x01\x02\0\0\0"
    assert wire.count(field + old.to_bytes(2, "little")) == 1
    archive.connection.sendall(
        wire.replace(field + old.to_bytes(2, "little"), field + new.to_bytes(2, "little"))
    )


def test_an_answer_to_another_question_is_the_end():
    def react(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        given: Command
        if isinstance(command, CMoveRQ):
            given = answer(CMoveRSP, command, 0)
        elif isinstance(command, CFindRQ):
            given = answer(CFindRSP, command, 0)
        else:
            assert isinstance(command, CStoreRQ)
            given = command.response(0)
        changed(archive, context_id, given, given.command_field, CEchoRSP.command_field)

    one = Outgoing(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        data=b"1234",
    )
    with Archive(react) as archive:
        for ask in (
            lambda to: list(move(to, MOVE, b"", EXPLICIT, destination="ELSEWHERE")),
            lambda to: list(find(to, FIND, b"", EXPLICIT)),
            lambda to: to.store(one),
        ):
            to = associate(archive.peer(response_seconds=1), KINDS)
            with pytest.raises(AssociationLost):
                ask(to)
            assert to.wire._socket.fileno() == -1


# C-MOVE


def test_a_move_tells_how_far_it_is():
    def react(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        for done in range(2):
            counts = {
                "number_of_remaining_suboperations": 2 - done,
                "number_of_completed_suboperations": done,
                "number_of_failed_suboperations": 0,
                "number_of_warning_suboperations": 0,
            }
            archive.tell(context_id, answer(CMoveRSP, command, PENDING, **counts))
        failed = {
            "number_of_completed_suboperations": 1,
            "number_of_failed_suboperations": 1,
            "number_of_warning_suboperations": 0,
        }
        archive.tell(context_id, answer(CMoveRSP, command, 0xB000, **failed), b"failed: one ")

    with Archive(react) as archive, associate(archive.peer(), KINDS) as to:
        answers = list(move(to, MOVE, b"all ", EXPLICIT, destination="ELSEWHERE"))
    assert answers == [
        RetrieveAnswer(status=PENDING, remaining=2, completed=0, failed=0, warned=0),
        RetrieveAnswer(status=PENDING, remaining=1, completed=1, failed=0, warned=0),
        RetrieveAnswer(status=0xB000, completed=1, failed=1, warned=0, identifier=b"failed: one "),
    ]
    (command,) = archive.commands
    assert isinstance(command, CMoveRQ)
    assert command.move_destination == "ELSEWHERE"


def test_a_move_to_nowhere_is_an_answer_and_no_error():
    def react(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        archive.tell(context_id, answer(CMoveRSP, command, NO_SUCH_DESTINATION))

    with Archive(react) as archive, associate(archive.peer(), KINDS) as to:
        (only,) = move(to, MOVE, b"all ", EXPLICIT, destination="NOWHERE")
        assert (only.status, only.pending) == (NO_SUCH_DESTINATION, False)


# C-GET


class Sending(Archive):
    """Stores objects over the association that asked, one after the other's answer."""

    def __init__(self, objects: list[bytes]) -> None:
        super().__init__(self._get)
        self.statuses: list[int] = []
        self._objects = objects
        self._left: list[bytes] = []
        self._asked: Command | None = None
        self._context_id = 0

    def _get(self, _: Archive, context_id: int, command: Command, data: bytes) -> None:
        if isinstance(command, CGetRQ):
            self._asked, self._context_id, self._left = command, context_id, list(self._objects)
        elif isinstance(command, CStoreRSP):
            self.statuses.append(command.status)
        if not self._left:
            assert self._asked is not None
            self.tell(self._context_id, answer(CGetRSP, self._asked, 0))
            return
        (storage,) = (
            each.context_id
            for each in self.association.contexts.values()
            if each.abstract_syntax == CT_IMAGE_STORAGE
        )
        store = CStoreRQ(
            message_id=self.association.new_message_id(),
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid=f"1.2.{len(self._left)}",
        )
        self.tell(storage, store, self._left.pop(0))


def get_all(archive: Archive, sink: RecordingSink, told: list[str]) -> list[RetrieveAnswer]:
    with associate(archive.peer(), KINDS, roles=get_roles(STORAGE)) as to:
        return list(
            get(
                to,
                GET,
                b"all ",
                EXPLICIT,
                sink=sink,
                caller=CALLER,
                emit=lambda event, /, **_: told.append(event),
            )
        )


OBJECTS = [b"1" * 10, b"2" * 500_000, b"3" * 20]


@pytest.mark.parametrize("holds", [False, True], ids=["copies", "holds"])
def test_a_get_stores_what_comes_into_the_sink(holds: bool):
    sink = RecordingSink(holds=holds)
    with Sending(OBJECTS) as archive:
        (last,) = get_all(archive, sink, [])
    assert last.status == 0
    assert [each.data for each in sink.kept] == OBJECTS
    assert {each.caller for each in sink.kept} == {CALLER}
    assert archive.statuses == [0, 0, 0]


def test_a_sink_that_refuses_is_told_to_the_archive_and_the_rest_still_comes():
    sink = RecordingSink()
    sink.refuse_with = 0xA700
    with Sending(OBJECTS) as archive:
        (last,) = get_all(archive, sink, [])
    assert last.status == 0
    assert archive.statuses == [0xA700] * 3
    assert sink.kept == []


def test_a_sink_that_fails_costs_that_object():
    sink, told = RecordingSink(), []
    sink.fail_at = "finish"
    with Sending(OBJECTS) as archive:
        get_all(archive, sink, told)
    assert archive.statuses == [0x0110] * 3
    assert told == ["sink.failed"] * 3
    assert sink.aborted == 3


def test_an_archive_that_vanishes_in_the_middle_of_an_object_leaves_none_open():
    def react(archive: Archive, context_id: int, command: Command, data: bytes) -> None:
        (storage,) = (
            each.context_id
            for each in archive.association.contexts.values()
            if each.abstract_syntax == CT_IMAGE_STORAGE
        )
        store = CStoreRQ(
            message_id=1,
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid="1.2.3",
        )
        lists = archive.association.send_message(storage, store, bytes(500_000))
        whole = b"".join(b"".join(buffers) for buffers in lists)
        archive.connection.sendall(whole[: len(whole) // 2])
        archive.connection.shutdown(socket.SHUT_RDWR)

    sink = RecordingSink()
    with Archive(react) as archive, pytest.raises(AssociationLost, match="C-GET"):
        get_all(archive, sink, [])
    assert (sink.aborted, sink.kept) == (1, [])


def test_roles_are_proposed_once_for_each_class():
    roles = get_roles([*STORAGE, (CT_IMAGE_STORAGE, "1.2.840.10008.1.2")])
    assert [(each.scu_role, each.scp_role) for each in roles] == [(False, True)]
