"""The processes of bench/broadcast.py: ``<groups> web <number> <of how many>`` and ``<groups> sender <batch>``.

Each prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402

from bench.broadcast import LIKES, PAGE, TOPICS  # noqa: E402
from live import groups, topics  # noqa: E402
from live import hub as hub_module  # noqa: E402
from live.broadcast import broadcast  # noqa: E402
from live.hub import Hub  # noqa: E402
from live.sockets import Socket  # noqa: E402
from live.topics import Event, event, personal_topic  # noqa: E402

JOURNEY = {"liked": True, "journey": {"id": "x" * 30, "task": "x" * 36, "times": [1.5] * 5}}  # about as long as ours


def likes() -> list[list[Event]]:
    """The events of each like, the same in every process."""
    chosen, versions = random.Random(1), [0] * TOPICS
    made = []
    for number in range(LIKES):
        post = chosen.randrange(TOPICS)
        versions[post] += 1
        topic = f"bench.{post}"
        saved = event(personal_topic(f"v{number}"), 1, JOURNEY, name=f"like.{post}", via=topic)
        made.append([event(topic, versions[post], {"count": versions[post]}), saved])
    return made


def send(batch: int) -> None:
    made = likes()
    broadcast([event("bench.0", 0, {})])  # opens the connection
    began = time.process_time()
    for start in range(0, LIKES, batch):
        broadcast([each for events in made[start : start + batch] for each in events])
    print(json.dumps({"cpu": time.process_time() - began}))


async def web(number: int, webs: int) -> None:
    counted = {"bytes": 0, "messages": 0}
    hub_module.RESYNC = 3600.0
    topics.declare("bench", snapshot=lambda keys: [event(f"bench.{key}", 0, {}) for key in keys])
    layer = get_channel_layer()
    deserialize = layer.deserialize

    def count(data: bytes) -> Any:
        counted["bytes"] += len(data)
        counted["messages"] += 1
        return deserialize(data)

    layer.deserialize = count
    hub = Hub()
    watched = [f"bench.{post}" for post in range(number, TOPICS, webs)]

    async def ignore(message: dict[str, Any]) -> None:
        pass

    for start in range(0, len(watched), PAGE):
        await hub.join(Socket(ignore, tuple(watched[start : start + PAGE])))
    print("ready", flush=True)
    counted.update(bytes=0, messages=0)
    began = time.process_time()
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.sleep(1)  # for what is still on its way
    cpu = time.process_time() - began
    newest = {events[0].topic: events[0].version for events in likes()}
    missed = sum(hub.state.topics[topic][topic][0] < newest.get(topic, 0) for topic in watched)
    print(json.dumps({"cpu": cpu, "missed": missed, **counted}))


if __name__ == "__main__":
    groups.GROUPS = int(sys.argv[1])
    if sys.argv[2] == "web":
        asyncio.run(web(int(sys.argv[3]), int(sys.argv[4])))
    else:
        send(int(sys.argv[3]))
