"""Every text has a Korean one, and what is compiled is what is written."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from project import messages


def test_the_catalogue_has_every_text_of_the_code() -> None:
    in_code = {message.id for message in messages.found() if message.id}
    assert len(in_code) > 40
    assert in_code - {message.id for message in messages.read()} == set(), "run: make messages"


def test_every_text_is_translated_with_the_same_placeholders() -> None:
    catalogue = messages.read()
    assert messages.missing(catalogue) == []
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            holes = r"%\(\w+\)[sd]|\{\w+\}"
            assert set(re.findall(holes, message.id)) == set(re.findall(holes, str(message.string))), message.id


def test_the_compiled_catalogue_is_in_step() -> None:
    assert messages.CATALOGUE.with_suffix(".mo").read_bytes() == messages.compiled(messages.read()), (
        "run: make messages"
    )


@pytest.mark.django_db
def test_the_language_follows_the_browser_and_the_choice(client: Client) -> None:
    assert 'lang="en"' in client.get("/").content.decode()
    assert "본문으로 건너뛰기" in client.get("/", headers={"accept-language": "ko"}).content.decode()
    client.post("/i18n/setlang/", {"language": "ko", "next": "/"})
    assert 'lang="ko"' in client.get("/").content.decode()


@pytest.mark.django_db
def test_a_refusal_is_said_in_the_visitors_language(client: Client) -> None:
    response = client.post("/posts/1/like/", {"liked": "1"}, headers={"accept-language": "ko"})
    assert response.content.decode() == "삭제된 글입니다."
