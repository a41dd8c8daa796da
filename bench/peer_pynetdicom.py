"""pynetdicom as a receiver, at its best: raw data sets written as they came, no PDU limit."""

from __future__ import annotations

import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])

    def store(event: evt.Event) -> int:
        name = folder / event.request.AffectedSOPInstanceUID
        with name.open("wb") as file:
            file.write(event.encoded_dataset())
        return 0x0000

    entity = AE(ae_title="ANY-SCP")
    entity.maximum_pdu_size = 0
    entity.maximum_associations = 100
    entity.supported_contexts = AllStoragePresentationContexts
    entity.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])


if __name__ == "__main__":
    main()
