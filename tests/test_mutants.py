"""The list of mistakes stays in step with the code."""

from __future__ import annotations

import pytest

from tests.live import ROOT
from tests.mutants import Mutant, mutants


@pytest.mark.parametrize("mutant", mutants(), ids=[mutant.what for mutant in mutants()])
def test_the_text_that_a_mistake_replaces_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert mutant.database in ("", "postgres")
    assert all((ROOT / test.split("::")[0]).exists() for test in mutant.tests if test.startswith("tests/"))
