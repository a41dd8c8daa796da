"""The pipeline's process hands on what receivers say."""

import os
import socket
import threading
from typing import Any

import pytest

from causeway.service import work
from causeway.service.hints import HintReader, HintWriter


class Told:
    """A pipeline that only hears."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.heard = threading.Event()

    def committed(self, container: str, end: int) -> None:
        assert container == "s1.1"
        self.ends.append(end)
        self.heard.set()


def test_the_first_hint_is_heard_at_once_and_the_next_ones_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    channel, supervisor = socket.socketpair()
    hints, told = HintWriter(write), Told()
    unused: Any = None
    monkeypatch.setattr(work, "HINTS_SECONDS", 3600.0)
    thread = threading.Thread(
        target=work._attend, args=(told, unused, HintReader(read), [channel.fileno()])
    )
    thread.start()
    hints.committed("s1.1", 512)
    assert told.heard.wait(60)
    hints.committed("s1.1", 1024)
    supervisor.close()  # heard within the pause, which would last an hour
    thread.join(60)
    assert not thread.is_alive()
    assert told.ends == [512]
    for descriptor in (read, write):
        os.close(descriptor)
    channel.close()
