"""UIDs and AE titles as they come over the wire, and what may be said about them.

Both are decoded as latin-1, which maps every byte to a character and back: nothing that a peer
sends can fail to decode, and what was received can be sent again unchanged.
"""

from __future__ import annotations

import re

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""The DICOM application context name (PS3.7 A.2.1)."""
VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

IMPLEMENTATION_CLASS_UID = "2.25.99380781969651580491789023245291415946"
"""Names this implementation to its peers; overridden in ``AssociateRequest`` and
``AssociateAnswer``."""
IMPLEMENTATION_VERSION = "CAUSEWAY_0_1"

AE_TITLE_LENGTH = 16

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*", re.ASCII)


def is_valid_uid(uid: str) -> bool:
    """Whether ``uid`` obeys PS3.5 section 9.1: at most 64 characters, components without leading
    zero.
    """
    return 0 < len(uid) <= 64 and _UID.fullmatch(uid) is not None


def uid_from_bytes(raw: bytes) -> str:
    """Decode a UID; what pads it at the end (NUL by PS3.5, space by mistake) is dropped."""
    return raw.rstrip(b"\0 ").decode("latin-1")


def uid_to_bytes(uid: str) -> bytes:
    """Encode a UID without padding. Raises UnicodeEncodeError beyond latin-1."""
    return uid.encode("latin-1")


def ae_title_from_bytes(raw: bytes) -> str:
    """Decode an AE title; leading and trailing spaces are not significant (PS3.8 Table 9-11).

    NULs at the end are dropped as well, since devices pad with them. Anything else stays, control
    characters too: it is for admission to judge and for logs to escape.
    """
    return raw.rstrip(b"\0 ").lstrip(b" ").decode("latin-1")


def ae_title_to_bytes(title: str) -> bytes:
    """Encode an AE title in its 16 bytes. Raises ValueError when it does not fit."""
    raw = title.encode("latin-1")
    if len(raw) > AE_TITLE_LENGTH:
        raise ValueError("an AE title has at most 16 characters")
    return raw.ljust(AE_TITLE_LENGTH)


def same_ae_title(one: str, other: str) -> bool:
    """Compare as PS3.8 says: padding does not count, case does."""
    return one.rstrip("\0 ").lstrip(" ") == other.rstrip("\0 ").lstrip(" ")


# Storage SOP classes of the DICOM root outside 1.2.840.10008.5.1.4.1.1 (PS3.4 B.5 and GG.3).
_STORAGE_PREFIX = "1.2.840.10008.5.1.4.1.1."
_OTHER_STORAGE = frozenset(
    {
        "1.2.840.10008.5.1.1.27",  # Stored Print (retired)
        "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image (retired)
        "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image (retired)
        "1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction, trial
        "1.2.840.10008.5.1.4.34.7",  # RT Beams Delivery Instruction
        "1.2.840.10008.5.1.4.34.10",  # RT Brachy Application Setup Delivery Instruction
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        "1.2.840.10008.5.1.4.39.1",  # Color Palette
        "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
    }
)
# … and what is below it and is no storage class: query, retrieve and creation of protocol approvals
# and inventories (PS3.4 annexes II and JJ).
_NOT_STORAGE = frozenset(
    _STORAGE_PREFIX + end
    for end in ("200.4", "200.5", "200.6", "201.2", "201.3", "201.4", "201.5", "201.6")
)


def is_storage_class(uid: str) -> bool:
    """Whether a SOP class may be stored: the standard's storage classes, and every private UID.

    A class outside the DICOM root says nothing of its purpose; devices offer private ones for
    C-STORE.
    """
    if uid.startswith("1.2.840.10008."):
        below = uid.startswith(_STORAGE_PREFIX) and uid not in _NOT_STORAGE
        return below or uid in _OTHER_STORAGE
    return uid != ""
