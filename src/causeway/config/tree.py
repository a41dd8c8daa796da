"""The whole configuration as one frozen tree."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from causeway.config.deidentify import DeidentifySettings, ProfileSettings, ProjectKeySettings
from causeway.config.destinations import AnyDestination
from causeway.config.kinds import Folder, Settings
from causeway.config.nodes import NodeSettings
from causeway.config.routes import GroupingSettings, RouteSettings, RoutesSettings
from causeway.config.routing import MetadataSettings, OptSettings, RoutingSettings
from causeway.config.schedule import HealthSettings, ScheduleSettings
from causeway.config.sections import (
    CompletionSettings,
    ListenerSettings,
    LogSettings,
    ReceiveSettings,
    RetireSettings,
    SiteSettings,
    SourceSettings,
    SpoolSettings,
)
from causeway.config.triggers import TriggerSettings


class Configuration(Settings):
    """Everything that the file says, and the defaults for what it does not."""

    data_dir: Folder
    """Folder of the spool and the ledger. On a local disk: a network file system can neither lock
    nor sync them reliably."""
    deployment: Literal["edge", "cluster"] = "edge"
    """Where it runs: `edge` on the site's own network, or `cluster` with the platform, where nodes
    cannot be queried: they are on the other side of a firewall that lets nothing in."""
    listeners: tuple[ListenerSettings, ...] = Field(default=(), alias="listener")
    """Ports that accept associations."""
    sources: tuple[SourceSettings, ...] = Field(default=(), alias="source")
    """Who may send."""
    nodes: tuple[NodeSettings, ...] = Field(default=(), alias="node")
    """Scanners and archives that are queried, and whose images are retrieved."""
    receive: ReceiveSettings = ReceiveSettings()
    """Limits of receiving."""
    spool: SpoolSettings = SpoolSettings()
    """Where received bytes wait."""
    completion: CompletionSettings = CompletionSettings()
    """When a series counts as whole, and its study."""
    routing: RoutingSettings = RoutingSettings()
    """Where routing strings stand, and what holds without one."""
    opt: OptSettings = OptSettings()
    """Which series are taken at all."""
    metadata: MetadataSettings = MetadataSettings()
    """How the hierarchy is filled."""
    groupings: tuple[GroupingSettings, ...] = Field(default=(), alias="grouping")
    """How series become acquisitions."""
    schedules: tuple[ScheduleSettings, ...] = Field(default=(), alias="schedule")
    """Hours in which destinations are delivered to."""
    deidentify: DeidentifySettings = DeidentifySettings()
    """What is done to identifying data."""
    project_keys: tuple[ProjectKeySettings, ...] = Field(default=(), alias="project_key")
    """Keys of projects."""
    profiles: tuple[ProfileSettings, ...] = Field(default=(), alias="profile")
    """Profiles of the site's own."""
    destinations: tuple[AnyDestination, ...] = Field(default=(), alias="destination")
    """Where studies can go."""
    routes_match: RoutesSettings = Field(default=RoutesSettings(), alias="routes")
    """How the routes are asked."""
    routes: tuple[RouteSettings, ...] = Field(default=(), alias="route")
    """Which series go where."""
    triggers: tuple[TriggerSettings, ...] = Field(default=(), alias="trigger")
    """What follows a delivery."""
    health: HealthSettings = HealthSettings()
    """From when on waiting counts as a fault."""
    retire: RetireSettings = RetireSettings()
    """When bytes leave the spool."""
    site: SiteSettings = SiteSettings()
    """Who runs it, for people."""
    log: LogSettings = LogSettings()
    """What is said on standard error."""

    def destination(self, name: str) -> AnyDestination:
        """The destination of that name; a `KeyError` if there is none."""
        for destination in self.destinations:
            if destination.name == name:
                return destination
        raise KeyError(name)

    def node(self, name: str) -> NodeSettings:
        """The node of that name; a `KeyError` if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def routing_of(self, source: SourceSettings) -> RoutingSettings:
        """What holds for a source."""
        return self.routing.overridden(source.routing)

    def opt_of(self, source: SourceSettings) -> OptSettings:
        return self.opt.overridden(source.opt)

    def metadata_of(self, source: SourceSettings) -> MetadataSettings:
        return self.metadata.overridden(source.metadata)

    @property
    def ledger_path(self) -> Path:
        return self.data_dir / "ledger.db"

    @property
    def spool_dir(self) -> Path:
        return self.data_dir / "spool"

    @property
    def letters_dir(self) -> Path:
        """What peers asked and reported, until the ledger has it."""
        return self.data_dir / "letters"

    @property
    def parcel_dir(self) -> Path:
        """Artefacts between packaging and the end of their deliveries."""
        return self.data_dir / "parcels"

    @property
    def asked_dir(self) -> Path:
        """What nodes were asked to send, for receivers to know."""
        return self.data_dir / "run" / "asked"

    @property
    def status_path(self) -> Path:
        """What the running service says of itself, each second."""
        return self.data_dir / "run" / "status.json"
