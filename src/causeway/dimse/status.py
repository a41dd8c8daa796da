"""Status codes (0000,0900), named per service: PS3.7 annex C, PS3.4 B.2.3, C.4.1 to C.4.3, J.3.

A class of this module names the codes that one service defines; ``category`` reads any code, those
of later editions and private ones too.
"""

from __future__ import annotations

import enum


class Category(enum.Enum):
    """What a status means for the exchange (PS3.7 C.1 to C.5)."""

    SUCCESS = "success"
    PENDING = "pending"
    CANCEL = "cancel"
    WARNING = "warning"
    FAILURE = "failure"


class Status(enum.IntEnum):
    """Codes of PS3.7 annex C, common to all services."""

    SUCCESS = 0x0000
    PENDING = 0xFF00
    PENDING_WITH_WARNING = 0xFF01
    CANCEL = 0xFE00
    WARNING = 0x0001
    ATTRIBUTE_LIST_ERROR = 0x0107
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_ARGUMENT = 0x0114
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    REFUSED_SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION_TYPE = 0x0123
    REFUSED_NOT_AUTHORIZED = 0x0124
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213


class StoreStatus(enum.IntEnum):
    """C-STORE, PS3.4 Table B.2-1. A7xx, A9xx and Cxxx are ranges; these are their first codes."""

    SUCCESS = 0x0000
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    COERCION_OF_DATA_ELEMENTS = 0xB000
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS_WARNING = 0xB007
    ELEMENTS_DISCARDED = 0xB006
    REFUSED_SOP_CLASS_NOT_SUPPORTED = 0x0122
    REFUSED_NOT_AUTHORIZED = 0x0124


class FindStatus(enum.IntEnum):
    """C-FIND, PS3.4 Table C.4-1. Cxxx is a range."""

    SUCCESS = 0x0000
    PENDING = 0xFF00
    PENDING_OPTIONAL_KEYS_NOT_SUPPORTED = 0xFF01
    CANCEL = 0xFE00
    OUT_OF_RESOURCES = 0xA700
    IDENTIFIER_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    UNABLE_TO_PROCESS = 0xC000


class MoveStatus(enum.IntEnum):
    """C-MOVE, PS3.4 Table C.4-2. Cxxx is a range."""

    SUCCESS = 0x0000
    PENDING = 0xFF00
    CANCEL = 0xFE00
    OUT_OF_RESOURCES_MATCHES = 0xA701
    OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    IDENTIFIER_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    UNABLE_TO_PROCESS = 0xC000
    SUBOPERATIONS_COMPLETE_WITH_FAILURES = 0xB000


class GetStatus(enum.IntEnum):
    """C-GET, PS3.4 Table C.4-3. Cxxx is a range."""

    SUCCESS = 0x0000
    PENDING = 0xFF00
    CANCEL = 0xFE00
    OUT_OF_RESOURCES_MATCHES = 0xA701
    OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702
    IDENTIFIER_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    UNABLE_TO_PROCESS = 0xC000
    SUBOPERATIONS_COMPLETE_WITH_FAILURES = 0xB000


class CommitmentFailure(enum.IntEnum):
    """Failure Reason (0008,1197) of storage commitment, PS3.3 C.14.1.1."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119
    REFERENCED_SOP_CLASS_NOT_SUPPORTED = 0x0122
    DUPLICATE_TRANSACTION_UID = 0x0131
    RESOURCE_LIMITATION = 0x0213


# PS3.7 C.4: 0001, Bxxx, and the two attribute codes that PS3.7 C.4.2 and C.4.3 list as warnings.
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})


def category(status: int) -> Category:
    """Which of the five a code belongs to. Whatever is not known to be better is a failure."""
    if status == 0x0000:
        return Category.SUCCESS
    if status in (0xFF00, 0xFF01):
        return Category.PENDING
    if status == 0xFE00:
        return Category.CANCEL
    if status in _WARNINGS or status & 0xF000 == 0xB000:
        return Category.WARNING
    return Category.FAILURE


def describe(status: int, names: type[enum.IntEnum] = Status) -> str:
    """A code for people: ``0xA700 out of resources``; ``names`` is the service's class."""
    for known in (names, Status):
        for base in (status, status & 0xFF00, status & 0xF000):
            # A range's first code names the range; 0xC123 reads as "cannot understand".
            if base != status and base not in (0xA700, 0xA900, 0xC000):
                continue
            if base in known._value2member_map_:
                return f"0x{status:04X} {known(base).name.lower().replace('_', ' ')}"
    return f"0x{status:04X} {category(status).value}"
