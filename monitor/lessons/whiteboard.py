"""Tasks wait in the broker while the worker is away, as on the whiteboard of a call centre, and are then taken one by
one."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitor.lessons import tasks
from monitor.lessons.registry import Report
from monitor.lessons.results import Columns, Result, Table, Text
from monitor.lessons.workers import Run

TITLE = _("The broker as a whiteboard")
QUESTION = _("Where are the tasks while no worker runs?")
WHY = _(
    "The broker is the whiteboard of the call centre: whoever takes the call writes the request down and takes the "
    "next call; whoever works on requests takes them from the board, in order. Nobody had to wait, and nothing was "
    "lost, while no worker was there. What is written down is a message: the name of the task, its arguments and its "
    "id. A worker takes it from the board before it works on it. With task_acks_late it stays in a second list, of "
    "messages that are not acknowledged, until the task has ended, so that it comes back if the worker dies."
)

REQUESTS = ("refund", "delivery", "restock A", "invoice", "restock B", "address")
SECONDS = 0.5  # for each
SAMPLE_INTERVAL = 0.02  # seconds


def run(report: Report) -> Result:
    with Run(settings={"task_acks_late": True}) as lesson:
        queue, work = lesson.queue("board"), lesson.task(tasks.work)
        report(Text(gettext_noop("Enqueuing %(count)d tasks while no worker runs…"), {"count": len(REQUESTS)}))
        for request in REQUESTS:
            work.apply_async([request, SECONDS], queue=queue)
        waiting = lesson.depth(queue)
        messages = [json.loads(text) for text in lesson.redis().lrange(queue, 0, -1)[::-1]] if lesson.on_redis else []
        report(Text(gettext_noop("%(count)d tasks wait in the broker. Starting a worker…"), {"count": waiting}))
        with lesson.worker("worker", [queue]):
            depths = sample(lesson, queue, waiting)
            lesson.wait_for(lambda events: sum(e["event"] == "ended" for e in events) == len(REQUESTS), 20)
    return result(waiting, depths, messages)


def sample(lesson: Run, queue: str, depth: int) -> list[tuple[float, int]]:
    """Each change of the depth, with the seconds since the worker came, until nothing waits."""
    began, depths = time.monotonic(), [(0.0, depth)]
    while depth and time.monotonic() < began + 20:
        if (now := lesson.depth(queue)) != depth:
            depth = now
            depths.append((time.monotonic() - began, depth))
        time.sleep(SAMPLE_INTERVAL)
    return depths


def result(waiting: int, depths: list[tuple[float, int]], messages: list[dict[str, Any]]) -> Result:
    board = Table(
        Text(gettext_noop("What was on the board, the oldest first")),
        [Text(gettext_noop("Arguments")), Text(gettext_noop("Task")), Text(gettext_noop("Id"))],
        [[m["headers"]["argsrepr"], m["headers"]["task"], m["headers"]["id"][:8]] for m in messages],
    )
    unreadable = Table(
        Text(gettext_noop("What was on the board")),
        [Text(gettext_noop("Messages"))],
        [[str(waiting)], [Text(gettext_noop("RabbitMQ shows how many there are, but not what they say."))]],
    )
    return Result(
        figure=Text(
            gettext_noop("%(count)d tasks waited; the worker took them one by one, the last after %(seconds).1f s."),
            {"count": waiting, "seconds": depths[-1][0]},
        ),
        columns=[
            Columns(
                Text(gettext_noop("Messages on the board, by seconds since the worker came")),
                "",
                [(f"{seconds:.2f} s", depth) for seconds, depth in depths],
            )
        ],
        tables=[board if messages else unreadable],
        texts=[(Text(gettext_noop("The oldest message, as it is in Redis")), readable(messages[0]))]
        if messages
        else [],
    )


def readable(message: dict[str, Any]) -> str:
    """The message with its body decoded."""
    body = json.loads(base64.b64decode(message["body"]))
    return json.dumps(message | {"body": body}, indent=2, ensure_ascii=False)
