"""Batches within bounds, several at a time; and AWS's signature over what goes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_support import instance

from causeway.destinations.contract import Instance, Takes
from causeway.destinations.http import in_memory
from causeway.destinations.http.signature import AwsSignature
from causeway.destinations.stow.batches import batches, side_by_side

POOL = [instance(n, size=10 * n) for n in range(1, 41)]


@given(
    st.lists(st.sampled_from(POOL), max_size=60),
    st.integers(0, 20),
    st.integers(0, 20_000),
    st.integers(1, 8),
)
def test_all_go_once_within_bounds_and_no_uid_twice_in_one(
    chosen: list[Instance], count: int, size: int, at_once: int
) -> None:
    made = list(batches(chosen, most=Takes(instances=count, bytes=size), at_once=at_once))
    assert sorted(e.id for batch in made for e in batch) == sorted(e.id for e in chosen)
    for batch in made:
        assert batch
        assert len({each.sop_instance_uid for each in batch}) == len(batch)
        assert not count or len(batch) <= count
        assert not size or len(batch) == 1 or sum(each.size for each in batch) <= size


def test_what_one_raises_is_raised_after_what_the_others_brought() -> None:
    together = threading.Barrier(3)

    def work(item: int) -> Iterator[int]:
        together.wait(10)
        if item == 1:
            raise KeyError(item)
        yield item

    found: list[int] = []

    def gather() -> None:
        for each in side_by_side(work, [0, 1, 2], at_once=3):
            found.append(each)  # noqa: PERF402 - what came before it raised counts

    with pytest.raises(KeyError):
        gather()
    assert sorted(found) == [0, 2]
    given_back = side_by_side(lambda n: (n,), [1, 2], at_once=1)
    assert list(given_back) == [1, 2]


def test_a_signature_covers_the_body_and_keeps_the_key_to_itself() -> None:
    pytest.importorskip("botocore")
    signing = AwsSignature(
        service="medical-imaging", region="eu-west-1", access_key=lambda: "AKIDEXAMPLE",
        secret_key=lambda: "wJalrXUtnFEMI",
    )  # fmt: skip
    url = "https://dicom-medical-imaging.eu-west-1.amazonaws.com/datastore/0/studies"
    body = in_memory(b"images", "application/dicom")
    headers = signing.headers("POST", url, body)
    assert headers["x-amz-content-sha256"] == hashlib.sha256(b"images").hexdigest()
    scope = "/eu-west-1/medical-imaging/aws4_request"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert scope in headers["authorization"]
    assert "wJalrXUtnFEMI" not in repr(signing) + str(headers)
    other = signing.headers("POST", url, in_memory(b"others", "application/dicom"))
    assert other["authorization"] != headers["authorization"]
    assert signing.headers("GET", url, None)["x-amz-content-sha256"] == hashlib.sha256().hexdigest()
