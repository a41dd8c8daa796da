import subprocess
import sys
from pathlib import Path

import pytest

from causeway.errors import StartupError
from causeway.service.exclusive import exclusive

HOLD = """
import sys, pathlib
from causeway.service.exclusive import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_instance_on_the_same_folder_is_told_who_has_it(tmp_path: Path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD,
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
