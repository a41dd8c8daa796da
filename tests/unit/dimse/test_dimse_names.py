"""UIDs, AE titles, statuses, limits: the small facts."""

from __future__ import annotations

import enum

import pytest
from pydicom._uid_dict import UID_dictionary
from pynetdicom import status as their_status

from causeway.dimse import (
    Category,
    FindStatus,
    GetStatus,
    Limits,
    MoveStatus,
    Status,
    StoreStatus,
    category,
    describe,
    is_storage_class,
    is_valid_uid,
    same_ae_title,
)
from causeway.dimse.names import ae_title_from_bytes, ae_title_to_bytes, uid_from_bytes

NOT_INSTANCES = ("Storage Commitment", "Media Storage Directory", "Media Creation")


@pytest.mark.parametrize(
    "uid", [uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and entry[0]]
)
def test_storage_classes_of_the_standard(uid: str) -> None:
    """Against pydicom's copy of PS3.6 table A-1."""
    name = UID_dictionary[uid][0]
    stores = "Storage" in name and not name.startswith(NOT_INSTANCES)
    assert is_storage_class(uid) is stores, name


@pytest.mark.parametrize("uid", ["1.3.12.2.1107.5.9.1", "1.2.840.113619.4.26", "nonsense"])
def test_private_classes_may_be_stored(uid: str) -> None:
    assert is_storage_class(uid)


@pytest.mark.parametrize(
    "uid", ["", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.1.2"]
)
def test_what_is_not_stored(uid: str) -> None:
    assert not is_storage_class(uid)


@pytest.mark.parametrize(
    ("uid", "valid"),
    [
        ("1.2.840.10008.1.1", True),
        ("0.0", True),
        ("2.25." + "9" * 59, True),
        ("2.25." + "9" * 60, False),
        ("1", True),
        ("", False),
        ("1.", False),
        (".1", False),
        ("1..2", False),
        ("1.02", False),
        ("1.2 ", False),
        ("1.2\0", False),
        ("1.2\n", False),
        ("1.a", False),
        ("1.\u0662", False),
        ("../etc/passwd", False),
    ],
)
def test_uids(uid: str, valid: bool) -> None:
    assert is_valid_uid(uid) is valid


def test_what_pads_a_uid_goes() -> None:
    assert (
        uid_from_bytes(b"1.2\0") == uid_from_bytes(b"1.2 ") == uid_from_bytes(b"1.2 \0 ") == "1.2"
    )
    assert uid_from_bytes(b" 1.2") == " 1.2", "not padding: the service shall see it"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CT1", "CT1", True),
        (" CT1 ", "CT1", True),
        ("CT1\0\0", "CT1  ", True),
        ("CT1", "ct1", False),
        ("C T", "CT", False),
        ("\tCT1", "CT1", False),
        ("CT\x001", "CT1", False),
    ],
)
def test_titles_are_compared_as_the_standard_says(one: str, other: str, same: bool) -> None:
    assert same_ae_title(one, other) is same


def test_every_title_goes_round() -> None:
    for value in range(256):
        title = f"A{chr(value)}B"
        assert ae_title_from_bytes(ae_title_to_bytes(title)) == title
    with pytest.raises(ValueError, match="16"):
        ae_title_to_bytes("A" * 17)


SERVICES: dict[type[enum.IntEnum], dict[int, tuple[str, str]]] = {
    StoreStatus: their_status.STORAGE_SERVICE_CLASS_STATUS,
    FindStatus: their_status.QR_FIND_SERVICE_CLASS_STATUS,
    MoveStatus: their_status.QR_MOVE_SERVICE_CLASS_STATUS,
    GetStatus: their_status.QR_GET_SERVICE_CLASS_STATUS,
}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
def test_statuses_are_in_the_category_that_others_put_them_in(
    service: type[enum.IntEnum],
) -> None:
    for status in service:
        assert category(status).value == SERVICES[service][status][0].lower()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
def test_every_status_of_a_service_is_known(service: type[enum.IntEnum]) -> None:
    for status, (their_category, _) in SERVICES[service].items():
        assert category(status).value == their_category.lower(), hex(status)
        text = describe(status, service)
        assert text.startswith(f"0x{status:04X} ")


def test_general_statuses() -> None:
    for status, (their_category, _) in their_status.GENERAL_STATUS.items():
        if status == 0xFE00 or status in (0x0107, 0x0116, 0x0001):
            continue
        assert category(status).value == their_category.lower(), hex(status)
    assert category(0x0001) is Category.WARNING
    assert category(0xB123) is Category.WARNING
    assert category(0xFFFF) is category(0x1234) is category(0xFE01) is Category.FAILURE


@pytest.mark.parametrize(
    ("status", "names", "text"),
    [
        (0x0000, StoreStatus, "0x0000 success"),
        (0xA700, StoreStatus, "0xA700 out of resources"),
        (0xA7AB, StoreStatus, "0xA7AB out of resources"),
        (0xC123, StoreStatus, "0xC123 cannot understand"),
        (0xC123, FindStatus, "0xC123 unable to process"),
        (0x0211, StoreStatus, "0x0211 unrecognized operation"),
        (0xB000, GetStatus, "0xB000 suboperations complete with failures"),
        (0xB0FF, StoreStatus, "0xB0FF warning"),
        (0x4242, StoreStatus, "0x4242 failure"),
        (Status.PENDING, FindStatus, "0xFF00 pending"),
    ],
)
def test_a_status_for_people(status: int, names: type[enum.IntEnum], text: str) -> None:
    assert describe(status, names) == text


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_pdu_length": 100},
        {"max_pdu_length": 1 << 30},
        {"max_sent_pdu_length": 100},
        {"initial_buffer": 10},
        {"max_held_bytes": 131_072},
        {"max_associate_length": 100},
        {"max_command_length": 100},
        {"max_contexts": 0},
        {"max_transfer_syntaxes": 0},
        {"max_user_items": 0},
        {"max_outstanding": 0},
        {"max_held_fragments": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_limits_that_could_not_work(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        Limits(**wrong)
