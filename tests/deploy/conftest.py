from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.all_running():
        yield site
