from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data_care.sites import POSTGRES, Site, new_site


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the demo content, in the database of the suite. Tests only read it."""
    with new_site(tmp_path_factory.mktemp("filled") / "data", postgres=bool(POSTGRES)) as site:
        site("prepare")
        yield site


@pytest.fixture(scope="session")
def saved(filled: Site) -> Path:
    """A backup of it."""
    return Path(filled("backup").rpartition(" (")[0])


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Site]:
    """Another site, with an empty database."""
    with new_site(tmp_path / "other", postgres=bool(POSTGRES)) as site:
        yield site
