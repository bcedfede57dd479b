"""The body of a webhook in docs/integrations.md has the fields of the real one."""

from __future__ import annotations

import json
import re

from notifications.models import Notification
from notifications.sending.fan_out import content
from tests.live import ROOT


def test_the_example_of_a_webhook_has_the_fields_of_a_real_one() -> None:
    text = (ROOT / "docs/integrations.md").read_text()
    [example] = re.findall(r'^    (\{"type".*?\}\})$', text, re.M | re.S)
    body = json.loads(example)
    real = content(Notification(type="liked", subject="post.12", count=3))
    assert list(body["data"]) == list(real)
    assert body["type"] == body["data"]["type"] == real["type"]
