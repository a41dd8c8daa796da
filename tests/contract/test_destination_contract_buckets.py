"""What is asked of a bucket that cannot be trusted before anything is put into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from world_buckets import AzureWorld, BucketWorld, S3World
from world_gcs import GcsWorld

from causeway.testing.delivering import Parcel, bring
from causeway.testing.forwarding import Forwarded, Trouble
from causeway.testing.site import Image


class UntrustedS3(S3World):
    is_trusted = False


@pytest.fixture(params=[UntrustedS3, AzureWorld, GcsWorld])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BucketWorld]:
    made: BucketWorld = request.param(tmp_path)
    yield made
    made.close()


def lists(request: Forwarded) -> bool:
    return request.method == "GET" and any(
        word in request.target for word in ("list-type=2", "comp=list")
    )


def heads(world: BucketWorld) -> int:
    return len(world.forwarder.asked("HEAD"))


def test_one_list_tells_what_stands_under_the_keys_of_a_batch(world: BucketWorld) -> None:
    parcel = Parcel([Image(number=n) for n in range(1, 9)])
    bring(world.destination(), parcel)
    assert dict(world.holds()) == parcel.data_sets
    assert len([one for one in world.forwarder.requests if lists(one)]) == 1
    assert heads(world) == 0


def test_what_a_list_names_is_compared_and_left_as_it_is(world: BucketWorld) -> None:
    parcel = Parcel([Image(number=n) for n in range(1, 9)])
    world.put(world.key(parcel), b"somebody else's")
    ended = bring(world.destination(), parcel)
    assert ended.refused is not None
    assert ended.refused.count == 1
    assert world.objects()[world.key(parcel)] == b"somebody else's"
    assert heads(world) == 1


@pytest.mark.parametrize("status", [403, 501])
def test_where_lists_are_not_given_each_object_is_asked_for(
    world: BucketWorld, status: int
) -> None:
    denied = Trouble(status=status, body=world.error("AccessDenied"), fits=lists)
    world.forwarder.troubles.append(denied)
    parcel = Parcel([Image(number=n) for n in range(1, 9)])
    world.put(world.key(parcel), b"somebody else's")
    ended = bring(world.destination(), parcel)
    assert ended.refused is not None
    assert world.objects()[world.key(parcel)] == b"somebody else's"
    assert heads(world) == 8
    assert len(world.holds()) == 8


def test_more_keys_than_are_worth_their_pages_are_asked_for_one_by_one(tmp_path: Path) -> None:
    world = GcsWorld(tmp_path)
    try:
        parcel = Parcel([Image(number=n) for n in range(1, 4)])
        folder = world.key(parcel).rpartition("/")[0]
        for number in range(1001):
            world.put(f"{folder}/{number}", b"")
        bring(world.destination(), parcel)
        assert heads(world) == 3
        assert dict(world.holds()) == parcel.data_sets
    finally:
        world.close()
