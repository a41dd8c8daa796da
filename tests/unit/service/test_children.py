import errno
import subprocess
import sys

from causeway.service.children import Child, ChildEnded, ChildNotStarted, pause_before_restart


def test_pauses_grow_and_are_bounded():
    assert pause_before_restart(0) == 0
    pauses = [pause_before_restart(n) for n in range(1, 12)]
    assert pauses[0] == 0.2
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30


def start(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code])


def test_a_child_that_dies_young_waits_before_it_comes_back():
    child = Child(name="receiver-0", start=lambda: start("raise SystemExit(3)"))
    assert child.ensure(now=100.0) is None
    assert child.process is not None
    child.process.wait()
    ended = child.ensure(now=101.0)
    assert isinstance(ended, ChildEnded)
    assert (ended.returncode, ended.lived_seconds, ended.restart_in_seconds) == (3, 1.0, 0.2)
    assert child.ensure(now=101.1) is None
    assert child.process is None
    child.ensure(now=101.3)
    assert child.process is not None
    child.process.wait()


def test_a_child_that_lived_long_comes_back_at_once():
    child = Child(name="pipeline", start=lambda: start("pass"))
    child.ensure(now=0.0)
    assert child.process is not None
    child.process.wait()
    ended = child.ensure(now=1000.0)
    assert isinstance(ended, ChildEnded)
    assert ended.restart_in_seconds == 0


def test_a_child_that_is_replaced_comes_back_at_once_and_has_not_failed():
    child = Child(name="pipeline", start=lambda: start("pass"))
    child.ensure(now=0.0)
    assert child.process is not None
    child.process.wait()
    child.replace(now=1.0, patience_seconds=15)
    ended = child.ensure(now=1.1)
    assert isinstance(ended, ChildEnded)
    assert (ended.was_asked, ended.restart_in_seconds, child.restarts) == (True, 0, 0)
    assert child.ensure(now=1.1) is None
    assert child.process is not None
    child.process.wait()
    ended = child.ensure(now=1.2)  # nobody has asked this one
    assert isinstance(ended, ChildEnded)
    assert (ended.was_asked, ended.restart_in_seconds, child.restarts) == (False, 0.2, 1)


def test_a_child_that_does_not_leave_is_killed():
    child = Child(name="pipeline", start=lambda: start("import time; time.sleep(60)"))
    child.ensure(now=0.0)
    child.replace(now=1.0, patience_seconds=15)
    assert child.ensure(now=15.9) is None
    assert child.process is not None
    assert child.process.poll() is None
    child.ensure(now=16.0)
    assert child.process.wait(10) == -9
    ended = child.ensure(now=16.1)
    assert isinstance(ended, ChildEnded)
    assert ended.was_asked


def test_a_child_that_waits_after_a_failure_is_started_at_once_when_it_is_replaced():
    child = Child(name="pipeline", start=lambda: start("raise SystemExit(3)"))
    now = 0.0
    for _ in range(8):
        child.ensure(now)
        if child.process is not None:
            child.process.wait()
        now += 0.1
    child.ensure(now)
    assert child.restart_at > now
    assert child.process is None
    child.replace(now, patience_seconds=15)
    child.ensure(now)
    assert child.process is not None
    child.process.wait()
    ended = child.ensure(now + 0.1)
    assert isinstance(ended, ChildEnded)
    assert not ended.was_asked


def test_a_child_whose_process_cannot_be_made_is_tried_again_later():
    left = [errno.EAGAIN, errno.EMFILE]

    def scarce() -> "subprocess.Popen[bytes]":
        if left:
            raise OSError(left.pop(), "not now")
        return start("pass")

    child = Child(name="receiver1", start=scarce)
    failed = child.ensure(now=10.0)
    assert isinstance(failed, ChildNotStarted)
    assert (failed.name, failed.again_in_seconds) == ("receiver1", 0.2)
    assert child.ensure(now=10.1) is None
    assert isinstance(child.ensure(now=10.3), ChildNotStarted)
    assert child.ensure(now=10.8) is None
    assert child.process is not None
    child.process.wait()
