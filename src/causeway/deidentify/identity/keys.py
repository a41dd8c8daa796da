"""The key of a project, and the subkeys that its uses take.

Keys are 32 random bytes, written as 64 hexadecimal digits, as ``openssl rand -hex 32`` prints them.
A passphrase is refused: whoever has one pseudonym could try passphrases until it comes out.

A key is never changed in place: under another key the same patient is another subject. To rotate,
add a key with another id and let new projects use it; what the old one made stays linked by it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from causeway.errors import ConfigurationError

KEY_BYTES: Final = 32

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LEAST_DIFFERENT: Final = 18
"""Different bytes of a key; random ones have fewer once in a hundred billion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectKey:
    """A secret, and the id by which records name it."""

    id: str
    secret: bytes = field(repr=False)

    def keyed(self, use: str, text: str) -> bytes:
        """32 bytes that only who has the key can make; ``use`` keeps uses apart (HMAC-SHA256)."""
        message = use.encode() + b"\0" + text.encode("utf-8", "surrogatepass")
        return hmac.digest(self.secret, message, "sha256")

    def subkey(self, use: str) -> bytes:
        """A key of its own for one use."""
        return self.keyed("subkey", use)


def project_key(id_: str, text: str) -> ProjectKey:
    """The key that ``text`` writes. Raises ``ConfigurationError``, which never shows it.

    Its id is the given one with a fingerprint, so that records also tell a key that was replaced
    under an old name.
    """
    plain = re.sub(r"\s", "", text)
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", plain):
        raise ConfigurationError(
            f"the key {id_} is not {2 * KEY_BYTES} hexadecimal digits",
            hint="make one with `openssl rand -hex 32`, and keep a copy where only few can read",
        )
    if not _ID.fullmatch(id_):
        raise ConfigurationError(
            "the id of a key is no label",
            hint="letters, digits, dots, hyphens and underscores, at most 64",
        )
    secret = bytes.fromhex(plain)
    if len(set(secret)) < _LEAST_DIFFERENT or all(0x20 <= each < 0x7F for each in secret):
        raise ConfigurationError(
            f"the key {id_} is not random", hint="make one with `openssl rand -hex 32`"
        )
    return ProjectKey(id=f"{id_}-{_fingerprint(secret)}", secret=secret)


def project_subkey(key: ProjectKey, project: str) -> ProjectKey:
    """The key that one project has of a key that several share; nothing leads from one to another.

    ``project`` is ``group/project`` in the form in which it is compared.
    """
    secret = key.subkey(f"project {project}")
    return ProjectKey(id=f"{key.id}.{_fingerprint(secret)}", secret=secret)


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(b"causeway key id\0" + secret).hexdigest()[:8]
