"""The configuration: one TOML file, parsed once into one frozen tree, or explained line by line.

``load`` gives the tree; ``read`` gives it with the line of each setting and with warnings; both
raise ``InvalidConfiguration``, which holds every problem of the file at once. Nothing else in the
program reads settings from anywhere: no environment, no second file.
"""

from causeway.config.deidentify import (
    NONE,
    SHIPPED_PROFILES,
    CrosswalkSettings,
    DeidentifySettings,
    ProfileSettings,
    ProjectKeySettings,
)
from causeway.config.destinations import (
    DESTINATION_TYPES,
    AnyDestination,
    ArchiveDestinationSettings,
    CoreDestination,
    DestinationSettings,
    DicomDestination,
    FolderDestination,
    RetrySettings,
    StowDestination,
)
from causeway.config.kinds import Secret, secret, show_size
from causeway.config.load import DEFAULT_NAME, Loaded, load, parse, read
from causeway.config.nodes import NodeRetrySettings, NodeSettings, NodeWebSettings
from causeway.config.peers import CommitmentSettings, PeerTlsSettings
from causeway.config.routes import GroupingSettings, RouteSettings, RoutesSettings
from causeway.config.routing import (
    MetadataSettings,
    OptCondition,
    OptInCondition,
    OptOutCondition,
    OptSettings,
    RoutingSettings,
)
from causeway.config.schedule import HealthSettings, ScheduleSettings
from causeway.config.sections import (
    CompletionSettings,
    ListenerSettings,
    LogSettings,
    ReceiveSettings,
    RetireSettings,
    SourceSettings,
    SpoolSettings,
    TlsSettings,
)
from causeway.config.tree import Configuration
from causeway.config.triggers import TriggerRetrySettings, TriggerSettings
from causeway.config.versions import Version, Versions
from causeway.config.web import AuthenticatedWebSettings, OAuthSettings, WebSettings
from causeway.problems import InvalidConfiguration, Problem

__all__ = [
    "DEFAULT_NAME",
    "DESTINATION_TYPES",
    "NONE",
    "SHIPPED_PROFILES",
    "AnyDestination",
    "ArchiveDestinationSettings",
    "AuthenticatedWebSettings",
    "CommitmentSettings",
    "CompletionSettings",
    "Configuration",
    "CoreDestination",
    "CrosswalkSettings",
    "DeidentifySettings",
    "DestinationSettings",
    "DicomDestination",
    "FolderDestination",
    "GroupingSettings",
    "HealthSettings",
    "InvalidConfiguration",
    "ListenerSettings",
    "Loaded",
    "LogSettings",
    "MetadataSettings",
    "NodeRetrySettings",
    "NodeSettings",
    "NodeWebSettings",
    "OAuthSettings",
    "OptCondition",
    "OptInCondition",
    "OptOutCondition",
    "OptSettings",
    "PeerTlsSettings",
    "Problem",
    "ProfileSettings",
    "ProjectKeySettings",
    "ReceiveSettings",
    "RetireSettings",
    "RetrySettings",
    "RouteSettings",
    "RoutesSettings",
    "RoutingSettings",
    "ScheduleSettings",
    "Secret",
    "SourceSettings",
    "SpoolSettings",
    "StowDestination",
    "TlsSettings",
    "TriggerRetrySettings",
    "TriggerSettings",
    "Version",
    "Versions",
    "WebSettings",
    "load",
    "parse",
    "read",
    "secret",
    "show_size",
]
