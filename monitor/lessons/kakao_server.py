"""A stand-in for NHN Cloud's KakaoTalk Bizmessage API v2.3 with one app key, sender and template. It checks requests as
the documentation says, needs some seconds for each, and keeps what the phones would show."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from monitor.lessons.results import Alimtalk

APP_KEY, SECRET_KEY, SENDER_KEY, TEMPLATE_CODE = "lesson-app", "lesson-secret", "lesson-sender", "redheart"
SENDER = "레드하트"
TEXT, BUTTON, LINK = "#{text}.\n\n아래 버튼을 눌러 확인해 주세요.", "확인하기", "#{url}"  # the template
VARIABLE = re.compile(r"#\{(\w+)\}")
PATH = f"/alimtalk/v2.3/appkeys/{APP_KEY}/messages"
INVALID = 4  # "parameter validation failed": the message says which


class Call(NamedTuple):
    """One request that was accepted or refused, from when to when in seconds since 1970."""

    headers: dict[str, str]
    body: dict[str, Any]
    response: dict[str, Any]
    started: float
    ended: float
    alimtalks: list[Alimtalk]


class Refused(Exception):
    """The request is refused with this result code and message. The status is 200, as in the real API."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class KakaoServer(ThreadingHTTPServer):
    """``with KakaoServer() as server``: serves a free port of this machine in threads of this process."""

    daemon_threads = True

    def __init__(self, seconds: float = 2) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seconds, self.url = seconds, f"http://127.0.0.1:{self.server_port}"
        self.calls: list[Call] = []
        self.keys: set[str] = set()  # idempotency keys; the real ones are kept for ten minutes
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_close(self) -> None:
        self.shutdown()
        super().server_close()

    def check(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        """Raises `Refused`."""
        if path != PATH:
            raise Refused(-1000, "Invalid appKey.")
        if headers.get("x-secret-key") != SECRET_KEY:
            raise Refused(-1001, "Invalid secretKey.")
        if not headers.get("content-type", "").startswith("application/json"):
            raise Refused(INVALID, "The Content-Type must be application/json.")
        for field in ("senderKey", "templateCode", "recipientList"):
            if not body.get(field):
                raise Refused(-2001, f"The '{field}' must not be blank.")
        if body["senderKey"] != SENDER_KEY:
            raise Refused(-2017, "Not exist plus friend.")
        if body["templateCode"] != TEMPLATE_CODE:
            raise Refused(INVALID, "The template does not exist.")
        self._check_key(headers.get("x-nc-api-idempotency-key", ""))

    def _check_key(self, key: str) -> None:
        """Each key once. A request may have none."""
        with self.lock:
            if key and key in self.keys:
                raise Refused(-1005, "The same 'X-NC-API-IDEMPOTENCY-KEY' was used within the last 10 minute.")
            self.keys.add(key)


class Handler(BaseHTTPRequestHandler):
    server: KakaoServer

    def do_POST(self) -> None:
        started = time.time()
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(self.rfile.read(int(headers.get("content-length", 0))) or b"{}")
        alimtalks: list[Alimtalk] = []
        try:
            self.server.check(self.path, headers, body)
            time.sleep(self.server.seconds)
            results = [deliver(number, to, alimtalks) for number, to in enumerate(body["recipientList"], 1)]
            response = {"header": header(), "message": {"requestId": str(time.time_ns()), "sendResults": results}}
        except Refused as error:
            response = {"header": header(error.code, error.message)}
        self.server.calls.append(Call(headers, body, response, started, time.time(), alimtalks))
        self._respond(response)

    def _respond(self, response: dict[str, Any]) -> None:
        content = json.dumps(response, ensure_ascii=False).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


def header(code: int = 0, message: str = "SUCCESS") -> dict[str, Any]:
    return {"resultCode": code, "resultMessage": message, "isSuccessful": code == 0}


def deliver(number: int, recipient: dict[str, Any], alimtalks: list[Alimtalk]) -> dict[str, Any]:
    """Fills in the template for one recipient. Returns its result: the template needs a value for each variable."""
    values, to = recipient.get("templateParameter") or {}, str(recipient.get("recipientNo", ""))
    result = {"recipientSeq": number, "recipientNo": to}
    if not re.fullmatch(r"\+?[0-9]{8,14}", to):
        return result | {"resultCode": INVALID, "resultMessage": "The recipientNo is invalid."}
    if missing := sorted({*VARIABLE.findall(TEXT + LINK)} - values.keys()):
        return result | {"resultCode": INVALID, "resultMessage": f"No value for {', '.join(missing)}."}
    filled = {part: VARIABLE.sub(lambda found: str(values[found[1]]), part) for part in (TEXT, LINK)}
    alimtalks.append(Alimtalk(SENDER, to, filled[TEXT], BUTTON, filled[LINK]))
    return result | {"resultCode": 0, "resultMessage": ""}
