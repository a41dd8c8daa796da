"""What an error of the disk means to a sender: there is no room, or it may try again later."""

from __future__ import annotations

import errno
import os

from causeway.errors import CausewayError, OutOfSpace, TemporaryError
from causeway.spool.space import SpaceGauge


def explain(error: OSError, space: SpaceGauge) -> CausewayError:
    """The error to raise. The space gauge hears of a disk that is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        space.ran_out()
        return OutOfSpace("the spool's file system has no room", hint="free space, or add some")
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    hint = (
        "the disk is failing: look at the kernel's log before anything else"
        if error.errno in (errno.EIO, errno.EROFS)
        else "look at the spool's folder and its rights"
    )
    return TemporaryError(f"the spool cannot write: {reason}", hint=hint)
