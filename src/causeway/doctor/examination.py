"""All checks in order, none of which stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from causeway.config import Configuration, InvalidConfiguration, Loaded, read
from causeway.doctor import certificates, machine, stores
from causeway.doctor.finding import Finding, failed, ok, skipped, warning
from causeway.doctor.running import RunningService, running_service
from causeway.errors import CausewayError
from causeway.observe import failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One visit of the doctor."""

    config_path: Path
    tls_options: certificates.TlsOptions
    nodes: Callable[[Configuration], Iterator[Finding]] = lambda _: iter(())
    """Looks at the nodes that are pulled from."""
    destinations: Callable[[Configuration], Iterator[Finding]] = lambda _: iter(())
    """Tries out the destinations that are reached over a network."""
    deep: bool = False
    """Also look through the whole ledger, and read the whole spool back."""

    def findings(self) -> Iterator[Finding]:
        """What each check says, as it is known."""
        try:
            loaded = read(self.config_path)
        except InvalidConfiguration as error:
            for problem in error.problems:
                where = f"line {problem.line}: {problem.setting}".removesuffix(": ")
                yield failed("config", f"{where}: {problem.what}", problem.right)
            return
        except CausewayError as error:
            yield failed("config", error.message, error.hint)
            return
        yield from _config(loaded)
        configuration = loaded.configuration
        service = running_service(configuration.status_path, now=time.time())
        yield _service(service)
        may_look = machine.may_look(configuration)
        for name, check in self._checks(configuration, service).items():
            try:
                yield from check()
            except PermissionError:
                said = f"{machine.user()} may not look: Permission denied"
                if may_look:
                    as_it = "run `causeway doctor` as the user that the service runs as"
                    yield failed(name, said, as_it)
                else:
                    yield skipped(name, said)  # data_dir says why, and what to do
            except Exception as error:  # noqa: BLE001  (a check must not stop the next)
                what = failure(error)["error"]
                yield failed(name, f"the check itself failed: {what}", "report this")

    def _checks(
        self, configuration: Configuration, service: RunningService | None
    ) -> dict[str, Callable[[], Iterator[Finding]]]:
        ours = None if service is None else service.listening()
        return {
            "data_dir": lambda: machine.data_dir(configuration),
            "room": lambda: machine.room(configuration),
            "ledger": lambda: stores.ledger(configuration, deep=self.deep),
            "spool": lambda: stores.spool(configuration, deep=self.deep),
            "ports": lambda: machine.ports(configuration, ours),
            "open files": lambda: machine.open_files(configuration),
            "destinations": lambda: machine.destinations(configuration),
            "tls": lambda: certificates.certificates(configuration, self.tls_options),
            "nodes": lambda: self.nodes(configuration),
            "network": lambda: self.destinations(configuration),
            "clock": lambda: machine.clock(configuration, stores.latest_arrival(configuration)),
        }


def _config(loaded: Loaded) -> Iterator[Finding]:
    yield ok("config", f"{loaded.path} can be used")
    for doubt in loaded.warnings:
        where = f"line {doubt.line}: {doubt.setting}".removesuffix(": ")
        yield warning("config", f"{where}: {doubt.what}", doubt.right)


def _service(service: RunningService | None) -> Finding:
    if service is None:
        return ok("service", "it does not run")
    return ok("service", f"it runs, pid {service.pid}")
