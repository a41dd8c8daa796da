"""What the listener takes of an offer: pure, from A-ASSOCIATE-RQ to the answer.

Storage is taken in every transfer syntax that is offered, private and future ones too, since
nothing is decoded here: bytes are kept as they come. Where a context offers a choice, the sender's
own order decides (its first syntax is as a rule the one that its objects have already), except that
the syntaxes which say less or are retired come last: Implicit VR does not carry the value
representations of private elements, and Explicit VR Big Endian was retired in 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

from causeway.dimse import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    STORAGE_COMMITMENT_PUSH,
    VERIFICATION,
    AssociateAnswer,
    AssociateRequest,
    AsyncWindow,
    Policy,
    PresentationContext,
    is_storage_class,
    negotiate,
)
from causeway.net.datasets import SYNTAXES

_DICOM_ROOT = "1.2.840.10008."
_LAST_CHOICES = {IMPLICIT_VR_LITTLE_ENDIAN: 1, "1.2.840.10008.1.2.2": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What may be stored. ``None`` means everything that the other settings let through."""

    sop_classes: frozenset[str] | None = None
    """These storage SOP classes only; Verification is always accepted."""
    private_sop_classes: bool = True
    """Whether classes outside the DICOM root count as storage."""
    transfer_syntaxes: frozenset[str] | None = None

    def takes(self, sop_class: str) -> bool:
        """Whether the listener accepts a context for this abstract syntax."""
        if sop_class == VERIFICATION:
            return True
        if self.sop_classes is not None:
            return sop_class in self.sop_classes
        if not self.private_sop_classes and not sop_class.startswith(_DICOM_ROOT):
            return False
        return is_storage_class(sop_class)

    def reads(self, transfer_syntax: str) -> bool:
        """Whether data sets in this transfer syntax are taken."""
        if self.transfer_syntaxes is None:
            return transfer_syntax != ""
        return transfer_syntax in self.transfer_syntaxes

    def answer(self, request: AssociateRequest, *, commitment: bool = False) -> AssociateAnswer:
        """The answer to an offer, context by context.

        With ``commitment``, storage commitment too: asked of us, or, where the caller proposes to
        be its SCP, reported to us.

        The asynchronous operations window, when asked for, is answered with one operation at a
        time: more would gain nothing where objects are stored in order. A sender that does not wait
        for its answers is served all the same.
        """
        return negotiate(
            request,
            Policy(
                abstract_syntax=lambda uid: (commitment and _is_commitment(uid)) or self.takes(uid),
                order=self._acceptable,
                peer_may_be_scp=_is_commitment,
                async_window=AsyncWindow(invoked=1, performed=1),
            ),
        )

    def _acceptable(self, context: PresentationContext) -> tuple[str, ...]:
        """What is offered and taken, the best first.

        A C-ECHO has no data set, so the transfer syntax of its context is never declined.
        """
        if context.abstract_syntax == STORAGE_COMMITMENT_PUSH:
            # Its data sets are read here, so they come in what is read.
            return tuple(each for each in context.transfer_syntaxes if each in SYNTAXES)
        taken = [
            syntax
            for syntax in context.transfer_syntaxes
            if context.abstract_syntax == VERIFICATION or self.reads(syntax)
        ]
        return tuple(sorted(taken, key=lambda syntax: _LAST_CHOICES.get(syntax, 0)))


def _is_commitment(uid: str) -> bool:
    return uid == STORAGE_COMMITMENT_PUSH
