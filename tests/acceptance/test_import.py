"""``causeway import`` beside the real service, cut off and begun anew."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from acceptance_site import Site, assert_delivered_once, outgoing

from causeway.part10 import read_part10
from causeway.spool import file_meta
from causeway.values import Caller, Receipt


def written(folder: Path, count: int) -> dict[str, bytes]:
    """Files in a folder; their data sets by SOP Instance UID."""
    kept = {}
    caller = Caller(source="", calling_ae="", called_ae="", address="", association="")
    for number in range(count):
        made = outgoing(f"import-{number}", series=f"import-{number // 40}", edge=128)
        assert isinstance(made.data, bytes)
        meta = file_meta(
            Receipt(
                caller=caller,
                sop_class_uid=made.sop_class_uid,
                sop_instance_uid=made.sop_instance_uid,
                transfer_syntax_uid=made.transfer_syntax_uid,
                received_at=0.0,
            )
        )
        path = folder / f"{number:04}.dcm"
        path.write_bytes(meta + made.data)
        assert read_part10(path).sop_instance_uid == made.sop_instance_uid
        kept[made.sop_instance_uid] = made.data
    return kept


def test_an_import_that_is_killed_goes_on_and_nothing_is_there_twice(site: Site):
    images = site.folder / "images"
    images.mkdir()
    kept = written(images, 400)
    site.start()
    command = [sys.executable, "-m", "causeway", "-c", str(site.config), "import", str(images)]
    for _ in range(3):
        with subprocess.Popen(
            command, cwd=site.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as importing:
            before = site.received()
            until = time.monotonic() + 30
            while site.received() == before and importing.poll() is None:
                assert time.monotonic() < until, site.last_words()
                time.sleep(0.02)
            importing.send_signal(signal.SIGKILL)
    said = site.ask("import", str(images))
    assert said["failed"] == 0
    assert said["stored"] + said["here_already"] == 400
    site.settled(at_least=400)
    again = site.ask("import", str(images))
    assert (again["stored"], again["here_already"]) == (0, 400)
    assert_delivered_once(site, kept)
    assert site.stop() == 0


def test_what_is_imported_before_the_first_start_is_taken_up_by_it(site: Site):
    images = site.folder / "images"
    images.mkdir()
    kept = written(images, 30)
    assert site.ask("import", str(images))["stored"] == 30
    site.start()
    custody = site.settled(at_least=30)
    assert custody["dispositions"]["delivered"] == 30
    assert_delivered_once(site, kept)
    assert site.stop() == 0
