"""The ASGI application: HTTP goes to the like endpoints and from there to Django, websockets to the live consumer."""

import gc
import os
import sys
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from core.migrating import wait_until_migrated  # noqa: E402  (models can be imported only after Django is set up)
from core.processes import Reporter  # noqa: E402
from embed import sockets  # noqa: E402
from embed.asgi import EmbedEndpoint  # noqa: E402
from likes.asgi import App, LikeEndpoint  # noqa: E402
from live import caps  # noqa: E402
from live.consumer import live  # noqa: E402
from project import env, proxies, web_connections  # noqa: E402
from project.handler import Handler  # noqa: E402

if env.is_web_process(sys.argv):  # and not a test
    web_connections.keep()
    wait_until_migrated()

apps: dict[str, App] = {"http": EmbedEndpoint(LikeEndpoint(Handler())), "websocket": live}
embedded = partial(live, identify=sockets.identify)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Ignores the root path, which daphne takes from a header that anybody can send: Django would remove it from the
    path of the request and prepend it to links. (Channels' `ProtocolTypeRouter` would be one more frame on the stack of
    each open socket.)"""
    scope["root_path"] = ""
    proxies.apply(scope)
    app = embedded if scope["type"] == "websocket" and scope["path"] == sockets.PATH else apps[scope["type"]]
    await app(scope, receive, send)


caps.raise_file_limit()
if env.is_web_process(sys.argv):
    Reporter("web", lambda: {"sockets": caps.open_sockets["process"]}).start()

# Loaded modules and open sockets live long. With thousands of sockets a full garbage collection takes ten milliseconds
# and more, so full collections are made rare.
gc.freeze()
gc.set_threshold(20_000, 20, 100)
