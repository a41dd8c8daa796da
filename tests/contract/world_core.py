"""Research platforms: uploads directly, by a signed address, and by several."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import ClassVar, Final

from destination_worlds import Fault
from http_far_side import HttpWorld

from causeway.destinations import Destination, build
from causeway.destinations.core import CoreSettings
from causeway.testing.delivering import Parcel, bring
from causeway.testing.platform_peer import PlatformPeer
from causeway.testing.site import Image


class Direct(HttpWorld):
    """One request brings all."""

    tells_others_apart: ClassVar[bool] = False
    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.MIXED: "instances are members of one archive, which is there or not",
    }
    upload = ("POST", "/api/upload/reaper")
    peer: PlatformPeer
    signed: ClassVar[bool] = False
    part_bytes: ClassVar[int] = 0

    def far_side(self) -> PlatformPeer:
        return PlatformPeer(
            tls=self.tls, keys={}, signed=self.signed, part_bytes=self.part_bytes,
            any_bearer=True,
        )  # fmt: skip

    def made(self) -> Destination:
        settings = CoreSettings(
            name="archive", url=f"{self.address}/api", http=self.options, auth=self.oauth
        )
        return build(settings, memory=self.memory)

    def holds(self) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for content in self.peer.files().values():
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.namelist():
                    uid = member.removesuffix(".CT.dcm")
                    assert uid not in found, "one instance in two archives"
                    try:
                        file = archive.read(member)
                    except zipfile.BadZipFile:
                        continue  # damaged on purpose
                    found[uid] = file[144 + int.from_bytes(file[140:144], "little") :]
        return found

    def harm(self, fault: Fault, parcel: Parcel) -> None:
        match fault:
            case Fault.NOTHING_STORED:
                self.peer.loses = True
            case Fault.WRONG_CHECKSUM:
                self.peer.rots = True
            case Fault.THERE_OTHER:
                bring(self.destination(), Parcel([Image(number=1, variant=1)], key="delivery-9"))

    def mend(self) -> None:
        super().mend()
        self.peer.loses = self.peer.rots = False
        assert not self.peer.complaints


class Signed(Direct):
    """A ticket is opened, bytes go to a storage, the ticket is closed."""

    signed: ClassVar[bool] = True


class InParts(Signed):
    """The same in several parts."""

    part_bytes: ClassVar[int] = 1000


class Storage(Signed):
    """Faults are those of the storage that signed addresses lead to."""

    upload = ("PUT", "/storage/")
    impossible: ClassVar[Mapping[Fault, str]] = {
        **Direct.impossible,
        Fault.UNAUTHORISED: "a signed address that is refused has run out, another is asked for",
        Fault.TOKEN_EXPIRES: "no token goes to the storage, the address itself is the permission",
        Fault.TRUNCATED_ANSWER: "a storage answers with headers only, there is nothing to cut",
    }


WORLDS: Final = {
    "core": Direct,
    "core with addresses of parts": InParts,
    "core whose storage fails": Storage,
}
