"""From an offer and a policy to an answer; from offer and answer to what the contexts mean.

Pure functions: who may call at all is decided elsewhere, before.

What odd offers get:

- Several contexts for one abstract syntax are answered one by one; each has its own transfer
  syntax.
- One transfer syntax is chosen per context, as the standard asks (PS3.8 section 9.3.3.2).
- An identifier is a label. Even ones and 0, which the standard does not allow, are answered like
  others.
- An identifier that is offered twice with the same content counts once. With different contents
  nobody could tell which one was accepted, so it is refused (user rejection), once.
- Without abstract syntax: "abstract syntax not supported". Without transfer syntaxes: "transfer
  syntaxes not supported". An empty offer has an empty answer; ``accepted_count`` tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from causeway.dimse.names import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION,
    VERIFICATION,
    is_storage_class,
)
from causeway.dimse.pdu import (
    AcceptedContext,
    AnsweredContext,
    AssociateAnswer,
    AssociateRequest,
    AsyncWindow,
    ContextResult,
    PeerInfo,
    PresentationContext,
    RoleSelection,
)


def storage_and_verification(abstract_syntax: str) -> bool:
    """C-ECHO, and whatever can be stored, private SOP classes included."""
    return abstract_syntax == VERIFICATION or is_storage_class(abstract_syntax)


def nothing(_uid: str) -> bool:
    """Accepts none."""
    return False


def as_proposed(context: PresentationContext) -> Sequence[str]:
    """The transfer syntaxes of a context in the requestor's own order."""
    return context.transfer_syntaxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What this side accepts. The predicates are asked with UIDs as the peer wrote them."""

    abstract_syntax: Callable[[str], bool] = storage_and_verification
    transfer_syntax: Callable[[str], bool] = bool
    """By default any that is not empty, private ones too."""
    order: Callable[[PresentationContext], Sequence[str]] = as_proposed
    """Those of a context's transfer syntaxes that may be chosen, the best first."""
    preferred: tuple[str, ...] = ()
    """The first of these that may be chosen and is accepted wins; else the first in order that is.
    """
    peer_may_be_scp: Callable[[str], bool] = nothing
    """SOP classes for which the requestor may take the SCP role, as it does to receive by C-GET."""
    async_window: AsyncWindow | None = None
    """The most that is granted, seen from the requestor (0: no limit). ``None`` leaves the item
    out, which means one operation at a time."""
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version: str = IMPLEMENTATION_VERSION


DEFAULT_POLICY = Policy()


def negotiate(request: AssociateRequest, policy: Policy = DEFAULT_POLICY) -> AssociateAnswer:
    """The answer to an offer. Extended negotiation and user identity are left unanswered, which the
    standard allows; add answers with ``dataclasses.replace``.
    """
    roles = _roles(request, policy)
    useless = {uid for uid, role in roles.items() if not (role.scu_role or role.scp_role)}
    answers: dict[int, AnsweredContext] = {}
    seen: dict[int, PresentationContext] = {}
    for context in request.contexts:
        first = seen.setdefault(context.context_id, context)
        if first is context:
            answers[context.context_id] = _answer(context, policy, useless)
        elif first != context:
            answers[context.context_id] = AnsweredContext(
                context_id=context.context_id, result=ContextResult.USER_REJECTION
            )
    return AssociateAnswer(
        contexts=tuple(answers.values()),
        implementation_class_uid=policy.implementation_class_uid,
        implementation_version=policy.implementation_version,
        async_window=_window(request.async_window, policy.async_window),
        roles=tuple(roles.values()),
    )


def _answer(context: PresentationContext, policy: Policy, useless: set[str]) -> AnsweredContext:
    if not policy.abstract_syntax(context.abstract_syntax):
        result = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif context.abstract_syntax in useless:
        result = ContextResult.USER_REJECTION
    else:
        chosen = _choose(policy.order(context), policy)
        if chosen:
            return AnsweredContext(
                context_id=context.context_id,
                result=ContextResult.ACCEPTANCE,
                transfer_syntax=chosen,
            )
        result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    return AnsweredContext(context_id=context.context_id, result=result)


def _choose(proposed: Sequence[str], policy: Policy) -> str:
    for uid in policy.preferred:
        if uid in proposed and policy.transfer_syntax(uid):
            return uid
    return next((uid for uid in proposed if uid and policy.transfer_syntax(uid)), "")


