"""Exit statuses: what a script that calls ``causeway`` can tell apart."""

from __future__ import annotations

from dataclasses import dataclass

from causeway.errors import (
    CausewayError,
    ConfigurationError,
    PeerError,
    PermanentError,
    StartupError,
    TemporaryError,
)

OK = 0
INTERRUPTED = 130
BUG = 70  # EX_SOFTWARE of sysexits.h


class NothingFound(CausewayError):
    """What was asked for is not in the ledger."""

    exit_status = 7


class ChecksFailed(CausewayError):
    """A check was made, and it does not hold."""

    exit_status = 8


@dataclass(frozen=True, slots=True)
class ExitStatus:
    status: int
    meaning: str
    example: str


EXIT_STATUSES = (
    ExitStatus(OK, "It worked.", "`causeway status`"),
    ExitStatus(
        CausewayError.exit_status,
        "It did not work, for a reason that has no status of its own.",
        "standard output was closed while a command was printing",
    ),
    ExitStatus(
        ConfigurationError.exit_status,
        "The command line or the configuration is wrong; nothing was done.",
        "an unknown option; a typo in `causeway.toml`",
    ),
    ExitStatus(
        StartupError.exit_status,
        "The configuration is right, but the machine does not allow what it asks for.",
        "a port in use; no rights on a folder; a second service on the same `data_dir`",
    ),
    ExitStatus(
        TemporaryError.exit_status,
        "Trying again later may help.",
        "the disk is full; the ledger is locked",
    ),
    ExitStatus(
        PermanentError.exit_status,
        "Trying again gives the same result.",
        "releasing a study that is not held; bytes that do not match their digest",
    ),
    ExitStatus(
        PeerError.exit_status,
        "The other side of an association did not do what was asked.",
        "nobody listens; the association was rejected; not every object was stored",
    ),
    ExitStatus(
        NothingFound.exit_status,
        "What was asked for is not there.",
        "`causeway study` with a UID that never arrived",
    ),
    ExitStatus(
        ChecksFailed.exit_status,
        "A check was made, and it does not hold.",
        "`causeway doctor`, `causeway custody`, `causeway spool verify` or "
        "`causeway status --check` found something",
    ),
    ExitStatus(BUG, "A defect of Causeway; `--debug` shows where.", "please report it"),
    ExitStatus(INTERRUPTED, "Ended by Ctrl-C.", ""),
)
