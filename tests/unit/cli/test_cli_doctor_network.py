"""The doctor tries out destinations that are reached over a network, by their own probes."""

from __future__ import annotations

import socket

from cli_world import World, empty

from causeway.net import ListenerOptions
from causeway.testing.listening import Listening

__all__ = ["empty"]


def findings(world: World, port: int) -> list[dict[str, str]]:
    world.config.write_text(
        world.config.read_text()
        + f'\n[[destination]]\nname = "far"\ntype = "dicom"\nae_title = "FAR"\nhost = "127.0.0.1"\n'
        f'port = {port}\ndeidentify = "none"\n'
    )
    said = world.call("doctor", "--json").json
    return [check for check in said["checks"] if check["name"] == "destination far"]


def test_one_that_is_well(empty: World):
    with Listening(listeners=(ListenerOptions(ae_title="FAR", port=0),)) as listening:
        found = findings(empty, listening.port)
    assert found
    assert {each["outcome"] for each in found} == {"ok"}
    assert any(each["said"].startswith("echo") for each in found)


def test_one_that_is_away(empty: World):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = findings(empty, taken.getsockname()[1])
    assert found[-1]["outcome"] == "failed"
    assert found[-1]["to_do"], "it does not say what to do"
