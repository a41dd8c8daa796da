"""Shipments without a pipeline, for the DICOM destination: instances from memory, a memory in one.

What the engine keeps in the ledger is kept in dictionaries here, so that a restart is another
destination over the same ones.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from causeway.destinations.contract import Instance, Outcome, Seal, Transfer, Write
from causeway.testing.phantom import make_instance

_IDS = itertools.count(1)


def instance(
    modality: str = "CT",
    *,
    seed: str = "",
    data: bytes | None = None,
    syntax: str = "",
    opened: Callable[[], Iterator[bytes]] | None = None,
) -> Instance:
    """An instance of a phantom; with other bytes, in another syntax, or read in another way."""
    number = next(_IDS)
    made = make_instance(modality, rows=16, columns=16, seed=seed or f"dicom-{number}")
    whole = made.data_set if data is None else data
    return Instance(
        id=number,
        name=f"{made.sop_instance_uid}.{modality}.dcm",
        sop_class_uid=made.sop_class_uid,
        sop_instance_uid=made.sop_instance_uid,
        study_instance_uid=made.study_instance_uid,
        series_instance_uid=made.series_instance_uid,
        transfer_syntax_uid=syntax or made.transfer_syntax_uid,
        meta=b"",
        dataset_size=len(whole),
        digest=hashlib.blake2s(whole).digest(),
        open=opened or (lambda: iter((whole[:1000], whole[1000:]))),
    )


def bytes_of(one: Instance) -> bytes:
    return b"".join(one.open())


@dataclass
class DictMemory:
    """A destination's memory, and each delivery's."""

    values: dict[str, str] = field(default_factory=dict)

    def identity(self) -> str | None:
        return self.values.get("identity")

    def identify(self, identity: str) -> str:
        return self.values.setdefault("identity", identity)

    def recall(self, key: str) -> str | None:
        return self.values.get(key)

    def remember(self, key: str, value: str) -> str:
        return self.values.setdefault(key, value)

    def replace(self, key: str, value: str | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def remembered(self, prefix: str) -> Mapping[str, str]:
        return {key: value for key, value in self.values.items() if key.startswith(prefix)}


class MemoryShipment(DictMemory):
    """A parcel of these instances."""

    key = "delivery-1"
    attempt = 1
    urgent = False
    folders = ("group", "project")
    name = "parcel.zip"
    manifest: Mapping[str, Any] = {}

    def __init__(self, instances: Sequence[Instance]) -> None:
        super().__init__()
        self.instances = tuple(instances)

    def archive(self, write: Write) -> None:
        raise NotImplementedError("a node takes no archives")

    def metadata(self, seal: Seal) -> bytes:
        raise NotImplementedError("a node takes no archives")

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        raise NotImplementedError("a node takes no archives")


def bring(
    transfer: Transfer, instances: Sequence[Instance], *, unsure: Sequence[Instance] = ()
) -> dict[int, Outcome]:
    """What the driver does in one attempt; the last outcome of each instance."""
    outcomes = {each.instance.id: each for each in transfer.verify(unsure)} if unsure else {}
    left = [
        each
        for each in instances
        if each.id not in outcomes or outcomes[each.id].standing == "again"
    ]
    if left:
        outcomes |= {each.instance.id: each for each in transfer.send(left)}
    if all(each.standing in ("sent", "verified") for each in outcomes.values()):
        transfer.commit()
    sent = [each.instance for each in outcomes.values() if each.standing == "sent"]
    if sent:
        outcomes |= {each.instance.id: each for each in transfer.verify(sent)}
    return outcomes
