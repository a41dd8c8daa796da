"""What names a patient or a study hides in ``repr``: a traceback or a log line may carry any value.

By the names of fields, over all frozen values of the package: who adds one with such a name has to
say ``repr=False``, or lists it here with the reason.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Final

import causeway

TELLING: Final = re.compile(
    r"(?:.*_)?(?:sop_instance|study_instance|series_instance|acquisition)_uid|patient_.*|folders"
    r"|(?:study|series|acquisition)_(?:description|date|time)|accession_number|protocol_name"
    r"|referenced_(?:series|instances)"
)
KNOWN: Final = {
    "causeway.deidentify.pixels.regions.Match.series_description",  # patterns of a profile
}


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(causeway.__path__, "causeway."):
        if not found.name.endswith("__main__"):
            yield found.name


def test_no_field_that_tells_of_a_patient_is_in_a_repr():
    shown = {
        f"{kind.__module__}.{kind.__qualname__}.{field.name}"
        for name in modules()
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind)
        for field in dataclasses.fields(kind)
        if kind.__dataclass_params__.repr and field.repr and TELLING.fullmatch(field.name)
    }
    assert sorted(shown - KNOWN) == []
