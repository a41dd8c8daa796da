"""A site whose destinations ask for de-identification, and images that can be cleaned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from causeway.decide.policy import Route
from causeway.deidentify.identity import project_key
from causeway.deidentify.treatment import ProjectKeys, recipe_of
from causeway.pipeline import Treating
from causeway.testing.site import Image, Site, data_set

KEY = project_key("usual", hashlib.sha256(b"a key for tests").hexdigest())
TREATING = Treating(
    recipes={"research": recipe_of("research"), "basic": recipe_of("basic")},
    keys=ProjectKeys(usual=KEY),
)
NAMES = ("Quacksalber", "P-4711", "Charlatan", "20260102", "CT1SCANNER")
"""What of an image must not be found where it went clean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Image):
    """An image of a scanner; as a capture it is held."""

    patient: str = "Quacksalber^Ottokar"
    patient_id: str = "P-4711"
    description: str = "Brain for Dr Quacksalber"
    is_capture: bool = False
    colour: str = "MONOCHROME2"
    protocol: str = "T1 axial"

    def data(self) -> bytes:
        side = 16
        pixels = hashlib.shake_256(f"{self.uid}/{self.variant}".encode()).digest(side * side * 2)
        kind = "DERIVED\\SECONDARY" if self.is_capture else "ORIGINAL\\PRIMARY\\AXIAL"
        return data_set(
            (0x00080005, "CS", "ISO_IR 192"),
            (0x00080008, "CS", kind),
            (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            (0x00080018, "UI", self.uid),
            (0x00080020, "DA", "20260102"),
            (0x00080021, "DA", "20260102"),
            (0x00080030, "TM", "101112"),
            (0x00080060, "CS", self.modality),
            (0x00080070, "LO", self.manufacturer),
            (0x00080080, "LO", "Charlatan General"),
            (0x00081010, "SH", "CT1SCANNER"),
            (0x00081030, "LO", self.description),
            (0x0008103E, "LO", self.series_description),
            (0x00100010, "PN", self.patient),
            (0x00100020, "LO", self.patient_id),
            (0x00100030, "DA", "19610203"),
            (0x00100040, "CS", "F"),
            (0x00104000, "LT", self.comments),
            (0x00181030, "LO", self.protocol),
            (0x0020000D, "UI", self.study_uid),
            (0x0020000E, "UI", self.series_uid),
            (0x00200011, "IS", str(self.series)),
            (0x00200012, "IS", self.acquisition),
            (0x00200013, "IS", str(self.number)),
            (0x00280002, "US", b"\1\0"),
            (0x00280004, "CS", self.colour),
            (0x00280010, "US", side.to_bytes(2, "little")),
            (0x00280011, "US", side.to_bytes(2, "little")),
            (0x00280100, "US", b"\x10\0"),
            (0x00280101, "US", b"\x10\0"),
            (0x00280102, "US", b"\x0f\0"),
            (0x00280103, "US", b"\0\0"),
            (0x7FE00010, "OW", pixels),
        )


def cleaning_site(folder: Path, *, seed: int = 0, **asked: str) -> Site:
    """A site with these destinations, each asking for that; everything goes to all of them."""
    made = Site(folder, seed=seed, start=False)
    asked = asked or {"archive": "research"}
    made.configure(
        routes=[Route(name="all", destinations=tuple(asked))],
        destinations=tuple(
            replace(made.plan(name), deidentify=wanted) for name, wanted in asked.items()
        ),
        treating=TREATING,
    )
    made.start()
    return made


def everything_told(site: Site, destination: str) -> bytes:
    """Names, archives (stored, so that they can be searched) and JSON of all that stands there."""
    files = site.delivered_files(destination)
    return b"\n".join([*(name.encode() for name in files), *files.values()])


def leaks(told: bytes, *more: str) -> list[str]:
    return [name for name in (*NAMES, *more) if name.encode() in told]


Settings = Any