def _roles(request: AssociateRequest, policy: Policy) -> dict[str, RoleSelection]:
    """The answer to each proposed role selection; only what was proposed can be granted."""
    return {
        role.sop_class_uid: RoleSelection(
            sop_class_uid=role.sop_class_uid,
            scu_role=role.scu_role,
            scp_role=role.scp_role and policy.peer_may_be_scp(role.sop_class_uid),
        )
        for role in reversed(request.roles)  # so that of two for one class the first counts
        if policy.abstract_syntax(role.sop_class_uid)
    }


def _window(proposed: AsyncWindow | None, granted: AsyncWindow | None) -> AsyncWindow | None:
    if proposed is None or granted is None:
        return None

    def smaller(one: int, other: int) -> int:
        return min(one, other) if one and other else one or other

    return AsyncWindow(
        invoked=smaller(proposed.invoked, granted.invoked),
        performed=smaller(proposed.performed, granted.performed),
    )


def offer(
    syntaxes: Iterable[tuple[str, Iterable[str]]],
) -> tuple[PresentationContext, ...]:
    """Presentation contexts for pairs of abstract syntax and transfer syntaxes, numbered 1, 3, 5, …

    Raises ValueError beyond 128, for which there are no identifiers.
    """
    contexts = tuple(
        PresentationContext(
            context_id=2 * index + 1, abstract_syntax=abstract, transfer_syntaxes=tuple(transfers)
        )
        for index, (abstract, transfers) in enumerate(syntaxes)
    )
    if len(contexts) > 128:
        raise ValueError("an association has room for 128 presentation contexts")
    return contexts


def check_offer(contexts: tuple[PresentationContext, ...]) -> None:
    """Whether an offer is one that this side may make. Raises ValueError."""
    ids = [context.context_id for context in contexts]
    if not ids or len(set(ids)) < len(ids) or not all(i % 2 and 0 < i < 256 for i in ids):
        raise ValueError("presentation contexts need odd identifiers, each its own")
    if not all(context.transfer_syntaxes for context in contexts):
        raise ValueError("a presentation context needs a transfer syntax")


def check_answer(request: AssociateRequest, answer: AssociateAnswer) -> None:
    """Whether an answer is one that this side may give. Raises ValueError."""
    offered = {context.context_id for context in request.contexts}
    answered = [context.context_id for context in answer.contexts]
    if len(answered) != len(offered) or set(answered) != offered:
        raise ValueError("each offered presentation context needs one answer")
    if len(agreed(request, answer, requestor=False)) != answer.accepted_count:
        raise ValueError("a transfer syntax that was not offered")


def agreed(
    request: AssociateRequest, answer: AssociateAnswer, *, requestor: bool
) -> dict[int, AcceptedContext]:
    """What each identifier means for the side that asks.

    Left out, besides what was refused: identifiers that were not offered, or offered with different
    contents, and transfer syntaxes that were not proposed. Such an acceptance cannot be relied on.
    """
    offered: dict[int, PresentationContext] = {}
    ambiguous = set()
    for context in request.contexts:
        if offered.setdefault(context.context_id, context) != context:
            ambiguous.add(context.context_id)
    proposed = {role.sop_class_uid: role for role in reversed(request.roles)}
    granted = {role.sop_class_uid: role for role in reversed(answer.roles)}
    contexts: dict[int, AcceptedContext] = {}
    for line in answer.contexts:
        context_offered = offered.get(line.context_id)
        if (
            line.result != ContextResult.ACCEPTANCE
            or context_offered is None
            or line.context_id in ambiguous
            or line.context_id in contexts
            or line.transfer_syntax not in context_offered.transfer_syntaxes
        ):
            continue
        uid = context_offered.abstract_syntax
        # Without an answer the default roles stand (PS3.7 D.3.3.4): the requestor is the SCU.
        scu, scp = True, False
        if uid in proposed and uid in granted:
            scu = proposed[uid].scu_role and granted[uid].scu_role
            scp = proposed[uid].scp_role and granted[uid].scp_role
        contexts[line.context_id] = AcceptedContext(
            context_id=line.context_id,
            abstract_syntax=uid,
            transfer_syntax=line.transfer_syntax,
            scu_role=scu if requestor else scp,
            scp_role=scp if requestor else scu,
        )
    return contexts


def introduction(request: AssociateRequest, answer: AssociateAnswer | None = None) -> PeerInfo:
    """What the peer said of itself: in the request, or, where this side asked, in the answer."""
    said = request if answer is None else answer
    return PeerInfo(
        calling_ae=request.calling_ae,
        called_ae=request.called_ae,
        max_pdu_length=said.max_pdu_length,
        implementation_class_uid=said.implementation_class_uid,
        implementation_version=said.implementation_version,
        async_window=said.async_window,
        user_identity=request.user_identity if answer is None else None,
        user_identity_response=None if answer is None else answer.user_identity_response,
    )
