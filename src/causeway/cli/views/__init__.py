"""What ``--json`` prints: the fields of each command, described once, here.

The reference page of the commands is made from these classes, and a test keeps the names of their
fields: adding one is free, while taking away or renaming one breaks somebody's script. Times are
ISO 8601 in UTC; sizes are bytes; what is not known is null.
"""

from __future__ import annotations

from causeway.cli.views.base import View
from causeway.cli.views.card import CardsView, CardView
from causeway.cli.views.ledger import (
    CustodyView,
    DeliveryView,
    EventView,
    LaneView,
    QuarantinedView,
    QuarantineView,
    RefusalView,
    SeriesView,
    StatusView,
    StudiesView,
    StudyLifeView,
    StudyView,
    ViolationView,
)
from causeway.cli.views.work import (
    CheckView,
    ConfigCheckView,
    ConfigShowView,
    DamageView,
    DoctorView,
    EchoView,
    ExportedView,
    HistoryView,
    MovedView,
    ProblemView,
    ReloadView,
    SendView,
    SentFileView,
    SettingView,
    VerifyView,
    VersionView,
)

__all__ = [
    "BY_COMMAND",
    "CardView",
    "CardsView",
    "CheckView",
    "ConfigCheckView",
    "ConfigShowView",
    "CustodyView",
    "DamageView",
    "DeliveryView",
    "DoctorView",
    "EchoView",
    "EventView",
    "ExportedView",
    "HistoryView",
    "LaneView",
    "MovedView",
    "ProblemView",
    "QuarantineView",
    "QuarantinedView",
    "RefusalView",
    "ReloadView",
    "SendView",
    "SentFileView",
    "SeriesView",
    "SettingView",
    "StatusView",
    "StudiesView",
    "StudyLifeView",
    "StudyView",
    "VerifyView",
    "VersionView",
    "View",
    "ViolationView",
]

BY_COMMAND: dict[str, type[View]] = {
    "card": CardsView,
    "config check": ConfigCheckView,
    "config history": HistoryView,
    "config reload": ReloadView,
    "config rollback": ReloadView,
    "config show": ConfigShowView,
    "custody": CustodyView,
    "doctor": DoctorView,
    "echo": EchoView,
    "export": ExportedView,
    "hold": MovedView,
    "quarantine discard": MovedView,
    "quarantine list": QuarantineView,
    "quarantine release": MovedView,
    "quarantine show": QuarantinedView,
    "release": MovedView,
    "retry": MovedView,
    "send": SendView,
    "spool verify": VerifyView,
    "status": StatusView,
    "studies": StudiesView,
    "study": StudyLifeView,
}
"""What each command prints with ``--json``."""
