"""What the machine gives: folders and rights, room, ports, open files, clock."""

from __future__ import annotations

import errno
import os
import pwd
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from causeway.config import Configuration, FolderDestination, ListenerSettings
from causeway.doctor.finding import Finding, failed, ok, skipped, warning

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"}
_VOLATILE = {"tmpfs", "ramfs"}
_DRIFT_SECONDS = 5.0


def data_dir(configuration: Configuration) -> Iterator[Finding]:
    folder = configuration.data_dir
    if not folder.exists():
        yield from _can_be_made("data_dir", folder)
        return
    owner = folder.stat().st_uid
    if not may_look(configuration):
        yield failed(
            "data_dir",
            f"{user()} may not look into {folder}, which belongs to {_user(owner)}",
            f"run this as the service does: {_as_user(owner)}",
        )
        return
    yield _writable("data_dir", folder)
    kind = file_system_of(folder)
    if kind in _NETWORK:
        yield failed(
            "data_dir",
            f"{folder} is on {kind}, a network file system, which can neither lock nor sync the "
            "ledger reliably",
            "choose a folder on a local disk",
        )
    elif kind in _VOLATILE:
        yield warning(
            "data_dir",
            f"{folder} is on {kind}, in memory: a restart of the machine loses everything",
            "choose a folder on a disk",
        )
    if os.geteuid() == 0 and owner != 0:
        yield warning(
            "data_dir",
            f"it belongs to {_user(owner)}, while these checks run as root, who may do everything",
            f"run them as the service does: {_as_user(owner)}",
        )


def may_look(configuration: Configuration) -> bool:
    """Whether this user may look into the data folder, so far as there is one."""
    folder = configuration.data_dir
    return not folder.exists() or os.access(folder, os.R_OK | os.X_OK)


def destinations(configuration: Configuration) -> Iterator[Finding]:
    if not configuration.destinations:
        yield skipped("destinations", "there are none")
    for destination in configuration.destinations:
        if not isinstance(destination, FolderDestination):
            continue  # over a network: tried out by itself
        folder = destination.path
        if not folder.exists():
            yield from _can_be_made("destinations", folder, what=f'"{destination.name}"')
            continue
        yield _writable("destinations", folder, what=f'"{destination.name}"')


def _can_be_made(name: str, folder: Path, what: str = "") -> Iterator[Finding]:
    label = f"{what} " if what else ""
    if os.access(folder.parent, os.W_OK | os.X_OK):
        yield ok(name, f"{label}{folder} is not there yet, and can be made")
    else:
        yield failed(
            name,
            f"{label}{folder} is not there, and cannot be made in {folder.parent} "
            f"by {_user(os.geteuid())}",
            f"make it: `sudo install -d -o {_user(os.geteuid())} {folder}`",
        )


def _writable(name: str, folder: Path, what: str = "") -> Finding:
    """Write, sync and remove a file: rights, quotas and read-only mounts all show."""
    label = f"{what} " if what else ""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".causeway-doctor-") as file:
            file.write(b"causeway")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return failed(
            name,
            f"{label}{folder} cannot be written by {_user(os.geteuid())}: {error.strerror}",
            "give that user the right to write there, or make room",
        )
    return ok(name, f"{label}{folder} can be written")


def room(configuration: Configuration) -> Iterator[Finding]:
    folder = _nearest(configuration.data_dir)
    spool = configuration.spool
    free = shutil.disk_usage(folder).free
    said = f"{free / 2**30:,.1f} GiB free for data_dir"
    if free < spool.hard_watermark_bytes:
        yield failed(
            "room",
            f"{said}, less than spool.hard_watermark_bytes = "
            f"{spool.hard_watermark_bytes / 2**30:,.1f} GiB: objects are refused",
            "make room, or see with `causeway status` why bytes do not leave the spool",
        )
    elif free < spool.soft_watermark_bytes:
        yield failed(
            "room",
            f"{said}, less than spool.soft_watermark_bytes = "
            f"{spool.soft_watermark_bytes / 2**30:,.1f} GiB: new associations are refused",
            "make room, or see with `causeway status` why bytes do not leave the spool",
        )
    elif free < spool.soft_watermark_bytes + spool.ready_bytes:
        yield warning("room", f"{said}, little above soft_watermark_bytes", "make room soon")
    else:
        yield ok("room", said)


