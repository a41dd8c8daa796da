"""What series would be called once they are de-identified, for ``causeway explain``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from causeway.config import Configuration
from causeway.errors import CausewayError

if TYPE_CHECKING:
    from causeway.decide.policy import Policy
    from causeway.decide.verdict import Routed
    from causeway.deidentify.edit.clean import Source
    from causeway.pipeline.deidentify.beforehand import Beforehand

    Look = Callable[[Source, Routed, str, str], Beforehand]
    """By an object, the verdict on its series, the profile's name, and the series' source."""


def looking(configuration: Configuration, policy: Policy) -> Look:
    """What looks; without the keys, it says so."""
    from causeway.pipeline.deidentify.beforehand import Beforehand, beforehand
    from causeway.service.treating import treating

    try:
        by = treating(configuration)
    except CausewayError as error:
        why = f"not known here: {error.message.splitlines()[-1].strip()}"
        return lambda *_: Beforehand(waits=why)
    return lambda source, verdict, name, sent_by: beforehand(
        source, verdict, name, by, policy.of(sent_by)
    )


@contextlib.contextmanager
def source_in_file(path: Path) -> Iterator[Source | None]:
    """The object in a file; None if there is none."""
    from causeway.deidentify.edit.clean import Source
    from causeway.part10 import NotSendable, read_part10

    try:
        file = read_part10(path)
        opened = path.open("rb")
    except (NotSendable, OSError):
        yield None
        return
    with opened:

        def fetch(offset: int, size: int) -> bytes:
            opened.seek(file.offset + offset)
            return opened.read(max(0, min(size, file.size - offset)))

        yield Source(
            fetch=fetch,
            size=file.size,
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
            transfer_syntax_uid=file.transfer_syntax_uid,
        )
