"""One attempt: what is sent, what is asked about, what is written down when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from causeway.destinations import Instance, Outcome, Takes
from causeway.errors import DestinationBusy, TemporaryError
from causeway.pipeline.attempt import Attempt, cut
from causeway.pipeline.leases import LeaseLost
from causeway.testing.delivering import Parcel, bring
from causeway.testing.recording import RecordingDestination, RecordingTransfer, Shelf
from causeway.testing.site import Image
from causeway.values import Standing


def five() -> Parcel:
    return Parcel([Image(number=n) for n in range(1, 6)])


class At:
    """Raises at one step of one instance, once."""

    def __init__(self, step: str, number: int | None, error: BaseException) -> None:
        self.step, self.number, self.error = step, number, error
        self.happened = False
        self.steps: list[tuple[str, int | None]] = []

    def __call__(self, step: str, instance: Instance | None) -> None:
        number = instance.id if instance else None
        self.steps.append((step, number))
        if (step, number) == (self.step, self.number) and not self.happened:
            self.happened = True
            raise self.error

    def asked(self) -> list[int | None]:
        return [number for step, number in self.steps if step == "verify"]

    def sent(self) -> list[int | None]:
        return [number for step, number in self.steps if step == "send"]


def test_all_is_sent_in_batches_committed_and_verified() -> None:
    shelf, parcel = Shelf(), five()
    never = At("", None, RuntimeError())
    ended = bring(RecordingDestination(shelf, on=never), parcel)
    assert (ended.refused, ended.missing, ended.gave_way, ended.already_there) == (
        None, None, False, False,
    )  # fmt: skip
    assert parcel.journal.standings() == [Standing.VERIFIED] * 5
    assert parcel.journal.begun == 5
    assert shelf.kept == {each.sop_instance_uid: b"".join(each.file()) for each in parcel.instances}
    steps = [step for step, _ in never.steps]
    assert steps == ["start", *["send", "sent"] * 5, "commit", "committed", *["verify"] * 5]


def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_twice() -> None:
    shelf, parcel = Shelf(), five()
    at = At("sent", 3, ConnectionResetError())
    destination = RecordingDestination(shelf, on=at)
    with pytest.raises(ConnectionResetError):
        bring(destination, parcel)
    assert at.steps[-1][0] == "abort"
    assert parcel.journal.standings() == [Standing.SENT] * 2
    assert parcel.journal.begun == 4, "the third is there, the fourth may be"
    at.steps.clear()
    ended = bring(destination, parcel.again())
    assert at.asked()[:4] == [1, 2, 3, 4]
    assert at.sent() == [4, 5]
    assert ended.sent_bytes == sum(each.size for each in parcel.instances[3:])
    assert set(shelf.brought.values()) == {1}
    assert parcel.journal.standings() == [Standing.VERIFIED] * 5


def test_what_was_never_begun_is_not_asked_about() -> None:
    parcel = five()
    at = At("start", None, DestinationBusy("later"))
    destination = RecordingDestination(Shelf(), on=at)
    with pytest.raises(DestinationBusy):
        bring(destination, parcel)
    assert parcel.journal.begun == 0
    at.steps.clear()
    bring(destination, parcel.again())
    assert [step for step, _ in at.steps[:2]] == ["start", "send"]


def test_after_a_process_that_died_all_that_it_had_begun_is_asked_about() -> None:
    class Died(BaseException):
        """Not to be handled."""

    shelf, parcel = Shelf(), five()
    at = At("sent", 2, Died())
    with pytest.raises(Died):
        bring(RecordingDestination(shelf, on=at), parcel)
    assert parcel.journal.rows == {}, "nothing was written down after it"
    at.steps.clear()
    bring(RecordingDestination(shelf, on=at), parcel.again())
    assert at.asked()[:2] == [1, 2]
    assert at.sent() == [3, 4, 5]


class Choosy(RecordingTransfer):
    """Refuses some, and has no time for others."""

    refuses: frozenset[int] = frozenset()
    later: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()

    def send(self, instances: Sequence[Instance]) -> Iterable[Outcome]:  # type: ignore[override]
        for each in instances:
            if each.id in self.refuses:
                yield Outcome(
                    instance=each, standing=Standing.REFUSED, code="status_c000", why="no CT here"
                )
            elif each.id in self.later:
                yield Outcome(
                    instance=each, standing=Standing.AGAIN, code="status_a700", why="no room"
                )
            elif each.id not in self.silent:
                yield from super().send([each])


class ChoosyDestination(RecordingDestination):
    def start(self, shipment: object) -> RecordingTransfer:
        transfer = Choosy(self, shipment)  # type: ignore[arg-type]
        transfer.refuses = frozenset(self.refuses)
        transfer.later = frozenset(self.later)
        transfer.silent = frozenset(self.silent)
        return transfer

    refuses: Sequence[int] = ()
    later: Sequence[int] = ()
    silent: Sequence[int] = ()


def test_one_that_is_refused_keeps_nobody_else_back() -> None:
    shelf, parcel = Shelf(), five()
    destination = ChoosyDestination(shelf)
    destination.refuses = (2, 4)
    ended = bring(destination, parcel)
    assert ended.refused is not None
    assert str(ended.refused) == "2 of 5 instances, such as instance:2: no CT here"
    assert (ended.refused.code, ended.missing) == ("status_c000", None)
    assert shelf.commits == 1
    assert len(shelf.kept) == 3
    again = parcel.again()
    assert bring(destination, again).refused == ended.refused
    assert not again.opened, "it is not sent again unless a person says so"


def test_what_has_to_wait_is_all_that_the_next_attempt_sends() -> None:
    shelf, parcel = Shelf(), five()
    destination = ChoosyDestination(shelf)
    destination.later = (3,)
    ended = bring(destination, parcel)
    assert ended.missing is not None
    assert (ended.missing.count, ended.missing.code) == (1, "status_a700")
    assert shelf.commits == 0, "not all was sent"
    destination.later = ()
    again = parcel.again()
    ended = bring(destination, again)
    assert ended.missing is None
    assert again.opened == [3]
    assert shelf.commits == 1


def test_nothing_is_committed_where_everything_is_refused() -> None:
    shelf = Shelf()
    destination = ChoosyDestination(shelf)
    destination.refuses = (1, 2, 3, 4, 5)
    assert bring(destination, five()).refused is not None
    assert shelf.commits == 0


def test_a_destination_that_says_nothing_of_an_instance_is_asked_again() -> None:
    parcel = five()
    destination = ChoosyDestination(Shelf())
    destination.silent = (4,)
    with pytest.raises(TemporaryError, match="1 instances"):
        bring(destination, parcel)
    destination.silent = ()
    bring(destination, parcel.again())
    assert parcel.journal.standings() == [Standing.VERIFIED] * 5


def test_it_gives_way_between_batches_and_goes_on_behind_it() -> None:
    shelf, parcel = Shelf(), five()
    answers = iter([False])
    at = At("", None, RuntimeError())
    destination = RecordingDestination(shelf, on=at)
    ended = bring(destination, parcel, may_go_on=lambda: next(answers))
    assert ended.gave_way
    assert len(shelf.kept) == 2
    assert shelf.commits == 0
    assert not bring(destination, parcel.again()).gave_way
    assert set(shelf.brought.values()) == {1}
    assert len(shelf.brought) == 5


def test_who_has_lost_the_lease_hears_of_it_before_a_batch_is_sent() -> None:
    shelf, parcel = Shelf(), five()

    class Void:
        delivery_id, begun = 1, 0

        def outcomes(self) -> tuple[()]:
            return ()

        def note(self, *args: object, **kwargs: object) -> bool:
            return False

    attempt = Attempt(parcel, journal=Void(), clock=lambda: 0.0, may_go_on=lambda: True)
    with pytest.raises(LeaseLost):
        attempt.run(RecordingDestination(shelf))
    assert not shelf.kept


def test_outcomes_are_written_down_while_a_long_batch_goes_on() -> None:
    parcel = Parcel([Image(number=n, size=10) for n in range(500)])
    seen: list[int] = []
    at = At("", None, RuntimeError())

    def on(step: str, instance: Instance | None) -> None:
        at(step, instance)
        if step == "sent":
            seen.append(len(parcel.journal.rows))

    bring(RecordingDestination(Shelf(), takes=Takes(instances=1000), on=on), parcel)
    assert seen[-1] == 400


@pytest.mark.parametrize(
    ("takes", "sizes"),
    [
        (Takes(), [5]),
        (Takes(instances=1), [1, 1, 1, 1, 1]),
        (Takes(instances=2), [2, 2, 1]),
        (Takes(bytes=1), [1, 1, 1, 1, 1]),
        (Takes(bytes=3000), [2, 2, 1]),
        (Takes(instances=10, bytes=1 << 30), [5]),
    ],
)
def test_a_shipment_is_cut_as_the_destination_takes_it(takes: Takes, sizes: list[int]) -> None:
    parcel = five()
    assert 1000 < parcel.instances[0].size < 1500
    batches = list(cut(enumerate(parcel.instances, start=1), takes))
    assert [len(batch) for batch in batches] == sizes
    assert [each for batch in batches for _, each in batch] == list(parcel.instances)


def test_what_may_name_a_patient_hides_itself() -> None:
    parcel = Parcel()
    (outcome, *_) = RecordingDestination(Shelf()).start(parcel).send(parcel.instances)
    for value in (outcome, parcel.instances[0]):
        assert parcel.instances[0].sop_instance_uid not in repr(value)
