"""Two whole studies: a chest CT of three series and a brain MR of three.

Objects come one after another as a scanner would send them, so that nothing needs the memory of a
study. Geometry is right (positions, orientation, spacing, one frame of reference a study), and the
patients' names need character sets that real sites use: Latin-1, and Japanese with code extensions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from causeway.testing.phantom import head, thorax
from causeway.testing.phantom.instances import (
    Elements,
    Instance,
    Patient,
    make_instance,
    make_uid,
)
from causeway.testing.phantom.lanes import Lanes

CT_PATIENT: Final = Patient(
    name="Phantom^Thora Ångström",
    patient_id="PHANTOM-CT-1",
    birth_date="19611104",
    sex="F",
    age="064Y",
    weight_kg="68",
    charset="ISO_IR 100",
)
MR_PATIENT: Final = Patient(
    name="Maboroshi^Hana=幻^花=まぼろし^はな",
    patient_id="PHANTOM-MR-1",
    birth_date="19790402",
    sex="F",
    age="046Y",
    weight_kg="57",
    charset=("", "ISO 2022 IR 87"),
)

_CT_SPACING: Final = 0.75
_MR_SPACING: Final = 0.9


def ct_study(
    seed: object = 0, *, slices: int = 40, matrix: int = 512, patient: Patient = CT_PATIENT
) -> Iterator[Instance]:
    """A contrast-enhanced chest: two localizers, ``slices`` lung images, half as many soft ones.

    About 0.5 MB an image at a matrix of 512.
    """
    spacing = _CT_SPACING * 512 / matrix
    chest = thorax.Thorax(random.Random(f"{seed}/vessels"), matrix, spacing)
    study: Elements = {
        "seed": seed,
        "patient": patient,
        "rows": matrix,
        "columns": matrix,
        "study_instance_uid": make_uid(seed, "ct study"),
        "AccessionNumber": "PHANTOM01",
        "StudyDescription": "CT chest with contrast",
        "StudyID": "CT1",
        "BodyPartExamined": "CHEST",
        "ContrastBolusAgent": "Phantom dye",
        "FrameOfReferenceUID": make_uid(seed, "ct study", "frame of reference"),
        "PixelSpacing": [spacing, spacing],
    }
    yield from _localizers(chest, study, seed)
    for number, description, count, smoothing, noise_bits, window in (
        (2, "Chest 5.0 lung", slices, 1, 6, (-600, 1500)),
        (3, "Chest 10.0 soft tissue", max(1, slices // 2), 2, 4, (40, 400)),
    ):
        rng = random.Random(f"{seed}/noise/{number}")
        thickness = thorax.HEIGHT_MM / count
        for index in range(count):
            z = (index + 0.5) * thickness
            lanes = chest.lanes
            image = chest.render(z, thickness)
            for _ in range(smoothing):
                image = lanes.smooth(lanes.smooth(image, 1, 0), 0, 1)
            image += lanes.noise(rng, noise_bits)
            # The mean of the noise is taken off again together with the offset, down to -1024 HU.
            shift = thorax.OFFSET - 1024 + 3 * ((1 << noise_bits) - 1) // 2
            yield make_instance(
                "CT",
                **study,
                series_instance_uid=make_uid(seed, "ct study", number),
                sop_instance_uid=make_uid(seed, "ct study", number, index),
                instance_number=index + 1,
                pixels=lanes.store(_less(lanes, image, shift)),
                SeriesNumber=number,
                SeriesDescription=description,
                ProtocolName="Chest",
                SeriesTime=f"10173{number}",
                ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
                ImagePositionPatient=[-spacing * matrix / 2, -spacing * matrix / 2, -z],
                SliceLocation=-z,
                SliceThickness=thickness,
                SpacingBetweenSlices=thickness,
                WindowCenter=window[0],
                WindowWidth=window[1],
                ConvolutionKernel="LUNG" if number == 2 else "SOFT",
                XRayTubeCurrent=210,
                ExposureTime=500,
                DataCollectionDiameter=500,
                ReconstructionDiameter=spacing * matrix,
            )


def _localizers(chest: thorax.Thorax, study: Elements, seed: object) -> Iterator[Instance]:
    """Two projections through the chest, seen from the front and from the side."""
    lanes, matrix = chest.lanes, int(study["rows"])
    steps = 80
    front: list[bytes] = []
    side: list[bytes] = []
    for index in range(steps):
        image = chest.render((index + 0.5) * thorax.HEIGHT_MM / steps, thorax.HEIGHT_MM / steps)
        front.append(lanes.mean_of_rows(image))
        side.append(lanes.mean_of_columns(image))
    millimetres = matrix * study["PixelSpacing"][0]
    for index, (name, rows, orientation) in enumerate(
        (("front", front, [1, 0, 0, 0, 0, -1]), ("side", side, [0, 1, 0, 0, 0, -1]))
    ):
        # Each projected line stands for several rows: an image as high as the phantom is long.
        height = round(matrix * thorax.HEIGHT_MM / millimetres)
        pixels = b"".join(rows[row * steps // height] for row in range(height))
        corner = [-millimetres / 2, 0, 0] if index == 0 else [0, -millimetres / 2, 0]
        yield make_instance(
            "CT",
            **study | {"rows": height},
            series_instance_uid=make_uid(seed, "ct study", 1),
            sop_instance_uid=make_uid(seed, "ct study", 1, index),
            instance_number=index + 1,
            pixels=pixels,
            SeriesNumber=1,
            SeriesDescription="Localizer",
            ProtocolName="Chest",
            SeriesTime="101512",
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER", name.upper()],
            ImageOrientationPatient=orientation,
            ImagePositionPatient=corner,
            SliceLocation=None,
            SliceThickness="",
            RescaleIntercept=-thorax.OFFSET,
            WindowCenter=-480,
            WindowWidth=900,
        )


def mr_study(
    seed: object = 0, *, slices: int = 24, matrix: int = 256, patient: Patient = MR_PATIENT
) -> Iterator[Instance]:
    """A brain in T1, T2 and FLAIR, ``slices`` images of about 0.13 MB each."""
    spacing = _MR_SPACING * 256 / matrix
    brain = head.Head(seed, matrix, spacing)
    step = (head.HIGHEST_MM - head.LOWEST_MM) / slices
    maps = [brain.tissues(head.LOWEST_MM + (index + 0.5) * step) for index in range(slices)]
    timings: tuple[tuple[int, str, Elements], ...] = (
        (1, "T1", {"RepetitionTime": 550, "EchoTime": 12, "EchoTrainLength": 1}),
        (2, "T2", {"RepetitionTime": 4200, "EchoTime": 98, "EchoTrainLength": 15}),
        (3, "FLAIR", {"RepetitionTime": 9000, "EchoTime": 110, "InversionTime": 2500}),
    )
    for number, contrast, timing in timings:
        rng = random.Random(f"{seed}/noise/{contrast}")
        lanes = brain.lanes
        for index, tissues in enumerate(maps):
            z = head.LOWEST_MM + (index + 0.5) * step
            image = brain.signal(tissues, contrast)
            image = lanes.smooth(lanes.smooth(image, 1, 0), 0, 1) + lanes.noise(rng, 5)
            yield make_instance(
                "MR",
                rows=matrix,
                columns=matrix,
                seed=seed,
                patient=patient,
                study_instance_uid=make_uid(seed, "mr study"),
                series_instance_uid=make_uid(seed, "mr study", number),
                sop_instance_uid=make_uid(seed, "mr study", number, index),
                instance_number=index + 1,
                pixels=lanes.store(image),
                AccessionNumber="PHANTOM02",
                StudyDescription="MR brain",
                StudyID="MR1",
                StudyTime="142000",
                SeriesNumber=number,
                SeriesDescription=f"{contrast} axial",
                ProtocolName=f"{contrast} axial",
                SeriesTime=f"14{20 + 5 * number}00",
                BodyPartExamined="BRAIN",
                FrameOfReferenceUID=make_uid(seed, "mr study", "frame of reference"),
                PixelSpacing=[spacing, spacing],
                ImagePositionPatient=[-spacing * matrix / 2, -spacing * matrix / 2, z],
                SliceLocation=z,
                SliceThickness=step * 0.9,
                SpacingBetweenSlices=step,
                ScanningSequence=["SE", "IR"] if contrast == "FLAIR" else "SE",
                WindowCenter=450,
                WindowWidth=900,
                **timing,
            )


def _less(lanes: Lanes, image: int, amount: int) -> int:
    """Subtract from every pixel, down to nothing."""
    above = lanes.at_least(image, amount)
    floor = lanes.fill(amount)
    return lanes.choose(above, image, floor) - floor
