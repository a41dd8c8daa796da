import socket
import subprocess
import sys
from pathlib import Path

import pytest

from causeway.errors import StartupError
from causeway.service.claims import bind, bind_all, exclusive


def test_a_second_instance_on_the_same_folder_is_told_who_has_it(tmp_path: Path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from causeway.service.claims import exclusive\n"
            "with exclusive(pathlib.Path(sys.argv[1])):\n"
            "    print('held', flush=True)\n"
            "    sys.stdin.read()\n",
            str(tmp_path / "data"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StartupError, match=f"process {holder.pid}"), exclusive(tmp_path / "data"):
        pass
    holder.kill()
    holder.communicate()
    with exclusive(tmp_path / "data"):  # a killed holder holds nothing
        pass


def test_a_data_folder_in_a_missing_folder_is_refused(tmp_path: Path):
    with (
        pytest.raises(StartupError, match="No such file or directory"),
        exclusive(tmp_path / "no" / "data"),
    ):
        pass


def test_a_port_that_is_taken_is_named():
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError, match=f"port {port}: another program"):
            bind_all([("127.0.0.1", 0), ("127.0.0.1", port)])


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(StartupError, match="no such address"):
        bind("192.0.2.1", 0)


def test_ipv6_listens_too():
    try:
        with bind("::1", 0) as listening:
            assert listening.family is socket.AF_INET6
    except StartupError:
        pytest.skip("this machine has no IPv6")
