"""DICOMweb services: one that replaces what it has, and one that keeps it and refuses the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from destination_worlds import Fault
from http_far_side import HttpWorld

from causeway.destinations import Destination, build
from causeway.destinations.stow import Preset, StowSettings, Verify
from causeway.testing.delivering import Parcel, bring
from causeway.testing.dicomweb_peer import DicomWebPeer
from causeway.testing.site import Image


class Replacing(HttpWorld):
    """Whatever came last under a UID is what it has."""

    tells_others_apart: ClassVar[bool] = False
    upload = ("POST", "/dicom-web/studies")
    peer: DicomWebPeer
    keeps_first: ClassVar[str] = ""

    def far_side(self) -> DicomWebPeer:
        return DicomWebPeer(tls=self.tls, keeps_first=self.keeps_first)

    def made(self) -> Destination:
        settings = StowSettings(
            name="archive", url=f"{self.address}/dicom-web", http=self.options, auth=self.oauth,
            preset=Preset(visible_seconds=0.0), verify=Verify.READ_BACK,
        )  # fmt: skip
        return build(settings, memory=self.memory)

    def holds(self) -> Mapping[str, bytes]:
        return {
            uid: kept.file[144 + int.from_bytes(kept.file[140:144], "little") :]
            for uid, kept in self.peer.kept.items()
        }

    def harm(self, fault: Fault, parcel: Parcel) -> None:
        match fault:
            case Fault.NOTHING_STORED:
                self.peer.loses = True
            case Fault.MIXED:
                self.peer.refusals[parcel.instances[1].sop_instance_uid] = 0xA900
            case Fault.WRONG_CHECKSUM:
                self.peer.rots = True
            case Fault.THERE_OTHER:
                bring(self.destination(), Parcel([Image(number=1, variant=1)], key="delivery-9"))

    def mend(self) -> None:
        super().mend()
        self.peer.loses = self.peer.rots = False
        self.peer.refusals.clear()


class Keeping(Replacing):
    """Other bytes under a UID that it has are refused."""

    tells_others_apart: ClassVar[bool] = True
    keeps_first: ClassVar[str] = "other"
    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.WRONG_CHECKSUM: "it keeps its own damage as well, until a person removes it there",
    }


WORLDS: Final = {"stow": Replacing, "stow that keeps what it has": Keeping}
