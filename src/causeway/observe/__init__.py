"""What the program says about itself: logs, and later metrics and audit.

``emit("series.complete", series=12, reason="quiet")`` is all that a part needs; parts take an
``Emit`` as an argument, so that they know nothing of where lines go.
"""

from causeway.observe.fields import FIELDS, Field, Kind, Sentence
from causeway.observe.logs import Emit, Level, bound, configure_logs, emit, failure

__all__ = [
    "FIELDS",
    "Emit",
    "Field",
    "Kind",
    "Level",
    "Sentence",
    "bound",
    "configure_logs",
    "emit",
    "failure",
]
