"""Storage commitment asked of the real process by pynetdicom, over both ways back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from acceptance_site import Site, outgoing, wait_for
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from causeway.net import Outgoing, send
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port

WELL_KNOWN = "1.2.840.10008.1.20.1.1"
COMMITMENT = """
[source.commitment]
when = "{when}"
{port}
"""


class Hearing:
    """Reports that came, by transaction."""

    def __init__(self) -> None:
        self.reports: dict[str, tuple[int, Dataset]] = {}
        self.came = threading.Event()
        self.refuse = False

    def take(self, event: evt.Event) -> tuple[int, None]:
        if self.refuse:
            return 0x0110, None
        information = event.event_information
        self.reports[information.TransactionUID] = (event.event_type, information)
        self.came.set()
        return 0x0000, None

    def of(self, transaction: str) -> tuple[set[str], dict[str, int]]:
        """UIDs that are safe, and those that are not, with their reasons."""
        kind, said = self.reports[transaction]
        failed = {
            each.ReferencedSOPInstanceUID: each.FailureReason
            for each in said.get("FailedSOPSequence", [])
        }
        assert kind == (2 if failed else 1)
        safe = {each.ReferencedSOPInstanceUID for each in said.get("ReferencedSOPSequence", [])}
        return safe, failed


def images(count: int, seed: str) -> list[Outgoing]:
    made = [make_instance("CT", rows=16, columns=16, seed=f"{seed}-{n}") for n in range(count)]
    return [outgoing(each) for each in made]


def asked(transaction: str, sent: Sequence[Outgoing], *more: str) -> Dataset:
    information = Dataset()
    information.TransactionUID = transaction
    items = []
    for uid in (*(each.sop_instance_uid for each in sent), *more):
        item = Dataset()
        item.ReferencedSOPClassUID = sent[0].sop_class_uid
        item.ReferencedSOPInstanceUID = uid
        items.append(item)
    information.ReferencedSOPSequence = items
    return information


def ask(site: Site, information: Dataset, hearing: Hearing, *, wait_seconds: float = 0.0) -> int:
    """N-ACTION by pynetdicom; stays for a while to hear the report over the same association."""
    ae = AE(ae_title="CT1")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate(
        "127.0.0.1", site.port, ae_title="CAUSEWAY",
        evt_handlers=[(evt.EVT_N_EVENT_REPORT, hearing.take)],
    )  # fmt: skip
    assert association.is_established
    status, _ = association.send_n_action(information, 1, StorageCommitmentPushModel, WELL_KNOWN)
    if wait_seconds:
        assert hearing.came.wait(wait_seconds)
        time.sleep(0.1)  # its answer goes out after the handler
    association.release()
    return int(status.Status)


@contextmanager
def listening(hearing: Hearing, port: int) -> Iterator[None]:
    ae = AE(ae_title="CT1")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hearing.take)]
    )
    try:
        yield
    finally:
        server.shutdown()


@pytest.fixture
def committing_site(make_site: Callable[..., Site]) -> Callable[..., Site]:
    def make(when: str, port: int | None = None, **settings: object) -> Site:
        site = make_site(**settings)
        text = site.config.read_text()
        table = COMMITMENT.format(when=when, port="" if port is None else f"port = {port}")
        mark = "maximum_associations = 1000\n\n[receive]"
        assert mark in text
        site.config.write_text(
            text.replace(mark, f"maximum_associations = 1000\n{table}\n[receive]")
        )
        return site

    return make


def states(site: Site) -> dict[int, str]:
    return {
        each["number"]: each["state"] for each in site.ask("commitments", "list")["commitments"]
    }


def test_the_spool_s_word_comes_over_the_same_association(committing_site: Callable[..., Site]):
    site = committing_site("spool", quiet_seconds=30).start()
    sent = images(5, "same")
    assert all(each.stored for each in send(site.peer(), sent))
    hearing = Hearing()
    assert ask(site, asked("2.25.1", sent, "2.25.404"), hearing, wait_seconds=20) == 0
    safe, failed = hearing.of("2.25.1")
    assert safe == {each.sop_instance_uid for each in sent}
    assert failed == {"2.25.404": 0x0112}
    wait_for(lambda: states(site) == {1: "reported"}, seconds=20, what=site.last_words)
    site.stop()


def test_the_destinations_word_survives_a_kill_and_comes_over_a_new_one(
    committing_site: Callable[..., Site],
):
    port = free_port()
    site = committing_site("delivered", port, quiet_seconds=6).start()
    sent = images(3, "late")
    assert all(each.stored for each in send(site.peer(), sent))
    hearing = Hearing()
    assert ask(site, asked("2.25.2", sent), hearing) == 0
    site.kill_tree()
    assert not hearing.reports
    site.start()
    # Nobody listens there yet: it is tried again until somebody does.
    wait_for(
        lambda: site.settled(at_least=3, seconds=60) and site.told("commitment.retry"),
        seconds=60, what=site.last_words,
    )  # fmt: skip
    with listening(hearing, port):
        wait_for(lambda: hearing.reports, seconds=60, what=site.last_words)
    assert hearing.of("2.25.2") == ({each.sop_instance_uid for each in sent}, {})
    wait_for(lambda: states(site) == {1: "reported"}, seconds=20, what=site.last_words)
    site.stop()


def test_who_was_not_told_is_told_when_a_person_says_so(committing_site: Callable[..., Site]):
    site = committing_site("spool", quiet_seconds=30).start()
    sent = images(1, "person")
    assert all(each.stored for each in send(site.peer(), sent))
    assert ask(site, asked("2.25.3", sent), Hearing()) == 0
    # Its association is over, and nothing says where else it hears: a person is told what to do.
    wait_for(lambda: states(site) == {1: "dead"}, seconds=40, what=site.last_words)
    (row,) = site.ask("commitments", "list", "--open")["commitments"]
    assert "[source.commitment]" in row["error"]
    site.ask("commitments", "retry", "1")
    wait_for(lambda: states(site) == {1: "dead"}, seconds=40, what=site.last_words)
    site.ask("commitments", "discard", "1", "--why", "told by telephone")
    assert states(site) == {1: "discarded"}
    assert site.ask("commitments", "list", "--open")["commitments"] == []
    site.stop()


def test_a_source_that_may_not_ask_is_not_offered_it(make_site: Callable[..., Site]):
    site = make_site().start()
    ae = AE(ae_title="CT1")
    ae.add_requested_context(StorageCommitmentPushModel)
    association = ae.associate("127.0.0.1", site.port, ae_title="CAUSEWAY")
    assert not association.accepted_contexts
    association.abort()
    site.stop()
