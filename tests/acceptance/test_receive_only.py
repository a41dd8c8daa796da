"""``causeway run --receive-only``: what is received is safe, and waits for a whole start."""

from __future__ import annotations

from acceptance_site import Site, assert_delivered_once, kill, outgoing, store, wait_for

from causeway.spool import RealDisk, SpoolReader


def test_it_receives_durably_and_delivers_when_started_whole(site: Site):
    site.start("--receive-only")
    assert sorted(site.children()) == ["receiver1", "receiver2"], "there is a pipeline"
    assert site.told("pipeline.left_out") == {"supervisor"}, "it does not say so"

    kept = store(site, *[outgoing(f"small-{n}", series="receive-only") for n in range(9)])
    kept |= store(site, outgoing("large", series="receive-only", edge=1024))
    assert in_spool(site) == set(kept), "acknowledged, and not there"
    wait_for(
        lambda: "left out (--receive-only): 10 objects" in site.cli("status").stdout,
        seconds=20,
        what=lambda: site.cli("status").stdout,
    )
    # It goes on when a receiver dies, and after everything died.
    before = site.children()["receiver1"]
    kill(before)
    wait_for(
        lambda: site.children().get("receiver1", before) != before,
        seconds=30,
        what=site.last_words,
    )
    kept |= store(site, *[outgoing(f"after-{n}", series="receive-only") for n in range(3)])
    site.kill_tree()
    site.start("--receive-only")
    kept |= store(site, outgoing("last", series="another"))
    assert in_spool(site) == set(kept)
    assert not list(site.archive.rglob("*")), "it delivered"
    assert site.received() == 0, "somebody took it into the ledger"
    assert site.cli("spool", "verify").returncode == 0
    assert site.stop() == 0

    site.start()
    assert "pipeline" in site.children()
    custody = site.settled(at_least=len(kept))
    assert custody["received"] == custody["dispositions"]["delivered"] == len(kept)
    assert_delivered_once(site, kept)
    assert site.stop() == 0


def in_spool(site: Site) -> set[str]:
    """SOP Instance UIDs of what can be read back, by its digest, from the disk."""
    reader = SpoolReader(site.data / "spool", disk=RealDisk())
    try:
        return {
            record.receipt.sop_instance_uid
            for container in reader.containers()
            for record in reader.scan(container.name, verify=True)
        }
    finally:
        reader.close()
