"""What a log line may hold. Patient data have no way in: as a field, as text, by an exception."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from causeway.errors import OutOfSpace
from causeway.observe import FIELDS, Kind, bound, configure_logs, emit
from causeway.observe.fields import UNFIT, fit
from causeway.testing.planted import Planted
from causeway.values import Disposition


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    handlers = list(logging.getLogger().handlers)
    stream = io.StringIO()
    configure_logs(level="debug", format="json", stream=stream)
    yield stream
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


def last(log: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(log.getvalue().splitlines()[-1])
    return line


def test_an_event_is_one_line_of_json(log: io.StringIO) -> None:
    emit("association.accepted", association="a-1", source="ct1", bytes=7, seconds=0.12345)
    line = last(log)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "association.accepted",
        "association": "a-1",
        "source": "ct1",
        "bytes": 7,
        "seconds": 0.123,
    }


def test_a_field_that_is_not_declared_is_left_out_and_named(log: io.StringIO) -> None:
    emit("object.stored", patient_name="Doe^Jane", series=3)
    assert last(log)["undeclared"] == "patient_name"
    assert last(log)["series"] == 3
    assert "Doe" not in log.getvalue()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", "Doe^Jane"),
        ("reason", "19700131"),
        ("reason", "born 19700131"),
        ("state", "DOE"),
        ("association", "1.2.840.113619.2.1.1"),
        ("series", "Doe"),
        ("seconds", "1970-01-31"),
        ("source", "Jane Doe"),
        ("address", "doe.example"),
        ("status", 0x1A700),
        ("hint", "Doe^Jane"),
        ("error", "Doe^Jane"),
        ("error", "Doe"),
        ("detail", "Doe^Jane"),
        ("detail", "born 19700131"),
        ("detail", "in 1.2.840.113619.2.1"),
        ("undeclared", "Doe"),
        ("reasons", "Doe"),
        ("version", "Doe^Jane"),
        ("bytes", [1]),
    ],
)
def test_a_value_that_does_not_fit_is_not_written(
    log: io.StringIO, field: str, value: object
) -> None:
    emit("object.stored", **{field: value})
    assert last(log)[field] == UNFIT


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        ("reason", "address not listed", "address not listed"),
        ("reason", Disposition.ON_ITS_WAY, "on its way"),
        ("reason", "no-study-uid", "no-study-uid"),
        ("process", "receiver-1", "receiver-1"),
        ("error", "ConnectionResetError", "ConnectionResetError"),
        (
            "detail",
            "a PDU of 2147483647 bytes, over 131072",
            "a PDU of 2147483647 bytes, over 131072",
        ),
        ("reasons", {"at limit": 2, "Doe": 1}, {"at limit": 2, UNFIT: 1}),
        ("status", 0xA700, "A700"),
        ("address", "10.1.2.3:104", "10.1.2.3:104"),
        ("address", "::1", "::1"),
        ("calling_ae", "CT1\r\nevil = line long", "CT1??evil = line"),
        ("sop_class", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2"),
        ("sop_class", "1.3.12.2.1107.5.9.1", "private"),
        ("record", "seg-000001-a4@4096", "seg-000001-a4@4096"),
    ],
)
def test_a_value_that_fits(log: io.StringIO, field: str, value: object, written: object) -> None:
    emit("object.stored", **{field: value})
    assert last(log)[field] == written


def test_an_event_name_is_a_name(log: io.StringIO) -> None:
    emit("stored Doe^Jane")
    assert last(log)["event"] == "unnamed"


def test_an_error_of_ours_says_its_message(log: io.StringIO) -> None:
    emit("object.failed", error=OutOfSpace("no room in the spool", hint="free some"))
    assert last(log)["error"] == "no room in the spool"
    assert last(log)["hint"] == "free some"
    assert last(log)["level"] == "error"


def test_an_error_of_others_says_its_kind_and_where(log: io.StringIO) -> None:
    try:
        fit(Kind.COUNTS, {1: _Explosive()})
    except ValueError as error:
        emit("object.failed", error=error)
    assert last(log)["error"] == "ValueError"
    assert last(log)["where"].startswith("observe/fields.py:")
    try:
        open("/Doe^Jane")  # noqa: SIM115
    except OSError as error:
        emit("object.failed", error=error)
    assert last(log)["error"] == "FileNotFoundError ENOENT"
    assert "Jane" not in log.getvalue()


class _Explosive:
    @property
    def __class__(self) -> type:
        raise ValueError("Doe^Jane")


def test_what_libraries_say_is_reduced(log: io.StringIO) -> None:
    logging.getLogger("pydicom").warning("invalid value %s", "Doe^Jane")
    assert last(log)["library"] == "pydicom"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings puts Python's own printer in place; the hook is what runs outside of it.
        configure_logs(level="debug", format="json", stream=log)
        warnings.warn("invalid value Doe^Jane", stacklevel=1)
    assert last(log)["event"] == "library.warning"
    assert "Doe" not in log.getvalue()


def test_what_nobody_caught_is_reduced(log: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError("Doe^Jane")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert last(log)["event"] == "thread.crashed"
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert last(log)["event"] == "process.crashed"
    assert "Doe" not in log.getvalue()


def test_levels(log: io.StringIO) -> None:
    configure_logs(level="warning", format="json", stream=log)
    emit("association.accepted")
    assert log.getvalue() == ""
    emit("associations.refused")
    assert last(log)["level"] == "warning"
    emit("association.accepted", level="error")
    assert last(log)["level"] == "error"


def test_fields_can_be_bound(log: io.StringIO) -> None:
    bound(emit, process="receiver")("association.accepted", series=1)
    assert last(log)["process"] == "receiver"
    assert last(log)["series"] == 1


def test_the_console_form_has_no_colours_when_told_so() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream, capture=False)
    emit("series.complete", series=12, reason="quiet")
    structlog.reset_defaults()
    assert "series.complete" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_reader_that_went_away_does_not_matter() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    configure_logs(stream=Gone(), capture=False)
    emit("series.complete")
    structlog.reset_defaults()


def test_no_declared_field_lets_a_planted_patient_through(log: io.StringIO) -> None:
    planted = Planted.of(seed=1)
    open_kinds = {Kind.DETAIL, Kind.PLACE, Kind.AE, Kind.NAME, Kind.TOKEN, Kind.VERSION}
    for name, field in FIELDS.items():
        if field.kind in open_kinds:
            continue  # their values come from the configuration, the peer's own name, or from us
        for _, form in planted.forms():
            emit("object.stored", **{name: form})
    for _, form in planted.forms():
        emit("object.stored", **{form: form, "reason": ValueError(form)})
        emit(form)
    assert log.getvalue()
    assert planted.leaks(log.getvalue()) == []
