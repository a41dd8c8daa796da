"""What would become of files, or of what is here, said without doing it.

``Reader`` looks at files as the connector would at received objects; ``Explainer`` asks the
functions that decide in the pipeline, with the configuration of the service or another one, and
keeps every answer. Nothing in this package writes anything.
"""

from causeway.explain.compare import Change, changes
from causeway.explain.explained import Acquired, Explained, Explainer, Going
from causeway.explain.gathering import Gathering, Left, Sender, Series
from causeway.explain.plan import Lane, Plan, plan_of
from causeway.explain.reading import Examined, Fate, Reader
from causeway.explain.recent import series_in_ledger, studies_since

__all__ = [
    "Acquired",
    "Change",
    "Examined",
    "Explained",
    "Explainer",
    "Fate",
    "Gathering",
    "Going",
    "Lane",
    "Left",
    "Plan",
    "Reader",
    "Sender",
    "Series",
    "changes",
    "plan_of",
    "series_in_ledger",
    "studies_since",
]
