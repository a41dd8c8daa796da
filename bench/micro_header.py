"""What indexing pays to read an object's identifiers and digest, against pydicom doing the same.

    python bench/micro_header.py [--rounds 5]

Two heads made of typical elements, and real ones from ``../shared/data/dicom`` where that is there.
``head`` reads up to the last identifier, ``whole`` walks to the end of the data set. Microseconds,
best of the rounds; the aim is 80 for a typical CT or MR head.
"""

from __future__ import annotations

import argparse
import io
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom

from causeway.pipeline.header import Structure, Tag, read
from causeway.testing.site import EXPLICIT, data_set

SHARED = Path(__file__).parents[2] / "shared" / "data" / "dicom"
REAL = {
    "CT Philips": "dcm_qa_ct/In/Philips/S21570/S2010/I10",
    "MR GE, 342 elements": "dcm_qa_nih/In/20180918GE/mr_0004/"
    "axial_epi_fmri_interleaved_i_to_s-00001.dcm",
    "MR Philips, sequences": "dcm_qa_table/In/Ph/1301_Dual-echo_iso/001.dcm",
    "MR UIH": "dcm_qa_stc/In/UIH/R002/12_dti_tra_dir16_PA_rot/0001.dcm",
    "MR Siemens enhanced": "dcm_qa_xa60/In/XA60/DICOM/24100413/39280000/75739871",
}


def typical(pixels: int) -> bytes:
    """A head of some 110 elements, two thirds of them before the pixel description."""
    identifiers: list[tuple[int, str, str | bytes]] = [
        (0x00080005, "CS", "ISO_IR 100"),
        (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
        (0x00080018, "UI", "1.2.826.0.1.3680043.8.498.1234567890123456789012345678901234"),
        (0x00080020, "DA", "20260102"),
        (0x00080060, "CS", "CT"),
        (0x00080070, "LO", "Somebody"),
        (0x0008103E, "LO", "Thorax 1.0"),
        (0x00100010, "PN", "Phantom^Nobody"),
        (0x00100020, "LO", "PHANTOM-0"),
        *((0x00180050 + n, "DS", "1.000000") for n in range(50)),
        (0x0020000D, "UI", "1.2.826.0.1.3680043.8.498.1234567890123456789012345678901235"),
        (0x0020000E, "UI", "1.2.826.0.1.3680043.8.498.1234567890123456789012345678901236"),
        (0x00200013, "IS", "17"),
        *((0x00280002 + n, "US", b"\1\0") for n in range(40)),
        (0x7FE00010, "OW", bytes(pixels)),
    ]
    return data_set(*identifiers)


def kinds() -> Iterator[tuple[str, str, bytes]]:
    yield "CT, made up", EXPLICIT, typical(512 * 512 * 2)
    yield "MR, made up", EXPLICIT, typical(128 * 128 * 2)
    for name, path in REAL.items():
        if not (SHARED / path).is_file():
            print(f"  {name}: no {path}")
            continue
        file = (SHARED / path).read_bytes()
        meta = pydicom.filereader.read_file_meta_info(SHARED / path)
        start = 144 + int(meta.FileMetaInformationGroupLength)
        yield name, str(meta.TransferSyntaxUID), file[start:]


def microseconds(action: Callable[[], object], rounds: int) -> float:
    return min(timeit.repeat(action, number=100, repeat=rounds)) / 100 * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    tags = [int(tag) for tag in Tag]
    print(f"{'µs an object':24}{'head':>8}{'whole':>8}{'pydicom':>10}{'bytes':>10}")
    for name, syntax, data in kinds():
        taken = {
            structure: microseconds(
                lambda: read(
                    lambda at, size: data[at : at + size],  # noqa: B023
                    len(data),  # noqa: B023
                    syntax,  # noqa: B023
                    structure,  # noqa: B023
                ),
                rounds,
            )
            for structure in Structure
        }
        theirs = microseconds(lambda: read_by_pydicom(data, syntax, tags), max(1, rounds // 2))  # noqa: B023
        print(
            f"{name:24}{taken[Structure.HEAD]:8.0f}{taken[Structure.WHOLE]:8.0f}"
            f"{theirs:10.0f}{len(data):10}"
        )


def read_by_pydicom(data: bytes, syntax: str, tags: list[int]) -> list[object]:
    uid = pydicom.uid.UID(syntax)
    found = pydicom.filereader.read_dataset(
        io.BytesIO(data), uid.is_implicit_VR, uid.is_little_endian,
        stop_when=lambda tag, *_: tag > 0x00280010,
    )  # fmt: skip
    return [found.get(tag) for tag in tags]


if __name__ == "__main__":
    main()
