"""What ends in quarantine."""

from __future__ import annotations

from causeway.errors import PermanentError


class Doubt(PermanentError):
    """An object of which it cannot be said that it is clean. It does not leave.

    ``code`` is a word for counting; the message names tags and offsets, never a value.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, hint="see the object with `causeway quarantine show`")
        self.code = code
