"""What follows a delivery: others are called, or a program is started."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from causeway.config.kinds import Name, SecretReference, Settings, wrong
from causeway.config.web import Url, WebSettings


class TriggerRetrySettings(Settings):
    """When a call that failed is made again. Waits grow, and survive restarts."""

    first_seconds: Annotated[float, Field(gt=0, le=86400)] = 10
    """Longest wait after the first failure."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    """By how much each further wait can be longer."""
    maximum_seconds: Annotated[float, Field(gt=0, le=604800)] = 1800
    """Longest wait between two tries."""
    maximum_attempts: Annotated[int, Field(ge=1, le=10000)] = 50
    """Tries before a call is dead and waits for a person."""


class TriggerSettings(WebSettings):
    """A webhook or a command, once a series or a study has been verified by every destination that
    it goes to.
    """

    name: Name
    """Name of the trigger in status and logs; unique."""
    on: Literal["series", "study"] = "series"
    """What it fires for: each parcel of a series that is delivered, or a study of which nothing
    waits any more and nothing has arrived for `completion.study_quiet_seconds`."""
    url: Url | None = None
    """Webhook: address that gets a POST with a JSON document."""
    secret: SecretReference | None = None
    """Where the secret is that signs the webhook (HMAC-SHA256 over time and document)."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Command: the program's full path and its arguments, each a text of its own. No shell reads
    them. It gets the document on standard input, and ids in its environment."""
    include: tuple[Literal["uids", "labels", "patient"], ...] = ()
    """What is told beyond the ledger's ids and counts: UIDs of study and series, descriptions and
    where it went, patient ID and accession number; all as they were received."""
    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """Time for an answer, or for the command to end."""
    retry: TriggerRetrySettings = TriggerRetrySettings()
    """When a call that failed is made again."""

    @model_validator(mode="after")
    def _one_of_both(self) -> TriggerSettings:
        if (self.url is None) == (self.command is None):
            raise wrong(
                "needs either `url` or `command`",
                'url = "https://…" for a webhook, command = ["/usr/local/bin/…"] for a program',
            )
        if self.url is not None and self.secret is None:
            raise wrong(
                "is a webhook without `secret`, so nobody could tell it from a forgery",
                'secret = "file:…", with the same text as the receiver has',
            )
        if self.command is not None and not self.command[0].startswith("/"):
            raise wrong(
                f'"{self.command[0]}" is no full path, so what runs would depend on the '
                "environment",
                "write the program's full path",
            )
        return self
