"""What commands did or found, as JSON."""

from __future__ import annotations

from causeway.cli.views.base import View


class MovedView(View):
    """`hold`, `release`, `retry`, `quarantine release` and `quarantine discard`: what was moved."""

    reference: str
    """What was named; `everything` for `retry --all`."""
    moved: int
    """How many rows of the ledger changed their state."""


class DamageView(View):
    """A place in the spool that cannot be trusted."""

    record: str
    """Where it is: container and offset."""
    reason: str
    """What is wrong with it."""


class VerifyView(View):
    """`causeway spool verify`."""

    ok: bool
    """Whether every record matches its digest."""
    records: int
    """Records that were read."""
    bytes: int
    """Bytes that were read."""
    damaged: list[DamageView]
    """What does not match."""


class ExportedView(View):
    """`causeway export`. Holds identifiers in the files' names."""

    folder: str
    """Where the files were written."""
    files: int
    """How many."""
    bytes: int
    """How large together."""
    missing: int
    """Instances whose bytes are no longer in the spool."""
    damaged: int
    """Instances whose bytes do not match their digest."""


class SentFileView(View):
    """One file that `causeway send` took on."""

    file: str
    """Its path."""
    outcome: str
    """`stored`, `warning`, `refused`, `skipped` or `failed`."""
    status: str
    """The peer's C-STORE status as four hexadecimal digits; empty if there was none."""
    detail: str
    """Why it was refused or skipped."""


class SendView(View):
    """`causeway send`."""

    stored: int
    """Objects that the peer stored, with or without a warning."""
    refused: int
    """Objects that the peer refused."""
    skipped: int
    """Files that are no DICOM objects."""
    failed: int
    """Objects that were not sent, or whose answer never came."""
    bytes: int
    """Bytes of the objects that were stored."""
    seconds: float
    """How long it took."""
    files: list[SentFileView]
    """One entry for each file that was not simply stored; all of them with `--verbose`."""


class BroughtInFileView(View):
    """One file that `causeway import` took on."""

    file: str
    """Its path; of an archive's member `archive.zip!member`."""
    outcome: str
    """`stored`, `here already`, `skipped` or `failed`."""
    detail: str
    """Why it was skipped or could not be imported."""


class BroughtInView(View):
    """`causeway import`."""

    dry_run: bool
    """Whether it was only looked at: then `stored` are those that would be."""
    stored: int
    """Objects that are in the spool now, durable."""
    here_already: int
    """Objects that were in the ledger with the same bytes."""
    skipped: int
    """Files that are no DICOM objects."""
    failed: int
    """Objects that are missing or cannot be read."""
    bytes: int
    """Bytes of the objects that were stored."""
    seconds: float
    """How long it took."""
    files: list[BroughtInFileView]
    """One entry for each file in trouble; all of them with `--verbose`."""


class EchoView(View):
    """`causeway echo`."""

    ok: bool
    """Whether the peer answered the C-ECHO with Success."""
    seconds: float
    """From the connection to the answer."""
    tls: bool
    """Whether the connection was encrypted."""
    implementation: str
    """The peer's implementation version name."""


class CheckView(View):
    """One check of `causeway doctor`."""

    name: str
    """Its name."""
    outcome: str
    """`ok`, `warning`, `failed` or `skipped`."""
    said: str
    """What was found."""
    to_do: str
    """What to do about it; empty if nothing."""


class DoctorView(View):
    """`causeway doctor`."""

    ok: bool
    """Whether no check failed."""
    checks: list[CheckView]
    """The checks, in order."""


class ProblemView(View):
    """One problem or warning of a configuration."""

    line: int
    """Line of the file."""
    setting: str
    """The setting; empty for the file as a whole."""
    what: str
    """What is wrong."""
    right: str
    """What would be right."""


class GoesView(View):
    """A route with one of its destinations."""

    route: str
    """Name of the route, or `route` and its number."""
    destination: str
    """Name of the destination."""
    deidentify: str
    """What is done to identifying data: `none`, or the name of a profile."""
    said_by: str
    """`destination` or `route`, whichever says so."""


class ConfigCheckView(View):
    """`causeway config check`."""

    file: str
    """The configuration."""
    ok: bool
    """Whether it can be used."""
    problems: list[ProblemView]
    """What makes it unusable."""
    warnings: list[ProblemView]
    """What works, but is probably not meant."""
    goes: list[GoesView]
    """What goes where as what; empty for a file that cannot be used."""


class SettingView(View):
    """One setting in effect."""

    key: str
    """Its place, such as `listener[0].port`."""
    value: object
    """Its value. A secret shows where it is kept, never what it is."""
    line: int | None
    """The line that says it; null for a default."""


class ConfigShowView(View):
    """`causeway config show`."""

    file: str
    """The configuration."""
    settings: list[SettingView]
    """All settings."""


class ReloadView(View):
    """`causeway config reload` and `causeway config rollback`."""

    outcome: str
    """`changed`, `unchanged`, `refused`, or `stopped` if no service runs: the file then counts from
    its next start on."""
    version: int | None
    """The version that runs now, or with which the service will start."""
    why: str
    """Why the file was refused; empty if it was not."""


class VersionView(View):
    """One version of the configuration."""

    number: int
    """Its number."""
    at: str | None
    """When it was kept."""
    by: str
    """Who caused it: a user, or `SIGHUP`."""
    why: str
    """What caused it: `start`, `reload`, `rollback to N`, `before rollback`."""
    digest: str
    """SHA-256 of the file in hex."""
    file: str
    """Where it is kept."""
    runs: bool
    """Whether the service runs with it now."""


class HistoryView(View):
    """`causeway config history`."""

    file: str
    """The configuration file."""
    changed: bool
    """Whether the file is another than the newest version."""
    versions: list[VersionView]
    """All versions, the newest first."""
