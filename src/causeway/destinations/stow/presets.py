"""What is known of particular servers, as of late 2026. A preset is a start; settings go before it.

Limits are those that the services document for one request. What is not known is left as the
standard has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20
GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How a server differs from the standard."""

    batch_instances: int = 100
    """One answer is waited for, and one failure tells of, so many."""
    batch_bytes: int = 64 * MIB
    """Some receivers hold a request in memory before they look at it."""
    largest_bytes: int = 0
    """Most that one request may have, a single instance too; 0: not known."""
    explicit_vr_only: bool = False
    visible_seconds: float = 30.0
    """Time within which what was taken shows up in a search."""
    search_costs_bytes: int = 0
    """A search costs the server as much as giving out so many bytes of each instance. A series of
    smaller ones is read back whole in place of a search, which proves more."""
    signed_for: str = ""
    """AWS service whose signature requests carry."""
    token_scope: str = ""


PRESETS: Final = {
    "standard": Preset(),
    # Requests of any size; many small ones are advised against. Identical bytes are accepted again,
    # other bytes under the same UID answered with 409.
    "google": Preset(
        batch_instances=200,
        batch_bytes=256 * MIB,
        visible_seconds=120.0,
        token_scope="https://www.googleapis.com/auth/cloud-healthcare",  # noqa: S106
    ),
    # 4 GB a request (older pages: 2 GB); implicit VR is refused.
    "azure": Preset(
        batch_bytes=256 * MIB,
        largest_bytes=2 * 1000**3,
        explicit_vr_only=True,
        visible_seconds=120.0,
        token_scope="https://dicom.healthcareapis.azure.com/.default",  # noqa: S106
    ),
    # 1 GB a request, answered when it is stored.
    "healthimaging": Preset(
        batch_bytes=256 * MIB,
        largest_bytes=1000**3,
        visible_seconds=120.0,
        signed_for="medical-imaging",
    ),
    # Holds a request in memory, and shows at once what it stored. Reads and parses each file for
    # the answer to a search, and gives files out as they are (measured with 1.10).
    "orthanc": Preset(batch_bytes=32 * MIB, visible_seconds=0.0, search_costs_bytes=128 << 10),
}
