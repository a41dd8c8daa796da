"""Every bound in one place: nothing that a peer announces is believed beyond these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one association. Lengths are in bytes.

    The defaults let through everything that DCMTK, dcm4che, fo-dicom, pynetdicom and Orthanc send
    in their largest settings, and hold an association to some ten megabytes at worst.
    """

    max_pdu_length: int = 131_072
    """The longest P-DATA-TF body accepted, and what is announced to the peer (PS3.8 D.1). 128 KiB
    is the most that DCMTK offers; longer ones bring nothing measurable."""
    max_sent_pdu_length: int = 131_072
    """The longest P-DATA-TF body sent, whatever the peer allows (it may say 0, "no limit")."""
    max_associate_length: int = 262_144
    """The longest body of A-ASSOCIATE-RQ and -AC. 128 contexts with 40 transfer syntaxes each are
    some 150 KB."""
    max_contexts: int = 128
    """Presentation contexts in one association: there are 128 odd identifiers."""
    max_transfer_syntaxes: int = 128
    """Transfer syntaxes in one presentation context; PS3.6 lists about 60."""
    max_user_items: int = 1_024
    """Sub-items of the user information item; role selection takes one for each SOP class."""
    max_command_length: int = 65_536
    """A command set, all its fragments together. Usual ones have 100 to 300 bytes."""
    max_data_set_length: int | None = None
    """A data set, all its fragments together; no bound by default, since it is never held here."""
    max_outstanding: int = 64
    """Requests that the peer sent and that are not answered, and the other way round."""
    initial_buffer: int = 16_384
    """Size of the receive block of an association that has not seen data yet; then ``BlockPool``
    has its own."""
    max_held_bytes: int = 8_388_608
    """Full receive blocks kept alive by views between two calls of ``release_fragments``; one more
    block is being written."""
    max_held_fragments: int = 16_384
    """Fragment views handed out between two calls of ``release_fragments``. A view costs some 200
    bytes, so a peer that sends its data set in tiny fragments must not choose their number."""

    def __post_init__(self) -> None:
        if not 4_096 <= self.max_pdu_length <= 0x0FFF_FFFF:
            raise ValueError("max_pdu_length must be between 4096 and 268435455")
        if self.max_sent_pdu_length < 4_096:
            raise ValueError("max_sent_pdu_length must be at least 4096")
        if self.initial_buffer < 1_024:
            raise ValueError("initial_buffer must be at least 1024")
        if self.max_held_bytes < 4 * self.max_pdu_length:
            raise ValueError("max_held_bytes must be at least four times max_pdu_length")
        if min(self.max_associate_length, self.max_command_length) < 1_024:
            raise ValueError("max_associate_length and max_command_length must be at least 1024")
        for name in ("max_contexts", "max_transfer_syntaxes", "max_user_items", "max_outstanding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.max_held_fragments < 16:
            raise ValueError("max_held_fragments must be at least 16")
