"""What a listener needs from whoever keeps the objects: two small contracts.

The listener never learns what storing means. It hands fragments on as views of its receive buffer
and sends the status that it is given. All calls for one association come from that association's
thread, in the order of the wire; different associations call at the same time.
"""

from __future__ import annotations

from typing import Protocol

from causeway.dimse import CStoreRQ
from causeway.values import Caller


class ObjectSink(Protocol):
    """One object on its way in. Ends with exactly one of ``finish`` and ``abort``."""

    def write(self, fragment: memoryview) -> bool:
        """Take the next bytes of the data set.

        True while any fragment so far is still held as a view: the receive buffer then keeps its
        block. False when all of them were copied out or written: the block may be overwritten at
        once.
        """

    def finish(self) -> int:
        """The object is whole: the C-STORE status to answer. 0x0000 only when it is durable.

        No fragment view may be kept beyond this call.
        """

    def abort(self) -> None:
        """The association broke in mid-object, or ``write`` raised: forget it."""


class Sink(Protocol):
    """Where objects go."""

    def begin(
        self, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> ObjectSink | int:
        """Start an object; an ``int`` refuses it with that status, and its data is read and
        dropped.
        """

    def association_ended(self, caller: Caller, outcome: str, stored: int) -> None:
        """An association that was accepted is over: ``released``, ``aborted``, ``lost`` or
        ``timeout``.

        ``stored`` counts the objects that were answered with success or a warning.
        """


class Emit(Protocol):
    """Where events go that an operator may want to see; fields carry nothing of a patient's."""

    def __call__(self, event: str, /, **fields: object) -> None: ...
