"""Object stores that all tests of this folder share: started when the first asks, ended at exit."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from causeway.testing import buckets
from causeway.testing.buckets import BucketServer

_RUNNING = contextlib.ExitStack()
_NUMBERS = itertools.count(1)


@cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="causeway-stores-"))
    _RUNNING.callback(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def server(name: str) -> BucketServer:
    """Swift, rclone or moto."""
    made: BucketServer = _RUNNING.enter_context(_starting(name))
    return made


@cache
def azurite(*containers: str) -> str:
    need("azurite-blob")
    return str(_RUNNING.enter_context(buckets.azurite(folder() / "azurite", *containers)))


def _starting(name: str) -> Any:
    place = folder() / name
    match name:
        case "swift":
            need("swift-proxy-server")
            return buckets.swift(place)
        case "rclone":
            need("rclone")
            place.mkdir()
            return buckets.rclone(place)
        case "moto":
            need("moto_server")
            return buckets.moto()
    raise ValueError(name)


def need(program: str) -> None:
    try:
        buckets.peer(program)
    except LookupError as error:
        if os.environ.get("CAUSEWAY_REQUIRE_PEERS") == "1":
            pytest.fail(f"CAUSEWAY_REQUIRE_PEERS is set, and {error}", pytrace=False)
        pytest.skip(str(error))


def new_bucket(of: BucketServer) -> str:
    name = f"images-{os.getpid()}-{next(_NUMBERS)}"
    of.client().create_bucket(Bucket=name)
    return name


atexit.register(_RUNNING.close)