def ports(configuration: Configuration, ours: set[tuple[str, int]] | None) -> Iterator[Finding]:
    """``ours``: what the running service says it listens on; None if it does not run."""
    for listener in configuration.listeners:
        where = f"{listener.host}:{listener.port}"
        if listener.port == 0:
            yield ok("ports", f"{listener.ae_title} takes any free port")
        elif ours is not None and any(port == listener.port for _, port in ours):
            yield ok("ports", f"{where} is held by the running service")
        else:
            yield _free(listener, where)


def _free(listener: ListenerSettings, where: str) -> Finding:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the listener does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.host, listener.port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return failed(
                    "ports",
                    f"{where} is in use by another program",
                    f"`ss -ltnp 'sport = :{listener.port}'` shows which; stop it, or choose "
                    "another port",
                )
            if error.errno in (errno.EACCES, errno.EPERM):
                return failed(
                    "ports",
                    f"{where} is not allowed to {_user(os.geteuid())}",
                    "ports below 1024 need CAP_NET_BIND_SERVICE; choose 11112, or grant it",
                )
            if error.errno == errno.EADDRNOTAVAIL:
                return failed(
                    "ports",
                    f"{listener.host} is not an address of this machine",
                    "`ip address` shows which are",
                )
            return failed("ports", f"{where}: {error.strerror}", "choose another host or port")
    return ok("ports", f"{where} is free")


def open_files(configuration: Configuration) -> Iterator[Finding]:
    # A connection is one descriptor in a receiver; the door holds it for a moment as well.
    needed = configuration.receive.maximum_associations + 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        yield failed(
            "open files",
            f"a process may open {soft} files; {needed} are needed for "
            f"maximum_associations = {configuration.receive.maximum_associations}",
            f"raise it: `ulimit -n {needed}`, or LimitNOFILE={needed} in the systemd unit",
        )
    else:
        yield ok("open files", f"a process may open {soft}")


def clock(configuration: Configuration, newest: float | None) -> Iterator[Finding]:
    """``newest``: when the latest object arrived, as the ledger says."""
    now = time.time()
    if newest is not None and newest > now + _DRIFT_SECONDS:
        yield failed(
            "clock",
            f"the clock is {newest - now:.0f} s behind the latest arrival: it was set back",
            "set the time, and let it be kept (NTP)",
        )
    with tempfile.TemporaryFile(dir=_nearest(configuration.data_dir)) as file:
        drift = os.fstat(file.fileno()).st_mtime - now
    if abs(drift) > _DRIFT_SECONDS:
        yield warning(
            "clock", f"the file system's clock differs by {drift:.0f} s", "let both be kept (NTP)"
        )
    synchronised = _synchronised()
    if synchronised is None:
        yield skipped("clock", "no timedatectl here to say whether it is kept")
    elif synchronised:
        yield ok("clock", "it is kept by NTP")
    else:
        yield warning(
            "clock",
            "nothing keeps it, so times in logs and ledger drift",
            "`timedatectl set-ntp true`",
        )


def _synchronised() -> bool | None:
    try:
        answer = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() == "yes"


def file_system_of(path: Path, mounts: str | None = None) -> str:
    """The kind of file system, as ``/proc/mounts`` says; empty where there is no such file."""
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text()
        except OSError:
            return ""
    best, kind = "", ""
    place = str(_nearest(path).resolve())
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = fields[1].replace("\\040", " ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[2]
    return kind


def _nearest(path: Path) -> Path:
    """The folder itself, or the closest one above it that is there."""
    while not path.is_dir():
        path = path.parent
    return path


def user() -> str:
    """Whose rights these checks have."""
    return _user(os.geteuid())


def _as_user(uid: int) -> str:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"'#{uid}'"  # as in a container, whose users need no names
    return f"`sudo -u {name} causeway doctor`"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
