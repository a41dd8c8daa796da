"""The data folder belongs to one running connector at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from causeway.errors import StartupError


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the lock of a data folder, which is made if it is missing.

    Raises StartupError when another process holds it, or the folder allows no writing.
    """
    try:
        data_dir.mkdir(mode=0o750, parents=False, exist_ok=True)
        fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise StartupError(
            f"cannot use data_dir {data_dir}: {os.strerror(error.errno or 0)}",
            hint="give the user that runs causeway the right to write there, or choose another "
            "data_dir",
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            raise StartupError(
                f"data_dir {data_dir} is in use by another causeway"
                + (f" (process {holder})" if holder else ""),
                hint="stop that one first, or give this one a data_dir of its own",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(fd)
