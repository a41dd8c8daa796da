"""Cleaning in this process."""

from __future__ import annotations

from collections.abc import Sequence

from causeway.attributes import Attributes
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import Held
from causeway.deidentify.treatment import Treatment
from causeway.pipeline.deidentify.objects import Bytes, Job, Made, clean_attributes, cleaned, make


class Here:
    """A ``Cleaner`` that does the work itself."""

    def __init__(self, spool: Bytes, *, tells_who: bool = False) -> None:
        self._spool = spool
        self._tells_who = tells_who

    def clean(
        self, jobs: Sequence[Job], treatment: Treatment, head: Attributes | None
    ) -> Sequence[Made]:
        made = []
        for job in jobs:
            one = make(job, treatment, self._spool, head=head, tells_who=self._tells_who)
            if one.head is not None:
                head = None  # the first that says it is enough
            made.append(one)
        return made

    def head(self, job: Job, treatment: Treatment) -> Attributes | None:
        try:
            done = cleaned(job, treatment, self._spool)
            return None if isinstance(done, Held) else clean_attributes(done)
        except Doubt:
            return None
