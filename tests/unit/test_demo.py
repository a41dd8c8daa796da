"""The demo's proof notices what is missing, changed or strange; its folder is nobody else's."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from blake3 import blake3

from causeway.demo.connector import connector
from causeway.demo.material import scanners
from causeway.demo.proof import prove
from causeway.demo.watch import readable_name
from causeway.errors import StartupError
from causeway.testing.phantom import Instance, make_instance


def archive_of(folder: Path, instances: list[Instance]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "series.dicom.zip", "w") as archive:
        for number, instance in enumerate(instances):
            path = instance.write(folder / "one.dcm")
            archive.write(path, f"{number}.CT.dcm")
            path.unlink()


@pytest.fixture
def instances() -> list[Instance]:
    return [make_instance(rows=8, columns=8, instance_number=number) for number in (1, 2, 3)]


def digests(instances: list[Instance]) -> dict[str, str]:
    return {each.sop_instance_uid: blake3(each.data_set).hexdigest() for each in instances}


def test_what_is_there_byte_for_byte_is_proved(tmp_path: Path, instances: list[Instance]) -> None:
    archive_of(tmp_path / "a", instances)
    proof = prove(tmp_path / "a", digests(instances), tmp_path / "scratch")
    assert proof.holds
    assert (proof.archives, proof.identical) == (1, 3)
    assert "byte for byte" in str(proof)


def test_a_missing_image_breaks_the_proof(tmp_path: Path, instances: list[Instance]) -> None:
    archive_of(tmp_path / "a", instances[:2])
    proof = prove(tmp_path / "a", digests(instances), tmp_path / "scratch")
    assert not proof.holds
    assert (proof.identical, proof.missing, proof.different, proof.unexpected) == (2, 1, 0, 0)


def test_a_changed_image_breaks_the_proof(tmp_path: Path, instances: list[Instance]) -> None:
    archive_of(tmp_path / "a", instances)
    sent = digests(instances) | {instances[0].sop_instance_uid: blake3(b"other").hexdigest()}
    proof = prove(tmp_path / "a", sent, tmp_path / "scratch")
    assert (proof.holds, proof.different) == (False, 1)


def test_an_image_that_was_never_sent_breaks_the_proof(
    tmp_path: Path, instances: list[Instance]
) -> None:
    archive_of(tmp_path / "a", instances)
    proof = prove(tmp_path / "a", digests(instances[:2]), tmp_path / "scratch")
    assert (proof.holds, proof.unexpected) == (False, 1)


def test_a_folder_with_somebodys_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with (
        pytest.raises(StartupError, match="not the demo's"),
        connector(tmp_path, port=None, quiet_seconds=1),
    ):
        pass
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_cast_has_real_scans_and_phantoms_with_distinct_objects() -> None:
    cast = list(scanners())
    assert [scanner.ae_title for scanner in cast] == ["CT1", "MR1", "PYDICOM"]
    digests = [uid for scanner in cast for uid in scanner.digests()]
    assert len(digests) == len(set(digests)) == sum(len(scanner.objects) for scanner in cast)
    assert len(cast[2].objects) >= 2
    assert all(len(scanner.objects) == len(scanner.series) for scanner in cast)


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("Phantom^Thora Ångström", "Phantom Thora Ångström"),
        ("Maboroshi^Hana=幻^花=まぼろし^はな", "Maboroshi Hana"),
        ("", "nobody"),
        ("^^^^", "nobody"),
    ],
)
def test_names_are_shown_without_carets(name: str, readable: str) -> None:
    assert readable_name(name) == readable
