"""The code of docs/extending.md runs as it stands there. tests/e2e/test_extending.py looks at its page in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.files import files_in
from tests.docs.site import APP, FILES, NOTIFICATION, SECTIONS, TRANSPORT, Site
from tests.live import ROOT

TASKS = """
from project.celery import app
app.loader.import_default_modules()
print(*app.tasks, *app.conf.beat_schedule, sep="\\n")
"""
MAX_APP_LINES = 60  # that are not blank, with the template and the test


@pytest.mark.timeout(600)  # it starts Python a dozen times, beside the other suites
def test_every_example_runs_as_it_stands_in_the_document(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(FILES)
    app_tests = site.write(APP)
    assert "Create model Poll" in site.run("manage.py", "makemigrations", "polls")
    site.run("manage.py", "migrate", "--verbosity", "0")
    assert {"polls.tasks.count_votes", "count votes"} <= set(site.run("-c", TASKS).splitlines())
    site.run_tests(*app_tests)
    site.run_tests(*app_tests, *site.write(NOTIFICATION), *site.write(TRANSPORT))
    site.run("manage.py", "makemigrations", "--check")


def test_the_app_is_short() -> None:
    assert sum(file.code_lines for file in files_in(SECTIONS[APP])) <= MAX_APP_LINES


def test_every_block_of_python_is_a_file_that_is_written() -> None:
    text = (ROOT / "docs/extending.md").read_text()
    assert text.count("```python\n") == sum(file.path.endswith(".py") for file in files_in(text))
