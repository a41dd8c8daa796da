"""Structured log events on standard error, free of patient data by construction.

An event is an action name and fields, never a sentence made of values. Each field is declared in
``fields``; what is not declared is left out, and its name is reported, so that the omission is seen
and its value is not. Two more ways by which a patient's data reach a log are closed here: text of
exceptions (a library quotes what it could not parse) and text that libraries log or warn about.
From an exception of ours the message is written, which by the rule of ``errors`` carries no patient
data; from any other, its type, its errno and the innermost line of our own code.

A line is written by one ``write`` call, so lines of several processes do not mix.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, TextIO

import structlog

from causeway.errors import CausewayError
from causeway.observe.fields import FIELDS, Sentence, fit

Level = Literal["debug", "info", "warning", "error"]
_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_EVENT = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_OURS = str(Path(__file__).resolve().parents[1])


class Emit(Protocol):
    """How a part says that something happened."""

    def __call__(self, event: str, /, *, level: object = None, **fields: object) -> None: ...


_USUAL_LEVELS: dict[str, Level] = {
    "crashed": "error",
    "dead": "error",
    "failed": "error",
    "lost": "warning",
    "quarantined": "warning",
    "refused": "warning",
}


def usual_level(event: str) -> Level:
    """How severe an event is if its emitter does not say: by its last word."""
    return _USUAL_LEVELS.get(event.rpartition(".")[2], "info")


def emit(event: str, /, *, level: object = None, **fields: object) -> None:
    """Write one event to the log that ``configure_logs`` set up.

    ``level`` is a ``Level``; its type is as wide as that of fields, so that this fits the plain
    ``Emit`` of parts which know no levels. Anything else counts as not said.

    The value of any field may be an exception; what may be said of it is written.
    """
    method = level if isinstance(level, str) and level in _LEVELS else usual_level(event)
    getattr(structlog.get_logger(), method)(event, **fields)


def bound(emit: Emit, **constant: object) -> Emit:
    """The same, with fields that each of its events has: ``bound(emit, process="receiver")``."""

    def emit_bound(event: str, /, *, level: object = None, **fields: object) -> None:
        emit(event, level=level, **{**constant, **fields})

    return emit_bound


def failure(error: BaseException) -> dict[str, object]:
    """What may be said of an exception, as fields of an event."""
    if isinstance(error, CausewayError):
        said: dict[str, object] = {"error": Sentence(error.message)}
        if error.hint:
            said["hint"] = Sentence(error.hint)
        return said
    said = {"error": Sentence(_type_of(error))}
    where = _innermost_line_of_ours(error.__traceback__)
    if where:
        said["where"] = where
    return said


def _type_of(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} {errno.errorcode.get(error.errno, error.errno)}"
    return name


def _innermost_line_of_ours(tb: TracebackType | None) -> str:
    frames = [
        f"{Path(frame.filename).relative_to(_OURS)}:{frame.lineno}"
        for frame in traceback.extract_tb(tb)
        if frame.filename.startswith(_OURS)
    ]
    return frames[-1] if frames else ""


# --- the processors ----------------------------------------------------------------------------

Event = MutableMapping[str, Any]
_KEPT = ("event", "level", "timestamp")


def clean(_logger: object, _method: str, event: Event) -> Event:
    """Keep what is declared and fits; say which names were left out."""
    name = event["event"]
    kept: Event = {
        "timestamp": event.get("timestamp", ""),
        "level": event.get("level", "info"),
        "event": name if isinstance(name, str) and _EVENT.fullmatch(name) else "unnamed",
    }
    undeclared = []
    for key, value in event.items():
        if key in _KEPT or value is None or value == "":
            continue
        if isinstance(value, BaseException):
            kept.update({k: fit(FIELDS[k].kind, v) for k, v in failure(value).items()})
        elif key in FIELDS:
            kept[key] = fit(FIELDS[key].kind, value)
        elif re.fullmatch(r"[a-z_]{1,40}", key):
            undeclared.append(key)
    if undeclared:
        kept["undeclared"] = " ".join(sorted(undeclared))
    return kept


# --- setting up --------------------------------------------------------------------------------


class _Lines:
    """Where lines go: a file descriptor or a stream, a whole line at a time."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        try:
            if self._stream is None:
                os.write(2, f"{line}\n".encode("utf-8", "backslashreplace"))
            else:
                with self._lock:
                    self._stream.write(f"{line}\n")
                    self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads standard error any more. Receiving goes on all the same.
            return

    debug = info = warning = error = msg = write


def configure_logs(
    *,
    level: Level = "info",
    format: Literal["console", "json"] = "console",  # noqa: A002  (the setting's name)
    stream: TextIO | None = None,
    colours: bool | None = None,
    capture: bool = True,
) -> None:
    """Send events to standard error, or to ``stream``; once in each process.

    With ``capture``, what libraries log or warn about and what nobody caught comes as events too,
    reduced to what may be said of it.
    """
    if colours is None:
        colours = (stream or sys.stderr).isatty() and "NO_COLOR" not in os.environ
    renderer: structlog.types.Processor
    timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if format == "json":
        renderer = structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False, pad_event_to=28)
        timestamp = structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False)
    lines = _Lines(stream)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            timestamp,
            clean,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    if capture:
        _capture()


def _capture() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Foreign)]:
        root.removeHandler(handler)
    root.addHandler(_Foreign(level=logging.WARNING))
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class _Foreign(logging.Handler):
    """Log records of libraries: their logger's name and level, never their text.

    pydicom, for one, quotes the values that it complains about.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        error = record.exc_info[1] if record.exc_info else None
        emit("library.log", level=level, library=record.name, error=error)


def _warned(
    message: Warning | str,  # noqa: ARG001  (it may quote a data set)
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    emit(
        "library.warning",
        level="debug",
        error=Sentence(category.__name__),
        where=f"{Path(filename).name}:{lineno}",
    )


def _uncaught(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    emit("process.crashed", error=error.with_traceback(tb))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        emit("thread.crashed", error=args.exc_value)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        emit("process.unraisable", level="error", error=args.exc_value)
