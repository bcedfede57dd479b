from __future__ import annotations

import gzip

from bench.http import request
from bench.measure import Bench, Cpu, Numbers, milliseconds

VIEWS, WARM = 200, 20


async def page(bench: Bench) -> Numbers:
    """The feed of 20 posts, 200 times, one after the other, by a visitor with a cookie."""
    path = bench.system.feed
    if not path:
        return {}
    headers = {**bench.visitors[0].headers, "Accept-Encoding": "gzip"}
    raw = request("GET", path, bench.system.port, headers)
    connection = bench.connection()
    for _ in range(WARM):
        response = await connection.send(raw)
    times = []
    with Cpu(bench.servers) as cpu:
        for _ in range(VIEWS):
            response = await connection.send(raw)
            assert response.status == 200, response
            times.append(response.received - response.sent)
    connection.close()
    return {
        **milliseconds("whole answer", times),
        "cpu of a view ms": round(cpu.total / VIEWS * 1000, 2),
        "kB": round(len(gzip.decompress(response.body)) / 1000, 1),
        "kB compressed": round(len(response.body) / 1000, 1),
    }
