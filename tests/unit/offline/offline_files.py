"""Files as people have them: studies of planted patients in folders, with all that lies around."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from causeway.deidentify.identity import project_key
from causeway.deidentify.treatment import Treatment, recipe_of
from causeway.offline import Outcome, Run, RunReport, items_below, prepare
from causeway.testing.phantom import Instance, file_head, make_instance
from causeway.testing.phantom.instances import Patient

NAME = "Quacksalber"
PATIENT = Patient(name=f"{NAME}^Ottokar", patient_id="HH-471-19", birth_date="19511224", sex="M")
KEY_TEXT = hashlib.sha256(b"offline").hexdigest()
KEY = project_key("test", KEY_TEXT)
TREATMENT = Treatment(recipe=recipe_of("basic"), key=KEY)


def part10(instance: Instance) -> bytes:
    return file_head(instance.sop_class_uid, instance.sop_instance_uid) + instance.data_set


def slice_of(number: int, modality: str = "CT", **more: object) -> Instance:
    return make_instance(
        modality,
        rows=16,
        columns=16,
        patient=PATIENT,
        instance_number=number,
        sop_instance_uid=f"1.2.826.0.1.3680043.8.498.471.{number}",
        study_instance_uid="1.2.826.0.1.3680043.8.498.472",
        series_instance_uid="1.2.826.0.1.3680043.8.498.473",
        **more,  # type: ignore[arg-type]
    )


def folder_of(root: Path, slices: int = 3) -> Path:
    """A folder named after its patient, as folders are."""
    folder = root / f"{NAME} Ottokar"
    folder.mkdir(parents=True)
    for number in range(1, slices + 1):
        (folder / f"{NAME}-{number:03}.dcm").write_bytes(part10(slice_of(number)))
    return folder


def zipped(path: Path, *instances: Instance) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", b"")
        for instance in instances:
            archive.writestr(f"{NAME}/{instance.sop_instance_uid}.dcm", part10(instance))
    return path


def ran(
    given: Path | list[Path], out: Path, *, treatment: Treatment = TREATMENT, jobs: int = 1
) -> tuple[RunReport, list[Outcome]]:
    """A whole run."""
    inputs = given if isinstance(given, list) else [given]
    report = RunReport(treatment=treatment)
    run = Run(treatment=treatment, root=out, jobs=jobs)
    with prepare(out, inputs, treatment, told="a test") as journal:
        outcomes = list(run.outcomes(list(items_below(inputs)), journal))
    for each in outcomes:
        report.add(each)
    return report, outcomes


def written(out: Path) -> list[Path]:
    return sorted(out.rglob("*.dcm"))


def everything_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each name and all bytes below a folder."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), path.read_bytes() if path.is_file() else b""
