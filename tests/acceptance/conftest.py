"""A site for each test; whatever still runs at its end is killed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acceptance_site import Site


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(**settings: object) -> Site:
        folder = tmp_path / f"site{len(sites)}"
        folder.mkdir()
        sites.append(Site(folder, **settings))  # type: ignore[arg-type]
        return sites[-1]

    yield make
    for site in sites:
        if site.process is not None and site.process.poll() is None:
            site.kill_tree()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
