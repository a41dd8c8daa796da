"""Nothing of a patient's is in any log line, status, refusal or error, whatever happens."""

from __future__ import annotations

from pathlib import Path

from acceptance_site import Site, sent, wait_for

from causeway.net import Outgoing
from causeway.testing.planted import Planted

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def test_no_output_says_anything_of_a_patient(site: Site, tmp_path: Path):
    planted = Planted.of(1)
    whole = [planted.encoded(number=n) for n in range(1, 4)]
    uids = [str(planted.data_set(number=n).SOPInstanceUID) for n in range(1, 4)]

    def item(uid: str, data: bytes, sop_class: str = CT) -> Outgoing:
        return Outgoing(
            sop_class_uid=sop_class, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT, data=data
        )

    site.start()
    objects = [
        *(item(uid, data) for uid, data in zip(uids, whole, strict=True)),
        item(uids[0], whole[0]),  # a duplicate
        item(uids[1], whole[1] + b"\x10\0\x21\0LT\x04\0more"),  # a conflict, and out of order
        item("1.2.3.4", whole[2]),  # contradicts its request
        item("1.2.3.5", whole[2][: len(whole[2]) // 2]),  # cut off
        item(uids[2], whole[2], "1.2.840.10008.5.1.4.1.1.4"),  # another SOP class
        item("not a uid/../../etc", whole[2]),
    ]
    assert None not in list(sent(site, objects))
    wait_for(
        lambda: site.received() == len(objects) and site.dispositions()["on its way"] == 0,
        seconds=60, what=site.last_words,
    )  # fmt: skip
    quarantined = site.ask("quarantine", "list")["quarantined"]
    assert quarantined
    study = site.ask("studies", planted.patient_name)["studies"]
    assert study, "it is found by name, so the name is known"

    outputs = {
        "status": site.cli("status").stdout,
        "status --json": site.cli("status", "--json").stdout,
        "custody": site.cli("custody").stdout,
        "status file": (site.data / "run" / "status.json").read_text(),
        "hold": "".join(map(str, _both(site, "hold", f"study:{study[0]['id']}", "--why", "x"))),
        "hold unknown": "".join(map(str, _both(site, "hold", "1.2.3.99", "--why", "x"))),
        "discard": "".join(
            map(str, _both(site, "quarantine", "discard", str(quarantined[0]["id"]), "--why", "x"))
        ),
        "verify": "".join(map(str, _both(site, "spool", "verify"))),
    }
    assert site.stop() == 0
    outputs["log"] = site.log.read_text()
    assert "instance.quarantined" in outputs["log"]
    for name, text in outputs.items():
        assert planted.leaks(text) == [], name
    # The test could fail: what is meant to show patients does.
    assert planted.leaks(site.cli("studies").stdout)


def _both(site: Site, *arguments: str) -> tuple[str, str]:
    done = site.cli(*arguments)
    return done.stdout, done.stderr
