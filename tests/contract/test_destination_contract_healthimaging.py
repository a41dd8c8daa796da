"""HealthImaging's own: batches, jobs, and each way in which the service is documented to fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import world_healthimaging
from world_healthimaging import HealthImagingWorld

from causeway.errors import DestinationUnauthorised, NotYet, TemporaryError
from causeway.import_jobs import BatchState
from causeway.pipeline.attempt import Ended
from causeway.testing.aws.healthimaging import DATASTORE
from causeway.testing.aws.importing import FileFault
from causeway.testing.aws.rest_json import ServiceError
from causeway.testing.delivering import Parcel, bring
from causeway.testing.site import Image
from causeway.values import Standing


@pytest.fixture
def world(tmp_path: Path) -> Iterator[HealthImagingWorld]:
    made = HealthImagingWorld(tmp_path)
    yield made
    made.close()


def ended(
    world: HealthImagingWorld, parcel: Parcel, attempts: int = 200
) -> tuple[Ended, Parcel, set[str]]:
    """Attempts until the job has ended; what came of it, and what was waited for meanwhile."""
    waits: set[str] = set()
    for _ in range(attempts):
        try:
            return bring(world.destination(), parcel), parcel, waits
        except NotYet as error:
            waits.add(error.message)
            world.settle()
            parcel = parcel.again()
    pytest.fail(f"not over: {waits}")


def whole(world: HealthImagingWorld, parcel: Parcel) -> tuple[Parcel, set[str]]:
    came, parcel, waits = ended(world, parcel)
    assert came.refused is None
    assert came.missing is None
    assert dict(world.holds()) == parcel.data_sets
    return parcel, waits


def quick(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Other rules for the destinations of this test."""
    rules = replace(world_healthimaging.RULES, **changes)
    monkeypatch.setattr(world_healthimaging, "RULES", rules)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway.destinations.aws.importing.wait_after", lambda _tries, **_: 0.15)


def refusal(name: str) -> ServiceError:
    return ServiceError(name, "as it is documented")


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("name", "waits_for"),
    [
        ("ServiceQuotaExceededException", "queue is full"),
        ("ThrottlingException", "fewer starts"),
        ("InternalServerException", "not known whether its job was started"),
    ],
)
def test_a_start_that_is_refused_for_now_is_waited_out(
    world: HealthImagingWorld, name: str, waits_for: str
) -> None:
    world.fake.behaviour.refuse_starts.extend([refusal(name)] * 3)
    _, waits = whole(world, Parcel())
    assert any(waits_for in wait for wait in waits), waits
    assert len(world.fake.jobs) == 1


@pytest.mark.usefixtures("short_waits")
def test_an_answer_that_is_lost_makes_no_second_job(world: HealthImagingWorld) -> None:
    world.fake.behaviour.lose_answers = 1
    whole(world, Parcel())
    assert len(world.fake.jobs) == 1
    assert world.fake.calls.count("StartDICOMImportJob") == 1, "it was found by its name"


def test_who_may_not_start_jobs_is_told_at_once(world: HealthImagingWorld) -> None:
    world.fake.behaviour.refuse_starts.append(refusal("AccessDeniedException"))
    with pytest.raises(DestinationUnauthorised) as caught:
        ended(world, Parcel())
    assert "policy" in caught.value.hint
    (row,) = world.ledger.imports()
    assert row.batch.state is BatchState.SEALED


@pytest.mark.usefixtures("short_waits")
def test_a_job_that_fails_is_told_and_its_files_go_again(world: HealthImagingWorld) -> None:
    world.fake.behaviour.job_fails = "Access denied to the bucket"
    parcel = Parcel()
    with pytest.raises(TemporaryError, match="Access denied to the bucket"):
        ended(world, parcel)
    world.fake.behaviour.job_fails = ""
    whole(world, parcel.again())
    states = [row.batch.job_status for row in world.ledger.imports()]
    assert states == ["COMPLETED", "FAILED"]
    assert len({job.request["inputS3Uri"] for job in world.fake.jobs.values()}) == 2


@pytest.mark.usefixtures("short_waits")
def test_a_file_for_which_the_service_failed_goes_again_alone(world: HealthImagingWorld) -> None:
    world.fake.behaviour.file_fault = lambda key: (
        FileFault(kind="server") if key.endswith("/2.dcm") else None
    )
    parcel = Parcel()
    with pytest.raises(TemporaryError, match="the import failed for it: Internal error"):
        ended(world, parcel)
    world.mend()
    whole(world, parcel.again())
    second, first = world.ledger.imports()
    assert (first.batch.counts.imported, first.batch.counts.server_errors) == (2, 1)
    assert (second.batch.files, second.batch.counts.imported) == (1, 1)


def test_a_file_that_is_not_taken_waits_for_a_person_with_the_services_words(
    world: HealthImagingWorld,
) -> None:
    message = "PatientID 'PHANTOM-1' of 1.2.840.113619.1.2 is not allowed"
    world.fake.behaviour.file_fault = lambda key: (
        FileFault(kind="customer", message=message) if key.endswith("/3.dcm") else None
    )
    came, parcel, _ = ended(world, Parcel())
    assert came.refused is not None
    assert came.refused.why == (
        "HealthImaging does not take it: PatientID “…” of a UID is not allowed"
    )
    assert [*parcel.journal.standings()] == [
        Standing.VERIFIED, Standing.VERIFIED, Standing.REFUSED,
    ]  # fmt: skip
    (row,) = world.ledger.imports()
    (part,) = world.ledger.parts_of_batch(row.batch.id)
    assert part.results[3].message == message, "the ledger may hold what a log may not"


