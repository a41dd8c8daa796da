"""What goes wrong around the connector, and the person who has to deal with it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys

from acceptance_site import (
    NOBODY,
    UNPRIVILEGED,
    Site,
    need_another_user,
    outgoing,
    sent,
)

from causeway.net import Outgoing


def store(site: Site, *items: Outgoing) -> dict[str, bytes]:
    """Store all of them, successfully; what was acknowledged."""
    statuses = list(sent(site, items))
    assert statuses == [0] * len(items), site.last_words()
    return {item.sop_instance_uid: as_bytes(item) for item in items}


def as_bytes(item: Outgoing) -> bytes:
    assert isinstance(item.data, bytes)
    return item.data


def refuses_to_run(site: Site) -> tuple[int, str]:
    """Run it where it cannot: exit status and what it says."""
    done = subprocess.run(
        [*site.prefix, sys.executable, "-m", "causeway", "-c", str(site.config), "run"],
        cwd=site.folder, capture_output=True, text=True, timeout=40,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def edit(site: Site, old: str, new: str) -> None:
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new))


# --- it does not start, and says why --------------------------------------------------------------


def test_a_typo_in_the_configuration(site: Site):
    edit(site, "quiet_seconds", "quite_seconds")
    status, said = refuses_to_run(site)
    assert status == 2
    assert "causeway.toml:" in said
    assert 'did you mean "quiet_seconds"' in said
    assert not site.data.exists(), "it began something"


def test_a_port_in_use(site: Site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", site.port))
        taken.listen()
        status, said = refuses_to_run(site)
    assert status == 3
    assert str(site.port) in said
    assert not (site.data / "run" / "status.json").exists()
    site.start()  # nothing stayed behind that would be in the way


def test_a_data_folder_without_rights(site: Site):
    need_another_user()
    site.data.mkdir()
    shutil.chown(site.data, NOBODY, NOBODY)
    site.prefix = UNPRIVILEGED
    status, said = refuses_to_run(site)
    assert status == 3
    assert "data_dir" in said
    assert "Permission denied" in said
    site.data.chmod(0o700)  # as a service that runs as somebody else makes it
    for words in (
        ["status"],
        ["custody"],
        ["studies"],
        ["spool", "verify"],
        ["export", "1", "out"],
    ):
        done = site.cli(*words)
        assert done.returncode == 3, done.stderr
        assert "may not read data_dir" in done.stderr
        assert "sudo -u" in done.stderr
    done = site.cli("doctor")
    assert done.returncode == 8
    failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
    assert len(failed) == 1, "one cause, and one remedy"
    assert "may not look into" in failed[0]
    assert "`sudo -u nobody causeway doctor`" in done.stdout


def test_a_configuration_without_rights(site: Site):
    need_another_user()
    site.config.chmod(0o000)
    shutil.chown(site.config, NOBODY, NOBODY)
    site.prefix = UNPRIVILEGED
    done = site.cli("status")
    assert done.returncode == 2
    assert "cannot be read: Permission denied" in done.stderr
    assert "`ls -l`" in done.stderr


def test_a_second_one_on_the_same_data_folder(site: Site):
    site.start()
    status, said = refuses_to_run(site)
    assert status == 3
    assert "in use by another causeway" in said
    assert site.process is not None
    assert str(site.process.pid) in said
    store(site, outgoing("first-is-unharmed"))
