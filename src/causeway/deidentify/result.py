"""What came out, as something that can be read again: to name it, to look at it, to show it."""

from __future__ import annotations

from causeway.deidentify.edit.clean import Cleaned, Source
from causeway.deidentify.edit.window import Span
from causeway.deidentify.pixels.scan import Parts, made, taken


def result_of(cleaned: Cleaned, sop_class_uid: str) -> Source:
    """The output as a source; spans of the original are read where they stand."""
    parts = Parts(
        taken(cleaned.source, part.offset, part.offset + part.length)
        if isinstance(part, Span)
        else made(bytes(part))
        for part in cleaned.parts
    )
    return Source(
        fetch=parts.fetch,
        size=parts.size,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=cleaned.sop_instance_uid,
        transfer_syntax_uid=cleaned.transfer_syntax_uid,
    )
