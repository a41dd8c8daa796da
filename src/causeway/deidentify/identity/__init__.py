"""Who is who, under a key: pseudonyms, UIDs and dates that anyone with the key gets again.

Everything follows from a key per project and the original value, so nothing must be remembered
to be consistent: two processes, two machines, a restart and a year later give the same. Without the
key nothing leads back. Two projects have two keys, so their data cannot be linked.
"""

from causeway.deidentify.identity.aliases import Aliases, read_aliases
from causeway.deidentify.identity.crosswalk import Crosswalk, Entry, Export
from causeway.deidentify.identity.dates import ShiftRules
from causeway.deidentify.identity.identities import Identities, PatientKey, identities
from causeway.deidentify.identity.keys import ProjectKey, project_key, project_subkey

__all__ = [
    "Aliases",
    "Crosswalk",
    "Entry",
    "Export",
    "Identities",
    "PatientKey",
    "ProjectKey",
    "ShiftRules",
    "identities",
    "project_key",
    "project_subkey",
    "read_aliases",
]
