"""``causeway reconcile``: what a node has and what came, and the gaps that are filled."""

from __future__ import annotations

from collections.abc import Callable

from acceptance_site import Site

from causeway.testing.nodes import ScriptedNode, series_uid
from causeway.testing.ports import free_port

NODE = """
[[node]]
name = "scanner"
ae_title = "NODE"
host = "127.0.0.1"
port = {port}
interval_seconds = 3600
retrieve = "get"
ignore_existing = true
"""


def test_gaps_are_listed_and_filled(make_site: Callable[..., Site]):
    with ScriptedNode(gets=True) as node:
        node.add(series="1", count=4)
        node.add(study="2", series="2", count=3)
        node.add(study="3", series="3", count=2, StudyDate="20200101")
        site = make_site(port=free_port(), tail=NODE.format(port=node.port))
        site.start()
        # What was there before is left alone, so nothing of it has come.
        said = site.ask("reconcile", "scanner", "--since", "2025-01-01", status=8)
        assert (said["series"], said["images_there"], said["missing"]) == (2, 7, 7)
        assert {each["series_instance_uid"] for each in said["gaps"]} == {
            series_uid("1"), series_uid("2"),
        }  # fmt: skip
        assert node.asked["get series"] == 0, "asking retrieves nothing"

        done = site.cli("reconcile", "scanner", "--since", "2025-01-01", "--pull")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "all of them came" in done.stdout
        site.settled(at_least=7)
        assert len(site.delivered()) == 7

        # One image more: that one is the gap, and only that one comes.
        node.add(series="1", count=1)
        said = site.ask("reconcile", "scanner", "--since", "2025-01-01", status=8)
        (gap,) = said["gaps"]
        assert (gap["images_there"], gap["images_here"]) == (5, 4)
        assert site.cli("reconcile", "scanner", "--since", "2025-01-01", "--pull").returncode == 0
        custody = site.settled(at_least=8)
        assert custody["received"] == 8, "images that were here came again"
        assert all(len(copies) == 1 for copies in site.delivered().values())
        assert site.stop() == 0


def test_mistakes_are_said(make_site: Callable[..., Site]):
    site = make_site(port=free_port(), tail=NODE.format(port=free_port()))
    done = site.cli("reconcile", "scaner", "--since", "2025-01-01")
    assert done.returncode == 2
    assert 'did you mean "scanner"?' in done.stderr
    done = site.cli("reconcile", "scanner", "--since", "yesterday")
    assert done.returncode == 2
    assert "is no date" in done.stderr
