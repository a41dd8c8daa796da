"""What destinations have whose objects are in buckets: what goes there, under which keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from causeway.config.destinations.base import ArchiveDestinationSettings
from causeway.config.kinds import wrong
from causeway.errors import ConfigurationError
from causeway.object_keys import ARCHIVE_LAYOUT, LAYOUTS, KeyTemplate, Naming


class BucketContentSettings(ArchiveDestinationSettings):
    """What goes into a bucket, under which keys."""

    content: Literal["instances", "archive"] = "instances"
    """`instances` makes an object of each DICOM file; `archive` one of each series, a ZIP with its
    JSON beside it."""
    layout: Literal["series", "study", "date", "edge", "hierarchy"] = "series"
    """How keys are made, by a name: `series` is `STUDY/SERIES/INSTANCE.dcm`, the other ones stand
    on the page about keys. Not for archives, which stand in the hierarchy."""
    key: str = ""
    """A template of keys instead, such as `"incoming/{StudyInstanceUID}/{SOPInstanceUID}.dcm"`. One
    that could give two things one key is refused."""
    parallel_uploads: Annotated[int, Field(ge=1, le=64)] = 4
    """Uploads at the same time, over all deliveries to this destination. Each holds up to 32 MiB of
    memory."""

    @model_validator(mode="after")
    def _keys_tell_apart(self) -> BucketContentSettings:
        if self.key and "layout" in self.model_fields_set:
            raise wrong("has both `layout` and `key`", "keep one of them")
        if self.content == "archive" and "layout" in self.model_fields_set:
            raise wrong(
                "has a `layout` for archives, which always stand in the hierarchy",
                "leave `layout` out, or set `key`",
            )
        check_key(self.template, self.content)
        return self

    @property
    def template(self) -> str:
        """The template that is in effect."""
        if self.key:
            return self.key
        return ARCHIVE_LAYOUT if self.content == "archive" else LAYOUTS[self.layout]


def check_key(text: str, content: str) -> None:
    naming = Naming.ARCHIVE if content == "archive" else Naming.INSTANCE
    try:
        KeyTemplate.compile(text, naming)
    except ConfigurationError as error:
        raise wrong(f'the key "{text}" {error.message}', error.hint) from None


def only_one_of(settings: Any, *names: str) -> None:
    """Raise unless at most one of these settings is there."""
    given = [name for name in names if getattr(settings, name) not in (None, "", False)]
    if len(given) > 1:
        named = " and ".join(f"`{name}`" for name in given)
        raise wrong(f"has {named}", "keep one of them")
