"""De-identification of files and folders alone: no service, no ledger, no configuration.

What a person does with ``causeway deidentify`` goes through the same gate, editor and proof as what
the service delivers. Around them stands what plain files need: ``places`` finds what there is to
read, ``reading`` opens it, ``one`` makes of one object a file or the reason why there is none,
``writing`` puts it on the disk, ``journal`` remembers what is done, ``run`` does all that on
several cores, and ``report`` says what was done.

What names a patient stays on this side: no name of a file or folder that was read is in what is
written. A file is named by its *place*, ``1/17``: the 17th file, in the order of names, of the
first input.
"""

from causeway.offline.one import Work
from causeway.offline.outcome import Fate, Outcome
from causeway.offline.places import Item, Place, Unreadable, items_below
from causeway.offline.report import RunReport
from causeway.offline.run import Run, prepare

__all__ = [
    "Fate",
    "Item",
    "Outcome",
    "Place",
    "Run",
    "RunReport",
    "Unreadable",
    "Work",
    "items_below",
    "prepare",
]
