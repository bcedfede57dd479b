"""HTTP goes to the like endpoint and then to Django; the one websocket goes to the live consumer."""

import gc
import os
from collections.abc import Awaitable, Callable
from typing import Any

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from likes.asgi import LikeEndpoint  # noqa: E402  (models can be imported only after Django is set up)
from live import caps  # noqa: E402
from live.consumer import live  # noqa: E402
from project.handler import Handler  # noqa: E402

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def at_the_root(app: App) -> App:
    """Serves the site at the root of its host alone. daphne takes the root path from a header that anybody can send;
    Django would cut it off the path of the request and put it into its own links."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scope["root_path"] = ""
        await app(scope, receive, send)

    return serve


application = at_the_root(ProtocolTypeRouter({"http": LikeEndpoint(Handler()), "websocket": live}))

caps.raise_file_limit()

# What is loaded now stays, and so do open pages. Full collections would walk through all of it again and again, for ten
# milliseconds and more with thousands of pages.
gc.freeze()
gc.set_threshold(20_000, 20, 100)
