"""Garbage for the DICOM core: python tests/property/fuzz_dimse.py --seconds 600 --seed 1

Valid conversations are damaged (bytes changed, cut, repeated, lengths blown up) and fed in pieces
of random size to associations in several states. Whatever comes:

- no exception but ``ProtocolError``, and none after the first;
- no more events than bytes, so the loop ends;
- memory within the bounds of ``Limits``;
- what was read as an offer or a message is the same after it was written and read again.

A failure prints the seed of its round; ``--seed N --rounds 1`` repeats it. The suite runs a
bounded number of rounds (``test_dimse_fuzz.py``).
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import time
from collections.abc import Callable

from causeway.dimse import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    NEED_DATA,
    VERIFICATION,
    AssociateRequest,
    AssociateRequested,
    Association,
    AsyncWindow,
    BlockPool,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CommonExtendedNegotiation,
    CStoreRQ,
    Event,
    ExtendedNegotiation,
    FragmentReceived,
    Limits,
    LocalProtocolError,
    MessageReceived,
    NActionRQ,
    Policy,
    ProtocolError,
    Request,
    Role,
    RoleSelection,
    State,
    UserIdentity,
    negotiate,
    offer,
)
from causeway.dimse.commandset import decode, encode
from causeway.dimse.readers import read_request
from causeway.dimse.writers import write_request

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
LIMITS = Limits(
    max_pdu_length=8_192,
    max_associate_length=16_384,
    max_command_length=2_048,
    max_outstanding=8,
    initial_buffer=1_024,
    max_held_bytes=65_536,
    max_held_fragments=256,
)
BLOCK = 16_384
NO_WINDOW = AsyncWindow(invoked=0, performed=0)
POLICY = Policy(abstract_syntax=bool, peer_may_be_scp=bool, async_window=NO_WINDOW)
REQUEST = AssociateRequest(
    called_ae="CAUSEWAY",
    calling_ae="CT1",
    contexts=offer((uid, [IMPLICIT_VR_LITTLE_ENDIAN]) for uid in (VERIFICATION, CT_IMAGE, FIND)),
    async_window=NO_WINDOW,
    roles=(RoleSelection(sop_class_uid=CT_IMAGE, scu_role=True, scp_role=True),),
    extended=(ExtendedNegotiation(sop_class_uid=CT_IMAGE, application_information=b"\1\0"),),
    common_extended=(
        CommonExtendedNegotiation(
            sop_class_uid="1.2.3",
            service_class_uid="1.2.840.10008.4.2",
            related_general_sop_class_uids=(CT_IMAGE,),
        ),
    ),
    user_identity=UserIdentity(type=2, primary=b"someone", secondary=b"secret"),
)


def new(role: Role) -> Association:
    return Association(role, limits=LIMITS, blocks=BlockPool(block_size=BLOCK, retain=1))


def pair() -> tuple[Association, Association]:
    requestor, acceptor = new(Role.REQUESTOR), new(Role.ACCEPTOR)
    acceptor.receive_data(requestor.associate(REQUEST))
    asked = acceptor.next_event()
    assert isinstance(asked, AssociateRequested)
    requestor.receive_data(acceptor.accept(negotiate(asked.request, POLICY)))
    requestor.next_event()
    return requestor, acceptor


def answer_bytes() -> bytes:
    acceptor = new(Role.ACCEPTOR)
    acceptor.receive_data(new(Role.REQUESTOR).associate(REQUEST))
    asked = acceptor.next_event()
    assert isinstance(asked, AssociateRequested)
    return acceptor.accept(negotiate(asked.request, POLICY))


def session_bytes() -> bytes:
    """What a requestor sends in an established association."""
    requestor, _ = pair()
    parts = []
    for message_id, (context_id, command, data) in enumerate(
        (
            (1, CEchoRQ(message_id=1), None),
            (3, store("1.2.3.4"), bytes(10)),
            (3, store("1.2.3.45"), bytes(9_000)),
            (5, CFindRQ(message_id=1, affected_sop_class_uid=FIND), b"identifier"),
            (5, CGetRQ(message_id=1, affected_sop_class_uid=FIND), b"identifier"),
            (
                1,
                NActionRQ(
                    message_id=1,
                    requested_sop_class_uid="1.2",
                    requested_sop_instance_uid="1.2.3",
                    action_type_id=1,
                ),
                b"",
            ),
            (3, store("1.2.3.46"), bytes(3)),
        ),
        start=1,
    ):
        numbered = dataclasses.replace(command, message_id=message_id)
        for buffers in requestor.send_message(context_id, numbered, data):
            parts += [bytes(part) for part in buffers]
    parts.append(requestor.release())
    return b"".join(parts)


def store(uid: str) -> CStoreRQ:
    return CStoreRQ(message_id=1, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid=uid)


def waiting() -> Association:
    requestor = new(Role.REQUESTOR)
    requestor.associate(REQUEST)
    return requestor


SCENES: tuple[tuple[Callable[[], Association], bytes], ...] = (
    (lambda: new(Role.ACCEPTOR), new(Role.REQUESTOR).associate(REQUEST)),
    (waiting, answer_bytes()),
    (lambda: pair()[1], session_bytes()),
    (lambda: pair()[0], session_bytes()),
)


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """``raw`` with a few things wrong."""
    out = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
        if not out:
            break
        at = chance.randrange(len(out))
        match chance.randrange(8):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at] = chance.choice((0, 1, 2, 4, 7, 0x7F, 0x80, 0xFF))
            case 2:
                del out[at : at + chance.randrange(1, 40)]
            case 3:
                out[at:at] = chance.randbytes(chance.randrange(1, 40))
            case 4:
                del out[at:]
            case 5:
                # A piece of it once more, somewhere.
                size = chance.randrange(1, 300)
                out[at:at] = out[(start := chance.randrange(len(out))) : start + size]
            case 6:
                # A length, where there may be one.
                width = chance.choice((2, 4))
                value = chance.choice((0, 1, 2, 5, 6, 7, 0xFFFF, 1 << 31, (1 << 32) - 1, at))
                out[at : at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "big")
            case _:
                out[at:at] = b"\4\0" + (at % 70).to_bytes(4, "big")
    return bytes(out)


def check(association: Association, event: Event) -> None:
    """What was understood is the same when it is written and read again."""
    if isinstance(event, AssociateRequested):
        request = event.request
        try:
            raw = write_request(request)
        except ValueError:
            return  # a title whose padding was not spaces may not fit again
        assert read_request(raw[6:], Limits()) == request
    elif isinstance(event, MessageReceived):
        again, has_data = decode(encode(event.command, has_data=event.has_data))
        assert (again, has_data) == (event.command, event.has_data)


def one_round(seed: int) -> None:
    chance = random.Random(seed)
    make, raw = chance.choice(SCENES)
    association = make()
    raw = damaged(raw, chance)
    largest = chance.choice((7, 100, 5_000, 100_000))
    position = told = 0
    failed = False
    views: list[tuple[memoryview, bytes]] = []
    while position < len(raw):
        view = association.get_buffer()
        assert len(view) > 0
        count = min(len(view), len(raw) - position, chance.randint(1, largest))
        view[:count] = raw[position : position + count]
        association.buffer_updated(count)
        position += count
        try:
            while (event := association.next_event()) is not NEED_DATA:
                assert not failed, "an event after the end"
                told += 1
                check(association, event)
                if isinstance(event, FragmentReceived):
                    views.append((event.data, bytes(event.data)))
                react(association, event, chance)
        except ProtocolError as error:
            assert not failed, "a second error"
            failed = bool(error.reply) and association.state is State.STA13
            assert failed, "an error without an answer"
        if chance.random() < 0.2:
            assert all(bytes(view) == content for view, content in views)
            views.clear()
            association.release_fragments()
        buffer = association._buffer
        assert buffer.held_bytes <= LIMITS.max_held_bytes + BLOCK
        assert len(buffer.block) <= max(BLOCK, 2 * LIMITS.max_associate_length)
        assert association._incoming._command_size <= LIMITS.max_command_length
    assert told <= len(raw)
    assert all(bytes(view) == content for view, content in views)
    association.transport_closed()
    if association.next_event() is not NEED_DATA:
        assert association.next_event() is NEED_DATA


def react(association: Association, event: Event, chance: random.Random) -> None:
    """Now and then the local side does something, as it would."""
    try:
        if isinstance(event, AssociateRequested):
            association.accept(negotiate(event.request, POLICY))
        elif isinstance(event, MessageReceived) and isinstance(event.command, Request):
            if chance.random() < 0.7 and hasattr(event.command, "response"):
                association.encode_response(event.context_id, event.command.response(0))
        elif chance.random() < 0.01:
            association.abort()
    except LocalProtocolError:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=sys.maxsize)
    arguments = parser.parse_args()
    until = time.monotonic() + arguments.seconds
    seed = arguments.seed
    while seed - arguments.seed < arguments.rounds and time.monotonic() < until:
        try:
            one_round(seed)
        except BaseException:
            print(f"failed: --seed {seed} --rounds 1", file=sys.stderr)
            raise
        seed += 1
    print(f"{seed - arguments.seed} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
