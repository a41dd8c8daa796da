"""What PS3.15 Annex E and PS3.3 say, as data with their edition.

``confidentiality.json`` is table E.1-1: the basic actions of one edition, and the options of the
newest in which they are known (a row without known options follows the Basic Profile whatever the
options). ``safe_private.json`` is table E.3.10-1, ``attribute_types.json`` which type an attribute
has in the modules of an IOD. ``scripts/confidentiality-data`` makes these three, and says what
a newer edition has otherwise.

``reviewed.json`` is this project's own: attributes that are protected beyond the table, and private
ones that are known to be safe beyond table E.3.10-1, each with its reason.
"""

from causeway.deidentify.standard.options import CODES, Option, code_of, title_of
from causeway.deidentify.standard.private import SafePrivate, safe_private
from causeway.deidentify.standard.table import BASIC, Row, edition, rows
from causeway.deidentify.standard.types import attribute_type

__all__ = [
    "BASIC",
    "CODES",
    "Option",
    "Row",
    "SafePrivate",
    "attribute_type",
    "code_of",
    "edition",
    "rows",
    "safe_private",
    "title_of",
]
