"""Whether the node has what it was sent, asked by C-FIND at image level (PS3.4 C.4.1 and C.6.2).

Study root, with the UIDs of study and series and a list of those of the instances, some at a time.
Where a node makes nothing of a list, it is asked for the whole series, once. Found is what the node
names itself; it does not say what bytes it has, only that it will give an object by that UID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from causeway.destinations.contract import Instance
from causeway.dimse import Category, FindStatus, category, describe
from causeway.errors import TemporaryError
from causeway.net import ClientAssociation, find
from causeway.net.datasets import SYNTAXES, Element, decode, encode, text_in
from causeway.net.outgoing import Kind

STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
FIND_KINDS: tuple[Kind, ...] = tuple((STUDY_ROOT_FIND, each) for each in SYNTAXES)

_SOP_INSTANCE: Final = 0x00080018
_LEVEL: Final = 0x00080052
_STUDY: Final = 0x0020000D
_SERIES: Final = 0x0020000E

LIST_LENGTH: Final = 50
"""UIDs in one question: 3 KB, which stays below what any node has been seen to refuse."""
MOST_ANSWERS: Final = 200_000


def found_there(
    association: ClientAssociation, instances: Sequence[Instance], name: str
) -> frozenset[str]:
    """SOP Instance UIDs, of these, that the node has. Raises TemporaryError, PeerError."""
    found: set[str] = set()
    for study, series, members in _by_series(instances):
        wanted = {each.sop_instance_uid for each in members}
        ordered = sorted(wanted)
        for start in range(0, len(ordered), LIST_LENGTH):
            some = ordered[start : start + LIST_LENGTH]
            found.update(_asked(association, study, series, some, name))
        if not wanted & found:
            found.update(_asked(association, study, series, (), name))
    return frozenset(found)


def _by_series(instances: Iterable[Instance]) -> Iterator[tuple[str, str, list[Instance]]]:
    groups: dict[tuple[str, str], list[Instance]] = {}
    for each in instances:
        groups.setdefault((each.study_instance_uid, each.series_instance_uid), []).append(each)
    for (study, series), members in groups.items():
        yield study, series, members


def _asked(
    association: ClientAssociation, study: str, series: str, uids: Sequence[str], name: str
) -> Iterator[str]:
    context = association.context(STUDY_ROOT_FIND)
    identifier: list[Element] = [
        (_SOP_INSTANCE, "UI", "\\".join(uids).encode("ascii")),
        (_LEVEL, "CS", b"IMAGE"),
        (_STUDY, "UI", study.encode("ascii")),
        (_SERIES, "UI", series.encode("ascii")),
    ]
    syntax = context.transfer_syntax
    answers = find(association, STUDY_ROOT_FIND, encode(identifier, syntax), syntax)
    for number, answer in enumerate(answers):
        if answer.pending:
            if number >= MOST_ANSWERS:
                raise TemporaryError(f"destination {name} gives answers without end to C-FIND")
            yield _uid_in(answer.identifier, syntax)
        elif category(answer.status) is not Category.SUCCESS:
            raise TemporaryError(
                f"destination {name} could not be asked what it has: C-FIND answered "
                f"{describe(answer.status, FindStatus)}"
            )


def _uid_in(identifier: bytes, syntax: str) -> str:
    try:
        return text_in(decode(identifier, syntax), _SOP_INSTANCE)
    except ValueError:
        return ""
