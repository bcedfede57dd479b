"""The lesson that sends an Alimtalk, and the stand-in that gets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from monitor.lessons import kakao
from monitor.lessons.kakao_server import APP_KEY, PATH, SECRET_KEY, SENDER_KEY, TEMPLATE_CODE, KakaoServer
from tests.monitor.lessons import silent

VALUES = {"title": "Likes", "text": "새 의견이 1개 도착했습니다", "count": "1", "url": "http://x/inbox/"}
BODY: dict[str, Any] = {
    "senderKey": SENDER_KEY,
    "templateCode": TEMPLATE_CODE,
    "recipientList": [{"recipientNo": "01012345678", "templateParameter": VALUES}],
}


def test_the_visitor_does_not_wait_for_the_api_and_the_phone_shows_the_alimtalk() -> None:
    result = kakao.run(silent)
    [timeline] = result.timelines
    web, worker = timeline.bars
    assert worker.end - worker.start >= kakao.SECONDS
    assert web.end < worker.end, "the request did not wait"
    [alimtalk] = result.alimtalks
    assert alimtalk.sender == "레드하트" and alimtalk.to == kakao.PHONE
    assert "새 의견이 1개 도착했습니다" in alimtalk.text and "#{" not in alimtalk.text
    assert alimtalk.url.endswith("/inbox/")
    body, response, printed = (text for _, text in result.texts)
    assert '"senderKey": "lesson-sender"' in body and '"isSuccessful": true' in response
    assert "send_message" in printed and "succeeded in 2." in printed


@pytest.fixture
def server() -> Iterator[KakaoServer]:
    with KakaoServer(seconds=0) as running:
        yield running


def post(server: KakaoServer, body: Any = BODY, path: str = PATH, **headers: str) -> dict[str, Any]:
    defaults = {"X-Secret-Key": SECRET_KEY, "Content-Type": "application/json;charset=UTF-8"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response: dict[str, Any] = requests.post(server.url + path, json=body, headers=defaults | named, timeout=10).json()
    return response


def test_the_stand_in_accepts_a_correct_request_and_fills_in_the_template(server: KakaoServer) -> None:
    response = post(server)
    assert response["header"] == {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}
    assert response["message"]["sendResults"][0]["resultCode"] == 0
    [call] = server.calls
    assert call.alimtalks[0].text.startswith(VALUES["text"]) and call.alimtalks[0].url == VALUES["url"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"path": PATH.replace(APP_KEY, "other")}, -1000),
        ({"X_Secret_Key": "other"}, -1001),
        ({"body": BODY | {"senderKey": ""}}, -2001),
        ({"body": BODY | {"senderKey": "other"}}, -2017),
        ({"body": BODY | {"templateCode": "other"}}, 4),
        ({"body": BODY | {"recipientList": []}}, -2001),
        ({"Content_Type": "text/plain"}, 4),
    ],
)
def test_the_stand_in_refuses_what_the_real_one_refuses(server: KakaoServer, change: Any, code: int) -> None:
    assert post(server, **change)["header"]["resultCode"] == code
    assert server.calls[0].alimtalks == []


def test_the_stand_in_refuses_a_second_message_with_the_same_key(server: KakaoServer) -> None:
    codes = [post(server, X_NC_API_IDEMPOTENCY_KEY=key)["header"]["resultCode"] for key in ("a", "a", "b")]
    assert codes == [0, -1005, 0]
    assert [len(call.alimtalks) for call in server.calls] == [1, 0, 1]


@pytest.mark.parametrize(
    "recipient",
    [
        {"recipientNo": "01012345678", "templateParameter": {"title": "no text, no url"}},
        {"recipientNo": "phone", "templateParameter": VALUES},
    ],
)
def test_one_recipient_can_fail_while_another_gets_the_message(server: KakaoServer, recipient: object) -> None:
    response = post(server, BODY | {"recipientList": [recipient, *BODY["recipientList"]]})
    assert [result["resultCode"] for result in response["message"]["sendResults"]] == [4, 0]
    assert len(server.calls[0].alimtalks) == 1
