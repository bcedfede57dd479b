"""The pages of the lessons: who may see them, and what they show of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from live import topics
from monitor.lessons import state
from monitor.lessons.registry import NAMES
from monitor.lessons.results import Bar, Columns, Result, Table, Text, Timeline
from monitor.lessons.state import State
from monitor.topics import lesson_event

PAGES = ["/lessons/", *(f"/lessons/{name}/" for name in NAMES)]
RESULT = Result(
    figure=Text("%(count)d tasks", {"count": 6}),
    timelines=[Timeline(Text("Tasks"), [Bar("w1", "S1", 0, 1, "short"), Bar("w1", "S2", 0.5, 1, "waiting")])],
    columns=[Columns(Text("Depth"), "", [("0 s", 6), ("1 s", 0)])],
    tables=[Table(Text("Table"), [Text("A"), Text("B")], [["<b>", Text("%(n)d s", {"n": 1})]])],
    texts=[(Text("Output"), "<script>")],
)


@pytest.fixture(autouse=True)
def development(settings: Settings, tmp_path: Path) -> None:
    settings.DEBUG, settings.DATA_DIR = True, tmp_path


@pytest.fixture
def staff_client(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_only_staff_sees_the_lessons_and_runs_them(path: str, client: Client, mina: User, staff_client: Client) -> None:
    assert client.get(path)["Location"].startswith("/accounts/login/")
    assert client.post(path).status_code in (302, 405)
    client.force_login(mina)
    assert client.get(path).status_code == 403
    assert client.post(path).status_code in (403, 405)
    assert staff_client.get(path).status_code == 200
    assert not state.is_any_running()


@pytest.mark.parametrize("path", PAGES)
def test_a_production_site_has_no_lessons(path: str, staff_client: Client, settings: Settings) -> None:
    settings.DEBUG = False
    assert staff_client.get(path).status_code == 404
    assert staff_client.post(path).status_code in (404, 405)
    assert b"/lessons/" not in staff_client.get("/").content


def test_staff_finds_them_in_the_account_menu(staff_client: Client, client: Client, mina: User) -> None:
    assert b'href="/lessons/"' in staff_client.get("/").content
    client.force_login(mina)
    assert b'href="/lessons/"' not in client.get("/").content


def test_a_lesson_that_does_not_exist_is_not_found(staff_client: Client) -> None:
    assert staff_client.get("/lessons/no-such-lesson/").status_code == 404
    assert staff_client.post("/lessons/no-such-lesson/").status_code == 404


def test_a_result_is_shown_with_charts_and_their_data_as_tables(staff_client: Client) -> None:
    state.write("prefetch", State(state.DONE, result=RESULT))
    assert state.read("prefetch").result == RESULT
    page = staff_client.get("/lessons/prefetch/").content.decode()
    assert page.count('role="img"') == 2
    assert "6 tasks" in page
    assert "<td>0.50 s</td><td>1.00 s</td>" in page
    assert '<th scope="row">&lt;b&gt;</th><td>1 s</td>' in page
    assert "&lt;script&gt;" in page
    assert "6 tasks" in staff_client.get("/lessons/").content.decode()


def test_while_it_runs_the_page_says_what_happens_and_reloads_itself_without_javascript(staff_client: Client) -> None:
    with state.lock():
        state.write("prefetch", State(state.RUNNING, reports=[Text("Starting"), Text("Counting to %(n)d", {"n": 3})]))
        page = staff_client.get("/lessons/prefetch/").content.decode()
        assert "Counting to 3" in page
        assert '<noscript><meta http-equiv="refresh"' in page
        assert 'data-lesson="running"' in page
    assert '<noscript><meta http-equiv="refresh"' not in staff_client.get("/lessons/prefetch/").content.decode()


def test_a_lesson_whose_process_has_gone_has_failed(staff_client: Client) -> None:
    state.write("prefetch", State(state.RUNNING))
    page = staff_client.get("/lessons/prefetch/").content.decode()
    assert "The lesson was stopped before its end." in page
    assert ">Run</button>" in page


def test_one_lesson_runs_at_a_time(staff_client: Client) -> None:
    with state.lock():
        response = staff_client.post("/lessons/prefetch/", follow=True)
        assert response.redirect_chain == [("/lessons/prefetch/", 303)]
        assert "Another lesson is running." in response.content.decode()
    assert state.read("prefetch").status == state.NEW


def test_a_file_that_cannot_be_read_counts_as_no_run(staff_client: Client) -> None:
    for content in (
        "{",
        '{"status": "done"}',
        '{"status": "done", "version": 1, "reports": [], "result": {"figure": 1}}',
    ):
        (state.folder() / "prefetch.json").write_text(content)
        assert state.read("prefetch") == State()


def test_each_change_has_a_higher_version_and_only_staff_may_watch_it(mina: User, staff: User) -> None:
    state.write("prefetch", State(state.DONE))
    before = lesson_event("prefetch").version
    state.write("prefetch", State(state.DONE))
    assert lesson_event("prefetch").version > before > 0
    assert [event.topic for event in topics.snapshot(["lessons.prefetch", "lessons.x"])] == ["lessons.prefetch"]
    topics.permit(f"u{staff.pk}", ["lessons.prefetch"])
    for visitor in (None, f"u{mina.pk}"):
        with pytest.raises(topics.Refused):
            topics.permit(visitor, ["lessons.prefetch"])
