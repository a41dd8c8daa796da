"""The language of templates and patterns: from attributes to fields of the hierarchy.

::

    PatientID: 1001_V2            {PatientID}=*_{session}            session.label: V2
    attributes ──template──▶ a text ──pattern──▶ captured texts ──▶ values of fields

Everything is compiled once and bounded, refuses what makes no sense when it is compiled, and never
raises at run time. ``docs/reference/patterns.md`` is the description.
"""

from __future__ import annotations

from causeway.decide.language.fields import FIELDS, field_of
from causeway.decide.language.filters import Filter, Filters
from causeway.decide.language.mapping import Mapping, compile_mappings, extract
from causeway.decide.language.patterns import Capture, Pattern
from causeway.decide.language.templates import Lookup, Template
from causeway.decide.language.values import Value, value_of

__all__ = [
    "FIELDS",
    "Capture",
    "Filter",
    "Filters",
    "Lookup",
    "Mapping",
    "Pattern",
    "Template",
    "Value",
    "compile_mappings",
    "extract",
    "field_of",
    "value_of",
]