@pytest.mark.usefixtures("short_waits")
def test_what_is_imported_and_yet_worth_a_look(world: HealthImagingWorld) -> None:
    whole(world, Parcel([Image(number=1)]))
    world.fake.behaviour.file_fault = lambda key: (
        FileFault(kind="non_primary") if key.endswith("/1.dcm") else FileFault(kind="warning")
    )
    parcel = Parcel([Image(number=1), Image(number=2)], key="delivery-2", name="T2.dicom.zip")
    came, parcel, _ = ended(world, parcel)
    assert came.refused is None
    assert {row.instance_id: row.code for row in parcel.journal.rows.values()} == {
        1: "not_primary", 2: "warning_b101",
    }  # fmt: skip
    counts = world.ledger.imports()[0].batch.counts
    assert (counts.not_primary, counts.warnings) == (1, 1)


@pytest.mark.usefixtures("short_waits")
def test_a_manifest_that_comes_late_is_waited_for(
    world: HealthImagingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch, manifest_patience_seconds=30.0)
    world.fake.behaviour.manifest_late_seconds = 0.3
    _, waits = whole(world, Parcel())
    assert "its manifest is not there yet" in waits


@pytest.mark.usefixtures("short_waits")
def test_a_manifest_that_never_comes_ends_the_wait(world: HealthImagingWorld) -> None:
    world.fake.behaviour.manifest_late_seconds = 1000.0
    with pytest.raises(TemporaryError, match="no manifest of its job appeared"):
        ended(world, Parcel())


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(
    world: HealthImagingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    parcel = Parcel()
    limit = max(each.size for each in parcel.instances) - 1
    quick(monkeypatch, file_bytes_limit=limit)
    came, _, _ = ended(world, parcel)
    assert came.refused is not None
    assert came.refused.code == "too_large"
    assert "no larger file" in came.refused.why


@pytest.mark.usefixtures("short_waits")
def test_deliveries_share_a_job_until_it_is_full(
    world: HealthImagingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch, quiet_seconds=600.0, longest_seconds=600.0, files_limit=5)
    one = Parcel([Image(series=1, number=n) for n in (1, 2)])
    other = Parcel([Image(series=2, number=n) for n in (3, 4)], key="delivery-2", name="T2.zip")
    third = Parcel([Image(series=2, number=n) for n in (5, 6)], key="delivery-3", name="T3.zip")
    for each in (one, other, one.again()):
        with pytest.raises(NotYet, match="more may join"):
            bring(world.destination(), each)
    with pytest.raises(NotYet, match="more may join"):
        bring(world.destination(), third)  # it does not fit, and waits in the next
    for each in (one, other):
        came, _, _ = ended(world, each.again())
        assert came.missing is None
    assert len(world.fake.jobs) == 1
    full, filling = sorted(world.ledger.imports(), key=lambda row: row.batch.id)
    assert (full.batch.files, len(full.members)) == (4, 2)
    assert (filling.batch.files, filling.batch.state) == (2, BatchState.FILLING)


@pytest.mark.usefixtures("short_waits")
def test_no_more_jobs_run_at_a_time_than_are_allowed(
    world: HealthImagingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch, jobs_limit=1)
    world.fake.behaviour.running_seconds = 0.5
    world.fake.behaviour.jobs_limit = 1
    one, other = Parcel(), Parcel([Image(number=9)], key="delivery-2", name="T2.zip")
    for _ in range(10):
        with pytest.raises(NotYet):
            bring(world.destination(), one)
        world.settle()
        one = one.again()
        if world.fake.jobs:
            break
    _, _, waits = ended(world, other)
    assert any("import jobs are running" in wait for wait in waits), waits
    assert "queue is full" not in str(waits), "the gate was asked first"


def test_the_trial_finds_what_is_not_there(world: HealthImagingWorld) -> None:
    steps = {step.name: step for step in world.destination().probe()}
    assert all(step.ok for step in steps.values()), steps
    assert "iam:PassRole" in steps["datastore"].text
    other = world.fake.archives.pop(DATASTORE)
    *_, last = world.destination().probe()
    assert (last.name, last.ok) == ("datastore", False)
    assert "no data store" in last.text
    assert "datastore" in last.hint
    world.fake.archives[DATASTORE] = other


def test_requests_are_signed_and_checked_by_the_services_own_model(
    world: HealthImagingWorld,
) -> None:
    from causeway.testing.aws.rest_json import Request, RestJson

    fake, model = world.fake, RestJson("medical-imaging")
    unsigned = fake.handle(Request("GET", f"/datastore/{DATASTORE}", "", {"Host": "x"}, b""))
    assert unsigned.status == 403
    path = f"/startDICOMImportJob/datastore/{DATASTORE}"
    good = {
        "dataAccessRoleArn": world_healthimaging.ROLE, "clientToken": "t",
        "inputS3Uri": "s3://bucket/in/", "outputS3Uri": "s3://bucket/out/",
    }  # fmt: skip
    operation, parameters = model.read(Request("POST", path, "", {}, json.dumps(good).encode()))
    assert operation.name == "StartDICOMImportJob"
    assert parameters["datastoreId"] == DATASTORE
    for wrong in (
        {"clientToken": ""}, {"clientToken": "t" * 65}, {"clientToken": "ä"},
        {"inputS3Uri": "https://bucket/in/"}, {"dataAccessRoleArn": "me"}, {"unknown": "x"},
        {"jobName": "a b"}, {"clientToken": 7},
    ):  # fmt: skip
        with pytest.raises(ServiceError, match=r"\w") as caught:
            model.read(Request("POST", path, "", {}, json.dumps(good | wrong).encode()))
        assert caught.value.name == "ValidationException", wrong
    with pytest.raises(AssertionError):
        model.answer(operation, {"jobId": "not hexadecimal!"})
