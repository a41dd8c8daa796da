"""What the demo sends: two synthesised studies, and real scans that pydicom's wheel carries.

The real ones come from pydicom's own test data, anonymised long ago by those who gave them: a
brain of three small series, a liver with an annotation in an overlay, and an ultrasound both in
plain RGB and in JPEG 2000. Only what the wheel itself holds is used; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from causeway.net import Outgoing
from causeway.part10 import NotSendable, read_part10
from causeway.testing.phantom import ct_study, mr_study

REAL_SCANS = (
    "examples_overlay.dcm",
    "examples_rgb_color.dcm",
    "examples_jpeg2k.dcm",
    "dicomdirtests/98892003/MR1/5641",
    *(f"dicomdirtests/98892003/MR2/{name}" for name in ("6273", "6605", "6935")),
    *(
        f"dicomdirtests/98892003/MR700/{name}"
        for name in (4467, 4528, 4558, 4588, 4618, 4648, 4678)
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """One of those that send: an AE title, and its objects."""

    ae_title: str
    describes: str
    objects: tuple[Outgoing, ...]
    series: tuple[str, ...]
    """Series Instance UID of each object."""

    def digests(self) -> dict[str, str]:
        """BLAKE3 of each data set by SOP Instance UID, to compare with what is delivered."""
        return {each.sop_instance_uid: _digest(each) for each in self.objects}


def scanners() -> Iterator[Scanner]:
    """Makes the studies one by one; the phantoms take a second or two each."""
    for ae_title, describes, study in (
        ("CT1", "a chest CT, synthesised: localizers, lung, soft tissue", ct_study()),
        ("MR1", "a brain MR, synthesised: T1, T2, FLAIR", mr_study()),
    ):
        instances = tuple(study)
        yield Scanner(
            ae_title=ae_title,
            describes=describes,
            series=tuple(instance.series_instance_uid for instance in instances),
            objects=tuple(
                Outgoing(
                    sop_class_uid=instance.sop_class_uid,
                    sop_instance_uid=instance.sop_instance_uid,
                    transfer_syntax_uid=instance.transfer_syntax_uid,
                    data=instance.data_set,
                )
                for instance in instances
            ),
        )
    real = tuple(_real_scans())
    if real:
        yield Scanner(
            ae_title="PYDICOM",
            describes="real scans: MR brain, MR liver, ultrasound",
            objects=tuple(outgoing for outgoing, _ in real),
            series=tuple(series for _, series in real),
        )


def _real_scans() -> Iterator[tuple[Outgoing, str]]:
    """Objects and their Series Instance UIDs."""
    import pydicom.data

    folder = Path(pydicom.data.__file__).parent / "test_files"
    for name in REAL_SCANS:
        try:
            file = read_part10(folder / name)
        except (OSError, NotSendable):
            continue  # another pydicom may carry others
        head = pydicom.dcmread(file.path, specific_tags=["SeriesInstanceUID"])
        outgoing = Outgoing(
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
            transfer_syntax_uid=file.transfer_syntax_uid,
            data=file.pieces,
        )
        yield outgoing, str(head.SeriesInstanceUID)


def _digest(outgoing: Outgoing) -> str:
    hasher = blake3()
    pieces = outgoing.pieces()
    for piece in [pieces] if isinstance(pieces, bytes | bytearray | memoryview) else pieces:
        hasher.update(piece)
    return hasher.hexdigest()
