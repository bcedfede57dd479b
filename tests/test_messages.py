"""Every text has a Korean translation, and the compiled catalogue is up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.test import Client

from tests.live import ROOT

CATALOGUE = ROOT / "project/locale/ko/LC_MESSAGES/django.po"
PLACEHOLDER = r"%\(\w+\)[sd]|\{\w+\}"
IGNORED = shutil.ignore_patterns(".*", "bench", "data", "docs", "node_modules", "staticfiles", "tests")


def test_every_text_is_translated_with_the_same_placeholders() -> None:
    catalogue = polib.pofile(str(CATALOGUE))
    assert len(catalogue) > 40
    assert [entry.msgid for entry in catalogue if not entry.translated()] == []
    for entry in catalogue:
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            english = entry.msgid_plural or entry.msgid
            assert not text or set(re.findall(PLACEHOLDER, english)) == set(re.findall(PLACEHOLDER, text)), entry.msgid


def test_the_compiled_catalogue_is_up_to_date() -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert texts(compiled) == texts(polib.pofile(str(CATALOGUE))), "run: make messages"


def texts(catalogue: polib.POFile | polib.MOFile) -> set[tuple[str | None, str, str, tuple[str, ...]]]:
    return {(each.msgctxt, each.msgid, each.msgstr, tuple(each.msgstr_plural.values())) for each in catalogue}


def test_the_catalogue_has_the_texts_of_the_code_and_no_others(tmp_path: Path) -> None:
    if not shutil.which("msgmerge") and not os.environ.get("CI"):
        pytest.skip("no gettext on this machine")
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=IGNORED)
    options = re.findall(r"makemessages (.+)", (ROOT / "Makefile").read_text())[0].split()
    subprocess.run([sys.executable, "manage.py", "makemessages", *options], cwd=copy, check=True, capture_output=True)
    made = polib.pofile(str(copy / CATALOGUE.relative_to(ROOT)))
    assert texts(made) == texts(polib.pofile(str(CATALOGUE))), "run: make messages"


@pytest.mark.django_db
def test_the_language_follows_the_browser_and_the_choice(client: Client) -> None:
    assert 'lang="en"' in client.get("/").content.decode()
    assert "본문으로 건너뛰기" in client.get("/", headers={"accept-language": "ko"}).content.decode()
    client.post("/i18n/setlang/", {"language": "ko", "next": "/"})
    assert 'lang="ko"' in client.get("/").content.decode()


@pytest.mark.django_db
def test_an_error_is_in_the_language_of_the_visitor(client: Client) -> None:
    response = client.post("/posts/1/like/", {"liked": "1"}, headers={"accept-language": "ko"})
    assert response.content.decode() == "삭제된 글입니다."
