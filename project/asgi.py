"""HTTP goes to the like door and then to Django; the one websocket goes to the live consumer."""

import gc
import os

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from likes.door import Door  # noqa: E402  (models can be imported only after Django is set up)
from notifications.consumer import live  # noqa: E402
from project.handler import Handler  # noqa: E402

application = ProtocolTypeRouter({"http": Door(Handler()), "websocket": live})

# What is loaded now stays, and so do open pages. Full collections would walk through all of it again and again, for ten
# milliseconds and more with thousands of pages.
gc.freeze()
gc.set_threshold(20_000, 20, 100)
